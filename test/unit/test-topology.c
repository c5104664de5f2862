/* SPDX-License-Identifier: MIT */
/* The public topology: what it hands out, and that its errors do not need a place to go. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <mpol/mpol.h>

static void test_errors_without_a_struct_for_them(void **state)
{
	struct mpol_topology *topology = NULL;
	char folder[] = "/tmp/test-topology-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(mpol_topology_new(folder, &topology, NULL), -ENOENT);
	rmdir(folder);
	assert_int_equal(mpol_topology_new(folder, &topology, NULL), -ENOENT);
	assert_int_equal(mpol_topology_new("/dev/null", &topology, NULL), -ENOTDIR);
	assert_int_equal(mpol_topology_new_from_file(folder, &topology, NULL), -ENOENT);
	assert_int_equal(mpol_topology_new_from_file("/dev/null", &topology, NULL), -EBADMSG);
	assert_null(topology);
}

static void test_what_is_not_there(void **state)
{
	struct mpol_performance performance;
	struct mpol_topology *topology;
	struct mpol_error error;
	size_t n;

	(void)state;
	if (mpol_topology_new(NULL, &topology, &error) == -ENOENT)
		skip(); /* a kernel without NUMA */
	n = mpol_topology_nr_nodes(topology);
	assert_true(n >= 1);
	assert_null(mpol_topology_node(topology, n));
	assert_null(mpol_topology_node_by_id(topology, MPOL_NODES_MAX));
	assert_null(mpol_topology_node_by_id(topology, -1));
	assert_int_equal(mpol_topology_distance(topology, 0, MPOL_NODES_MAX), -1);
	assert_int_equal(mpol_topology_performance(topology, -1, 0, &performance), -ENOENT);
	assert_null(mpol_topology_finding(topology, mpol_topology_nr_findings(topology)));
	mpol_topology_free(topology);
	mpol_topology_free(NULL);
}

static void test_machines_known_by_name(void **state)
{
	struct mpol_topology *topology;
	struct mpol_error error;
	const char *name;
	size_t n = 0;

	(void)state;
	for (; (name = mpol_machine_name(n)); n++) {
		assert_int_equal(mpol_topology_new_from_file(name, &topology, &error), 0);
		assert_string_equal(mpol_topology_name(topology), name);
		assert_true(*mpol_topology_description(topology));
		mpol_topology_free(topology);
	}
	assert_true(n > 0);
	assert_null(mpol_machine_name(SIZE_MAX));
	if (mpol_topology_new(NULL, &topology, &error) == 0) {
		assert_string_equal(mpol_topology_description(topology), "");
		mpol_topology_free(topology);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_without_a_struct_for_them),
		cmocka_unit_test(test_what_is_not_there),
		cmocka_unit_test(test_machines_known_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
