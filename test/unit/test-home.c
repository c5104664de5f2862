/* SPDX-License-Identifier: MIT */
/*
 * A home node for a process, on a machine of any size: what its threads get, what its ranges, and
 * what is left where the kernel has no home nodes.  Where pages come from then:
 * test/guest/test-home.sh.
 */
#include "cmocka-all.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arguments.h"
#include "homing.h"
#include "child.h"

#define HOME_NODE_CALL 450 /* set_mempolicy_home_node(2) */

/* Node 0 has memory and is online wherever tests run. */
static struct mpol_policy policy_of(const char *text)
{
	struct mpol_policy policy;

	assert_int_equal(mpol_policy_parse(text, NULL, &policy, NULL), 0);
	return policy;
}

/* As mpol set does it; *ret_nr: how many ranges got it. */
static int apply(const struct child *child, const char *text, size_t *ret_nr,
		 struct mpol_error *error)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	_cleanup_(homing_free) struct homing homing = { 0 };
	struct mpol_policy policy = policy_of(text);
	struct mpol_args args;
	int r;

	assert_int_equal(mpol_process_new(NULL, child->pid,
					  MPOL_PROCESS_THREADS | MPOL_PROCESS_VMAS, &process,
					  error),
			 0);
	r = homing_plan(process, &policy, &homing, error);
	if (r < 0)
		return r;
	mpol_policy_to_args(&homing.home->thread_policy, &args);
	args.error = error;
	assert_int_equal(mpol_process_set_mempolicy(child->pidfd, &args, sizeof(args)), 0);
	r = homing_carry_out(&homing, child->pidfd, error);
	*ret_nr = homing.nr_given;
	return r;
}

static int thread_mode(const struct child *child)
{
	struct mpol_args args = { 0 };

	assert_int_equal(mpol_process_get_mempolicy(child->pidfd, &args, sizeof(args)), 0);
	return args.mode;
}

/* As the kernel tells the child itself: default where the range has no policy of its own. */
static int range_mode(const struct child *child)
{
	struct mpol_args args = { .mode_flags = MPOL_FLAG_EXACT };

	assert_int_equal(mpol_process_get_vma_mempolicy(child->pidfd, (uint64_t)child->range, &args,
							sizeof(args)),
			 0);
	return args.mode;
}

static void test_bind(void **state)
{
	struct mpol_error error = { 0 };
	struct child child;
	size_t nr = 0;

	(void)state;
	child_start(&child, 3);
	assert_int_equal(apply(&child, "bind:0,home=0", &nr, &error), 0);
	assert_true(nr > 0);
	assert_int_equal(thread_mode(&child), MPOL_MODE_BIND);
	assert_int_equal(range_mode(&child), MPOL_MODE_BIND);
	child_stop(&child);
}

static void test_prefer_many(void **state)
{
	struct mpol_error error = { 0 };
	struct child child;
	size_t nr = 0;

	(void)state;
	child_start(&child, 3);
	assert_int_equal(apply(&child, "prefer-many:0,home=0", &nr, &error), 0);
	assert_int_equal(thread_mode(&child), MPOL_MODE_PREFERRED);
	assert_int_equal(range_mode(&child), MPOL_MODE_PREFERRED_MANY);
	/* Once more: what has the same policy is meant again. */
	assert_int_equal(apply(&child, "prefer-many:0+static,home=0", &nr, &error), 0);
	assert_int_equal(nr, 0);
	assert_int_equal(apply(&child, "prefer-many:0,home=0", &nr, &error), 0);
	assert_true(nr > 0);
	child_stop(&child);
}

/* A range's own policy is not replaced by one for the process. */
static void test_own_policy_stays(void **state)
{
	unsigned long node0[1] = { 1 };
	struct mpol_args args = {
		.mode = MPOL_MODE_INTERLEAVE,
		.policy_nodemask = node0,
		.policy_maxnode = 64,
	};
	struct mpol_error error = { 0 };
	struct iovec range;
	struct child child;
	size_t nr = 0;

	(void)state;
	child_start(&child, 1);
	range = (struct iovec) { child.range, CHILD_RANGE_PAGES * 4096 };
	assert_int_equal(
		mpol_process_set_vma_mempolicy(child.pidfd, &range, 1, &args, sizeof(args)), 0);
	assert_int_equal(apply(&child, "bind:0,home=0", &nr, &error), 0);
	assert_int_equal(range_mode(&child), MPOL_MODE_INTERLEAVE);
	child_stop(&child);
}

static void refuses(const struct child *child, const char *text, int code, const char *cause)
{
	struct mpol_error error = { 0 };
	size_t nr = 0;

	assert_int_equal(apply(child, text, &nr, &error), code);
	assert_non_null(strstr(error.cause, cause));
	assert_int_equal(thread_mode(child), MPOL_MODE_DEFAULT);
	assert_int_equal(range_mode(child), MPOL_MODE_DEFAULT);
}

static void test_refused(void **state)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	struct mpol_policy policy = policy_of("bind:0,home=0");
	struct mpol_error error = { 0 };
	struct mpol_home *home = NULL;
	struct mpol_report report;
	struct mpol_args args;
	struct child child;

	(void)state;
	child_start(&child, 2);
	refuses(&child, "bind:0,home=1023", -EINVAL, "home node 1023 does not exist");
	mpol_policy_to_args(&policy, &args);
	args.error = &error;
	assert_int_equal(
		mpol_process_apply(child.pidfd, child.tids[1], &args, sizeof(args), &report),
		-EOPNOTSUPP);
	assert_string_equal(error.cause, "a thread's own policy cannot have a home node");
	assert_non_null(strstr(error.advice, "mpol bind"));
	assert_int_equal(mpol_set_mempolicy(&args, sizeof(args)), -EOPNOTSUPP);
	policy.mode = MPOL_MODE_INTERLEAVE;
	assert_int_equal(mpol_process_new(NULL, child.pid, MPOL_PROCESS_VMAS, &process, &error), 0);
	assert_int_equal(mpol_home_new(process, &policy, &home, &error), -EOPNOTSUPP);
	assert_non_null(strstr(error.cause, "bind and prefer-many only"));
	policy = policy_of("bind:0");
	assert_int_equal(mpol_home_new(process, &policy, &home, &error), 0);
	assert_null(home);
	child_stop(&child);
}

/* From now on this process's kernel is one before 5.17, as a container's filter makes it. */
static void forget_home_nodes(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HOME_NODE_CALL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(rules) / sizeof(rules[0]), rules };

	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void test_kernel_without(void **state)
{
	struct mpol_error error = { 0 };
	struct child child;
	size_t nr = 0;

	(void)state;
	child_start(&child, 2);
	forget_home_nodes();
	refuses(&child, "bind:0,home=0", -EOPNOTSUPP, "this kernel has no home nodes");
	assert_int_equal(apply(&child, "prefer-many:0,home=0", &nr, &error), 0);
	assert_int_equal(nr, 0);
	assert_int_equal(thread_mode(&child), MPOL_MODE_PREFERRED);
	assert_int_equal(range_mode(&child), MPOL_MODE_DEFAULT);
	assert_int_equal(error.code, 0);
	child_stop(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_prefer_many),
		cmocka_unit_test(test_own_policy_stays),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_kernel_without), /* last: nothing brings them back */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
