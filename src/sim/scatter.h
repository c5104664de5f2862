/* SPDX-License-Identifier: MIT */
/*
 * Where the ranks of a workload lie: a permutation that looks random and costs
 * no memory to speak of.  A number is a row and a column.  Its column and random
 * steps for each column say which row it goes to, that row's random bits to which
 * column: two rounds of a Feistel network.  2^28 numbers take 192 KiB.
 */
#ifndef SIM_SCATTER_H
#define SIM_SCATTER_H

#include <stddef.h>
#include <stdint.h>

struct scatter {
	uint32_t nr; /* of units; what lies behind them stays where it is */
	uint32_t column_mask;
	uint8_t column_bits;
	uint8_t unit_shift;   /* 2^unit_shift neighbours are a unit and stay together */
	uint16_t *row_starts; /* by row: another row, from where columns step on */
	uint16_t *row_steps;  /* by column */
	uint32_t *rows; /* by start + step, twice as many as rows: bits for the whole number */
};

/*
 * A permutation of 0 to nr - 1 (at most 2^31), units of 2^unit_shift kept whole; what is
 * left of nr after the last whole unit stays.  Returns 0 or -ENOMEM.  Free it
 * with scatter_free.  One that is all zeros leaves everything where it is.
 */
int scatter_init(struct scatter *scatter, uint32_t nr, unsigned unit_shift, uint64_t seed);

void scatter_free(struct scatter *scatter);

/* Of units below the power of 2 that whole rows make; a unit may so land behind the last one. */
static inline uint32_t scatter_turn(const struct scatter *scatter, uint32_t unit)
{
	const uint32_t column = unit & scatter->column_mask;
	const uint32_t start = scatter->row_starts[unit >> scatter->column_bits];

	return scatter->rows[start + scatter->row_steps[column]] ^ column;
}

/* The place of one number where units are single: those of a scatter_init with unit_shift 0. */
static inline uint32_t scatter_one(const struct scatter *scatter, uint32_t number)
{
	do
		number = scatter_turn(scatter, number);
	while (__builtin_expect(number >= scatter->nr, 0));
	return number;
}

/* Replaces numbers by their places.  Bit 31 of each is no part of it and stays (ACCESS_WRITE). */
void scatter_place(const struct scatter *scatter, uint32_t *numbers, size_t nr);

#endif
