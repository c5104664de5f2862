/* SPDX-License-Identifier: MIT */
/* What has to be put right in a process: see correction.h. */
#include "correction.h"

#include <stdbool.h>

#include "policy.h"

/*
 * What a change of the cpuset leaves of a policy that could not be set now, or
 * not so: prefer and prefer-many keep their nodes (mpol_rebind_preferred), and
 * +static has all that are allowed where those are none of its own
 * (mpol_rebind_nodemask).
 */
static bool shows_rebound(const struct mpol_policy *policy, const struct seen *seen)
{
	struct nodemask nodes = policy_nodemask(policy);
	struct mpol_policy rebound = *policy;

	if (policy->mode_flags & MPOL_FLAG_RELATIVE)
		return false;
	if (policy->mode == MPOL_MODE_PREFERRED || policy->mode == MPOL_MODE_PREFERRED_MANY)
		return policy_shows_as(policy, seen->shown);
	nodes = nodemask_and(&nodes, &seen->allowed);
	policy_set_nodemask(&rebound, &seen->allowed);
	return (policy->mode_flags & MPOL_FLAG_STATIC) && nodemask_empty(&nodes) &&
	       policy_shows_as(&rebound, seen->shown);
}

/* Whether the kernel may show the policy so. */
static bool shows(const struct mpol_policy *policy, const struct seen *seen)
{
	struct mpol_policy effective;

	if (policy_effective(policy, &seen->allowed, &effective) &&
	    policy_shows_as(&effective, seen->shown))
		return true;
	return shows_rebound(policy, seen);
}

/* How many threads had the policy that entry had. */
static size_t count_like(const struct mpol_change *change, const struct mpol_replaced *entry)
{
	size_t count = 0;

	for (size_t i = 0; i < change->nr_replaced; i++)
		count += policy_equal(change->replaced[i].policy, entry->policy);
	return count;
}

const struct mpol_policy *correction_replaced(const struct mpol_change *change, pid_t tid,
					      uint64_t start_ticks)
{
	const struct mpol_replaced *most = NULL;
	size_t most_count = 0;

	for (size_t i = 0; i < change->nr_replaced; i++)
		if (change->replaced[i].tid == tid &&
		    change->replaced[i].start_ticks == start_ticks)
			return change->replaced[i].policy;
	for (size_t i = 0; i < change->nr_replaced; i++) {
		const struct mpol_replaced *entry = &change->replaced[i];
		size_t count;

		/* Equal policies are one object, as the journal reads them: seldom many kinds. */
		if (most && entry->policy == most->policy)
			continue;
		count = count_like(change, entry);
		if (count > most_count) {
			most = entry;
			most_count = count;
		}
	}
	return most ? most->policy : NULL;
}

enum correction correction_undo(const struct mpol_policy *intended,
				const struct mpol_policy *replaced, const struct seen *seen)
{
	if (shows(replaced, seen))
		return CORRECTION_NONE;
	return shows(intended, seen) ? CORRECTION_WANTED : CORRECTION_FOREIGN;
}

enum correction correction_drift(const struct mpol_policy *intended, const struct seen *seen)
{
	struct mpol_policy effective;

	if (shows(intended, seen))
		return CORRECTION_NONE;
	return policy_effective(intended, &seen->allowed, &effective) ? CORRECTION_WANTED
								      : CORRECTION_FOREIGN;
}
