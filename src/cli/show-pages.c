/* SPDX-License-Identifier: MIT */
/* Runs of pages, for people and for programs: see show-pages.h. */
#include "show-pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error-json.h"
#include "error.h"
#include "nodemask.h"
#include "page.h"
#include "report.h"
#include "table.h"
#include "text.h"
#include "units.h"

/* Of the runs on one node. */
struct sum {
	uint64_t bytes;
	uint64_t huge_bytes; /* of those, in pieces larger than a base page */
	size_t nr_runs;
};

int page_runs_range(const char *text, uint64_t *ret_start, uint64_t *ret_end,
		    struct mpol_error *error)
{
	char start[24] = "", end[24] = "";
	uint64_t from, to;

	if (sscanf(text, "%23[^-]-%23s", start, end) == 2 &&
	    parse_u64(start + (!strncmp(start, "0x", 2) ? 2 : 0), 16, &from) == 0 &&
	    parse_u64(end + (!strncmp(end, "0x", 2) ? 2 : 0), 16, &to) == 0 && from < to) {
		*ret_start = from;
		*ret_end = to;
		return 0;
	}
	error_set(error, -EINVAL, "read range", "not a range of addresses");
	error_on(error, "--range %s", text);
	error_advise(error, "START-END, hexadecimal, as mpol show --vmas prints them");
	return -EINVAL;
}

static int keep(const struct mpol_page_run *run, void *user)
{
	struct page_runs *runs = user;

	/* Powers of two. */
	if (!(runs->nr & (runs->nr - 1)) || !runs->nr) {
		size_t room = runs->nr ? runs->nr * 2 : 1;
		struct mpol_page_run *more = reallocarray(runs->runs, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		runs->runs = more;
	}
	runs->runs[runs->nr++] = *run;
	return 0;
}

int page_runs_read(const struct mpol_process *process, uint64_t start, uint64_t end,
		   struct page_runs *ret, struct mpol_error *error)
{
	return mpol_process_pages(process, start, end, keep, ret, error);
}

void page_runs_free(struct page_runs *runs)
{
	free(runs->runs);
	*runs = (struct page_runs) { 0 };
}

/* Returns the nodes that have a sum; ret_sums has NODES_MAX of them. */
static struct nodemask sum_up(const struct page_runs *runs, struct sum *ret_sums)
{
	struct nodemask nodes = { { 0 } };

	for (size_t i = 0; i < runs->nr; i++) {
		const struct mpol_page_run *run = &runs->runs[i];
		struct sum *sum = &ret_sums[run->node];
		uint64_t bytes = run->end - run->start;

		if (!nodemask_test(&nodes, run->node))
			*sum = (struct sum) { 0 };
		nodemask_set(&nodes, run->node);
		sum->bytes += bytes;
		sum->huge_bytes += run->unit_bytes > PAGE_BYTES ? bytes : 0;
		sum->nr_runs++;
	}
	return nodes;
}

/* ---- For people ------------------------------------------------------------- */

static void bytes_cell(struct table *table, uint64_t bytes)
{
	char words[32];

	table_cell(table, "%s", bytes ? units_format_bytes(bytes, words, sizeof(words)) : "-");
}

static int print_runs(const struct page_runs *runs)
{
	_cleanup_(table_free) struct table table = { 0 };

	table_column(&table, "PAGES", TABLE_LEFT);
	table_column(&table, "NODE", TABLE_RIGHT);
	table_column(&table, "MEMORY", TABLE_RIGHT);
	table_column(&table, "PAGE", TABLE_RIGHT);
	table_column(&table, "NAME", TABLE_LEFT);
	for (size_t i = 0; i < runs->nr; i++) {
		const struct mpol_page_run *run = &runs->runs[i];
		char name[256];

		table_cell(&table, "%" PRIx64 "-%" PRIx64, run->start, run->end);
		table_cell(&table, "%d", run->node);
		bytes_cell(&table, run->end - run->start);
		bytes_cell(&table, run->unit_bytes);
		table_cell(&table, "%s", report_printable(run->vma->name, name, sizeof(name)));
	}
	putchar('\n');
	return table_print(&table, stdout);
}

static int print_sums(const struct page_runs *runs)
{
	_cleanup_(table_free) struct table table = { 0 };
	struct sum sums[NODES_MAX];
	struct nodemask nodes = sum_up(runs, sums);
	int node;

	table_column(&table, "NODE", TABLE_RIGHT);
	table_column(&table, "RUNS", TABLE_RIGHT);
	table_column(&table, "MEMORY", TABLE_RIGHT);
	table_column(&table, "IN HUGE PAGES", TABLE_RIGHT);
	nodemask_for_each (node, &nodes) {
		table_cell(&table, "%d", node);
		table_cell(&table, "%zu", sums[node].nr_runs);
		bytes_cell(&table, sums[node].bytes);
		bytes_cell(&table, sums[node].huge_bytes);
	}
	putchar('\n');
	return table_print(&table, stdout);
}

int page_runs_print(const struct page_runs *runs)
{
	int r = print_runs(runs);

	return r < 0 ? r : print_sums(runs);
}

/* ---- For programs ------------------------------------------------------------- */

json_t *page_runs_json(const struct page_runs *runs)
{
	json_t *array = json_array();

	for (size_t i = 0; i < runs->nr; i++) {
		const struct mpol_page_run *run = &runs->runs[i];
		char start[32], end[32];

		snprintf(start, sizeof(start), "0x%" PRIx64, run->start);
		snprintf(end, sizeof(end), "0x%" PRIx64, run->end);
		json_array_append_new(array, json_pack("{s:s, s:s, s:i, s:I, s:I, s:o}", "start",
						       start, "end", end, "node", run->node,
						       "bytes", (json_int_t)(run->end - run->start),
						       "page_bytes", (json_int_t)run->unit_bytes,
						       "name", json_text(run->vma->name)));
	}
	return array;
}

json_t *page_runs_sums_json(const struct page_runs *runs)
{
	struct sum sums[NODES_MAX];
	struct nodemask nodes = sum_up(runs, sums);
	json_t *array = json_array();
	int node;

	nodemask_for_each (node, &nodes)
		json_array_append_new(array, json_pack("{s:i, s:I, s:I, s:I}", "node", node, "runs",
						       (json_int_t)sums[node].nr_runs, "bytes",
						       (json_int_t)sums[node].bytes, "huge_bytes",
						       (json_int_t)sums[node].huge_bytes));
	return array;
}
