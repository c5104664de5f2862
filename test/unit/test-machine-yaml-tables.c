/* SPDX-License-Identifier: MIT */
/* Described machines: distances and performance, whole and by rule. */
#include "machine-text.h"

#include <errno.h>

/* Two sockets with two nodes and one, and a node without CPUs: lines 1 to 6. */
#define NODES                                                            \
	"name: m\nnodes:\n"                                              \
	"- { id: 0, socket: 0, kind: dram, memory: 1GiB, nr_cpus: 1 }\n" \
	"- { id: 2, socket: 0, kind: dram, memory: 1GiB, nr_cpus: 1 }\n" \
	"- { id: 5, socket: 1, nr_cpus: 1 }\n"                           \
	"- { id: 7, kind: cxl, memory: 1GiB }\n"

static void test_default_distances(void **state)
{
	struct machine *machine = read_machine(NODES);

	(void)state;
	assert_int_equal(*machine_distance(machine, 2, 2), 10);
	assert_int_equal(*machine_distance(machine, 0, 2), 20);
	assert_int_equal(*machine_distance(machine, 7, 0), 20);
	machine_free(machine);
}

static void test_distance_rule(void **state)
{
	struct machine *machine =
		read_machine(NODES "distances: { same_socket: 12, remote: 21 }\n");

	(void)state;
	assert_int_equal(*machine_distance(machine, 5, 5), 10);
	assert_int_equal(*machine_distance(machine, 0, 2), 12);
	assert_int_equal(*machine_distance(machine, 0, 5), 21);
	assert_int_equal(*machine_distance(machine, 7, 7), 10);
	assert_int_equal(*machine_distance(machine, 7, 5), 21);
	machine_free(machine);
}

static void test_matrix(void **state)
{
	struct machine *machine = read_machine(NODES "distances:\n  matrix:\n  - 10 12 21 30\n"
						     "  - 13 10 22 31\n  - 23 24 10 254\n"
						     "  - 11 25 26 10\n");

	(void)state;
	assert_int_equal(*machine_distance(machine, 0, 2), 12);
	assert_int_equal(*machine_distance(machine, 2, 0), 13);
	assert_int_equal(*machine_distance(machine, 5, 7), 254);
	assert_int_equal(*machine_distance(machine, 7, 0), 11);
	machine_free(machine);
}

#define MATRIX(row) \
	NODES "distances:\n  matrix:\n" row "  - 20 10 20 20\n  - 20 20 10 20\n  - 20 20 20 10\n"

static void test_bad_distances(void **state)
{
	static const char place[] = "line 9, distances.matrix";

	(void)state;
	assert_refused(NODES "distances: { remote: 10 }\n", -EINVAL, "line 7, distances.remote",
		       "a distance of 10 between two nodes");
	assert_refused(NODES "distances:\n  same_socket: 255\n", -EINVAL,
		       "line 8, distances.same_socket", "a distance of 255");
	assert_refused(MATRIX("  - 10 9 20 20\n"), -EINVAL, place, "a distance of 9");
	assert_refused(MATRIX("  - 11 20 20 20\n"), -EINVAL, place, "to itself is 10, not 11");
	assert_refused(MATRIX("  - 10 20 20\n"), -EBADMSG, place, "row 1 has 3 distances");
	assert_refused(MATRIX("  - 10 20 20 20 x\n"), -EBADMSG, place, "row 1 has 5 distances");
	assert_refused(MATRIX("  - 10 20 far 20\n"), -EBADMSG, place, "not a distance: far");
	assert_refused(MATRIX(""), -EBADMSG, place, "3 rows, but there are 4 nodes");
	assert_refused(NODES "distances:\n  remote: 20\n  matrix: [10 20]\n", -EBADMSG, place,
		       "excludes");
}

