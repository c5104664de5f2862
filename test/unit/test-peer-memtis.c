/* SPDX-License-Identifier: MIT */
/* MEMTIS as a peer: its histogram's threshold, what it keeps free, and what it spends. */
#include "cmocka-all.h"

#include "peers.h"
#include "small-world.h"

/* 1228 of 12288 pages are hot, for 4096 in fast memory. */
#define HOT_TENTH "hotcold:size=48MiB,scatter=none,threads=2,think=10ns"

#define PERIOD 199

static void hot_pages_end_up_in_fast_memory(void **state)
{
	struct small_world small = small_world_new(&peer_memtis, HOT_TENTH, SLOW);

	(void)state;
	small_world_run(&small, 4000);
	assert_true(small_world_fast_pages(&small, 0, 1228) > 1228 * 99 / 100);
	assert_true(small_world_fast_percent(&small, 500) >= 92);
	small_world_free(&small);
}

/* A third of memory is hot, more than fast memory: the threshold keeps pages from taking turns. */
static void no_turns_where_not_all_that_is_hot_fits(void **state)
{
	struct small_world small = small_world_new(
		&peer_memtis, "hotcold:size=48MiB,scatter=none,threads=2,hot=50%,hits=95%", SLOW);
	uint64_t moved;

	(void)state;
	small_world_run(&small, 15000);
	assert_true(small_world_fast_pages(&small, 0, 6144) > 4096 * 90 / 100);
	moved = small.world->tally.moved_pages[MOVE_PROMOTION];
	assert_true(small_world_fast_percent(&small, 5000) >= 55);
	assert_true(small.world->tally.moved_pages[MOVE_PROMOTION] - moved < 4096);
	small_world_free(&small);
}

/* What was hot is forgotten by halving: another set is hot after 20 s. */
static void follows_when_the_hot_set_moves(void **state)
{
	struct small_world small = small_world_new(
		&peer_memtis,
		"shift:size=48MiB,scatter=none,threads=1,hot=30%,think=100ns,shift=80M", SLOW);

	(void)state;
	small_world_run(&small, 14000);
	assert_true(small_world_fast_percent(&small, 500) >= 88);
	small_world_run(&small, 3000);
	assert_true(small_world_fast_percent(&small, 500) < 50);
	small_world_run(&small, 8000);
	assert_true(small_world_fast_percent(&small, 500) >= 88);
	small_world_free(&small);
}

/* First touch leaves a full node at its low watermark, and the hot pages are in it. */
static void some_fast_memory_stays_free(void **state)
{
	struct small_world small =
		small_world_new(&peer_memtis, "hotcold:size=48MiB,scatter=none,hits=100%", -1);
	const struct memory_node *fast = &small.world->memory.nodes[FAST];

	(void)state;
	assert_true(fast->free_pages < 4096 * 2 / 100);
	small_world_run(&small, 501);
	assert_in_range(fast->free_pages, 4096 * 2 / 100, 4096 * 2 / 100 + 1);
	small_world_free(&small);
}

static void huge_pages_move_as_one(void **state)
{
	struct small_world small =
		small_world_of(SMALL_MACHINE, &peer_memtis,
			       "hotcold:size=48MiB,scatter=huge,threads=2", SLOW, true);

	(void)state;
	small_world_run(&small, 2000);
	assert_true(small_world_fast_percent(&small, 500) >= 89);
	assert_true(small.world->tally.moved_pages[MOVE_PROMOTION] >= 2 * PAGES_PER_HUGE);
	assert_int_equal(small.world->tally.moved_pages[MOVE_PROMOTION] % PAGES_PER_HUGE, 0);
	small_world_free(&small);
}

/* 32 threads would cost 4 % and more of a CPU at the usual period. */
static void sampler_stays_below_3_percent_of_a_cpu(void **state)
{
	struct small_world one = small_world_new(&peer_memtis, HOT_TENTH, SLOW);
	struct small_world many = small_world_new(
		&peer_memtis, "hotcold:size=48MiB,scatter=none,threads=32,think=50ns", SLOW);
	const struct world_costs *costs = &many.world->config.costs;
	struct tally before;
	uint64_t samples;

	(void)state;
	small_world_run(&one, 1000);
	assert_int_equal(one.world->config.sample_period, PERIOD);
	small_world_run(&many, 2000);
	assert_true(many.world->config.sample_period > PERIOD);

	before = many.world->tally;
	small_world_run(&many, 1000);
	samples = (tally_accesses(&many.world->tally, FAST) +
		   tally_accesses(&many.world->tally, SLOW) - tally_accesses(&before, FAST) -
		   tally_accesses(&before, SLOW)) /
		  many.world->config.sample_period;
	assert_in_range(samples * costs->sample_ns, 20000000, 31000000);
	small_world_free(&one);
	small_world_free(&many);
}

/* 2 GB/s, promotions and demotions together, at each wake-up for half a second. */
static void moves_no_more_than_its_cap(void **state)
{
	struct small_world small = small_world_on(
		"name: large\n"
		"nodes:\n"
		"  - { id: 0, kind: dram, memory: 3GiB, nr_cpus: 4 }\n"
		"  - { id: 1, kind: cxl, memory: 3GiB }\n",
		&peer_memtis, "uniform:size=2560MiB,threads=16,think=1ns,overlap=10", SLOW);
	uint64_t moved;

	(void)state;
	small_world_run(&small, 501);
	moved = small.world->tally.moved_pages[MOVE_PROMOTION];
	assert_in_range(moved, 1, 2000000000 / 4096 / 2);
	small_world_free(&small);
}

static void same_seed_same_tally(void **state)
{
	(void)state;
	small_world_assert_repeatable(&peer_memtis, HOT_TENTH, 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hot_pages_end_up_in_fast_memory),
		cmocka_unit_test(no_turns_where_not_all_that_is_hot_fits),
		cmocka_unit_test(follows_when_the_hot_set_moves),
		cmocka_unit_test(some_fast_memory_stays_free),
		cmocka_unit_test(huge_pages_move_as_one),
		cmocka_unit_test(sampler_stays_below_3_percent_of_a_cpu),
		cmocka_unit_test(moves_no_more_than_its_cap),
		cmocka_unit_test(same_seed_same_tally),
	};

	return cmocka_run_group_tests_name("peer-memtis", tests, NULL, NULL);
}
