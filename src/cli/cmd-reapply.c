/* SPDX-License-Identifier: MIT */
/* mpol reapply: sets policies again that are not what mpol set them to. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "arguments.h"
#include "corrections.h"
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

static void print(const struct reapply_options *options, const struct mpol_process *process,
		  const struct mpol_plan *plan)
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
	printf("\n");
	corrections_print_others(plan);
}

static json_t *document(const struct reapply_options *options, const struct mpol_process *process,
			const struct mpol_plan *plan)
{
	return json_pack("{s:i, s:o, s:b, s:o}", "pid", mpol_process_pid(process), "name",
			 report_string(mpol_process_name(process)), "dry_run", options->dry_run,
			 "corrections", corrections_json(plan));
}

static int reapply_process(const struct target *target, json_t **ret_document,
			   struct mpol_error *error)
{
	struct reapply_options *options = target->user;
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	_cleanup_(mpol_plan_freep) struct mpol_plan *plan = NULL;
	_cleanup_close_ int pidfd = -1;

	if (targets_process(target, MPOL_PROCESS_THREADS | MPOL_PROCESS_VMAS, &process, error) <
		    0 ||
	    mpol_plan_reapply(options->journaling.journal, process, &plan, error) < 0)
		return VERB_FAILED;
	options->found |= mpol_plan_nr_corrections(plan) > 0;
	if (!options->dry_run && mpol_plan_nr_corrections(plan)) {
		pidfd = argument_pidfd(process, error);
		if (pidfd < 0)
			return VERB_FAILED;
		mpol_plan_carry_out(plan, pidfd, error);
	}
	if (options->targets.json)
		*ret_document = document(options, process, plan);
	else
		print(options, process, plan);
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
	r = journaling_open(&options.journaling, false, &error);
	if (r >= 0 && options.all)
		r = journaling_processes(&options.journaling, 0, &targets->pids, &targets->nr_pids,
					 &error);
	if (r < 0)
		return report_error("reapply", targets->json, &error);
	r = targets_run(targets, reapply_process);
	return r == VERB_OK && options.check && options.found ? VERB_FAILED : r;
}
