/* SPDX-License-Identifier: MIT */
/*
 * Remote execution against the usual way: attach, set registers, step one
 * system call, restore, detach; and against the process calling by itself.
 * Arms take turns within each round; medians of the rounds are compared.
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "remote.h"

#define ROUNDS	    9
#define FEW_RANGES  64
#define MANY_RANGES 10000
#define PAGE_BYTES  4096UL

struct shared {
	volatile int request; /* ranges that the target is to bind by itself, 0: none */
	volatile double took_us;
	volatile double longest_us; /* that the target did not run since this was cleared */
	volatile unsigned long rounds;
};

static struct shared *shared;
static char *memory; /* MANY_RANGES pages with a gap after each; the target's too */

/* A system call instruction at a known address, also in the target, a fork of this process. */
void gadget(void);
__asm__(".text\n.type gadget, @function\ngadget: syscall; ret\n.size gadget, . - gadget\n");

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static void die(const char *what)
{
	fprintf(stderr, "bench remote: %s: %s\n", what, strerror(errno));
	exit(1);
}

static unsigned long node_0 = 1;

static void range(int number, unsigned long args[6])
{
	args[0] = (unsigned long)(memory + 2 * number * PAGE_BYTES);
	args[1] = PAGE_BYTES;
	args[2] = MPOL_BIND;
	args[3] = 0;
	args[4] = 65;
	args[5] = 0;
}

/* Busy watching the clock, but for binding ranges when asked. */
static void run_target(void)
{
	double last_us = now_us();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		double start_us = now_us();

		if (start_us - last_us > shared->longest_us)
			shared->longest_us = start_us - last_us;
		last_us = start_us;
		shared->rounds++;
		if (!shared->request)
			continue;
		for (int i = 0; i < shared->request; i++) {
			unsigned long a[6];

			range(i, a);
			if (syscall(SYS_mbind, a[0], a[1], a[2], &node_0, a[4], a[5]) < 0)
				_exit(1);
		}
		shared->took_us = now_us() - start_us;
		shared->request = 0;
	}
}

/* How long the target was away at the longest, as it saw it, since this was called last. */
static double longest_away_us(void)
{
	unsigned long rounds = shared->rounds;
	double longest_us;

	while (shared->rounds < rounds + 2)
		;
	longest_us = shared->longest_us;
	shared->longest_us = 0;
	return longest_us;
}

static void stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		die("wait");
}

/* One call the usual way.  Returns its result. */
static long call_naively(pid_t pid, long number, const unsigned long args[6])
{
	struct user_regs_struct before, regs;

	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACESYSGOOD) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		die("attach");
	stop(pid);
	ptrace(PTRACE_GETREGS, pid, NULL, &before);
	regs = before;
	regs.rip = (unsigned long)gadget;
	regs.rax = number;
	regs.orig_rax = -1;
	regs.rdi = args[0];
	regs.rsi = args[1];
	regs.rdx = args[2];
	regs.r10 = args[3];
	regs.r8 = args[4];
	regs.r9 = args[5];
	ptrace(PTRACE_SETREGS, pid, NULL, &regs);
	for (int i = 0; i < 2; i++) { /* to the entry, to the exit */
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
		stop(pid);
	}
	ptrace(PTRACE_GETREGS, pid, NULL, &regs);
	ptrace(PTRACE_SETREGS, pid, NULL, &before);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return (long)regs.rax;
}

/* nr_ranges mbind calls in batches.  *ret_longest_us: the longest that the target was away. */
static double bind_remotely(struct remote *remote, pid_t pid, int nr_ranges, double *ret_longest_us)
{
	struct mpol_error error;
	double start_us, took_us;

	longest_away_us();
	start_us = now_us();
	for (int i = 0; i < nr_ranges;) {
		struct remote_call calls[REMOTE_MAX_CALLS];
		struct remote_batch batch = {
			.calls = calls,
			.arguments = &node_0,
			.arguments_bytes = sizeof(node_0),
		};

		while (i < nr_ranges && batch.nr_calls < REMOTE_MAX_CALLS) {
			struct remote_call *call = &calls[batch.nr_calls++];

			*call = (struct remote_call) { .number = SYS_mbind,
						       .argument_mask = 1 << 3 };
			range(i++, call->args);
		}
		if (remote_run(remote, pid, &batch, &error) < 0) {
			fprintf(stderr, "%s: %s: %s\n", error.step, error.object, error.cause);
			exit(1);
		}
		for (size_t j = 0; j < batch.nr_calls; j++)
			if (calls[j].result < 0) {
				errno = (int)-calls[j].result;
				die("mbind");
			}
	}
	took_us = now_us() - start_us;
	*ret_longest_us = longest_away_us();
	return took_us;
}

