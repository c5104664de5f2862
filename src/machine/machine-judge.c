/* SPDX-License-Identifier: MIT */
/*
 * Judging what a machine states about itself, and its tiers: see machine.h.
 *
 * Firmware's numbers are outside input.  Nothing here changes a stated number:
 * what is not believed is flagged and a finding says why.
 */
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "units.h"

#define MB (1000ULL * 1000)
#define GB (1000 * MB)
#define TB (1000 * GB)

struct bounds {
	uint64_t min_ns, max_ns;
	uint64_t min_bytes, max_bytes; /* per second */
};

static const struct bounds any_memory = { 20, 5000, 100 * MB, 20 * TB };
static const struct bounds own_dram = { 20, 1000, 2 * GB, 20 * TB };

bool machine_performance_stated(const struct mpol_performance *performance)
{
	return performance->read_latency_ns || performance->write_latency_ns ||
	       performance->read_bandwidth_bytes || performance->write_bandwidth_bytes;
}

static struct mpol_performance *at(const struct machine *machine, int initiator, int target)
{
	return &machine->performances[(size_t)initiator * machine->nr_nodes + target];
}

static bool believed(const struct mpol_performance *performance)
{
	return machine_performance_stated(performance) && !performance->implausible;
}

static uint64_t latency_of(const struct mpol_performance *performance)
{
	return performance->read_latency_ns ? performance->read_latency_ns
					    : performance->write_latency_ns;
}

static uint64_t bandwidth_of(const struct mpol_performance *performance)
{
	return performance->read_bandwidth_bytes ? performance->read_bandwidth_bytes
						 : performance->write_bandwidth_bytes;
}

/* ---- Implausible statements ---------------------------------------------- */

static bool outside(uint64_t value, uint64_t min, uint64_t max)
{
	return value && (value < min || value > max);
}

/* Names the first number that is out of bounds, or returns false. */
static bool name_nonsense(const struct mpol_performance *performance, const struct bounds *bounds,
			  char *ret_words, size_t size)
{
	char number[32];

	for (int write = 0; write < 2; write++) {
		uint64_t ns = write ? performance->write_latency_ns : performance->read_latency_ns;
		uint64_t bytes = write ? performance->write_bandwidth_bytes
				       : performance->read_bandwidth_bytes;

		if (outside(ns, bounds->min_ns, bounds->max_ns)) {
			snprintf(ret_words, size, "a %s latency of %llu ns",
				 write ? "write" : "read", (unsigned long long)ns);
			return true;
		}
		if (outside(bytes, bounds->min_bytes, bounds->max_bytes)) {
			snprintf(ret_words, size, "a %s bandwidth of %s", write ? "write" : "read",
				 units_format_bandwidth(bytes, number, sizeof(number)));
			return true;
		}
	}
	return false;
}

static const struct bounds *bounds_for(const struct machine *machine, int initiator, int target)
{
	const struct machine_node *node = &machine->nodes[target];

	if (initiator == target && machine_node_has_cpus(node) &&
	    (node->kind == MPOL_MEMORY_DRAM || node->kind == MPOL_MEMORY_HBM))
		return &own_dram;
	return &any_memory;
}

static int judge_numbers(struct machine *machine, int target)
{
	char words[96] = "", first[96] = "";
	int initiator_id = -1;

	for (int i = 0; i < machine->nr_nodes; i++) {
		struct mpol_performance *performance = at(machine, i, target);

		if (!name_nonsense(performance, bounds_for(machine, i, target), words,
				   sizeof(words)))
			continue;
		performance->implausible = 1;
		if (initiator_id >= 0)
			continue;
		initiator_id = machine->nodes[i].id;
		snprintf(first, sizeof(first), "%s", words);
	}
	if (initiator_id < 0)
		return 0;
	return machine_find(machine, machine->nodes[target].id,
			    "firmware states %s from node %d, which no such memory has: not used",
			    first, initiator_id);
}

/* CPUs are nearest to their own node: nothing of the same kind is faster for them. */
static int judge_own_node(struct machine *machine, int i)
{
	struct mpol_performance *own = at(machine, i, i);
	uint64_t own_ns = latency_of(own);
	int faster = -1;

	if (!believed(own) || !own_ns || !machine_node_has_cpus(&machine->nodes[i]))
		return 0;
	for (int j = 0; j < machine->nr_nodes; j++) {
		struct mpol_performance *other = at(machine, i, j);
		uint64_t ns = latency_of(other);

		if (j == i || machine->nodes[j].kind != machine->nodes[i].kind ||
		    !believed(other) || !ns || own_ns * 10 <= ns * 11)
			continue;
		other->implausible = 1;
		faster = j;
	}
	if (faster < 0)
		return 0;
	own->implausible = 1;
	return machine_find(
		machine, machine->nodes[i].id,
		"its CPUs are stated to wait %llu ns for their own memory but less for node %d of "
		"the same kind: neither is used",
		(unsigned long long)own_ns, machine->nodes[faster].id);
}

