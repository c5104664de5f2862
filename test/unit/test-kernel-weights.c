/* SPDX-License-Identifier: MIT */
/* host/kernel-weights.c on a directory that stands for the kernel's. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdio.h>

#include "fake-root.h"
#include "kernel-weights.h"

#define TABLE "sys/kernel/mm/mempolicy/weighted_interleave"
/* A weight to read that nobody may write. */
#define READ_ONLY "/proc/sys/kernel/cap_last_cap"

static void put_table(const struct fake_root *root)
{
	fake_root_put(root, TABLE "/node0", "1\n");
	fake_root_put(root, TABLE "/node2", "4\n");
	fake_root_put(root, TABLE "/node10", "255\n");
}

static void test_read(void **state)
{
	struct mpol_kernel_weights weights;
	struct mpol_error error = { 0 };
	struct fake_root root;

	(void)state;
	assert_int_equal(fake_root_begin(&root), 0);
	assert_int_equal(kernel_weights_read(root.fd, &weights, &error), -EOPNOTSUPP);
	assert_non_null(strstr(error.cause, "6.9"));
	put_table(&root);
	assert_int_equal(kernel_weights_read(root.fd, &weights, &error), 0);
	assert_int_equal(weights.automatic, -1);
	assert_int_equal(weights.weights[0], 1);
	assert_int_equal(weights.weights[1], 0);
	assert_int_equal(weights.weights[2], 4);
	assert_int_equal(weights.weights[10], 255);
	fake_root_put(&root, TABLE "/auto", "true\n");
	assert_int_equal(kernel_weights_read(root.fd, &weights, &error), 0);
	assert_int_equal(weights.automatic, 1);
	fake_root_end(&root);
}

static void test_read_nonsense(void **state)
{
	static const char *const nonsense[] = { "", "0\n", "256\n", "-1\n", "1 2\n", "one\n" };
	struct mpol_kernel_weights weights;
	struct fake_root root;

	(void)state;
	assert_int_equal(fake_root_begin(&root), 0);
	put_table(&root);
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		struct mpol_error error = { 0 };

		fake_root_put(&root, TABLE "/node2", nonsense[i]);
		assert_int_equal(kernel_weights_read(root.fd, &weights, &error), -EBADMSG);
		assert_non_null(strstr(error.object, "node2"));
	}
	fake_root_put(&root, TABLE "/node2", "4\n");
	fake_root_put(&root, TABLE "/auto", "maybe\n");
	assert_int_equal(kernel_weights_read(root.fd, &weights, NULL), -EBADMSG);
	fake_root_end(&root);
}

static void test_write(void **state)
{
	struct mpol_kernel_weights wanted = { .weights = { [2] = 7, [10] = 9 } };
	struct fake_root root;

	(void)state;
	assert_int_equal(fake_root_begin(&root), 0);
	put_table(&root);
	fake_root_put(&root, TABLE "/auto", "true\n");
	assert_int_equal(kernel_weights_write(root.fd, &wanted, NULL), 0);
	assert_true(fake_root_holds(&root, TABLE "/node0", "1"));
	assert_true(fake_root_holds(&root, TABLE "/node2", "7"));
	assert_true(fake_root_holds(&root, TABLE "/node10", "9"));
	assert_true(fake_root_holds(&root, TABLE "/auto", "false"));
	wanted.automatic = 1;
	assert_int_equal(kernel_weights_write(root.fd, &wanted, NULL), 0);
	assert_true(fake_root_holds(&root, TABLE "/auto", "true"));
	wanted.weights[1] = 1;
	assert_int_equal(kernel_weights_write(root.fd, &wanted, NULL), -ENODEV);
	fake_root_end(&root);
}

/* All or nothing: the first is written, the second cannot be, the first is as before. */
static void test_write_taken_back(void **state)
{
	const struct mpol_kernel_weights wanted = { .weights = { [0] = 5, [2] = 7, [10] = 9 } };
	struct mpol_error error = { 0 };
	struct fake_root root;

	(void)state;
	assert_int_equal(fake_root_begin(&root), 0);
	put_table(&root);
	fake_root_link(&root, TABLE "/node2", READ_ONLY);
	fake_root_put(&root, TABLE "/auto", "true\n");
	assert_true(kernel_weights_write(root.fd, &wanted, &error) < 0);
	assert_non_null(strstr(error.object, "node2"));
	assert_true(fake_root_holds(&root, TABLE "/node0", "1"));
	assert_true(fake_root_holds(&root, TABLE "/node10", "255"));
	assert_true(fake_root_holds(&root, TABLE "/auto", "true"));
	fake_root_end(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_nonsense),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
