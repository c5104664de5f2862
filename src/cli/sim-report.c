/* SPDX-License-Identifier: MIT */
/* Outcomes as a table and as JSON: see sim-report.h. */
#include "sim-report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cleanup.h"
#include "error-json.h"
#include "measures.h"
#include "page.h"
#include "report.h"
#include "table.h"
#include "units.h"
#include "verbs.h"

#define MILLION 1000000

const struct outcome *sim_oracle(const struct sim_options *options, struct outcome *const *outcomes)
{
	for (unsigned i = 0; i < options->nr_peers; i++)
		if (strcmp(options->peers[i]->name, "oracle") == 0)
			return outcomes[i];
	return NULL;
}

/* ---- For people ------------------------------------------------------------- */

static void percent_cell(struct table *table, uint64_t ppm)
{
	table_cell(table, "%" PRIu64 ".%02" PRIu64 "%%", ppm / 10000, ppm / 100 % 100);
}

static void pages_cell(struct table *table, uint64_t pages)
{
	table_bytes(table, pages * PAGE_BYTES);
}

static void time_cell(struct table *table, uint64_t ns)
{
	char words[32];

	table_cell(table, "%s",
		   ns == UINT64_MAX ? "never" : units_format_duration(ns, words, sizeof(words)));
}

static void row(struct table *table, const struct sim_options *options,
		const struct outcome *outcome, const struct outcome *oracle)
{
	const struct measures measures = measures_of(outcome, options->machine, oracle);

	table_cell(table, "%s", outcome->peer->name);
	percent_cell(table, measures.tier_share_ppm[0]);
	table_cell(table, "%" PRIu64 ".%" PRIu64 " ns", measures.average_ps / 1000,
		   measures.average_ps / 100 % 10);
	table_cell(table, "%" PRIu64 ".%02" PRIu64, measures.accesses_per_s / MILLION,
		   measures.accesses_per_s % MILLION / 10000);
	pages_cell(table, measures.promoted_pages);
	pages_cell(table, measures.demoted_pages);
	pages_cell(table, measures.bounced_pages);
	percent_cell(table, measures.manager_ppm + measures.kswapd_ppm);
	percent_cell(table, measures.stalled_ppm);
	if (oracle) {
		percent_cell(table, measures.oracle_ppm);
		time_cell(table, measures.settled_ns);
		time_cell(table, measures.below_ns);
	}
}

int sim_report_table(const struct sim_options *options, struct outcome *const *outcomes)
{
	static const char *const titles[] = { "FAST",	 "ACCESS",  "MACC/S",  "PROMOTED",
					      "DEMOTED", "BOUNCED", "MANAGER", "STALLED" };
	static const char *const beside_oracle[] = { "OF ORACLE", "95% AFTER", "BELOW 95%" };
	const struct outcome *oracle = sim_oracle(options, outcomes);
	_cleanup_(table_free) struct table table = { 0 };

	table_column(&table, "POLICY", TABLE_LEFT);
	for (unsigned i = 0; i < sizeof(titles) / sizeof(*titles); i++)
		table_column(&table, titles[i], TABLE_RIGHT);
	for (unsigned i = 0; oracle && i < sizeof(beside_oracle) / sizeof(*beside_oracle); i++)
		table_column(&table, beside_oracle[i], TABLE_RIGHT);
	for (unsigned i = 0; i < options->nr_peers; i++)
		row(&table, options, outcomes[i], oracle);
	return table_print(&table, stdout) < 0 ? report_no_memory("sim") : VERB_OK;
}

/* ---- For programs ----------------------------------------------------------- */

static json_t *share(uint64_t ppm)
{
	return json_real((double)ppm / MILLION);
}

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *time_or_null(uint64_t ns)
{
	return ns == UINT64_MAX ? json_null() : integer(ns);
}

static json_t *node_json(const struct sim_options *options, const struct outcome *outcome, int node)
{
	return json_pack("{si si so so so}", "node", options->machine->nodes[node].id, "tier",
			 options->machine->nodes[node].tier, "reads",
			 integer(outcome->total.reads[node]), "writes",
			 integer(outcome->total.writes[node]), "pages",
			 integer(outcome->placed_pages[node]));
}

