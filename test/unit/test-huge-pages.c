/* SPDX-License-Identifier: MIT */
/* What is said of huge pages, and which are worth splitting. */
#include "cmocka-all.h"

#include <errno.h>

#include "huge-pages.h"

static void test_names(void **state)
{
	enum huge_say say = HUGE_UNSAID;

	(void)state;
	assert_int_equal(huge_say_parse("split", &say), 0);
	assert_int_equal(say, HUGE_SPLIT);
	assert_int_equal(huge_say_parse("whole", &say), 0);
	assert_int_equal(say, HUGE_WHOLE);
	for (const char **bad = (const char *[]) { "", "Split", "split ", "true", NULL }; *bad;
	     bad++)
		assert_int_equal(huge_say_parse(*bad, &say), -EINVAL);
	assert_int_equal(say, HUGE_WHOLE);
}

static void test_both(void **state)
{
	static const enum huge_say wanted[3][3] = {
		[HUGE_UNSAID] = { HUGE_UNSAID, HUGE_WHOLE, HUGE_SPLIT },
		[HUGE_WHOLE] = { HUGE_WHOLE, HUGE_WHOLE, HUGE_WHOLE },
		[HUGE_SPLIT] = { HUGE_SPLIT, HUGE_WHOLE, HUGE_SPLIT },
	};

	(void)state;
	for (int one = 0; one < 3; one++)
		for (int other = 0; other < 3; other++)
			assert_int_equal(huge_say_both((enum huge_say)one, (enum huge_say)other),
					 wanted[one][other]);
}

static void test_worth(void **state)
{
	const struct huge_page busy = { .seen = 1, .may_move = true };
	struct huge_page page = busy;

	(void)state;
	assert_true(huge_page_is_worth_splitting(&page));
	page.nr_splits = HUGE_MOST_SPLITS - 1;
	assert_true(huge_page_is_worth_splitting(&page));
	page.nr_splits++;
	assert_false(huge_page_is_worth_splitting(&page));
	page = busy;
	page.seen = 0;
	assert_false(huge_page_is_worth_splitting(&page));
	page = busy;
	page.may_move = false;
	assert_false(huge_page_is_worth_splitting(&page));
	for (enum port_hint hint = PORT_HINT_HOT; hint <= PORT_HINT_PINNED; hint++) {
		page = busy;
		page.hint = hint;
		assert_false(huge_page_is_worth_splitting(&page));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_worth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
