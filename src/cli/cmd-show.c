/* SPDX-License-Identifier: MIT */
/*
 * mpol show: the policies of a process's threads and ranges, and on which
 * nodes its memory is; of several processes a line each.  Stops nothing.
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
#include "drift.h"
#include "error-json.h"
#include "error.h"
#include "journaling.h"
#include "nodemask.h"
#include "policies.h"
#include "report.h"
#include "show-pages.h"
#include "show-vmas.h"
#include "striping.h"
#include "table.h"
#include "targets.h"
#include "text.h"
#include "units.h"
#include "verbs.h"

/* One of several processes. */
struct row {
	pid_t pid;
	char name[64];
	size_t nr_threads;
	char *policies;	 /* "bind:0", or with how many threads have each; owned */
	uint64_t *bytes; /* by node, NODES_MAX; owned */
	bool has_drift;
};

struct show_options {
	struct targets targets;
	struct journaling journaling;
	bool threads;
	bool vmas;
	bool explain;
	bool pages;
	const char *range; /* NULL: all addresses */
	uint64_t start, end;

	/* What is printed at the end. */
	struct row *rows;
	size_t nr_rows;
	struct nodemask nodes; /* that a process has memory on, or may have */
	size_t nr_printed;
};

static void options_free(struct show_options *options)
{
	for (size_t i = 0; i < options->nr_rows; i++) {
		free(options->rows[i].policies);
		free(options->rows[i].bytes);
	}
	free(options->rows);
	targets_free(&options->targets);
	journaling_free(&options->journaling);
}

static uint64_t total_bytes(const struct mpol_process *process)
{
	uint64_t total = 0;

	for (size_t i = 0; i < mpol_process_nr_nodes(process); i++)
		total += mpol_process_node_bytes(process, i);
	return total;
}

/* ---- For people ------------------------------------------------------------- */

static int print_memory(const struct mpol_process *process)
{
	_cleanup_(table_free) struct table table = { 0 };
	uint64_t total = total_bytes(process);

	table_column(&table, "NODE", TABLE_RIGHT);
	table_column(&table, "MEMORY", TABLE_RIGHT);
	table_column(&table, "SHARE", TABLE_RIGHT);
	for (size_t i = 0; i < mpol_process_nr_nodes(process); i++) {
		uint64_t bytes = mpol_process_node_bytes(process, i);

		table_cell(&table, "%d", mpol_process_node(process, i));
		show_bytes_cell(&table, bytes);
		table_cell(&table, "%.1f %%", total ? 100.0 * (double)bytes / (double)total : 0);
	}
	return table_print(&table, stdout);
}

static int print_threads(const struct mpol_process *process)
{
	_cleanup_(table_free) struct table table = { 0 };

	table_column(&table, "TID", TABLE_RIGHT);
	table_column(&table, "NAME", TABLE_LEFT);
	table_column(&table, "STATE", TABLE_LEFT);
	table_column(&table, "POLICY", TABLE_LEFT);
	table_column(&table, "ALLOWED", TABLE_LEFT);
	for (size_t i = 0; i < mpol_process_nr_threads(process); i++) {
		const struct mpol_thread *thread = mpol_process_thread(process, i);
		char allowed[256], name[sizeof(thread->name)], policy[POLICY_TEXT_SIZE];

		mpol_nodes_format(thread->mems_allowed, allowed, sizeof(allowed));
		table_cell(&table, "%d", thread->tid);
		table_cell(&table, "%s", report_printable(thread->name, name, sizeof(name)));
		table_cell(&table, "%c", thread->state);
		table_cell(&table, "%s", policy_text(thread->policy, policy));
		table_cell(&table, "%s", allowed);
	}
	putchar('\n');
	return table_print(&table, stdout);
}

