/* SPDX-License-Identifier: MIT */
/*
 * A child process to try remote calls on: sleeping threads and a range of
 * memory.  It dies with its parent.
 */
#ifndef TEST_CHILD_H
#define TEST_CHILD_H

#include <stddef.h>
#include <sys/types.h>

#define CHILD_MAX_THREADS 8
#define CHILD_RANGE_PAGES 64

struct child {
	pid_t pid;
	int pidfd;
	char *range; /* CHILD_RANGE_PAGES private pages, mapped here and there at one address */
	pid_t tids[CHILD_MAX_THREADS];
	size_t nr_threads;
};

/* Starts it with nr_threads threads, the leader included.  Fails the test where it cannot. */
void child_start(struct child *child, size_t nr_threads);
void child_stop(struct child *child);

/* A pidfd of one of its threads; skips the test before Linux 6.9. */
int child_thread_pidfd(const struct child *child, size_t index);

#endif
