/* SPDX-License-Identifier: MIT */
/* A process's table of hints: what is read of a good one, and that a bad one is refused. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hint-table.h"

static struct hint_table table;
static struct hint_ranges ranges;
static const char *why;

static int start(void **state)
{
	(void)state;
	table = (struct hint_table) {
		.magic = HINT_TABLE_MAGIC,
		.version = HINT_TABLE_VERSION,
		.sequence = 8,
		.nr = 3,
		.ranges = { { 0x1000, 0x3000, PORT_HINT_HOT, 0 },
			    { 0x3000, 0x4000, PORT_HINT_PINNED, 0 },
			    { 0x7000, 0x8000, PORT_HINT_COLD, 0 } },
	};
	ranges = (struct hint_ranges) { .nr = 77 };
	why = NULL;
	return 0;
}

static void a_good_one_is_taken(void **state)
{
	(void)state;
	assert_int_equal(hint_table_parse(&table, sizeof(table), &ranges, &why), 0);
	assert_null(why);
	assert_int_equal(ranges.nr, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ranges.ranges[i].start, table.ranges[i].start);
		assert_int_equal(ranges.ranges[i].end, table.ranges[i].end);
		assert_int_equal(ranges.ranges[i].hint, table.ranges[i].hint);
	}
}

static void assert_refused(const char *with)
{
	assert_int_equal(hint_table_parse(&table, sizeof(table), &ranges, &why), -EBADMSG);
	assert_non_null(strstr(why, with));
	assert_int_equal(ranges.nr, 77);
	start(NULL);
}

static void a_bad_one_is_refused(void **state)
{
	(void)state;
	table.magic++;
	assert_refused("begin");
	table.version++;
	assert_refused("version");
	table.nr = HINT_RANGES_MOST + 1;
	assert_refused("too many");
	table.nr = 4; /* the fourth is zeros */
	assert_refused("empty");
	table.ranges[1].start++;
	assert_refused("whole pages");
	table.ranges[1].start = 0x2000;
	assert_refused("overlap");
	table.ranges[2] = table.ranges[0];
	assert_refused("overlap");
	table.ranges[2].hint = 0;
	assert_refused("not known");
	table.ranges[2].hint = PORT_HINT_PINNED + 1;
	assert_refused("not known");
	memset(&table, 0xff, sizeof(table));
	assert_refused("begin");
	assert_int_equal(hint_table_parse(&table, sizeof(table) - 1, &ranges, &why), -EBADMSG);
}

static void one_that_is_being_written_is_to_be_read_again(void **state)
{
	(void)state;
	table.sequence++;
	assert_int_equal(hint_table_parse(&table, sizeof(table), &ranges, &why), -EAGAIN);
	assert_int_equal(ranges.nr, 77);
}

static void it_is_read_where_it_is_mapped(void **state)
{
	const uint64_t at = (uintptr_t)&table;

	(void)state;
	assert_int_equal(hint_table_read(getpid(), at, at + sizeof(table), &ranges, &why), 0);
	assert_int_equal(ranges.nr, 3);
	table.sequence++;
	assert_int_equal(hint_table_read(getpid(), at, at + sizeof(table), &ranges, &why), -EAGAIN);
	assert_int_equal(hint_table_read(getpid(), at, at + sizeof(table) - 1, &ranges, &why),
			 -EBADMSG);
	assert_int_equal(hint_table_read(INT32_MAX, at, at + sizeof(table), &ranges, &why), -ESRCH);
	assert_int_equal(hint_table_read(getpid(), 4096, 4096 + sizeof(table), &ranges, &why),
			 -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_good_one_is_taken, start),
		cmocka_unit_test_setup(a_bad_one_is_refused, start),
		cmocka_unit_test_setup(one_that_is_being_written_is_to_be_read_again, start),
		cmocka_unit_test_setup(it_is_read_where_it_is_mapped, start),
	};

	return cmocka_run_group_tests_name("hint-table", tests, NULL, NULL);
}
