/* SPDX-License-Identifier: MIT */
/* Which ranges DAMON is told of: near mappings together, holes left out, never too many. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "damon-ranges.h"

static void test_mappings(void **state)
{
	char maps[] = "400000-401000 r-xp 00000000 08:01 1 /bin/a\n"
		      "500000-600000 rw-p 00000000 00:00 0 [heap]\n"
		      "700000000000-700000100000 rw-p 00000000 00:00 0 \n"
		      "700000100000-700040000000 ---p 00000000 00:00 0 \n"
		      "700040000000-700040001000 rw-p 00000000 00:00 0 \n"
		      "7ffff0000000-7ffff0004000 r--p 00000000 00:00 0 [vvar]\n"
		      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";
	struct damon_ranges ranges;

	(void)state;
	assert_int_equal(damon_ranges_read(maps, &ranges), 0);
	assert_int_equal(ranges.nr, 3);
	assert_int_equal(ranges.items[0].start, 0x400000);
	assert_int_equal(ranges.items[0].end, 0x600000);
	assert_int_equal(ranges.items[1].end, 0x700000100000);
	assert_int_equal(ranges.items[2].start, 0x700040000000);
}

/* 200 mappings of a page, each farther from the one before than that from its own. */
static void test_many(void **state)
{
	static char maps[200 * 64];
	struct damon_ranges ranges;
	uint64_t at = 1ULL << 32;
	size_t length = 0;

	(void)state;
	for (uint64_t i = 0; i < 200; i++, at += (4ULL << 20) * i)
		length += (size_t)snprintf(maps + length, sizeof(maps) - length,
					   "%llx-%llx rw-p 00000000 00:00 0 \n",
					   (unsigned long long)at, (unsigned long long)at + 4096);
	assert_int_equal(damon_ranges_read(maps, &ranges), 0);
	assert_int_equal(ranges.nr, DAMON_RANGES_MAX);
	for (size_t i = 1; i < ranges.nr; i++)
		assert_true(ranges.items[i].start > ranges.items[i - 1].end);
	/* The widest gaps are those that are left. */
	assert_true(ranges.items[0].end - ranges.items[0].start > 1ULL << 32);
	assert_int_equal(ranges.items[DAMON_RANGES_MAX - 1].end -
				 ranges.items[DAMON_RANGES_MAX - 1].start,
			 4096);
}

static void test_bad(void **state)
{
	char nothing[] = "", bad[] = "no map\n";
	struct damon_ranges ranges = { .nr = 9 };

	(void)state;
	assert_int_equal(damon_ranges_read(bad, &ranges), -EBADMSG);
	assert_int_equal(ranges.nr, 9);
	assert_int_equal(damon_ranges_read(nothing, &ranges), 0);
	assert_int_equal(ranges.nr, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
