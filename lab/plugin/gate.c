/* SPDX-License-Identifier: MIT */
/* The slow half of the gate: pausing and waiting.  See gate.h for the rules. */
#include "gate.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

struct gate_lane gate_lanes[VCPUS_MAX];
_Atomic(enum gate) gate_state = GATE_CLOSED;

static enum gate before_pause = GATE_CLOSED;

int gate_set_up(void)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) < 0)
		return -errno;
	return 0;
}

void gate_wait(void)
{
	/* A pause lasts microseconds: the control thread moves pointers, it does no I/O. */
	while (atomic_load_explicit(&gate_state, memory_order_acquire) == GATE_PAUSED)
		sched_yield();
}

void gate_pause(void)
{
	before_pause = atomic_load_explicit(&gate_state, memory_order_relaxed);
	atomic_store_explicit(&gate_state, GATE_PAUSED, memory_order_relaxed);
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	for (unsigned int i = 0; i < VCPUS_MAX; i++) {
		while (atomic_load_explicit(&gate_lanes[i].busy, memory_order_acquire))
			sched_yield();
	}
}

void gate_resume(enum gate next)
{
	atomic_store_explicit(&gate_state, next, memory_order_release);
}

enum gate gate_before_pause(void)
{
	return before_pause;
}
