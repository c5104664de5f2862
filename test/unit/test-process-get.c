/* SPDX-License-Identifier: MIT */
/* Reading another process's policies: masks by the size rule, a range's own policy or none. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "child.h"

static unsigned long node0[1] = { 1 };

static void set(int pidfd, uint16_t mode)
{
	struct mpol_args args = {
		.mode = mode,
		.policy_nodemask = node0,
		.policy_maxnode = mode == MPOL_MODE_DEFAULT ? 0 : 64,
	};

	assert_int_equal(mpol_process_set_mempolicy(pidfd, &args, sizeof(args)), 0);
}

static int range_mode(const struct child *child)
{
	struct mpol_args args = { 0 };

	assert_int_equal(mpol_process_get_vma_mempolicy(child->pidfd, (uint64_t)child->range, &args,
							sizeof(args)),
			 0);
	return args.mode;
}

static void test_masks(void **state)
{
	unsigned long nodes[MPOL_NODE_WORDS + 1], allowed[MPOL_NODE_WORDS + 1];
	struct mpol_args args = {
		.policy_nodemask = nodes,
		.policy_maxnode = MPOL_NODES_MAX + 64,
		.mems_allowed = allowed,
		.mems_maxnode = MPOL_NODES_MAX,
	};
	struct child child;

	(void)state;
	child_start(&child, 1);
	set(child.pidfd, MPOL_MODE_INTERLEAVE);
	memset(nodes, 0xff, sizeof(nodes));
	memset(allowed, 0xff, sizeof(allowed));
	assert_int_equal(mpol_process_get_mempolicy(child.pidfd, &args, sizeof(args)), 0);
	assert_int_equal(args.mode, MPOL_MODE_INTERLEAVE);
	assert_int_equal(args.policy_node, -1);
	assert_int_equal(nodes[0], 1);
	assert_int_equal(nodes[MPOL_NODE_WORDS], 0);
	assert_int_equal(allowed[0] & 1, 1);
	assert_int_equal(allowed[MPOL_NODE_WORDS], -1UL);
	args.policy_maxnode = 0;
	assert_int_equal(mpol_process_get_mempolicy(child.pidfd, &args, sizeof(args)), -EINVAL);
	child_stop(&child);
}

/* A range without a policy shows the reading thread's: the other thread tells the difference. */
static void test_a_threads_policy_is_not_a_ranges(void **state)
{
	struct mpol_args args = {
		.mode = MPOL_MODE_BIND,
		.policy_nodemask = node0,
		.policy_maxnode = 64,
	};
	struct iovec range;
	struct child child;
	int leader;

	(void)state;
	child_start(&child, 2);
	leader = child_thread_pidfd(&child, 0);
	range = (struct iovec) { child.range, 4096 };
	assert_int_equal(range_mode(&child), MPOL_MODE_DEFAULT);
	set(leader, MPOL_MODE_BIND);
	assert_int_equal(range_mode(&child), MPOL_MODE_DEFAULT);
	assert_int_equal(
		mpol_process_set_vma_mempolicy(child.pidfd, &range, 1, &args, sizeof(args)), 0);
	assert_int_equal(range_mode(&child), MPOL_MODE_BIND);
	set(leader, MPOL_MODE_INTERLEAVE);
	assert_int_equal(range_mode(&child), MPOL_MODE_BIND);
	close(leader);
	child_stop(&child);
}

/* What only the target can ask the kernel: nodes as given, the next one, that a range has none. */
static void test_exact(void **state)
{
	unsigned long given[1] = { 1 | 1UL << 5 }, nodes[MPOL_NODE_WORDS];
	struct mpol_args args = {
		.mode = MPOL_MODE_INTERLEAVE,
		.mode_flags = MPOL_FLAG_STATIC,
		.policy_nodemask = given,
		.policy_maxnode = 64,
	};
	const struct mpol_args get = {
		.mode_flags = MPOL_FLAG_EXACT,
		.policy_nodemask = nodes,
		.policy_maxnode = MPOL_NODES_MAX,
	};
	struct child child;

	(void)state;
	child_start(&child, 2);
	assert_int_equal(mpol_process_set_mempolicy(child.pidfd, &args, sizeof(args)), 0);
	args = get;
	assert_int_equal(mpol_process_get_mempolicy(child.pidfd, &args, sizeof(args)), 0);
	assert_int_equal(args.mode, MPOL_MODE_INTERLEAVE);
	assert_int_equal(args.mode_flags, MPOL_FLAG_STATIC);
	assert_int_equal(nodes[0], given[0]);
	assert_true(args.policy_node == 0 || args.policy_node == 5);
	/* Asked without it: what /proc shows. */
	assert_int_equal(mpol_process_get_mempolicy(child.pidfd, &args, sizeof(args)), 0);
	assert_int_equal(args.mode_flags, MPOL_FLAG_STATIC);
	assert_int_equal(nodes[0] & 1, 1);
	assert_int_equal(args.policy_node, -1);

	assert_int_equal(range_mode(&child), MPOL_MODE_INTERLEAVE);
	args = get;
	assert_int_equal(mpol_process_get_vma_mempolicy(child.pidfd, (uint64_t)child.range, &args,
							sizeof(args)),
			 0);
	assert_int_equal(args.mode, MPOL_MODE_DEFAULT);
	assert_int_equal(args.policy_node, -1);
	args = get;
	assert_int_equal(mpol_process_get_vma_mempolicy(child.pidfd, 4096, &args, sizeof(args)),
			 -EFAULT);
	assert_int_equal(args.mode_flags, MPOL_FLAG_EXACT);
	args = (struct mpol_args) { .mode_flags = MPOL_FLAG_EXACT };
	assert_int_equal(mpol_process_set_mempolicy(child.pidfd, &args, sizeof(args)), -EINVAL);
	child_stop(&child);
}

static void test_exact_of_one_thread(void **state)
{
	struct mpol_args args = { .mode_flags = MPOL_FLAG_EXACT };
	struct child child;
	int second;

	(void)state;
	child_start(&child, 2);
	second = child_thread_pidfd(&child, 1);
	set(second, MPOL_MODE_INTERLEAVE);
	assert_int_equal(mpol_process_get_mempolicy(second, &args, sizeof(args)), 0);
	assert_int_equal(args.mode, MPOL_MODE_INTERLEAVE);
	assert_int_equal(args.policy_node, 0);
	args = (struct mpol_args) { .mode_flags = MPOL_FLAG_EXACT };
	assert_int_equal(mpol_process_get_mempolicy(child.pidfd, &args, sizeof(args)), 0);
	assert_int_equal(args.mode, MPOL_MODE_DEFAULT);
	close(second);
	child_stop(&child);
}

static void test_node_of_a_page(void **state)
{
	struct mpol_args args = { 0 };
	struct child child;

	(void)state;
	child_start(&child, 1);
	assert_int_equal(mpol_process_get_vma_mempolicy(child.pidfd, (uint64_t)child.range, &args,
							sizeof(args)),
			 0);
	assert_int_equal(args.vma_node, -1);
	assert_int_equal(mpol_process_get_vma_mempolicy(child.pidfd, (uint64_t)(uintptr_t)&child,
							&args, sizeof(args)),
			 0);
	assert_true(args.vma_node >= 0);
	child_stop(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_a_threads_policy_is_not_a_ranges),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_exact_of_one_thread),
		cmocka_unit_test(test_node_of_a_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
