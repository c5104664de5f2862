/* SPDX-License-Identifier: MIT */
/*
 * The gate between the vCPUs, which count, and the control thread, which reads
 * and clears what was counted.
 *
 * A vCPU enters before it touches anything that is shared and leaves after;
 * that costs it two plain stores and one load, no locked instruction.  The
 * control thread pays instead: gate_pause() shuts the gate, makes every thread
 * of the process pass a memory barrier (membarrier(2)), and waits until each
 * vCPU has left.  Between gate_pause() and gate_resume() the control thread is
 * alone: every access of the guest is counted either before or after.
 */
#ifndef LAB_PLUGIN_GATE_H
#define LAB_PLUGIN_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define VCPUS_MAX 256

enum gate {
	GATE_CLOSED, /* accesses are not counted; task switches are still followed */
	GATE_OPEN,   /* accesses are counted */
	GATE_PROBE,  /* accesses to the probed range are written down one by one */
	GATE_PAUSED, /* nobody may pass; held only by the control thread */
};

/* One per vCPU, written by it alone. */
struct gate_lane {
	_Alignas(64) atomic_uint busy;
};

extern struct gate_lane gate_lanes[VCPUS_MAX];
extern _Atomic(enum gate) gate_state;

/* Sleeps until the gate is no longer paused. */
void gate_wait(void);

/* To be called once, before any vCPU runs.  0 or a negative errno: this kernel has no
 * expedited membarrier(2). */
int gate_set_up(void);

/* Returns with every vCPU outside; the control thread only, not nested. */
void gate_pause(void);

/* Ends a pause; next is what the gate is from now on, not GATE_PAUSED. */
void gate_resume(enum gate next);

/* The state to go back to after a pause; the control thread only. */
enum gate gate_before_pause(void);

static inline void gate_leave(unsigned int vcpu)
{
	atomic_store_explicit(&gate_lanes[vcpu].busy, 0, memory_order_release);
}

/* Waits out a pause; returns the state, never GATE_PAUSED.  gate_leave() must follow. */
static inline enum gate gate_enter(unsigned int vcpu)
{
	for (;;) {
		enum gate state;

		atomic_store_explicit(&gate_lanes[vcpu].busy, 1, memory_order_relaxed);
		/* The processor's barrier is the one that membarrier(2) sends. */
		atomic_signal_fence(memory_order_seq_cst);
		state = atomic_load_explicit(&gate_state, memory_order_acquire);
		if (__builtin_expect(state != GATE_PAUSED, true))
			return state;
		gate_leave(vcpu);
		gate_wait();
	}
}

#endif
