/* SPDX-License-Identifier: MIT */
/*
 * A machine as QEMU's arguments.
 *
 * Linux numbers nodes in the order in which the SRAT names them, CPUs first, by
 * APIC id, then memory (drivers/acpi/numa/srat.c, acpi_map_pxm_to_node; QEMU,
 * hw/i386/acpi-build.c, build_srat).  So that a node gets the id it is
 * described with, CPUs are laid out in the order of node ids, and a gap in the
 * ids becomes a QEMU node whose only content is a CPU that is never plugged in:
 * the SRAT names it, the guest counts it and never brings it online.
 */
#include "qemu-args.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <error.h>
#include <nodemask.h>

#define QEMU_NODES_MAX	128   /* include/sysemu/numa.h, MAX_NODES */
#define HMAT_ENTRY_MAX	65534 /* ACPI 6.5, 5.2.27.4: 16 bits, 65535 is "unreachable" */
#define GUEST_MIN_BYTES (512ULL << 20)
#define MIB		(1ULL << 20)
#define NR_SLOTS_MAX	(NODES_MAX + QEMU_NODES_MAX)

/* A place for a CPU, in the order of APIC ids: plugged from the start, or never. */
struct slot {
	int node; /* id */
	bool present;
};

/* What a machine needs beyond its description. */
struct layout {
	struct slot slots[NR_SLOTS_MAX];
	int nr_slots;
	int nr_cpus;
	int nr_sockets;
	int cpus_per_socket;
	bool gaps;
};

static int refuse(const struct machine *machine, struct mpol_error *err, const char *cause,
		  const char *advice)
{
	error_set(err, -EINVAL, "make QEMU's arguments", "%s", cause);
	error_on(err, "machine %s", machine->name);
	error_advise(err, "%s", advice);
	return -EINVAL;
}

static bool has_cpus(const struct machine_node *node)
{
	return *node->cpus != '\0';
}

/* The node id of a CPU, -1 if there is no such CPU. */
static int node_of_cpu(const struct machine *machine, int cpu)
{
	struct nodemask cpus;

	for (int i = 0; i < machine->nr_nodes; i++)
		if (nodemask_parse(machine->nodes[i].cpus, &cpus) == 0 && nodemask_test(&cpus, cpu))
			return machine->nodes[i].id;
	return -1;
}

/* ---- Layout ------------------------------------------------------------------ */

static int check_limits(const struct machine *machine, struct mpol_error *err)
{
	uint64_t memory_bytes = 0;

	for (int i = 0; i < machine->nr_nodes; i++)
		memory_bytes += machine->nodes[i].capacity_bytes;
	if (machine->nodes[machine->nr_nodes - 1].id >= QEMU_NODES_MAX)
		return refuse(machine, err, "QEMU has nodes 0 to 127 only",
			      "use lower ids, or the simulator");
	if (machine->nodes[0].id != 0 || !has_cpus(&machine->nodes[0]))
		return refuse(machine, err, "node 0 is missing or has no CPU",
			      "a guest starts on a CPU of node 0");
	if (memory_bytes < GUEST_MIN_BYTES)
		return refuse(machine, err, "all nodes together have less than 512 MiB",
			      "a guest's kernel and file cache need that much");
	return 0;
}

static bool has_performance(const struct machine *machine)
{
	for (int i = 0; i < machine->nr_nodes * machine->nr_nodes; i++)
		if (machine->performances[i].read_latency_ns ||
		    machine->performances[i].read_bandwidth_bytes)
			return true;
	return false;
}

