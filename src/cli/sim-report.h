/* SPDX-License-Identifier: MIT */
/* What mpol sim prints of its outcomes: a table for people, JSON for programs. */
#ifndef CLI_SIM_REPORT_H
#define CLI_SIM_REPORT_H

#include "scenario.h"
#include "sim-options.h"

/* outcomes: [options->nr_peers].  Returns VERB_OK or VERB_FAILED. */
int sim_report_table(const struct sim_options *options, struct outcome *const *outcomes);
int sim_report_json(const struct sim_options *options, struct outcome *const *outcomes);

/* The policies that there are, a line each. */
int sim_report_peers(bool json);

/* The oracle's outcome, or NULL where it was not run. */
const struct outcome *sim_oracle(const struct sim_options *options,
				 struct outcome *const *outcomes);

#endif
