/* SPDX-License-Identifier: MIT */
/* Interleave weights in print: see weights-report.h. */
#include "weights-report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "error.h"
#include "report.h"
#include "table.h"
#include "units.h"
#include "verbs.h"

/* More columns of initiators than that would not fit a terminal. */
#define MAX_COLUMNS 8

/* What was derived for an initiator. */
struct derived {
	int initiator; /* -1: all */
	struct mpol_weights *weights;
};

struct all_derived {
	struct derived *each; /* the first is that of all, unless one initiator was asked for */
	size_t nr;
};

static void all_derived_free(struct all_derived *all)
{
	for (size_t i = 0; i < all->nr; i++)
		mpol_weights_free(all->each[i].weights);
	free(all->each);
}

static int derive_for(const struct weights_report *report, int initiator, struct all_derived *all,
		      struct mpol_error *error)
{
	struct mpol_weights_wish wish = report->wish;
	struct mpol_weights *weights;
	int r;

	wish.initiator = initiator;
	r = mpol_weights_derive(report->topology, &wish, &weights, error);
	if (r == 0)
		all->each[all->nr++] = (struct derived) { initiator, weights };
	return r;
}

/* The one that was asked for; or that of all, and each. */
static int derive_all(const struct weights_report *report, struct all_derived *all,
		      struct mpol_error *error)
{
	const size_t nr_nodes = mpol_topology_nr_nodes(report->topology);
	int r;

	all->each = calloc(nr_nodes + 1, sizeof(*all->each));
	if (!all->each)
		return error_errno(error, -ENOMEM, "derive weights");
	r = derive_for(report, report->wish.initiator, all, error);
	for (size_t i = 0; r == 0 && report->wish.initiator < 0 && i < nr_nodes; i++) {
		const struct mpol_node *node = mpol_topology_node(report->topology, i);

		if (node->has_cpu)
			r = derive_for(report, node->id, all, error);
	}
	return r;
}

/* ---- show --------------------------------------------------------------------------- */

static void weight_cell(struct table *table, unsigned int weight)
{
	if (weight)
		table_cell(table, "%u", weight);
	else
		table_cell(table, "-");
}

/* "-" is left out, "?" that nobody knows. */
static void derived_cell(struct table *table, const struct mpol_weights_node *node)
{
	if (node->initiator < 0)
		table_cell(table, "?");
	else
		weight_cell(table, node->weight);
}

static size_t nr_columns(const struct all_derived *all)
{
	return all->nr > MAX_COLUMNS + 1 ? 1 : all->nr;
}

static int print_weights(const struct weights_report *report, const struct all_derived *all)
{
	_cleanup_(table_free) struct table table = { 0 };
	const struct mpol_weights *first = all->each[0].weights;

	table_column(&table, "NODE", TABLE_RIGHT);
	table_column(&table, "KIND", TABLE_LEFT);
	table_column(&table, "KERNEL", TABLE_RIGHT);
	for (size_t i = 0; i < nr_columns(all); i++) {
		char title[24] = "DERIVED";

		if (all->each[i].initiator >= 0)
			snprintf(title, sizeof(title), "FROM %d", all->each[i].initiator);
		table_column(&table, title, TABLE_RIGHT);
	}
	for (size_t i = 0; i < mpol_weights_nr_nodes(first); i++) {
		const int id = mpol_weights_node(first, i)->node;
		const struct mpol_node *node = mpol_topology_node_by_id(report->topology, id);

		table_cell(&table, "%d", id);
		table_cell(&table, "%s%s", mpol_memory_kind_name(node->kind),
			   node->kind_guessed ? "?" : "");
		weight_cell(&table, report->kernel ? report->kernel->weights[id] : 0);
		for (size_t j = 0; j < nr_columns(all); j++)
			derived_cell(&table, mpol_weights_node(all->each[j].weights, i));
	}
	return table_print(&table, stdout);
}

