/* SPDX-License-Identifier: MIT */
/* The scanner for hint faults: what it unmaps, when, and at whose cost. */
#include "cmocka-all.h"

#include <stdlib.h>

#include "hint-scan.h"
#include "small-world.h"

static const struct peer nobody = { .name = "nobody", .summary = "moves nothing" };

static uint32_t count_traps(const struct world *world, int node)
{
	uint32_t traps = 0;

	for (uint32_t page = 0; page < world->nr_pages; page++)
		traps += memory_node_of(&world->memory, page) == node &&
			 (world->memory.entries[page] & PTE_TRAP) != 0;
	return traps;
}

/* As a peer does it: a tick in every quantum. */
static void run(struct small_world *small, struct hint_scan *scan, unsigned ms)
{
	for (unsigned i = 0; i < ms; i++) {
		small_world_run(small, 1);
		hint_scan_tick(scan, small->world);
	}
}

static void unmaps_slow_memory_only(void **state)
{
	struct small_world small = small_world_new(&nobody, "uniform:size=24MiB,threads=1", -1);
	struct world *world = small.world;
	uint32_t *unmapped_ms = calloc(world->nr_pages, sizeof(*unmapped_ms));
	const uint64_t slow_pages = world->memory.nodes[SLOW].listed_pages[LRU_INACTIVE];
	struct hint_scan scan;

	(void)state;
	assert_true(slow_pages > 2000 && slow_pages < 6144);
	assert_int_equal(hint_scan_start(&scan, world, unmapped_ms), 0);
	small_world_run(&small, 999);
	hint_scan_tick(&scan, world);
	assert_int_equal(count_traps(world, SLOW), 0);

	small_world_run(&small, 1);
	const uint64_t clock_ps = world->threads[0].clock_ps;
	hint_scan_tick(&scan, world);
	assert_int_equal(count_traps(world, SLOW), slow_pages);
	assert_int_equal(count_traps(world, FAST), 0);
	assert_int_equal(unmapped_ms[world->nr_pages - 1], 1000);
	assert_int_equal(unmapped_ms[0], 0);
	/* It was the thread's own time. */
	assert_int_equal(world->threads[0].clock_ps - clock_ps,
			 world->nr_pages * world_default_costs.entry_ps);

	small_world_run(&small, 500);
	assert_true(world->tally.hint_faults > 0 && world->tally.hint_faults <= slow_pages);
	assert_int_equal(count_traps(world, SLOW), slow_pages - world->tally.hint_faults);
	/* The next one is a second after the first. */
	hint_scan_tick(&scan, world);
	assert_int_equal(count_traps(world, SLOW), slow_pages - world->tally.hint_faults);
	hint_scan_stop(&scan);
	free(unmapped_ms);
	small_world_free(&small);
}

/* A gigabyte is scanned in four parts, four times as often. */
static void large_memory_goes_in_windows(void **state)
{
	static const char machine[] = "name: large\n"
				      "nodes:\n"
				      "  - { id: 0, kind: dram, memory: 64MiB, nr_cpus: 4 }\n"
				      "  - { id: 1, kind: cxl, memory: 2GiB }\n";
	struct small_world small =
		small_world_on(machine, &nobody, "uniform:size=1GiB,threads=1,think=1ms", SLOW);
	struct hint_scan scan;

	(void)state;
	assert_int_equal(hint_scan_start(&scan, small.world, NULL), 0);
	run(&small, &scan, 1000);
	for (unsigned i = 1; i <= 4; i++) {
		/* An access a millisecond undoes few. */
		assert_true(count_traps(small.world, SLOW) > i * 65536 - 1100);
		assert_true(count_traps(small.world, SLOW) <= i * 65536);
		run(&small, &scan, 249);
		assert_true(count_traps(small.world, SLOW) <= i * 65536);
		/* A scan puts the next one off by two ticks. */
		run(&small, &scan, 9);
	}
	hint_scan_stop(&scan);
	small_world_free(&small);
}

