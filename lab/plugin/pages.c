/* SPDX-License-Identifier: MIT */
/*
 * A radix tree of four levels over 45 bits of virtual page number: enough for
 * the 56 user bits of 5-level page tables.  Branches are made at first use.
 */
#include "pages.h"

#include <stdlib.h>

#define BRANCH_BITS 12
#define BRANCH_SIZE (1U << BRANCH_BITS)
#define LEAF_BITS   9
#define LEAF_SIZE   (1U << LEAF_BITS)
#define LEVELS	    3 /* of branches above a leaf */

struct leaf {
	uint64_t loads[LEAF_SIZE];
	uint64_t stores[LEAF_SIZE];
	uint8_t cell[LEAF_SIZE];
};

struct branch {
	void *child[BRANCH_SIZE]; /* branches, or leaves at the lowest level */
};

struct pages {
	struct branch root;
	uint64_t lost;
};

static unsigned int slot_at(uint64_t vpn, int level)
{
	return vpn >> (LEAF_BITS + BRANCH_BITS * level) & (BRANCH_SIZE - 1);
}

struct pages *pages_new(void)
{
	return calloc(1, sizeof(struct pages));
}

static void branch_free(struct branch *branch, int level)
{
	for (unsigned int i = 0; i < BRANCH_SIZE; i++) {
		if (!branch->child[i])
			continue;
		if (level > 0)
			branch_free(branch->child[i], level - 1);
		free(branch->child[i]);
	}
}

void pages_free(struct pages *pages)
{
	if (!pages)
		return;
	branch_free(&pages->root, LEVELS - 1);
	free(pages);
}

static struct leaf *leaf_of(struct pages *pages, uint64_t vpn)
{
	struct branch *branch = &pages->root;

	for (int level = LEVELS - 1;; level--) {
		void **child = &branch->child[slot_at(vpn, level)];

		if (!*child)
			*child = calloc(1, level ? sizeof(struct branch) : sizeof(struct leaf));
		if (level == 0 || !*child)
			return *child;
		branch = *child;
	}
}

void pages_add(struct pages *pages, const struct page_count *count)
{
	struct leaf *leaf = leaf_of(pages, count->vpn);
	unsigned int i = count->vpn & (LEAF_SIZE - 1);

	if (!leaf) {
		pages->lost += count->loads + count->stores;
		return;
	}
	leaf->loads[i] += count->loads;
	leaf->stores[i] += count->stores;
	leaf->cell[i] = count->cell;
}

uint64_t pages_lost(const struct pages *pages)
{
	return pages->lost;
}

struct walk {
	void (*visit)(const struct page_count *count, void *data);
	void *data;
};

static void leaf_walk(const struct leaf *leaf, uint64_t first, const struct walk *walk)
{
	for (unsigned int i = 0; i < LEAF_SIZE; i++) {
		struct page_count count = {
			.vpn = first + i,
			.loads = leaf->loads[i],
			.stores = leaf->stores[i],
			.cell = leaf->cell[i],
		};

		if (count.loads || count.stores)
			walk->visit(&count, walk->data);
	}
}

static void branch_walk(const struct branch *branch, int level, uint64_t first,
			const struct walk *walk)
{
	for (uint64_t i = 0; i < BRANCH_SIZE; i++) {
		uint64_t vpn = first + (i << (LEAF_BITS + BRANCH_BITS * level));

		if (!branch->child[i])
			continue;
		if (level > 0)
			branch_walk(branch->child[i], level - 1, vpn, walk);
		else
			leaf_walk(branch->child[i], vpn, walk);
	}
}

void pages_for_each(const struct pages *pages,
		    void (*visit)(const struct page_count *count, void *data), void *data)
{
	branch_walk(&pages->root, LEVELS - 1, 0, &(struct walk) { visit, data });
}