static void print_policies(const struct policies *policies)
{
	for (size_t i = 0; i < policies->nr; i++) {
		const struct policy_count *count = &policies->counts[i];
		char policy[POLICY_TEXT_SIZE];

		printf("%-7s %s", i ? "" : "policy", policy_text(count->policy, policy));
		if (policies->nr == 1)
			puts(count->nr_threads > 1 ? " (all threads)" : "");
		else
			printf(" (%zu %s)\n", count->nr_threads,
			       count->nr_threads > 1 ? "threads" : "thread");
	}
}

static int print_process(const struct mpol_process *process, const struct policies *policies,
			 const struct drift *drift, const struct show_options *options)
{
	char name[64], total[32];
	size_t nr_threads = mpol_process_nr_threads(process);
	int r;

	printf("process %d (%s), %zu %s\n", mpol_process_pid(process),
	       report_printable(mpol_process_name(process), name, sizeof(name)), nr_threads,
	       nr_threads > 1 ? "threads" : "thread");
	print_policies(policies);
	drift_print(drift);
	printf("memory  %s\n\n", units_format_bytes(total_bytes(process), total, sizeof(total)));
	r = print_memory(process);
	if (r == 0 && options->threads)
		r = print_threads(process);
	if (r == 0 && options->vmas)
		r = vmas_print(process);
	if (r == 0 && options->explain)
		r = vmas_explain(process, options->journaling.journal);
	return r;
}

/* ---- Several processes -------------------------------------------------------- */

static char *policies_words(const struct policies *policies)
{
	struct text words = { 0 };

	for (size_t i = 0; i < policies->nr; i++) {
		char policy[POLICY_TEXT_SIZE];

		text_printf(&words, "%s%s", i ? ", " : "",
			    policy_text(policies->counts[i].policy, policy));
		if (policies->nr > 1)
			text_printf(&words, " (%zu)", policies->counts[i].nr_threads);
	}
	if (words.error)
		text_free(&words);
	return words.data;
}

static int add_row(struct show_options *options, const struct mpol_process *process,
		   const struct policies *policies, const struct drift *drift)
{
	struct row *rows = reallocarray(options->rows, options->nr_rows + 1, sizeof(*rows)), *row;

	if (!rows)
		return -ENOMEM;
	options->rows = rows;
	row = &rows[options->nr_rows++];
	*row = (struct row) {
		.pid = mpol_process_pid(process),
		.nr_threads = mpol_process_nr_threads(process),
		.policies = policies_words(policies),
		.bytes = calloc(NODES_MAX, sizeof(*row->bytes)),
		.has_drift = drift_any(drift),
	};
	report_printable(mpol_process_name(process), row->name, sizeof(row->name));
	if (!row->policies || !row->bytes)
		return -ENOMEM;
	for (size_t i = 0; i < mpol_process_nr_nodes(process); i++) {
		int node = mpol_process_node(process, i);

		nodemask_set(&options->nodes, node);
		row->bytes[node] = mpol_process_node_bytes(process, i);
	}
	return 0;
}

static void add_cells(struct table *table, const struct show_options *options,
		      const uint64_t *bytes)
{
	uint64_t total = 0;
	int node;

	nodemask_for_each (node, &options->nodes)
		total += bytes[node];
	show_bytes_cell(table, total);
	nodemask_for_each (node, &options->nodes)
		show_bytes_cell(table, bytes[node]);
}