static double call_once(struct remote *remote, pid_t pid)
{
	struct remote_call call = { .number = SYS_getpid };
	struct remote_batch batch = { .calls = &call, .nr_calls = 1 };
	struct mpol_error error;
	double start_us = now_us();

	if (remote_run(remote, pid, &batch, &error) < 0 || call.result != pid)
		die("call");
	return now_us() - start_us;
}

static double bind_by_itself(int nr_ranges)
{
	shared->request = nr_ranges;
	while (shared->request)
		usleep(100);
	return shared->took_us;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static void figure(const char *name, double value, const char *better, double goal, double peer,
		   const char *peer_name)
{
	printf("{\"name\": \"%s\", \"value\": %.3g, \"goal\": %g, \"better\": \"%s\", "
	       "\"peer\": %.3g, \"peer_name\": \"%s\"}\n",
	       name, value, goal, better, peer, peer_name);
}

enum arm {
	ONE,
	ONE_NAIVE,
	AWAY_NAIVE,
	FEW,
	FEW_NAIVE,
	FEW_AWAY,
	MANY,
	MANY_SELF,
	LONGEST,
	NR_ARMS
};

static void measure_calls(struct remote *remote, pid_t pid, double *ret_one, double *ret_naive,
			  double *ret_away)
{
	enum { CALLS = 101 };
	const unsigned long no_args[6] = { 0 };
	double one[CALLS], naive[CALLS], away_us[CALLS];

	for (int i = 0; i < CALLS; i++) {
		double start_us;

		one[i] = call_once(remote, pid);
		longest_away_us();
		start_us = now_us();
		if (call_naively(pid, SYS_getpid, no_args) != pid)
			die("call");
		naive[i] = now_us() - start_us;
		away_us[i] = longest_away_us();
	}
	*ret_one = median(one, CALLS);
	*ret_naive = median(naive, CALLS);
	*ret_away = median(away_us, CALLS);
}

static void measure_round(struct remote *remote, pid_t pid, double *values)
{
	double start_us;

	measure_calls(remote, pid, &values[ONE], &values[ONE_NAIVE], &values[AWAY_NAIVE]);
	values[FEW] = bind_remotely(remote, pid, FEW_RANGES, &values[FEW_AWAY]);
	start_us = now_us();
	for (int i = 0; i < FEW_RANGES; i++) {
		unsigned long args[6];

		range(i, args);
		args[3] = (unsigned long)&node_0;
		if (call_naively(pid, SYS_mbind, args) < 0)
			die("mbind");
	}
	values[FEW_NAIVE] = now_us() - start_us;
	values[MANY] = bind_remotely(remote, pid, MANY_RANGES, &values[LONGEST]);
	values[MANY_SELF] = bind_by_itself(MANY_RANGES);
}

static pid_t start_target(void)
{
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	memory = mmap(NULL, 2 * MANY_RANGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (shared == MAP_FAILED || memory == MAP_FAILED)
		die("mmap");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		run_target();
	return pid;
}

int main(void)
{
	double values[NR_ARMS][ROUNDS], round[NR_ARMS], v[NR_ARMS];
	struct remote *remote;
	struct mpol_error error;
	pid_t pid = start_target();

	fprintf(stderr, "remote: %d rounds of single calls, %d and %d mbind calls\n", ROUNDS,
		FEW_RANGES, MANY_RANGES);
	if (remote_open(pid, 0, &remote, &error) < 0) {
		fprintf(stderr, "%s: %s\n", error.step, error.cause);
		return 1;
	}
	bind_by_itself(MANY_RANGES); /* from now on every arm finds the ranges split */
	for (int i = 0; i < ROUNDS; i++) {
		measure_round(remote, pid, round);
		for (int j = 0; j < NR_ARMS; j++)
			values[j][i] = round[j];
	}
	for (int j = 0; j < NR_ARMS; j++)
		v[j] = median(values[j], ROUNDS);
	remote_close(remote);
	kill(pid, SIGKILL);

	fprintf(stderr,
		"remote: one call %.1f us, naively %.1f us; %d mbind %.0f us, naively %.0f us; "
		"%d mbind %.1f ms, by itself %.1f ms\n",
		v[ONE], v[ONE_NAIVE], FEW_RANGES, v[FEW], v[FEW_NAIVE], MANY_RANGES, v[MANY] / 1e3,
		v[MANY_SELF] / 1e3);
	figure("remote-one-call", v[ONE] / v[ONE_NAIVE], "less", 1, 1, "attach, call, detach");
	figure("remote-64-mbind", v[FEW_NAIVE] / v[FEW], "more", 10, 1, "an attach each");
	figure("remote-64-mbind-away", v[FEW_AWAY] / v[AWAY_NAIVE], "less", 2, 1, "one attach");
	figure("remote-10000-mbind", v[MANY] / v[MANY_SELF], "less", 2, 1, "the process itself");
	figure("remote-longest-away-ms", v[LONGEST] / 1e3, "less", 20, 0, "none");
	return 0;
}
