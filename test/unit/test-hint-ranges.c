/* SPDX-License-Identifier: MIT */
/* Ranges with hints, compared with a table that has one hint per page. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>

#include "hint-ranges.h"

#define PAGE 4096
#define NR   300

static struct hint_ranges ranges;
static enum port_hint pages[NR];

static int start(void **state)
{
	(void)state;
	memset(&ranges, 0, sizeof(ranges));
	memset(pages, 0, sizeof(pages));
	return 0;
}

static void set(unsigned first, unsigned end, enum port_hint hint)
{
	for (unsigned page = first; page < end; page++)
		pages[page] = hint;
	assert_int_equal(hint_ranges_set(&ranges, first * PAGE, end * PAGE, hint), 0);
}

static unsigned next_random(unsigned *seed)
{
	return *seed = *seed * 1664525 + 1013904223;
}

/* Ascending, disjoint, none that could be part of the one before; and the same as the pages'. */
static void compare(void)
{
	uint64_t until = 0;

	for (uint32_t i = 0; i < ranges.nr; i++) {
		assert_true(ranges.ranges[i].start < ranges.ranges[i].end);
		assert_int_not_equal(ranges.ranges[i].hint, PORT_HINT_NONE);
		assert_true(i == 0 || ranges.ranges[i - 1].end < ranges.ranges[i].start ||
			    (ranges.ranges[i - 1].end == ranges.ranges[i].start &&
			     ranges.ranges[i - 1].hint != ranges.ranges[i].hint));
	}
	for (unsigned page = 0; page < NR; page++) {
		assert_int_equal(hint_ranges_at(&ranges, page * PAGE, &until), pages[page]);
		assert_true(until > page * PAGE);
		for (uint64_t same = page; same < NR && same * PAGE < until; same++)
			assert_int_equal(pages[same], pages[page]);
	}
}

static void any_changes_are_as_page_by_page(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		const unsigned first = next_random(&seed) / 7 % NR;
		const unsigned length = next_random(&seed) / 7 % 40;

		set(first, first + length < NR ? first + length : NR,
		    (enum port_hint)(next_random(&seed) / 7 % 4));
		compare();
	}
	set(0, NR, PORT_HINT_NONE);
	assert_int_equal(ranges.nr, 0);
}

static void too_many_change_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HINT_RANGES_MOST; i++)
		assert_int_equal(
			hint_ranges_set(&ranges, 2 * i * PAGE, (2 * i + 1) * PAGE, PORT_HINT_HOT),
			0);
	assert_int_equal(ranges.nr, HINT_RANGES_MOST);
	assert_int_equal(hint_ranges_set(&ranges, 5000 * PAGE, 5001 * PAGE, PORT_HINT_COLD),
			 -ENOSPC);
	assert_int_equal(ranges.nr, HINT_RANGES_MOST);
	/* One in two's place, and what joins two, still fit. */
	assert_int_equal(hint_ranges_set(&ranges, 0, 3 * PAGE, PORT_HINT_COLD), 0);
	assert_int_equal(ranges.nr, HINT_RANGES_MOST - 1);
	assert_int_equal(hint_ranges_set(&ranges, 5 * PAGE, 6 * PAGE, PORT_HINT_HOT), 0);
	assert_int_equal(ranges.nr, HINT_RANGES_MOST - 2);
}

static void of_several_the_strongest_counts(void **state)
{
	(void)state;
	set(10, 20, PORT_HINT_COLD);
	set(20, 30, PORT_HINT_HOT);
	set(30, 40, PORT_HINT_PINNED);
	assert_int_equal(hint_ranges_within(&ranges, 0, 10 * PAGE), PORT_HINT_NONE);
	assert_int_equal(hint_ranges_within(&ranges, 0, 11 * PAGE), PORT_HINT_COLD);
	assert_int_equal(hint_ranges_within(&ranges, 0, 21 * PAGE), PORT_HINT_HOT);
	assert_int_equal(hint_ranges_within(&ranges, 0, 50 * PAGE), PORT_HINT_PINNED);
	assert_int_equal(hint_ranges_within(&ranges, 40 * PAGE, 50 * PAGE), PORT_HINT_NONE);
}

static void nothing_is_nothing(void **state)
{
	(void)state;
	assert_int_equal(hint_ranges_set(&ranges, PAGE, PAGE, PORT_HINT_HOT), 0);
	assert_int_equal(hint_ranges_set(&ranges, 2 * PAGE, PAGE, PORT_HINT_HOT), 0);
	assert_int_equal(ranges.nr, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(any_changes_are_as_page_by_page, start),
		cmocka_unit_test_setup(too_many_change_nothing, start),
		cmocka_unit_test_setup(of_several_the_strongest_counts, start),
		cmocka_unit_test_setup(nothing_is_nothing, start),
	};

	return cmocka_run_group_tests_name("hint-ranges", tests, NULL, NULL);
}