static int judge_distances(struct machine *machine, int i)
{
	const uint8_t *row = &machine->distances[(size_t)i * machine->nr_nodes];

	for (int j = 0; j < machine->nr_nodes; j++)
		if (row[j] && row[j] < row[i])
			return machine_find(machine, machine->nodes[i].id,
					    "the distance table puts it nearer to node %d (%d) "
					    "than to itself (%d)",
					    machine->nodes[j].id, row[j], row[i]);
	return 0;
}

/* ---- Kinds ---------------------------------------------------------------- */

/* Whether a is reached sooner than b; an unstated latency counts as endless. */
static bool sooner(const struct mpol_performance *a, const struct mpol_performance *b)
{
	uint64_t a_ns = latency_of(a) ? latency_of(a) : UINT64_MAX;
	uint64_t b_ns = latency_of(b) ? latency_of(b) : UINT64_MAX;

	return a_ns != b_ns ? a_ns < b_ns : bandwidth_of(a) > bandwidth_of(b);
}

/* The CPU node that reaches target soonest by believed numbers, or -1. */
static int best_initiator(const struct machine *machine, int target)
{
	int best = -1;

	for (int i = 0; i < machine->nr_nodes; i++)
		if (machine_node_has_cpus(&machine->nodes[i]) && believed(at(machine, i, target)) &&
		    (best < 0 || sooner(at(machine, i, target), at(machine, best, target))))
			best = i;
	return best;
}

/* What initiator sees of its own memory; if that is not known, what some other CPU node does. */
static const struct mpol_performance *reference_for(const struct machine *machine, int initiator)
{
	if (believed(at(machine, initiator, initiator)))
		return at(machine, initiator, initiator);
	for (int i = 0; i < machine->nr_nodes; i++)
		if (machine_node_has_cpus(&machine->nodes[i]) && believed(at(machine, i, i)))
			return at(machine, i, i);
	return NULL;
}

static enum mpol_memory_kind slow_kind(const struct mpol_performance *memory)
{
	if (memory->read_bandwidth_bytes && memory->write_bandwidth_bytes &&
	    memory->write_bandwidth_bytes <= memory->read_bandwidth_bytes / 2)
		return MPOL_MEMORY_PMEM;
	return MPOL_MEMORY_CXL;
}

static enum mpol_memory_kind kind_by_performance(const struct mpol_performance *memory,
						 const struct mpol_performance *dram)
{
	double latency = 0, bandwidth = 0; /* ratios to DRAM's; 0: not known */

	if (latency_of(memory) && latency_of(dram))
		latency = (double)latency_of(memory) / latency_of(dram);
	if (bandwidth_of(memory) && bandwidth_of(dram))
		bandwidth = (double)bandwidth_of(memory) / bandwidth_of(dram);

	if (bandwidth >= 1.5 && latency <= 2)
		return MPOL_MEMORY_HBM;
	if (latency >= 1.3 || (latency == 0 && bandwidth > 0 && bandwidth <= 2.0 / 3))
		return slow_kind(memory);
	if (latency >= 1 / 1.3 && bandwidth > 2.0 / 3 && bandwidth < 1.5)
		return MPOL_MEMORY_DRAM;
	return MPOL_MEMORY_UNKNOWN;
}

static void guess_kind(struct machine *machine, int target)
{
	struct machine_node *node = &machine->nodes[target];
	const struct mpol_performance *dram;
	int initiator;

	if (node->kind != MPOL_MEMORY_UNKNOWN || !node->capacity_bytes ||
	    machine_node_has_cpus(node))
		return;
	initiator = best_initiator(machine, target);
	dram = initiator < 0 ? NULL : reference_for(machine, initiator);
	if (!dram)
		return;
	node->kind = kind_by_performance(at(machine, initiator, target), dram);
	node->kind_guessed = node->kind != MPOL_MEMORY_UNKNOWN;
}

