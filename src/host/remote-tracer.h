/* SPDX-License-Identifier: MIT */
/*
 * The stop: one thread is seized, looked at, set on prepared code and let go.
 *
 * A helper process does it that shares our memory and for which we wait
 * (clone(2), CLONE_VM | CLONE_VFORK), because ptrace(2) has effects that a
 * library must not have on its host program: stops to be waited for, SIGCHLD,
 * and no way to give up on a thread that never stops but the end of its
 * tracer.  The helper's end, for whatever reason, lets the thread go; should
 * this process be killed, the helper finishes alone.
 */
#ifndef HOST_REMOTE_TRACER_H
#define HOST_REMOTE_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "remote-arch.h"

/* Where a stop got to: the step that failed, or the one before which time ran out. */
enum tracer_step {
	TRACER_SEIZE,	/* PTRACE_SEIZE */
	TRACER_WAIT,	/* until the thread has stopped */
	TRACER_INSPECT, /* registers, restartable sequence, seccomp */
	TRACER_WRITE,	/* the code into the target's memory */
	TRACER_COMMIT,	/* from here on the thread may run the code */
	TRACER_DONE,
};

/* Why a stopped thread was let go unchanged; results of tracer_run beside -errno of a step. */
enum {
	TRACER_SIGNALLED = 1, /* it is stopped (job control), and signals wait for it */
	TRACER_NOT_NATIVE,    /* it runs 32-bit code */
	TRACER_STRICT,	      /* it is under seccomp's strict mode */
	TRACER_DENIED,	      /* a seccomp filter would not let a call pass: see denied_* */
	TRACER_FILTER_HIDDEN, /* its seccomp filters cannot be read */
	TRACER_DIVERTED,      /* its system calls are diverted (syscall user dispatch) */
	TRACER_OTHER_MEMORY,  /* it has exec'd: its memory is not the one that mem names */
};

struct tracer_job {
	pid_t tid;
	int mem;  /* /proc/PID/mem, writable */
	int task; /* /proc/PID/task/TID */
	uint64_t timeout_ns;

	/* What to run: the boot if mappings is set, else calls. */
	const struct arch_mappings *mappings;
	const struct arch_call *calls; /* as they are in the target's table */
	uint64_t table_address, done_address;
	uint64_t armed_address; /* 1 is stored there before the commit */
	size_t nr_calls;
	uint64_t code_address; /* where the code goes */
	size_t code_bytes;     /* the room there */

	/* Filled in. */
	uint64_t denied_number;	 /* with TRACER_DENIED: the system call, */
	uint32_t denied_verdict; /* and what the filter says to it (SECCOMP_RET_*) */
	volatile enum tracer_step step;
	volatile int result;
	volatile uint64_t stop_ns; /* from the request to stop until the release */
};

/* Bytes of stack that tracer_run needs. */
#define TRACER_STACK_BYTES (128 * 1024)

/*
 * Runs the job with the given stack (its lowest address).  Returns 0: the
 * thread is on its way through the code; a TRACER_* reason or -errno: it was
 * let go unchanged, unless job->step is TRACER_COMMIT, which means that it
 * cannot be known; -ETIMEDOUT: it did not stop in time and is as it was.
 */
int tracer_run(struct tracer_job *job, void *stack);

#endif
