/* SPDX-License-Identifier: MIT */
/*
 * What a round's scores tell apart.  A score is when a unit was accessed first, and so a logarithm
 * of how often it is accessed, if units differ in that.  Where they are all alike, or are accessed
 * one after the other, it is chance, or the order: such programs use ever more units at one rate,
 * those that have hot units at an ever smaller one.  Pure.
 */
#ifndef POLICY_SCORES_H
#define POLICY_SCORES_H

#include <stdint.h>

#include "ports.h"

/* How many units each scan of a round was the first to see. */
struct scores_seen {
	uint64_t units[PORT_MAX_SCANS]; /* by scan, the first one first */
	uint64_t all_units;		/* that there are, seen or not; 0: that is not known */
};

/*
 * ret_scores ([PORT_MAX_SCANS + 1]): what each score (port_span, seen) is worth.  Scans between
 * which the part of the units left that is accessed in a given time does not fall have one score
 * for all of theirs, the mean; no score is worth more than a higher one, and 0 is worth 0.
 * nr_scans: that were made, of those that round has times for.
 *
 * The means are those of isotonic regression (Ayer et al., An Empirical Distribution Function for
 * Sampling with Incomplete Information, 1955, "pool adjacent violators"), with some tolerance.
 */
void scores_pool(const struct port_round *round, unsigned nr_scans, const struct scores_seen *seen,
		 uint8_t *ret_scores);

#endif
