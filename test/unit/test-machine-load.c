/* SPDX-License-Identifier: MIT */
/* Latency under load, and the curves that descriptions state. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine-text.h"

#define HEAD                                                    \
	"name: m\n"                                             \
	"nodes:\n"                                              \
	"  - { id: 0, kind: dram, memory: 1GiB, nr_cpus: 1 }\n" \
	"  - id: 1\n"
#define CURVE(points) HEAD "    kind: cxl\n    memory: 1GiB\n    loaded_latency:\n" points

static void test_stated(void **state)
{
	struct machine *machine =
		read_machine(CURVE("      - { utilisation: 500, latency: 1000 }\n"
				   "      - { utilisation: 800, latency: 4000 }\n"));
	const struct machine_node *node = &machine->nodes[1];

	(void)state;
	assert_int_equal(machine->nodes[0].load_curve.nr_points, 0);
	assert_ptr_equal(machine_load_curve(node), &node->load_curve);
	assert_int_equal(machine_loaded_latency(node, 200, 0), 200);
	assert_int_equal(machine_loaded_latency(node, 200, 500), 200);
	assert_int_equal(machine_loaded_latency(node, 200, 650), 500);
	assert_int_equal(machine_loaded_latency(node, 200, 651), 502);
	assert_int_equal(machine_loaded_latency(node, 200, 800), 800);
	/* Beyond the last point, and beyond what memory can deliver. */
	assert_int_equal(machine_loaded_latency(node, 200, 1000), 800);
	assert_int_equal(machine_loaded_latency(node, 200, 5000), 800);
	machine_free(machine);
}

/* A third of the way from 1000 to 2000 is 1333.33…: 3 ns become 4.0, 1 ns 1.33. */
static void test_rounding(void **state)
{
	struct machine_node node = {
		.load_curve = { { { 3, 2000 } }, 1 },
	};

	(void)state;
	assert_int_equal(machine_loaded_latency(&node, 3, 1), 4);
	assert_int_equal(machine_loaded_latency(&node, 1, 1), 1);
	assert_int_equal(machine_loaded_latency(&node, 1, 2), 2);
	assert_int_equal(machine_loaded_latency(&node, 0, 2), 0);
}

/* What mpol-machine(5) says of nodes that state nothing. */
static void test_defaults(void **state)
{
	static const struct {
		enum mpol_memory_kind kind;
		unsigned int full_ns;
	} kinds[] = {
		{ MPOL_MEMORY_DRAM, 500 }, { MPOL_MEMORY_HBM, 500 },	 { MPOL_MEMORY_CXL, 400 },
		{ MPOL_MEMORY_PMEM, 400 }, { MPOL_MEMORY_UNKNOWN, 400 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct machine_node node = { .kind = kinds[i].kind };
		uint64_t previous = 0;

		assert_int_equal(machine_loaded_latency(&node, 100, 0), 100);
		assert_int_equal(machine_loaded_latency(&node, 100, 500), 115);
		assert_int_equal(machine_loaded_latency(&node, 100, 900), 235);
		assert_int_equal(machine_loaded_latency(&node, 100, 1000), kinds[i].full_ns);
		for (unsigned int u = 0; u <= 1000; u++) {
			uint64_t ns = machine_loaded_latency(&node, 1000000, u);

			assert_true(ns >= previous);
			previous = ns;
		}
	}
}

static void test_refused(void **state)
{
	static const char there[] = "line 8, nodes[1].loaded_latency";

	(void)state;
	assert_refused(CURVE("      - { utilisation: 500, latency: 999 }\n"), -EINVAL, there,
		       "a latency of 999 after 1000");
	assert_refused(CURVE("      - { utilisation: 500, latency: 1500 }\n"
			     "      - { utilisation: 600, latency: 1400 }\n"),
		       -EINVAL, there, "a latency of 1400 after 1500");
	assert_refused(CURVE("      - { utilisation: 500, latency: 100001 }\n"), -EINVAL, there,
		       "up to 100000");
	assert_refused(CURVE("      - { utilisation: 0, latency: 1000 }\n"), -EINVAL, there,
		       "a utilisation of 0 after 0");
	assert_refused(CURVE("      - { utilisation: 500, latency: 1500 }\n"
			     "      - { utilisation: 500, latency: 1600 }\n"),
		       -EINVAL, there, "a utilisation of 500 after 500");
	assert_refused(CURVE("      - { utilisation: 1001, latency: 1500 }\n"), -EINVAL, there,
		       "up to 1000");
	assert_refused(CURVE("      - { utilisation: 500 }\n"), -EBADMSG,
		       "line 8, nodes[1].loaded_latency[0].latency", "latency");
	assert_refused(CURVE("      - { utilisation: 500, latency: 1500, at: 1 }\n"), -EBADMSG,
		       "line 8, nodes[1].loaded_latency[0].at", "at");
	assert_refused(HEAD "    nr_cpus: 1\n"
			    "    loaded_latency: [ { utilisation: 500, latency: 1500 } ]\n",
		       -EINVAL, "line 6, nodes[1].loaded_latency", "no memory");
}

/* One point more than there is room for. */
static void test_too_many(void **state)
{
	char text[2048] = CURVE("");

	(void)state;
	for (int i = 0; i <= MACHINE_MAX_LOAD_POINTS; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "      - { utilisation: %d, latency: 2000 }\n", i + 1);
	assert_refused(text, -EBADMSG, "line 24, nodes[1].loaded_latency", "");
}

/* What is stated, what follows from what others see, and what stands in for both. */
static void test_idle(void **state)
{
	struct machine *machine;

	(void)state;
	assert_int_equal(machine_new("three", 3, &machine), 0);
	for (int i = 0; i < 3; i++) {
		machine->nodes[i].id = i;
		machine->nodes[i].kind = i < 2 ? MPOL_MEMORY_DRAM : MPOL_MEMORY_CXL;
		free(machine->nodes[i].cpus);
		machine->nodes[i].cpus = strdup(i < 2 ? "0" : "");
	}
	for (int pair = 0; pair < 9; pair++)
		*machine_distance(machine, pair / 3, pair % 3) = pair / 3 == pair % 3 ? 10 : 20;
	*machine_distance(machine, 1, 2) = 30;
	assert_int_equal(machine_idle_latency(machine, 0, 0), 80);
	assert_int_equal(machine_idle_latency(machine, 0, 1), 160);
	assert_int_equal(machine_idle_latency(machine, 1, 2), 170);
	machine_performance(machine, 0, 2)->read_latency_ns = 250;
	assert_int_equal(machine_idle_latency(machine, 0, 2), 250);
	assert_int_equal(machine_idle_latency(machine, 1, 2), 375);
	machine_performance(machine, 0, 2)->implausible = 1;
	assert_int_equal(machine_idle_latency(machine, 0, 2), 170);
	machine_free(machine);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stated),	 cmocka_unit_test(test_rounding),
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many), cmocka_unit_test(test_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
