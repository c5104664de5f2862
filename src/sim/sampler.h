/* SPDX-License-Identifier: MIT */
/*
 * Draws ranks, 0 being the most likely, from a density that falls: Walker's
 * alias method (1977) over cells of consecutive ranks, and within a cell a
 * straight line from its first rank's density to its last one's.
 *
 * A cell is at most 1/32 as wide as it is far from rank 0, so a million ranks or
 * 2^31 take about a thousand cells, 20 KiB.  The first 64 ranks and each cell
 * have their exact share of draws but for 2^-30; within a cell a rank's share is
 * off by at most w^2 f'' / 8f for w ranks of density f: 0.03 % for a zipf of 0.99.
 */
#ifndef SIM_SAMPLER_H
#define SIM_SAMPLER_H

#include <stdint.h>

#define SAMPLER_BITS  10
#define SAMPLER_CELLS (1U << SAMPLER_BITS)

/* Density at a place between 0 and nr_ranks; rank r stands at r + 0.5. */
typedef double (*sampler_density)(double place, const void *user);

struct sampler_slot {
	uint32_t threshold; /* of 2^22; below: the cell of this number; else the other one */
	uint32_t other;
};

struct sampler_cell {
	uint32_t first; /* rank */
	uint32_t slope; /* (density at its start - at its end) / their sum, in 2^-32 */
	uint32_t shift; /* has 2^(32 - shift) ranks */
};

struct sampler {
	struct sampler_slot slots[SAMPLER_CELLS];
	struct sampler_cell cells[SAMPLER_CELLS];
};

/*
 * nr_ranks: 1 to 2^31.  max_width: most ranks of a cell, for densities that bend more than
 * a power does; nr_ranks / 256 at least.  Returns 0, or -ENOMEM.
 */
int sampler_init(struct sampler *sampler, uint32_t nr_ranks, uint32_t max_width,
		 sampler_density density, const void *user);

/* Ranks that are all as likely. */
struct sampler_step {
	uint32_t nr_ranks;
	double weight; /* of each */
};

/* For a density of at most 32 steps, 2^31 ranks together.  Returns 0, or -ENOMEM. */
int sampler_init_steps(struct sampler *sampler, const struct sampler_step *steps, uint32_t nr);

/* Density of a zipf: the rank-th is drawn in proportion to (rank + 1)^-theta.  user: theta. */
double sampler_zipf(double place, const void *user);

/*
 * A rank from a random number: 10 bits choose a slot, 22 a cell, 32 a place in it.  Without
 * branches that depend on chance: those would cost more than all the rest.
 */
static inline uint32_t sampler_draw(const struct sampler *sampler, uint64_t random)
{
	const uint32_t number = (uint32_t)(random >> (64 - SAMPLER_BITS));
	const uint32_t fraction = (uint32_t)(random >> 32) & (UINT32_MAX >> SAMPLER_BITS);
	const struct sampler_slot slot = sampler->slots[number];
	const uint32_t stays = -(uint32_t)(fraction < slot.threshold);
	const struct sampler_cell *cell =
		&sampler->cells[slot.other ^ ((slot.other ^ number) & stays)];
	/* Whatever the place, this is a bijection of the upper half, so any interval of fractions
	 * makes an even spread of it. */
	const uint32_t coin = (uint32_t)((random * 0x9e3779b97f4a7c15) >> 32);
	uint32_t place = (uint32_t)random;

	/* Turned over with the probability slope * place, uniform becomes the straight line. */
	place ^= -(uint32_t)(coin < ((uint64_t)place * cell->slope) >> 32);
	return cell->first + (uint32_t)((uint64_t)place >> cell->shift);
}

#endif
