/* SPDX-License-Identifier: MIT */
/*
 * A process to be disturbed, that notices: threads that keep every general
 * and vector register, the flags and the red zone under watch, and threads
 * that block in system calls which must not be cut short.
 */
#ifndef TEST_REMOTE_TARGET_H
#define TEST_REMOTE_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

#define TARGET_MAX_THREADS 16

/* Shared with the target. */
struct target_state {
	volatile int nr_threads;
	volatile bool ready;
	struct {
		volatile pid_t tid;
		const char *volatile what;
		volatile long rounds;
		volatile long failures;
		volatile long interruptions; /* EINTR where signal(7) allows it after a stop */
	} threads[TARGET_MAX_THREADS];
};

struct target {
	pid_t pid;
	struct target_state *state;
};

/* Forks a target and waits until its threads are at work.  Exits the test on failure. */
struct target target_start(void);

/* The number of failures seen so far, printed to standard error. */
long target_failures(const struct target *target);

/* EINTR seen in calls that any stop may end so (epoll_wait): not a fault, but avoidable. */
long target_interruptions(const struct target *target);

/* Waits until every thread has come further by rounds; false after 10 seconds without. */
bool target_progresses(const struct target *target, long rounds);

/* True if no thread is stopped or traced. */
bool target_is_free(const struct target *target);

/* Kills it and returns true if it was alive until then. */
bool target_stop(struct target *target);

#endif
