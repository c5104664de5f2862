/* SPDX-License-Identifier: MIT */
/* Ranges in print: see show-vmas.h. */
#include "show-vmas.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error-json.h"
#include "journaling.h"
#include "policies.h"
#include "report.h"
#include "striping.h"
#include "units.h"

void show_bytes_cell(struct table *table, uint64_t bytes)
{
	char words[32];

	table_cell(table, "%s", bytes ? units_format_bytes(bytes, words, sizeof(words)) : "-");
}

json_t *show_nodes_json(const struct mpol_process *process, const uint64_t *bytes, bool all)
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

/* ---- Each range ------------------------------------------------------------------------ */

/* Of a range and those that follow it, nr in all. */
static uint64_t bytes_on(const struct mpol_process *process, size_t first, size_t nr, size_t node)
{
	uint64_t bytes = 0;

	for (size_t i = first; i < first + nr; i++)
		bytes += mpol_process_vma(process, i)->bytes_by_node[node];
	return bytes;
}

/* "rw-p", or "…" where pieces have several. */
static const char *permissions_of(const struct mpol_process *process, size_t first, size_t nr)
{
	const char *permissions = mpol_process_vma(process, first)->permissions;

	for (size_t i = first + 1; i < first + nr; i++)
		if (strcmp(mpol_process_vma(process, i)->permissions, permissions) != 0)
			return "...";
	return permissions;
}

/* One line; returns how many ranges it is about. */
static size_t print_vma(struct table *table, const struct mpol_process *process, size_t index)
{
	const struct mpol_striped *striped = striping_of(process, index);
	const struct mpol_vma *vma = mpol_process_vma(process, index);
	const size_t nr = striped ? striped->nr_vmas : 1;
	char name[256], policy[POLICY_TEXT_SIZE + 32];

	table_cell(table, "%" PRIx64 "-%" PRIx64, vma->start,
		   mpol_process_vma(process, index + nr - 1)->end);
	table_cell(table, "%s", permissions_of(process, index, nr));
	if (striped)
		table_cell(table, "%s", striping_text(striped, policy, sizeof(policy)));
	else
		table_cell(table, "%s%s", vma->has_policy ? policy_text(vma->policy, policy) : "-",
			   vma->has_policy < 0 ? "?" : "");
	show_bytes_cell(table, vma->page_bytes);
	for (size_t n = 0; n < mpol_process_nr_nodes(process); n++)
		show_bytes_cell(table, bytes_on(process, index, nr, n));
	table_cell(table, "%s", report_printable(vma->name, name, sizeof(name)));
	return nr;
}

int vmas_print(const struct mpol_process *process)
{
	_cleanup_(table_free) struct table table = { 0 };

	table_column(&table, "RANGE", TABLE_LEFT);
	table_column(&table, "PERM", TABLE_LEFT);
	table_column(&table, "OWN POLICY", TABLE_LEFT);
	table_column(&table, "PAGE", TABLE_RIGHT);
	for (size_t i = 0; i < mpol_process_nr_nodes(process); i++) {
		char title[16];

		snprintf(title, sizeof(title), "NODE %d", mpol_process_node(process, i));
		table_column(&table, title, TABLE_RIGHT);
	}
	table_column(&table, "NAME", TABLE_LEFT);
	for (size_t i = 0; i < mpol_process_nr_vmas(process);)
		i += print_vma(&table, process, i);
	putchar('\n');
	return table_print(&table, stdout);
}

json_t *vmas_json(const struct mpol_process *process)
{
	json_t *vmas = json_array();

	for (size_t i = 0; i < mpol_process_nr_vmas(process); i++) {
		const struct mpol_vma *vma = mpol_process_vma(process, i);
		json_t *own = vma->has_policy < 0 ? json_null() : json_boolean(vma->has_policy);

		json_array_append_new(
			vmas, json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:I, s:o}", "start",
					json_sprintf("0x%" PRIx64, vma->start), "end",
					json_sprintf("0x%" PRIx64, vma->end), "permissions",
					vma->permissions, "name", json_text(vma->name), "policy",
					policy_json(vma->policy), "own_policy", own, "page_bytes",
					(json_int_t)vma->page_bytes, "nodes",
					show_nodes_json(process, vma->bytes_by_node, false)));
	}
	return vmas;
}

/* ---- By what means --------------------------------------------------------------------- */

enum means {
	MEANS_OWN,     /* a policy of the kernel's for the range */
	MEANS_HOME,    /* the same, with a home node, which the kernel does not show */
	MEANS_STRIPES, /* ranges that prefer one node each */
	MEANS_THREADS, /* none: the threads' */
	MEANS_REST,    /* the threads', which is not what was wished, but mpol rebalance helps */
	MEANS_LATER,   /* the threads', without the home node that was wished */
};

struct explained {
	uint64_t start, end;
	enum means means;
	const struct mpol_policy *policy;
	uint64_t stripe_bytes;
	const char *name;
	size_t nr_vmas;
};

static bool is_homed(const struct mpol_change *change)
{
	return change->intended->mode_flags & MPOL_FLAG_HOME_NODE;
}

/*
 * The newest change that stands of the process as a whole, if it gave it what threads cannot have:
 * weights of its own, a home node; or NULL.
 */
