/* SPDX-License-Identifier: MIT */
/* Latency, idle and under load: see machine.h; mpol-machine(5) has the defaults' sources. */
#include "machine.h"

/* The constants of MEMTIS (SOSP'23) for DRAM, CXL and persistent memory; HBM as DRAM. */
static const uint32_t default_latency_ns[] = {
	[MPOL_MEMORY_UNKNOWN] = 100, [MPOL_MEMORY_DRAM] = 80,  [MPOL_MEMORY_HBM] = 80,
	[MPOL_MEMORY_CXL] = 170,     [MPOL_MEMORY_PMEM] = 270,
};

/* 1 + 0.15 u / (1 - u), cut off at 5 and 4. */
static const struct machine_load_curve default_dram = {
	.points = { { 500, 1150 },
		    { 700, 1350 },
		    { 800, 1600 },
		    { 900, 2350 },
		    { 950, 3850 },
		    { 1000, 5000 } },
	.nr_points = 6,
};
static const struct machine_load_curve default_slow = {
	.points = { { 500, 1150 },
		    { 700, 1350 },
		    { 800, 1600 },
		    { 900, 2350 },
		    { 950, 3850 },
		    { 1000, 4000 } },
	.nr_points = 6,
};

const struct machine_load_curve *machine_load_curve(const struct machine_node *node)
{
	if (node->load_curve.nr_points)
		return &node->load_curve;
	return node->kind == MPOL_MEMORY_DRAM || node->kind == MPOL_MEMORY_HBM ? &default_dram
									       : &default_slow;
}

uint64_t machine_loaded_latency(const struct machine_node *node, uint32_t idle_ns,
				unsigned int utilisation_permille)
{
	const struct machine_load_curve *curve = machine_load_curve(node);
	struct load_point left = { 0, 1000 };
	uint64_t parts, latency;

	if (utilisation_permille > 1000)
		utilisation_permille = 1000;
	for (unsigned int i = 0; i < curve->nr_points; i++) {
		struct load_point right = curve->points[i];

		if (utilisation_permille > right.utilisation_permille) {
			left = right;
			continue;
		}
		/* In parts of the line between both, so that nothing is rounded twice. */
		parts = right.utilisation_permille - left.utilisation_permille;
		latency = left.latency_permille * parts +
			  (uint64_t)(right.latency_permille - left.latency_permille) *
				  (utilisation_permille - left.utilisation_permille);
		return ((uint64_t)idle_ns * latency + 500 * parts) / (1000 * parts);
	}
	return ((uint64_t)idle_ns * left.latency_permille + 500) / 1000;
}

/* What is stated and believed, or 0. */
static uint32_t stated_ns(const struct machine *machine, int from, int to)
{
	const struct mpol_performance *performance =
		&machine->performances[from * machine->nr_nodes + to];

	return performance->implausible ? 0 : performance->read_latency_ns;
}

/* Firmware often states the nearest CPUs' latency alone: others' is taken to grow with distance. */
static uint32_t latency_by_distance(const struct machine *machine, int from, int to)
{
	const uint8_t distance = machine->distances[from * machine->nr_nodes + to];
	uint32_t least_ns = 0;

	for (int other = 0; other < machine->nr_nodes; other++) {
		const uint8_t others = machine->distances[other * machine->nr_nodes + to];
		uint32_t ns = stated_ns(machine, other, to);

		if (ns && distance > others && others)
			ns = (uint32_t)((uint64_t)ns * distance / others);
		if (ns && (!least_ns || ns < least_ns))
			least_ns = ns;
	}
	return least_ns;
}

uint32_t machine_idle_latency(const struct machine *machine, int from, int to)
{
	const uint8_t distance = machine->distances[from * machine->nr_nodes + to];
	uint32_t ns = stated_ns(machine, from, to);

	if (!ns)
		ns = latency_by_distance(machine, from, to);
	if (ns)
		return ns;
	ns = default_latency_ns[machine->nodes[to].kind];
	/* Of what has no CPUs the kind's latency is meant as seen from the nearest ones. */
	return distance > 10 && machine->nodes[to].cpus[0] ? ns * distance / 10 : ns;
}
