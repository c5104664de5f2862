/* SPDX-License-Identifier: MIT */
/*
 * What the C targets share: threads that do the same small thing again and
 * again and check what comes of it, and the words of subject.h.
 */
#ifndef TEST_KILL_WORKER_H
#define TEST_KILL_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker {
	void (*once)(struct worker *); /* a round: milliseconds at most, unless it blocks */
	uintptr_t number;	       /* the worker's own business */
	unsigned int rest_us;	       /* sleep between rounds, so that others get a CPU */
	size_t stack_bytes;	       /* 0: the usual */
	long rounds;		       /* the rest is worker.c's */
	pthread_t thread;
};

/* Runs each worker in a thread of its own until standard input ends; beats meanwhile. */
void workers_run(struct worker *workers, size_t nr);

/* Says that something is not as it must be. */
void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says how the call failed: errno. */
void call_failed(const char *call);

/* Says that a run is not possible, and ends it. */
_Noreturn void skip_target(const char *what_is_missing);

int64_t clock_ns(void);

/* Says it if a wait for limit_ns, begun at start_ns, is over too soon. */
void check_lasted(const char *call, int64_t start_ns, int64_t limit_ns);

#endif