static void test_performance_rules(void **state)
{
	struct machine *machine = read_machine(
		NODES "performance:\n"
		      "- { initiators: all, targets: 7, latency: 250ns, bandwidth: 20GB/s }\n"
		      "- { initiators: all, targets: local, latency: 90ns, bandwidth: 100GB/s }\n"
		      "- { initiators: all, targets: same-socket, latency: 100ns,\n"
		      "    read_bandwidth: 90GB/s, write_bandwidth: 80GB/s }\n"
		      "- { initiators: 5, targets: others, read_latency: 150ns,\n"
		      "    write_latency: 160ns, bandwidth: 50GB/s }\n");
	const struct mpol_performance *pair;

	(void)state;
	assert_int_equal(machine_performance(machine, 0, 0)->read_latency_ns, 90);
	pair = machine_performance(machine, 2, 0);
	assert_int_equal(pair->write_latency_ns, 100);
	assert_int_equal(pair->read_bandwidth_bytes, 90000000000);
	assert_int_equal(pair->write_bandwidth_bytes, 80000000000);
	pair = machine_performance(machine, 5, 2);
	assert_int_equal(pair->read_latency_ns, 150);
	assert_int_equal(pair->write_latency_ns, 160);
	assert_int_equal(machine_performance(machine, 5, 7)->read_latency_ns, 250);
	/* No memory there, no CPU here. */
	assert_int_equal(machine_performance(machine, 5, 5)->read_latency_ns, 0);
	assert_int_equal(machine_performance(machine, 7, 7)->read_latency_ns, 0);
	machine_free(machine);
}

#define ENTRY(values) NODES "performance:\n- { initiators: all, targets: all, " values " }\n"

static void test_bad_values(void **state)
{
	(void)state;
	assert_refused(ENTRY("latency: 90"), -EBADMSG, "line 8, performance[0].latency",
		       "not a duration: 90");
	assert_refused(ENTRY("latency: 0ns"), -EINVAL, "line 8, performance[0].latency",
		       "no memory has a latency of 0ns");
	assert_refused(ENTRY("latency: 10s"), -EINVAL, "line 8, performance[0].latency",
		       "no memory has a latency of 10s");
	assert_refused(ENTRY("bandwidth: fast"), -EBADMSG, "line 8, performance[0].bandwidth",
		       "not a bandwidth: fast");
	assert_refused(ENTRY("bandwidth: 0GB/s"), -EINVAL, "line 8, performance[0].bandwidth",
		       "no memory has a bandwidth of 0GB/s");
	assert_refused(ENTRY("read_latency: 90ns"), -EBADMSG, "line 8, performance[0].read_latency",
		       "one direction only");
	assert_refused(ENTRY("write_bandwidth: 1GB/s"), -EBADMSG,
		       "line 8, performance[0].write_bandwidth", "one direction only");
	assert_refused(NODES "performance:\n- { initiators: 0, targets: 0 }\n", -EBADMSG,
		       "line 8, performance[0]", "neither latency nor bandwidth");
}

#define PAIR(initiators, targets)                                                        \
	NODES "performance:\n- { initiators: '" initiators "', targets: '" targets "', " \
	      "latency: 90ns }\n"

static void test_bad_pairs(void **state)
{
	(void)state;
	assert_refused(PAIR("0-5", "0"), -EINVAL, "line 8, performance[0].initiators",
		       "there is no node 1");
	assert_refused(PAIR("7", "0"), -EINVAL, "line 8, performance[0].initiators",
		       "node 7 has no CPUs");
	assert_refused(PAIR("0", "5"), -EINVAL, "line 8, performance[0].targets",
		       "node 5 has no memory");
	assert_refused(PAIR("0", "near"), -EBADMSG, "line 8, performance[0].targets",
		       "not a list of nodes: near");
	assert_refused(PAIR("0", ""), -EBADMSG, "line 8, performance[0].targets",
		       "not a list of nodes");
	assert_refused(PAIR("all", "all") "- { initiators: 2, targets: local, latency: 1ns }\n",
		       -EINVAL, "line 9, performance[1]",
		       "node 2 as seen from node 2 is stated twice");
	assert_refused(PAIR("all", "0,2") "- { initiators: '0,5', targets: 7, latency: 1ns }\n",
		       -EINVAL, "line 8, performance", "node 7 as seen from node 2 is missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_distances),
		cmocka_unit_test(test_distance_rule),
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_bad_distances),
		cmocka_unit_test(test_performance_rules),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_bad_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
