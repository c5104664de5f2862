/* SPDX-License-Identifier: MIT */
/* What a machine states about itself: believed or not, kinds guessed, tiers. */
#include "cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "machine.h"

DEFINE_CLEANUP(struct machine *, machine_free);
#define _cleanup_machine_ _cleanup_(machine_freep)

#define GB 1000000000ULL

/* Nodes 0 .. n-1 of 1 GiB; those with a CPU come first, one each. */
static struct machine *machine_of(int nr_nodes, int nr_with_cpus)
{
	struct machine *machine;

	assert_int_equal(machine_new("test", nr_nodes, &machine), 0);
	for (int i = 0; i < nr_nodes; i++) {
		machine->nodes[i].id = i;
		machine->nodes[i].capacity_bytes = 1ULL << 30;
		machine->nodes[i].cpus = strdup(i < nr_with_cpus ? "0" : "");
	}
	for (int i = 0; i < nr_nodes; i++)
		for (int j = 0; j < nr_nodes; j++)
			*machine_distance(machine, i, j) = i == j ? 10 : 20;
	return machine;
}

static void states(struct machine *machine, int initiator, int target, unsigned int ns,
		   uint64_t bytes)
{
	*machine_performance(machine, initiator, target) = (struct mpol_performance) {
		.read_latency_ns = ns,
		.write_latency_ns = ns,
		.read_bandwidth_bytes = bytes,
		.write_bandwidth_bytes = bytes,
	};
}

static void judge(struct machine *machine)
{
	assert_int_equal(machine_judge(machine), 0);
	machine_assign_tiers(machine);
}

static void test_nonsense_is_flagged_and_not_used(void **state)
{
	_cleanup_machine_ struct machine *machine = machine_of(2, 1);

	(void)state;
	states(machine, 0, 0, 7600, 1790000000);
	states(machine, 0, 1, 250, 40 * GB);
	machine->nodes[1].kind = MPOL_MEMORY_CXL;
	judge(machine);

	assert_true(machine_performance(machine, 0, 0)->implausible);
	assert_false(machine_performance(machine, 0, 1)->implausible);
	assert_int_equal(machine->nr_findings, 1);
	assert_int_equal(machine->findings[0].node, 0);
	assert_non_null(strstr(machine->findings[0].text, "7600 ns"));
	/* By the stated numbers CXL would be the faster one. */
	assert_int_equal(machine->nodes[0].tier, 0);
	assert_int_equal(machine->nodes[1].tier, 1);
}

