/* SPDX-License-Identifier: MIT */
/* What a round's scores tell apart: see scores.h. */
#include "scores.h"

#include <stdbool.h>

#include "real.h"

/* A rate that is at least so much of the one before has not fallen: where it hardly does, units
 * hardly differ, and a burst of accesses lies now before a scan, now behind it.  A zipf's falls to
 * two thirds from one scan to the next. */
#define LEVEL_RATE 0.95

/* With fewer, huge pages, bursts and chance tell what rates there are. */
#define LEAST_UNITS 256

/* Scans that tell nothing apart. */
struct pool {
	unsigned nr_scans;
	uint64_t units;
	double used; /* the logarithm of what part of the units left they leave, negated */
	double ns;
	uint64_t scores; /* the sum of the units' */
};

static bool is_level(const struct pool *before, const struct pool *now)
{
	return now->used * before->ns >= LEVEL_RATE * before->used * now->ns;
}

static void pool_add(struct pool *pool, const struct pool *more)
{
	pool->nr_scans += more->nr_scans;
	pool->units += more->units;
	pool->used += more->used;
	pool->ns += more->ns;
	pool->scores += more->scores;
}

/* left: what no scan before has seen; there may be more by now.  Half a unit stands for none, which
 * has no logarithm. */
static struct pool of_scan(const struct port_round *round, const struct scores_seen *seen,
			   unsigned scan, uint64_t left)
{
	const uint64_t units = seen->units[scan];
	const double before = left > units ? (double)left : (double)units + .5;

	return (struct pool) {
		.nr_scans = 1,
		.units = units,
		.used = seen->all_units ? real_log(before / (before - (double)units))
					: (double)units,
		.ns = (double)(round->after_ns[scan] - (scan ? round->after_ns[scan - 1] : 0)),
		.scores = units * (round->nr_scans - scan),
	};
}

/* scores ([pool->nr_scans]): of its scans, the last one first. */
static void share_score(const struct pool *pool, uint8_t *scores)
{
	for (unsigned i = 0; pool->units && i < pool->nr_scans; i++)
		scores[i] = (uint8_t)((pool->scores + pool->units / 2) / pool->units);
}

static uint64_t all_seen(const struct scores_seen *seen, unsigned nr_scans)
{
	uint64_t units = 0;

	for (unsigned scan = 0; scan < nr_scans; scan++)
		units += seen->units[scan];
	return units;
}

void scores_pool(const struct port_round *round, unsigned nr_scans, const struct scores_seen *seen,
		 uint8_t *ret_scores)
{
	struct pool pools[PORT_MAX_SCANS];
	uint64_t left = seen->all_units;
	unsigned nr = 0, scan = 0;

	for (unsigned score = 0; score <= PORT_MAX_SCANS; score++)
		ret_scores[score] = (uint8_t)score;
	if (all_seen(seen, nr_scans) < LEAST_UNITS)
		return;
	for (; scan < nr_scans; scan++) {
		pools[nr++] = of_scan(round, seen, scan, left);
		left -= seen->units[scan] < left ? seen->units[scan] : left;
		for (; nr > 1 && is_level(&pools[nr - 2], &pools[nr - 1]); nr--)
			pool_add(&pools[nr - 2], &pools[nr - 1]);
	}
	for (; nr; nr--, scan -= pools[nr].nr_scans)
		share_score(&pools[nr - 1], &ret_scores[round->nr_scans - scan + 1]);
}
