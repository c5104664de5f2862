/* SPDX-License-Identifier: MIT */
/* mpol_tracker_*: which pages a process writes. */
#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "error.h"
#include "soft-dirty.h"
#include "target.h"

struct mpol_tracker {
	struct target target; /* whose pidfd is not used after mpol_tracker_new */
	struct soft_dirty *soft_dirty;
};

DEFINE_CLEANUP(struct mpol_tracker *, mpol_tracker_free);

static int explain(const struct mpol_tracker *tracker, int r, struct mpol_error *error)
{
	target_error(error, r, "follow writes", &tracker->target.leader);
	if (r == -EOPNOTSUPP)
		error_advise(error, "this kernel keeps no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY)");
	return r;
}

int mpol_tracker_new(int pidfd, struct mpol_tracker **ret_tracker, struct mpol_error *error)
{
	_cleanup_(mpol_tracker_freep) struct mpol_tracker *tracker = calloc(1, sizeof(*tracker));
	int r;

	error_clear(error);
	if (!tracker)
		return error_errno(error, -ENOMEM, "follow writes");
	r = target_open(pidfd, &tracker->target, error);
	if (r < 0)
		return r;
	r = soft_dirty_open(tracker->target.root, tracker->target.leader.tid, &tracker->soft_dirty);
	/* Only now is it certain that the files are those of the pidfd's process. */
	if (r == 0)
		r = target_check_alive(&tracker->target, NULL);
	if (r < 0)
		return explain(tracker, r, error);
	*ret_tracker = steal_pointer(&tracker);
	return 0;
}

void mpol_tracker_free(struct mpol_tracker *tracker)
{
	if (!tracker)
		return;
	soft_dirty_close(tracker->soft_dirty);
	target_close(&tracker->target);
	free(tracker);
}

int mpol_tracker_sample(struct mpol_tracker *tracker,
			int (*run)(uint64_t start, uint64_t end, void *user), void *user,
			struct mpol_error *error)
{
	int r;

	error_clear(error);
	r = soft_dirty_sample(tracker->soft_dirty, run, user);
	return r < 0 ? explain(tracker, r, error) : r;
}
