/* SPDX-License-Identifier: MIT */
/*
 * The simulated machine's memory: what is on which node, and the kernel's
 * view of it (page table entries, active and inactive lists).
 *
 * All address spaces lie behind one another in one space of base pages
 * (4 KiB), so a page is one number, below 2^31.  Per page there are ten bytes:
 * an entry, and the links of its list.  Frames are only counted, never named.
 *
 * A *unit* is what the kernel would call a folio: a base page, or an aligned
 * huge page of PAGES_PER_HUGE, which is named by its first page and has only that
 * page's entry; the others' say only PTE_HUGE and the node.
 *
 * Nodes are positions in the machine's array, not ids.
 */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "watermarks.h"

#define PAGES_PER_HUGE	 512
#define MEMORY_MAX_NODES 64
#define MEMORY_MAX_PAGES (1U << 31)

/* An entry: the node, or NO_NODE, and these. */
#define PTE_NODE       0x03ff
#define PTE_ACCESSED   0x0400 /* by hardware, at every access */
#define PTE_DIRTY      0x0800 /* of an absent page: it is in swap */
#define PTE_TRAP       0x1000 /* an access faults: not present, or unmapped for a hint */
#define PTE_HUGE       0x2000
#define PTE_ACTIVE     0x4000 /* on its node's active list */
#define PTE_REFERENCED 0x8000 /* seen accessed once while inactive (PG_referenced) */
#define NO_NODE	       PTE_NODE

enum lru { LRU_INACTIVE, LRU_ACTIVE, NR_LRU };

struct memory_node {
	uint64_t capacity_pages;
	uint64_t free_pages;
	uint64_t kernel_pages; /* dentries, slab, page tables: never moves, never goes */
	uint64_t cache_pages;  /* unmapped page cache: never moves, reclaim drops it */
	uint64_t listed_pages[NR_LRU];
	struct watermarks marks;
};

struct memory {
	uint16_t *entries; /* [nr_pages] */
	uint32_t
		*next; /* [nr_pages + nr_nodes * NR_LRU]: the lists' heads stand behind the pages */
	uint32_t *previous;
	uint32_t nr_pages;
	int nr_nodes;
	struct memory_node nodes[MEMORY_MAX_NODES];
};

/*
 * Memory of nr_nodes nodes of these capacities, all free but what the kernel
 * and the page cache have, and nr_pages absent pages.
 * Untouched pages cost no memory of ours.  Returns 0 or -ENOMEM.
 */
int memory_init(struct memory *memory, uint32_t nr_pages, const struct memory_node *nodes,
		int nr_nodes);
void memory_done(struct memory *memory);

static inline int memory_node_of(const struct memory *memory, uint32_t page)
{
	return memory->entries[page] & PTE_NODE;
}

static inline bool memory_present(const struct memory *memory, uint32_t page)
{
	return memory_node_of(memory, page) != NO_NODE;
}

/* The unit that the page belongs to, and how many base pages a unit has. */
static inline uint32_t memory_unit(const struct memory *memory, uint32_t page)
{
	return memory->entries[page] & PTE_HUGE ? page & ~(uint32_t)(PAGES_PER_HUGE - 1) : page;
}

static inline uint32_t memory_unit_pages(const struct memory *memory, uint32_t unit)
{
	return memory->entries[unit] & PTE_HUGE ? PAGES_PER_HUGE : 1;
}

/*
 * Puts an absent page, or all of an absent, aligned huge page, onto the node's inactive
 * list (since Linux 5.9 anonymous pages begin there).  The node must have the
 * pages free.
 */
void memory_place(struct memory *memory, uint32_t page, int node, bool huge);

/* Swaps the unit out: its pages are absent, and dirty. */
void memory_remove(struct memory *memory, uint32_t unit);

/*
 * Moves the unit to the front of the other node's inactive or active list, the same one as
 * before; the entry stays as it is, but for the node and a hint's trap, which
 * goes.  The node must have the pages free.
 */
void memory_move(struct memory *memory, uint32_t unit, int node);

/* Moves the unit to the front of one of its node's lists. */
void memory_enlist(struct memory *memory, uint32_t unit, enum lru lru);

/* The unit that has been longest on a list of the node; false: the list is empty. */
bool memory_oldest(const struct memory *memory, int node, enum lru lru, uint32_t *ret_unit);

/* Whether it was accessed since the last time; forgets it. */
static inline bool memory_test_and_clear_accessed(struct memory *memory, uint32_t unit)
{
	const bool accessed = memory->entries[unit] & PTE_ACCESSED;

	memory->entries[unit] &= (uint16_t)~PTE_ACCESSED;
	return accessed;
}

/* The next access faults: a NUMA hint (change_prot_numa).  Absent pages are left alone. */
static inline void memory_set_trap(struct memory *memory, uint32_t unit)
{
	memory->entries[unit] |= PTE_TRAP;
}

#endif
