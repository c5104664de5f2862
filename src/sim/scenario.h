/* SPDX-License-Identifier: MIT */
/*
 * A scenario: a machine, a workload and how it begins, to be run under one peer
 * after the other, and what came of each.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpol/mpol.h>

#include "peer.h"
#include "tally.h"
#include "world.h"

/* The most intervals of a time line. */
#define SCENARIO_MAX_INTERVALS 100000

/* Where the workload's pages are when the clock starts. */
enum scenario_start {
	START_TOUCHED, /* all first touched in order, as policy says */
	START_SLOW,    /* on the slowest tier as far as it holds them */
	START_ABSENT,  /* nowhere: the first access faults */
};

struct scenario {
	const struct machine *machine;
	const struct workload *workload; /* at its beginning; every run takes a copy */
	unsigned copies; /* that run at once, each with a memory of its own; 1 or more */
	struct mpol_policy policy;
	const struct mpol_policy **region_policies; /* [the workload's regions] or NULL */
	enum scenario_start start;
	bool huge;
	struct world_config config; /* but for its peer */
	uint64_t duration_ns;	    /* unless all threads end before */
	uint64_t interval_ns; /* of the time line; divides into no more than SCENARIO_MAX_INTERVALS
			       */
};

struct outcome {
	const struct peer *peer;
	struct tally total;
	uint64_t ran_ns;
	struct tally *line; /* [nr_intervals] as of each interval's end */
	size_t nr_intervals;
	uint64_t interval_ns;
	/* [nr_intervals * WORLD_HEAT_ROWS] sampled accesses by address, of the first copy */
	uint32_t *heat;
	uint64_t placed_pages[MEMORY_MAX_NODES]; /* at the end */
};

/* Called from time to time with what is done of the run, in permille.  False: stop. */
typedef bool scenario_progress_fn(void *context, unsigned done_permille);

/*
 * Runs the scenario under a peer.  progress may be NULL.
 * Errors: -EINVAL (see world_new; too many intervals), -ENOMEM (ours, or the
 * machine has no room for the workload), -ECANCELED (progress said so).
 */
int scenario_run(const struct scenario *scenario, const struct peer *peer,
		 scenario_progress_fn *progress, void *context, struct outcome **ret_outcome,
		 struct mpol_error *err);

void outcome_free(struct outcome *outcome);

/* When an interval of the time line ended: the last one may be shorter. */
uint64_t outcome_interval_end_ns(const struct outcome *outcome, size_t interval);

#endif
