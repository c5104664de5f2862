/* SPDX-License-Identifier: MIT */
/*
 * Changing the kernel's interleave weights, and taking that back: with what is recorded in the
 * journal, and what is said.
 *
 * They belong to no process, so a change of them is one of process 0 in the journal, with policies
 * for what was set and replaced: "weighted:0=3,2=1", or "default" where the kernel derives them
 * itself.  So they are in the same order as all other changes, end with the boot as those do,
 * and undo, its list and its numbers are the same.
 */
#ifndef CLI_WEIGHTS_CHANGE_H
#define CLI_WEIGHTS_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include <mpol/mpol.h>

#include "journaling.h"

struct weights_change {
	const char *verb;	       /* begins messages */
	const char *root;	       /* whose /sys it is; NULL: this machine's */
	struct journaling *journaling; /* open */
	bool dry_run;
	bool json;
};

/* Sets the weights that are not 0, or lets the kernel derive them.  Returns a verb's status. */
int weights_set(const struct weights_change *change, const struct mpol_kernel_weights *wanted);

/* Whether it is the kernel's weights that the change changed, and no process. */
bool weights_are_changed_by(const struct mpol_change *change);

/*
 * Takes back the newest change of the weights that stands, or that of an id, or all that stand.
 * Where somebody else has set a weight since nothing is done, unless forced.  Returns a verb's
 * status.
 */
struct weights_undo {
	struct weights_change change;
	uint64_t change_id; /* 0: the newest */
	bool all;
	bool force;
};

int weights_undo(const struct weights_undo *undo);

#endif
