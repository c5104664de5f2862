/* SPDX-License-Identifier: MIT */
/* The files that describe nodes: the kernel's form accepted, anything else refused. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>

#include "topology-internal.h"

static void test_distances(void **state)
{
	uint8_t distances[3] = { 1, 2, 3 };

	(void)state;
	assert_int_equal(topology_parse_distances("10 21 255\n", 3, distances), 0);
	assert_memory_equal(distances, ((uint8_t[]) { 10, 21, 255 }), 3);
	assert_int_equal(topology_parse_distances("31", 1, distances), 0);
	assert_int_equal(distances[0], 31);
}

static void test_distances_refused(void **state)
{
	static const char *const bad[] = { "",		"\n",		"10 20",     "10 20 30 40",
					   "10 20 256", "10 20 0",	"10 20 -1",  "10 20 3O",
					   "10,20,30",	"10 20 30\n\n", "10 20\n30", NULL };
	uint8_t distances[3] = { 1, 2, 3 };

	(void)state;
	for (int i = 0; bad[i]; i++)
		assert_int_equal(topology_parse_distances(bad[i], 3, distances), -EBADMSG);
	assert_int_equal(topology_parse_distances("10", NODES_MAX + 1, distances), -EBADMSG);
	assert_memory_equal(distances, ((uint8_t[]) { 1, 2, 3 }), 3);
}

static void test_meminfo(void **state)
{
	uint64_t total = 0, free_bytes = 0;

	(void)state;
	assert_int_equal(topology_parse_meminfo("Node 12 MemTotal:       1048576 kB\n"
						"Node 12 MemFree:        0 kB\n"
						"Node 12 MemUsed:        1048576 kB\n",
						12, &total, &free_bytes),
			 0);
	assert_int_equal(total, 1ULL << 30);
	assert_int_equal(free_bytes, 0);
}

static void test_meminfo_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"Node 1 MemTotal: 10 kB\n",
		"Node 1 MemFree: 10 kB\n",
		"Node 1 MemTotal: 10 kB\nNode 1 MemFree: 5",
		"Node 1 MemTotal: 10 kB\nNode 1 MemFree: 5 MB\n",
		"Node 1 MemTotal: 10 kB\nNode 1 MemFree: -5 kB\n",
		"Node 11 MemTotal: 10 kB\nNode 11 MemFree: 5 kB\n",
		"Node 1 MemTotal: 18014398509481984 kB\nNode 1 MemFree: 5 kB\n",
		" Node 1 MemTotal: 10 kB\n Node 1 MemFree: 5 kB\n",
		NULL,
	};
	uint64_t total = 7, free_bytes = 8;

	(void)state;
	for (int i = 0; bad[i]; i++)
		assert_int_equal(topology_parse_meminfo(bad[i], 1, &total, &free_bytes), -EBADMSG);
	assert_int_equal(total, 7);
	assert_int_equal(free_bytes, 8);
}

static void test_cpulist(void **state)
{
	static const char *const good[] = { "", "0", "0-3", "0-3,8-11", "8191", NULL };
	static const char *const bad[] = { "-1",    "0-",  "3-1",   "0,",   ",0", "0,0",
					   "0-3,3", "0 1", "65537", "0\n1", "a",  NULL };
	size_t length = 99;

	(void)state;
	for (int i = 0; bad[i]; i++)
		assert_int_equal(topology_parse_cpulist(bad[i], &length), -EBADMSG);
	assert_int_equal(length, 99);
	for (int i = 0; good[i]; i++) {
		assert_int_equal(topology_parse_cpulist(good[i], &length), 0);
		assert_int_equal(length, strlen(good[i]));
	}
	assert_int_equal(topology_parse_cpulist("0-3\n", &length), 0);
	assert_int_equal(length, 3);
}

static void test_names(void **state)
{
	uint64_t number = 42;

	(void)state;
	assert_true(topology_parse_name("node1023", "node", 1023, &number));
	assert_int_equal(number, 1023);
	assert_false(topology_parse_name("node1024", "node", 1023, &number));
	assert_false(topology_parse_name("node", "node", 1023, &number));
	assert_false(topology_parse_name("node1x", "node", 1023, &number));
	assert_false(topology_parse_name("nod", "node", 1023, &number));
	assert_int_equal(number, 1023);
}

static void test_dax_kinds(void **state)
{
	(void)state;
	assert_int_equal(topology_dax_kind("../../../devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0012:00/"
					   "ndbus0/region0/dax0.0/dax0.0"),
			 MPOL_MEMORY_PMEM);
	assert_int_equal(topology_dax_kind("../../../devices/platform/ACPI0017:00/root0/"
					   "decoder0.0/region0/dax_region0/dax0.0"),
			 MPOL_MEMORY_CXL);
	/* Persistent memory behind CXL. */
	assert_int_equal(topology_dax_kind("../../../devices/platform/ACPI0017:00/root0/"
					   "nvdimm-bridge0/ndbus0/region0/dax0.0/dax0.0"),
			 MPOL_MEMORY_PMEM);
	assert_int_equal(topology_dax_kind("../../../devices/platform/hmem.2/dax2.0"),
			 MPOL_MEMORY_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distances), cmocka_unit_test(test_distances_refused),
		cmocka_unit_test(test_meminfo),	  cmocka_unit_test(test_meminfo_refused),
		cmocka_unit_test(test_cpulist),	  cmocka_unit_test(test_names),
		cmocka_unit_test(test_dax_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
