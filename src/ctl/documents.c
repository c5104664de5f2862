/* SPDX-License-Identifier: MIT */
/*
 * The world as JSON: see documents.h.  Names carry their unit (_bytes, _ns, _pages), as in the
 * source; what is not known, or not there, is null.
 */
#include "documents.h"

#include <errno.h>
#include <string.h>

#include "error-json.h"
#include "error.h"

/* NULL: unsaid. */
static const char *const huge_names[] = {
	[CTL_HUGE_WHOLE] = "whole",
	[CTL_HUGE_SPLIT] = "split",
};

int ctl_parse_huge(const char *text, enum ctl_huge *ret)
{
	for (enum ctl_huge huge = CTL_HUGE_WHOLE; huge <= CTL_HUGE_SPLIT; huge++)
		if (strcmp(text, huge_names[huge]) == 0) {
			*ret = huge;
			return 0;
		}
	return -EINVAL;
}

/* jansson's integers are signed; no count of ours ever needs the last bit. */
static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_text(text) : json_null();
}

static json_t *node_json(const struct ctl_node *node)
{
	return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o}", "node", node->id, "tier",
			 node->tier < 0 ? json_null() : json_integer(node->tier), "capacity_bytes",
			 number(node->capacity_bytes), "free_bytes", number(node->free_bytes),
			 "reserve_bytes", number(node->reserve_bytes), "latency_ns",
			 node->latency_ns ? number(node->latency_ns) : json_null());
}

static json_t *nodes_json(const struct ctl_status *status)
{
	json_t *nodes = json_array();

	for (unsigned i = 0; i < status->nr_nodes; i++)
		json_array_append_new(nodes, node_json(&status->nodes[i]));
	return nodes;
}

static json_t *node_or_null(int node)
{
	return node < 0 ? json_null() : json_integer(node);
}

static json_t *flows_json(const struct ctl_moves *moves)
{
	json_t *flows = json_array();

	for (unsigned i = 0; i < moves->nr_flows; i++) {
		const struct ctl_flow *flow = &moves->flows[i];

		json_array_append_new(flows, json_pack("{s:o, s:o, s:s, s:o, s:o, s:o}", "from",
						       node_or_null(flow->from), "to",
						       node_or_null(flow->to), "reason",
						       flow->promotes ? "promote" : "demote",
						       "tried_pages", number(flow->tried_pages),
						       "moved_pages", number(flow->moved_pages),
						       "failed_pages", number(flow->failed_pages)));
	}
	return flows;
}

/* By the errno's name. */
static json_t *failed_json(const struct ctl_moves *moves)
{
	json_t *failed = json_object();

	for (int code = 1; code < CTL_MAX_ERRNOS; code++)
		if (moves->failed_pages[code])
			json_object_set_new(failed, error_name(-code),
					    number(moves->failed_pages[code]));
	return failed;
}

static json_t *moves_json(const struct ctl_moves *moves)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "tried_pages",
			 number(moves->tried_pages), "moved_pages", number(moves->moved_pages),
			 "failed_pages", failed_json(moves), "calls", number(moves->calls),
			 "longest_call_ns", number(moves->longest_call_ns), "all_calls_ns",
			 number(moves->all_calls_ns), "flows", flows_json(moves));
}

static json_t *scans_json(const struct ctl_status *status)
{
	json_t *scans = json_array();

	for (unsigned i = 0; i < status->nr_scans; i++)
		json_array_append_new(scans, number(status->scans_ns[i]));
	return scans;
}

static json_t *huge_json(const struct ctl_status *status)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "default",
			 text_or_null(huge_names[status->huge_pages]), "whole",
			 number(status->whole_huge_pages), "kept", number(status->kept_huge_pages),
			 "split", number(status->split_huge_pages));
}

