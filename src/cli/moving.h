/* SPDX-License-Identifier: MIT */
/* --move: pages that are already placed go where a new policy would put them. */
#ifndef CLI_MOVING_H
#define CLI_MOVING_H

#include <stdint.h>

#include <mpol/mpol.h>

/*
 * Whether a policy says where pages are to be: it names nodes.  Errors, for one
 * that does not: -EINVAL.
 */
int moving_check(const struct mpol_policy *policy, struct mpol_error *error);

/*
 * Moves what is on other nodes than the policy's; start and end: addresses, both 0 for the
 * whole process.  Adds to *total.  Returns as mpol_process_move.
 */
int moving_follow(int pidfd, const struct mpol_policy *policy, const struct iovec *range,
		  struct mpol_move_result *total, struct mpol_error *error);

/* "; moved 4.00 MiB of 8.00 MiB" */
void moving_print(const struct mpol_move_result *total);
uint64_t moving_bytes(const struct mpol_move_result *total);

#endif
