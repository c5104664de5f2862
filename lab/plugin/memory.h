/* SPDX-License-Identifier: MIT */
/* Which physical memory is on which node, in the guest kernel's own words. */
#ifndef LAB_PLUGIN_MEMORY_H
#define LAB_PLUGIN_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include <mpol/mpol.h>

/* A run of physical memory of one node. */
struct memory_range {
	int node;
	uint64_t start;
	uint64_t length_bytes;
};

/* Sorted by address, no two overlap. */
struct memory_map {
	size_t nr;
	struct memory_range *ranges;
};

/*
 * From /sys/devices/system/node/nodeN/memoryM (Documentation/ABI/testing/
 * sysfs-devices-memory).  Errors: -EBADMSG; -ENOTUNIQ: a memory block has
 * memory of two nodes, so that their boundary cannot be told; -ENOMEM.
 */
int memory_map_read(struct memory_map *ret, struct mpol_error *error);

/* From a file of lines "NODE START LENGTH", addresses hexadecimal.  Errors as above, -errno. */
int memory_map_read_file(const char *path, struct memory_map *ret, struct mpol_error *error);

void memory_map_free(struct memory_map *map);

/*
 * The node of a physical address and how much of the node's memory lies below
 * it.  -ENOENT: in no range.
 */
int memory_map_find(const struct memory_map *map, uint64_t address, int *ret_node,
		    uint64_t *ret_offset_bytes);

/* All memory of the node. */
uint64_t memory_map_node_bytes(const struct memory_map *map, int node);

#endif
