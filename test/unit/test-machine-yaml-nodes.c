/* SPDX-License-Identifier: MIT */
/* Described machines: their nodes, and the nodes that cannot be. */
#include "machine-text.h"

#include <errno.h>

#define HEAD "name: m\nnodes:\n"
#define GOOD "- { id: 0, kind: dram, memory: 1GiB, nr_cpus: 2 }\n"

static void test_nodes(void **state)
{
	struct machine *machine =
		read_machine(HEAD "- { id: 0, socket: 1, kind: dram, memory: 1GiB, nr_cpus: 2 }\n"
				  "- { id: 3, nr_cpus: 1 }\n"
				  "- { id: 1023, kind: pmem, memory: 3MiB }\n");

	(void)state;
	assert_int_equal(machine->nr_nodes, 3);
	assert_int_equal(machine->nodes[0].socket, 1);
	assert_string_equal(machine->nodes[0].cpus, "0-1");
	assert_string_equal(machine->nodes[1].cpus, "2");
	assert_int_equal(machine->nodes[1].capacity_bytes, 0);
	assert_int_equal(machine->nodes[1].kind, MPOL_MEMORY_UNKNOWN);
	assert_int_equal(machine->nodes[2].id, 1023);
	assert_int_equal(machine->nodes[2].kind, MPOL_MEMORY_PMEM);
	assert_string_equal(machine->nodes[2].cpus, "");
	machine_free(machine);
}

static void test_cpu_lists(void **state)
{
	struct machine *machine =
		read_machine(HEAD "- { id: 0, kind: hbm, memory: 1GiB, cpus: '0,2' }\n"
				  "- { id: 1, kind: cxl, memory: 1GiB, cpus: 1-1 }\n");

	(void)state;
	assert_string_equal(machine->nodes[0].cpus, "0,2");
	assert_string_equal(machine->nodes[1].cpus, "1");
	machine_free(machine);
}

static void test_total_bandwidth(void **state)
{
	struct machine *machine = read_machine(
		HEAD GOOD "- { id: 1, kind: cxl, memory: 1GiB, total_bandwidth: 36GB/s }\n");

	(void)state;
	assert_int_equal(machine->nodes[0].total_bandwidth_bytes, 0);
	assert_int_equal(machine->nodes[1].total_bandwidth_bytes, 36000000000);
	machine_free(machine);
	assert_refused(HEAD GOOD "- { id: 1, kind: cxl, memory: 1GiB, total_bandwidth: 36 }\n",
		       -EBADMSG, "line 4, nodes[1].total_bandwidth", "not a bandwidth: 36");
	assert_refused(HEAD GOOD "- { id: 1, kind: cxl, memory: 1GiB, total_bandwidth: 0GB/s }\n",
		       -EINVAL, "line 4, nodes[1].total_bandwidth", "a bandwidth of 0GB/s");
	assert_refused(HEAD GOOD "- { id: 1, nr_cpus: 1, total_bandwidth: 1GB/s }\n", -EINVAL,
		       "line 4, nodes[1].total_bandwidth", "but no memory");
}

static void test_ids(void **state)
{
	(void)state;
	assert_refused(HEAD GOOD GOOD, -EINVAL, "line 4, nodes[1].id", "node 0 is described twice");
	assert_refused(HEAD "- { id: 1, nr_cpus: 1 }\n" GOOD, -EINVAL, "line 4, nodes[1].id",
		       "must ascend");
	assert_refused(HEAD "- { id: 1024, nr_cpus: 1 }\n", -EINVAL, "line 3, nodes[0].id",
		       "up to 1023");
	assert_refused(HEAD "- { id: 0, socket: 5000, nr_cpus: 1 }\n", -EINVAL,
		       "line 3, nodes[0].socket", "up to 1023");
}

static void test_memory(void **state)
{
	(void)state;
	assert_refused(HEAD "- { id: 0, kind: dram, memory: 1 gig }\n", -EBADMSG,
		       "line 3, nodes[0].memory", "not a size: 1 gig");
	assert_refused(HEAD "- id: 0\n  kind: dram\n  memory: 0\n", -EINVAL,
		       "line 5, nodes[0].memory", "0 bytes");
	assert_refused(HEAD "- { id: 0, kind: dram, memory: 1000kB }\n", -EINVAL,
		       "line 3, nodes[0].memory", "multiple of 1 MiB");
	assert_refused(HEAD "- { id: 0, memory: 1GiB }\n", -EBADMSG, "line 3, nodes[0]",
		       "kind is missing");
	assert_refused(HEAD "- { id: 0, kind: ram, memory: 1GiB }\n", -EBADMSG,
		       "line 3, nodes[0].kind", "no such kind: ram");
	assert_refused(HEAD "- { id: 0, kind: dram, nr_cpus: 1 }\n", -EINVAL,
		       "line 3, nodes[0].kind", "no memory");
}

