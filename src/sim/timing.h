/* SPDX-License-Identifier: MIT */
/*
 * What an access takes: the idle latency from the CPU's node, longer when the
 * memory is busy.
 *
 * Time goes in quanta.  What was drawn from a node in one decides what an access takes in
 * the next: by the node's loaded-latency curve up to its capacity for that mix
 * of reads and writes (policy/bandwidth.h); and where more is asked for than it can deliver,
 * as much longer as brings the threads, who wait for it, down to that.
 */
#ifndef SIM_TIMING_H
#define SIM_TIMING_H

#include <stdint.h>

#include "bandwidth.h"
#include "machine.h"
#include "memory.h"

struct timing {
	const struct machine *machine;
	struct bandwidth_node memory[MEMORY_MAX_NODES];
	uint64_t drawn_read_bytes[MEMORY_MAX_NODES]; /* in this quantum */
	uint64_t drawn_write_bytes[MEMORY_MAX_NODES];
	uint32_t load_permille[MEMORY_MAX_NODES];  /* of its capacity, smoothed over a few quanta */
	uint64_t queue_permille[MEMORY_MAX_NODES]; /* what waiting in front of a full node
						      multiplies */
	uint64_t idle_ps[MEMORY_MAX_NODES][MEMORY_MAX_NODES]; /* [CPU node][node] */
	uint64_t loaded_ps[MEMORY_MAX_NODES][MEMORY_MAX_NODES];
};

/*
 * Starts with idle memory.  Where the machine does not state a latency or bandwidth, those of
 * its kind and distance stand in (timing.c has them with their sources).
 */
void timing_start(struct timing *timing, const struct machine *machine);

/* Ends a quantum: what was drawn in it decides the next one's latencies. */
void timing_next(struct timing *timing, uint64_t quantum_ps);

#endif
