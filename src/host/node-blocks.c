/* SPDX-License-Identifier: MIT */
/* From a physical page to its node: see node-blocks.h. */
#include "node-blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "nodemask.h"
#include "pagemap.h"
#include "rootfs.h"
#include "text.h"

/* 4 PiB in blocks of 128 MiB.  The table is as long as the highest number that there is. */
#define MOST_BLOCKS (1ULL << 25)

static int grow(struct node_blocks *blocks, size_t nr_blocks)
{
	int16_t *nodes = reallocarray(blocks->nodes, nr_blocks, sizeof(*nodes));

	if (!nodes)
		return -ENOMEM;
	for (size_t i = blocks->nr_blocks; i < nr_blocks; i++)
		nodes[i] = NODE_BLOCKS_NONE;
	blocks->nodes = nodes;
	blocks->nr_blocks = nr_blocks;
	return 0;
}

int node_blocks_add(struct node_blocks *blocks, uint64_t block, int node)
{
	int r;

	if (block >= MOST_BLOCKS)
		return 0;
	if (block >= blocks->nr_blocks) {
		r = grow(blocks, block + 1);
		if (r < 0)
			return r;
	}
	if (blocks->nodes[block] == NODE_BLOCKS_NONE)
		blocks->nodes[block] = (int16_t)node;
	else if (blocks->nodes[block] != node)
		blocks->nodes[block] = NODE_BLOCKS_SHARED;
	return 0;
}

void node_blocks_free(struct node_blocks *blocks)
{
	free(blocks->nodes);
	*blocks = (struct node_blocks) { 0 };
}

/* Adds the blocks that the node's directory names, if there is such a directory. */
static int add_blocks_of(int root, int node, struct node_blocks *blocks)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;

	if (rootfs_opendir(root, &dir, "sys/devices/system/node/node%d", node) < 0)
		return 0;
	while ((entry = readdir(dir))) {
		uint64_t block;
		int r;

		if (strncmp(entry->d_name, "memory", 6) != 0 ||
		    parse_u64(entry->d_name + 6, 10, &block) < 0)
			continue;
		r = node_blocks_add(blocks, block, node);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool read_shift(int root, unsigned int *ret_shift)
{
	_cleanup_free_ char *text = NULL;
	uint64_t bytes;

	if (rootfs_read(root, &text, "sys/devices/system/memory/block_size_bytes") < 0 ||
	    parse_u64(text, 16, &bytes) < 0)
		return false;
	if (bytes < HUGE_PAGES * PAGE_BYTES || (bytes & (bytes - 1)))
		return false;
	*ret_shift = (unsigned int)__builtin_ctzll(bytes / PAGE_BYTES);
	return true;
}

int node_blocks_read(int root, struct node_blocks *ret)
{
	struct node_blocks blocks = { 0 };
	struct nodemask online;
	int node, r;

	if (read_shift(root, &blocks.shift) &&
	    !rootfs_read_nodes(root, &online, "sys/devices/system/node/online")) {
		nodemask_for_each (node, &online) {
			r = add_blocks_of(root, node, &blocks);
			if (r < 0) {
				node_blocks_free(&blocks);
				return r;
			}
		}
	}
	*ret = blocks;
	return 0;
}