static void print_state(const struct weights_report *report, const struct all_derived *all)
{
	const struct mpol_weights *first = all->each[0].weights;

	printf("\n");
	if (!report->kernel)
		printf("the kernel's: %s\n", report->no_kernel);
	else if (report->kernel->automatic == 1)
		printf("the kernel's: derived by itself\n");
	else
		printf("the kernel's: as they were set; 1 where they were not\n");
	if (all->nr > nr_columns(all))
		printf("the weights of each of %zu initiators: --from NODE, or --json\n",
		       all->nr - 1);
	for (size_t i = 0; i < mpol_weights_nr_nodes(first); i++) {
		const struct mpol_weights_node *node = mpol_weights_node(first, i);

		if (!node->weight)
			printf("! node %d: %s\n", node->node, node->reason);
	}
}

int weights_report_show(const struct weights_report *report)
{
	_cleanup_(all_derived_free) struct all_derived all = { 0 };
	struct mpol_error error = { 0 };

	if (derive_all(report, &all, &error) < 0)
		return report_error("weights", false, &error);
	if (print_weights(report, &all) < 0)
		return report_no_memory("weights");
	print_state(report, &all);
	return VERB_OK;
}

/* ---- explain ------------------------------------------------------------------------ */

static void share_cell(struct table *table, uint32_t share_ppm, bool known)
{
	if (known)
		table_cell(table, "%.2f %%", share_ppm / 1e4);
	else
		table_cell(table, "-");
}

static void explain_node(struct table *table, const struct mpol_weights_node *node)
{
	const bool known = node->initiator >= 0;

	table_cell(table, "%d", node->node);
	if (known)
		table_cell(table, "%d", node->initiator);
	else
		table_cell(table, "-");
	table_bandwidth(table, node->read_bytes);
	table_bandwidth(table, node->write_bytes);
	table_bandwidth(table, node->capacity_bytes);
	share_cell(table, node->wanted_ppm, known);
	derived_cell(table, node);
	share_cell(table, node->given_ppm, known);
	table_cell(table, "%s", node->reason);
}

static void print_total(const struct mpol_weights_total *total)
{
	char bytes[32], optimum[32];

	if (!total->bytes)
		return;
	printf("together %s; no weights exceed %s: rounding costs %.2f %%\n",
	       units_format_bandwidth(total->bytes, bytes, sizeof(bytes)),
	       units_format_bandwidth(total->optimum_bytes, optimum, sizeof(optimum)),
	       total->loss_ppm / 1e4);
}

static int explain_one(const struct derived *derived)
{
	_cleanup_(table_free) struct table table = { 0 };

	if (derived->initiator < 0)
		printf("for the CPUs of all nodes at once (each node by the CPUs nearest to "
		       "it):\n");
	else
		printf("for the CPUs of node %d:\n", derived->initiator);
	table_column(&table, "NODE", TABLE_RIGHT);
	table_column(&table, "FROM", TABLE_RIGHT);
	table_column(&table, "READ", TABLE_RIGHT);
	table_column(&table, "WRITE", TABLE_RIGHT);
	table_column(&table, "OF THE MIX", TABLE_RIGHT);
	table_column(&table, "SHARE", TABLE_RIGHT);
	table_column(&table, "WEIGHT", TABLE_RIGHT);
	table_column(&table, "SHARE GIVEN", TABLE_RIGHT);
	table_column(&table, "WHY", TABLE_LEFT);
	for (size_t i = 0; i < mpol_weights_nr_nodes(derived->weights); i++)
		explain_node(&table, mpol_weights_node(derived->weights, i));
	if (table_print(&table, stdout) < 0)
		return -ENOMEM;
	print_total(mpol_weights_total(derived->weights));
	return 0;
}

