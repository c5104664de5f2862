/* SPDX-License-Identifier: MIT */
/*
 * The public view of a machine: mpol_topology_* of mpol/mpol.h.
 *
 * A topology owns a struct machine and an array of public nodes whose strings
 * and caches are the machine's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mpol/mpol.h>

#include "cleanup.h"
#include "error.h"
#include "machine-file.h"
#include "machine-profile.h"
#include "machine.h"
#include "rootfs.h"
#include "topology-internal.h"
#include "topology.h"

struct mpol_topology {
	struct machine *machine;
	struct mpol_node *nodes;
};

DEFINE_CLEANUP(struct machine *, machine_free);
DEFINE_CLEANUP(struct mpol_topology *, mpol_topology_free);

static struct mpol_node public_node(const struct machine_node *node)
{
	const char *cpus = node->cpus ? node->cpus : "";

	return (struct mpol_node) {
		.id = node->id,
		.has_memory = node->capacity_bytes != 0,
		.has_cpu = *cpus != '\0',
		.tier = node->tier,
		.kernel_tier = node->kernel_tier,
		.kernel_weight = node->kernel_weight,
		.kind = node->kind,
		.kind_guessed = node->kind_guessed,
		.capacity_bytes = node->capacity_bytes,
		.free_bytes = node->free_bytes,
		.cpus = cpus,
		.caches = node->caches,
		.nr_caches = node->nr_caches,
	};
}

/* Takes the machine over, whatever the outcome. */
static int topology_of(struct machine *owned, struct mpol_topology **ret_topology,
		       struct mpol_error *err)
{
	_cleanup_(machine_freep) struct machine *machine = owned;
	_cleanup_(mpol_topology_freep) struct mpol_topology *topology =
		calloc(1, sizeof(*topology));

	if (topology)
		topology->nodes = calloc(machine->nr_nodes, sizeof(*topology->nodes));
	if (!topology || !topology->nodes)
		return error_errno(err, -ENOMEM, "read topology");
	for (int i = 0; i < machine->nr_nodes; i++)
		topology->nodes[i] = public_node(&machine->nodes[i]);
	topology->machine = steal_pointer(&machine);
	*ret_topology = steal_pointer(&topology);
	return 0;
}

int topology_open_root(const char *root, struct mpol_error *error)
{
	int fd = rootfs_open(root);

	if (fd < 0) {
		error_errno(error, fd, "open root directory");
		error_on(error, "%s", root ? root : "/");
	}
	return fd;
}

int mpol_topology_new(const char *root, struct mpol_topology **ret_topology,
		      struct mpol_error *error)
{
	_cleanup_close_ int fd = topology_open_root(root, error);
	struct machine *machine;
	int r;

	if (fd < 0)
		return fd;
	r = topology_read(fd, &machine, error);
	return r < 0 ? r : topology_of(machine, ret_topology, error);
}

int mpol_topology_new_from_file(const char *path_or_name, struct mpol_topology **ret_topology,
				struct mpol_error *error)
{
	struct machine *machine;
	int r = machine_from_file(path_or_name, &machine, error);

	return r < 0 ? r : topology_of(machine, ret_topology, error);
}

const char *mpol_machine_name(size_t index)
{
	return index < machine_nr_profiles ? machine_profiles[index].name : NULL;
}

void mpol_topology_free(struct mpol_topology *topology)
{
	if (!topology)
		return;
	machine_free(topology->machine);
	free(topology->nodes);
	free(topology);
}

const struct machine *topology_machine(const struct mpol_topology *topology)
{
	return topology->machine;
}

const char *mpol_topology_name(const struct mpol_topology *topology)
{
	return topology->machine->name;
}

const char *mpol_topology_description(const struct mpol_topology *topology)
{
	return topology->machine->description ? topology->machine->description : "";
}

void mpol_topology_possible(const struct mpol_topology *topology, unsigned long *ret_nodes)
{
	struct nodemask nodes = topology->machine->possible;

	for (int i = 0; i < topology->machine->nr_nodes; i++)
		nodemask_set(&nodes, topology->machine->nodes[i].id);
	memcpy(ret_nodes, &nodes, sizeof(nodes));
}

size_t mpol_topology_nr_nodes(const struct mpol_topology *topology)
{
	return topology->machine->nr_nodes;
}

const struct mpol_node *mpol_topology_node(const struct mpol_topology *topology, size_t index)
{
	return index < (size_t)topology->machine->nr_nodes ? &topology->nodes[index] : NULL;
}

const struct mpol_node *mpol_topology_node_by_id(const struct mpol_topology *topology, int id)
{
	int i = machine_index(topology->machine, id);

	return i < 0 ? NULL : &topology->nodes[i];
}

int mpol_topology_distance(const struct mpol_topology *topology, int from, int to)
{
	const uint8_t *distance = machine_distance(topology->machine, from, to);

	return distance && *distance ? *distance : -1;
}

int mpol_topology_performance(const struct mpol_topology *topology, int initiator, int target,
			      struct mpol_performance *ret_performance)
{
	const struct mpol_performance *performance =
		machine_performance(topology->machine, initiator, target);

	if (!performance || !machine_performance_stated(performance))
		return -ENOENT;
	*ret_performance = *performance;
	return 0;
}

size_t mpol_topology_nr_findings(const struct mpol_topology *topology)
{
	return topology->machine->nr_findings;
}

const struct mpol_finding *mpol_topology_finding(const struct mpol_topology *topology, size_t index)
{
	return index < (size_t)topology->machine->nr_findings ? &topology->machine->findings[index]
							      : NULL;
}
