/* SPDX-License-Identifier: MIT */
/*
 * A target in a storm of signals: two interval timers and a thread that sends
 * a third to all others.  Handlers dirty what they may.  A call may end with
 * EINTR only if a handler ran in its thread meanwhile, and a handler that ran
 * must have been sent for.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

#define PERIOD_US 1000
#define WAIT_NS	  7000000
#define SLACK_NS  1000000 /* a timer may end so much later, and counts it as left */

static __thread volatile sig_atomic_t handled;
static int fed[2];
static _Atomic int sent, received;

static void handle(int signal, siginfo_t *info, void *context)
{
	volatile double dirt = (double)handled;
	char noise[256];
	int error = errno;

	(void)context;
	for (int i = 0; i < 20; i++)
		dirt = dirt * 1.5 + i;
	memset(noise, (int)dirt & 0xff, sizeof(noise));
	__asm__ volatile("" : : "r"(noise) : "memory");
	handled++;
	if (signal == SIGUSR1 && info->si_code == SI_TKILL)
		received++;
	errno = error;
}

/* Sums floating-point numbers, which handlers' dirt would show in. */
static void compute(struct worker *worker)
{
	double sum = 0;
	uint64_t check = 0, expected = 0;

	(void)worker;
	for (uint64_t i = 1; i <= 20000; i++)
		expected = expected * 31 + i;
	for (int i = 1; i <= 20000; i++) {
		sum += i * 0.5;
		check = check * 31 + (uint64_t)i;
		__asm__ volatile("" : "+x"(sum), "+r"(check));
	}
	if (sum != 100005000.0)
		wrong("the sum is %f", sum);
	if (check != expected)
		wrong("the check is %llx", (unsigned long long)check);
}

static void judge_interruption(const char *call, sig_atomic_t before)
{
	if (errno != EINTR || handled == before)
		call_failed(call);
}

/* Handlers are of the kind that lets reads go on (SA_RESTART). */
static void read_on(struct worker *worker)
{
	uint8_t byte;

	if (read(fed[0], &byte, 1) != 1)
		call_failed("read under SA_RESTART");
	else if (byte != (uint8_t)worker->number++)
		wrong("read: byte %d came instead of %d", byte, (uint8_t)(worker->number - 1));
}

static void feed(struct worker *worker)
{
	uint8_t byte = (uint8_t)worker->number;

	/* usleep is cut short by every signal. */
	usleep(PERIOD_US);
	if (write(fed[1], &byte, 1) == 1)
		worker->number++;
	else
		call_failed("write under SA_RESTART");
}

/* nanosleep ends at a handler, and says what was left; it is made again until it is over. */
static void sleep_on(struct worker *worker)
{
	struct timespec left = { .tv_nsec = WAIT_NS };
	int64_t start_ns = clock_ns();
	sig_atomic_t before = handled;

	(void)worker;
	while (nanosleep(&left, &left) < 0) {
		judge_interruption("nanosleep", before);
		if (left.tv_sec || left.tv_nsec > WAIT_NS + SLACK_NS)
			wrong("nanosleep: %lld.%09ld s were left of less", (long long)left.tv_sec,
			      left.tv_nsec);
		before = handled;
	}
	check_lasted("nanosleep with what was left", start_ns, WAIT_NS);
}

static void pause_once(struct worker *worker)
{
	sig_atomic_t before = handled;

	(void)worker;
	pause();
	judge_interruption("pause", before);
}

static struct worker workers[] = {
	{ compute }, { compute }, { compute }, { read_on }, { feed }, { sleep_on }, { pause_once },
};

#define NR_WORKERS (sizeof(workers) / sizeof(workers[0]))

static void *storm(void *unused)
{
	(void)unused;
	for (unsigned int i = 0;; i++) {
		struct worker *worker = &workers[i % NR_WORKERS];

		usleep(200);
		if (!__atomic_load_n(&worker->rounds, __ATOMIC_ACQUIRE) &&
		    worker->once != pause_once)
			continue;
		sent++;
		if (!worker->thread || pthread_kill(worker->thread, SIGUSR1))
			sent--;
		if (received > sent)
			wrong("%d signals arrived of %d", received, sent);
	}
	return NULL;
}

static void start_timers(void)
{
	struct itimerval every = { { 0, PERIOD_US }, { 0, PERIOD_US } };

	setitimer(ITIMER_REAL, &every, NULL);
	setitimer(ITIMER_PROF, &every, NULL);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART };
	pthread_t thread;

	if (pipe(fed) < 0)
		return 1;
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGPROF, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	if (pthread_create(&thread, NULL, storm, NULL))
		return 1;
	start_timers();
	workers_run(workers, NR_WORKERS);
	return 0;
}