static void print_source(const struct weights_report *report)
{
	time_t time_s;
	struct tm local;
	char when[32] = "";

	if (!report->wish.measured) {
		printf("bandwidths: as the machine states them\n");
		return;
	}
	time_s = (time_t)mpol_bandwidths_time(report->wish.measured);
	if (localtime_r(&time_s, &local))
		strftime(when, sizeof(when), "%F %T", &local);
	printf("bandwidths: measured on this machine, %s\n", when);
}

int weights_report_explain(const struct weights_report *report)
{
	_cleanup_(all_derived_free) struct all_derived all = { 0 };
	struct mpol_error error = { 0 };

	if (derive_all(report, &all, &error) < 0)
		return report_error("weights", false, &error);
	print_source(report);
	printf("the mix: %u read to %u written\n", report->wish.reads, report->wish.writes);
	for (size_t i = 0; i < all.nr; i++) {
		printf("\n");
		if (explain_one(&all.each[i]) < 0)
			return report_no_memory("weights");
	}
	return VERB_OK;
}

/* ---- For programs ------------------------------------------------------------------- */

static json_t *stated_or_null(uint64_t number)
{
	return number ? json_integer((json_int_t)number) : json_null();
}

static json_t *node_json(const struct mpol_weights_node *node)
{
	return json_pack(
		"{s:i, s:o, s:o, s:o, s:o, s:I, s:I, s:i, s:s}", "node", node->node, "initiator",
		node->initiator < 0 ? json_null() : json_integer(node->initiator),
		"read_bytes_per_second", stated_or_null(node->read_bytes), "write_bytes_per_second",
		stated_or_null(node->write_bytes), "capacity_bytes_per_second",
		stated_or_null(node->capacity_bytes), "wanted_ppm", (json_int_t)node->wanted_ppm,
		"given_ppm", (json_int_t)node->given_ppm, "weight", (int)node->weight, "reason",
		node->reason);
}

static json_t *derived_json(const struct derived *derived)
{
	const struct mpol_weights_total *total = mpol_weights_total(derived->weights);
	json_t *nodes = json_array();

	for (size_t i = 0; i < mpol_weights_nr_nodes(derived->weights); i++)
		json_array_append_new(nodes, node_json(mpol_weights_node(derived->weights, i)));
	return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I}", "initiator",
			 derived->initiator < 0 ? json_null() : json_integer(derived->initiator),
			 "nodes", nodes, "bytes_per_second", stated_or_null(total->bytes),
			 "optimum_bytes_per_second", stated_or_null(total->optimum_bytes),
			 "loss_ppm", (json_int_t)total->loss_ppm, "unknown_nodes",
			 (json_int_t)total->nr_unknown);
}

static json_t *kernel_json(const struct mpol_kernel_weights *kernel)
{
	json_t *nodes;

	if (!kernel)
		return json_null();
	nodes = json_array();
	for (int node = 0; node < MPOL_NODES_MAX; node++)
		if (kernel->weights[node])
			json_array_append_new(nodes, json_pack("{s:i, s:i}", "node", node, "weight",
							       kernel->weights[node]));
	return json_pack("{s:o, s:o}", "nodes", nodes, "automatic",
			 kernel->automatic < 0 ? json_null() : json_boolean(kernel->automatic));
}

int weights_report_json(const struct weights_report *report)
{
	_cleanup_(all_derived_free) struct all_derived all = { 0 };
	struct mpol_error error = { 0 };
	json_t *list;

	if (derive_all(report, &all, &error) < 0)
		return report_error("weights", true, &error);
	list = json_array();
	for (size_t i = 0; i < all.nr; i++)
		json_array_append_new(list, derived_json(&all.each[i]));
	return report_json(json_pack(
		"{s:s, s:s, s:o, s:[I, I], s:o}", "machine", mpol_topology_name(report->topology),
		"source", report->wish.measured ? "measured" : "stated", "kernel",
		kernel_json(report->kernel), "mix", (json_int_t)report->wish.reads,
		(json_int_t)report->wish.writes, "derived", list));
}
