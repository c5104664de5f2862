/* SPDX-License-Identifier: MIT */
/* The tables of a permutation: see scatter.h. */
#include "scatter.h"

#include <errno.h>
#include <stdlib.h>

#include "random.h"

/* By Fisher and Yates. */
static void shuffle(uint16_t *items, uint32_t nr, struct random *random)
{
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t at = (uint32_t)random_below(random, i + 1);

		items[i] = items[at];
		items[at] = (uint16_t)i;
	}
}

static void fill_tables(struct scatter *scatter, uint32_t nr_rows, uint64_t seed)
{
	struct random random;

	random_seed(&random, seed, UINT64_MAX);
	shuffle(scatter->row_starts, nr_rows, &random);
	for (uint32_t i = 0; i <= scatter->column_mask; i++)
		scatter->row_steps[i] = (uint16_t)random_below(&random, nr_rows);
	for (uint32_t i = 0; i < nr_rows; i++) {
		uint32_t columns = (uint32_t)random_below(&random, scatter->column_mask + 1ULL);

		scatter->rows[i] = i << scatter->column_bits | columns;
		scatter->rows[nr_rows + i] = scatter->rows[i];
	}
}

int scatter_init(struct scatter *scatter, uint32_t nr, unsigned unit_shift, uint64_t seed)
{
	uint32_t nr_columns, nr_rows;

	*scatter = (struct scatter) { .nr = nr >> unit_shift, .unit_shift = (uint8_t)unit_shift };
	if (!scatter->nr)
		return 0;
	/* As many columns as rows, or up to four times as many: neither has more than 2^16. */
	while (1ULL << 2 * scatter->column_bits < scatter->nr)
		scatter->column_bits++;
	nr_columns = 1U << scatter->column_bits;
	nr_rows = (scatter->nr - 1) / nr_columns + 1;
	scatter->column_mask = nr_columns - 1;
	scatter->row_starts = calloc(nr_rows, sizeof(*scatter->row_starts));
	scatter->row_steps = calloc(nr_columns, sizeof(*scatter->row_steps));
	scatter->rows = calloc(2UL * nr_rows, sizeof(*scatter->rows));
	if (!scatter->row_starts || !scatter->row_steps || !scatter->rows) {
		scatter_free(scatter);
		return -ENOMEM;
	}
	fill_tables(scatter, nr_rows, seed);
	return 0;
}

void scatter_free(struct scatter *scatter)
{
	free(scatter->row_starts);
	free(scatter->row_steps);
	free(scatter->rows);
	*scatter = (struct scatter) { 0 };
}

/* Kept out of the loop, which is the faster for it. */
static __attribute__((noinline)) uint32_t turn_on(const struct scatter *scatter, uint32_t unit)
{
	return scatter_one(scatter, unit);
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
		turned = scatter_turn(&s, unit);
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
