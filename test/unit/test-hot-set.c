/* SPDX-License-Identifier: MIT */
/* A known hot set (test/guest/hot-set.h), who plays it, and whether looking for it would notice. */
#include "cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "hot-set.h"
#include "pagemap.h"

#define UNITS 640

static struct hot_set set = { .nr_units = UNITS };

/* Tells how often each unit is hot. */
static void find_hot(unsigned *times)
{
	memset(times, 0, UNITS * sizeof(*times));
	for (size_t number = 0; number < hot_set_nr(&set); number++) {
		assert_in_range(hot_set_unit(&set, number), 0, UNITS - 1);
		times[hot_set_unit(&set, number)]++;
	}
}

static void test_units(void **state)
{
	unsigned times[UNITS], neighbours[2] = { 0 };

	(void)state;
	for (int is_scattered = 0; is_scattered < 2; is_scattered++) {
		size_t hot = 0;

		set.is_scattered = is_scattered;
		find_hot(times);
		for (size_t unit = 0; unit < UNITS; unit++) {
			assert_in_range(times[unit], 0, 1);
			hot += times[unit];
			neighbours[is_scattered] += unit && times[unit] && times[unit - 1];
		}
		assert_int_equal(hot, UNITS / 10);
	}
	assert_int_equal(neighbours[0], UNITS / 10 - 1);
	assert_in_range(neighbours[1], 0, UNITS / 40);
}

static void test_accesses(void **state)
{
	unsigned times[UNITS], hot = 0;
	uint64_t random = 1;

	(void)state;
	find_hot(times);
	for (int i = 0; i < 100000; i++) {
		const size_t unit = hot_set_next(&set, &random);

		assert_in_range(unit, 0, UNITS - 1);
		hot += times[unit];
	}
	assert_in_range(hot, 90500, 91500); /* 90 %, and a tenth of the rest */
}

static void test_count_right(void **state)
{
	uint64_t heats[UNITS] = { 0 };
	unsigned times[UNITS];
	size_t first = 0;

	(void)state;
	find_hot(times);
	/* Who knows nothing gets those that come first. */
	for (size_t unit = 0; unit < UNITS / 10; unit++)
		first += times[unit];
	assert_int_equal(hot_set_count_right(&set, heats), first);
	for (size_t unit = 0; unit < UNITS; unit++)
		heats[unit] = times[unit] ? 1ULL << 40 : unit;
	assert_int_equal(hot_set_count_right(&set, heats), UNITS / 10);
	/* One that is not hot takes the place of one that is. */
	for (size_t unit = 0; unit < UNITS; unit++)
		heats[unit] = times[unit];
	heats[times[0] ? 1 : 0] = 2;
	assert_int_equal(hot_set_count_right(&set, heats), UNITS / 10 - 1);
}

/* Sees the hot units at the third scan, all others at the fifth. */
static unsigned scans;

static int fake_clear(struct tracker *tracker)
{
	(void)tracker;
	scans = 0;
	return 0;
}

static int fake_scan(struct tracker *tracker, uint64_t start, uint64_t end, uint64_t *bits)
{
	unsigned times[UNITS];

	(void)tracker;
	find_hot(times);
	scans++;
	for (size_t page = 0; page < (end - start) / PAGE_BYTES; page++)
		if (scans >= 5 || (scans >= 3 && times[page / HUGE_PAGES]))
			bits[page / 64] |= 1ULL << page % 64;
	return 0;
}

static void test_finder(void **state)
{
	const struct tracker_kind kind = { .clear = fake_clear, .scan = fake_scan };
	struct hot_child *child = hot_child_new(UNITS, HUGE_PAGES);
	struct hot_finder *finder = hot_finder_new(child);
	struct tracker tracker = { .kind = &kind };

	(void)state;
	set.is_scattered = child->set.is_scattered = true;
	assert_int_equal(hot_finder_look(finder, &tracker), 0);
	assert_int_equal(scans, HOT_FINDER_SCANS);
	assert_int_equal(hot_finder_count_right(finder), UNITS / 10);
	hot_finder_free(finder);
}

static void test_child(void **state)
{
	struct hot_child *child = hot_child_new(UNITS, 1);
	pid_t pid;

	(void)state;
	child->rate = 10000;
	pid = hot_child_start(child, NULL);
	while (child->accesses < 100)
		;
	assert_true(child->busy_ns > 0);
	assert_int_equal(child->memory[0], 0); /* its memory is its own */
	hot_child_end(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units),	    cmocka_unit_test(test_accesses),
		cmocka_unit_test(test_count_right), cmocka_unit_test(test_finder),
		cmocka_unit_test(test_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
