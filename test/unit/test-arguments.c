/* SPDX-License-Identifier: MIT */
/* Process ids, policies and nodes from the command line: what is refused, and how. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"

static void test_pid(void **state)
{
	static const char *const bad[] = {
		"", "0", "-1", "1x", "x", " 1", "1.5", "0x1", "2147483648", "99999999999999999999"
	};
	struct mpol_error error;
	pid_t pid = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(argument_pid(bad[i], &pid, &error), -EINVAL);
		assert_non_null(strstr(error.object, bad[i]));
		assert_true(error.advice[0]);
	}
	assert_int_equal(pid, 42);
	assert_int_equal(argument_pid("2147483647", &pid, &error), 0);
	assert_int_equal(pid, 2147483647);
}

static void test_nodes(void **state)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *topology = NULL;
	unsigned long nodes[MPOL_NODE_WORDS];
	struct mpol_error error;

	(void)state;
	assert_int_equal(mpol_topology_new(NULL, &topology, &error), 0);
	assert_int_equal(argument_nodes("--to", "all", topology, nodes, &error), 0);
	assert_true(nodes[0]);
	assert_int_equal(argument_nodes("--to", "1023", topology, nodes, &error), -ENODEV);
	assert_string_equal(error.cause, "node 1023 does not exist");
	assert_string_equal(error.object, "--to 1023");
	assert_int_equal(argument_nodes("--to", "", topology, nodes, &error), -EINVAL);
	assert_int_equal(argument_nodes("--to", "0;1", topology, nodes, &error), -EINVAL);
	assert_non_null(strstr(error.advice, "nodes with memory: "));
}

static void test_policy(void **state)
{
	struct mpol_policy policy;
	struct mpol_error error;

	(void)state;
	assert_int_equal(argument_policy("local", &policy, &error), 0);
	assert_int_equal(policy.mode, MPOL_MODE_LOCAL);
	assert_int_equal(argument_policy("bind:1023", &policy, &error), -ENODEV);
}

static void test_pidfd(void **state)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	struct mpol_error error;
	int fd;

	(void)state;
	assert_int_equal(mpol_process_new(NULL, getpid(), 0, &process, &error), 0);
	fd = argument_pidfd(process, &error);
	assert_true(fd >= 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pid),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_pidfd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
