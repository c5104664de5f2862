/* SPDX-License-Identifier: MIT */
/*
 * From a physical page to its node, by the kernel's memory blocks
 * (Documentation/admin-guide/mm/memory-hotplug.rst): nodeN/memoryM says that
 * block M has pages of node N.  The spans of /proc/zoneinfo would not do: they
 * may overlap.
 */
#ifndef HOST_NODE_BLOCKS_H
#define HOST_NODE_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

/* Not known: no such block (a device's memory, perhaps), or two nodes have pages of it. */
#define NODE_BLOCKS_NONE   (-2)
#define NODE_BLOCKS_SHARED (-3)

/* Zero-initialised it knows nothing.  Free it with node_blocks_free. */
struct node_blocks {
	unsigned int shift; /* page number >> shift is the block's number */
	size_t nr_blocks;
	int16_t *nodes; /* by block: a node, or NODE_BLOCKS_* */
};

/* The node of the page with that number, or NODE_BLOCKS_*. */
static inline int node_blocks_find(const struct node_blocks *blocks, uint64_t page)
{
	uint64_t block = page >> blocks->shift;

	return block < blocks->nr_blocks ? blocks->nodes[block] : NODE_BLOCKS_NONE;
}

/*
 * Notes that the block has pages of the node.  A block whose number no machine
 * can have is ignored.  Returns 0 or -ENOMEM.
 */
int node_blocks_add(struct node_blocks *blocks, uint64_t block, int node);

/*
 * Reads what the kernel says below /sys.  Where it has no memory blocks (a
 * kernel without memory hotplug), or of a size that cannot be, nothing is
 * known: that is no error.  Returns 0 or -ENOMEM; *ret is untouched on failure.
 */
int node_blocks_read(int root, struct node_blocks *ret);

void node_blocks_free(struct node_blocks *blocks);

#endif
