/* SPDX-License-Identifier: MIT */
/*
 * What has to be put right in a process: taking a recorded change back, and
 * finding policies that are not what they were set to.  Pure: from the record
 * and what is seen to what is to be done.
 */
#ifndef POLICY_CORRECTION_H
#define POLICY_CORRECTION_H

#include <mpol/mpol.h>

#include "nodemask.h"

/* A thread, or a range, as it is now. */
struct seen {
	const struct mpol_policy *shown; /* a range without its own: default */
	struct nodemask allowed;	 /* nodes, by the cpuset */
};

enum correction {
	CORRECTION_NONE,    /* it is as it should be */
	CORRECTION_WANTED,  /* it should be changed */
	CORRECTION_FOREIGN, /* somebody else has changed it since: not ours to correct */
};

/*
 * The policy that a change replaced for a thread; for one that it did not know
 * the one it replaced for most: such a thread was made since, by one of those,
 * and has inherited.  NULL if the change knew none.
 */
const struct mpol_policy *correction_replaced(const struct mpol_change *change, pid_t tid,
					      uint64_t start_ticks);

/* Taking a change back: replaced is what it replaced there. */
enum correction correction_undo(const struct mpol_policy *intended,
				const struct mpol_policy *replaced, const struct seen *seen);

/*
 * Whether what is shown is what the intended policy would be now.  FOREIGN: it
 * is not, but the cpuset allows none of its nodes, so it cannot be set again.
 */
enum correction correction_drift(const struct mpol_policy *intended, const struct seen *seen);

#endif
