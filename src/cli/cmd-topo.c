/* SPDX-License-Identifier: MIT */
/*
 * mpol topo: the machine's nodes, distances, performance and caches, and what
 * is odd about them.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "arguments.h"
#include "cleanup.h"
#include "nodemask.h"
#include "report.h"
#include "table.h"
#include "text.h"
#include "verbs.h"

/* A distance table of more columns is printed as lists: it would not fit a terminal. */
#define MATRIX_MAX_NODES 16

struct topo_options {
	const char *root;    /* NULL: the running machine */
	const char *machine; /* a name or a description; NULL: none */
	bool machines;	     /* those known by name instead */
	bool json;
};

/* ---- For people ------------------------------------------------------------- */

static void number_cell(struct table *table, int64_t number)
{
	if (number < 0)
		table_cell(table, "-");
	else
		table_cell(table, "%" PRId64, number);
}

static void latency_cell(struct table *table, uint64_t ns)
{
	if (ns)
		table_cell(table, "%" PRIu64 " ns", ns);
	else
		table_cell(table, "-");
}

static void node_row(struct table *table, const struct mpol_node *node, bool described)
{
	number_cell(table, node->id);
	if (node->has_memory)
		table_cell(table, "%s%s", mpol_memory_kind_name(node->kind),
			   node->kind_guessed ? "?" : "");
	else
		table_cell(table, "-");
	number_cell(table, node->tier);
	table_cell(table, "%s", *node->cpus ? node->cpus : "-");
	table_bytes(table, node->capacity_bytes);
	if (described)
		table_cell(table, "-");
	else
		table_bytes(table, node->free_bytes);
	number_cell(table, node->kernel_weight);
	number_cell(table, node->kernel_tier);
}

static int print_nodes(const struct mpol_topology *topology, bool described)
{
	_cleanup_(table_free) struct table table = { 0 };

	table_column(&table, "NODE", TABLE_RIGHT);
	table_column(&table, "KIND", TABLE_LEFT);
	table_column(&table, "TIER", TABLE_RIGHT);
	table_column(&table, "CPUS", TABLE_LEFT);
	table_column(&table, "CAPACITY", TABLE_RIGHT);
	table_column(&table, "FREE", TABLE_RIGHT);
	table_column(&table, "WEIGHT", TABLE_RIGHT);
	table_column(&table, "KERNEL TIER", TABLE_RIGHT);
	for (size_t i = 0; i < mpol_topology_nr_nodes(topology); i++)
		node_row(&table, mpol_topology_node(topology, i), described);
	return table_print(&table, stdout);
}

static int print_distance_matrix(const struct mpol_topology *topology)
{
	_cleanup_(table_free) struct table table = { 0 };
	size_t n = mpol_topology_nr_nodes(topology);

	table_column(&table, "DISTANCE", TABLE_RIGHT);
	for (size_t i = 0; i < n; i++) {
		char title[16];

		snprintf(title, sizeof(title), "%d", mpol_topology_node(topology, i)->id);
		table_column(&table, title, TABLE_RIGHT);
	}
	for (size_t i = 0; i < n; i++) {
		int from = mpol_topology_node(topology, i)->id;

		number_cell(&table, from);
		for (size_t j = 0; j < n; j++)
			number_cell(&table,
				    mpol_topology_distance(topology, from,
							   mpol_topology_node(topology, j)->id));
	}
	return table_print(&table, stdout);
}

