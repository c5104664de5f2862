/* SPDX-License-Identifier: MIT */
/* Which tracker is chosen: one that works, and the reason where it is not the best. */
#include "cmocka-all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tracker.h"

static void test_names(void **state)
{
	const struct tracker_kind *best = tracker_find("ptescan");
	const char names[] = TRACKER_NAMES;

	(void)state;
	assert_null(tracker_find(""));
	assert_null(tracker_find("ptescan, soft-dirty"));
	assert_ptr_equal(tracker_find("soft-dirty"), &tracker_soft_dirty);
	assert_true(!best || best->sees_reads);
	assert_true(!best || strstr(names, best->name) == names);
	assert_non_null(strstr(names, tracker_soft_dirty.name));
}

static void test_choice(void **state)
{
	const int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct tracker_kind *kind = NULL, *best = tracker_find("ptescan");
	struct mpol_error why = { 0 };
	int r = tracker_choose(root, &kind, &why);

	(void)state;
	if (r < 0) {
		assert_int_equal(r, -EOPNOTSUPP);
		assert_null(kind);
		assert_string_not_equal(why.cause, "");
		print_message("none works here: %s: %s\n", why.step, why.cause);
	} else {
		struct tracker *tracker;

		assert_int_equal(kind->open(root, getpid(), &tracker, &why), 0);
		kind->close(tracker);
		/* A worse one only for a reason. */
		assert_true(why.code != 0 || !best || kind == best);
		print_message("%s; %s: %s\n", kind->name, why.step, why.cause);
	}
	close(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