/* What is still unmapped keeps its time: it is not hot. */
static void notes_when_first_unmapped(void **state)
{
	struct small_world small =
		small_world_new(&nobody, "uniform:size=24MiB,threads=1,think=1ms", SLOW);
	uint32_t *unmapped_ms = calloc(small.world->nr_pages, sizeof(*unmapped_ms));
	struct hint_scan scan;
	uint32_t kept = 0;

	(void)state;
	assert_int_equal(hint_scan_start(&scan, small.world, unmapped_ms), 0);
	run(&small, &scan, 4000);
	for (uint32_t page = 0; page < small.world->nr_pages; page++)
		kept += unmapped_ms[page] == 1000;
	/* 3,000 accesses to 6,144 pages leave 61 % untouched. */
	assert_true(kept > small.world->nr_pages / 2);
	hint_scan_stop(&scan);
	free(unmapped_ms);
	small_world_free(&small);
}

/* When the next scan unmaps pages, in ms; 0: not in the next 10 s. */
static uint64_t next_scan_ms(struct small_world *small, struct hint_scan *scan)
{
	for (unsigned i = 0; i < 10000; i++) {
		const uint32_t before = count_traps(small->world, SLOW);

		run(small, scan, 1);
		if (count_traps(small->world, SLOW) > before)
			return small->world->now_ps / 1000000000;
	}
	return 0;
}

/* Promotions of a sweep double the period once; so do those of the next sweep. */
static void promotions_slow_it_down(void **state)
{
	struct small_world small =
		small_world_new(&nobody, "uniform:size=24MiB,threads=1,think=100us", SLOW);
	const struct world_thread *thread = &small.world->threads[0];
	struct hint_scan scan;
	uint64_t first_ms, second_ms;

	(void)state;
	assert_int_equal(hint_scan_start(&scan, small.world, NULL), 0);
	first_ms = next_scan_ms(&small, &scan);
	assert_int_equal(first_ms, 1000);
	for (int i = 0; i < 100; i++)
		hint_scan_promoted(&scan, small.world, thread);
	second_ms = next_scan_ms(&small, &scan);
	assert_in_range(second_ms - first_ms, 2000, 2020);
	hint_scan_promoted(&scan, small.world, thread);
	first_ms = next_scan_ms(&small, &scan);
	assert_in_range(first_ms - second_ms, 4000, 4020);
	/* Without any it stays. */
	second_ms = next_scan_ms(&small, &scan);
	assert_in_range(second_ms - first_ms, 4000, 4020);
	hint_scan_stop(&scan);
	small_world_free(&small);
}

/* From the third sweep on every idle mapping takes a period. */
static void idle_mappings_take_periods(void **state)
{
	struct small_world small =
		small_world_new(&nobody, "uniform:size=24MiB,threads=1,think=100us", SLOW);
	struct hint_scan scan;
	uint64_t ms[5];

	(void)state;
	small.world->config.idle_mappings = 3;
	assert_int_equal(hint_scan_start(&scan, small.world, NULL), 0);
	for (int i = 0; i < 5; i++)
		ms[i] = next_scan_ms(&small, &scan);
	assert_in_range(ms[1] - ms[0], 1000, 1010);
	assert_in_range(ms[2] - ms[1], 1000, 1010);
	assert_in_range(ms[3] - ms[2], 3000, 3030);
	assert_in_range(ms[4] - ms[3], 3000, 3030);
	hint_scan_stop(&scan);
	small_world_free(&small);
}

/* A scan that takes long is followed by 32 times as much of the thread's own time. */
static void costly_scans_are_rare(void **state)
{
	struct small_world small =
		small_world_new(&nobody, "uniform:size=24MiB,threads=1,think=100us", SLOW);
	struct hint_scan scan;
	uint64_t first_ms, second_ms;

	(void)state;
	/* 61.44 ms: 15 ticks of 4 ms. */
	small.world->config.costs.entry_ps = 10000000;
	assert_int_equal(hint_scan_start(&scan, small.world, NULL), 0);
	first_ms = next_scan_ms(&small, &scan);
	second_ms = next_scan_ms(&small, &scan);
	assert_in_range(second_ms - first_ms, 1000 + 15 * 4 * 32, 1000 + 15 * 4 * 32 + 80);
	hint_scan_stop(&scan);
	small_world_free(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unmaps_slow_memory_only),
		cmocka_unit_test(large_memory_goes_in_windows),
		cmocka_unit_test(notes_when_first_unmapped),
		cmocka_unit_test(promotions_slow_it_down),
		cmocka_unit_test(idle_mappings_take_periods),
		cmocka_unit_test(costly_scans_are_rare),
	};

	return cmocka_run_group_tests_name("hint-scan", tests, NULL, NULL);
}