/* The last line is the sum.  Memory that processes share counts in each of them. */
static int print_rows(const struct show_options *options)
{
	_cleanup_(table_free) struct table table = { 0 };
	uint64_t sums[NODES_MAX] = { 0 };
	size_t nr_threads = 0;
	int node, r;

	table_column(&table, "PID", TABLE_RIGHT);
	table_column(&table, "NAME", TABLE_LEFT);
	table_column(&table, "THREADS", TABLE_RIGHT);
	table_column(&table, "POLICY", TABLE_LEFT);
	table_column(&table, "MEMORY", TABLE_RIGHT);
	nodemask_for_each (node, &options->nodes) {
		char title[16];

		snprintf(title, sizeof(title), "NODE %d", node);
		table_column(&table, title, TABLE_RIGHT);
	}
	for (size_t i = 0; i < options->nr_rows; i++) {
		const struct row *row = &options->rows[i];

		table_cell(&table, "%d", row->pid);
		table_cell(&table, "%s", row->name);
		table_cell(&table, "%zu", row->nr_threads);
		table_cell(&table, "%s", row->policies);
		add_cells(&table, options, row->bytes);
		nr_threads += row->nr_threads;
		nodemask_for_each (node, &options->nodes)
			sums[node] += row->bytes[node];
	}
	table_cell(&table, "all");
	table_cell(&table, "%s", "");
	table_cell(&table, "%zu", nr_threads);
	table_cell(&table, "%s", "");
	add_cells(&table, options, sums);
	r = table_print(&table, stdout);
	for (size_t i = 0; i < options->nr_rows; i++)
		if (options->rows[i].has_drift)
			printf("process %d (%s) is not as it was set: mpol reapply %d\n",
			       options->rows[i].pid, options->rows[i].name, options->rows[i].pid);
	return r;
}

/* ---- For programs ------------------------------------------------------------- */

static json_t *threads_json(const struct mpol_process *process)
{
	json_t *threads = json_array();

	for (size_t i = 0; i < mpol_process_nr_threads(process); i++) {
		const struct mpol_thread *thread = mpol_process_thread(process, i);
		char allowed[NODES_MAX * 5], state[] = { thread->state, '\0' };

		mpol_nodes_format(thread->mems_allowed, allowed, sizeof(allowed));
		json_array_append_new(
			threads, json_pack("{s:i, s:o, s:s, s:o, s:s}", "tid", thread->tid, "name",
					   json_text(thread->name), "state", state, "policy",
					   policy_json(thread->policy), "mems_allowed", allowed));
	}
	return threads;
}

static json_t *process_json(const struct mpol_process *process, const struct policies *policies,
			    const struct drift *drift, const struct show_options *options)
{
	json_t *document = json_pack(
		"{s:i, s:o, s:o, s:o, s:I, s:o}", "pid", mpol_process_pid(process), "name",
		json_text(mpol_process_name(process)), "policies", policies_json(policies), "drift",
		drift_json(drift), "bytes", (json_int_t)total_bytes(process), "nodes",
		show_nodes_json(process, NULL, true));

	if (options->threads)
		json_object_set_new(document, "threads", threads_json(process));
	if (options->vmas) {
		json_object_set_new(document, "vmas", vmas_json(process));
		json_object_set_new(document, "stripes", striping_found_json(process));
	}
	if (options->explain)
		json_object_set_new(document, "mechanisms",
				    vmas_explain_json(process, options->journaling.journal));
	return document;
}

/* ---- The verb ------------------------------------------------------------------ */

/* Prints the process, or keeps it for the table.  Returns 0 or -ENOMEM. */
static int print_or_keep(struct show_options *options, const struct mpol_process *process,
			 const struct policies *policies, const struct drift *drift,
			 const struct page_runs *runs)
{
	bool several = targets_several(&options->targets);
	int r;

	if (several && !options->threads && !options->vmas && !options->explain && !options->pages)
		return add_row(options, process, policies, drift);
	if (several && options->nr_printed++)
		putchar('\n');
	r = print_process(process, policies, drift, options);
	return r == 0 && options->pages ? page_runs_print(runs) : r;
}

