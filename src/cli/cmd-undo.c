/* SPDX-License-Identifier: MIT */
/* mpol undo: takes changes back that mpol made. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "arguments.h"
#include "corrections.h"
#include "error-json.h"
#include "error.h"
#include "journaling.h"
#include "policies.h"
#include "report.h"
#include "targets.h"
#include "text.h"
#include "verbs.h"
#include "weights-change.h"

struct undo_options {
	struct targets targets;
	struct journaling journaling;
	uint64_t change_id; /* 0: the last one */
	const char *root;   /* of weights */
	bool weights;	    /* the kernel's, not a process */
	bool all;
	bool list;
	bool force;
	bool dry_run;
};

static void options_free(struct undo_options *options)
{
	targets_free(&options->targets);
	journaling_free(&options->journaling);
}

/* ---- One change ------------------------------------------------------------------- */

static void print_change(const struct mpol_change *change)
{
	char policy[POLICY_TEXT_SIZE], when[32] = "";
	time_t time_s = (time_t)change->time_s;
	struct tm local;

	if (localtime_r(&time_s, &local))
		strftime(when, sizeof(when), "%F %T", &local);
	printf("change %" PRIu64 " (%s %s, %s)", change->id, change->verb,
	       policy_text(change->intended, policy), when);
}

static json_t *change_json(const struct mpol_change *change)
{
	return json_pack("{s:I, s:I, s:s, s:i, s:o, s:o, s:o, s:I, s:b}", "change",
			 (json_int_t)change->id, "time", (json_int_t)change->time_s, "verb",
			 change->verb, "pid", change->pid, "name", json_text(change->name),
			 "thread", change->tid ? json_integer(change->tid) : json_null(), "policy",
			 policy_json(change->intended), "changed", (json_int_t)change->nr_done,
			 "undone", change->is_undone);
}

/* Records what is there now, which the undo replaces.  Nothing refers to the record later on. */
static int record(struct undo_options *options, const struct mpol_change *change,
		  const struct mpol_process *process, uint64_t *ret_id, struct mpol_error *error)
{
	struct mpol_change undo = journaling_change("undo", process, change->intended);

	undo.undoes = change->id;
	undo.tid = change->tid;
	return journaling_begin(&options->journaling, &undo, ret_id, error);
}

static int carry_out(struct undo_options *options, const struct mpol_change *change,
		     const struct mpol_process *process, struct mpol_plan *plan,
		     struct mpol_error *error)
{
	_cleanup_close_ int pidfd = argument_pidfd(process, error);
	uint64_t id, nr_done;

	if (pidfd < 0 || record(options, change, process, &id, error) < 0)
		return VERB_FAILED;
	nr_done = mpol_plan_carry_out(plan, pidfd, error);
	/* An undo that has not ended counts for nothing: the change can be taken back later. */
	if (!nr_done && mpol_plan_nr_corrections(plan))
		return VERB_FAILED;
	journaling_end(&options->journaling, "undo", id, nr_done);
	return corrections_count(plan) < mpol_plan_nr_corrections(plan) ? VERB_PARTIAL : VERB_OK;
}

static void print_undone(const struct undo_options *options, const struct mpol_change *change,
			 const struct mpol_plan *plan)
{
	char name[64];

	printf("process %d (%s): ", change->pid,
	       report_printable(change->name, name, sizeof(name)));
	print_change(change);
	printf(options->dry_run ? " would be taken back: " : " is taken back: ");
	corrections_print(plan);
	printf("\n");
	corrections_print_others(plan);
	if (!options->force && corrections_count(plan) < mpol_plan_nr_corrections(plan))
		printf("  mpol undo --change %" PRIu64 " --force takes those back too\n",
		       change->id);
}

static int nothing_ours(const struct mpol_change *change, struct mpol_error *error)
{
	error_set(error, -ECANCELED, "take back", "somebody else has changed it all since");
	error_on(error, "change %" PRIu64 " of process %d (%s)", change->id, change->pid,
		 change->name);
	error_advise(error, "mpol undo --change %" PRIu64 " --force takes it back nevertheless",
		     change->id);
	return VERB_FAILED;
}