/* What one HMAT can state: 16 bits, and one unit for the whole table. */
static int check_performances(const struct machine *machine, struct mpol_error *err)
{
	for (int i = 0; i < machine->nr_nodes * machine->nr_nodes; i++) {
		const struct mpol_performance *pair = &machine->performances[i];

		if (pair->read_latency_ns > HMAT_ENTRY_MAX ||
		    pair->write_latency_ns > HMAT_ENTRY_MAX)
			return refuse(machine, err, "a latency is over 65534 ns",
				      "an HMAT cannot state it");
		if (pair->read_bandwidth_bytes &&
		    (!qemu_bandwidth_mib(machine, pair->read_bandwidth_bytes) ||
		     !qemu_bandwidth_mib(machine, pair->write_bandwidth_bytes)))
			return refuse(machine, err,
				      "a bandwidth is under 1 MiB/s or 1/65534 of the highest",
				      "an HMAT cannot state it");
	}
	for (int i = 0; i < machine->nr_nodes; i++)
		if (machine->nodes[i].nr_caches && !has_performance(machine))
			return refuse(machine, err, "memory-side caches without performance",
				      "QEMU's HMAT needs latency and bandwidth too");
	return 0;
}

/* Adds the missing ids below id as CPUs that are never plugged in. */
static void fill_gaps(const struct machine *machine, struct layout *layout, int *next_id, int id)
{
	for (; *next_id < id; (*next_id)++) {
		if (machine_index(machine, *next_id) >= 0)
			continue;
		layout->slots[layout->nr_slots++] = (struct slot) { *next_id, false };
		layout->gaps = true;
	}
}

static int lay_out_cpus(const struct machine *machine, struct layout *layout,
			struct mpol_error *err)
{
	int highest = -1, next_id = 0, node;

	for (; (node = node_of_cpu(machine, layout->nr_cpus)) >= 0; layout->nr_cpus++) {
		if (node > highest) {
			for (int i = machine_index(machine, node) - 1;
			     i >= 0 && machine->nodes[i].id > highest; i--)
				if (has_cpus(&machine->nodes[i]))
					return refuse(machine, err,
						      "a node's first CPU is lower than that of a "
						      "node with a lower id",
						      "number the CPUs so that first CPUs ascend "
						      "with the nodes");
			fill_gaps(machine, layout, &next_id, node);
			highest = node;
		}
		layout->slots[layout->nr_slots++] = (struct slot) { node, true };
	}
	for (int cpu = layout->nr_cpus; cpu < NODES_MAX; cpu++)
		if (node_of_cpu(machine, cpu) >= 0)
			return refuse(machine, err, "CPU numbers have gaps",
				      "number the CPUs from 0 without gaps");
	for (int i = 0; i < machine->nr_nodes; i++)
		if (!has_cpus(&machine->nodes[i]) && machine->nodes[i].id < highest)
			return refuse(
				machine, err,
				"a node without CPUs has a lower id than one with CPUs",
				"give nodes without CPUs the highest ids: Linux numbers them last");

	for (int i = 0; i < machine->nr_nodes; i++) {
		if (has_cpus(&machine->nodes[i]))
			continue;
		if (machine->nodes[i].id != highest + 1 && machine->nodes[i - 1].id > highest &&
		    machine->nodes[i].id != machine->nodes[i - 1].id + 1)
			return refuse(machine, err,
				      "there is a gap between the ids of two nodes without CPUs",
				      "put gaps before the first node without CPUs");
		fill_gaps(machine, layout, &next_id, machine->nodes[i].id);
	}
	return 0;
}

/* Sockets as described; else a node with CPUs is a socket if all have equally many in a row;
 * else every CPU is one. */
static int lay_out_sockets(const struct machine *machine, struct layout *layout,
			   struct mpol_error *err)
{
	int run = 0, nr_runs = 0, socket, previous = -1, longest = 0;
	bool stated = false, equal = true;

	for (int i = 0; i < machine->nr_nodes; i++)
		stated |= has_cpus(&machine->nodes[i]) && machine->nodes[i].socket >= 0;
	for (int cpu = 0; cpu <= layout->nr_cpus; cpu++) {
		int i = machine_index(machine, node_of_cpu(machine, cpu));

		socket = i < 0 ? -2 : stated ? machine->nodes[i].socket : machine->nodes[i].id;
		if (socket == previous) {
			run++;
			continue;
		}
		if (run) {
			equal &= !longest || run == longest;
			longest = longest > run ? longest : run;
			nr_runs++;
		}
		run = 1;
		previous = socket;
	}
	if (stated && (!equal || layout->gaps))
		return refuse(machine, err,
			      "sockets with different numbers of CPUs, or gaps in the node ids",
			      "leave out the sockets, or give each equally many CPUs in a row");
	layout->nr_sockets = equal && !layout->gaps ? nr_runs : layout->nr_slots;
	layout->cpus_per_socket = equal && !layout->gaps ? longest : 1;
	return 0;
}

