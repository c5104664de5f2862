/* SPDX-License-Identifier: MIT */
/* Sets of nodes: the list form, the last node, set algebra. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>

#include "nodemask.h"

static struct nodemask parsed(const char *text)
{
	struct nodemask mask;

	assert_int_equal(nodemask_parse(text, &mask), 0);
	return mask;
}

static void test_list_form_round_trips(void **state)
{
	static const char *const lists[] = { "",     "0",	 "0-1",	   "0,2", "1-3,7,9-10",
					     "1023", "62-65,70", "0-1023", NULL };
	char buffer[64];

	(void)state;
	for (int i = 0; lists[i]; i++) {
		struct nodemask mask = parsed(lists[i]);

		assert_int_equal(nodemask_format(&mask, buffer, sizeof(buffer)), strlen(lists[i]));
		assert_string_equal(buffer, lists[i]);
	}
}

static void test_parse_accepts_the_kernels_newline(void **state)
{
	struct nodemask mask = parsed("0-1\n");

	(void)state;
	assert_int_equal(nodemask_weight(&mask), 2);
}

static void test_parse_refuses_and_leaves_result_alone(void **state)
{
	static const char *const bad[] = { "a",	   "-1",  "1-",	  "3-1", "1,", ",1",
					   "1,,2", "1 2", "1\n2", "0x1", " 1", NULL };
	struct nodemask mask = nodemask_of(5), before = mask;

	(void)state;
	for (int i = 0; bad[i]; i++) {
		assert_int_equal(nodemask_parse(bad[i], &mask), -EINVAL);
		assert_true(nodemask_equal(&mask, &before));
	}
	assert_int_equal(nodemask_parse("1024", &mask), -ERANGE);
	assert_int_equal(nodemask_parse("99999999999999999999", &mask), -ERANGE);
	assert_true(nodemask_equal(&mask, &before));
}

static void test_format_cuts_and_tells_whole_length(void **state)
{
	struct nodemask mask = parsed("1-3,7,9-10");
	char buffer[5];

	(void)state;
	assert_int_equal(nodemask_format(&mask, buffer, sizeof(buffer)), 10);
	assert_string_equal(buffer, "1-3,");
	assert_int_equal(nodemask_format(&mask, NULL, 0), 10);
}

static void test_last_node_is_a_node(void **state)
{
	struct nodemask mask = nodemask_of(NODES_MAX - 1);

	(void)state;
	assert_true(nodemask_test(&mask, NODES_MAX - 1));
	assert_true(nodemask_words_test(mask.bits, NODES_MAX - 1));
	assert_false(nodemask_words_test(mask.bits, 0));
	assert_int_equal(nodemask_next(&mask, 0), NODES_MAX - 1);
	assert_int_equal(nodemask_next(&mask, NODES_MAX), -1);
	nodemask_clear(&mask, NODES_MAX - 1);
	assert_true(nodemask_empty(&mask));
}

static void test_set_algebra(void **state)
{
	struct nodemask a = parsed("0-3,100"), b = parsed("2-5"), both = parsed("2-3"),
			either = parsed("0-5,100"), rest = parsed("0-1,100"), result;
	int node, seen = 0;

	(void)state;
	result = nodemask_and(&a, &b);
	assert_true(nodemask_equal(&result, &both));
	result = nodemask_or(&a, &b);
	assert_true(nodemask_equal(&result, &either));
	result = nodemask_andnot(&a, &b);
	assert_true(nodemask_equal(&result, &rest));
	assert_true(nodemask_subset(&both, &a));
	assert_false(nodemask_subset(&a, &b));
	nodemask_for_each (node, &a)
		seen++;
	assert_int_equal(seen, nodemask_weight(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list_form_round_trips),
		cmocka_unit_test(test_parse_accepts_the_kernels_newline),
		cmocka_unit_test(test_parse_refuses_and_leaves_result_alone),
		cmocka_unit_test(test_format_cuts_and_tells_whole_length),
		cmocka_unit_test(test_last_node_is_a_node),
		cmocka_unit_test(test_set_algebra),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
