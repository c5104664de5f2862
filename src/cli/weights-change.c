/* SPDX-License-Identifier: MIT */
/* Changes of the kernel's interleave weights: see weights-change.h. */
#include "weights-change.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "error.h"
#include "nodemask.h"
#include "policies.h"
#include "report.h"
#include "verbs.h"

/* One attempt to change them. */
struct attempt {
	const struct weights_change *change;
	struct mpol_kernel_weights before, wanted, after;
	uint64_t undoes; /* the id of the change that this takes back, or 0 */
	uint64_t id;	 /* of the record; 0: there is none */
};

/* ---- Weights as policies ----------------------------------------------------------- */

static const struct mpol_policy automatic_policy = { .mode = MPOL_MODE_DEFAULT };

static bool is_automatic_wanted(const struct attempt *attempt)
{
	return attempt->wanted.automatic == 1 && attempt->before.automatic >= 0;
}

/* The nodes whose weights are touched: all of the table where who derives them changes. */
static struct nodemask nodes_touched(const struct attempt *attempt)
{
	const struct mpol_kernel_weights *before = &attempt->before, *wanted = &attempt->wanted;
	const bool all = before->automatic >= 0 && before->automatic != (wanted->automatic == 1);
	struct nodemask nodes = { { 0 } };

	for (int node = 0; node < NODES_MAX; node++)
		if (before->weights[node] &&
		    (all ||
		     (wanted->weights[node] && wanted->weights[node] != before->weights[node])))
			nodemask_set(&nodes, node);
	return nodes;
}

/* Where the wanted one is 0 it stays as it is. */
static uint8_t weight_then(const struct attempt *attempt, int node)
{
	return attempt->wanted.weights[node] ? attempt->wanted.weights[node]
					     : attempt->before.weights[node];
}

/* The policy that stands for these nodes' weights, before or as wanted. */
static struct mpol_policy policy_of(const struct attempt *attempt, const struct nodemask *nodes,
				    bool as_wanted)
{
	struct mpol_policy policy = { .mode = MPOL_MODE_WEIGHTED_INTERLEAVE };
	int node;

	memcpy(policy.nodes, nodes->bits, sizeof(policy.nodes));
	nodemask_for_each (node, nodes)
		policy.weights[node] =
			as_wanted ? weight_then(attempt, node) : attempt->before.weights[node];
	return policy;
}

/* ---- What is said ------------------------------------------------------------------ */

static const char *automatic_words(int automatic)
{
	return automatic == 1 ? "derived by the kernel" : "set by hand";
}

static json_t *automatic_json(int automatic)
{
	return automatic < 0 ? json_null() : json_boolean(automatic);
}

static json_t *attempt_json(const struct attempt *attempt)
{
	const struct mpol_kernel_weights *before = &attempt->before, *after = &attempt->after;
	json_t *nodes = json_array();

	for (int node = 0; node < NODES_MAX; node++)
		if (before->weights[node] != after->weights[node])
			json_array_append_new(nodes, json_pack("{s:i, s:i, s:i}", "node", node,
							       "from", before->weights[node], "to",
							       after->weights[node]));
	return json_pack(
		"{s:b, s:o, s:o, s:o, s:o, s:o}", "dry_run", attempt->change->dry_run, "change",
		attempt->id ? json_integer((json_int_t)attempt->id) : json_null(), "undoes",
		attempt->undoes ? json_integer((json_int_t)attempt->undoes) : json_null(), "nodes",
		nodes, "was_automatic", automatic_json(before->automatic), "automatic",
		automatic_json(after->automatic));
}

static void print_attempt(const struct attempt *attempt)
{
	const struct mpol_kernel_weights *before = &attempt->before, *after = &attempt->after;
	const char *suffix = attempt->change->dry_run ? " (dry run)" : "";
	bool any = before->automatic != after->automatic;

	if (attempt->undoes)
		printf("change %" PRIu64 " of the kernel's weights %s taken back:\n",
		       attempt->undoes, attempt->change->dry_run ? "would be" : "is");
	if (any)
		printf("weights: %s -> %s%s\n", automatic_words(before->automatic),
		       automatic_words(after->automatic), suffix);
	for (int node = 0; node < NODES_MAX; node++) {
		if (before->weights[node] == after->weights[node])
			continue;
		printf("node %d: weight %d -> %d%s\n", node, before->weights[node],
		       after->weights[node], suffix);
		any = true;
	}
	if (!any)
		printf("nothing to change: the kernel's weights are these already\n");
}

