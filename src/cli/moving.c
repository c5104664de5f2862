/* SPDX-License-Identifier: MIT */
/* --move: see moving.h. */
#include "moving.h"

#include <errno.h>
#include <stdio.h>

#include "error.h"
#include "page.h"
#include "units.h"

int moving_check(const struct mpol_policy *policy, struct mpol_error *error)
{
	if (policy->mode_flags & MPOL_FLAG_RELATIVE) {
		error_set(error, -EINVAL, "read options",
			  "which nodes a policy with +relative means differs by cpuset");
		error_on(error, "--move");
		error_advise(error, "name the nodes themselves, or leave --move out and move "
				    "pages: mpol move PID --to NODES");
		return -EINVAL;
	}
	for (size_t i = 0; i < MPOL_NODE_WORDS; i++)
		if (policy->nodes[i])
			return 0;
	error_set(error, -EINVAL, "read options", "the policy names no node to move pages to");
	error_on(error, "--move");
	error_advise(error, "leave --move out, or move them: mpol move PID --to NODES");
	return -EINVAL;
}

int moving_follow(int pidfd, const struct mpol_policy *policy, const struct iovec *range,
		  struct mpol_move_result *total, struct mpol_error *error)
{
	const struct mpol_move_options options = {
		.size = sizeof(options),
		.to = policy->nodes,
		.start = range ? (uint64_t)(uintptr_t)range->iov_base : 0,
		.end = range ? (uint64_t)(uintptr_t)range->iov_base + range->iov_len : 0,
	};
	struct mpol_move_result result = { 0 };
	int r = mpol_process_move(pidfd, &options, &result, error);

	total->examined_pages += result.examined_pages;
	total->wanted_pages += result.wanted_pages;
	total->moved_pages += result.moved_pages;
	for (int i = 0; i < MPOL_MOVE_FAILURES; i++)
		total->failed_pages[i] += result.failed_pages[i];
	return r;
}

bool moving_incomplete(const struct mpol_move_result *result)
{
	return result->failed_pages[MPOL_MOVE_BUSY] || result->failed_pages[MPOL_MOVE_NO_MEMORY] ||
	       result->failed_pages[MPOL_MOVE_OTHER];
}

uint64_t moving_bytes(const struct mpol_move_result *total)
{
	return total->moved_pages * PAGE_BYTES;
}

void moving_print(const struct mpol_move_result *total)
{
	char moved[32], wanted[32];

	printf("; moved %s of %s", units_format_bytes(moving_bytes(total), moved, sizeof(moved)),
	       units_format_bytes(total->wanted_pages * PAGE_BYTES, wanted, sizeof(wanted)));
}
