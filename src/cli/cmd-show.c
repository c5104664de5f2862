/* SPDX-License-Identifier: MIT */
/*
 * mpol show: the policies of a process's threads and ranges, and on which
 * nodes its memory is.  Stops nothing.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "arguments.h"
#include "nodemask.h"
#include "policies.h"
#include "report.h"
#include "table.h"
#include "units.h"
#include "verbs.h"

struct show_options {
	const char *pid;
	const char *root; /* NULL: the running machine */
	bool threads;
	bool vmas;
	bool json;
};

static uint64_t total_bytes(const struct mpol_process *process)
{
	uint64_t total = 0;

	for (size_t i = 0; i < mpol_process_nr_nodes(process); i++)
		total += mpol_process_node_bytes(process, i);
	return total;
}

/* ---- For people ------------------------------------------------------------- */

static void bytes_cell(struct table *table, uint64_t bytes)
{
	char words[32];

	table_cell(table, "%s", bytes ? units_format_bytes(bytes, words, sizeof(words)) : "-");
}

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
		bytes_cell(&table, bytes);
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

static int print_vmas(const struct mpol_process *process)
{
	_cleanup_(table_free) struct table table = { 0 };
	size_t nr_nodes = mpol_process_nr_nodes(process);

	table_column(&table, "RANGE", TABLE_LEFT);
	table_column(&table, "PERM", TABLE_LEFT);
	table_column(&table, "OWN POLICY", TABLE_LEFT);
	table_column(&table, "PAGE", TABLE_RIGHT);
	for (size_t i = 0; i < nr_nodes; i++) {
		char title[16];

		snprintf(title, sizeof(title), "NODE %d", mpol_process_node(process, i));
		table_column(&table, title, TABLE_RIGHT);
	}
	table_column(&table, "NAME", TABLE_LEFT);
	for (size_t i = 0; i < mpol_process_nr_vmas(process); i++) {
		const struct mpol_vma *vma = mpol_process_vma(process, i);
		char name[256], policy[POLICY_TEXT_SIZE];

		table_cell(&table, "%" PRIx64 "-%" PRIx64, vma->start, vma->end);
		table_cell(&table, "%s", vma->permissions);
		table_cell(&table, "%s%s", vma->has_policy ? policy_text(vma->policy, policy) : "-",
			   vma->has_policy < 0 ? "?" : "");
		bytes_cell(&table, vma->page_bytes);
		for (size_t n = 0; n < nr_nodes; n++)
			bytes_cell(&table, vma->bytes_by_node[n]);
		table_cell(&table, "%s", report_printable(vma->name, name, sizeof(name)));
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
			 const struct show_options *options)
{
	char name[64], total[32];
	size_t nr_threads = mpol_process_nr_threads(process);
	int r;

	printf("process %d (%s), %zu %s\n", mpol_process_pid(process),
	       report_printable(mpol_process_name(process), name, sizeof(name)), nr_threads,
	       nr_threads > 1 ? "threads" : "thread");
	print_policies(policies);
	printf("memory  %s\n\n", units_format_bytes(total_bytes(process), total, sizeof(total)));
	r = print_memory(process);
	if (r == 0 && options->threads)
		r = print_threads(process);
	if (r == 0 && options->vmas)
		r = print_vmas(process);
	if (r < 0)
		fprintf(stderr, "mpol show: out of memory\n");
	return r < 0 ? VERB_FAILED : VERB_OK;
}

/* ---- For programs ------------------------------------------------------------- */

/* bytes: indexed as mpol_process_nodes; nodes without any are left out unless all. */
static json_t *nodes_json(const struct mpol_process *process, const uint64_t *bytes, bool all)
{
	json_t *nodes = json_array();

	for (size_t i = 0; i < mpol_process_nr_nodes(process); i++) {
		uint64_t here = bytes ? bytes[i] : mpol_process_node_bytes(process, i);

		if (all || here)
			json_array_append_new(nodes, json_pack("{s:i, s:I}", "node",
							       mpol_process_node(process, i),
							       "bytes", (json_int_t)here));
	}
	return nodes;
}

static json_t *threads_json(const struct mpol_process *process)
{
	json_t *threads = json_array();

	for (size_t i = 0; i < mpol_process_nr_threads(process); i++) {
		const struct mpol_thread *thread = mpol_process_thread(process, i);
		char allowed[NODES_MAX * 5], state[] = { thread->state, '\0' };

		mpol_nodes_format(thread->mems_allowed, allowed, sizeof(allowed));
		json_array_append_new(
			threads, json_pack("{s:i, s:o, s:s, s:o, s:s}", "tid", thread->tid, "name",
					   report_string(thread->name), "state", state, "policy",
					   policy_json(thread->policy), "mems_allowed", allowed));
	}
	return threads;
}

static json_t *vmas_json(const struct mpol_process *process)
{
	json_t *vmas = json_array();

	for (size_t i = 0; i < mpol_process_nr_vmas(process); i++) {
		const struct mpol_vma *vma = mpol_process_vma(process, i);
		json_t *own = vma->has_policy < 0 ? json_null() : json_boolean(vma->has_policy);
		char start[32], end[32];

		snprintf(start, sizeof(start), "0x%" PRIx64, vma->start);
		snprintf(end, sizeof(end), "0x%" PRIx64, vma->end);
		json_array_append_new(vmas,
				      json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:o}", "start",
						start, "end", end, "permissions", vma->permissions,
						"name", report_string(vma->name), "policy",
						policy_json(vma->policy), "own_policy", own,
						"page_bytes", (json_int_t)vma->page_bytes, "nodes",
						nodes_json(process, vma->bytes_by_node, false)));
	}
	return vmas;
}

