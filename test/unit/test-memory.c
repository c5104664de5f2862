/* SPDX-License-Identifier: MIT */
/* The simulated memory keeps its invariants whatever is done to it, in any order. */
#include "cmocka-all.h"

#include <stdlib.h>

#include "memory.h"
#include "random.h"

#define NR_PAGES 8192
#define NR_NODES 3
#define ROUNDS	 100000

static const struct memory_node nodes[NR_NODES] = {
	{ .capacity_pages = 3000, .kernel_pages = 100, .cache_pages = 50 },
	{ .capacity_pages = 2000 },
	{ .capacity_pages = 6000, .kernel_pages = 1 },
};

/* Walks all lists: every unit is on the one that its entry tells, and once. */
static void check(const struct memory *memory)
{
	uint8_t *on_list = calloc(NR_PAGES, 1);
	uint64_t present = 0, listed = 0;

	assert_non_null(on_list);
	for (int node = 0; node < NR_NODES; node++) {
		const struct memory_node *own = &memory->nodes[node];
		uint64_t all = own->free_pages + own->kernel_pages + own->cache_pages;

		for (enum lru lru = 0; lru < NR_LRU; lru++) {
			const uint32_t head = NR_PAGES + (uint32_t)node * NR_LRU + lru;
			uint64_t pages = 0;

			for (uint32_t unit = memory->next[head]; unit != head;
			     unit = memory->next[unit]) {
				assert_int_equal(memory_node_of(memory, unit), node);
				assert_int_equal(!!(memory->entries[unit] & PTE_ACTIVE),
						 lru == LRU_ACTIVE);
				assert_int_equal(memory->previous[memory->next[unit]], unit);
				assert_false(on_list[unit]);
				on_list[unit] = 1;
				pages += memory_unit_pages(memory, unit);
			}
			assert_int_equal(pages, own->listed_pages[lru]);
			all += pages;
			listed += pages;
		}
		assert_int_equal(all, own->capacity_pages);
	}
	for (uint32_t page = 0; page < NR_PAGES; page++) {
		present += memory_present(memory, page);
		if (memory_present(memory, page))
			assert_true(on_list[memory_unit(memory, page)]);
		else
			assert_true(memory->entries[page] & PTE_TRAP);
	}
	assert_int_equal(present, listed);
	free(on_list);
}

static bool is_absent(const struct memory *memory, uint32_t first, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		if (memory_present(memory, first + i))
			return false;
	return true;
}

static void place_at_random(struct memory *memory, struct random *random)
{
	const bool huge = random_below(random, 20) == 0;
	const uint32_t pages = huge ? PAGES_PER_HUGE : 1;
	const uint32_t page = (uint32_t)random_below(random, NR_PAGES) / pages * pages;
	const int node = (int)random_below(random, NR_NODES);

	if (is_absent(memory, page, pages) && memory->nodes[node].free_pages >= pages) {
		memory_place(memory, page, node, huge);
		assert_int_equal(memory_node_of(memory, page + pages - 1), node);
		assert_int_equal(memory_unit(memory, page + pages - 1), page);
	}
}

static void change_at_random(struct memory *memory, struct random *random)
{
	const uint32_t page = (uint32_t)random_below(random, NR_PAGES);
	const uint32_t unit = memory_unit(memory, page);
	const int node = (int)random_below(random, NR_NODES);
	const uint16_t before = memory->entries[unit];

	if (!memory_present(memory, unit))
		return;
	switch (random_below(random, 8)) {
	case 0:
		memory_remove(memory, unit);
		assert_true(memory->entries[page] & PTE_DIRTY);
		assert_int_equal(memory_unit(memory, page), page);
		break;
	case 1:
	case 2:
		memory_set_trap(memory, unit);
		break;
	case 3:
	case 4:
		memory_enlist(memory, unit, random_below(random, 2) ? LRU_ACTIVE : LRU_INACTIVE);
		break;
	default:
		if (memory->nodes[node].free_pages < memory_unit_pages(memory, unit))
			break;
		memory_move(memory, unit, node);
		assert_int_equal(memory->entries[unit], (before & ~(PTE_NODE | PTE_TRAP)) | node);
	}
}

static void test_invariants(void **state)
{
	struct memory memory;
	struct random random;

	(void)state;
	random_seed(&random, 1, 0);
	assert_int_equal(memory_init(&memory, NR_PAGES, nodes, NR_NODES), 0);
	check(&memory);
	for (int round = 0; round < ROUNDS; round++) {
		place_at_random(&memory, &random);
		change_at_random(&memory, &random);
		if (round % 1000 == 0)
			check(&memory);
	}
	check(&memory);
	memory_done(&memory);
}

/* What was put on a list first is its oldest; who is put there again is its youngest. */
static void test_order(void **state)
{
	struct memory memory;
	uint32_t unit;

	(void)state;
	assert_int_equal(memory_init(&memory, NR_PAGES, nodes, NR_NODES), 0);
	assert_false(memory_oldest(&memory, 0, LRU_INACTIVE, &unit));
	for (uint32_t page = 10; page < 13; page++)
		memory_place(&memory, page, 0, false);
	assert_true(memory_oldest(&memory, 0, LRU_INACTIVE, &unit));
	assert_int_equal(unit, 10);
	memory_enlist(&memory, 10, LRU_INACTIVE);
	memory_oldest(&memory, 0, LRU_INACTIVE, &unit);
	assert_int_equal(unit, 11);
	memory_enlist(&memory, 11, LRU_ACTIVE);
	memory_oldest(&memory, 0, LRU_ACTIVE, &unit);
	assert_int_equal(unit, 11);
	memory_oldest(&memory, 0, LRU_INACTIVE, &unit);
	assert_int_equal(unit, 12);
	assert_false(memory_test_and_clear_accessed(&memory, 12));
	memory.entries[12] |= PTE_ACCESSED;
	assert_true(memory_test_and_clear_accessed(&memory, 12));
	assert_false(memory_test_and_clear_accessed(&memory, 12));
	memory_done(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invariants),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
