/* SPDX-License-Identifier: MIT */
/*
 * One's own policy: for random arguments the library's calls give the same
 * result, and leave the same state, as the system calls.
 */
#include "cmocka-all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mpol/mpol.h>

#define NR_TRIALS 5000
#define NR_PAGES  16
#define PAGE	  4096UL

struct trial {
	struct mpol_args args;
	unsigned long nodes[MPOL_NODE_WORDS];
	unsigned long raw_mode;
	unsigned long raw_maxnode;
};

static uint16_t random_flags(void)
{
	static const uint16_t flags[] = { 0,
					  0,
					  0,
					  MPOL_FLAG_STATIC,
					  MPOL_FLAG_RELATIVE,
					  MPOL_FLAG_BALANCING,
					  MPOL_FLAG_STATIC | MPOL_FLAG_RELATIVE,
					  MPOL_FLAG_STATIC | MPOL_FLAG_BALANCING };

	return flags[random() % 8];
}

/* Few bits and short masks, for which the kernel's answers differ most. */
static void draw(struct trial *trial)
{
	static const uint64_t maxnodes[] = { 0, 1, 2, 3, 63, 64, 65, 1023, 1024 };

	memset(trial, 0, sizeof(*trial));
	trial->args.mode = random() % 9;
	trial->args.mode_flags = random_flags();
	if (random() % 4)
		trial->nodes[0] = 1;
	if (random() % 4 == 0)
		trial->nodes[random() % MPOL_NODE_WORDS] |= 1UL << random() % 64;
	if (random() % 8)
		trial->args.policy_nodemask = trial->nodes;
	trial->args.policy_maxnode = maxnodes[random() % 9];
	trial->raw_mode = trial->args.mode | trial->args.mode_flags;
	trial->raw_maxnode = trial->args.policy_maxnode + 1;
}

static int raw(long result)
{
	return result < 0 ? -errno : 0;
}

/* The kernel's own view, for comparison: -errno or the mode word. */
static int read_state(unsigned long *nodes, void *addr)
{
	int mode;
	int r = raw(syscall(SYS_get_mempolicy, &mode, nodes, MPOL_NODES_MAX + 1, addr,
			    addr ? 2UL : 0UL));

	return r < 0 ? r : mode;
}

static void assert_same_state(void *addr)
{
	unsigned long expected[MPOL_NODE_WORDS], seen[MPOL_NODE_WORDS];
	struct mpol_args args = { .policy_nodemask = seen, .policy_maxnode = MPOL_NODES_MAX };
	int mode = read_state(expected, addr);

	if (addr)
		assert_int_equal(mpol_get_vma_mempolicy(addr, &args, sizeof(args)), 0);
	else
		assert_int_equal(mpol_get_mempolicy(&args, sizeof(args)), 0);
	assert_int_equal(args.mode | args.mode_flags, mode);
	assert_memory_equal(seen, expected, sizeof(seen));
}

static void test_set_mempolicy_as_the_kernel(void **state)
{
	int accepted = 0, refused = 0;

	(void)state;
	srandom(20231129);
	for (int i = 0; i < NR_TRIALS; i++) {
		unsigned long by_kernel[MPOL_NODE_WORDS], by_library[MPOL_NODE_WORDS];
		struct trial trial;
		int expected, kernel_mode, r;

		draw(&trial);
		syscall(SYS_set_mempolicy, 0, NULL, 0UL);
		expected = raw(syscall(SYS_set_mempolicy, trial.raw_mode,
				       trial.args.policy_nodemask, trial.raw_maxnode));
		kernel_mode = read_state(by_kernel, NULL);
		syscall(SYS_set_mempolicy, 0, NULL, 0UL);
		r = mpol_set_mempolicy(&trial.args, sizeof(trial.args));
		if (r != expected)
			fail_msg("trial %d, mode 0x%lx, %lu bits: kernel %d, library %d", i,
				 trial.raw_mode, (unsigned long)trial.args.policy_maxnode, expected,
				 r);
		assert_int_equal(read_state(by_library, NULL), kernel_mode);
		assert_memory_equal(by_library, by_kernel, sizeof(by_kernel));
		assert_same_state(NULL);
		accepted += r == 0;
		refused += r < 0;
	}
	syscall(SYS_set_mempolicy, 0, NULL, 0UL);
	assert_true(accepted > NR_TRIALS / 20);
	assert_true(refused > NR_TRIALS / 20);
}

