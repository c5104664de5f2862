/* SPDX-License-Identifier: MIT */
/* Any text as hwloc XML: refused with an error, or a machine that can be judged. */
#include <stdlib.h>

#include "machine-hwloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mpol_error err = { 0 };
	struct machine *machine = NULL;

	if (machine_from_hwloc_xml_text("fuzz", (const char *)data, size, &machine, &err) < 0) {
		if (!err.code || !err.cause[0] || machine)
			abort();
		return 0;
	}
	if (machine->nr_nodes < 1 || machine_judge(machine) < 0)
		abort();
	machine_assign_tiers(machine);
	for (int i = 0; i < machine->nr_nodes; i++)
		if ((machine->nodes[i].tier < 0) != (machine->nodes[i].capacity_bytes == 0))
			abort();
	machine_free(machine);
	return 0;
}