/* ---- Arguments --------------------------------------------------------------- */

/* A socket that spans nodes shares no cache: the guest would call that insane
 * (arch/x86/kernel/smpboot.c, topology_sane). */
static bool socket_spans_nodes(const struct machine *machine)
{
	for (int i = 0; i < machine->nr_nodes; i++)
		for (int j = 0; j < i; j++)
			if (machine->nodes[i].socket >= 0 &&
			    machine->nodes[i].socket == machine->nodes[j].socket &&
			    has_cpus(&machine->nodes[i]) && has_cpus(&machine->nodes[j]))
				return true;
	return false;
}

static void add_cpus(const struct machine *machine, const struct layout *layout, const char *cpu,
		     struct text *args)
{
	/* With gaps only the first CPU is plugged by -smp, the others one by one. */
	text_printf(args, "-smp\n%d,maxcpus=%d,sockets=%d,cores=%d,threads=1\n",
		    layout->gaps ? 1 : layout->nr_cpus, layout->nr_slots, layout->nr_sockets,
		    layout->cpus_per_socket);
	for (int i = 1; layout->gaps && i < layout->nr_slots; i++)
		if (layout->slots[i].present)
			text_printf(args,
				    "-device\n%s-x86_64-cpu,socket-id=%d,core-id=0,thread-id=0\n",
				    cpu, i);
	if (socket_spans_nodes(machine))
		text_printf(args, "-global\nx86_64-cpu.l3-cache=off\n");
}

int qemu_initiator(const struct machine *machine, int node)
{
	const struct mpol_performance *seen = machine->performances + node, *best;
	int initiator = -1;

	if (has_cpus(&machine->nodes[node]))
		return node;
	for (int i = 0; i < machine->nr_nodes; i++) {
		if (!has_cpus(&machine->nodes[i]))
			continue;
		best = seen + (initiator < 0 ? i : initiator) * machine->nr_nodes;
		if (initiator < 0 ||
		    seen[i * machine->nr_nodes].read_latency_ns < best->read_latency_ns ||
		    (seen[i * machine->nr_nodes].read_latency_ns == best->read_latency_ns &&
		     seen[i * machine->nr_nodes].read_bandwidth_bytes > best->read_bandwidth_bytes))
			initiator = i;
	}
	return initiator;
}

/* Gaps become nodes too: QEMU knows no missing ones. */
static void add_nodes(const struct machine *machine, const struct layout *layout, struct text *args)
{
	bool hmat = has_performance(machine);

	for (int id = 0; id <= machine->nodes[machine->nr_nodes - 1].id; id++) {
		int i = machine_index(machine, id);

		if (i >= 0 && machine->nodes[i].capacity_bytes)
			text_printf(args, "-object\nmemory-backend-ram,id=node%d,size=%lluM\n", id,
				    (unsigned long long)(machine->nodes[i].capacity_bytes / MIB));
		text_printf(args, "-numa\nnode,nodeid=%d", id);
		if (i >= 0 && machine->nodes[i].capacity_bytes)
			text_printf(args, ",memdev=node%d", id);
		for (int slot = 0; slot < layout->nr_slots; slot++)
			if (layout->slots[slot].node == id)
				text_printf(args, ",cpus=%d", slot);
		if (hmat)
			text_printf(args, ",initiator=%d",
				    i < 0 ? id : machine->nodes[qemu_initiator(machine, i)].id);
		text_printf(args, "\n");
	}
	for (int i = 0; i < machine->nr_nodes; i++)
		for (int j = 0; j < machine->nr_nodes; j++)
			text_printf(args, "-numa\ndist,src=%d,dst=%d,val=%d\n",
				    machine->nodes[i].id, machine->nodes[j].id,
				    machine->distances[i * machine->nr_nodes + j]);
}

