/* SPDX-License-Identifier: MIT */
/* Any text: either refused with an error, or a machine that keeps what machine-yaml.h promises. */
#include <stdlib.h>

#include "cleanup.h"
#include "machine-yaml.h"
#include "nodemask.h"

DEFINE_CLEANUP(struct machine *, machine_free);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_load_curve(const struct machine_node *node)
{
	const struct machine_load_curve *curve = &node->load_curve;

	if (curve->nr_points > MACHINE_MAX_LOAD_POINTS ||
	    machine_loaded_latency(node, 100, 0) != 100)
		abort();
	for (unsigned int u = 1; u <= 1000; u++)
		if (machine_loaded_latency(node, UINT32_MAX, u) <
		    machine_loaded_latency(node, UINT32_MAX, u - 1))
			abort();
}

static void check(const struct machine *machine)
{
	int n = machine->nr_nodes;
	struct nodemask cpus;

	if (n < 1 || n > NODES_MAX)
		abort();
	for (int i = 0; i < n; i++) {
		const struct machine_node *node = &machine->nodes[i];

		if (node->id < 0 || node->id >= NODES_MAX || machine_index(machine, node->id) != i)
			abort();
		if (nodemask_parse(node->cpus, &cpus) < 0)
			abort();
		if (nodemask_empty(&cpus) && !node->capacity_bytes)
			abort();
		if (node->load_curve.nr_points)
			check_load_curve(node);
		for (int j = 0; j < n; j++)
			if ((machine->distances[i * n + j] == 10) != (i == j))
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(machine_freep) struct machine *machine = NULL;
	struct mpol_error err = { 0 };

	if (machine_from_yaml_text("fuzz", (const char *)data, size, &machine, &err) < 0) {
		if (machine || err.code >= 0 || !*err.cause || !*err.object)
			abort();
		return 0;
	}
	check(machine);
	return 0;
}
