/* SPDX-License-Identifier: MIT */
/*
 * lab-machine: a described machine as QEMU's arguments, in words, or as JSON
 * for the tests that compare it with what a guest sees.
 */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cleanup.h>
#include <error.h>
#include <machine-yaml.h>
#include <machine.h>
#include <nodemask.h>
#include <units.h>

#include "hmat.h"
#include "qemu-args.h"

DEFINE_CLEANUP(struct machine *, machine_free);

struct options {
	const char *path;      /* the description */
	const char *form;      /* of the output: an option's name */
	const char *cpu;       /* QEMU's CPU model */
	const char *hmat_path; /* where to put the HMAT, NULL: leave it out */
};

static const char *kind_name(enum mpol_memory_kind kind)
{
	static const char *const names[] = {
		[MPOL_MEMORY_UNKNOWN] = "-", [MPOL_MEMORY_DRAM] = "dram", [MPOL_MEMORY_HBM] = "hbm",
		[MPOL_MEMORY_CXL] = "cxl",   [MPOL_MEMORY_PMEM] = "pmem",
	};

	return names[kind];
}

static bool stated(const struct mpol_performance *performance)
{
	return performance->read_latency_ns || performance->read_bandwidth_bytes;
}

/* ---- In words ---------------------------------------------------------------- */

static void describe_nodes(const struct machine *machine)
{
	char size[32];

	for (int i = 0; i < machine->nr_nodes; i++) {
		const struct machine_node *node = &machine->nodes[i];

		printf("node %-3d %-4s %9s  ", node->id, kind_name(node->kind),
		       node->capacity_bytes
			       ? units_format_bytes(node->capacity_bytes, size, sizeof(size))
			       : "no memory");
		if (machine_node_has_cpus(node))
			printf("CPUs %s", node->cpus);
		else
			printf("no CPUs");
		if (node->socket >= 0)
			printf(", socket %d", node->socket);
		for (unsigned int c = 0; c < node->nr_caches; c++)
			printf(", level %u cache %s", node->caches[c].level,
			       units_format_bytes(node->caches[c].size_bytes, size, sizeof(size)));
		printf("\n");
	}
}

static void describe_tables(const struct machine *machine)
{
	char latency[32], bandwidth[32];

	printf("distances\n");
	for (int i = 0; i < machine->nr_nodes; i++) {
		printf("  from %-3d", machine->nodes[i].id);
		for (int j = 0; j < machine->nr_nodes; j++)
			printf(" %3d", machine->distances[i * machine->nr_nodes + j]);
		printf("\n");
	}
	for (int i = 0; i < machine->nr_nodes; i++) {
		for (int j = 0; j < machine->nr_nodes; j++) {
			const struct mpol_performance *pair =
				&machine->performances[i * machine->nr_nodes + j];

			if (stated(pair))
				printf("CPUs of node %d read node %d: %s, %s\n",
				       machine->nodes[i].id, machine->nodes[j].id,
				       units_format_duration(pair->read_latency_ns, latency,
							     sizeof(latency)),
				       units_format_bandwidth(pair->read_bandwidth_bytes, bandwidth,
							      sizeof(bandwidth)));
		}
	}
}

static void describe(const struct machine *machine)
{
	printf("%s%s%s\n", machine->name, machine->description ? ": " : "",
	       machine->description ? machine->description : "");
	describe_nodes(machine);
	describe_tables(machine);
}

/* ---- As JSON ----------------------------------------------------------------- */

static json_t *json_caches(const struct machine_node *node)
{
	json_t *caches = json_array();

	for (unsigned int c = 0; c < node->nr_caches; c++)
		json_array_append_new(
			caches,
			json_pack("{s:i, s:I, s:i, s:i, s:i}", "level", (int)node->caches[c].level,
				  "size_bytes", (json_int_t)node->caches[c].size_bytes,
				  "line_bytes", (int)node->caches[c].line_bytes, "indexing",
				  (int)node->caches[c].indexing, "write_through",
				  (int)node->caches[c].write_through));
	return caches;
}

static json_t *json_performance(const struct machine *machine, const struct mpol_performance *pair)
{
	if (!stated(pair))
		return NULL;
	return json_pack("{s:I, s:I, s:I, s:I}", "read_latency_ns",
			 (json_int_t)pair->read_latency_ns, "write_latency_ns",
			 (json_int_t)pair->write_latency_ns, "read_bandwidth_mib",
			 (json_int_t)hmat_bandwidth_mib(machine, pair->read_bandwidth_bytes),
			 "write_bandwidth_mib",
			 (json_int_t)hmat_bandwidth_mib(machine, pair->write_bandwidth_bytes));
}