/* One row for each distance that occurs from a node: "0  20  1-3". */
static int print_distance_lists(const struct mpol_topology *topology)
{
	_cleanup_(table_free) struct table table = { 0 };
	size_t n = mpol_topology_nr_nodes(topology);

	table_column(&table, "FROM", TABLE_RIGHT);
	table_column(&table, "DISTANCE", TABLE_RIGHT);
	table_column(&table, "TO", TABLE_LEFT);
	for (size_t i = 0; i < n; i++) {
		int from = mpol_topology_node(topology, i)->id;
		struct nodemask at[UINT8_MAX + 1] = { 0 };

		for (size_t j = 0; j < n; j++) {
			int to = mpol_topology_node(topology, j)->id;
			int distance = mpol_topology_distance(topology, from, to);

			if (distance > 0)
				nodemask_set(&at[distance], to);
		}
		for (int distance = 1; distance <= UINT8_MAX; distance++) {
			char list[NODES_MAX * 5];

			if (nodemask_empty(&at[distance]))
				continue;
			nodemask_format(&at[distance], list, sizeof(list));
			number_cell(&table, from);
			number_cell(&table, distance);
			table_cell(&table, "%s", list);
		}
	}
	return table_print(&table, stdout);
}

static int print_performance(const struct mpol_topology *topology)
{
	_cleanup_(table_free) struct table table = { 0 };
	size_t n = mpol_topology_nr_nodes(topology);
	bool any = false;

	table_column(&table, "FROM", TABLE_RIGHT);
	table_column(&table, "TO", TABLE_RIGHT);
	table_column(&table, "READ LATENCY", TABLE_RIGHT);
	table_column(&table, "WRITE LATENCY", TABLE_RIGHT);
	table_column(&table, "READ BANDWIDTH", TABLE_RIGHT);
	table_column(&table, "WRITE BANDWIDTH", TABLE_RIGHT);
	table_column(&table, "", TABLE_LEFT);
	for (size_t i = 0; i < n * n; i++) {
		int from = mpol_topology_node(topology, i / n)->id;
		int to = mpol_topology_node(topology, i % n)->id;
		struct mpol_performance seen;

		if (mpol_topology_performance(topology, from, to, &seen) < 0)
			continue;
		any = true;
		number_cell(&table, from);
		number_cell(&table, to);
		latency_cell(&table, seen.read_latency_ns);
		latency_cell(&table, seen.write_latency_ns);
		table_bandwidth(&table, seen.read_bandwidth_bytes);
		table_bandwidth(&table, seen.write_bandwidth_bytes);
		table_cell(&table, "%s", seen.implausible ? "implausible" : "");
	}
	if (any)
		putchar('\n');
	return any ? table_print(&table, stdout) : 0;
}

static const char *indexing_name(const struct mpol_memory_cache *cache)
{
	return cache->indexing < 0 ? NULL : cache->indexing ? "indexed" : "direct-mapped";
}

static const char *write_policy_name(const struct mpol_memory_cache *cache)
{
	return cache->write_through < 0 ? NULL
	       : cache->write_through	? "write-through"
					: "write-back";
}

static void text_cell(struct table *table, const char *words)
{
	table_cell(table, "%s", words ? words : "-");
}

static int print_caches(const struct mpol_topology *topology)
{
	_cleanup_(table_free) struct table table = { 0 };
	bool any = false;

	table_column(&table, "NODE", TABLE_RIGHT);
	table_column(&table, "CACHE LEVEL", TABLE_RIGHT);
	table_column(&table, "SIZE", TABLE_RIGHT);
	table_column(&table, "LINE", TABLE_RIGHT);
	table_column(&table, "INDEXING", TABLE_LEFT);
	table_column(&table, "WRITES", TABLE_LEFT);
	for (size_t i = 0; i < mpol_topology_nr_nodes(topology); i++) {
		const struct mpol_node *node = mpol_topology_node(topology, i);

		for (size_t j = 0; j < node->nr_caches; j++) {
			const struct mpol_memory_cache *cache = &node->caches[j];

			any = true;
			number_cell(&table, node->id);
			number_cell(&table, cache->level);
			table_bytes(&table, cache->size_bytes);
			table_bytes(&table, cache->line_bytes);
			text_cell(&table, indexing_name(cache));
			text_cell(&table, write_policy_name(cache));
		}
	}
	if (any)
		putchar('\n');
	return any ? table_print(&table, stdout) : 0;
}

