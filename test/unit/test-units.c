/* SPDX-License-Identifier: MIT */
/* Sizes, bandwidths and durations with units. */
#include "cmocka-all.h"

#include <errno.h>

#include "units.h"

static void test_bytes(void **state)
{
	uint64_t bytes = 42;

	(void)state;
	assert_int_equal(units_parse_bytes("4096", &bytes), 0);
	assert_int_equal(bytes, 4096);
	assert_int_equal(units_parse_bytes("2GiB", &bytes), 0);
	assert_int_equal(bytes, 2ULL << 30);
	assert_int_equal(units_parse_bytes("1.5 GiB", &bytes), 0);
	assert_int_equal(bytes, 3ULL << 29);
	assert_int_equal(units_parse_bytes("0.1MB", &bytes), 0);
	assert_int_equal(bytes, 100000);
	assert_int_equal(units_parse_bytes("0", &bytes), 0);
	assert_int_equal(bytes, 0);
}

static void test_bandwidth_and_duration_need_units(void **state)
{
	uint64_t value = 42;

	(void)state;
	assert_int_equal(units_parse_bandwidth("200MB/s", &value), 0);
	assert_int_equal(value, 200000000);
	assert_int_equal(units_parse_duration("1.5ms", &value), 0);
	assert_int_equal(value, 1500000);
	assert_int_equal(units_parse_duration("2min", &value), 0);
	assert_int_equal(value, 120000000000ULL);
	assert_int_equal(units_parse_bandwidth("200", &value), -EINVAL);
	assert_int_equal(units_parse_duration("5", &value), -EINVAL);
	assert_int_equal(value, 120000000000ULL);
}

static void test_refusals_leave_result_alone(void **state)
{
	static const char *const bad[] = { "",	   "GiB",   "-1",  "1.",     ".5GiB", "1 2",
					   "2gib", "2GiBx", "1.5", "1..5MB", NULL };
	uint64_t bytes = 42;

	(void)state;
	for (int i = 0; bad[i]; i++)
		assert_int_equal(units_parse_bytes(bad[i], &bytes), -EINVAL);
	assert_int_equal(units_parse_bytes("18446744073709551616", &bytes), -ERANGE);
	assert_int_equal(units_parse_bytes("16384PiB", &bytes), -ERANGE);
	assert_int_equal(bytes, 42);
}

static void test_format(void **state)
{
	char buffer[32];

	(void)state;
	assert_string_equal(units_format_bytes(0, buffer, sizeof(buffer)), "0 B");
	assert_string_equal(units_format_bytes(1023, buffer, sizeof(buffer)), "1023 B");
	assert_string_equal(units_format_bytes(3ULL << 29, buffer, sizeof(buffer)), "1.50 GiB");
	assert_string_equal(units_format_bytes(700ULL << 20, buffer, sizeof(buffer)), "700 MiB");
	assert_string_equal(units_format_bandwidth(35200000000, buffer, sizeof(buffer)),
			    "35.2 GB/s");
	assert_string_equal(units_format_duration(120, buffer, sizeof(buffer)), "120 ns");
	assert_string_equal(units_format_duration(1500000, buffer, sizeof(buffer)), "1.50 ms");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_bandwidth_and_duration_need_units),
		cmocka_unit_test(test_refusals_leave_result_alone),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
