/* SPDX-License-Identifier: MIT */
/* Sets of CPUs in hwloc's form. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>

#include "cpumask.h"

static void test_forms(void **state)
{
	static const struct {
		const char *text;
		int cpus[4]; /* ended by -1 */
	} good[] = {
		{ "0x0", { -1 } },
		{ "0x00000000", { -1 } },
		{ "0x00000003", { 0, 1, -1 } },
		{ "0xA", { 1, 3, -1 } },
		{ "0x80000000,0x0", { 63, -1 } },
		{ "0x00000001,,0x80000001", { 0, 31, 64, -1 } },
		{ "0x1,,", { 64, -1 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct cpumask mask;
		int cpu, n = 0;

		assert_int_equal(cpumask_parse(good[i].text, &mask), 0);
		cpumask_for_each(cpu, &mask) assert_int_equal(cpu, good[i].cpus[n++]);
		assert_int_equal(good[i].cpus[n], -1);
		assert_int_equal(cpumask_weight(&mask), n);
		assert_int_equal(cpumask_next(&mask, CPUMASK_MAX_CPUS), -1);
		cpumask_free(&mask);
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "",	   "0x",   "3",	    "0x3,1",  "0x123456789",
					   "0xg",  "0x 1", " 0x1",  "0x1 ",   "0x1;0x1",
					   "-0x1", "0X1",  "0x1\n", "0xf..f", NULL };
	struct cpumask mask = { NULL, 77 };

	(void)state;
	for (int i = 0; bad[i]; i++)
		assert_int_equal(cpumask_parse(bad[i], &mask), -EINVAL);
	assert_int_equal(cpumask_parse("0xf...f", &mask), -ERANGE);
	assert_int_equal(cpumask_parse("0xf...f,0x1", &mask), -ERANGE);
	assert_null(mask.words);
	assert_int_equal(mask.nr_words, 77);
}

/* The highest CPU there can be, and one word more. */
static void test_bound(void **state)
{
	char text[CPUMASK_MAX_CPUS / 32 + 16] = "0x80000000";
	struct cpumask mask;

	(void)state;
	memset(text + strlen(text), ',', CPUMASK_MAX_CPUS / 32 - 1);
	assert_int_equal(cpumask_parse(text, &mask), 0);
	assert_int_equal(cpumask_next(&mask, 0), CPUMASK_MAX_CPUS - 1);
	cpumask_free(&mask);
	strcat(text, ",");
	assert_int_equal(cpumask_parse(text, &mask), -ERANGE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
