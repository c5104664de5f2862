/* SPDX-License-Identifier: MIT */
/* The state of mpold, for people: see tier-report.h. */
#include "tier-report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "page.h"
#include "report.h"
#include "table.h"
#include "units.h"
#include "verbs.h"

/* ---- Values of documents ------------------------------------------------------------- */

static uint64_t number(const json_t *object, const char *key)
{
	const json_int_t value = json_integer_value(json_object_get(object, key));

	return value < 0 ? 0 : (uint64_t)value;
}

/* Printable; cut at size. */
static char *text(const json_t *object, const char *key, char *buffer, size_t size)
{
	const char *value = json_string_value(json_object_get(object, key));

	return report_printable(value ? value : "", buffer, size);
}

static void cell_number(struct table *table, const json_t *object, const char *key)
{
	if (!json_is_integer(json_object_get(object, key)))
		table_cell(table, "-");
	else
		table_cell(table, "%" PRIu64, number(object, key));
}

static int print_table(const struct table *table)
{
	return table_print(table, stdout) < 0 ? report_no_memory("tier") : VERB_OK;
}

/* ---- Status ---------------------------------------------------------------------------- */

static void print_duration(const char *before, const json_t *object, const char *key)
{
	char buffer[32];

	printf("%s%s", before, units_format_duration(number(object, key), buffer, sizeof(buffer)));
}

static void print_way(const char *what, const json_t *object, const char *detail)
{
	char name[64], words[1024];

	printf("%-9s%s: %s\n", what, text(object, "name", name, sizeof(name)),
	       text(object, detail, words, sizeof(words)));
}

static void print_managed(const json_t *managed)
{
	char all[32], seen[32], kept[32];

	printf("manages  %" PRIu64 " targets: %" PRIu64
	       " processes with %s, %s of it accessed in the "
	       "last round; %s are kept about it\n",
	       number(managed, "targets"), number(managed, "processes"),
	       units_format_bytes(number(managed, "pages") * PAGE_BYTES, all, sizeof(all)),
	       units_format_bytes(number(managed, "seen_pages") * PAGE_BYTES, seen, sizeof(seen)),
	       units_format_bytes(number(managed, "state_bytes"), kept, sizeof(kept)));
}

static void print_huge_pages(const json_t *huge)
{
	char how[16];

	printf("huge     %s unless a target says otherwise: %" PRIu64 " are whole, %" PRIu64
	       " were split",
	       text(huge, "default", how, sizeof(how)), number(huge, "whole"),
	       number(huge, "split"));
	if (number(huge, "kept"))
		printf("; %" PRIu64 " are given up, joined again or not to be split",
		       number(huge, "kept"));
	printf("\n");
}

static void print_pace(const json_t *status)
{
	const json_t *cpu = json_object_get(status, "cpu"), *scan;
	const json_t *scans = json_object_get(status, "scans_ns");
	char buffer[32];
	size_t i;

	printf("rounds   %" PRIu64, number(status, "rounds"));
	json_array_foreach(scans, i, scan) printf(
		"%s%s", i ? ", " : "; scans ",
		units_format_duration((uint64_t)json_integer_value(scan), buffer, sizeof(buffer)));
	printf("%s\n", json_array_size(scans) ? " after each clear" : "");
	print_duration("cpu      looking ", cpu, "looking_ns");
	print_duration(", deciding ", cpu, "deciding_ns");
	print_duration(", moving ", cpu, "moving_ns");
	print_duration("; in all ", cpu, "all_ns");
	print_duration("; looking cost targets about ", cpu, "targets_ns");
	printf("\n");
}

static int print_nodes(const json_t *nodes)
{
	_cleanup_(table_free) struct table table = { 0 };
	const json_t *node;
	size_t i;

	for (const char **title =
		     (const char *[]) { "NODE", "TIER", "CAPACITY", "FREE", "RESERVE", NULL };
	     *title; title++)
		table_column(&table, *title, TABLE_RIGHT);
	json_array_foreach(nodes, i, node)
	{
		cell_number(&table, node, "node");
		cell_number(&table, node, "tier");
		table_bytes(&table, number(node, "capacity_bytes"));
		table_bytes(&table, number(node, "free_bytes"));
		table_bytes(&table, number(node, "reserve_bytes"));
	}
	return print_table(&table);
}

