/* SPDX-License-Identifier: MIT */
/* Tables: alignment, characters of more than one byte, blank cells, short rows. */
#include "cmocka-all.h"

#include <stdlib.h>

#include "cleanup.h"
#include "table.h"

static void assert_prints(const struct table *table, const char *expected)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	assert_int_equal(table_print(table, stream), 0);
	fclose(stream);
	assert_string_equal(text, expected);
}

static void test_columns_align(void **state)
{
	_cleanup_(table_free) struct table table = { 0 };

	(void)state;
	table_column(&table, "NODE", TABLE_RIGHT);
	table_column(&table, "CPUS", TABLE_LEFT);
	table_column(&table, "FREE", TABLE_RIGHT);
	table_cell(&table, "%d", 0);
	table_cell(&table, "0-3,8-11");
	table_cell(&table, "1.00 GiB");
	table_cell(&table, "%d", 1023);
	table_cell(&table, "4");
	table_cell(&table, "0 B");
	assert_prints(&table, "NODE  CPUS          FREE\n"
			      "   0  0-3,8-11  1.00 GiB\n"
			      "1023  4              0 B\n");
}

static void test_no_line_ends_in_blanks(void **state)
{
	_cleanup_(table_free) struct table table = { 0 };

	(void)state;
	table_column(&table, "A", TABLE_LEFT);
	table_column(&table, "LONG TITLE", TABLE_LEFT);
	table_column(&table, "C", TABLE_RIGHT);
	table_cell(&table, "x");
	table_cell(&table, "%s", "");
	table_cell(&table, "%s", "");
	table_cell(&table, "%s", "");
	table_cell(&table, "y");
	assert_prints(&table, "A  LONG TITLE  C\n"
			      "x\n"
			      "   y\n");
}

static void test_width_counts_characters(void **state)
{
	_cleanup_(table_free) struct table table = { 0 };

	(void)state;
	table_column(&table, "T", TABLE_LEFT);
	table_column(&table, "U", TABLE_LEFT);
	table_cell(&table, "µs");
	table_cell(&table, "1");
	table_cell(&table, "ns");
	table_cell(&table, "2");
	assert_prints(&table, "T   U\n"
			      "µs  1\n"
			      "ns  2\n");
}

static void test_empty_table_prints_nothing(void **state)
{
	struct table table = { 0 };

	(void)state;
	assert_prints(&table, "");
}

static void test_amounts(void **state)
{
	_cleanup_(table_free) struct table table = { 0 };

	(void)state;
	table_column(&table, "SIZE", TABLE_RIGHT);
	table_column(&table, "SPEED", TABLE_RIGHT);
	table_bytes(&table, 3UL << 20);
	table_bandwidth(&table, 12500000000);
	table_bytes(&table, 0);
	table_bandwidth(&table, 0);
	assert_prints(&table, "    SIZE      SPEED\n"
			      "3.00 MiB  12.5 GB/s\n"
			      "     0 B          -\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_align),
		cmocka_unit_test(test_no_line_ends_in_blanks),
		cmocka_unit_test(test_width_counts_characters),
		cmocka_unit_test(test_amounts),
		cmocka_unit_test(test_empty_table_prints_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
