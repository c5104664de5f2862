/* SPDX-License-Identifier: MIT */
/* TPP as a peer: the gate of its active list, its demotion watermark, and what comes of them. */
#include "cmocka-all.h"

#include "peers.h"
#include "small-world.h"

/* Touches every page once in 1.84 s: at most every second scan finds it touched. */
#define RARE_TOUCHES "scan:size=8MiB,threads=1,lines=1,think=900us"

static uint64_t active_pages(const struct small_world *small, int node)
{
	return small->world->memory.nodes[node].listed_pages[LRU_ACTIVE];
}

static void first_fault_only_activates(void **state)
{
	struct small_world small = small_world_new(&peer_tpp, RARE_TOUCHES, SLOW);
	const struct tally *tally = &small.world->tally;

	(void)state;
	small_world_run(&small, 2800);
	assert_true(tally->hint_faults > 1900);
	assert_int_equal(active_pages(&small, SLOW), tally->hint_faults);
	assert_int_equal(tally->moved_pages[MOVE_PROMOTION], 0);

	small_world_run(&small, 400);
	assert_true(tally->moved_pages[MOVE_PROMOTION] > 100);
	assert_true(2 * tally->moved_pages[MOVE_PROMOTION] <= tally->hint_faults);
	assert_int_equal(active_pages(&small, FAST), tally->moved_pages[MOVE_PROMOTION]);

	small_world_run(&small, 2800);
	assert_int_equal(small_world_fast_pages(&small, 0, 2048), 2048);
	assert_int_equal(tally->hint_faults, 2 * 2048);
	small_world_free(&small);
}

static void ungated_promotes_at_the_first_fault(void **state)
{
	struct small_world small = small_world_new(&peer_tpp_ungated, RARE_TOUCHES, SLOW);
	const struct tally *tally = &small.world->tally;

	(void)state;
	small_world_run(&small, 2000);
	assert_true(tally->hint_faults > 1000);
	assert_int_equal(tally->moved_pages[MOVE_PROMOTION], tally->hint_faults);
	small_world_free(&small);
}

/* 1228 of 12288 pages are hot, for 4096 in fast memory. */
#define HOT_TENTH "hotcold:size=48MiB,scatter=none,threads=1,think=10us"

static void hot_pages_end_up_in_fast_memory(void **state)
{
	struct small_world small = small_world_new(&peer_tpp, HOT_TENTH, SLOW);

	(void)state;
	small_world_run(&small, 20000);
	assert_true(small_world_fast_pages(&small, 0, 1228) > 1228 * 95 / 100);
	assert_true(small_world_fast_percent(&small, 5000) >= 90);
	small_world_free(&small);
}

static void gate_moves_fewer_pages(void **state)
{
	struct small_world gated = small_world_new(&peer_tpp, HOT_TENTH, SLOW);
	struct small_world ungated = small_world_new(&peer_tpp_ungated, HOT_TENTH, SLOW);

	(void)state;
	small_world_run(&gated, 20000);
	small_world_run(&ungated, 20000);
	assert_true(3 * gated.world->tally.moved_pages[MOVE_PROMOTION] <
		    2 * ungated.world->tally.moved_pages[MOVE_PROMOTION]);
	assert_true(3 * gated.world->tally.bounced_pages < 2 * ungated.world->tally.bounced_pages);
	small_world_free(&gated);
	small_world_free(&ungated);
}

/* First touch leaves a full node at its low watermark: who keeps 2 % free, and who does not. */
static void demotion_has_a_watermark_of_its_own(void **state)
{
	static const char machine[] = "name: roomier\n"
				      "nodes:\n"
				      "  - { id: 0, kind: dram, memory: 128MiB, nr_cpus: 4 }\n"
				      "  - { id: 1, kind: cxl, memory: 512MiB }\n";
	static const char workload[] = "uniform:size=200MiB,threads=1,think=10us";
	const uint64_t goal = 32768 * 2 / 100;
	struct small_world tpp = small_world_on(machine, &peer_tpp, workload, -1);
	struct small_world numab = small_world_on(machine, &peer_numab_high, workload, -1);

	(void)state;
	assert_true(tpp.world->memory.nodes[FAST].marks.high_pages < goal);
	assert_true(tpp.world->memory.nodes[FAST].free_pages < goal);
	for (unsigned i = 0; i < 3000; i++) {
		small_world_run(&tpp, 1);
		assert_in_range(tpp.world->memory.nodes[FAST].free_pages, goal - 64, goal + 64);
		small_world_run(&numab, 1);
		assert_true(numab.world->memory.nodes[FAST].free_pages < goal - 64);
	}
	assert_true(tpp.world->tally.moved_pages[MOVE_PROMOTION] > 100);
	small_world_free(&tpp);
	small_world_free(&numab);
}

/* Down to the min watermark, not only to the low one. */
static void promotion_ignores_what_allocation_wants(void **state)
{
	struct small_world small = small_world_new(&peer_tpp_ungated, HOT_TENTH, SLOW);
	struct world *world = small.world;
	struct memory_node *fast = &world->memory.nodes[FAST];
	const uint64_t taken = fast->free_pages - fast->marks.min_pages - 2;

	(void)state;
	fast->kernel_pages += taken;
	fast->free_pages -= taken;
	for (uint32_t page = 0; page < 3; page++)
		peer_tpp_ungated.hint_fault(world, world->peer_state, &world->threads[0], page);
	assert_int_equal(small_world_fast_pages(&small, 0, 3), 2);
	assert_int_equal(fast->free_pages, fast->marks.min_pages);
	assert_int_equal(world->tally.failed_pages, 1);
	assert_true(world->kswapd_awake[FAST]);
	small_world_free(&small);
}

static void same_seed_same_tally(void **state)
{
	(void)state;
	small_world_assert_repeatable(&peer_tpp, HOT_TENTH, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_fault_only_activates),
		cmocka_unit_test(ungated_promotes_at_the_first_fault),
		cmocka_unit_test(hot_pages_end_up_in_fast_memory),
		cmocka_unit_test(gate_moves_fewer_pages),
		cmocka_unit_test(demotion_has_a_watermark_of_its_own),
		cmocka_unit_test(promotion_ignores_what_allocation_wants),
		cmocka_unit_test(same_seed_same_tally),
	};

	return cmocka_run_group_tests_name("peer-tpp", tests, NULL, NULL);
}
