/* SPDX-License-Identifier: MIT */
/*
 * Moving pages: what the verbs share that do.  And --move: pages that are already placed go
 * where a new policy would put them.
 */
#ifndef CLI_MOVING_H
#define CLI_MOVING_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <jansson.h>
#include <mpol/mpol.h>

/*
 * Whether a policy says where pages are to be: it names nodes, and not relative
 * to a cpuset unless it interleaves.  Errors, for one that does not: -EINVAL.
 */
int moving_check(const struct mpol_policy *policy, struct mpol_error *error);

/*
 * Moves what is on other nodes than the policy's, or, where it interleaves, as much as gives each
 * node its share.  range: addresses; NULL: the whole process, as far as such a policy is the
 * threads' business.  Adds to *total.  Returns as mpol_process_move and mpol_process_rebalance.
 */
int moving_follow(int pidfd, const struct mpol_policy *policy, const struct iovec *range,
		  struct mpol_move_result *total, struct mpol_error *error);

/*
 * Whether pages stayed that were to move and could have: not those shared with
 * others, those gone, nor those of a kind that never moves, of which every
 * process has some.
 */
bool moving_failed(const uint64_t *failed_pages);
bool moving_incomplete(const struct mpol_move_result *result);

/* "; moved 4.00 MiB of 8.00 MiB" */
void moving_print(const struct mpol_move_result *total);

/* Where it was incomplete, a line for each reason that pages stayed for. */
void moving_print_stayed(const struct mpol_move_result *total);

/* "moved_bytes" and "stayed_bytes" (moving_failures_json). */
void moving_add_json(json_t *document, const struct mpol_move_result *total);

/* Says how far it is, from the second second on, five times a second, if stderr is a terminal. */
struct moving_progress {
	struct timespec began, printed;
	bool is_shown; /* stderr is a terminal */
	bool any;
};

void moving_begin_progress(struct moving_progress *progress);
void moving_show_progress(struct moving_progress *progress, uint64_t done_pages,
			  uint64_t all_pages);
void moving_end_progress(const struct moving_progress *progress);

/* A line for each reason that pages stayed for; the same as {"busy": bytes, ...}. */
void moving_print_failures(const uint64_t *failed_pages);
json_t *moving_failures_json(const uint64_t *failed_pages);

/* So many pages as a size in words; returns buffer. */
char *moving_pages_words(uint64_t pages, char *buffer, size_t size);

#endif
