/* SPDX-License-Identifier: MIT */
/*
 * Which threads run in a quantum, and on which node's CPUs: Linux' fair
 * scheduler as far as memory has to do with it, about as of 2012.
 *
 * Assumed, openly, for nobody measured it:
 *   - A node's CPUs share one queue, and take turns fairly, a quantum each.
 *   - Threads run for a while and sleep for a while, both drawn evenly between
 *     nothing and twice the mean.  That alone makes nodes unequal.
 *   - Some CPU wakes a thread, any as likely as the other: a timer, a device, another
 *     program.  The thread goes to that CPU's node unless that would be busier than its own by
 *     half the imbalance that balancing tolerates (wake_affine in kernel/sched/fair.c).
 *   - A CPU without work takes a waiting thread from the node that has most
 *     of them (SD_BALANCE_NEWIDLE).
 *   - From time to time nodes are made equal if one is busier than another by more
 *     than the imbalance.  What waits longest is moved first.
 *
 * None of it looks at memory.  Threads may have a home, though, as Peter Zijlstra proposed in
 * 2012 (peer-home-node.c): they wake there, come back there, and are only taken
 * away where nodes would be out of balance, or a CPU without work, otherwise.
 *
 * Invariant: a thread that is neither asleep nor ended is in the queue of its node.
 * Threads are numbers, nodes are positions.
 */
#ifndef SIM_SCHEDULER_H
#define SIM_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

struct scheduler;

struct scheduler_config {
	uint64_t run_ns, sleep_ns;  /* means; run_ns 0: threads never sleep */
	uint64_t balance_ns;	    /* from one balancing of the nodes to the next */
	unsigned imbalance_percent; /* how busy one may be, of another one */
};

/*
 * SD_NODE_INIT of Linux 2.6 on x86-64: 125 percent, and every 8 ms, 32 times as rarely while
 * the CPU is busy.  Sleep is assumed: 20 ms after a second.
 */
extern const struct scheduler_config scheduler_defaults;

/*
 * Threads begin as ended; each begins to be with scheduler_start.
 * Returns 0; -EINVAL: no node has CPUs; -ENOMEM.
 */
int scheduler_new(const struct scheduler_config *config, const struct machine *machine,
		  unsigned nr_threads, uint64_t seed, struct scheduler **ret_scheduler);
void scheduler_free(struct scheduler *scheduler);

/* The thread is there, and waits for a CPU of the node.  bound: it never leaves that. */
void scheduler_start(struct scheduler *scheduler, unsigned thread, int node, bool bound);
void scheduler_end(struct scheduler *scheduler, unsigned thread);

/* Gives a thread a home (-1: none); it goes there by and by.  One that is bound takes no notice. */
void scheduler_set_home(struct scheduler *scheduler, unsigned thread, int node);

/* Ends a quantum, and chooses who runs in the next one, which is so long. */
void scheduler_next(struct scheduler *scheduler, uint64_t quantum_ns);

/* Whether a thread has a CPU in this quantum, on which node, and how long it had one so far. */
bool scheduler_runs(const struct scheduler *scheduler, unsigned thread);
int scheduler_node(const struct scheduler *scheduler, unsigned thread);
uint64_t scheduler_ran_ns(const struct scheduler *scheduler, unsigned thread);

/* CPUs of a node. */
unsigned scheduler_nr_cpus(const struct scheduler *scheduler, int node);

#endif
