/* SPDX-License-Identifier: MIT */
/* --move: see moving.h. */
#include "moving.h"

#include <errno.h>
#include <stdint.h>

#include "error.h"

int moving_check(const struct mpol_policy *policy, struct mpol_error *error)
{
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
