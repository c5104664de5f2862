/* SPDX-License-Identifier: MIT */
/* The size rule of struct mpol_args, and what the library refuses before the kernel is asked. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mpol/mpol.h>

/* As a program would have it that was built with a later header. */
struct later_args {
	struct mpol_args args;
	uint64_t news[2];
};

static void test_short_is_refused(void **state)
{
	struct mpol_args args = { 0 };

	(void)state;
	assert_int_equal(mpol_set_mempolicy(&args, MPOL_ARGS_SIZE_VER0 - 1), -EINVAL);
	assert_int_equal(mpol_get_mempolicy(&args, 0), -EINVAL);
	assert_int_equal(mpol_set_mempolicy(&args, MPOL_ARGS_SIZE_VER0), 0);
}

static void test_long_must_be_zero_beyond(void **state)
{
	struct mpol_error error = { 0 };
	struct later_args later = { .args.error = &error };

	(void)state;
	assert_int_equal(mpol_set_mempolicy(&later.args, sizeof(later)), 0);
	later.news[1] = 1;
	assert_int_equal(mpol_set_mempolicy(&later.args, sizeof(later)), -E2BIG);
	assert_int_equal(error.code, -E2BIG);
	assert_int_equal(mpol_get_mempolicy(&later.args, sizeof(later)), -E2BIG);
	assert_int_equal(mpol_get_vma_mempolicy(&later, &later.args, sizeof(later)), -E2BIG);
}

static void test_get_writes_within_size_only(void **state)
{
	struct later_args later;

	(void)state;
	memset(&later, 0, sizeof(later));
	later.args.vma_node = 42;
	assert_int_equal(mpol_get_mempolicy(&later.args, sizeof(later)), 0);
	assert_int_equal(later.args.vma_node, -1);
	assert_int_equal(later.args.home_node, -1);
	assert_int_equal(later.news[0], 0);
}

static void test_failed_get_leaves_args_alone(void **state)
{
	unsigned long nodes[1] = { 0xaa };
	struct mpol_args args = { .mode = 77, .policy_nodemask = nodes }, before = args;

	(void)state;
	assert_int_equal(mpol_get_mempolicy(&args, sizeof(args)), -EINVAL);
	assert_memory_equal(&args, &before, sizeof(args));
	assert_int_equal(nodes[0], 0xaa);
}

static void test_own_refusals(void **state)
{
	unsigned long nodes[1] = { 1 };
	uint8_t weights[64] = { 0 };
	struct mpol_error error;
	struct mpol_args args = {
		.mode = MPOL_MODE_BIND,
		.mode_flags = MPOL_FLAG_HOME_NODE,
		.policy_nodemask = nodes,
		.policy_maxnode = 64,
		.error = &error,
	};

	(void)state;
	assert_int_equal(mpol_set_mempolicy(&args, sizeof(args)), -EOPNOTSUPP);
	assert_string_equal(error.cause, "a thread's own policy cannot have a home node");
	assert_non_null(strstr(error.advice, "ranges"));

	args.mode_flags = 1U << 5;
	assert_int_equal(mpol_set_mempolicy(&args, sizeof(args)), -EINVAL);
	assert_string_equal(error.cause, "unknown flags 0x20");

	args.mode_flags = 0;
	args.mode = MPOL_MODE_BIND | MPOL_FLAG_STATIC;
	assert_int_equal(mpol_set_mempolicy(&args, sizeof(args)), -EINVAL);
	assert_non_null(strstr(error.cause, "mode_flags"));

	args.mode = MPOL_MODE_BIND;
	args.interleave_weights = weights;
	assert_int_equal(mpol_set_mempolicy(&args, sizeof(args)), -EINVAL);
	assert_non_null(strstr(error.cause, "weights"));
}

static void test_weights_of_the_kernel_only(void **state)
{
	unsigned long nodes[1] = { 1 };
	uint8_t weights[64] = { 255 };
	struct mpol_error error;
	struct mpol_args args = {
		.mode = MPOL_MODE_WEIGHTED_INTERLEAVE,
		.policy_nodemask = nodes,
		.policy_maxnode = 64,
		.interleave_weights = weights,
		.error = &error,
	};

	(void)state;
	assert_int_equal(mpol_set_mempolicy(&args, sizeof(args)), -EOPNOTSUPP);
	assert_non_null(strstr(error.cause, "only a whole process"));
	assert_non_null(strstr(error.advice, "mpol bind"));

	/* Without any, a kernel that does not know the mode (before 6.9) says so. */
	weights[0] = 0;
	if (access("/sys/kernel/mm/mempolicy/weighted_interleave", F_OK) < 0) {
		assert_int_equal(mpol_set_mempolicy(&args, sizeof(args)), -EINVAL);
		assert_non_null(strstr(error.cause, "came with Linux 6.9"));
		assert_non_null(strstr(error.advice, "weights of all nodes"));
	}
}