static json_t *process_json(const struct mpol_process *process, const struct policies *policies,
			    const struct show_options *options)
{
	json_t *document =
		json_pack("{s:i, s:o, s:o, s:I, s:o}", "pid", mpol_process_pid(process), "name",
			  report_string(mpol_process_name(process)), "policies",
			  policies_json(policies), "bytes", (json_int_t)total_bytes(process),
			  "nodes", nodes_json(process, NULL, true));

	if (options->threads)
		json_object_set_new(document, "threads", threads_json(process));
	if (options->vmas)
		json_object_set_new(document, "vmas", vmas_json(process));
	return document;
}

/* ---- The verb ------------------------------------------------------------------ */

static int parse_options(int argc, char **argv, struct show_options *ret_options)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "root", required_argument, NULL, 'r' },
		{ "threads", no_argument, NULL, 't' },
		{ "vmas", no_argument, NULL, 'v' },
		{ 0 },
	};
	struct show_options options = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 'j':
			options.json = true;
			break;
		case 'r':
			options.root = optarg;
			break;
		case 't':
			options.threads = true;
			break;
		case 'v':
			options.vmas = true;
			break;
		default:
			return VERB_USAGE;
		}
	}
	if (argc - optind != 1) {
		fprintf(stderr, "mpol show: takes one process id\n  mpol show --help\n");
		return VERB_USAGE;
	}
	options.pid = argv[optind];
	*ret_options = options;
	return VERB_OK;
}

int cmd_show(int argc, char **argv)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	_cleanup_(policies_free) struct policies policies = { 0 };
	struct show_options options;
	struct mpol_error error;
	unsigned int what;
	pid_t pid;
	int r = parse_options(argc, argv, &options);

	if (r != VERB_OK)
		return r;
	if (argument_pid(options.pid, &pid, &error) < 0) {
		report_error("show", options.json, &error);
		return VERB_USAGE;
	}
	what = MPOL_PROCESS_THREADS | (options.vmas ? MPOL_PROCESS_VMAS : 0);
	if (mpol_process_new(options.root, pid, what, &process, &error) < 0 ||
	    policies_count(process, 0, &policies, &error) < 0)
		return report_error("show", options.json, &error);
	if (pid != mpol_process_pid(process))
		fprintf(stderr, "mpol show: %d is a thread of process %d\n", pid,
			mpol_process_pid(process));
	if (options.json)
		return report_json(process_json(process, &policies, &options));
	return print_process(process, &policies, &options);
}