/* Takes one change back.  Adds to documents, if not NULL.  Returns as a target_fn. */
static int undo_change(struct undo_options *options, const struct mpol_change *journalled,
		       const struct target *target, json_t *documents, struct mpol_error *error)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	_cleanup_(mpol_plan_freep) struct mpol_plan *plan = NULL;
	/* The journal's own moves as soon as something is recorded. */
	struct mpol_change change = *journalled;
	json_t *document;
	int status = VERB_OK;

	if (targets_process(target, MPOL_PROCESS_THREADS | MPOL_PROCESS_VMAS, &process, error) <
		    0 ||
	    mpol_plan_undo(&change, process, options->force ? MPOL_PLAN_FORCE : 0, &plan, error) <
		    0)
		return VERB_FAILED;
	if (mpol_plan_nr_corrections(plan) && !corrections_count(plan))
		return nothing_ours(&change, error);
	if (!options->dry_run)
		status = carry_out(options, &change, process, plan, error);
	if (status == VERB_FAILED)
		return status;
	if (!documents) {
		print_undone(options, &change, plan);
		return status;
	}
	document = change_json(&change);
	json_object_set_new(document, "corrections", corrections_json(plan));
	json_array_append_new(documents, document);
	return status;
}

/* ---- One process ------------------------------------------------------------------ */

/* The newest change of the process that can be taken back, or the one that is named. */
static const struct mpol_change *choose(const struct undo_options *options,
					const struct mpol_process *process)
{
	const struct mpol_journal *journal = options->journaling.journal;

	for (size_t i = mpol_journal_nr_changes(journal); i-- > 0;) {
		const struct mpol_change *change = mpol_journal_change(journal, i);

		if (change->pid != mpol_process_pid(process) ||
		    change->start_ticks != mpol_process_start_ticks(process))
			continue;
		if (options->change_id ? change->id == options->change_id && !change->undoes
				       : journaling_stands(change))
			return change;
	}
	return NULL;
}

static int nothing_left(const struct mpol_process *process, struct mpol_error *error)
{
	error_set(error, -ENOENT, "look into the journal",
		  "it knows no change of it that could be taken back");
	error_on(error, "process %d (%s)", mpol_process_pid(process), mpol_process_name(process));
	error_advise(error, "mpol undo --list shows those that can");
	return VERB_FAILED;
}

static int undo_process(const struct target *target, json_t **ret_document,
			struct mpol_error *error)
{
	struct undo_options *options = target->user;
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	json_t *documents = options->targets.json ? json_array() : NULL;
	const struct mpol_change *change;
	int status = VERB_OK, worst = VERB_OK, nr = 0;

	if (targets_process(target, 0, &process, error) < 0)
		return VERB_FAILED;
	while (status != VERB_FAILED && (change = choose(options, process))) {
		status = undo_change(options, change, target, documents, error);
		worst = status == VERB_OK ? worst : status;
		nr++;
		if (!options->all || options->dry_run || options->change_id)
			break;
	}
	if (!nr)
		return nothing_left(process, error);
	if (documents)
		*ret_document = json_pack("{s:i, s:o, s:b, s:o}", "pid", mpol_process_pid(process),
					  "name", json_text(mpol_process_name(process)), "dry_run",
					  options->dry_run, "changes", documents);
	return worst == VERB_FAILED && nr > 1 ? VERB_PARTIAL : worst;
}

/* ---- The journal as a whole ------------------------------------------------------- */

static int list(const struct undo_options *options)
{
	const struct mpol_journal *journal = options->journaling.journal;
	json_t *array = json_array();

	for (size_t i = 0; i < mpol_journal_nr_changes(journal); i++) {
		const struct mpol_change *change = mpol_journal_change(journal, i);
		char name[64];

		if (!journaling_stands(change) || !journaling_lives(change))
			continue;
		if (options->targets.json) {
			json_array_append_new(array, change_json(change));
			continue;
		}
		if (weights_are_changed_by(change)) {
			printf("the kernel's weights: ");
			print_change(change);
			printf("\n");
			continue;
		}
		printf("process %d (%s): ", change->pid,
		       report_printable(change->name, name, sizeof(name)));
		print_change(change);
		printf("\n");
	}
	if (options->targets.json)
		return report_json(json_pack("{s:o}", "changes", array));
	json_decref(array);
	return VERB_OK;
}

/* Without a process named: those of the change, or all in the journal. */
static int choose_processes(struct undo_options *options, struct mpol_error *error)
{
	struct targets *targets = &options->targets;

	if (targets_selected(targets) || targets->nr_pids)
		return 0;
	return journaling_processes(&options->journaling, options->change_id, &targets->pids,
				    &targets->nr_pids, error);
}

