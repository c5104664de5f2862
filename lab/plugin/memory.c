/* SPDX-License-Identifier: MIT */
/* Reading the kernel's map of memory blocks to nodes; see memory.h. */
#include "memory.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "text.h"

#define NODE_DIR  "/sys/devices/system/node"
#define BLOCK_DIR "/sys/devices/system/memory"

void memory_map_free(struct memory_map *map)
{
	free(map->ranges);
	*map = (struct memory_map) { 0 };
}

static int add(struct memory_map *map, int node, uint64_t start, uint64_t length_bytes)
{
	struct memory_range *ranges;

	if (length_bytes == 0 || start + length_bytes < start)
		return -EBADMSG;
	ranges = reallocarray(map->ranges, map->nr + 1, sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	map->ranges = ranges;
	ranges[map->nr++] = (struct memory_range) { node, start, length_bytes };
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct memory_range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Sorts, and joins neighbours of one node. */
static int finish(struct memory_map *map, struct mpol_error *error)
{
	size_t kept = 0;

	if (map->nr == 0)
		return error_set(error, -EBADMSG, "read the node map", "it is empty");
	qsort(map->ranges, map->nr, sizeof(*map->ranges), by_start);
	for (size_t i = 1; i < map->nr; i++) {
		struct memory_range *last = &map->ranges[kept], *range = &map->ranges[i];
		uint64_t end = last->start + last->length_bytes;

		if (range->start < end) {
			error_set(error, -ENOTUNIQ, "read the node map",
				  "memory at 0x%" PRIx64 " is of node %d and of node %d",
				  range->start, last->node, range->node);
			error_advise(error, "give nodes sizes of whole memory blocks (128 MiB)");
			return -ENOTUNIQ;
		}
		if (range->start == end && range->node == last->node)
			last->length_bytes += range->length_bytes;
		else
			map->ranges[++kept] = *range;
	}
	map->nr = kept + 1;
	return 0;
}

/* The number at the end of a name such as node12 or memory7.  -EINVAL. */
static int number_after(const char *name, const char *prefix, uint64_t *ret)
{
	size_t length = strlen(prefix);

	if (strncmp(name, prefix, length) != 0)
		return -EINVAL;
	return parse_u64(name + length, 10, ret);
}

static int read_block_bytes(uint64_t *ret)
{
	_cleanup_fclose_ FILE *file = fopen(BLOCK_DIR "/block_size_bytes", "re");
	char line[64];

	if (!file || !fgets(line, sizeof(line), file) || parse_u64(line, 16, ret) < 0 || *ret == 0)
		return -EBADMSG;
	return 0;
}

static int add_node(struct memory_map *map, const char *name, int node, uint64_t block_bytes)
{
	char path[320];
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;

	snprintf(path, sizeof(path), NODE_DIR "/%s", name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		uint64_t block;
		int r;

		if (number_after(entry->d_name, "memory", &block) < 0)
			continue;
		r = block > UINT64_MAX / block_bytes
			    ? -EBADMSG
			    : add(map, node, block * block_bytes, block_bytes);
		if (r < 0)
			return r;
	}
	return 0;
}

int memory_map_read(struct memory_map *ret, struct mpol_error *error)
{
	_cleanup_closedir_ DIR *dir = opendir(NODE_DIR);
	struct memory_map map = { 0 };
	const struct dirent *entry;
	uint64_t node, block_bytes;
	int r = read_block_bytes(&block_bytes);

	while (r == 0 && dir && (entry = readdir(dir))) {
		if (number_after(entry->d_name, "node", &node) == 0 && node < MPOL_NODES_MAX)
			r = add_node(&map, entry->d_name, (int)node, block_bytes);
	}
	if (r < 0)
		error_errno(error, r, "read " NODE_DIR);
	else
		r = finish(&map, error);
	if (r < 0)
		memory_map_free(&map);
	else
		*ret = map;
	return r;
}

int memory_map_read_file(const char *path, struct memory_map *ret, struct mpol_error *error)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	struct memory_map map = { 0 };
	uint64_t start, length;
	unsigned int node;
	int r = file ? 0 : -errno, n;

	while (r == 0 &&
	       (n = fscanf(file, "%u %" SCNx64 " %" SCNx64, &node, &start, &length)) != EOF)
		r = n == 3 && node < MPOL_NODES_MAX ? add(&map, (int)node, start, length)
						    : -EBADMSG;
	if (r < 0) {
		error_errno(error, r, "read the node map");
		error_on(error, "%s", path);
	} else {
		r = finish(&map, error);
	}
	if (r < 0)
		memory_map_free(&map);
	else
		*ret = map;
	return r;
}

int memory_map_find(const struct memory_map *map, uint64_t address, int *ret_node,
		    uint64_t *ret_offset_bytes)
{
	for (size_t i = 0; i < map->nr; i++) {
		const struct memory_range *range = &map->ranges[i];
		uint64_t offset = address - range->start;

		if (address < range->start || offset >= range->length_bytes)
			continue;
		for (size_t below = 0; below < i; below++) {
			if (map->ranges[below].node == range->node)
				offset += map->ranges[below].length_bytes;
		}
		*ret_node = range->node;
		*ret_offset_bytes = offset;
		return 0;
	}
	return -ENOENT;
}

uint64_t memory_map_node_bytes(const struct memory_map *map, int node)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < map->nr; i++) {
		if (map->ranges[i].node == node)
			bytes += map->ranges[i].length_bytes;
	}
	return bytes;
}
