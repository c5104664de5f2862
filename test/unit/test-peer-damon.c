/* SPDX-License-Identifier: MIT */
/* DAMON as a peer: what its regions find, its quota, its watermarks, and what it costs. */
#include "cmocka-all.h"

#include "peers.h"
#include "small-world.h"

/* The first 1228 of 12288 pages are hot, for 4096 in fast memory; the others are idle. */
#define HOT_BLOCK "hotcold:size=48MiB,hits=100%,scatter=none,threads=1,think=1us"
#define HOT_PAGES 1228

/* An eighth of fast memory. */
#define QUOTA_PAGES 512

static void finds_a_hot_block(void **state)
{
	struct small_world small = small_world_new(&peer_damon, HOT_BLOCK, SLOW);
	const struct tally *tally = &small.world->tally;

	(void)state;
	small_world_run(&small, 10000);
	assert_true(small_world_fast_pages(&small, 0, HOT_PAGES) > HOT_PAGES * 95 / 100);
	/* All have been accessed since they were loaded, as far as it can know; it still
	 * moves few of the others. */
	assert_true(small_world_fast_pages(&small, HOT_PAGES, 12288 - HOT_PAGES) < HOT_PAGES / 4);
	assert_true(small_world_fast_percent(&small, 1000) >= 95);
	assert_int_equal(tally->moved_pages[MOVE_DEMOTION], 0);
	small_world_free(&small);
}

static void hot_set_among_cold_accesses(void **state)
{
	struct small_world small = small_world_new(
		&peer_damon, "hotcold:size=48MiB,scatter=none,threads=1,think=10us", SLOW);

	(void)state;
	small_world_run(&small, 20000);
	assert_true(small_world_fast_pages(&small, 0, HOT_PAGES) > HOT_PAGES * 95 / 100);
	assert_true(small_world_fast_percent(&small, 5000) >= 90);
	small_world_free(&small);
}

/* One random page stands for its region: where hot pages lie scattered it learns little. */
static void scattered_hot_pages_take_longer(void **state)
{
	struct small_world block = small_world_new(
		&peer_damon, "hotcold:size=48MiB,scatter=none,threads=1,think=1us", SLOW);
	struct small_world scattered = small_world_new(
		&peer_damon, "hotcold:size=48MiB,scatter=base,threads=1,think=1us", SLOW);

	(void)state;
	assert_true(small_world_fast_percent(&block, 1000) >
		    2 * small_world_fast_percent(&scattered, 1000));
	small_world_free(&block);
	small_world_free(&scattered);
}

static void quota_limits_each_interval(void **state)
{
	struct small_world small =
		small_world_new(&peer_damon, "uniform:size=48MiB,threads=1", SLOW);
	const struct tally *tally = &small.world->tally;
	uint64_t most = 0;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		const uint64_t before = tally->moved_pages[MOVE_PROMOTION];

		small_world_run(&small, 100);
		if (tally->moved_pages[MOVE_PROMOTION] - before > most)
			most = tally->moved_pages[MOVE_PROMOTION] - before;
	}
	assert_int_equal(most, QUOTA_PAGES);
	assert_int_equal(tally->failed_pages, 0);
	small_world_free(&small);
}

/* First touch leaves less than 2 % of fast memory free: it demotes what is idle, to 4 %, both
 * above the min watermark. */
static void watermarks_have_hysteresis(void **state)
{
	struct small_world small = small_world_new(&peer_damon, HOT_BLOCK, -1);
	const struct tally *tally = &small.world->tally;
	const struct memory_node *fast = &small.world->memory.nodes[FAST];
	const uint64_t mark = fast->marks.min_pages + 4096 * 4 / 100;
	const uint64_t hot = small_world_fast_pages(&small, 0, HOT_PAGES);

	(void)state;
	assert_int_equal(hot, HOT_PAGES);
	assert_true(fast->free_pages < fast->marks.min_pages + 4096 * 2 / 100);
	small_world_run(&small, 2000);
	assert_in_range(fast->free_pages, mark, mark + QUOTA_PAGES);
	assert_int_equal(small_world_fast_pages(&small, 0, HOT_PAGES), hot);

	const uint64_t demoted = tally->moved_pages[MOVE_DEMOTION];

	assert_true(demoted > 0);
	small_world_run(&small, 2000);
	assert_int_equal(tally->moved_pages[MOVE_DEMOTION], demoted);
	small_world_free(&small);
}

/* No more than 1000 regions, however much there is to tell apart: 2 % of a CPU, and what
 * looking for pages to move takes. */
static void monitoring_is_bounded(void **state)
{
	struct small_world small =
		small_world_new(&peer_damon, "zipf:theta=0.8,size=48MiB,threads=1", SLOW);
	const struct tally *tally = &small.world->tally;
	uint64_t moves_ps;

	(void)state;
	small_world_run(&small, 5000);
	moves_ps = (tally->moved_pages[MOVE_PROMOTION] + tally->moved_pages[MOVE_DEMOTION]) *
		   world_default_costs.move_page_ns * 1000;
	assert_true(tally->manager_ps > moves_ps + 10 * 400 * 5 * 50000ULL);
	assert_true(tally->manager_ps < moves_ps + small.world->now_ps * 3 / 100);
	small_world_free(&small);
}

static void same_seed_same_tally(void **state)
{
	(void)state;
	small_world_assert_repeatable(&peer_damon, "zipf:size=48MiB,threads=2", 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_a_hot_block),
		cmocka_unit_test(hot_set_among_cold_accesses),
		cmocka_unit_test(scattered_hot_pages_take_longer),
		cmocka_unit_test(quota_limits_each_interval),
		cmocka_unit_test(watermarks_have_hysteresis),
		cmocka_unit_test(monitoring_is_bounded),
		cmocka_unit_test(same_seed_same_tally),
	};

	return cmocka_run_group_tests_name("peer-damon", tests, NULL, NULL);
}
