/* SPDX-License-Identifier: MIT */
/* Reclaim: the cold go before the hot, one tier down, and nothing is lost. */
#include "cmocka-all.h"

#include "reclaim.h"
#include "small-world.h"

#define MS_PS 1000000000ULL

#define THREE_TIERS                                                                \
	"name: three\n"                                                            \
	"nodes:\n"                                                                 \
	"  - { id: 0, kind: dram, memory: 16MiB, nr_cpus: 4 }\n"                   \
	"  - { id: 1, kind: cxl, memory: 16MiB }\n"                                \
	"  - { id: 2, kind: pmem, memory: 64MiB }\n"                               \
	"performance:\n"                                                           \
	"  - { initiators: all, targets: 0, latency: 90ns, bandwidth: 100GB/s }\n" \
	"  - { initiators: all, targets: 1, latency: 200ns, bandwidth: 30GB/s }\n" \
	"  - { initiators: all, targets: 2, latency: 400ns, bandwidth: 10GB/s }\n"

static uint64_t present(const struct world *world)
{
	uint64_t pages = 0;

	for (uint32_t page = 0; page < world->nr_pages; page++)
		pages += memory_present(&world->memory, page);
	return pages;
}

/* Everything below first was accessed twice between the looks, so it is active. */
static void make_hot(struct world *world, uint32_t first, uint32_t nr)
{
	for (uint32_t page = first; page < first + nr; page++)
		memory_enlist(&world->memory, page, LRU_ACTIVE);
}

static void test_cold_go_first(void **state)
{
	struct small_world small =
		small_world_new(peer_by_name("demotion"), "uniform:size=12MiB,threads=1", FAST);
	struct world *world = small.world;
	const uint64_t before = present(world);

	(void)state;
	make_hot(world, 0, 1000);
	assert_in_range(reclaim_direct(world, FAST, 500), 500, 600);
	assert_int_equal(small_world_fast_pages(&small, 0, 1000), 1000);
	assert_int_equal(present(world), before);
	assert_int_equal(world->tally.moved_pages[MOVE_DEMOTION],
			 world->memory.nodes[SLOW].listed_pages[LRU_INACTIVE]);
	small_world_free(&small);
}

/* Accessed once it stays, accessed twice it becomes active. */
static void test_second_chance(void **state)
{
	struct small_world small =
		small_world_new(peer_by_name("demotion"), "uniform:size=8MiB,threads=1", FAST);
	struct memory *memory = &small.world->memory;

	(void)state;
	for (uint32_t page = 100; page < small.world->nr_pages; page++)
		memory->entries[page] &= (uint16_t)~PTE_ACCESSED;
	reclaim_direct(small.world, FAST, 200);
	assert_int_equal(small_world_fast_pages(&small, 0, 100), 100);
	assert_false(memory->entries[0] & (PTE_ACTIVE | PTE_ACCESSED));
	assert_true(memory->entries[0] & PTE_REFERENCED);
	for (uint32_t page = 0; page < 100; page++)
		memory->entries[page] |= PTE_ACCESSED;
	/* All the others and one: the oldest active ones have to go back for it, the youngest not.
	 */
	reclaim_direct(small.world, FAST, memory->nodes[FAST].listed_pages[LRU_INACTIVE] - 99);
	assert_true(memory->entries[99] & PTE_ACTIVE);
	small_world_free(&small);
}

static void test_nowhere_to_go(void **state)
{
	struct small_world small =
		small_world_new(peer_by_name("first-touch"), "uniform:size=8MiB,threads=1", FAST);
	struct world *world = small.world;

	(void)state;
	assert_int_equal(reclaim_direct(world, FAST, 100), 0);
	assert_int_equal(present(world), 2048);
	world->config.swap = true;
	assert_in_range(reclaim_direct(world, FAST, 100), 100, 131);
	assert_int_equal(present(world), 2048 - world->tally.swapped_out);
	/* It comes back when it is touched. */
	small_world_run(&small, 50);
	assert_int_equal(world->tally.swapped_in, world->tally.swapped_out);
	small_world_free(&small);
}

static void test_page_cache_goes_first(void **state)
{
	struct small_world small =
		small_world_new(peer_by_name("demotion"), "uniform:size=4MiB,threads=1", FAST);
	struct memory_node *node = &small.world->memory.nodes[FAST];

	(void)state;
	node->cache_pages = 300;
	node->free_pages -= 300;
	assert_int_equal(reclaim_direct(small.world, FAST, 300), 300);
	assert_int_equal(node->cache_pages, 0);
	assert_int_equal(small_world_fast_pages(&small, 0, 1024), 1024);
	small_world_free(&small);
}

/* From tier to tier: what has no room in the next goes to the one behind. */
static void test_cascade(void **state)
{
	struct small_world small = small_world_on(THREE_TIERS, peer_by_name("demotion"),
						  "uniform:size=40MiB,threads=1", -1);
	struct world *world = small.world;

	(void)state;
	assert_int_equal(present(world), 10240);
	assert_int_equal(reclaim_direct(world, 0, 1000) >= 1000, 1);
	assert_int_equal(present(world), 10240);
	assert_true(world->memory.nodes[2].listed_pages[LRU_INACTIVE] > 1024);
	small_world_free(&small);
}

/* kswapd sleeps until it is woken, then goes on to its goal, in its own time. */
static void test_background(void **state)
{
	struct small_world small =
		small_world_new(peer_by_name("demotion"), "uniform:size=40MiB,threads=1", -1);
	struct world *world = small.world;
	const struct memory_node *node = &world->memory.nodes[FAST];

	(void)state;
	world->kswapd_awake[FAST] = false;
	reclaim_background(world, MS_PS);
	assert_int_equal(world->tally.kswapd_ps, 0);
	assert_true(node->free_pages < node->marks.high_pages);
	world_wake_kswapd(world, FAST);
	for (int i = 0; i < 100 && world->kswapd_awake[FAST]; i++)
		reclaim_background(world, MS_PS);
	assert_false(world->kswapd_awake[FAST]);
	assert_in_range(node->free_pages, node->marks.high_pages, node->marks.high_pages + 64);
	assert_int_equal(world->tally.stalled_ps + world->tally.manager_ps, 0);
	assert_true(world->tally.kswapd_ps > 0);
	small_world_free(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cold_go_first), cmocka_unit_test(test_second_chance),
		cmocka_unit_test(test_nowhere_to_go), cmocka_unit_test(test_page_cache_goes_first),
		cmocka_unit_test(test_cascade),	      cmocka_unit_test(test_background),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