static int show_process(const struct target *target, json_t **ret_document,
			struct mpol_error *error)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	_cleanup_(policies_free) struct policies policies = { 0 };
	_cleanup_(page_runs_free) struct page_runs runs = { 0 };
	_cleanup_(drift_free) struct drift drift = { 0 };
	struct show_options *options = target->user;
	unsigned int what = MPOL_PROCESS_THREADS;

	if (options->vmas || options->explain || options->pages)
		what |= MPOL_PROCESS_VMAS;
	if (targets_process(target, what, &process, error) < 0 ||
	    policies_count(process, 0, &policies, error) < 0 ||
	    drift_find(options->journaling.journal, process, &drift, error) < 0 ||
	    (options->pages &&
	     page_runs_read(process, options->start, options->end, &runs, error) < 0))
		return VERB_FAILED;
	if (target->pid != mpol_process_pid(process))
		fprintf(stderr, "mpol show: %d is a thread of process %d\n", target->pid,
			mpol_process_pid(process));
	if (options->targets.json) {
		*ret_document = process_json(process, &policies, &drift, options);
		if (options->pages) {
			json_object_set_new(*ret_document, "pages", page_runs_json(&runs));
			json_object_set_new(*ret_document, "page_sums", page_runs_sums_json(&runs));
		}
		return VERB_OK;
	}
	if (print_or_keep(options, process, &policies, &drift, &runs) < 0) {
		error_errno(error, -ENOMEM, "print");
		return VERB_FAILED;
	}
	return VERB_OK;
}

static int parse_options(int argc, char **argv, struct show_options *options)
{
	static const struct option longs[] = {
		{ "explain", no_argument, NULL, 'e' },
		{ "pages", no_argument, NULL, 'p' },
		{ "range", required_argument, NULL, 'a' },
		{ "root", required_argument, NULL, 'r' },
		{ "threads", no_argument, NULL, 't' },
		{ "vmas", no_argument, NULL, 'v' },
		JOURNALING_LONGS,
		TARGETS_LONGS,
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (targets_option(&options->targets, option, optarg) ||
		    journaling_option(&options->journaling, option, optarg))
			continue;
		switch (option) {
		case 'e':
			options->explain = true;
			break;
		case 'p':
			options->pages = true;
			break;
		case 'a':
			options->range = optarg;
			break;
		case 'r':
			options->targets.root = optarg;
			break;
		case 't':
			options->threads = true;
			break;
		case 'v':
			options->vmas = true;
			break;
		default:
			return VERB_USAGE;
		}
	}
	if (argc == optind && !targets_selected(&options->targets)) {
		fprintf(stderr, "mpol show: takes processes, as in mpol show 4240\n"
				"  mpol show --help\n");
		return VERB_USAGE;
	}
	if (options->range && !options->pages) {
		fprintf(stderr, "mpol show: --range goes with --pages\n  mpol show --help\n");
		return VERB_USAGE;
	}
	if (options->pages && options->targets.root) {
		fprintf(stderr, "mpol show: --pages needs the running process, not a recorded one: "
				"leave out --root\n");
		return VERB_USAGE;
	}
	return VERB_OK;
}

/* Without the usual journal nothing is known of drift, and all else can be shown. */
static int open_journal(struct show_options *options, struct mpol_error *error)
{
	int r;

	options->journaling.off |= options->targets.root != NULL;
	r = journaling_open(&options->journaling, false, error);
	return r < 0 && !options->journaling.path ? 0 : r;
}

int cmd_show(int argc, char **argv)
{
	_cleanup_(options_free) struct show_options options = {
		.targets = { .verb = "show", .once = true },
		.end = UINT64_MAX,
	};
	struct mpol_error error;
	int r = parse_options(argc, argv, &options);

	if (r != VERB_OK)
		return r;
	if ((options.range &&
	     page_runs_range(options.range, &options.start, &options.end, &error) < 0) ||
	    targets_read(&options.targets, argv + optind, argc - optind, &error) < 0) {
		report_error("show", options.targets.json, &error);
		return VERB_USAGE;
	}
	r = open_journal(&options, &error);
	if (r < 0)
		return report_error("show", options.targets.json, &error);
	options.targets.user = &options;
	r = targets_run(&options.targets, show_process);
	return options.nr_rows && print_rows(&options) < 0 ? report_no_memory("show") : r;
}