static void test_each_bound(void **state)
{
	static const struct {
		unsigned int ns;
		uint64_t bytes;
		bool own, remote; /* implausible? */
	} cases[] = {
		{ 20, 2 * GB, false, false },
		{ 19, 2 * GB, true, true },
		{ 1000, 2 * GB, false, false },
		{ 1001, 2 * GB, true, false },
		{ 5000, 2 * GB, true, false },
		{ 5001, 2 * GB, true, true },
		{ 100, 2 * GB - 1, true, false },
		{ 100, 99999999, true, true },
		{ 100, 20000 * GB, false, false },
		{ 100, 20001 * GB, true, true },
		{ 0, 2 * GB, false, false },
		{ 100, 0, false, false },
		{ 0, 0, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_machine_ struct machine *machine = machine_of(2, 1);

		states(machine, 0, 0, cases[i].ns, cases[i].bytes);
		states(machine, 0, 1, cases[i].ns, cases[i].bytes);
		judge(machine);
		assert_int_equal(machine_performance(machine, 0, 0)->implausible, cases[i].own);
		assert_int_equal(machine_performance(machine, 0, 1)->implausible, cases[i].remote);
		assert_int_equal(machine->nr_findings, cases[i].own + cases[i].remote);
	}
}

static void test_own_memory_slower_than_remote_contradicts(void **state)
{
	_cleanup_machine_ struct machine *machine = machine_of(2, 2);

	(void)state;
	states(machine, 0, 0, 200, 50 * GB);
	states(machine, 0, 1, 100, 50 * GB);
	states(machine, 1, 1, 100, 50 * GB);
	judge(machine);
	assert_true(machine_performance(machine, 0, 0)->implausible);
	assert_true(machine_performance(machine, 0, 1)->implausible);
	assert_false(machine_performance(machine, 1, 1)->implausible);
	assert_int_equal(machine->nr_findings, 1);
}

static void test_distance_nearer_than_itself_is_found(void **state)
{
	_cleanup_machine_ struct machine *machine = machine_of(3, 3);

	(void)state;
	*machine_distance(machine, 1, 2) = 9;
	judge(machine);
	assert_int_equal(machine->nr_findings, 1);
	assert_int_equal(machine->findings[0].node, 1);
	assert_non_null(strstr(machine->findings[0].text, "node 2 (9)"));
}

static void test_kinds_follow_from_performance(void **state)
{
	static const struct {
		unsigned int ns;
		uint64_t read_bytes, write_bytes;
		enum mpol_memory_kind kind;
	} cases[] = {
		{ 110, 400 * GB, 400 * GB, MPOL_MEMORY_HBM },
		{ 120, 150 * GB, 150 * GB, MPOL_MEMORY_HBM },
		{ 250, 30 * GB, 25 * GB, MPOL_MEMORY_CXL },
		{ 130, 90 * GB, 90 * GB, MPOL_MEMORY_CXL },
		{ 300, 30 * GB, 10 * GB, MPOL_MEMORY_PMEM },
		{ 0, 30 * GB, 30 * GB, MPOL_MEMORY_CXL },
		{ 105, 100 * GB, 100 * GB, MPOL_MEMORY_DRAM },
		{ 100, 30 * GB, 30 * GB, MPOL_MEMORY_UNKNOWN },
		{ 0, 90 * GB, 90 * GB, MPOL_MEMORY_UNKNOWN },
		{ 9999, 30 * GB, 30 * GB, MPOL_MEMORY_UNKNOWN },
		{ 0, 0, 0, MPOL_MEMORY_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_machine_ struct machine *machine = machine_of(2, 1);

		states(machine, 0, 0, 100, 100 * GB);
		states(machine, 0, 1, cases[i].ns, cases[i].read_bytes);
		machine_performance(machine, 0, 1)->write_bandwidth_bytes = cases[i].write_bytes;
		judge(machine);
		assert_int_equal(machine->nodes[0].kind, MPOL_MEMORY_DRAM);
		assert_false(machine->nodes[0].kind_guessed);
		assert_int_equal(machine->nodes[1].kind, cases[i].kind);
		assert_int_equal(machine->nodes[1].kind_guessed,
				 cases[i].kind != MPOL_MEMORY_UNKNOWN);
	}
}

static void test_a_stated_kind_stays(void **state)
{
	_cleanup_machine_ struct machine *machine = machine_of(2, 1);

	(void)state;
	machine->nodes[1].kind = MPOL_MEMORY_PMEM;
	states(machine, 0, 0, 100, 100 * GB);
	states(machine, 0, 1, 110, 400 * GB);
	judge(machine);
	assert_int_equal(machine->nodes[1].kind, MPOL_MEMORY_PMEM);
	assert_false(machine->nodes[1].kind_guessed);
}

static void test_tiers_by_performance(void **state)
{
	_cleanup_machine_ struct machine *machine = machine_of(5, 2);

	(void)state;
	states(machine, 0, 0, 100, 100 * GB);
	states(machine, 1, 1, 106, 95 * GB); /* the kernel makes this a tier of its own */
	states(machine, 0, 2, 110, 400 * GB);
	states(machine, 0, 3, 250, 40 * GB);
	states(machine, 1, 4, 260, 38 * GB);
	judge(machine);
	assert_int_equal(machine->nodes[2].tier, 0);
	assert_int_equal(machine->nodes[0].tier, 1);
	assert_int_equal(machine->nodes[1].tier, 1);
	assert_int_equal(machine->nodes[3].tier, 2);
	assert_int_equal(machine->nodes[4].tier, 2);
	assert_int_equal(machine->nr_findings, 0);
}

static void test_sockets_share_a_tier_whatever_their_modules(void **state)
{
	_cleanup_machine_ struct machine *machine = machine_of(3, 2);

	(void)state;
	states(machine, 0, 0, 100, 200 * GB);
	states(machine, 1, 1, 100, 50 * GB);
	states(machine, 0, 2, 250, 30 * GB);
	judge(machine);
	assert_int_equal(machine->nodes[0].tier, 0);
	assert_int_equal(machine->nodes[1].tier, 0);
	assert_int_equal(machine->nodes[2].tier, 1);
}

static void test_tiers_by_kind_where_numbers_lack(void **state)
{
	_cleanup_machine_ struct machine *machine = machine_of(6, 1);

	(void)state;
	machine->nodes[1].kind = MPOL_MEMORY_PMEM;
	machine->nodes[2].kind = MPOL_MEMORY_HBM;
	*machine_distance(machine, 0, 3) = 40; /* 3 and 4 are of unknown kind */
	machine->nodes[5].capacity_bytes = 0;
	judge(machine);
	assert_int_equal(machine->nodes[2].tier, 0);
	assert_int_equal(machine->nodes[0].tier, 1);
	assert_int_equal(machine->nodes[4].tier, 2);
	assert_int_equal(machine->nodes[3].tier, 3);
	assert_int_equal(machine->nodes[1].tier, 4);
	assert_int_equal(machine->nodes[5].tier, -1);
}

static void test_some_numbers_are_not_mixed_with_kinds(void **state)
{
	_cleanup_machine_ struct machine *machine = machine_of(3, 2);

	(void)state;
	states(machine, 0, 0, 400, 10 * GB); /* and none for node 1 */
	states(machine, 0, 2, 900, 5 * GB);
	judge(machine);
	assert_int_equal(machine->nodes[0].tier, 0);
	assert_int_equal(machine->nodes[1].tier, 0);
	assert_int_equal(machine->nodes[2].tier, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nonsense_is_flagged_and_not_used),
		cmocka_unit_test(test_each_bound),
		cmocka_unit_test(test_own_memory_slower_than_remote_contradicts),
		cmocka_unit_test(test_distance_nearer_than_itself_is_found),
		cmocka_unit_test(test_kinds_follow_from_performance),
		cmocka_unit_test(test_a_stated_kind_stays),
		cmocka_unit_test(test_tiers_by_performance),
		cmocka_unit_test(test_sockets_share_a_tier_whatever_their_modules),
		cmocka_unit_test(test_tiers_by_kind_where_numbers_lack),
		cmocka_unit_test(test_some_numbers_are_not_mixed_with_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
