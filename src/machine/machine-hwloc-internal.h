/* SPDX-License-Identifier: MIT */
/*
 * Between the two halves of reading hwloc's XML: machine-hwloc.c takes the
 * elements apart and checks them, machine-hwloc-build.c makes the machine.
 *
 * The order is hwloc's own: first the tree of objects, with the nodes; then
 * tables about them.
 */
#ifndef MACHINE_MACHINE_HWLOC_INTERNAL_H
#define MACHINE_MACHINE_HWLOC_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpumask.h"
#include "machine.h"

struct hwloc_node {
	uint64_t gp_index;   /* hwloc's own number of the object */
	struct cpumask cpus; /* the nearest ones: a node without CPUs has its neighbours' */
	int id;
	enum mpol_memory_kind kind;
	bool kind_stated; /* by the object's subtype */
	uint64_t capacity_bytes;
	struct mpol_memory_cache caches[MACHINE_MAX_CACHES];
	unsigned int nr_caches;
};

/* hwloc's memory attributes (hwloc/memattrs.h). */
enum hwloc_attribute {
	HWLOC_NO_ATTRIBUTE, /* one that is not about speed */
	HWLOC_LATENCY,
	HWLOC_READ_LATENCY,
	HWLOC_WRITE_LATENCY,
	HWLOC_BANDWIDTH,
	HWLOC_READ_BANDWIDTH,
	HWLOC_WRITE_BANDWIDTH,
};

/* Zeroed at first. */
struct hwloc_build {
	struct hwloc_node *nodes; /* as found; in ascending order of id once there is a machine */
	size_t nr_nodes;
	size_t nr_allocated;
	struct machine *machine;
	int16_t *owners; /* position of the node that a CPU belongs to, -1: none */
	/* As machine->performances: from attributes without direction, for where no other says. */
	struct mpol_performance *undirected;
};

/*
 * Makes the machine from the nodes: at least one, at most NODES_MAX, no id
 * twice.  Returns 0 or -ENOMEM.
 */
int hwloc_build_machine(struct hwloc_build *build, const char *name);

/* The position of the node with that number (id or, by_gp, gp_index), or -1. */
int hwloc_build_find(const struct hwloc_build *build, uint64_t number, bool by_gp);

/* What the nodes that these CPUs belong to see of the node at position target: ns or MiB/s. */
void hwloc_build_value(struct hwloc_build *build, enum hwloc_attribute attribute, int target,
		       const struct cpumask *cpus, uint64_t value);

/* Fills what the attributes with a direction left open.  Returns the machine, now the caller's. */
struct machine *hwloc_build_finish(struct hwloc_build *build);

void hwloc_build_release(struct hwloc_build *build);

#endif
