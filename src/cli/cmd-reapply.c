/* SPDX-License-Identifier: MIT */
/* mpol reapply: sets policies again that are not what mpol set them to. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "arguments.h"
#include "corrections.h"
#include "error-json.h"
#include "error.h"
#include "journaling.h"
#include "report.h"
#include "targets.h"
#include "verbs.h"

struct reapply_options {
	struct targets targets;
	struct journaling journaling;
	bool all;
	bool check;
	bool dry_run;
	bool found; /* something is not as intended */
};

static void options_free(struct reapply_options *options)
{
	targets_free(&options->targets);
	journaling_free(&options->journaling);
}

/* ---- Recording --------------------------------------------------------------------- */

/* The records of the changes that are made again, one each. */
struct records {
	struct record {
		uint64_t change_id; /* that is made again */
		uint64_t id;	    /* of the record */
	} * items;
	size_t nr;
};

static void records_free(struct records *records)
{
	free(records->items);
}

static const struct mpol_change *find_change(const struct mpol_journal *journal, uint64_t id)
{
	size_t i = mpol_journal_nr_changes(journal);

	while (i-- > 0)
		if (mpol_journal_change(journal, i)->id == id)
			return mpol_journal_change(journal, i);
	return NULL;
}

static bool is_of(const struct mpol_correction *correction, uint64_t change_id)
{
	return correction->change_id == change_id && !correction->code;
}

/* What the corrections of one change replace; free(3) it.  NULL: no memory. */
static struct mpol_replaced *replaced_by(const struct mpol_plan *plan, uint64_t change_id,
					 size_t *ret_nr)
{
	struct mpol_replaced *replaced = calloc(mpol_plan_nr_corrections(plan), sizeof(*replaced));
	size_t nr = 0;

	for (size_t i = 0; replaced && i < mpol_plan_nr_corrections(plan); i++) {
		const struct mpol_correction *correction = mpol_plan_correction(plan, i);

		if (is_of(correction, change_id))
			replaced[nr++] = (struct mpol_replaced) {
				.tid = correction->tid,
				.start_ticks = correction->start_ticks,
				.start = correction->start,
				.end = correction->end,
				.policy = correction->shown,
			};
	}
	*ret_nr = nr;
	return replaced;
}

static int record_change(struct reapply_options *options, const struct mpol_process *process,
			 const struct mpol_plan *plan, struct record *record,
			 struct mpol_error *error)
{
	const struct mpol_change *change =
		find_change(options->journaling.journal, record->change_id);
	struct mpol_change again = journaling_change("reapply", process, change->intended);
	_cleanup_free_ struct mpol_replaced *replaced =
		replaced_by(plan, record->change_id, &again.nr_replaced);

	if (!replaced)
		return error_errno(error, -ENOMEM, "write journal");
	again.reapplies = change->id;
	again.tid = change->tid;
	again.replaced = replaced;
	return journaling_begin(&options->journaling, &again, &record->id, error);
}

static bool is_recorded(const struct records *records, uint64_t change_id)
{
	for (size_t i = 0; i < records->nr; i++)
		if (records->items[i].change_id == change_id)
			return true;
	return false;
}

/* Records everything that is about to be done.  Errors: of mpol_journal_begin. */
static int begin(struct reapply_options *options, const struct mpol_process *process,
		 const struct mpol_plan *plan, struct records *records, struct mpol_error *error)
{
	size_t nr = mpol_plan_nr_corrections(plan);

	records->items = calloc(nr, sizeof(*records->items));
	if (!records->items)
		return error_errno(error, -ENOMEM, "write journal");
	for (size_t i = 0; i < nr; i++) {
		const struct mpol_correction *correction = mpol_plan_correction(plan, i);
		struct record record = { .change_id = correction->change_id };
		int r;

		if (correction->code || is_recorded(records, record.change_id))
			continue;
		r = record_change(options, process, plan, &record, error);
		if (r < 0)
			return r;
		records->items[records->nr++] = record;
	}
	return 0;
}

static void end(struct reapply_options *options, const struct mpol_plan *plan,
		const struct records *records)
{
	for (size_t i = 0; i < records->nr; i++) {
		uint64_t nr_done = 0;

		for (size_t j = 0; j < mpol_plan_nr_corrections(plan); j++)
			nr_done +=
				is_of(mpol_plan_correction(plan, j), records->items[i].change_id);
		journaling_end(&options->journaling, "reapply", records->items[i].id, nr_done);
	}
}

