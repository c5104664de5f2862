/* SPDX-License-Identifier: MIT */
/*
 * mpol sim: the same workload on a described machine under one policy after
 * the other, and what became of it.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cleanup.h"
#include "report.h"
#include "scenario.h"
#include "sim-options.h"
#include "sim-plot.h"
#include "sim-report.h"
#include "verbs.h"

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* What is running, for the line that says how far it is. */
struct progress {
	const char *name;
	bool shown; /* to somebody who watches */
	unsigned last_percent;
};

static bool show_progress(void *context, unsigned done_permille)
{
	struct progress *progress = context;

	if (progress->shown && done_permille / 10 != progress->last_percent) {
		progress->last_percent = done_permille / 10;
		fprintf(stderr, "\r%-14s %3u %%", progress->name, progress->last_percent);
	}
	return !interrupted;
}

static void clear_progress(const struct progress *progress)
{
	if (progress->shown)
		fprintf(stderr, "\r%20s\r", "");
}

struct outcomes {
	struct outcome *of[SIM_MAX_PEERS];
};

static void outcomes_done(struct outcomes *outcomes)
{
	for (unsigned i = 0; i < SIM_MAX_PEERS; i++)
		outcome_free(outcomes->of[i]);
}

static int run_all(const struct sim_options *options, struct outcomes *outcomes)
{
	struct mpol_error error = { 0 };

	for (unsigned i = 0; i < options->nr_peers; i++) {
		struct progress progress = {
			.name = options->peers[i]->name,
			.shown = isatty(STDERR_FILENO),
			.last_percent = 101,
		};
		int r = scenario_run(&options->scenario, options->peers[i], show_progress,
				     &progress, &outcomes->of[i], &error);

		clear_progress(&progress);
		if (r < 0)
			return report_error("sim", options->json, &error);
	}
	return VERB_OK;
}

int cmd_sim(int argc, char **argv)
{
	_cleanup_(sim_options_done) struct sim_options options;
	_cleanup_(outcomes_done) struct outcomes outcomes = { 0 };
	int r = sim_options_read(argc, argv, &options);

	if (r != VERB_OK)
		return r;
	if (options.list)
		return sim_report_peers(options.json);
	signal(SIGINT, interrupt);
	r = run_all(&options, &outcomes);
	if (r != VERB_OK)
		return r;
	r = options.json ? sim_report_json(&options, outcomes.of)
			 : sim_report_table(&options, outcomes.of);
	if (r == VERB_OK && options.plot)
		r = sim_plot(&options, outcomes.of);
	return r;
}
