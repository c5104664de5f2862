/* SPDX-License-Identifier: MIT */
/* Any entries of pagemap: each page gets a node of the blocks, none, or is to be asked for. */
#include <stdlib.h>
#include <string.h>

#include "pagemap.h"

#define MOST_ENTRIES 1024
#define ZERO	     4242

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct node_blocks blocks = { .shift = 15 };
	uint64_t entries[MOST_ENTRIES], first;
	int nodes[MOST_ENTRIES];
	size_t nr, nr_ask = 0, asked;

	if (size < sizeof(first))
		return 0;
	memcpy(&first, data, sizeof(first));
	nr = (size - sizeof(first)) / sizeof(*entries);
	if (nr > MOST_ENTRIES)
		nr = MOST_ENTRIES;
	memcpy(entries, data + sizeof(first), nr * sizeof(*entries));
	for (uint64_t i = 0; i < nr && i < 8; i++)
		node_blocks_add(&blocks, entries[i] % 4096, (int)(i % 3));
	asked = pagemap_judge(&blocks, ZERO, first, entries, nr, nodes);
	for (size_t i = 0; i < nr; i++) {
		nr_ask += nodes[i] < PAGE_NOWHERE;
		if (nodes[i] > 2 || (nodes[i] != PAGE_NOWHERE && !(entries[i] & PAGEMAP_PRESENT)))
			abort();
		if (nodes[i] >= 0 &&
		    node_blocks_find(&blocks, entries[i] & PAGEMAP_NUMBER) != nodes[i])
			abort();
		if (i && pagemap_as_one(first + i - 1, entries[i - 1], first + i, entries[i]) &&
		    (entries[i] & PAGEMAP_NUMBER) != (entries[i - 1] & PAGEMAP_NUMBER) + 1)
			abort();
	}
	if (asked != nr_ask)
		abort();
	node_blocks_free(&blocks);
	return 0;
}