json_t *ctl_status_json(const struct ctl_status *status)
{
	return json_pack(
		"{s:s, s:i, s:o, s:{s:s, s:s, s:s}, s:{s:s, s:s}, s:b, s:b, s:o, s:b, s:{s:o, "
		"s:o, s:o}, s:o,"
		" s:{s:o, s:o, s:o, s:o, s:o}, s:o, s:o, s:{s:o, s:o, s:o, s:o, s:o}, s:o, s:o}",
		"version", status->version, "pid", status->pid, "running_ns",
		number(status->running_ns), "tracker", "name", status->tracker, "summary",
		status->tracker_summary, "reason", status->tracker_reason, "rule", "name",
		status->rule, "summary", status->rule_summary, "paused", status->is_paused,
		"pressed", status->is_pressed, "pause_reason", text_or_null(status->pause_reason),
		"dry_run", status->is_dry_run, "config", "budget_ppm", number(status->budget_ppm),
		"bytes_per_s", number(status->bytes_per_s), "least_period_ns",
		number(status->least_period_ns), "nodes", nodes_json(status), "managed", "targets",
		number(status->nr_targets), "processes", number(status->nr_processes), "pages",
		number(status->pages), "seen_pages", number(status->seen_pages), "state_bytes",
		number(status->state_bytes), "rounds", number(status->rounds), "scans_ns",
		scans_json(status), "cpu", "looking_ns", number(status->looking_cpu_ns),
		"deciding_ns", number(status->deciding_cpu_ns), "moving_ns",
		number(status->moving_cpu_ns), "all_ns", number(status->all_cpu_ns), "targets_ns",
		number(status->targets_cpu_ns), "moves", moves_json(&status->moves), "huge_pages",
		huge_json(status));
}

static json_t *processes_json(const struct ctl_target *target)
{
	json_t *processes = json_array();

	for (size_t i = 0; i < target->nr_processes; i++) {
		const struct ctl_process *process = &target->processes[i];

		json_array_append_new(processes,
				      json_pack("{s:i, s:o, s:o, s:o, s:o, s:o}", "pid",
						process->pid, "pages", number(process->pages),
						"seen_pages", number(process->seen_pages),
						"state_bytes", number(process->state_bytes),
						"huge_pages", number(process->huge_pages),
						"tracker", text_or_null(process->tracker)));
	}
	return processes;
}

void ctl_put_target_name(json_t *object, pid_t pid, const struct mpol_selector *selector)
{
	if (pid)
		json_object_set_new(object, "pid", json_integer(pid));
	else if (selector->tree)
		json_object_set_new(object, "tree", json_integer(selector->tree));
	else if (selector->cgroup)
		json_object_set_new(object, "cgroup", json_text(selector->cgroup));
	else if (selector->unit)
		json_object_set_new(object, "unit", json_text(selector->unit));
	else if (selector->match)
		json_object_set_new(object, "match", json_text(selector->match));
}

json_t *ctl_target_json(const struct ctl_target *target)
{
	json_t *object = json_pack(
		"{s:o, s:o, s:o, s:o}", "id", number(target->id), "confined_to_uid",
		target->is_confined ? number(target->uid) : json_null(), "huge_pages",
		text_or_null(huge_names[target->huge_pages]), "processes", processes_json(target));

	ctl_put_target_name(object, target->pid, target->selector);
	return object;
}

static json_t *edges_json(const struct ctl_decision *decision)
{
	json_t *edges = json_array();

	for (unsigned i = 0; i < decision->nr_edges; i++) {
		const struct ctl_edges *edge = &decision->edges[i];

		json_array_append_new(edges, json_pack("{s:i, s:i, s:i, s:i}", "tier", edge->tier,
						       "promote_heat", (int)edge->promote_heat,
						       "demote_heat", (int)edge->demote_heat,
						       "caution", (int)edge->caution));
	}
	return edges;
}

json_t *ctl_decision_json(const struct ctl_decision *decision)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "round",
			 number(decision->round), "monotonic_ns", number(decision->when_ns), "time",
			 number(decision->when_s), "promote_pages", number(decision->promote_pages),
			 "demote_pages", number(decision->demote_pages), "moved_pages",
			 number(decision->moved_pages), "dry_run", decision->is_dry_run, "edges",
			 edges_json(decision));
}