/* A node with its row of each table; initiator is the node whose view access0 shows. */
static json_t *json_node(const struct machine *machine, int i)
{
	const struct machine_node *node = &machine->nodes[i];
	int initiator = hmat_initiator(machine, i);
	json_t *distances = json_array();

	for (int j = 0; j < machine->nr_nodes; j++)
		json_array_append_new(distances,
				      json_integer(machine->distances[i * machine->nr_nodes + j]));
	return json_pack(
		"{s:i, s:s, s:I, s:s, s:o, s:o, s:i, s:o*}", "id", node->id, "kind",
		kind_name(node->kind), "memory_bytes", (json_int_t)node->capacity_bytes, "cpus",
		node->cpus, "distances", distances, "caches", json_caches(node), "initiator",
		machine->nodes[initiator].id, "performance",
		json_performance(machine,
				 &machine->performances[initiator * machine->nr_nodes + i]));
}

static int print_json(const struct machine *machine)
{
	json_t *nodes = json_array(), *root;
	int r;

	for (int i = 0; i < machine->nr_nodes; i++)
		json_array_append_new(nodes, json_node(machine, i));
	root = json_pack("{s:s, s:o}", "name", machine->name, "nodes", nodes);
	r = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;
	json_decref(root);
	printf("\n");
	return r;
}

/* ---- The program ------------------------------------------------------------- */

static void print_usage(FILE *stream)
{
	fprintf(stream,
		"Usage: lab-machine [--qemu|--describe|--json] [--cpu MODEL] [--hmat FILE] "
		"MACHINE.yaml\n\n"
		"  --qemu      QEMU's arguments for the machine, one a line (the default)\n"
		"  --describe  the machine in words\n"
		"  --json      the machine as JSON\n"
		"  --cpu       the CPU model that QEMU gets (default: max)\n"
		"  --hmat      with --qemu: write the HMAT to FILE and have QEMU read it\n");
}

static int print_error(const struct mpol_error *err)
{
	fprintf(stderr, "lab-machine: %s: %s: %s\n", err->step, err->object, err->cause);
	if (*err->advice)
		fprintf(stderr, "  %s\n", err->advice);
	return 1;
}

/* Writes the HMAT to a file, and the argument that takes it from there. */
static int write_hmat(const struct machine *machine, const char *path, struct mpol_error *err)
{
	_cleanup_(text_free) struct text table = { 0 };
	_cleanup_fclose_ FILE *stream = NULL;
	int r;

	r = hmat_write(machine, &table, err);
	if (r < 0)
		return r;
	stream = fopen(path, "we");
	if (!stream || fwrite(table.data, 1, table.length, stream) != table.length ||
	    fflush(stream) != 0) {
		r = error_errno(err, -errno, "write the HMAT");
		error_on(err, "%s", path);
		return r;
	}
	printf("-acpitable\nsig=HMAT,rev=2,data=%s\n", path);
	return 0;
}

static int print_qemu(const struct machine *machine, const struct options *options)
{
	_cleanup_(text_free) struct text args = { 0 };
	struct mpol_error err = { 0 };

	if (qemu_args(machine, options->cpu, &args, &err) < 0)
		return print_error(&err);
	fputs(args.data, stdout);
	if (options->hmat_path && hmat_wanted(machine) &&
	    write_hmat(machine, options->hmat_path, &err) < 0)
		return print_error(&err);
	return 0;
}

/* Returns false if the arguments are wrong. */
static bool read_options(int argc, char **argv, struct options *options)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "--qemu") ||
		    !strcmp(argv[i], "--describe") || !strcmp(argv[i], "--json"))
			options->form = argv[i];
		else if (!strcmp(argv[i], "--cpu") && i + 1 < argc)
			options->cpu = argv[++i];
		else if (!strcmp(argv[i], "--hmat") && i + 1 < argc)
			options->hmat_path = argv[++i];
		else if (!options->path && *argv[i] != '-')
			options->path = argv[i];
		else
			return false;
	}
	return options->path || !strcmp(options->form, "--help");
}

int main(int argc, char **argv)
{
	_cleanup_(machine_freep) struct machine *machine = NULL;
	struct options options = { .form = "--qemu", .cpu = "max" };
	struct mpol_error err = { 0 };

	if (!read_options(argc, argv, &options)) {
		print_usage(stderr);
		return 2;
	}
	if (!strcmp(options.form, "--help")) {
		print_usage(stdout);
		return 0;
	}
	if (machine_from_yaml(options.path, &machine, &err) < 0)
		return print_error(&err);
	if (!strcmp(options.form, "--json"))
		return print_json(machine) < 0;
	if (!strcmp(options.form, "--qemu"))
		return print_qemu(machine, &options);
	describe(machine);
	return 0;
}