/* A range of NR_PAGES with a hole in its second half. */
static char *map_range(void)
{
	char *range = mmap(NULL, NR_PAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(range, MAP_FAILED);
	munmap(range + (NR_PAGES - 4) * PAGE, PAGE);
	return range;
}

static void test_set_vma_mempolicy_as_the_kernel(void **state)
{
	char *a = map_range(), *b = map_range();
	int accepted = 0, refused = 0;

	(void)state;
	srandom(20231130);
	for (int i = 0; i < NR_TRIALS; i++) {
		size_t offset = random() % 8 * PAGE + (random() % 16 ? 0 : 1);
		size_t length = random() % (NR_PAGES - 8) * PAGE + random() % 2;
		struct trial trial;
		int expected, r;

		draw(&trial);
		expected = raw(syscall(SYS_mbind, a + offset, length, trial.raw_mode,
				       trial.args.policy_nodemask, trial.raw_maxnode, 0UL));
		r = mpol_set_vma_mempolicy(b + offset, length, &trial.args, sizeof(trial.args));
		if (r != expected)
			fail_msg("trial %d, mode 0x%lx, %zu + %zu: kernel %d, library %d", i,
				 trial.raw_mode, offset, length, expected, r);
		for (size_t page = 0; page < NR_PAGES; page++) {
			unsigned long in_a[MPOL_NODE_WORDS] = { 0 }, in_b[MPOL_NODE_WORDS] = { 0 };

			assert_int_equal(read_state(in_b, b + page * PAGE),
					 read_state(in_a, a + page * PAGE));
			assert_memory_equal(in_a, in_b, sizeof(in_a));
		}
		assert_same_state(b + offset);
		accepted += r == 0;
		refused += r < 0;
	}
	munmap(a, NR_PAGES * PAGE);
	munmap(b, NR_PAGES * PAGE);
	assert_true(accepted > NR_TRIALS / 20);
	assert_true(refused > NR_TRIALS / 20);
}

static void test_get_brings_no_page_in(void **state)
{
	char *range = map_range();
	struct mpol_args args = { 0 };

	(void)state;
	assert_int_equal(mpol_get_vma_mempolicy(range, &args, sizeof(args)), 0);
	assert_int_equal(args.vma_node, -1);
	range[0] = 1;
	assert_int_equal(mpol_get_vma_mempolicy(range, &args, sizeof(args)), 0);
	assert_true(args.vma_node >= 0);
	assert_int_equal(mpol_get_vma_mempolicy(range + (NR_PAGES - 4) * PAGE, &args, sizeof(args)),
			 -EFAULT);
	munmap(range, NR_PAGES * PAGE);
}

static void test_home_node(void **state)
{
	char *range = map_range();
	unsigned long nodes[1] = { 1 };
	struct mpol_error error;
	struct mpol_args args = {
		.mode = MPOL_MODE_BIND,
		.mode_flags = MPOL_FLAG_HOME_NODE,
		.policy_nodemask = nodes,
		.policy_maxnode = 64,
		.error = &error,
	};

	(void)state;
	assert_int_equal(mpol_set_vma_mempolicy(range, PAGE, &args, sizeof(args)), 0);
	args.home_node = 1023;
	assert_int_equal(mpol_set_vma_mempolicy(range + PAGE, PAGE, &args, sizeof(args)), -EINVAL);
	assert_string_equal(error.cause, "home node 1023 does not exist");
	args.home_node = 0;
	args.mode = MPOL_MODE_INTERLEAVE;
	assert_int_equal(mpol_set_vma_mempolicy(range + PAGE, PAGE, &args, sizeof(args)),
			 -EOPNOTSUPP);
	/* Refused before anything was changed. */
	assert_int_equal(mpol_get_vma_mempolicy(range + PAGE, &args, sizeof(args)), 0);
	assert_int_equal(args.mode, MPOL_MODE_DEFAULT);
	munmap(range, NR_PAGES * PAGE);
}

static void test_interleave_names_its_next_node(void **state)
{
	unsigned long nodes[1] = { 1 };
	struct mpol_args args = {
		.mode = MPOL_MODE_INTERLEAVE,
		.policy_nodemask = nodes,
		.policy_maxnode = 64,
	};

	(void)state;
	assert_int_equal(mpol_set_mempolicy(&args, sizeof(args)), 0);
	args = (struct mpol_args) { 0 };
	assert_int_equal(mpol_get_mempolicy(&args, sizeof(args)), 0);
	assert_int_equal(args.policy_node, 0);
	args = (struct mpol_args) { 0 };
	assert_int_equal(mpol_set_mempolicy(&args, sizeof(args)), 0);
	assert_int_equal(mpol_get_mempolicy(&args, sizeof(args)), 0);
	assert_int_equal(args.policy_node, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_mempolicy_as_the_kernel),
		cmocka_unit_test(test_set_vma_mempolicy_as_the_kernel),
		cmocka_unit_test(test_get_brings_no_page_in),
		cmocka_unit_test(test_home_node),
		cmocka_unit_test(test_interleave_names_its_next_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
