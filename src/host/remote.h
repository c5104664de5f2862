/* SPDX-License-Identifier: MIT */
/*
 * Remote execution: making another process run system calls of its own.
 *
 * The target is stopped for microseconds per batch (PTRACE_SEIZE, INTERRUPT),
 * one word of the thread is changed (its instruction pointer), and it is let
 * go.  It then runs a few instructions that make the calls, restore every
 * register and jump back: should this process die at any moment, the target
 * finishes alone.  How and why: HACKING.md, "Remote execution".
 *
 * A session belongs to one thread of the caller.  Two sessions on one process,
 * also of different programs, exclude each other.
 */
#ifndef HOST_REMOTE_H
#define HOST_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

/* Most calls that one stop may carry. */
#define REMOTE_MAX_CALLS 256
/* Bytes of argument memory in the target for one batch. */
#define REMOTE_ARGUMENT_BYTES 4096

struct remote;

struct remote_call {
	long number;		    /* of the target's architecture, SYS_* */
	unsigned long args[6];	    /* pointers are the target's: see remote_batch.arguments */
	unsigned int argument_mask; /* bit i: args[i] is an offset into the batch's arguments */
	long result;		    /* the kernel's raw return value, -errno on failure */
};

/* What one thread is to run during one stop. */
struct remote_batch {
	struct remote_call *calls; /* run in order; results filled in */
	size_t nr_calls;	   /* 1 .. REMOTE_MAX_CALLS */
	const void *arguments;	   /* memory that the calls point into; copied to the target */
	size_t arguments_bytes;	   /* at most REMOTE_ARGUMENT_BYTES */
	void *arguments_after;	   /* NULL, or filled in: that memory as the calls left it */
	uint64_t stop_ns;	   /* filled in: from asking the thread to stop to its release */
	uint64_t away_ns;	   /* filled in: until the calls were seen to be done */
};

/*
 * Opens a session on the process that pid (any of its threads' ids) belongs to.
 * deadline_ns bounds each wait for a thread; 0: three seconds.
 * Errors: -ESRCH; -EPERM (may not trace it); -EOPNOTSUPP (kernel thread, 32-bit);
 * -EBUSY (another session does not end); -ENOMEM.
 */
int remote_open(pid_t pid, uint64_t deadline_ns, struct remote **ret_remote,
		struct mpol_error *err);
void remote_close(struct remote *remote);

/*
 * Has thread tid run the batch.  Returns 0 when all calls were made: each
 * call's own failure is in its result.
 * Errors: -ESRCH (the thread has ended, or the process has exec'd); -EPERM (may
 * not trace it, or it is traced already); -EBUSY (stopped, with signals pending); -ETIMEDOUT (does
 * not come out of the kernel: nothing was done and nothing is left behind);
 * -EOPNOTSUPP (32-bit code, under seccomp, kernel worker).
 */
int remote_run(struct remote *remote, pid_t tid, struct remote_batch *batch,
	       struct mpol_error *err);

/*
 * Whether two mappings of a process that follow each other are an arena that
 * sessions have left there: memory that is not the process's own business.
 */
bool remote_left(uint64_t start, uint64_t end, uint64_t next_start, uint64_t next_end);

#endif
