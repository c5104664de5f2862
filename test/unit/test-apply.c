/* SPDX-License-Identifier: MIT */
/* Changing and reading the policies of another process, on a machine of any size. */
#include "cmocka-all.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "child.h"

#define NR_THREADS 4

static unsigned long node0[1] = { 1 };

static struct mpol_args bind0(struct mpol_error *error)
{
	return (struct mpol_args) {
		.mode = MPOL_MODE_BIND,
		.policy_nodemask = node0,
		.policy_maxnode = 64,
		.error = error,
	};
}

static int mode_of(int pidfd)
{
	unsigned long nodes[MPOL_NODE_WORDS];
	struct mpol_args args = { .policy_nodemask = nodes, .policy_maxnode = MPOL_NODES_MAX };

	assert_int_equal(mpol_process_get_mempolicy(pidfd, &args, sizeof(args)), 0);
	if (args.mode != MPOL_MODE_DEFAULT)
		assert_int_equal(nodes[0], 1);
	return args.mode;
}

/* A sanitizer may have a thread of its own in the child. */
static size_t count_threads(const struct child *child)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/task", child->pid);
	assert_int_equal(stat(path, &status), 0);
	return status.st_nlink - 2;
}

static void test_every_thread_changes(void **state)
{
	struct mpol_error error;
	struct mpol_args args = bind0(&error);
	struct mpol_report report;
	struct child child;

	(void)state;
	child_start(&child, NR_THREADS);
	assert_int_equal(mode_of(child.pidfd), MPOL_MODE_DEFAULT);
	assert_int_equal(mpol_process_apply(child.pidfd, 0, &args, sizeof(args), &report), 0);
	assert_int_equal(report.nr_threads, count_threads(&child));
	assert_int_equal(report.nr_changed, report.nr_threads);
	assert_true(report.longest_stop_ns > 0);
	mpol_report_free(&report);
	assert_int_equal(mode_of(child.pidfd), MPOL_MODE_BIND);
	for (size_t i = 0; i < NR_THREADS; i++) {
		int fd = child_thread_pidfd(&child, i);

		assert_int_equal(mode_of(fd), MPOL_MODE_BIND);
		close(fd);
	}
	child_stop(&child);
}

static void test_one_thread_changes(void **state)
{
	struct mpol_error error;
	struct mpol_args args = bind0(&error);
	struct mpol_report report;
	struct child child;
	int second, third;

	(void)state;
	child_start(&child, NR_THREADS);
	second = child_thread_pidfd(&child, 1);
	third = child_thread_pidfd(&child, 2);
	assert_int_equal(mpol_process_set_mempolicy(second, &args, sizeof(args)), 0);
	assert_int_equal(
		mpol_process_apply(child.pidfd, child.tids[2], &args, sizeof(args), &report), 0);
	assert_int_equal(report.nr_threads, 1);
	assert_int_equal(report.threads[0].tid, child.tids[2]);
	mpol_report_free(&report);
	assert_int_equal(mode_of(child.pidfd), MPOL_MODE_DEFAULT);
	assert_int_equal(mode_of(second), MPOL_MODE_BIND);
	assert_int_equal(mode_of(third), MPOL_MODE_BIND);
	assert_int_equal(mpol_process_apply(child.pidfd, getpid(), &args, sizeof(args), &report),
			 -ESRCH);
	assert_non_null(strstr(error.cause, "no such thread"));
	close(second);
	close(third);
	child_stop(&child);
}

struct own_thread {
	pthread_t thread;
	sem_t asked;
	volatile int mode; /* by its own get_mempolicy(2) */
};

static void *tell_own_mode(void *argument)
{
	struct own_thread *own = argument;
	struct mpol_args args = { 0 };

	while (sem_wait(&own->asked) < 0)
		;
	own->mode = mpol_get_mempolicy(&args, sizeof(args)) < 0 ? -1 : args.mode;
	return NULL;
}

/* A process may change all its threads: itself as usual, the others like anybody's. */
static void test_own_threads(void **state)
{
	struct mpol_error error = { 0 };
	struct mpol_args args = bind0(&error), normal = { .error = &error };
	struct own_thread own[NR_THREADS];
	struct mpol_report report;
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0U);

	(void)state;
	assert_true(pidfd >= 0);
	for (int i = 0; i < NR_THREADS; i++) {
		sem_init(&own[i].asked, 0, 0);
		assert_int_equal(pthread_create(&own[i].thread, NULL, tell_own_mode, &own[i]), 0);
	}
	if (mpol_process_apply(pidfd, 0, &args, sizeof(args), &report) < 0)
		fail_msg("%s: %s: %s", error.step, error.object, error.cause);
	assert_true(report.nr_changed >= NR_THREADS + 1);
	assert_int_equal(report.nr_changed, report.nr_threads);
	mpol_report_free(&report);
	assert_int_equal(mode_of(pidfd), MPOL_MODE_BIND);
	for (int i = 0; i < NR_THREADS; i++) {
		sem_post(&own[i].asked);
		pthread_join(own[i].thread, NULL);
		assert_int_equal(own[i].mode, MPOL_MODE_BIND);
	}
	assert_int_equal(mpol_process_set_mempolicy(pidfd, &normal, sizeof(normal)), 0);
	close(pidfd);
}

