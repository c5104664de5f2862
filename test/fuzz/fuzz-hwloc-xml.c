/* SPDX-License-Identifier: MIT */
/* Any XML: either refused with an error, or a machine that keeps what machine-hwloc.h promises. */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "machine-hwloc.h"
#include "nodemask.h"

DEFINE_CLEANUP(struct machine *, machine_free);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct machine *machine)
{
	int n = machine->nr_nodes;

	if (n < 1 || n > NODES_MAX || !machine->name)
		abort();
	for (int i = 0; i < n; i++) {
		const struct machine_node *node = &machine->nodes[i];

		if (node->id < 0 || node->id >= NODES_MAX || machine_index(machine, node->id) != i)
			abort();
		if (i && node->id <= machine->nodes[i - 1].id)
			abort();
		if (!node->cpus || strspn(node->cpus, "0123456789,-") != strlen(node->cpus))
			abort();
		if (node->nr_caches > MACHINE_MAX_CACHES)
			abort();
		for (unsigned int j = 0; j < node->nr_caches; j++)
			if (node->caches[j].level != j + 1)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(machine_freep) struct machine *machine = NULL;
	struct mpol_error err = { 0 };

	if (machine_from_hwloc_xml_text("fuzz", (const char *)data, size, &machine, &err) < 0) {
		if (machine || err.code >= 0 || !*err.cause || !*err.object)
			abort();
		return 0;
	}
	check(machine);
	/* As machine_from_file goes on. */
	if (machine_judge(machine) == 0)
		machine_assign_tiers(machine);
	return 0;
}