uint64_t qemu_bandwidth_mib(const struct machine *machine, uint64_t bandwidth_bytes)
{
	uint64_t highest_mib = 0, unit_mib = 1;

	for (int i = 0; i < machine->nr_nodes * machine->nr_nodes; i++) {
		const struct mpol_performance *pair = &machine->performances[i];

		if (pair->read_bandwidth_bytes / MIB > highest_mib)
			highest_mib = pair->read_bandwidth_bytes / MIB;
		if (pair->write_bandwidth_bytes / MIB > highest_mib)
			highest_mib = pair->write_bandwidth_bytes / MIB;
	}
	while (highest_mib / unit_mib > HMAT_ENTRY_MAX)
		unit_mib *= 2;
	return bandwidth_bytes / MIB / unit_mib * unit_mib;
}

static void add_pair(const struct machine *machine, int i, int j, struct text *args)
{
	const struct mpol_performance *pair = &machine->performances[i * machine->nr_nodes + j];
	const struct {
		const char *type, *unit;
		uint64_t value;
	} values[] = {
		{ "read-latency,latency", "", pair->read_latency_ns },
		{ "write-latency,latency", "", pair->write_latency_ns },
		{ "read-bandwidth,bandwidth", "M",
		  qemu_bandwidth_mib(machine, pair->read_bandwidth_bytes) },
		{ "write-bandwidth,bandwidth", "M",
		  qemu_bandwidth_mib(machine, pair->write_bandwidth_bytes) },
	};

	for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++)
		if (values[v].value)
			text_printf(args,
				    "-numa\nhmat-lb,initiator=%d,target=%d,hierarchy=memory,"
				    "data-type=%s=%llu%s\n",
				    machine->nodes[i].id, machine->nodes[j].id, values[v].type,
				    (unsigned long long)values[v].value, values[v].unit);
}

static void add_cache(int id, const struct mpol_memory_cache *cache, struct text *args)
{
	static const char *const associativity[] = { "none", "direct", "complex" };
	static const char *const policy[] = { "none", "write-back", "write-through" };

	text_printf(args,
		    "-numa\nhmat-cache,node-id=%d,size=%llu,level=%u,associativity=%s,policy=%s,"
		    "line=%u\n",
		    id, (unsigned long long)cache->size_bytes, cache->level,
		    associativity[cache->indexing + 1], policy[cache->write_through + 1],
		    cache->line_bytes);
}

int qemu_args(const struct machine *machine, const char *cpu, struct text *args,
	      struct mpol_error *err)
{
	struct layout layout = { 0 };
	bool hmat = has_performance(machine);
	uint64_t memory_bytes = 0;
	int r;

	r = check_limits(machine, err);
	if (r == 0)
		r = check_performances(machine, err);
	if (r == 0)
		r = lay_out_cpus(machine, &layout, err);
	if (r == 0)
		r = lay_out_sockets(machine, &layout, err);
	if (r < 0)
		return r;

	for (int i = 0; i < machine->nr_nodes; i++)
		memory_bytes += machine->nodes[i].capacity_bytes;
	text_printf(args, "-machine\nq35,hmat=%s\n", hmat ? "on" : "off");
	text_printf(args, "-m\n%lluM\n", (unsigned long long)(memory_bytes / MIB));
	add_cpus(machine, &layout, cpu, args);
	add_nodes(machine, &layout, args);
	for (int i = 0; i < machine->nr_nodes; i++)
		for (int j = 0; j < machine->nr_nodes; j++)
			add_pair(machine, i, j, args);
	for (int i = 0; i < machine->nr_nodes; i++)
		for (unsigned int c = 0; c < machine->nodes[i].nr_caches; c++)
			add_cache(machine->nodes[i].id, &machine->nodes[i].caches[c], args);
	return args->error;
}