/* Each refusal of the kernel's is explained by the rule that was broken. */
static void test_explanations(void **state)
{
	static const struct {
		uint16_t mode, flags;
		unsigned long nodes;
		const char *cause;
	} cases[] = {
		{ 7, 0, 1, "no such mode" },
		{ MPOL_MODE_BIND, MPOL_FLAG_STATIC | MPOL_FLAG_RELATIVE, 1, "exclude each other" },
		{ MPOL_MODE_INTERLEAVE, MPOL_FLAG_BALANCING, 1, "balancing goes with" },
		{ MPOL_MODE_DEFAULT, 0, 1, "takes no nodes" },
		{ MPOL_MODE_LOCAL, 0, 1, "takes no nodes" },
		{ MPOL_MODE_LOCAL, MPOL_FLAG_STATIC, 0, "local takes no flags" },
		{ MPOL_MODE_BIND, 0, 0, "no nodes given" },
		{ MPOL_MODE_BIND, 0, 1UL << 63, "cpuset allows" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned long nodes[1] = { cases[i].nodes };
		struct mpol_error error = { 0 };
		struct mpol_args args = {
			.mode = cases[i].mode,
			.mode_flags = cases[i].flags,
			.policy_nodemask = nodes,
			.policy_maxnode = 64,
			.error = &error,
		};

		assert_int_equal(mpol_set_mempolicy(&args, sizeof(args)), -EINVAL);
		if (!strstr(error.cause, cases[i].cause))
			fail_msg("case %zu: \"%s\"", i, error.cause);
	}
}

/* A mask of nr_words words, behind which nothing can be read or written. */
static unsigned long *mask_at_an_end(size_t nr_words)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(mprotect(memory + page, page, PROT_NONE), 0);
	return (unsigned long *)(void *)(memory + page) - nr_words;
}

static void test_masks_out_of_reach(void **state)
{
	const int self = (int)syscall(SYS_pidfd_open, getpid(), 0U);
	struct mpol_error error;
	struct mpol_args args = {
		.mode = MPOL_MODE_WEIGHTED_INTERLEAVE,
		.policy_nodemask = mask_at_an_end(1),
		.policy_maxnode = 65,
		.interleave_weights = (uint8_t[128]) { 1 },
		.error = &error,
	};

	(void)state;
	assert_int_equal(mpol_get_mempolicy(&args, sizeof(args)), -EFAULT);
	assert_string_equal(error.cause, "a mask cannot be written");
	assert_int_equal(mpol_process_get_mempolicy(self, &args, sizeof(args)), -EFAULT);
	args.mode = MPOL_MODE_BIND;
	args.interleave_weights = NULL;
	assert_int_equal(mpol_set_mempolicy(&args, sizeof(args)), -EFAULT);
	assert_string_equal(error.cause, "the mask's words cannot be read");
	assert_int_equal(mpol_set_vma_mempolicy(&args, 0, &args, sizeof(args)), -EFAULT);
	args.policy_maxnode = UINT64_MAX - 1;
	assert_int_equal(mpol_set_mempolicy(&args, sizeof(args)), -EINVAL);
	assert_string_equal(error.cause, "the mask is longer than one page");
	assert_int_equal(mpol_get_mempolicy(&args, sizeof(args)), -EINVAL);
	close(self);
}

/* Bits beyond any node count where the kernel looks at them, and only there. */
static void test_nodes_beyond_the_kernels(void **state)
{
	unsigned long nodes[MPOL_NODE_WORDS + 1] = { [0] = 1, [MPOL_NODE_WORDS] = 1 };
	struct mpol_error error;
	struct mpol_args args = {
		.mode = MPOL_MODE_BIND,
		.policy_nodemask = nodes,
		.policy_maxnode = MPOL_NODES_MAX + 64,
		.error = &error,
	};

	(void)state;
	assert_int_equal(mpol_set_vma_mempolicy(&args, 0, &args, sizeof(args)), -EINVAL);
	assert_non_null(strstr(error.cause, "beyond any that the kernel may know"));
	args.policy_maxnode = MPOL_NODES_MAX;
	assert_int_equal(mpol_set_vma_mempolicy((void *)4096, 0, &args, sizeof(args)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_is_refused),
		cmocka_unit_test(test_long_must_be_zero_beyond),
		cmocka_unit_test(test_get_writes_within_size_only),
		cmocka_unit_test(test_failed_get_leaves_args_alone),
		cmocka_unit_test(test_own_refusals),
		cmocka_unit_test(test_weights_of_the_kernel_only),
		cmocka_unit_test(test_explanations),
		cmocka_unit_test(test_masks_out_of_reach),
		cmocka_unit_test(test_nodes_beyond_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