/* Weights are of no process, and no process is below another root. */
static int check_weights_options(const struct undo_options *options, bool names_process)
{
	if (options->weights && (names_process || targets_selected(&options->targets))) {
		fprintf(stderr, "mpol undo: --weights are the kernel's: they are of no process\n");
		return VERB_USAGE;
	}
	if (options->root && !(options->weights && options->journaling.path)) {
		fprintf(stderr, "mpol undo: --root goes with --weights and --journal\n");
		return VERB_USAGE;
	}
	return VERB_OK;
}

static int parse_options(int argc, char **argv, struct undo_options *options,
			 const char **ret_change)
{
	static const struct option longs[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "change", required_argument, NULL, 'c' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "force", no_argument, NULL, 'f' },
		{ "journal", required_argument, NULL, JOURNALING_FILE },
		{ "list", no_argument, NULL, 'l' },
		{ "root", required_argument, NULL, 'r' },
		{ "weights", no_argument, NULL, 'w' },
		TARGETS_LONGS,
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (targets_option(&options->targets, option, optarg) ||
		    journaling_option(&options->journaling, option, optarg))
			continue;
		switch (option) {
		case 'a':
			options->all = true;
			break;
		case 'c':
			*ret_change = optarg;
			break;
		case 'n':
			options->dry_run = true;
			break;
		case 'f':
			options->force = true;
			break;
		case 'l':
			options->list = true;
			break;
		case 'r':
			options->root = optarg;
			break;
		case 'w':
			options->weights = true;
			break;
		default:
			return VERB_USAGE;
		}
	}
	if (optind == argc && !targets_selected(&options->targets) && !options->all &&
	    !*ret_change && !options->list && !options->weights) {
		fprintf(stderr,
			"mpol undo: takes a process, as in mpol undo 4240, --weights, --all, "
			"--change or --list\n  mpol undo --help\n");
		return VERB_USAGE;
	}
	return check_weights_options(options, optind < argc);
}

static int read_words(struct undo_options *options, char **words, size_t nr_words,
		      const char *change, struct mpol_error *error)
{
	int r = targets_read(&options->targets, words, nr_words, error);

	if (r < 0 || !change)
		return r;
	if (parse_u64(change, 10, &options->change_id) == 0 && options->change_id)
		return 0;
	error_set(error, -EINVAL, "read options", "not the number of a change");
	error_on(error, "--change %s", change);
	error_advise(error, "mpol undo --list shows them");
	return -EINVAL;
}

/* Whether it is weights that are to be taken back: asked for, or by the number of a change. */
static bool is_about_weights(const struct undo_options *options)
{
	const struct mpol_journal *journal = options->journaling.journal;

	for (size_t i = 0; options->change_id && i < mpol_journal_nr_changes(journal); i++) {
		const struct mpol_change *change = mpol_journal_change(journal, i);

		if (change->id == options->change_id)
			return weights_are_changed_by(change);
	}
	return options->weights;
}

static int undo_weights(struct undo_options *options)
{
	const struct weights_undo undo = {
		.change = {
			.verb = "undo",
			.root = options->root,
			.journaling = &options->journaling,
			.dry_run = options->dry_run,
			.json = options->targets.json,
		},
		.change_id = options->change_id,
		.all = options->all,
		.force = options->force,
	};

	return weights_undo(&undo);
}

int cmd_undo(int argc, char **argv)
{
	_cleanup_(options_free) struct undo_options options = {
		.targets = { .verb = "undo", .once = true },
	};
	struct mpol_error error = { 0 };
	const char *change = NULL;
	int r = parse_options(argc, argv, &options, &change);

	if (r != VERB_OK)
		return r;
	if (read_words(&options, argv + optind, argc - optind, change, &error) < 0) {
		report_error("undo", options.targets.json, &error);
		return VERB_USAGE;
	}
	options.targets.user = &options;
	r = journaling_open(&options.journaling, !options.list && !options.dry_run, &error);
	if (r >= 0 && options.list)
		return list(&options);
	if (r >= 0 && is_about_weights(&options))
		return undo_weights(&options);
	if (r >= 0)
		r = choose_processes(&options, &error);
	if (r < 0)
		return report_error("undo", options.targets.json, &error);
	return targets_run(&options.targets, undo_process);
}
