/* SPDX-License-Identifier: MIT */
/* Giving ranges of another process policies, and reading them back. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "child.h"

#define PAGE 4096UL

static unsigned long node0[1] = { 1 };

static int mode_at(const struct child *child, size_t page)
{
	struct mpol_args args = { 0 };

	assert_int_equal(mpol_process_get_vma_mempolicy(child->pidfd,
							(uint64_t)(child->range + page * PAGE),
							&args, sizeof(args)),
			 0);
	return args.mode;
}

static struct iovec pages(const struct child *child, size_t first, size_t nr)
{
	return (struct iovec) { child->range + first * PAGE, nr * PAGE };
}

static void test_ranges(void **state)
{
	struct mpol_error error;
	struct mpol_args args = {
		.mode = MPOL_MODE_INTERLEAVE,
		.policy_nodemask = node0,
		.policy_maxnode = 64,
		.error = &error,
	};
	struct child child;
	struct iovec ranges[2];

	(void)state;
	child_start(&child, 2);
	ranges[0] = pages(&child, 1, 2);
	ranges[1] = pages(&child, 8, 1);
	assert_int_equal(
		mpol_process_set_vma_mempolicy(child.pidfd, ranges, 2, &args, sizeof(args)), 0);
	for (size_t page = 0; page < 12; page++)
		assert_int_equal(mode_at(&child, page), page == 1 || page == 2 || page == 8
								? MPOL_MODE_INTERLEAVE
								: MPOL_MODE_DEFAULT);
	args.mode = MPOL_MODE_BIND;
	args.mode_flags = MPOL_FLAG_HOME_NODE;
	assert_int_equal(
		mpol_process_set_vma_mempolicy(child.pidfd, ranges, 2, &args, sizeof(args)), 0);
	assert_int_equal(mode_at(&child, 8), MPOL_MODE_BIND);
	args.home_node = 1023;
	assert_int_equal(
		mpol_process_set_vma_mempolicy(child.pidfd, ranges, 2, &args, sizeof(args)),
		-EINVAL);
	child_stop(&child);
}

/* More than one stop's worth: every second page of the range, again and again. */
static void test_more_than_one_stop(void **state)
{
	struct mpol_args args = {
		.mode = MPOL_MODE_BIND,
		.policy_nodemask = node0,
		.policy_maxnode = 64,
	};
	struct iovec ranges[600];
	struct child child;

	(void)state;
	child_start(&child, 1);
	for (size_t i = 0; i < 600; i++)
		ranges[i] = pages(&child, i * 2 % CHILD_RANGE_PAGES, 1);
	assert_int_equal(
		mpol_process_set_vma_mempolicy(child.pidfd, ranges, 600, &args, sizeof(args)), 0);
	for (size_t page = 0; page < CHILD_RANGE_PAGES; page++)
		assert_int_equal(mode_at(&child, page),
				 page % 2 ? MPOL_MODE_DEFAULT : MPOL_MODE_BIND);
	child_stop(&child);
}

static void test_bad_ranges(void **state)
{
	struct mpol_error error;
	struct mpol_args args = {
		.mode = MPOL_MODE_BIND,
		.policy_nodemask = node0,
		.policy_maxnode = 64,
		.error = &error,
	};
	struct child child;
	struct iovec range;

	(void)state;
	child_start(&child, 1);
	range = (struct iovec) { (void *)PAGE, PAGE };
	assert_int_equal(
		mpol_process_set_vma_mempolicy(child.pidfd, &range, 1, &args, sizeof(args)),
		-EFAULT);
	assert_string_equal(error.cause, "part of the range is not mapped");
	range = (struct iovec) { child.range + 1, PAGE };
	assert_int_equal(
		mpol_process_set_vma_mempolicy(child.pidfd, &range, 1, &args, sizeof(args)),
		-EINVAL);
	assert_non_null(strstr(error.cause, "begin at a page"));
	assert_int_equal(mpol_process_get_vma_mempolicy(child.pidfd, PAGE, &args, sizeof(args)),
			 -EFAULT);
	assert_int_equal(mpol_process_set_vma_mempolicy(child.pidfd, NULL, 0, &args, sizeof(args)),
			 0);
	child_stop(&child);
}

/* A range that the kernel refuses keeps no other from its policy, and the refusal is reported. */
static void test_each_range_is_tried(void **state)
{
	struct mpol_error error;
	struct mpol_args args = {
		.mode = MPOL_MODE_BIND,
		.mode_flags = MPOL_FLAG_HOME_NODE,
		.policy_nodemask = node0,
		.policy_maxnode = 64,
		.error = &error,
	};
	struct child child;
	struct iovec ranges[3];

	(void)state;
	child_start(&child, 1);
	ranges[0] = pages(&child, 0, 1);
	ranges[1] = (struct iovec) { (void *)PAGE, PAGE };
	ranges[2] = pages(&child, 4, 1);
	assert_int_equal(
		mpol_process_set_vma_mempolicy(child.pidfd, ranges, 3, &args, sizeof(args)),
		-EFAULT);
	assert_non_null(strstr(error.object, "range 0x1000 + 4096"));
	assert_int_equal(mode_at(&child, 0), MPOL_MODE_BIND);
	assert_int_equal(mode_at(&child, 4), MPOL_MODE_BIND);
	child_stop(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_more_than_one_stop),
		cmocka_unit_test(test_bad_ranges),
		cmocka_unit_test(test_each_range_is_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
