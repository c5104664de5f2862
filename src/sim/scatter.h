/* SPDX-License-Identifier: MIT */
/*
 * Where the ranks of a workload lie: a permutation that looks random and costs
 * no memory to speak of.  A number is a row and a column; three rounds of a
 * Feistel network, its functions random tables as long as rows and columns
 * are many, mix the two.  2^28 numbers take 128 KiB, 2^21 take 10 KiB.
 */
#ifndef SIM_SCATTER_H
#define SIM_SCATTER_H

#include <stddef.h>
#include <stdint.h>

struct scatter {
	uint32_t nr; /* of numbers; those from here on stay where they are */
	uint32_t nr_rows;
	uint32_t column_mask;
	uint8_t column_bits;
	uint8_t unit_shift;  /* 2^unit_shift neighbours stay neighbours */
	uint32_t *row_turns; /* by row: another row, in the upper half, and what its columns turn to
			      */
	uint16_t *row_steps; /* by column: how many rows further */
	uint16_t *column_turns; /* by the row then reached */
};

/*
 * A permutation of 0 to nr - 1 (at most 2^31), units of 2^unit_shift kept whole; what is
 * left of nr after the last whole unit stays.  Returns 0 or -ENOMEM.  Free it
 * with scatter_free.  One that is all zeros leaves everything where it is.
 */
int scatter_init(struct scatter *scatter, uint32_t nr, unsigned unit_shift, uint64_t seed);

void scatter_free(struct scatter *scatter);

/* Replaces numbers by their places.  Bit 31 of each is no part of it and stays (ACCESS_WRITE). */
void scatter_place(const struct scatter *scatter, uint32_t *numbers, size_t nr);

#endif