static void print_findings(const struct mpol_topology *topology)
{
	size_t n = mpol_topology_nr_findings(topology);

	if (n)
		putchar('\n');
	for (size_t i = 0; i < n; i++) {
		const struct mpol_finding *finding = mpol_topology_finding(topology, i);

		if (finding->node < 0)
			printf("! %s\n", finding->text);
		else
			printf("! node %d: %s\n", finding->node, finding->text);
	}
}

static int print_topology(const struct mpol_topology *topology, bool described)
{
	int r = print_nodes(topology, described);

	putchar('\n');
	if (r == 0 && mpol_topology_nr_nodes(topology) <= MATRIX_MAX_NODES)
		r = print_distance_matrix(topology);
	else if (r == 0)
		r = print_distance_lists(topology);
	if (r == 0)
		r = print_performance(topology);
	if (r == 0)
		r = print_caches(topology);
	if (r == 0)
		print_findings(topology);
	return r;
}

/* ---- For programs ------------------------------------------------------------- */

/* A count, or null for the API's -1. */
static json_t *count_or_null(int64_t number)
{
	return number < 0 ? json_null() : json_integer(number);
}

/* A measure, or null for the API's 0: not stated. */
static json_t *stated_or_null(uint64_t number)
{
	return number ? json_integer(number) : json_null();
}

static json_t *caches_json(const struct mpol_node *node)
{
	json_t *caches = json_array();

	for (size_t i = 0; i < node->nr_caches; i++) {
		const struct mpol_memory_cache *cache = &node->caches[i];

		json_array_append_new(caches, json_pack("{s:I, s:o, s:I, s:s?, s:s?}", "level",
							(json_int_t)cache->level, "size_bytes",
							stated_or_null(cache->size_bytes),
							"line_bytes", (json_int_t)cache->line_bytes,
							"indexing", indexing_name(cache),
							"write_policy", write_policy_name(cache)));
	}
	return caches;
}

static json_t *node_json(const struct mpol_node *node, bool described)
{
	return json_pack("{s:i, s:s?, s:b, s:o, s:s, s:I, s:o, s:o, s:o, s:o}", "id", node->id,
			 "kind", node->has_memory ? mpol_memory_kind_name(node->kind) : NULL,
			 "kind_guessed", node->kind_guessed, "tier", count_or_null(node->tier),
			 "cpus", node->cpus, "capacity_bytes", (json_int_t)node->capacity_bytes,
			 "free_bytes",
			 described ? json_null() : json_integer((json_int_t)node->free_bytes),
			 "kernel_tier", count_or_null(node->kernel_tier), "kernel_weight",
			 count_or_null(node->kernel_weight), "caches", caches_json(node));
}

static json_t *distances_json(const struct mpol_topology *topology)
{
	size_t n = mpol_topology_nr_nodes(topology);
	json_t *rows = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *row = json_array();

		for (size_t j = 0; j < n; j++)
			json_array_append_new(row,
					      count_or_null(mpol_topology_distance(
						      topology, mpol_topology_node(topology, i)->id,
						      mpol_topology_node(topology, j)->id)));
		json_array_append_new(rows, row);
	}
	return rows;
}

static json_t *performance_json(const struct mpol_topology *topology)
{
	size_t n = mpol_topology_nr_nodes(topology);
	json_t *pairs = json_array();

	for (size_t i = 0; i < n * n; i++) {
		int from = mpol_topology_node(topology, i / n)->id;
		int to = mpol_topology_node(topology, i % n)->id;
		struct mpol_performance seen;

		if (mpol_topology_performance(topology, from, to, &seen) < 0)
			continue;
		json_array_append_new(
			pairs, json_pack("{s:i, s:i, s:b, s:o, s:o, s:o, s:o}", "initiator", from,
					 "target", to, "implausible", seen.implausible,
					 "read_latency_ns", stated_or_null(seen.read_latency_ns),
					 "write_latency_ns", stated_or_null(seen.write_latency_ns),
					 "read_bandwidth_bytes_per_second",
					 stated_or_null(seen.read_bandwidth_bytes),
					 "write_bandwidth_bytes_per_second",
					 stated_or_null(seen.write_bandwidth_bytes)));
	}
	return pairs;
}