static json_t *point_json(const struct sim_options *options, const struct outcome *outcome,
			  size_t i)
{
	const struct tally *after = &outcome->line[i], *before = i ? after - 1 : NULL;
	const struct tally zero = { 0 };

	if (!before)
		before = &zero;
	return json_pack(
		"{so so so so so}", "time_ns", integer(outcome_interval_end_ns(outcome, i)),
		"fast_share", share(measures_fast_share(options->machine, before, after)),
		"promoted_pages",
		integer(after->moved_pages[MOVE_PROMOTION] - before->moved_pages[MOVE_PROMOTION]),
		"demoted_pages",
		integer(after->moved_pages[MOVE_DEMOTION] - before->moved_pages[MOVE_DEMOTION]),
		"balanced_pages",
		integer(after->moved_pages[MOVE_BALANCE] - before->moved_pages[MOVE_BALANCE]));
}

static json_t *moves_json(const struct tally *total)
{
	json_t *object = json_object();

	for (int i = 0; i < NR_MOVE_REASONS; i++)
		json_object_set_new(object, move_reason_names[i], integer(total->moved_pages[i]));
	return object;
}

static json_t *outcome_json(const struct sim_options *options, const struct outcome *outcome,
			    const struct outcome *oracle)
{
	const struct measures measures = measures_of(outcome, options->machine, oracle);
	const struct tally *total = &outcome->total;
	json_t *object, *nodes = json_array(), *line = json_array();

	for (int i = 0; i < options->machine->nr_nodes; i++)
		if (options->machine->nodes[i].capacity_bytes)
			json_array_append_new(nodes, node_json(options, outcome, i));
	for (size_t i = 0; i < outcome->nr_intervals; i++)
		json_array_append_new(line, point_json(options, outcome, i));
	object = json_pack(
		"{ss so so so so so so so so so so so so so so so so so so}", "policy",
		outcome->peer->name, "accesses", integer(measures.accesses), "fast_share",
		share(measures.tier_share_ppm[0]), "local_share", share(measures.local_share_ppm),
		"average_access_ps", integer(measures.average_ps), "accesses_per_s",
		integer(measures.accesses_per_s), "moved_pages", moves_json(total), "failed_pages",
		integer(total->failed_pages), "bounced_pages", integer(measures.bounced_pages),
		"faults", integer(total->faults), "hint_faults", integer(total->hint_faults),
		"swapped_out_pages", integer(total->swapped_out), "swapped_in_pages",
		integer(total->swapped_in), "manager_cpu_share", share(measures.manager_ppm),
		"kswapd_cpu_share", share(measures.kswapd_ppm), "stalled_share",
		share(measures.stalled_ppm), "ran_ns", integer(outcome->ran_ns), "nodes", nodes,
		"time_line", line);
	if (object && oracle) {
		json_object_set_new(object, "of_oracle", share(measures.oracle_ppm));
		json_object_set_new(object, "settled_ns", time_or_null(measures.settled_ns));
		json_object_set_new(object, "below_ns", time_or_null(measures.below_ns));
	}
	return object;
}

int sim_report_json(const struct sim_options *options, struct outcome *const *outcomes)
{
	const struct outcome *oracle = sim_oracle(options, outcomes);
	json_t *policies = json_array();

	for (unsigned i = 0; i < options->nr_peers; i++)
		json_array_append_new(policies, outcome_json(options, outcomes[i], oracle));
	return report_json(json_pack(
		"{so so so so so}", "machine", json_text(options->machine->name), "workload",
		json_text(options->workload_text), "seed", integer(options->scenario.config.seed),
		"interval_ns", integer(options->scenario.interval_ns), "policies", policies));
}

int sim_report_peers(bool json)
{
	json_t *list = json ? json_array() : NULL;

	for (const struct peer *const *peer = peers; *peer; peer++) {
		if (json)
			json_array_append_new(list, json_pack("{ss ss}", "name", (*peer)->name,
							      "summary", (*peer)->summary));
		else
			printf("%-12s %s\n", (*peer)->name, (*peer)->summary);
	}
	return json ? report_json(list) : VERB_OK;
}
