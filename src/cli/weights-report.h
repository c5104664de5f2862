/* SPDX-License-Identifier: MIT */
/* Interleave weights for people and for programs: the kernel's, and those derived, with reasons. */
#ifndef CLI_WEIGHTS_REPORT_H
#define CLI_WEIGHTS_REPORT_H

#include <stdbool.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "cleanup.h"

DEFINE_CLEANUP(struct mpol_weights *, mpol_weights_free);

/* What is shown. */
struct weights_report {
	const struct mpol_topology *topology;
	const struct mpol_kernel_weights
		*kernel;			/* NULL: it has none, or it is not this machine's */
	const struct mpol_bandwidths *measured; /* what is used then; NULL: what is stated */
	const char *no_kernel;			/* why, for people */
	struct mpol_weights_wish wish;		/* initiator -1: all, and each */
};

/*
 * The kernel's weights beside those derived; or how they were derived.  Each node in a row.
 * Returns a verb's status: weights_report_json prints both as one document.
 */
int weights_report_show(const struct weights_report *report);
int weights_report_explain(const struct weights_report *report);
int weights_report_json(const struct weights_report *report);

#endif
