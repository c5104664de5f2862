/* SPDX-License-Identifier: MIT */
/* From what hwloc's XML says to a machine: see machine-hwloc-internal.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "machine-hwloc-internal.h"
#include "text.h"

/* ---- Nodes -------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	const struct hwloc_node *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* A node's position, and how many CPUs are nearest to it. */
struct claim {
	int position;
	int nr_cpus;
};

/* Of equally small sets, the lowest node's first: it takes the CPUs. */
static int by_cpus_then_id(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	return x->nr_cpus != y->nr_cpus ? x->nr_cpus - y->nr_cpus : x->position - y->position;
}

/* Gives each CPU to the node with the smallest set that it is in. */
static void share_cpus(struct hwloc_build *build)
{
	struct claim claims[NODES_MAX];
	int cpu;

	memset(build->owners, -1, CPUMASK_MAX_CPUS * sizeof(*build->owners));
	for (size_t i = 0; i < build->nr_nodes; i++)
		claims[i] = (struct claim) { i, cpumask_weight(&build->nodes[i].cpus) };
	qsort(claims, build->nr_nodes, sizeof(*claims), by_cpus_then_id);
	for (size_t i = 0; i < build->nr_nodes; i++)
		cpumask_for_each(cpu,
				 &build->nodes[claims[i].position].cpus) if (build->owners[cpu] < 0)
			build->owners[cpu] = claims[i].position;
}

/* The CPUs that the node at a position owns, in list form.  NULL: no memory. */
static char *list_own_cpus(const struct hwloc_build *build, int position)
{
	const struct cpumask *cpus = &build->nodes[position].cpus;
	struct text list = { 0 };
	int first;

	text_append(&list, "", 0);
	cpumask_for_each(first, cpus)
	{
		int last = first;

		if (build->owners[first] != position)
			continue;
		while (last + 1 < CPUMASK_MAX_CPUS && build->owners[last + 1] == position)
			last++;
		text_printf(&list, "%s%d", list.length ? "," : "", first);
		if (last > first)
			text_printf(&list, "-%d", last);
		first = last;
	}
	if (list.error)
		text_free(&list);
	return list.data;
}

int hwloc_build_machine(struct hwloc_build *build, const char *name)
{
	size_t n = build->nr_nodes;
	int r = machine_new(name, n, &build->machine);

	if (r < 0)
		return r;
	build->owners = calloc(CPUMASK_MAX_CPUS, sizeof(*build->owners));
	build->undirected = calloc(n * n, sizeof(*build->undirected));
	if (!build->owners || !build->undirected)
		return -ENOMEM;
	qsort(build->nodes, n, sizeof(*build->nodes), by_id);
	share_cpus(build);
	for (size_t i = 0; i < n; i++) {
		const struct hwloc_node *from = &build->nodes[i];
		struct machine_node *node = &build->machine->nodes[i];

		node->id = from->id;
		node->kind = from->kind;
		node->capacity_bytes = from->capacity_bytes;
		node->nr_caches = from->nr_caches;
		memcpy(node->caches, from->caches, sizeof(node->caches));
		node->cpus = list_own_cpus(build, i);
		if (!node->cpus)
			return -ENOMEM;
		/* By definition; hwloc leaves the table of a single node out. */
		build->machine->distances[i * n + i] = 10;
	}
	return 0;
}

int hwloc_build_find(const struct hwloc_build *build, uint64_t number, bool by_gp)
{
	for (size_t i = 0; i < build->nr_nodes; i++)
		if (number == (by_gp ? build->nodes[i].gp_index : (uint64_t)build->nodes[i].id))
			return i;
	return -1;
}

/* ---- Performance ----------------------------------------------------------------- */

static void store(struct mpol_performance *performance, enum hwloc_attribute attribute,
		  uint64_t value)
{
	uint32_t ns = value > UINT32_MAX ? UINT32_MAX : value;
	uint64_t bytes = value > UINT64_MAX >> 20 ? UINT64_MAX : value << 20;

	if (attribute == HWLOC_LATENCY || attribute == HWLOC_READ_LATENCY)
		performance->read_latency_ns = ns;
	if (attribute == HWLOC_LATENCY || attribute == HWLOC_WRITE_LATENCY)
		performance->write_latency_ns = ns;
	if (attribute == HWLOC_BANDWIDTH || attribute == HWLOC_READ_BANDWIDTH)
		performance->read_bandwidth_bytes = bytes;
	if (attribute == HWLOC_BANDWIDTH || attribute == HWLOC_WRITE_BANDWIDTH)
		performance->write_bandwidth_bytes = bytes;
}

void hwloc_build_value(struct hwloc_build *build, enum hwloc_attribute attribute, int target,
		       const struct cpumask *cpus, uint64_t value)
{
	struct mpol_performance *table = attribute == HWLOC_LATENCY || attribute == HWLOC_BANDWIDTH
						 ? build->undirected
						 : build->machine->performances;
	int cpu;

	cpumask_for_each(cpu, cpus) if (build->owners[cpu] >= 0)
		store(&table[build->owners[cpu] * build->nr_nodes + target], attribute, value);
}

struct machine *hwloc_build_finish(struct hwloc_build *build)
{
	for (size_t i = 0; i < build->nr_nodes * build->nr_nodes; i++) {
		struct mpol_performance *seen = &build->machine->performances[i];
		const struct mpol_performance *both = &build->undirected[i];

		if (!seen->read_latency_ns)
			seen->read_latency_ns = both->read_latency_ns;
		if (!seen->write_latency_ns)
			seen->write_latency_ns = both->write_latency_ns;
		if (!seen->read_bandwidth_bytes)
			seen->read_bandwidth_bytes = both->read_bandwidth_bytes;
		if (!seen->write_bandwidth_bytes)
			seen->write_bandwidth_bytes = both->write_bandwidth_bytes;
	}
	return steal_pointer(&build->machine);
}

void hwloc_build_release(struct hwloc_build *build)
{
	for (size_t i = 0; i < build->nr_nodes; i++)
		cpumask_free(&build->nodes[i].cpus);
	free(build->nodes);
	free(build->owners);
	free(build->undirected);
	machine_free(build->machine);
}
