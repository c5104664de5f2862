/* SPDX-License-Identifier: MIT */
/* policy/bandwidth.c: one node, mixes, load, interleaves, demand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bandwidth.h"

#define GB 1000000000ULL

static const struct bandwidth_mix reads_only = { 1, 0 }, writes_only = { 0, 1 },
				  two_to_one = { 2, 1 };

static void test_capacity(void **state)
{
	const struct bandwidth_node dram = { .read_bytes = 300 * GB, .write_bytes = 150 * GB };
	struct bandwidth_node cxl = { .read_bytes = 32 * GB,
				      .write_bytes = 30 * GB,
				      .bus = BANDWIDTH_DUPLEX };
	const struct bandwidth_mix equal = { 1, 1 }, few_writes = { 9, 1 };

	(void)state;
	assert_int_equal(bandwidth_capacity(&dram, &reads_only), 300 * GB);
	assert_int_equal(bandwidth_capacity(&dram, &writes_only), 150 * GB);
	/* 2 / 300 and 1 / 150 of a second for 3 GB */
	assert_int_equal(bandwidth_capacity(&dram, &two_to_one), 225 * GB);
	assert_int_equal(bandwidth_capacity(&dram, &equal), 200 * GB);

	assert_int_equal(bandwidth_capacity(&cxl, &reads_only), 32 * GB);
	assert_int_equal(bandwidth_capacity(&cxl, &writes_only), 30 * GB);
	assert_int_equal(bandwidth_capacity(&cxl, &two_to_one), 48 * GB); /* reads are full */
	assert_int_equal(bandwidth_capacity(&cxl, &equal), 60 * GB);	  /* writes are */
	assert_int_equal(bandwidth_capacity(&cxl, &few_writes), 320 * GB / 9);
	cxl.both_bytes = 36 * GB;
	assert_int_equal(bandwidth_capacity(&cxl, &two_to_one), 36 * GB);
	assert_int_equal(bandwidth_capacity(&cxl, &reads_only), 32 * GB);
}

static void test_capacity_extremes(void **state)
{
	const struct bandwidth_node read_only = { .read_bytes = 32 * GB };
	const struct bandwidth_node vast = { .read_bytes = UINT64_MAX, .write_bytes = UINT64_MAX };
	const struct bandwidth_mix nothing = { 0, 0 }, counted = { UINT64_MAX, UINT64_MAX / 2 };
	const struct bandwidth_mix hardly = { UINT64_MAX, 1 };
	struct bandwidth_node wide_link = vast;

	(void)state;
	wide_link.bus = BANDWIDTH_DUPLEX;
	assert_int_equal(bandwidth_capacity(&read_only, &reads_only), 32 * GB);
	assert_int_equal(bandwidth_capacity(&read_only, &writes_only), 0);
	assert_int_equal(bandwidth_capacity(&read_only, &two_to_one), 0);
	assert_int_equal(bandwidth_capacity(&read_only, &nothing), 0);
	assert_int_equal(bandwidth_capacity(&vast, &two_to_one), BANDWIDTH_MAX_BYTES);
	assert_int_equal(bandwidth_capacity(&vast, &counted), BANDWIDTH_MAX_BYTES);
	assert_int_equal(bandwidth_capacity(&wide_link, &two_to_one), BANDWIDTH_MAX_BYTES * 3 / 2);
	assert_int_equal(bandwidth_capacity(&read_only, &hardly), 32 * GB);
}

static void test_bus_of_kinds(void **state)
{
	(void)state;
	assert_int_equal(bandwidth_bus_of(MPOL_MEMORY_CXL), BANDWIDTH_DUPLEX);
	assert_int_equal(bandwidth_bus_of(MPOL_MEMORY_DRAM), BANDWIDTH_SHARED);
	assert_int_equal(bandwidth_bus_of(MPOL_MEMORY_HBM), BANDWIDTH_SHARED);
	assert_int_equal(bandwidth_bus_of(MPOL_MEMORY_PMEM), BANDWIDTH_SHARED);
	assert_int_equal(bandwidth_bus_of(MPOL_MEMORY_UNKNOWN), BANDWIDTH_SHARED);
}