/* Adds the document to documents, or prints it, or says it. */
static int say(const struct attempt *attempt, json_t *documents)
{
	if (documents)
		json_array_append_new(documents, attempt_json(attempt));
	else if (attempt->change->json)
		return report_json(attempt_json(attempt));
	else
		print_attempt(attempt);
	return VERB_OK;
}

/* ---- Doing it ----------------------------------------------------------------------- */

static bool is_same(const struct mpol_kernel_weights *a, const struct mpol_kernel_weights *b)
{
	return a->automatic == b->automatic && !memcmp(a->weights, b->weights, sizeof(a->weights));
}

/* What the kernel will have, as far as mpol can tell: what it will derive only the kernel knows. */
static void expect(struct attempt *attempt)
{
	attempt->after = attempt->before;
	if (attempt->before.automatic >= 0)
		attempt->after.automatic = attempt->wanted.automatic == 1;
	for (int node = 0; node < NODES_MAX && !is_automatic_wanted(attempt); node++)
		attempt->after.weights[node] = weight_then(attempt, node);
}

static int begin_record(struct attempt *attempt, const struct nodemask *nodes,
			struct mpol_error *error)
{
	const struct mpol_policy old = policy_of(attempt, nodes, false),
				 new = policy_of(attempt, nodes, true);
	const struct mpol_replaced replaced[] = {
		{ .policy = &old },
		{ .policy = &automatic_policy },
	};
	const struct mpol_change record = {
		.verb = attempt->change->verb,
		.undoes = attempt->undoes,
		.name = "kernel",
		.intended = is_automatic_wanted(attempt) ? &automatic_policy : &new,
		.replaced = replaced,
		.nr_replaced = attempt->before.automatic == 1 ? 2 : 1,
	};

	return journaling_begin(attempt->change->journaling, &record, &attempt->id, error);
}

/* Records, writes, and ends the record unless the table is neither as before nor as wanted. */
static int record_and_write(struct attempt *attempt, struct mpol_error *error)
{
	const struct weights_change *change = attempt->change;
	const struct nodemask nodes = nodes_touched(attempt);
	int r = begin_record(attempt, &nodes, error);

	if (r < 0)
		return r;
	r = mpol_kernel_weights_write(change->root, &attempt->wanted, error);
	if (mpol_kernel_weights_read(change->root, &attempt->after, NULL) < 0)
		return r;
	if (r >= 0)
		journaling_end(change->journaling, change->verb, attempt->id,
			       (uint64_t)nodemask_weight(&nodes));
	else if (is_same(&attempt->after, &attempt->before))
		journaling_end(change->journaling, change->verb, attempt->id, 0);
	return r;
}

/* Before it is recorded, so that what cannot be is not. */
static int check_nodes(const struct attempt *attempt, struct mpol_error *error)
{
	for (int node = 0; node < NODES_MAX; node++) {
		if (!attempt->wanted.weights[node] || attempt->before.weights[node])
			continue;
		error_set(error, -ENODEV, "set weights", "the kernel has no weight for it");
		error_on(error, "node %d", node);
		error_advise(error, "mpol weights show lists those that have one");
		return -ENODEV;
	}
	return 0;
}

/* Makes the attempt, but for a dry run or where there is nothing to do. */
static int carry_out(struct attempt *attempt, struct mpol_error *error)
{
	expect(attempt);
	if (attempt->change->dry_run ||
	    (is_same(&attempt->before, &attempt->after) && !attempt->undoes))
		return 0;
	return record_and_write(attempt, error);
}

