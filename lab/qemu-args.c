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

#define QEMU_NODES_MAX	128 /* include/sysemu/numa.h, MAX_NODES */
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
	int dies_per_socket;
	int cpus_per_die;
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
	if (machine->nodes[0].id != 0 || !machine_node_has_cpus(&machine->nodes[0]))
		return refuse(machine, err, "node 0 is missing or has no CPU",
			      "a guest starts on a CPU of node 0");
	if (memory_bytes < GUEST_MIN_BYTES)
		return refuse(machine, err, "all nodes together have less than 512 MiB",
			      "a guest's kernel and file cache need that much");
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
				if (machine_node_has_cpus(&machine->nodes[i]))
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
		if (!machine_node_has_cpus(&machine->nodes[i]) && machine->nodes[i].id < highest)
			return refuse(
				machine, err,
				"a node without CPUs has a lower id than one with CPUs",
				"give nodes without CPUs the highest ids: Linux numbers them last");

	for (int i = 0; i < machine->nr_nodes; i++) {
		if (machine_node_has_cpus(&machine->nodes[i]))
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

/*
 * The length that every run of CPUs with the same group has, 0 if they differ.
 * Groups: the socket, or with by_node the node.  *ret_runs is their number.
 */
static int equal_runs(const struct machine *machine, int nr_cpus, bool by_node, int *ret_runs)
{
	int length = 0, nr_runs = 0, run = 0, previous = -1;

	for (int cpu = 0; cpu <= nr_cpus; cpu++) {
		int i = machine_index(machine, node_of_cpu(machine, cpu));
		int group = i < 0 ? -2 : by_node ? i : machine->nodes[i].socket;

		if (cpu && group != previous) {
			if (length && run != length)
				return 0;
			length = run;
			run = 0;
			nr_runs++;
		}
		run++;
		previous = group;
	}
	*ret_runs = nr_runs;
	return length;
}

/*
 * Sockets as described, else a node with CPUs is a socket, else (nodes with
 * different numbers of CPUs, gaps) every CPU is one.  The nodes of one socket are its
 * dies: CPUs of two nodes must not share a cache, or the guest's kernel warns
 * (arch/x86/kernel/smpboot.c, topology_sane).
 */
static int lay_out_sockets(const struct machine *machine, struct layout *layout,
			   struct mpol_error *err)
{
	int nr_nodes = 0, nr_sockets = 0, per_node, per_socket = 0;
	bool stated = false;

	for (int i = 0; i < machine->nr_nodes; i++)
		stated |=
			machine_node_has_cpus(&machine->nodes[i]) && machine->nodes[i].socket >= 0;
	per_node = layout->gaps ? 0 : equal_runs(machine, layout->nr_cpus, true, &nr_nodes);
	if (stated && per_node)
		per_socket = equal_runs(machine, layout->nr_cpus, false, &nr_sockets);
	if (stated && !per_socket)
		return refuse(
			machine, err,
			"sockets that are not alike, or sockets and gaps in the node ids",
			"leave out the sockets, or give each as many nodes and CPUs in a row");

	layout->cpus_per_die = per_node ? per_node : 1;
	layout->dies_per_socket = per_socket ? per_socket / per_node : 1;
	layout->nr_sockets = per_socket ? nr_sockets : per_node ? nr_nodes : layout->nr_slots;
	return 0;
}

/* ---- Arguments --------------------------------------------------------------- */

static void add_cpus(const struct layout *layout, const char *cpu, struct text *args)
{
	/* With gaps only the first CPU is plugged by -smp, the others one by one. */
	text_printf(args, "-smp\n%d,maxcpus=%d,sockets=%d,dies=%d,cores=%d,threads=1\n",
		    layout->gaps ? 1 : layout->nr_cpus, layout->nr_slots, layout->nr_sockets,
		    layout->dies_per_socket, layout->cpus_per_die);
	/* Linux believes dies of CPUID leaf 1Fh only, and that only of Intel. */
	if (layout->dies_per_socket > 1)
		text_printf(args, "-global\n%s-x86_64-cpu.vendor=GenuineIntel\n", cpu);
	for (int i = 1; layout->gaps && i < layout->nr_slots; i++)
		if (layout->slots[i].present)
			text_printf(args,
				    "-device\n%s-x86_64-cpu,socket-id=%d,die-id=0,core-id=0,thread-"
				    "id=0\n",
				    cpu, i);
}

/* Gaps become nodes too: QEMU knows no missing ones. */
static void add_nodes(const struct machine *machine, const struct layout *layout, struct text *args)
{
	int highest = machine->nodes[machine->nr_nodes - 1].id;

	for (int id = 0; id <= highest; id++) {
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
		text_printf(args, "\n");
	}
	for (int from = 0; from <= highest; from++) {
		for (int to = 0; to <= highest; to++) {
			const uint8_t *distance = machine_distance(machine, from, to);

			text_printf(args, "-numa\ndist,src=%d,dst=%d,val=%d\n", from, to,
				    distance	 ? *distance
				    : from == to ? 10
						 : 20);
		}
	}
}

int qemu_args(const struct machine *machine, const char *cpu, struct text *args,
	      struct mpol_error *err)
{
	struct layout layout = { 0 };
	uint64_t memory_bytes = 0;
	int r;

	r = check_limits(machine, err);
	if (r == 0)
		r = lay_out_cpus(machine, &layout, err);
	if (r == 0)
		r = lay_out_sockets(machine, &layout, err);
	if (r < 0)
		return r;

	for (int i = 0; i < machine->nr_nodes; i++)
		memory_bytes += machine->nodes[i].capacity_bytes;
	text_printf(args, "-machine\nq35\n-m\n%lluM\n", (unsigned long long)(memory_bytes / MIB));
	add_cpus(&layout, cpu, args);
	add_nodes(machine, &layout, args);
	return args->error;
}