static int print_flows(const json_t *flows)
{
	_cleanup_(table_free) struct table table = { 0 };
	const json_t *flow;
	char reason[16];
	size_t i;

	table_column(&table, "REASON", TABLE_LEFT);
	for (const char **title =
		     (const char *[]) { "FROM", "TO", "TRIED", "MOVED", "FAILED", NULL };
	     *title; title++)
		table_column(&table, *title, TABLE_RIGHT);
	json_array_foreach(flows, i, flow)
	{
		table_cell(&table, "%s", text(flow, "reason", reason, sizeof(reason)));
		cell_number(&table, flow, "from");
		cell_number(&table, flow, "to");
		table_bytes(&table, number(flow, "tried_pages") * PAGE_BYTES);
		table_bytes(&table, number(flow, "moved_pages") * PAGE_BYTES);
		table_bytes(&table, number(flow, "failed_pages") * PAGE_BYTES);
	}
	return print_table(&table);
}

static int print_moves(const json_t *moves)
{
	json_t *failed = json_object_get(moves, "failed_pages"), *pages;
	const json_t *flows = json_object_get(moves, "flows");
	const char *code, *before = "failed   pages ";
	char name[32];
	int status = VERB_OK;

	printf("moves    %" PRIu64 " of %" PRIu64 " pages, in %" PRIu64 " calls",
	       number(moves, "moved_pages"), number(moves, "tried_pages"), number(moves, "calls"));
	print_duration("; the longest took ", moves, "longest_call_ns");
	printf("\n");
	if (json_array_size(flows))
		status = print_flows(flows);
	json_object_foreach(failed, code, pages)
	{
		printf("%s%s: %" JSON_INTEGER_FORMAT, before,
		       report_printable(code, name, sizeof(name)), json_integer_value(pages));
		before = ", ";
	}
	if (json_object_size(failed))
		printf("\n");
	return status;
}

int tier_print_status(const json_t *status)
{
	char version[32], reason[256];
	int r;

	printf("mpold %s, process %" PRIu64, text(status, "version", version, sizeof(version)),
	       number(status, "pid"));
	print_duration(", has run for ", status, "running_ns");
	printf("%s\n", json_is_true(json_object_get(status, "dry_run")) ? "; moves nothing" : "");
	if (json_is_true(json_object_get(status, "paused"))) {
		text(status, "pause_reason", reason, sizeof(reason));
		printf("paused   %s\n", *reason ? reason : "nobody said why");
	}
	if (json_is_true(json_object_get(status, "pressed")))
		printf("pressed  memory is short: nothing is promoted\n");
	print_way("tracker", json_object_get(status, "tracker"), "reason");
	print_way("rule", json_object_get(status, "rule"), "summary");
	print_managed(json_object_get(status, "managed"));
	print_huge_pages(json_object_get(status, "huge_pages"));
	print_pace(status);
	r = print_moves(json_object_get(status, "moves"));
	return r == VERB_OK ? print_nodes(json_object_get(status, "nodes")) : r;
}

/* ---- Targets ----------------------------------------------------------------------------- */

char *tier_name_target(const json_t *target, char *buffer, size_t size)
{
	static const char *const names[] = { "cgroup", "unit", "match" };
	char value[256];

	if (json_object_get(target, "pid"))
		snprintf(buffer, size, "process %" PRIu64, number(target, "pid"));
	else if (json_object_get(target, "tree"))
		snprintf(buffer, size, "tree %" PRIu64, number(target, "tree"));
	else
		snprintf(buffer, size, "?");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (json_object_get(target, names[i]))
			snprintf(buffer, size, "%s %s", names[i],
				 text(target, names[i], value, sizeof(value)));
	return buffer;
}

