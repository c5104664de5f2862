/* SPDX-License-Identifier: MIT */
/* What a pidfd means: a process, a thread, the caller, nothing any more. */
#include "cmocka-all.h"

#include <errno.h>
#include <pthread.h>
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

static void *wait_at(void *barrier)
{
	pthread_barrier_wait(barrier);
	pthread_barrier_wait(barrier);
	return NULL;
}

/* Nobody can stop a thread of one's own process to change it: nothing is changed then. */
static void test_own_other_threads(void **state)
{
	struct mpol_error error;
	struct mpol_args args = { .mode = MPOL_MODE_LOCAL, .error = &error };
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0U);
	pthread_barrier_t barrier;
	pthread_t thread;

	(void)state;
	pthread_barrier_init(&barrier, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, wait_at, &barrier), 0);
	pthread_barrier_wait(&barrier);
	assert_int_equal(mpol_process_set_mempolicy(self, &args, sizeof(args)), -EOPNOTSUPP);
	assert_non_null(strstr(error.advice, "mpol_set_mempolicy in each thread"));
	assert_int_equal(mpol_get_mempolicy(&args, sizeof(args)), 0);
	assert_int_equal(args.mode, MPOL_MODE_DEFAULT);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&barrier);
	close(self);
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
		cmocka_unit_test(test_own_other_threads),
		cmocka_unit_test(test_not_a_pidfd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