int weights_set(const struct weights_change *change, const struct mpol_kernel_weights *wanted)
{
	struct attempt attempt = { .change = change, .wanted = *wanted };
	struct mpol_error error = { 0 };
	int r = mpol_kernel_weights_read(change->root, &attempt.before, &error);

	if (r >= 0)
		r = check_nodes(&attempt, &error);
	if (r >= 0)
		r = carry_out(&attempt, &error);
	return r < 0 ? report_error(change->verb, change->json, &error) : say(&attempt, NULL);
}

/* ---- Taking back -------------------------------------------------------------------- */

bool weights_are_changed_by(const struct mpol_change *change)
{
	return !change->pid;
}

/* What the change replaced.  A journal that others have written is bounded like any. */
static void replaced_by(const struct mpol_change *change, struct mpol_kernel_weights *ret)
{
	*ret = (struct mpol_kernel_weights) { 0 };
	for (size_t i = 0; i < change->nr_replaced; i++) {
		const struct mpol_policy *policy = change->replaced[i].policy;

		if (policy->mode == MPOL_MODE_DEFAULT)
			ret->automatic = 1;
		else
			memcpy(ret->weights, policy->weights, sizeof(ret->weights));
	}
}

/* Whether what is there is neither what the change set nor what it replaced. */
static bool is_foreign(const struct mpol_change *change, const struct attempt *attempt)
{
	const struct mpol_kernel_weights *now = &attempt->before, *replaced = &attempt->wanted;
	const bool by_kernel = change->intended->mode == MPOL_MODE_DEFAULT;

	if (now->automatic == 1 && (by_kernel || replaced->automatic == 1))
		return false;
	for (int node = 0; node < NODES_MAX; node++)
		if (replaced->weights[node] && now->weights[node] != replaced->weights[node] &&
		    (by_kernel || now->weights[node] != change->intended->weights[node]))
			return true;
	return false;
}

static int not_ours(const struct mpol_change *change, struct mpol_error *error)
{
	error_set(error, -ECANCELED, "take back", "somebody else has set a weight since");
	error_on(error, "change %" PRIu64 " of the kernel's weights", change->id);
	error_advise(error, "mpol undo --change %" PRIu64 " --force takes it back nevertheless",
		     change->id);
	return -ECANCELED;
}

static int undo_one(const struct weights_undo *undo, const struct mpol_change *change,
		    json_t *documents, struct mpol_error *error)
{
	struct attempt attempt = { .change = &undo->change, .undoes = change->id };
	int r = mpol_kernel_weights_read(undo->change.root, &attempt.before, error);

	if (r < 0)
		return r;
	replaced_by(change, &attempt.wanted);
	if (!undo->force && is_foreign(change, &attempt))
		return not_ours(change, error);
	r = carry_out(&attempt, error);
	if (r >= 0)
		say(&attempt, documents);
	return r;
}

static const struct mpol_change *choose(const struct weights_undo *undo)
{
	const struct mpol_journal *journal = undo->change.journaling->journal;

	for (size_t i = mpol_journal_nr_changes(journal); i-- > 0;) {
		const struct mpol_change *change = mpol_journal_change(journal, i);

		if (weights_are_changed_by(change) &&
		    (undo->change_id ? change->id == undo->change_id && !change->undoes
				     : journaling_stands(change)))
			return change;
	}
	return NULL;
}

static int nothing_left(struct mpol_error *error)
{
	error_set(error, -ENOENT, "look into the journal",
		  "it knows no change of the kernel's weights that could be taken back");
	error_advise(error, "mpol undo --list shows what can");
	return -ENOENT;
}

int weights_undo(const struct weights_undo *undo)
{
	const bool json = undo->change.json;
	json_t *documents = json ? json_array() : NULL;
	const struct mpol_change *change;
	struct mpol_error error = { 0 };
	int r = 0, nr = 0;

	while (r >= 0 && (change = choose(undo))) {
		r = undo_one(undo, change, documents, &error);
		nr++;
		if (!undo->all || undo->change.dry_run || undo->change_id)
			break;
	}
	if (!nr)
		r = nothing_left(&error);
	if (r < 0) {
		json_decref(documents);
		return report_error(undo->change.verb, json, &error);
	}
	return json ? report_json(json_pack("{s:o}", "weights", documents)) : VERB_OK;
}
