/* SPDX-License-Identifier: MIT */
/*
 * Pages and their lists: see memory.h.  Invariants: every present unit is on
 * exactly one list, that of its node and its PTE_ACTIVE; a node's free pages,
 * its listed ones, the kernel's and the cache's make up its capacity; an absent page's entry
 * is ABSENT, and PTE_DIRTY once it was swapped out.
 */
#include "memory.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#define ABSENT ((uint16_t)(NO_NODE | PTE_TRAP))

/* Zeroed, and not there before it is touched. */
static void *map(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static size_t nr_links(const struct memory *memory)
{
	return (size_t)memory->nr_pages + (size_t)memory->nr_nodes * NR_LRU;
}

static uint32_t list_head(const struct memory *memory, int node, enum lru lru)
{
	return memory->nr_pages + (uint32_t)node * NR_LRU + lru;
}

int memory_init(struct memory *memory, uint32_t nr_pages, const struct memory_node *nodes,
		int nr_nodes)
{
	*memory = (struct memory) { .nr_pages = nr_pages, .nr_nodes = nr_nodes };
	memory->entries = map(nr_pages * sizeof(*memory->entries));
	memory->next = map(nr_links(memory) * sizeof(*memory->next));
	memory->previous = map(nr_links(memory) * sizeof(*memory->previous));
	if (!memory->entries || !memory->next || !memory->previous) {
		memory_done(memory);
		return -ENOMEM;
	}
	for (uint32_t page = 0; page < nr_pages; page++)
		memory->entries[page] = ABSENT;
	for (int node = 0; node < nr_nodes; node++) {
		struct memory_node *own = &memory->nodes[node];

		*own = nodes[node];
		assert(own->kernel_pages + own->cache_pages <= own->capacity_pages);
		own->free_pages = own->capacity_pages - own->kernel_pages - own->cache_pages;
		for (enum lru lru = 0; lru < NR_LRU; lru++) {
			uint32_t head = list_head(memory, node, lru);

			own->listed_pages[lru] = 0;
			memory->next[head] = memory->previous[head] = head;
		}
	}
	return 0;
}

void memory_done(struct memory *memory)
{
	if (memory->entries)
		munmap(memory->entries, memory->nr_pages * sizeof(*memory->entries));
	if (memory->next)
		munmap(memory->next, nr_links(memory) * sizeof(*memory->next));
	if (memory->previous)
		munmap(memory->previous, nr_links(memory) * sizeof(*memory->previous));
	*memory = (struct memory) { 0 };
}

static enum lru lru_of(const struct memory *memory, uint32_t unit)
{
	return memory->entries[unit] & PTE_ACTIVE ? LRU_ACTIVE : LRU_INACTIVE;
}

static void list_remove(struct memory *memory, uint32_t unit)
{
	uint32_t next = memory->next[unit], previous = memory->previous[unit];

	memory->next[previous] = next;
	memory->previous[next] = previous;
	memory->nodes[memory_node_of(memory, unit)].listed_pages[lru_of(memory, unit)] -=
		memory_unit_pages(memory, unit);
}

/* To the front of the list that its entry tells. */
static void list_add(struct memory *memory, uint32_t unit)
{
	int node = memory_node_of(memory, unit);
	enum lru lru = lru_of(memory, unit);
	uint32_t head = list_head(memory, node, lru), first = memory->next[head];

	memory->next[unit] = first;
	memory->previous[unit] = head;
	memory->next[head] = memory->previous[first] = unit;
	memory->nodes[node].listed_pages[lru] += memory_unit_pages(memory, unit);
}

static void set_tail_entries(struct memory *memory, uint32_t unit, uint16_t entry)
{
	for (uint32_t i = 1; i < PAGES_PER_HUGE; i++)
		memory->entries[unit + i] = entry;
}

void memory_place(struct memory *memory, uint32_t page, int node, bool huge)
{
	const uint32_t pages = huge ? PAGES_PER_HUGE : 1;

	assert(!memory_present(memory, page) && memory->nodes[node].free_pages >= pages);
	memory->nodes[node].free_pages -= pages;
	memory->entries[page] = (uint16_t)(node | (huge ? PTE_HUGE : 0));
	if (huge)
		set_tail_entries(memory, page, memory->entries[page]);
	list_add(memory, page);
}

void memory_remove(struct memory *memory, uint32_t unit)
{
	const uint32_t pages = memory_unit_pages(memory, unit);

	list_remove(memory, unit);
	memory->nodes[memory_node_of(memory, unit)].free_pages += pages;
	for (uint32_t i = 0; i < pages; i++)
		memory->entries[unit + i] = ABSENT | PTE_DIRTY;
}

void memory_move(struct memory *memory, uint32_t unit, int node)
{
	const uint32_t pages = memory_unit_pages(memory, unit);
	const uint16_t kept = memory->entries[unit] & (uint16_t) ~(PTE_NODE | PTE_TRAP);

	assert(memory->nodes[node].free_pages >= pages);
	list_remove(memory, unit);
	memory->nodes[memory_node_of(memory, unit)].free_pages += pages;
	memory->nodes[node].free_pages -= pages;
	memory->entries[unit] = (uint16_t)(kept | node);
	if (pages > 1)
		set_tail_entries(memory, unit, (uint16_t)(node | PTE_HUGE));
	list_add(memory, unit);
}

void memory_enlist(struct memory *memory, uint32_t unit, enum lru lru)
{
	list_remove(memory, unit);
	memory->entries[unit] &= (uint16_t)~PTE_ACTIVE;
	if (lru == LRU_ACTIVE)
		memory->entries[unit] |= PTE_ACTIVE;
	list_add(memory, unit);
}

bool memory_oldest(const struct memory *memory, int node, enum lru lru, uint32_t *ret_unit)
{
	const uint32_t head = list_head(memory, node, lru);

	if (memory->previous[head] == head)
		return false;
	*ret_unit = memory->previous[head];
	return true;
}
