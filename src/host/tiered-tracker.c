/* SPDX-License-Identifier: MIT */
/* What sees a process's accesses: what is taken in general, or what its KVM guests make necessary;
 * see tiered.h. */
#include "tiered-internal.h"

#include <errno.h>

#include "process.h"

int tiered_use(struct tiered *tiered, const struct tracker_kind *general, struct mpol_error *err)
{
	const pid_t pid = tiered->process.pid;
	const struct tracker_kind *kind;
	struct tracker *tracker;
	int r = tracker_choose_for(general, tiered->root, pid, &kind, err);

	if (r == 0)
		r = kind->open(tiered->root, tiered->pid, &tracker, err);
	if (r < 0)
		return r;
	if (tiered->tracker)
		tiered->tracker->kind->close(tiered->tracker);
	tiered->tracker = tracker;
	tiered->general = general;
	return 0;
}

const struct tracker_kind *tiered_tracker(const struct tiered *tiered)
{
	return tiered->tracker->kind;
}

bool tiered_follows_guests(const struct tiered *tiered)
{
	return tiered->tracker->kind != tiered->general;
}

int tiered_renew_tracker(struct tiered *tiered)
{
	int runs, r;

	if (tiered->general->sees_guests)
		return 0;
	runs = process_runs_guests(tiered->root, tiered->process.pid);
	if (runs < 0 || runs == tiered_follows_guests(tiered))
		return 0;
	r = tiered_use(tiered, tiered->general, NULL);
	if (r == 0 || !runs) /* one that sees guests sees others, too */
		return 0;
	if (r == -EOPNOTSUPP)
		tiered->tracker->failure = "it runs KVM guests now, and no tracker that sees what "
					   "they access works here";
	return r;
}
