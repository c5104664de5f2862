/* SPDX-License-Identifier: MIT */
/* What mpol sim is asked to do: its command line, read and resolved. */
#ifndef CLI_SIM_OPTIONS_H
#define CLI_SIM_OPTIONS_H

#include <stdbool.h>

#include "machine.h"
#include "peer.h"
#include "scenario.h"
#include "workload.h"

#define SIM_MAX_PEERS 32

struct sim_options {
	struct machine *machine;
	struct workload *workload;
	const char *workload_text;
	const struct peer *peers[SIM_MAX_PEERS];
	unsigned nr_peers;
	struct mpol_policy *region_policies; /* those of which regions have an own one */
	const struct mpol_policy **by_region;
	struct scenario scenario; /* refers to all of the above */
	const char *plot;	  /* how the files of plots begin; NULL: none */
	bool json;
	bool list;
};

/*
 * Reads the command line, the machine and the workload.  Returns VERB_OK, VERB_USAGE or
 * VERB_FAILED; has said what is wrong.  *options is the caller's to free in any case.
 */
int sim_options_read(int argc, char **argv, struct sim_options *options);

void sim_options_done(struct sim_options *options);

#endif