int machine_judge(struct machine *machine)
{
	int r = 0;

	/* Bounds and references depend on which memory is DRAM, so that comes first. */
	for (int i = 0; i < machine->nr_nodes; i++) {
		struct machine_node *node = &machine->nodes[i];

		if (node->kind == MPOL_MEMORY_UNKNOWN && node->capacity_bytes &&
		    machine_node_has_cpus(node))
			node->kind = MPOL_MEMORY_DRAM;
	}
	for (int i = 0; i < machine->nr_nodes && r == 0; i++)
		r = judge_numbers(machine, i);
	for (int i = 0; i < machine->nr_nodes && r == 0; i++)
		r = judge_own_node(machine, i);
	for (int i = 0; i < machine->nr_nodes && r == 0; i++)
		r = judge_distances(machine, i);
	for (int i = 0; i < machine->nr_nodes && r == 0; i++)
		guess_kind(machine, i);
	return r;
}

/* ---- Tiers ---------------------------------------------------------------- */

/* Where a node stands: by class first, by cost within it.  Lower is faster. */
struct rank {
	int class;
	double cost;
};

/* Ranks every node with memory by performance; false if not all have one that is comparable. */
static bool rank_by_performance(const struct machine *machine, struct rank *ranks)
{
	bool latency = true, bandwidth = true;
	double best_dram = 0;

	for (int i = 0; i < machine->nr_nodes; i++) {
		int initiator = best_initiator(machine, i);

		if (!machine->nodes[i].capacity_bytes)
			continue;
		latency = latency && initiator >= 0 && latency_of(at(machine, initiator, i));
		bandwidth = bandwidth && initiator >= 0 && bandwidth_of(at(machine, initiator, i));
	}
	if (!latency && !bandwidth)
		return false;

	for (int i = 0; i < machine->nr_nodes; i++) {
		const struct machine_node *node = &machine->nodes[i];
		const struct mpol_performance *seen;

		if (!node->capacity_bytes)
			continue;
		seen = at(machine, best_initiator(machine, i), i);
		ranks[i].class = 0;
		ranks[i].cost = (latency ? (double)latency_of(seen) : 1) /
				(bandwidth ? (double)bandwidth_of(seen) : 1);
		if (machine_node_has_cpus(node) && node->kind == MPOL_MEMORY_DRAM &&
		    (best_dram == 0 || ranks[i].cost < best_dram))
			best_dram = ranks[i].cost;
	}
	for (int i = 0; i < machine->nr_nodes; i++)
		if (machine_node_has_cpus(&machine->nodes[i]) &&
		    machine->nodes[i].kind == MPOL_MEMORY_DRAM)
			ranks[i].cost = best_dram;
	return true;
}

static int nearest_cpu_distance(const struct machine *machine, int target)
{
	int nearest = UINT8_MAX;

	for (int i = 0; i < machine->nr_nodes; i++) {
		int distance = machine->distances[(size_t)i * machine->nr_nodes + target];

		if (machine_node_has_cpus(&machine->nodes[i]) && distance && distance < nearest)
			nearest = distance;
	}
	return nearest;
}

static void rank_by_kind(const struct machine *machine, struct rank *ranks)
{
	static const int classes[] = {
		[MPOL_MEMORY_HBM] = 0,	   [MPOL_MEMORY_DRAM] = 1, [MPOL_MEMORY_CXL] = 2,
		[MPOL_MEMORY_UNKNOWN] = 3, [MPOL_MEMORY_PMEM] = 4,
	};

	for (int i = 0; i < machine->nr_nodes; i++) {
		enum mpol_memory_kind kind = machine->nodes[i].kind;

		ranks[i].class = classes[kind];
		ranks[i].cost = kind == MPOL_MEMORY_UNKNOWN ? nearest_cpu_distance(machine, i) : 0;
	}
}

static bool faster(const struct rank *a, const struct rank *b)
{
	return a->class != b->class ? a->class < b->class : a->cost < b->cost;
}

void machine_assign_tiers(struct machine *machine)
{
	struct rank ranks[NODES_MAX];
	int tier = 0, left = 0;

	if (!rank_by_performance(machine, ranks))
		rank_by_kind(machine, ranks);
	for (int i = 0; i < machine->nr_nodes; i++) {
		machine->nodes[i].tier = -1;
		left += machine->nodes[i].capacity_bytes != 0;
	}

	/* Each round takes the fastest node that has no tier and all that are as fast. */
	for (; left; tier++) {
		const struct rank *first = NULL;

		for (int i = 0; i < machine->nr_nodes; i++)
			if (machine->nodes[i].capacity_bytes && machine->nodes[i].tier < 0 &&
			    (!first || faster(&ranks[i], first)))
				first = &ranks[i];
		for (int i = 0; i < machine->nr_nodes; i++) {
			if (!machine->nodes[i].capacity_bytes || machine->nodes[i].tier >= 0 ||
			    ranks[i].class != first->class || ranks[i].cost > 1.25 * first->cost)
				continue;
			machine->nodes[i].tier = tier;
			left--;
		}
	}
}
