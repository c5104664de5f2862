/* SPDX-License-Identifier: MIT */
/* Moving pages for the verbs: see moving.h. */
#include "moving.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "page.h"
#include "units.h"

static const struct {
	const char *key; /* in JSON */
	const char *words;
} failures[MPOL_MOVE_FAILURES] = {
	[MPOL_MOVE_BUSY] = { "busy", "stayed: busy: in use by the kernel, or pinned" },
	[MPOL_MOVE_SHARED] = { "shared", "stayed: shared with other processes: mpol move --shared "
					 "moves them" },
	[MPOL_MOVE_NO_MEMORY] = { "no_memory", "stayed: no room on the destination" },
	[MPOL_MOVE_GONE] = { "gone", "went: freed meanwhile, or all zero, which needs no memory" },
	[MPOL_MOVE_UNMOVABLE] = { "unmovable", "stayed: of a kind that cannot move" },
	[MPOL_MOVE_OTHER] = { "other", "went elsewhere: moved by others meanwhile" },
};

/* ---- --move ------------------------------------------------------------------------ */

static bool interleaves(const struct mpol_policy *policy)
{
	return policy->mode == MPOL_MODE_INTERLEAVE ||
	       policy->mode == MPOL_MODE_WEIGHTED_INTERLEAVE;
}

int moving_check(const struct mpol_policy *policy, struct mpol_error *error)
{
	if ((policy->mode_flags & MPOL_FLAG_RELATIVE) && !interleaves(policy)) {
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

/* What is on other nodes than the policy's comes to them. */
static int gather(int pidfd, const struct mpol_policy *policy, const struct iovec *range,
		  struct mpol_move_result *ret, struct mpol_error *error)
{
	const struct mpol_move_options options = {
		.size = sizeof(options),
		.to = policy->nodes,
		.start = range ? (uint64_t)(uintptr_t)range->iov_base : 0,
		.end = range ? (uint64_t)(uintptr_t)range->iov_base + range->iov_len : 0,
	};

	return mpol_process_move(pidfd, &options, ret, error);
}

/* Each node gets its share; of stripes, which have policies of their own, each its pages. */
static int share_out(int pidfd, const struct mpol_policy *policy, const struct iovec *range,
		     struct mpol_move_result *ret, struct mpol_error *error)
{
	const struct mpol_rebalance_options options = {
		.size = sizeof(options),
		.policy = policy,
		.start = range ? (uint64_t)(uintptr_t)range->iov_base : 0,
		.end = range ? (uint64_t)(uintptr_t)range->iov_base + range->iov_len : 0,
	};
	struct mpol_rebalance_result result;
	int r = mpol_process_rebalance(pidfd, &options, &result, error);

	ret->examined_pages = result.examined_pages;
	ret->wanted_pages = result.least_pages;
	ret->moved_pages = result.moved_pages;
	memcpy(ret->failed_pages, result.failed_pages, sizeof(ret->failed_pages));
	return r;
}

int moving_follow(int pidfd, const struct mpol_policy *policy, const struct iovec *range,
		  struct mpol_move_result *total, struct mpol_error *error)
{
	struct mpol_move_result result = { 0 };
	int r = interleaves(policy) ? share_out(pidfd, policy, range, &result, error)
				    : gather(pidfd, policy, range, &result, error);

	total->examined_pages += result.examined_pages;
	total->wanted_pages += result.wanted_pages;
	total->moved_pages += result.moved_pages;
	for (int i = 0; i < MPOL_MOVE_FAILURES; i++)
		total->failed_pages[i] += result.failed_pages[i];
	return r;
}

bool moving_failed(const uint64_t *failed_pages)
{
	return failed_pages[MPOL_MOVE_BUSY] || failed_pages[MPOL_MOVE_NO_MEMORY] ||
	       failed_pages[MPOL_MOVE_OTHER];
}

bool moving_incomplete(const struct mpol_move_result *result)
{
	return moving_failed(result->failed_pages);
}

void moving_print(const struct mpol_move_result *total)
{
	char moved[32], wanted[32];

	printf("; moved %s of %s", moving_pages_words(total->moved_pages, moved, sizeof(moved)),
	       moving_pages_words(total->wanted_pages, wanted, sizeof(wanted)));
}

/* ---- Progress ---------------------------------------------------------------------- */

static double seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

void moving_begin_progress(struct moving_progress *progress)
{
	*progress = (struct moving_progress) { .is_shown = isatty(STDERR_FILENO) };
	clock_gettime(CLOCK_MONOTONIC, &progress->began);
}

void moving_show_progress(struct moving_progress *progress, uint64_t done_pages, uint64_t all_pages)
{
	char done[32], all[32];

	if (!progress->is_shown || seconds_since(&progress->began) < 1 ||
	    seconds_since(&progress->printed) < 0.2)
		return;
	clock_gettime(CLOCK_MONOTONIC, &progress->printed);
	progress->any = true;
	fprintf(stderr, "\r%s of %s, %.0f %% \033[K",
		moving_pages_words(done_pages, done, sizeof(done)),
		moving_pages_words(all_pages, all, sizeof(all)),
		all_pages ? 100.0 * (double)done_pages / (double)all_pages : 100);
}

void moving_end_progress(const struct moving_progress *progress)
{
	if (progress->any)
		fputs("\r\033[K", stderr);
}

/* ---- What became of it ------------------------------------------------------------- */

char *moving_pages_words(uint64_t pages, char *buffer, size_t size)
{
	return units_format_bytes(pages * PAGE_BYTES, buffer, size);
}

void moving_print_failures(const uint64_t *failed_pages)
{
	char size[32];

	for (int i = 0; i < MPOL_MOVE_FAILURES; i++)
		if (failed_pages[i])
			printf("  %s %s\n", moving_pages_words(failed_pages[i], size, sizeof(size)),
			       failures[i].words);
}

void moving_print_stayed(const struct mpol_move_result *total)
{
	if (moving_incomplete(total))
		moving_print_failures(total->failed_pages);
}

json_t *moving_failures_json(const uint64_t *failed_pages)
{
	json_t *failed = json_object();

	for (int i = 0; i < MPOL_MOVE_FAILURES; i++)
		json_object_set_new(failed, failures[i].key,
				    json_integer((json_int_t)(failed_pages[i] * PAGE_BYTES)));
	return failed;
}

void moving_add_json(json_t *document, const struct mpol_move_result *total)
{
	json_object_set_new(document, "moved_bytes",
			    json_integer((json_int_t)(total->moved_pages * PAGE_BYTES)));
	json_object_set_new(document, "stayed_bytes", moving_failures_json(total->failed_pages));
}
