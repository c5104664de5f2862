/* SPDX-License-Identifier: MIT */
/* When memory that was redistributed once is to be redistributed again.  Pure. */
#ifndef POLICY_DUE_H
#define POLICY_DUE_H

#include <stdint.h>

#include <mpol/mpol.h>

#include "nodemask.h"

/* What the places of pages follow from, and may change. */
struct due_scene {
	struct nodemask memory;		  /* nodes that have some */
	struct nodemask allowed;	  /* by the process's cpuset */
	const uint8_t *weights;		  /* [MPOL_NODES_MAX] the kernel's */
	const struct mpol_policy *policy; /* of the process's threads; NULL: not known */
	uint64_t change_id; /* of the newest change of its policies that is known; 0: none */
};

/* The scene in short: another one for another scene, but for a chance of one in 2^64. */
uint64_t due_fingerprint(const struct due_scene *scene);

/* What a process was like.  Zero-initialised it was never looked at. */
struct due {
	int is_known;
	uint64_t done; /* when it was redistributed last */
	uint64_t last; /* when it was looked at last */
};

enum due_verdict {
	DUE_NOT,  /* it is as it was then */
	DUE_SOON, /* it changes just now: what is seen may be half done */
	DUE_NOW,
};

/*
 * A look: due now is what differs from what it was at the last redistribution, and has not changed
 * since the last look; and what was never looked at.  The caller then redistributes, which counts
 * as done from here on.
 */
enum due_verdict due_look(struct due *due, uint64_t fingerprint);

#endif
