/* SPDX-License-Identifier: MIT */
/* What an outcome says, in the figures by which policies are compared. */
#ifndef SIM_MEASURES_H
#define SIM_MEASURES_H

#include <stdint.h>

#include "scenario.h"

#define MEASURES_MAX_TIERS 16

struct measures {
	uint64_t accesses;
	uint32_t tier_share_ppm[MEASURES_MAX_TIERS]; /* of the accesses */
	uint32_t local_share_ppm;		     /* to the CPU's own node */
	uint64_t average_ps;			     /* an access waited so long */
	uint64_t accesses_per_s;
	uint64_t promoted_pages, demoted_pages, balanced_pages, bounced_pages;
	uint32_t manager_ppm, kswapd_ppm; /* of one CPU */
	uint32_t stalled_ppm;		  /* of the threads' time */
	/* Beside the oracle, where there was one; UINT64_MAX: never, or none. */
	uint64_t settled_ns; /* from when on an interval first reached 95 % of the oracle's share */
	uint64_t below_ns;   /* how long in all it was below that */
	uint32_t oracle_ppm; /* its share of fast memory by the oracle's, in all */
};

/* Shares and rates of an outcome on its machine; oracle may be NULL. */
struct measures measures_of(const struct outcome *outcome, const struct machine *machine,
			    const struct outcome *oracle);

/*
 * The share of accesses to tier 0 between two tallies, in millionths; 0 where
 * there were none.  before may be NULL: since the start.
 */
uint32_t measures_fast_share(const struct machine *machine, const struct tally *before,
			     const struct tally *after);

#endif