static void test_cpus(void **state)
{
	(void)state;
	assert_refused(HEAD "- { id: 0, kind: dram, memory: 1GiB }\n", -EINVAL, "line 3, nodes",
		       "no node has a CPU");
	assert_refused(HEAD GOOD "- { id: 1 }\n", -EINVAL, "line 4, nodes[1]",
		       "neither CPUs nor memory");
	assert_refused(HEAD GOOD "- { id: 1, cpus: 5 }\n", -EBADMSG, "line 4, nodes[1].cpus",
		       "use one of them");
	assert_refused(HEAD "- { id: 0, cpus: 0-3 }\n- { id: 1, cpus: 3 }\n", -EINVAL,
		       "line 4, nodes[1].cpus", "CPU 3 is on two nodes");
	assert_refused(HEAD "- { id: 0, cpus: 3-1 }\n", -EBADMSG, "line 3, nodes[0].cpus",
		       "not a list of CPUs");
	assert_refused(HEAD "- { id: 0, cpus: 0, nr_cpus: 1 }\n", -EBADMSG,
		       "line 3, nodes[0].nr_cpus", "both");
	assert_refused(HEAD GOOD "- { id: 1, nr_cpus: 1023 }\n", -EINVAL,
		       "line 4, nodes[1].nr_cpus", "at most 1024");
}

#define CACHED(caches) HEAD GOOD "- id: 1\n  kind: cxl\n  memory: 1GiB\n  caches:\n" caches

static void test_caches(void **state)
{
	struct machine *machine = read_machine(
		CACHED("  - { level: 1, size: 256MiB, indexing: direct, policy: write-through }\n"
		       "  - { level: 2, size: 128MiB, line: 256B }\n"));
	const struct mpol_memory_cache *caches = machine->nodes[1].caches;

	(void)state;
	assert_int_equal(machine->nodes[1].nr_caches, 2);
	assert_int_equal(caches[0].size_bytes, 256 << 20);
	assert_int_equal(caches[0].line_bytes, 64);
	assert_int_equal(caches[0].indexing, 0);
	assert_int_equal(caches[0].write_through, 1);
	assert_int_equal(caches[1].level, 2);
	assert_int_equal(caches[1].line_bytes, 256);
	assert_int_equal(caches[1].indexing, -1);
	assert_int_equal(caches[1].write_through, -1);
	machine_free(machine);
}

static void test_bad_caches(void **state)
{
	static const char place[] = "line 8, nodes[1].caches";

	(void)state;
	assert_refused(CACHED("  - { level: 2, size: 64MiB }\n"), -EINVAL, place, "from 1, not 2");
	assert_refused(CACHED("  - { level: 1, size: 1GiB }\n"), -EINVAL, place,
		       "cache of 1GiB in front of a memory of 1GiB");
	assert_refused(CACHED("  - { level: 1, size: big }\n"), -EBADMSG, place, "not a size");
	assert_refused(CACHED("  - { level: 1, size: 1MiB }\n  - { level: 2, size: 1MiB }\n"),
		       -EINVAL, place, "not smaller");
	assert_refused(CACHED("  - { level: 1, size: 1MiB, line: 48B }\n"), -EINVAL, place,
		       "power of two");
	assert_refused(CACHED("  - { level: 1, size: 1MiB, indexing: odd }\n"), -EBADMSG, place,
		       "no such indexing: odd");
	assert_refused(CACHED("  - { level: 1, size: 1MiB, policy: odd }\n"), -EBADMSG, place,
		       "no such policy: odd");
	assert_refused(HEAD "- { id: 0, nr_cpus: 1, caches: [{ level: 1, size: 1MiB }] }\n",
		       -EINVAL, "line 3, nodes[0].caches", "memory of 0 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes),		cmocka_unit_test(test_cpu_lists),
		cmocka_unit_test(test_total_bandwidth), cmocka_unit_test(test_ids),
		cmocka_unit_test(test_memory),		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_caches),		cmocka_unit_test(test_bad_caches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
