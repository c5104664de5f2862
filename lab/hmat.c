/* SPDX-License-Identifier: MIT */
/*
 * A machine as an ACPI Heterogeneous Memory Attribute Table (ACPI 6.5, 5.2.27).
 *
 * QEMU can make one too, but names every node a memory domain; where one has no
 * memory, Linux then drops the whole table (drivers/acpi/numa/hmat.c,
 * hmat_parse_proximity_domain).  Here only nodes with memory are targets and only
 * nodes with CPUs initiators.
 *
 * Proximity domains are node ids.  Numbers are little-endian, as the only host
 * that QEMU's machine is emulated for here.
 */
#include "hmat.h"

#include <errno.h>

#include <error.h>

#define MIB	       (1ULL << 20)
#define ENTRY_MAX      65534 /* 16 bits; 65535 means unreachable */
#define PS_PER_NS      1000
#define ATTRIBUTES     0
#define LATENCY_TABLE  1
#define CACHE	       2
#define INITIATOR_GOOD 1

enum data_type { READ_LATENCY = 1, WRITE_LATENCY = 2, READ_BANDWIDTH = 4, WRITE_BANDWIDTH = 5 };

static void put(struct text *table, uint64_t value, size_t bytes)
{
	text_append(table, (const char *)&value, bytes);
}

static void put_header(struct text *table, uint16_t type, uint32_t length)
{
	put(table, type, 2);
	put(table, 0, 2);
	put(table, length, 4);
}

static bool is_target(const struct machine_node *node)
{
	return node->capacity_bytes != 0;
}

/* Whether a sees its target better than b does. */
static bool better(const struct mpol_performance *a, const struct mpol_performance *b)
{
	if (a->read_latency_ns != b->read_latency_ns)
		return a->read_latency_ns < b->read_latency_ns;
	return a->read_bandwidth_bytes > b->read_bandwidth_bytes;
}

int hmat_initiator(const struct machine *machine, int node)
{
	const struct mpol_performance *column = machine->performances + node;
	int best = -1;

	if (machine_node_has_cpus(&machine->nodes[node]))
		return node;
	for (int i = 0; i < machine->nr_nodes; i++)
		if (machine_node_has_cpus(&machine->nodes[i]) &&
		    (best < 0 ||
		     better(&column[i * machine->nr_nodes], &column[best * machine->nr_nodes])))
			best = i;
	return best;
}

/* ---- Values ------------------------------------------------------------------ */

static uint64_t bandwidth_unit_mib(const struct machine *machine)
{
	uint64_t highest_mib = 0, unit_mib = 1;

	for (int i = 0; i < machine->nr_nodes * machine->nr_nodes; i++) {
		const struct mpol_performance *pair = &machine->performances[i];

		if (pair->read_bandwidth_bytes / MIB > highest_mib)
			highest_mib = pair->read_bandwidth_bytes / MIB;
		if (pair->write_bandwidth_bytes / MIB > highest_mib)
			highest_mib = pair->write_bandwidth_bytes / MIB;
	}
	while (highest_mib / unit_mib > ENTRY_MAX)
		unit_mib *= 2;
	return unit_mib;
}

uint64_t hmat_bandwidth_mib(const struct machine *machine, uint64_t bandwidth_bytes)
{
	uint64_t unit_mib = bandwidth_unit_mib(machine);

	return bandwidth_bytes / MIB / unit_mib * unit_mib;
}

static uint64_t value_of(const struct mpol_performance *pair, enum data_type type)
{
	switch (type) {
	case READ_LATENCY:
		return pair->read_latency_ns;
	case WRITE_LATENCY:
		return pair->write_latency_ns;
	case READ_BANDWIDTH:
		return pair->read_bandwidth_bytes / MIB;
	case WRITE_BANDWIDTH:
		return pair->write_bandwidth_bytes / MIB;
	}
	return 0;
}

static bool has_values(const struct machine *machine, enum data_type type)
{
	for (int i = 0; i < machine->nr_nodes * machine->nr_nodes; i++)
		if (value_of(&machine->performances[i], type))
			return true;
	return false;
}

bool hmat_wanted(const struct machine *machine)
{
	for (int i = 0; i < machine->nr_nodes; i++)
		if (machine->nodes[i].nr_caches)
			return true;
	return has_values(machine, READ_LATENCY) || has_values(machine, READ_BANDWIDTH);
}

static int refuse(const struct machine *machine, struct mpol_error *err, const char *cause)
{
	error_set(err, -EINVAL, "make the HMAT", "%s", cause);
	error_on(err, "machine %s", machine->name);
	error_advise(err, "an HMAT states values in 16 bits, with one unit for all");
	return -EINVAL;
}

