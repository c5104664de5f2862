/* SPDX-License-Identifier: MIT */
/* The tables of a permutation: see scatter.h. */
#include "scatter.h"

#include <errno.h>
#include <stdlib.h>

#include "random.h"

/* A permutation of the rows, by Fisher and Yates, each with random bits beside it. */
static void shuffle_rows(struct scatter *scatter, struct random *random)
{
	for (uint32_t i = 0; i < scatter->nr_rows; i++) {
		uint32_t at = (uint32_t)random_below(random, i + 1);

		scatter->row_turns[i] = scatter->row_turns[at];
		scatter->row_turns[at] = i;
	}
	for (uint32_t i = 0; i < scatter->nr_rows; i++) {
		uint32_t turn = (uint32_t)random_below(random, scatter->column_mask + 1ULL);

		scatter->row_turns[i] = scatter->row_turns[i] << 16 | turn;
	}
}

int scatter_init(struct scatter *scatter, uint32_t nr, unsigned unit_shift, uint64_t seed)
{
	uint32_t nr_columns;
	struct random random;

	*scatter = (struct scatter) { .nr = nr >> unit_shift, .unit_shift = unit_shift };
	if (!scatter->nr)
		return 0;
	/* As many columns as rows, or twice as many: neither has more than 2^16. */
	while (1ULL << 2 * scatter->column_bits < scatter->nr)
		scatter->column_bits++;
	nr_columns = 1U << scatter->column_bits;
	scatter->column_mask = nr_columns - 1;
	scatter->nr_rows = (scatter->nr - 1) / nr_columns + 1;
	scatter->row_turns = calloc(scatter->nr_rows, sizeof(*scatter->row_turns));
	scatter->row_steps = calloc(nr_columns, sizeof(*scatter->row_steps));
	scatter->column_turns = calloc(scatter->nr_rows, sizeof(*scatter->column_turns));
	if (!scatter->row_turns || !scatter->row_steps || !scatter->column_turns) {
		scatter_free(scatter);
		return -ENOMEM;
	}
	random_seed(&random, seed, UINT64_MAX);
	shuffle_rows(scatter, &random);
	for (uint32_t i = 0; i < nr_columns; i++)
		scatter->row_steps[i] = (uint16_t)random_below(&random, scatter->nr_rows);
	for (uint32_t i = 0; i < scatter->nr_rows; i++)
		scatter->column_turns[i] = (uint16_t)random_below(&random, nr_columns);
	return 0;
}

void scatter_free(struct scatter *scatter)
{
	free(scatter->row_turns);
	free(scatter->row_steps);
	free(scatter->column_turns);
	*scatter = (struct scatter) { 0 };
}

static inline uint32_t turn(const struct scatter *scatter, uint32_t number)
{
	const uint32_t row_turn = scatter->row_turns[number >> scatter->column_bits];
	const uint32_t column = (number & scatter->column_mask) ^ (row_turn & 0xffff);
	uint32_t row = (row_turn >> 16) + scatter->row_steps[column];

	row -= row >= scatter->nr_rows ? scatter->nr_rows : 0;
	return row << scatter->column_bits | (column ^ scatter->column_turns[row]);
}

/* The last row may not be whole: what lands beyond its end goes on until it does not. */
static __attribute__((noinline)) uint32_t turn_on(const struct scatter *scatter, uint32_t number)
{
	do
		number = turn(scatter, number);
	while (number >= scatter->nr);
	return number;
}

static inline void place(const struct scatter *scatter, unsigned unit_shift, uint32_t *numbers,
			 size_t nr)
{
	const struct scatter s = *scatter;

	for (size_t i = 0; i < nr; i++) {
		const uint32_t unit = (numbers[i] & INT32_MAX) >> unit_shift;
		const uint32_t kept = numbers[i] & (1U << 31 | ((1U << unit_shift) - 1));
		uint32_t turned;

		if (unit_shift && unit >= s.nr)
			continue;
		turned = turn(&s, unit);
		if (__builtin_expect(turned >= s.nr, 0))
			turned = turn_on(scatter, turned);
		numbers[i] = turned << unit_shift | kept;
	}
}

void scatter_place(const struct scatter *scatter, uint32_t *numbers, size_t nr)
{
	if (!scatter->nr)
		return;
	/* Two loops, as the compiler then sees what a unit of one spares. */
	if (scatter->unit_shift)
		place(scatter, scatter->unit_shift, numbers, nr);
	else
		place(scatter, 0, numbers, nr);
}
