/* SPDX-License-Identifier: MIT */
/*
 * From libmpol's view of the running machine to a struct machine.  Tiers and kinds are
 * libmpol's; what is implausible stays so.
 */
#include "machine-of-topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "cleanup.h"
#include "error.h"

DEFINE_CLEANUP(struct machine *, machine_free);

static int fill_node(struct machine_node *node, const struct mpol_node *from)
{
	*node = (struct machine_node) {
		.id = from->id,
		.socket = -1,
		.kind = (enum mpol_memory_kind)from->kind,
		.capacity_bytes = from->capacity_bytes,
		.free_bytes = from->free_bytes,
		.cpus = strdup(from->cpus),
		.tier = from->tier,
		.kernel_tier = from->kernel_tier,
		.kernel_weight = from->kernel_weight,
	};
	return node->cpus ? 0 : -ENOMEM;
}

static void fill_pair(struct machine *machine, const struct mpol_topology *topology, int from,
		      int to)
{
	const int distance = mpol_topology_distance(topology, from, to);

	if (distance > 0 && distance <= UINT8_MAX)
		*machine_distance(machine, from, to) = (uint8_t)distance;
	mpol_topology_performance(topology, from, to, machine_performance(machine, from, to));
}

int machine_of_this(struct machine **ret_machine, struct mpol_error *error)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *topology = NULL;
	_cleanup_(machine_freep) struct machine *machine = NULL;
	int r = mpol_topology_new(NULL, &topology, error);

	if (r < 0)
		return r;
	r = machine_new(mpol_topology_name(topology), (int)mpol_topology_nr_nodes(topology),
			&machine);
	for (int i = 0; r == 0 && i < machine->nr_nodes; i++) {
		free(machine->nodes[i].cpus);
		r = fill_node(&machine->nodes[i], mpol_topology_node(topology, (size_t)i));
	}
	if (r < 0)
		return error_errno(error, r, "read topology");
	for (int i = 0; i < machine->nr_nodes; i++)
		for (int j = 0; j < machine->nr_nodes; j++)
			fill_pair(machine, topology, machine->nodes[i].id, machine->nodes[j].id);
	*ret_machine = steal_pointer(&machine);
	return 0;
}