static uint64_t sum(const json_t *processes, const char *key)
{
	const json_t *process;
	uint64_t all = 0;
	size_t i;

	json_array_foreach(processes, i, process) all += number(process, key);
	return all;
}

/* The names of all that follow the target's processes. */
static void cell_trackers(struct table *table, const json_t *processes)
{
	char names[64] = "", name[16];
	const json_t *process;
	size_t i;

	json_array_foreach(processes, i, process)
	{
		const size_t length = strlen(names);

		if (*text(process, "tracker", name, sizeof(name)) && !strstr(names, name))
			snprintf(names + length, sizeof(names) - length, "%s%s", length ? "," : "",
				 name);
	}
	table_cell(table, "%s", *names ? names : "-");
}

int tier_print_targets(const json_t *document)
{
	_cleanup_(table_free) struct table table = { 0 };
	const json_t *target;
	char name[320], how[16];
	size_t i;

	table_column(&table, "ID", TABLE_RIGHT);
	table_column(&table, "TARGET", TABLE_LEFT);
	table_column(&table, "USER", TABLE_RIGHT);
	table_column(&table, "PROCESSES", TABLE_RIGHT);
	table_column(&table, "MEMORY", TABLE_RIGHT);
	table_column(&table, "ACCESSED", TABLE_RIGHT);
	table_column(&table, "TRACKER", TABLE_LEFT);
	table_column(&table, "HUGE PAGES", TABLE_LEFT);
	json_array_foreach(json_object_get(document, "targets"), i, target)
	{
		const json_t *processes = json_object_get(target, "processes");

		cell_number(&table, target, "id");
		table_cell(&table, "%s", tier_name_target(target, name, sizeof(name)));
		cell_number(&table, target, "confined_to_uid");
		table_cell(&table, "%zu", json_array_size(processes));
		table_bytes(&table, sum(processes, "pages") * PAGE_BYTES);
		table_bytes(&table, sum(processes, "seen_pages") * PAGE_BYTES);
		cell_trackers(&table, processes);
		text(target, "huge_pages", how, sizeof(how));
		table_cell(&table, "%s", *how ? how : "-");
	}
	return print_table(&table);
}

/* ---- Decisions ----------------------------------------------------------------------------- */

static void cell_time(struct table *table, const json_t *decision)
{
	const time_t time_s = (time_t)number(decision, "time");
	char when[32] = "";
	struct tm local;

	if (localtime_r(&time_s, &local))
		strftime(when, sizeof(when), "%T", &local);
	table_cell(table, "%s", when);
}

/* Of all tiers, the fastest first. */
static void cell_edges(struct table *table, const json_t *decision)
{
	char words[256] = "";
	const json_t *edge;
	size_t i, length = 0;

	json_array_foreach(json_object_get(decision, "edges"), i, edge) if (length < sizeof(words))
		length += (size_t)snprintf(words + length, sizeof(words) - length,
					   "%s%" PRIu64 "/%" PRIu64 "+%" PRIu64, i ? " " : "",
					   number(edge, "promote_heat"),
					   number(edge, "demote_heat"), number(edge, "caution"));
	table_cell(table, "%s", words);
}

int tier_print_decisions(const json_t *document)
{
	_cleanup_(table_free) struct table table = { 0 };
	const json_t *decision;
	size_t i;

	table_column(&table, "ROUND", TABLE_RIGHT);
	table_column(&table, "TIME", TABLE_LEFT);
	table_column(&table, "PROMOTE", TABLE_RIGHT);
	table_column(&table, "DEMOTE", TABLE_RIGHT);
	table_column(&table, "MOVED", TABLE_RIGHT);
	table_column(&table, "UP/DOWN+CAUTION", TABLE_LEFT);
	json_array_foreach(json_object_get(document, "decisions"), i, decision)
	{
		cell_number(&table, decision, "round");
		cell_time(&table, decision);
		cell_number(&table, decision, "promote_pages");
		cell_number(&table, decision, "demote_pages");
		cell_number(&table, decision, "moved_pages");
		cell_edges(&table, decision);
	}
	return print_table(&table);
}
