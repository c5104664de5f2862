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
	small_world_run(&small, 1001);
	for (unsigned i = 1; i <= 4; i++) {
		hint_scan_tick(&scan, small.world);
		/* An access a millisecond undoes few. */
		assert_true(count_traps(small.world, SLOW) > i * 65536 - 1000);
		assert_true(count_traps(small.world, SLOW) <= i * 65536);
		small_world_run(&small, 249);
		hint_scan_tick(&scan, small.world);
		assert_true(count_traps(small.world, SLOW) <= i * 65536);
		small_world_run(&small, 2);
	}
	hint_scan_stop(&scan);
	small_world_free(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unmaps_slow_memory_only),
		cmocka_unit_test(large_memory_goes_in_windows),
	};

	return cmocka_run_group_tests_name("hint-scan", tests, NULL, NULL);
}
