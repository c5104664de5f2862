/* SPDX-License-Identifier: MIT */
/*
 * Open addressing with linear probing; nothing is ever removed.  An id's slot is
 * mostly in no cache of the CPU, so callers with much to map say early what comes.
 */
#include "dense-ids.h"

#include <errno.h>

#include "huge-table.h"

#define FIRST_BITS 8u

/* Fibonacci hashing: the upper bits of the product depend on all bits below them. */
static uint64_t place_of(uint64_t id, unsigned int bits)
{
	id ^= id >> 32;
	return (id * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - bits);
}

static int resize(struct dense_ids *ids, unsigned int bits)
{
	const size_t nr_old = ids->slots ? (size_t)1 << ids->bits : 0;
	const uint64_t mask = ((uint64_t)1 << bits) - 1;
	struct dense_slot *slots = huge_table_new((size_t)1 << bits, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < nr_old; i++) {
		uint64_t at = place_of(ids->slots[i].id, bits);

		if (!ids->slots[i].index)
			continue;
		while (slots[at].index)
			at = (at + 1) & mask;
		slots[at] = ids->slots[i];
	}
	huge_table_free(ids->slots, nr_old, sizeof(*slots));
	ids->slots = slots;
	ids->bits = bits;
	return 0;
}

void dense_ids_prefetch(const struct dense_ids *ids, const uint64_t *batch, size_t nr)
{
	for (size_t i = 0; ids->slots && i < nr; i++)
		__builtin_prefetch(&ids->slots[place_of(batch[i], ids->bits)]);
}

int dense_ids_map(struct dense_ids *ids, const uint64_t *batch, size_t nr, uint32_t *ret_indices)
{
	unsigned int bits = ids->slots ? ids->bits : FIRST_BITS;
	uint64_t mask;

	if (nr > DENSE_IDS_MAX - ids->nr)
		return -ERANGE;
	while (2 * ((uint64_t)ids->nr + nr) > (uint64_t)1 << bits)
		bits++;
	if ((!ids->slots || bits > ids->bits) && resize(ids, bits) < 0)
		return -ENOMEM;
	mask = ((uint64_t)1 << ids->bits) - 1;
	for (size_t i = 0; i < nr; i++) {
		uint64_t at = place_of(batch[i], ids->bits);

		while (ids->slots[at].index && ids->slots[at].id != batch[i])
			at = (at + 1) & mask;
		if (!ids->slots[at].index)
			ids->slots[at] = (struct dense_slot) { batch[i], ++ids->nr, 0 };
		ret_indices[i] = ids->slots[at].index - 1;
	}
	return 0;
}

void dense_ids_free(struct dense_ids *ids)
{
	huge_table_free(ids->slots, (size_t)1 << ids->bits, sizeof(*ids->slots));
	*ids = (struct dense_ids) { 0 };
}