static const struct mpol_change *wish(const struct mpol_process *process,
				      const struct mpol_journal *journal)
{
	const struct mpol_change *newest = NULL;

	for (size_t i = 0; journal && i < mpol_journal_nr_changes(journal); i++) {
		const struct mpol_change *change = mpol_journal_change(journal, i);

		if (change->pid == mpol_process_pid(process) &&
		    change->start_ticks == mpol_process_start_ticks(process) &&
		    journaling_stands(change) && change->nr_replaced && change->replaced[0].tid &&
		    !change->tid)
			newest = change;
	}
	if (newest && is_homed(newest))
		return newest;
	for (int node = 0; newest && node < MPOL_NODES_MAX; node++)
		if (newest->intended->weights[node])
			return newest;
	return NULL;
}

/* Whether the range is one that the change gave its home node, and has such a policy still. */
static bool has_home(const struct mpol_change *change, const struct mpol_vma *vma)
{
	if (vma->has_policy == 0 || vma->policy->mode != change->intended->mode)
		return false;
	for (size_t i = 0; i < change->nr_replaced; i++)
		if (!change->replaced[i].tid && change->replaced[i].start <= vma->start &&
		    vma->end <= change->replaced[i].end)
			return true;
	return false;
}

static enum means means_of(const struct mpol_vma *vma, const struct mpol_change *wished)
{
	if (wished && is_homed(wished) && has_home(wished, vma))
		return MEANS_HOME;
	if (vma->has_policy > 0)
		return MEANS_OWN;
	if (!wished)
		return MEANS_THREADS;
	return is_homed(wished) ? MEANS_LATER : MEANS_REST;
}

static struct explained explain(const struct mpol_process *process, size_t index,
				const struct mpol_change *wished)
{
	const struct mpol_striped *striped = striping_of(process, index);
	const struct mpol_vma *vma = mpol_process_vma(process, index);
	struct explained explained = {
		.start = vma->start,
		.end = striped ? striped->end : vma->end,
		.means = striped ? MEANS_STRIPES : means_of(vma, wished),
		.policy = striped ? striped->policy : vma->policy,
		.stripe_bytes = striped ? striped->stripe_bytes : 0,
		.name = vma->name,
		.nr_vmas = striped ? striped->nr_vmas : 1,
	};

	return explained;
}

static const char *means_text(const struct explained *explained, char *buffer, size_t size)
{
	char stripe[32];

	switch (explained->means) {
	case MEANS_OWN:
		return "its own policy, by the kernel";
	case MEANS_HOME:
		return "its own policy with the home node, by the kernel";
	case MEANS_STRIPES:
		snprintf(buffer, size, "stripes of %s: new pages as these weights say",
			 units_format_bytes(explained->stripe_bytes, stripe, sizeof(stripe)));
		return buffer;
	case MEANS_REST:
		return "the threads' policy; what else was wished, by mpol rebalance";
	case MEANS_LATER:
		return explained->policy->mode == MPOL_MODE_PREFERRED
			       ? "the threads' policy, which begins at the home node"
			       : "the threads' policy, without the home node";
	case MEANS_THREADS:
	default:
		return "the threads' policy, by the kernel";
	}
}

int vmas_explain(const struct mpol_process *process, const struct mpol_journal *journal)
{
	const struct mpol_change *wished = wish(process, journal);
	_cleanup_(table_free) struct table table = { 0 };
	char policy[POLICY_TEXT_SIZE];

	table_column(&table, "RANGE", TABLE_LEFT);
	table_column(&table, "SIZE", TABLE_RIGHT);
	table_column(&table, "POLICY", TABLE_LEFT);
	table_column(&table, "SERVED BY", TABLE_LEFT);
	table_column(&table, "NAME", TABLE_LEFT);
	for (size_t i = 0; i < mpol_process_nr_vmas(process);) {
		const struct explained explained = explain(process, i, wished);
		char means[96], name[256];

		table_cell(&table, "%" PRIx64 "-%" PRIx64, explained.start, explained.end);
		show_bytes_cell(&table, explained.end - explained.start);
		table_cell(&table, "%s", policy_text(explained.policy, policy));
		table_cell(&table, "%s", means_text(&explained, means, sizeof(means)));
		table_cell(&table, "%s", report_printable(explained.name, name, sizeof(name)));
		i += explained.nr_vmas;
	}
	putchar('\n');
	if (wished)
		printf("wished  %s\n", policy_text(wished->intended, policy));
	return table_print(&table, stdout);
}

json_t *vmas_explain_json(const struct mpol_process *process, const struct mpol_journal *journal)
{
	static const char *const names[] = {
		[MEANS_OWN] = "own",
		[MEANS_HOME] = "home",
		[MEANS_STRIPES] = "stripes",
		[MEANS_THREADS] = "threads",
		[MEANS_REST] = "threads, rebalance",
		[MEANS_LATER] = "threads",
	};
	const struct mpol_change *wished = wish(process, journal);
	json_t *array = json_array();

	for (size_t i = 0; i < mpol_process_nr_vmas(process);) {
		const struct explained explained = explain(process, i, wished);

		json_array_append_new(array,
				      json_pack("{s:o, s:o, s:o, s:s, s:I}", "start",
						json_sprintf("0x%" PRIx64, explained.start), "end",
						json_sprintf("0x%" PRIx64, explained.end), "policy",
						policy_json(explained.policy), "served_by",
						names[explained.means], "stripe_bytes",
						(json_int_t)explained.stripe_bytes));
		i += explained.nr_vmas;
	}
	return array;
}
