/* SPDX-License-Identifier: MIT */
/*
 * kill-at-step VICTIM STEP PROGRAM [ARGUMENT...]: runs a controller and kills
 * at its STEP-th system-call stop (each call has two: before it and after it).
 *
 * The program stops itself (SIGSTOP) where the counting is to begin.  VICTIM is
 *   controller   the program alone is killed; its own and its helpers' stops count
 *   helper       the tracer that it makes by clone(2) (host/remote-tracer.h);
 *                only helpers' stops count
 *   both         both, at helpers' stops
 * With STEP 0 nothing is killed and the number of stops is printed.
 *
 * Exit status: 0 killed; 3: it ended before that step; 1: it does not end, or
 * could not be traced; 2: wrong usage.  Who survives is let go and runs to its
 * end before this ends.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S 60

enum victim { CONTROLLER, HELPER, BOTH };

struct run {
	enum victim victim;
	long step, steps; /* to kill at, seen */
	pid_t controller;
	pid_t helper;	/* 0: none */
	bool counting;	/* the program has said where to begin */
	bool over;	/* the kill is done: who is left goes free */
	bool ended;	/* the controller has */
	bool is_killed; /* somebody was */
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "kill-at-step: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static void give_up(int signal)
{
	static const char text[] = "kill-at-step: it does not end\n";

	(void)signal;
	/* Nothing else can be done about a write that fails here. */
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(1);
	_exit(1);
}

static pid_t start(char *const argv[])
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		die("trace");
	execv(argv[0], argv);
	die(argv[0]);
}

/* Whether this stop, of pid, is the one to kill at. */
static bool is_the_step(struct run *run, pid_t pid)
{
	if (!run->counting || (run->victim != CONTROLLER && pid != run->helper))
		return false;
	return ++run->steps == run->step;
}

static void kill_victim(struct run *run)
{
	if (run->victim != HELPER)
		kill(run->controller, SIGKILL);
	if (run->victim != CONTROLLER)
		kill(run->helper, SIGKILL);
	run->over = run->is_killed = true;
}

static void go_on(struct run *run, pid_t pid, int signal)
{
	if (!run->counting)
		ptrace(PTRACE_CONT, pid, NULL, signal);
	else if (run->over)
		ptrace(PTRACE_DETACH, pid, NULL, signal);
	else
		ptrace(PTRACE_SYSCALL, pid, NULL, signal);
}

/* A stop that is none of a system call: the beginning, a helper's birth, signals. */
static int judge_signal(struct run *run, pid_t pid, int status)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORK;
	int signal = WSTOPSIG(status);

	if (status >> 16)
		return 0; /* the helper announces itself by a stop of its own */
	if (pid != run->controller)
		return signal == SIGSTOP ? 0 : signal;
	if (signal == SIGSTOP && !run->counting) {
		run->counting = true;
		return 0;
	}
	if (signal == SIGTRAP && !run->counting) {
		if (ptrace(PTRACE_SETOPTIONS, pid, NULL, options) < 0)
			die("trace");
		return 0;
	}
	return signal;
}

static void take(struct run *run, pid_t pid, int status)
{
	int signal = 0;

	if (!WIFSTOPPED(status)) {
		if (pid == run->controller)
			run->ended = true;
		if (pid == run->helper)
			run->helper = 0;
		return;
	}
	if (pid != run->controller)
		run->helper = pid;
	if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
		if (!run->over && is_the_step(run, pid))
			kill_victim(run);
	} else {
		signal = judge_signal(run, pid, status);
	}
	/* Fails if that one has just been killed. */
	go_on(run, pid, signal);
}

static bool read_victim(const char *word, enum victim *ret_victim)
{
	static const char *const words[] = { "controller", "helper", "both" };

	for (int i = 0; i < 3; i++)
		if (!strcmp(word, words[i])) {
			*ret_victim = (enum victim)i;
			return true;
		}
	return false;
}

int main(int argc, char *argv[])
{
	struct run run = { 0 };
	char *end = NULL;
	int status;
	pid_t pid;

	if (argc >= 4)
		run.step = strtol(argv[2], &end, 10);
	if (!end || *end || run.step < 0 || !read_victim(argv[1], &run.victim)) {
		fprintf(stderr, "Usage: kill-at-step controller|helper|both STEP PROGRAM "
				"[ARGUMENT...]\n");
		return 2;
	}
	/* Helpers whose controller has died are ours to wait for. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGALRM, give_up);
	alarm(PATIENCE_S);
	run.controller = start(argv + 3);
	while ((pid = waitpid(-1, &status, __WALL)) > 0)
		take(&run, pid, status);
	if (run.step == 0)
		printf("%ld\n", run.steps);
	if (!run.ended || !run.counting)
		return 1;
	return run.is_killed || run.step == 0 ? 0 : 3;
}