static json_t *findings_json(const struct mpol_topology *topology)
{
	json_t *findings = json_array();

	for (size_t i = 0; i < mpol_topology_nr_findings(topology); i++) {
		const struct mpol_finding *finding = mpol_topology_finding(topology, i);

		json_array_append_new(findings,
				      json_pack("{s:o, s:s}", "node", count_or_null(finding->node),
						"text", finding->text));
	}
	return findings;
}

static json_t *topology_json(const struct mpol_topology *topology, bool described)
{
	unsigned long possible[MPOL_NODE_WORDS];
	char list[NODES_MAX * 5];
	json_t *nodes = json_array();
	struct nodemask mask;

	mpol_topology_possible(topology, possible);
	memcpy(&mask, possible, sizeof(mask));
	nodemask_format(&mask, list, sizeof(list));
	for (size_t i = 0; i < mpol_topology_nr_nodes(topology); i++)
		json_array_append_new(nodes, node_json(mpol_topology_node(topology, i), described));
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "machine", mpol_topology_name(topology),
			 "possible_nodes", list, "nodes", nodes, "distances",
			 distances_json(topology), "performance", performance_json(topology),
			 "findings", findings_json(topology));
}

/* ---- The machines known by name --------------------------------------------------- */

static int list_machines(bool json)
{
	_cleanup_(table_free) struct table table = { 0 };
	json_t *list = json_array();
	const char *name;

	table_column(&table, "MACHINE", TABLE_LEFT);
	table_column(&table, "DESCRIPTION", TABLE_LEFT);
	for (size_t i = 0; (name = mpol_machine_name(i)); i++) {
		_cleanup_(mpol_topology_freep) struct mpol_topology *machine = NULL;
		struct mpol_error error = { 0 };

		if (mpol_topology_new_from_file(name, &machine, &error) < 0) {
			json_decref(list);
			return report_error("topo", json, &error);
		}
		table_cell(&table, "%s", name);
		table_cell(&table, "%s", mpol_topology_description(machine));
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "description",
						      mpol_topology_description(machine)));
	}
	if (json)
		return report_json(json_pack("{s:o}", "machines", list));
	json_decref(list);
	return table_print(&table, stdout) < 0 ? report_no_memory("topo") : VERB_OK;
}

/* ---- The verb ------------------------------------------------------------------ */

static int parse_options(int argc, char **argv, struct topo_options *ret_options)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "machine", required_argument, NULL, 'm' },
		{ "machines", no_argument, NULL, 'M' },
		{ "root", required_argument, NULL, 'r' },
		{ 0 },
	};
	struct topo_options options = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 'j':
			options.json = true;
			break;
		case 'm':
			options.machine = optarg;
			break;
		case 'M':
			options.machines = true;
			break;
		case 'r':
			options.root = optarg;
			break;
		default:
			return VERB_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "mpol topo: takes no argument: %s\n", argv[optind]);
		return VERB_USAGE;
	}
	if (options.machine && options.root) {
		fprintf(stderr, "mpol topo: --machine and --root are two sources: give one\n");
		return VERB_USAGE;
	}
	if (options.machines && (options.machine || options.root)) {
		fprintf(stderr, "mpol topo: --machines lists machines, it does not show one\n");
		return VERB_USAGE;
	}
	*ret_options = options;
	return VERB_OK;
}

int cmd_topo(int argc, char **argv)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *topology = NULL;
	struct topo_options options;
	struct mpol_error error = { 0 };
	bool described;
	int r = parse_options(argc, argv, &options);

	if (r != VERB_OK)
		return r;
	if (options.machines)
		return list_machines(options.json);
	described = options.machine;
	if (described)
		r = mpol_topology_new_from_file(options.machine, &topology, &error);
	else
		r = mpol_topology_new(options.root, &topology, &error);
	if (r < 0)
		return report_error("topo", options.json, &error);
	if (options.json)
		return report_json(topology_json(topology, described));
	return print_topology(topology, described) < 0 ? report_no_memory("topo") : VERB_OK;
}