static int check_values(const struct machine *machine, struct mpol_error *err)
{
	uint64_t unit_mib = bandwidth_unit_mib(machine);

	for (int i = 0; i < machine->nr_nodes * machine->nr_nodes; i++) {
		const struct mpol_performance *pair = &machine->performances[i];

		if (pair->read_latency_ns > ENTRY_MAX || pair->write_latency_ns > ENTRY_MAX)
			return refuse(machine, err, "a latency is over 65534 ns");
		if (pair->read_bandwidth_bytes && (pair->read_bandwidth_bytes / MIB < unit_mib ||
						   pair->write_bandwidth_bytes / MIB < unit_mib))
			return refuse(machine, err,
				      "a bandwidth is under 1 MiB/s or 1/65534 of the highest");
	}
	return 0;
}

/* ---- Structures -------------------------------------------------------------- */

/* 5.2.27.3: which initiator a memory belongs to. */
static void put_attributes(const struct machine *machine, int target, struct text *table)
{
	put_header(table, ATTRIBUTES, 40);
	put(table, INITIATOR_GOOD, 2);
	put(table, 0, 2);
	put(table, machine->nodes[hmat_initiator(machine, target)].id, 4);
	put(table, machine->nodes[target].id, 4);
	put(table, 0, 4);
	put(table, 0, 8);
	put(table, 0, 8);
}

/* 5.2.27.4: one kind of value for every pair; 0 is "not stated". */
static void put_values(const struct machine *machine, enum data_type type, struct text *table)
{
	bool latency = type == READ_LATENCY || type == WRITE_LATENCY;
	uint64_t unit = latency ? 1 : bandwidth_unit_mib(machine);
	int n = machine->nr_nodes, nr_initiators = 0, nr_targets = 0;

	for (int i = 0; i < n; i++) {
		nr_initiators += machine_node_has_cpus(&machine->nodes[i]);
		nr_targets += is_target(&machine->nodes[i]);
	}
	put_header(table, LATENCY_TABLE,
		   32 + 4 * nr_initiators + 4 * nr_targets + 2 * nr_initiators * nr_targets);
	put(table, 0, 1); /* of the memory itself, not of a cache */
	put(table, type, 1);
	put(table, 0, 2);
	put(table, nr_initiators, 4);
	put(table, nr_targets, 4);
	put(table, 0, 4);
	put(table, latency ? PS_PER_NS : unit, 8);
	for (int i = 0; i < n; i++)
		if (machine_node_has_cpus(&machine->nodes[i]))
			put(table, machine->nodes[i].id, 4);
	for (int i = 0; i < n; i++)
		if (is_target(&machine->nodes[i]))
			put(table, machine->nodes[i].id, 4);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			if (machine_node_has_cpus(&machine->nodes[i]) &&
			    is_target(&machine->nodes[j]))
				put(table, value_of(&machine->performances[i * n + j], type) / unit,
				    2);
}

/* 5.2.27.5.  Attribute bits: how many levels, this one, associativity, policy, line size. */
static void put_cache(const struct machine_node *node, const struct mpol_memory_cache *cache,
		      struct text *table)
{
	uint32_t attributes = node->nr_caches | cache->level << 4 | (cache->indexing + 1) << 8 |
			      (cache->write_through + 1) << 12 | cache->line_bytes << 16;

	put_header(table, CACHE, 32);
	put(table, node->id, 4);
	put(table, 0, 4);
	put(table, cache->size_bytes, 8);
	put(table, attributes, 4);
	put(table, 0, 2);
	put(table, 0, 2);
}

int hmat_write(const struct machine *machine, struct text *table, struct mpol_error *err)
{
	static const enum data_type types[] = { READ_LATENCY, WRITE_LATENCY, READ_BANDWIDTH,
						WRITE_BANDWIDTH };
	int r;

	r = check_values(machine, err);
	if (r < 0)
		return r;
	put(table, 0, 4);
	for (int i = 0; i < machine->nr_nodes; i++)
		if (is_target(&machine->nodes[i]))
			put_attributes(machine, i, table);
	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++)
		if (has_values(machine, types[t]))
			put_values(machine, types[t], table);
	for (int i = 0; i < machine->nr_nodes; i++)
		for (unsigned int c = 0; c < machine->nodes[i].nr_caches; c++)
			put_cache(&machine->nodes[i], &machine->nodes[i].caches[c], table);
	return table->error;
}
