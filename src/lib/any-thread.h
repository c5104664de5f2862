/* SPDX-License-Identifier: MIT */
/*
 * Having a process make calls that any of its threads may make, since they
 * concern its memory: the first thread that can be stopped makes them.
 */
#ifndef LIB_ANY_THREAD_H
#define LIB_ANY_THREAD_H

#include <stddef.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "remote.h"
#include "target.h"

struct any_thread {
	struct remote *remote;
	pid_t *tids; /* those that may be able, the likeliest first */
	size_t nr_tids;
};

/*
 * Opens a session on the target.  only: no other thread will do; 0: any, a
 * sleeping one first, which misses nothing.  Close it with any_thread_close,
 * also after a failure.
 * Errors: -ESRCH (also: no thread runs user code any more), remote_open's, -ENOMEM.
 */
int any_thread_open(const struct target *target, pid_t only, struct any_thread *ret,
		    struct mpol_error *err);
void any_thread_close(struct any_thread *any);

/*
 * remote_run on the first thread that can; those that cannot are not asked
 * again.  Returns 0, or why the last one could not.
 */
int any_thread_run(struct any_thread *any, struct remote_batch *batch, struct mpol_error *err);

#endif
