/* SPDX-License-Identifier: MIT */
/* What a pidfd means: a process, a thread, the caller, nothing any more. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "child.h"

static void test_a_thread_alone(void **state)
{
	struct mpol_args args = { .mode = MPOL_MODE_LOCAL };
	struct mpol_report report;
	struct child child;
	int thread;

	(void)state;
	child_start(&child, 3);
	thread = child_thread_pidfd(&child, 1);
	assert_int_equal(mpol_process_apply(thread, 0, &args, sizeof(args), &report), 0);
	assert_int_equal(report.nr_threads, 1);
	assert_int_equal(report.threads[0].tid, child.tids[1]);
	mpol_report_free(&report);
	close(thread);
	child_stop(&child);
}

static void test_not_a_pidfd(void **state)
{
	struct mpol_error error;
	struct mpol_args args = { .error = &error };
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(mpol_process_get_mempolicy(fds[0], &args, sizeof(args)), -EBADF);
	assert_string_equal(error.cause, "not a pidfd");
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(mpol_process_get_mempolicy(fds[0], &args, sizeof(args)), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_thread_alone),
		cmocka_unit_test(test_not_a_pidfd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
