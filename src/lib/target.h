/* SPDX-License-Identifier: MIT */
/*
 * Whom a call is about: from a pidfd, or any of its threads' ids, to a process
 * that can be named in errors.
 */
#ifndef LIB_TARGET_H
#define LIB_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "policy.h"
#include "process.h"

struct target {
	int pidfd; /* the caller's */
	int root;  /* descriptor of "/"; close it with target_close */
	struct process_thread leader;
	pid_t tid; /* the one thread that is meant, or 0: the process */
};

/*
 * What the pidfd means.  Close it with target_close.
 * Errors: -EBADF, -ESRCH, -EOPNOTSUPP (a kernel thread), -EBADMSG, -ENOMEM.
 */
int target_open(int pidfd, struct target *ret, struct mpol_error *err);
void target_close(struct target *target);

/*
 * 0, or -ESRCH once the process or thread has ended.  The answer covers what
 * was done by number before: while the pidfd lives, no other has its number.
 */
int target_check_alive(const struct target *target, struct mpol_error *err);

/* Whether every thread that is meant is the calling one. */
bool target_is_caller(const struct target *target);

/* Whether the target is the calling process, or a thread of it. */
bool target_is_own_process(const struct target *target);

/*
 * The leader of the process that any belongs to.
 * Errors: -ESRCH, -EACCES, -EOPNOTSUPP (a kernel thread), -EBADMSG, -ENOMEM.
 */
int target_find_leader(int root, pid_t any, struct process_thread *ret_leader,
		       struct mpol_error *err);

/*
 * process_read_vmas as the leader sees them or, where it has ended, the first
 * living thread; *ret_viewer is which.  Free the table with vma_table_free.
 */
int target_read_vmas(int root, const struct process_thread *leader, pid_t *ret_viewer,
		     struct vma_table *ret_table, struct mpol_error *err);

/*
 * Fills err for code from step on the process, with a cause in words for what
 * reading /proc answers.  Returns code.
 */
int target_error(struct mpol_error *err, int code, const char *step,
		 const struct process_thread *leader);

#endif
