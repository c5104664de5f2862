/* SPDX-License-Identifier: MIT */
/*
 * How much goes into one call that moves pages, so that the call takes about
 * as long as asked for.  Pure: it is told what calls took.
 *
 * A batch is made of units, each of so many base pages: a page, or a huge page
 * that moves as a whole.  What a unit takes is estimated by its size, from pessimistic
 * first guesses; an estimate follows what calls took upwards at once, and
 * downwards at most by half each time.  So the first batches are small, and
 * grow.
 *
 * Every call also has a cost of its own: it waits for all CPUs (mm/swap.c,
 * lru_add_drain_all), which on a busy machine takes milliseconds.  So a batch
 * never shrinks below STEERING_LEAST_PAGES, where only that would be left of its time.
 */
#ifndef POLICY_STEERING_H
#define POLICY_STEERING_H

#include <stdbool.h>
#include <stdint.h>

#define STEERING_SIZES 20 /* by the binary logarithm of a unit's base pages: 4 KiB to 2 GiB */

#define STEERING_LEAST_PAGES 64

struct steering {
	uint64_t aim_ns;
	uint64_t unit_ns[STEERING_SIZES]; /* the estimates */
};

/* Zero-initialised it is empty. */
struct steering_batch {
	uint64_t units, pages;
	uint64_t expected_ns;
	uint64_t share_ns[STEERING_SIZES]; /* of expected_ns, by size of unit */
};

/* aim_ns: what a batch is to take; not 0. */
void steering_start(struct steering *steering, uint64_t aim_ns);

/*
 * Whether the batch should take in one more unit of so many base pages.  An
 * empty one always should, and one that stays within STEERING_LEAST_PAGES.
 */
bool steering_has_room(const struct steering *steering, const struct steering_batch *batch,
		       uint64_t pages);

/* Notes that the unit went into the batch. */
void steering_add(const struct steering *steering, struct steering_batch *batch, uint64_t pages);

/* Learns from what the batch took. */
void steering_learn(struct steering *steering, const struct steering_batch *batch,
		    uint64_t took_ns);

#endif