static void test_refused_policy_changes_nothing(void **state)
{
	struct mpol_error error;
	struct mpol_args args = bind0(&error);
	unsigned long nowhere[MPOL_NODE_WORDS] = { [MPOL_NODE_WORDS - 1] = 1UL << 63 };
	struct mpol_report report;
	struct child child;

	(void)state;
	child_start(&child, NR_THREADS);
	args.policy_nodemask = nowhere;
	args.policy_maxnode = MPOL_NODES_MAX;
	assert_int_equal(mpol_process_apply(child.pidfd, 0, &args, sizeof(args), &report), -EINVAL);
	assert_int_equal(report.nr_threads, 1);
	assert_int_equal(report.nr_changed, 0);
	assert_non_null(strstr(error.object, "(mpol-child)"));
	assert_non_null(strstr(error.advice, "its cpuset allows nodes 0"));
	mpol_report_free(&report);
	assert_int_equal(mode_of(child.pidfd), MPOL_MODE_DEFAULT);

	args.policy_maxnode = 8 * 4096 + 1;
	assert_int_equal(mpol_process_set_mempolicy(child.pidfd, &args, sizeof(args)), -EINVAL);
	assert_non_null(strstr(error.cause, "longer than one page"));
	args.policy_maxnode = MPOL_NODES_MAX;
	args.mode_flags = MPOL_FLAG_HOME_NODE;
	assert_int_equal(mpol_process_set_mempolicy(child.pidfd, &args, sizeof(args)), -EOPNOTSUPP);
	child_stop(&child);
}

/* What the kernel says to arguments of one's own it says to those of another. */
static void test_same_answer_as_for_oneself(void **state)
{
	struct child child;

	(void)state;
	child_start(&child, 1);
	srandom(20221122);
	for (int i = 0; i < 300; i++) {
		static const uint64_t maxnodes[] = { 0, 1, 64, 65, 1024 };
		unsigned long nodes[MPOL_NODE_WORDS] = { random() % 4 != 0 };
		struct mpol_args args = {
			.mode = random() % 8,
			.mode_flags = 1U << (13 + random() % 3) & (random() % 2 ? 0xffff : 0),
			.policy_nodemask = random() % 8 ? nodes : NULL,
			.policy_maxnode = maxnodes[random() % 5],
		};
		int own;

		if (random() % 4 == 0)
			nodes[random() % MPOL_NODE_WORDS] |= 1UL << random() % 64;
		own = mpol_set_mempolicy(&args, sizeof(args));
		assert_int_equal(mpol_process_set_mempolicy(child.pidfd, &args, sizeof(args)), own);
	}
	assert_int_equal(mpol_set_mempolicy(&(struct mpol_args) { 0 }, MPOL_ARGS_SIZE_VER0), 0);
	child_stop(&child);
}

static void test_the_caller_itself(void **state)
{
	struct mpol_error error;
	struct mpol_args args = bind0(&error);
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0U);

	(void)state;
	assert_int_equal(mpol_process_set_mempolicy(self, &args, sizeof(args)), 0);
	assert_int_equal(mode_of(self), MPOL_MODE_BIND);
	args = (struct mpol_args) { 0 };
	assert_int_equal(mpol_process_set_mempolicy(self, &args, sizeof(args)), 0);
	assert_int_equal(mode_of(self), MPOL_MODE_DEFAULT);
	close(self);
}

static void test_not_there(void **state)
{
	struct mpol_error error;
	struct mpol_args args = bind0(&error);
	struct child child;

	(void)state;
	assert_int_equal(mpol_process_set_mempolicy(-1, &args, sizeof(args)), -EBADF);
	assert_int_equal(mpol_process_set_mempolicy(0, &args, sizeof(args)), -EBADF);
	child_start(&child, 1);
	kill(child.pid, SIGKILL);
	waitid(P_PID, child.pid, NULL, WEXITED | WNOWAIT);
	assert_int_equal(mpol_process_set_mempolicy(child.pidfd, &args, sizeof(args)), -ESRCH);
	waitpid(child.pid, NULL, 0);
	assert_int_equal(mpol_process_set_mempolicy(child.pidfd, &args, sizeof(args)), -ESRCH);
	assert_int_equal(mpol_process_get_mempolicy(child.pidfd, &args, sizeof(args)), -ESRCH);
	assert_string_equal(error.cause, "its process has ended");
	child_stop(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_thread_changes),
		cmocka_unit_test(test_one_thread_changes),
		cmocka_unit_test(test_own_threads),
		cmocka_unit_test(test_refused_policy_changes_nothing),
		cmocka_unit_test(test_same_answer_as_for_oneself),
		cmocka_unit_test(test_the_caller_itself),
		cmocka_unit_test(test_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