static int carry_out(struct reapply_options *options, const struct mpol_process *process,
		     struct mpol_plan *plan, struct records *records, struct mpol_error *error)
{
	_cleanup_close_ int pidfd = argument_pidfd(process, error);
	int r = pidfd;

	if (r >= 0)
		r = begin(options, process, plan, records, error);
	if (r < 0)
		return r;
	mpol_plan_carry_out(plan, pidfd, error);
	end(options, plan, records);
	return 0;
}

/* ---- One process ------------------------------------------------------------------- */

static void print(const struct reapply_options *options, const struct mpol_process *process,
		  const struct mpol_plan *plan, const struct records *records)
{
	char name[64];

	printf("process %d (%s): ", mpol_process_pid(process),
	       report_printable(mpol_process_name(process), name, sizeof(name)));
	if (!mpol_plan_nr_corrections(plan)) {
		printf("everything is as it was set\n");
		return;
	}
	printf(options->dry_run ? "would be set again: " : "set again: ");
	corrections_print(plan);
	for (size_t i = 0; i < records->nr; i++)
		printf("%s%" PRIu64, i ? ", " : " (change ", records->items[i].id);
	printf(records->nr ? ")\n" : "\n");
	corrections_print_others(plan);
}

static json_t *document(const struct reapply_options *options, const struct mpol_process *process,
			const struct mpol_plan *plan, const struct records *records)
{
	json_t *changes = json_array();

	for (size_t i = 0; i < records->nr; i++)
		json_array_append_new(changes, json_integer((json_int_t)records->items[i].id));
	return json_pack("{s:i, s:o, s:b, s:o, s:o}", "pid", mpol_process_pid(process), "name",
			 json_text(mpol_process_name(process)), "dry_run", options->dry_run,
			 "corrections", corrections_json(plan), "changes", changes);
}

static int reapply_process(const struct target *target, json_t **ret_document,
			   struct mpol_error *error)
{
	struct reapply_options *options = target->user;
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	_cleanup_(mpol_plan_freep) struct mpol_plan *plan = NULL;
	_cleanup_(records_free) struct records records = { 0 };

	if (targets_process(target, MPOL_PROCESS_THREADS | MPOL_PROCESS_VMAS, &process, error) <
		    0 ||
	    mpol_plan_reapply(options->journaling.journal, process, &plan, error) < 0)
		return VERB_FAILED;
	options->found |= mpol_plan_nr_corrections(plan) > 0;
	if (!options->dry_run && mpol_plan_nr_corrections(plan) &&
	    carry_out(options, process, plan, &records, error) < 0)
		return VERB_FAILED;
	if (options->targets.json)
		*ret_document = document(options, process, plan, &records);
	else
		print(options, process, plan, &records);
	return corrections_count(plan) < mpol_plan_nr_corrections(plan) ? VERB_PARTIAL : VERB_OK;
}

static int parse_options(int argc, char **argv, struct reapply_options *options)
{
	static const struct option longs[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "check", no_argument, NULL, 'c' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "journal", required_argument, NULL, JOURNALING_FILE },
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
			options->check = options->dry_run = true;
			break;
		case 'n':
			options->dry_run = true;
			break;
		default:
			return VERB_USAGE;
		}
	}
	if ((optind < argc || targets_selected(&options->targets)) == options->all) {
		fprintf(stderr, "mpol reapply: takes processes, as in mpol reapply 4240, or --all\n"
				"  mpol reapply --help\n");
		return VERB_USAGE;
	}
	return VERB_OK;
}

int cmd_reapply(int argc, char **argv)
{
	_cleanup_(options_free) struct reapply_options options = {
		.targets = { .verb = "reapply", .once = true },
	};
	struct targets *targets = &options.targets;
	struct mpol_error error = { 0 };
	int r = parse_options(argc, argv, &options);

	if (r != VERB_OK)
		return r;
	if (targets_read(targets, argv + optind, argc - optind, &error) < 0) {
		report_error("reapply", targets->json, &error);
		return VERB_USAGE;
	}
	targets->user = &options;
	r = journaling_open(&options.journaling, !options.dry_run, &error);
	if (r >= 0 && options.all)
		r = journaling_processes(&options.journaling, 0, &targets->pids, &targets->nr_pids,
					 &error);
	if (r < 0)
		return report_error("reapply", targets->json, &error);
	r = targets_run(targets, reapply_process);
	return r == VERB_OK && options.check && options.found ? VERB_FAILED : r;
}
