/* SPDX-License-Identifier: MIT */
/*
 * From the address that QEMU reports for an access to the node that the guest
 * says holds it, as learned by calibration, and the counters of one holder.
 *
 * A *cell* is a place to count in: cells 0 to nr - 1 are the nodes of the map
 * in the order in which they were added, CELL_ELSEWHERE is any other address.
 */
#ifndef LAB_PLUGIN_NODEMAP_H
#define LAB_PLUGIN_NODEMAP_H

#include <stddef.h>
#include <stdint.h>

#define NODEMAP_MAX    64
#define CELL_ELSEWHERE NODEMAP_MAX
#define CELLS	       (NODEMAP_MAX + 1)

struct count {
	uint64_t loads;
	uint64_t stores;
};

struct nodemap {
	unsigned int nr;
	struct nodemap_part {
		int node;
		uint64_t start; /* as QEMU reports it */
		uint64_t length_bytes;
	} parts[NODEMAP_MAX];
};

/*
 * Returns 0; -ENOSPC: the map is full; -EINVAL: no length or beyond 64 bits;
 * -EEXIST: overlaps a part or repeats its node.
 */
int nodemap_add(struct nodemap *map, int node, uint64_t start, uint64_t length_bytes);

static inline unsigned int nodemap_cell(const struct nodemap *map, uint64_t reported)
{
	for (unsigned int i = 0; i < map->nr; i++) {
		if (reported - map->parts[i].start < map->parts[i].length_bytes)
			return i;
	}
	return CELL_ELSEWHERE;
}

#endif
