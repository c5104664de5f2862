/* SPDX-License-Identifier: MIT */
/*
 * Waits with a time limit that a stop breaks off (signal(7): epoll_wait(2),
 * sigtimedwait(2) and so on), and how much of their time is left.
 *
 * The kernel tells nobody when a thread went to sleep, but for the scheduler's
 * own notes (/proc/TID/sched): the clock of its CPU when it last ran.  So the
 * thread is looked at before the stop, and that clock is asked again after it.  On a machine whose
 * time stamp counters cannot be relied on, that clock falls behind the one that the wait goes by
 * whenever a tick is late (kernel/sched/clock.c), and then catches up: there a wait is rather taken
 * for shorter than it was.  It may last longer than asked for, and must not end before.
 *
 * Called in the helper of remote-tracer.c: no lock, no allocation.
 */
#ifndef HOST_REMOTE_WAIT_H
#define HOST_REMOTE_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "remote-arch.h"

/* What a thread was seen to sleep in, a moment before it was to be stopped. */
struct wait_look {
	bool asleep; /* false: it was running, or in no system call */
	struct arch_wait wait;
	uint64_t stack; /* its stack pointer */
	/* Where the kernel tells (CONFIG_SCHED_DEBUG), else known is false. */
	bool known;
	int cpu;	     /* where it slept */
	uint64_t started_ns; /* by that CPU's clock */
	uint64_t switches;   /* how often it gave up its CPU by itself; being preempted is none */
	uint64_t looked_ns;  /* by CLOCK_MONOTONIC, while it slept */
	bool clocks_agree;   /* that one, and the CPU's */
};

/* task: /proc/PID/task/TID.  Never fails: what cannot be read is not known. */
void wait_look(int task, struct wait_look *ret_look);

/*
 * How long the wait that a stop has just broken off had lasted.  stack: the
 * stopped thread's stack pointer.  Returns false where that cannot be told.
 */
bool wait_elapsed(int task, const struct wait_look *look, const struct arch_wait *wait,
		  uint64_t stack, uint64_t *ret_elapsed_ns);

/* Parsers of /proc/TID/syscall and /proc/TID/sched; false if a thing is not in the text. */
bool wait_parse_syscall(const char *text, struct arch_wait *ret_wait, uint64_t *ret_stack);
bool wait_parse_sched(const char *text, uint64_t *ret_exec_start_ns, uint64_t *ret_switches);

/* Whether the scheduler's clock and CLOCK_MONOTONIC are one, where that is the kernel's clock
 * source (its sysfs file current_clocksource). */
bool wait_clocks_agree(const char *source);

#endif