static void test_latency(void **state)
{
	const struct load_point points[] = { { 500, 1000 }, { 900, 2000 }, { 950, 4000 } };
	const struct bandwidth_node node = { .latency_ns = 100, .curve = points, .nr_points = 3 };
	const struct bandwidth_node flat = { .latency_ns = 250 };

	(void)state;
	assert_int_equal(bandwidth_latency_ps(&node, 0), 100000);
	assert_int_equal(bandwidth_latency_ps(&node, 500000), 100000);
	assert_int_equal(bandwidth_latency_ps(&node, 700000), 150000);
	assert_int_equal(bandwidth_latency_ps(&node, 900000), 200000);
	assert_int_equal(bandwidth_latency_ps(&node, 925000), 300000);
	assert_int_equal(bandwidth_latency_ps(&node, 1000000), 400000);
	assert_int_equal(bandwidth_latency_ps(&node, UINT32_MAX), 400000);
	assert_int_equal(bandwidth_latency_ps(&flat, 0), 250000);
	assert_int_equal(bandwidth_latency_ps(&flat, 1000000), 250000);
}

static void test_interleave(void **state)
{
	const struct bandwidth_node nodes[] = {
		{ .read_bytes = 200 * GB },
		{ .read_bytes = 50 * GB },
		{ .write_bytes = 50 * GB },
	};
	const struct bandwidth_profile profile = { .nodes = nodes, .nr_nodes = 3, .mix = { 1, 0 } };
	const uint8_t alone[] = { 7, 0, 0 }, equal[] = { 1, 1, 0 }, right[] = { 4, 1, 0 };
	const uint8_t wrong[] = { 5, 1, 0 }, unable[] = { 4, 1, 1 }, none[] = { 0, 0, 0 };
	struct bandwidth_flow flow;

	(void)state;
	flow = bandwidth_interleave(&profile, alone);
	assert_int_equal(flow.bytes, 200 * GB);
	assert_int_equal(flow.limit, 0);
	flow = bandwidth_interleave(&profile, equal); /* twice the slower one */
	assert_int_equal(flow.bytes, 100 * GB);
	assert_int_equal(flow.limit, 1);
	assert_int_equal(bandwidth_interleave(&profile, right).bytes, 250 * GB);
	flow = bandwidth_interleave(&profile, wrong);
	assert_int_equal(flow.bytes, 240 * GB);
	assert_int_equal(flow.limit, 0);
	flow = bandwidth_interleave(&profile, unable);
	assert_int_equal(flow.bytes, 0);
	assert_int_equal(flow.limit, 2);
	assert_int_equal(bandwidth_interleave(&profile, none).bytes, 0);
}

/* Little's law, with latencies that stay and with ones that grow. */
static void test_demand(void **state)
{
	const struct load_point points[] = { { 1000, 3000 } };
	struct bandwidth_node nodes[] = {
		{ .read_bytes = 200 * GB, .latency_ns = 100 },
		{ .read_bytes = 50 * GB, .latency_ns = 300 },
	};
	struct bandwidth_profile profile = { .nodes = nodes, .nr_nodes = 2, .mix = { 1, 0 } };
	const uint8_t alone[] = { 1, 0 }, right[] = { 4, 1 };
	struct bandwidth_flow flow;

	(void)state;
	assert_int_equal(bandwidth_in_flight(16, 10), 10240);
	assert_int_equal(bandwidth_in_flight(UINT32_MAX, UINT32_MAX), UINT64_MAX);

	profile.in_flight_bytes = 10000;
	flow = bandwidth_interleave(&profile, alone);
	assert_int_equal(flow.bytes, 100 * GB); /* 10 kB in 100 ns */
	assert_int_equal(flow.latency_ps, 100000);
	assert_true(flow.limit == BANDWIDTH_DEMAND);
	flow = bandwidth_interleave(&profile, right); /* 140 ns on average */
	assert_int_equal(flow.bytes, 10000 * GB / 140);
	assert_int_equal(flow.latency_ps, 140000);

	/* Of x times 200 GB/s, at 1 + 2 x times 100 ns, 10 kB are in flight where x (1 + 2 x) =
	 * 1/2. */
	nodes[0].curve = points;
	nodes[0].nr_points = 1;
	flow = bandwidth_interleave(&profile, alone);
	assert_in_range(flow.bytes, 61803 * GB / 1000, 61805 * GB / 1000);
	assert_true(flow.limit == BANDWIDTH_DEMAND);
	profile.in_flight_bytes = 60000; /* three times what it takes idle */
	flow = bandwidth_interleave(&profile, alone);
	assert_int_equal(flow.bytes, 200 * GB);
	assert_int_equal(flow.limit, 0);
	assert_int_equal(flow.latency_ps, 300000);
	profile.in_flight_bytes = UINT64_MAX;
	assert_int_equal(bandwidth_interleave(&profile, right).bytes, 250 * GB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capacity),     cmocka_unit_test(test_capacity_extremes),
		cmocka_unit_test(test_bus_of_kinds), cmocka_unit_test(test_latency),
		cmocka_unit_test(test_interleave),   cmocka_unit_test(test_demand),
	};

	return cmocka_run_group_tests_name("bandwidth", tests, NULL, NULL);
}
