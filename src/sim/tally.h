/* SPDX-License-Identifier: MIT */
/* What a simulated machine counts: in all, and as a time line. */
#ifndef SIM_TALLY_H
#define SIM_TALLY_H

#include <stdint.h>

#include "memory.h"

enum move_reason {
	MOVE_PROMOTION, /* hot, to faster memory */
	MOVE_DEMOTION,	/* cold, to slower memory */
	MOVE_BALANCE,	/* to where its tasks run */
	NR_MOVE_REASONS,
};

extern const char *const move_reason_names[NR_MOVE_REASONS];

/* Counts since the start; all but ever grow, so that differences tell intervals. */
struct tally {
	uint64_t reads[MEMORY_MAX_NODES]; /* by the node that was read or written */
	uint64_t writes[MEMORY_MAX_NODES];
	uint64_t local;	    /* accesses to the accessing CPU's own node */
	uint64_t access_ps; /* what threads waited for memory, faults not counted */
	uint64_t thread_ps; /* what threads ran in all */
	uint64_t moved_pages[NR_MOVE_REASONS];
	uint64_t failed_pages;	/* moves that found no room */
	uint64_t bounced_pages; /* ping-pong: moved back within PING_PONG_NS */
	uint64_t faults;	/* first touches */
	uint64_t hint_faults;
	uint64_t swapped_out, swapped_in; /* pages */
	uint64_t kswapd_ps;		  /* CPU time of reclaim in the background */
	uint64_t manager_ps;		  /* CPU time of the policy's own thread */
	uint64_t stalled_ps; /* CPU time taken from threads: faults, moves on the way */
};

static inline uint64_t tally_accesses(const struct tally *tally, int node)
{
	return tally->reads[node] + tally->writes[node];
}

#endif
