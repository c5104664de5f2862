/* SPDX-License-Identifier: MIT */
/* Counting the policies of a process's threads. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "child.h"
#include "policies.h"

static unsigned long node0[1] = { 1 };

static void test_most_frequent_first(void **state)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	_cleanup_(policies_free) struct policies all = { 0 }, one = { 0 };
	struct mpol_args args = {
		.mode = MPOL_MODE_BIND,
		.policy_nodemask = node0,
		.policy_maxnode = 64,
	};
	char buffer[POLICY_TEXT_SIZE];
	struct mpol_report report;
	struct mpol_error error;
	struct child child;

	(void)state;
	child_start(&child, 4);
	assert_int_equal(
		mpol_process_apply(child.pidfd, child.tids[0], &args, sizeof(args), &report), 0);
	mpol_report_free(&report);
	assert_int_equal(mpol_process_new(NULL, child.pid, MPOL_PROCESS_THREADS, &process, &error),
			 0);
	child_stop(&child);

	assert_int_equal(policies_count(process, 0, &all, &error), 0);
	assert_int_equal(all.nr, 2);
	/* A sanitizer may have threads of its own. */
	assert_true(all.counts[0].nr_threads >= 3);
	assert_string_equal(policy_text(all.counts[0].policy, buffer), "default");
	assert_int_equal(all.counts[1].nr_threads, 1);
	assert_string_equal(policy_text(all.counts[1].policy, buffer), "bind:0");
	assert_int_equal(policies_count(process, child.tids[0], &one, &error), 0);
	assert_int_equal(one.nr, 1);
	assert_string_equal(policy_text(one.counts[0].policy, buffer), "bind:0");
	assert_int_equal(policies_count(process, getpid(), &one, &error), -ESRCH);
	assert_non_null(strstr(error.advice, "--threads"));
}

static void test_unknown(void **state)
{
	char buffer[POLICY_TEXT_SIZE];
	json_t *json = policy_json(NULL);

	(void)state;
	assert_string_equal(policy_text(NULL, buffer), "unknown");
	assert_true(json_is_null(json));
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_most_frequent_first),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
