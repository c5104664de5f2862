/* SPDX-License-Identifier: MIT */
/*
 * Giving ranges of another process a policy: one of its threads makes the
 * mbind(2) calls, as many as fit into each short stop (host/remote.h).  Shared
 * memory needs no stop (shared.h).
 *
 * A home node takes a second stop: it must not be given to a range that has
 * kept its old policy because mbind(2) failed.
 */
#include <errno.h>
#include <sys/syscall.h>

#include "any-thread.h"
#include "args.h"
#include "cleanup.h"
#include "error.h"
#include "pace.h"
#include "shared.h"
#include "stripes-internal.h"

DEFINE_CLEANUP(struct mpol_process *, mpol_process_free);

struct ranges {
	const struct target *target;
	const struct mpol_args *args;
	struct any_thread any;
	const struct iovec *iov; /* all of them, */
	int32_t *codes;		 /* and what became of each, or NULL */
	int first;		 /* the kernel's first refusal, 0: none */
	size_t limit;		 /* most calls of the next stop */
};

static struct remote_call mbind_call(const struct mpol_args *args, const struct iovec *range)
{
	return (struct remote_call) {
		.number = SYS_mbind,
		.args = { (unsigned long)range->iov_base, range->iov_len,
			  (unsigned long)args_kernel_mode(args), 0, args_kernel_maxnode(args), 0 },
		.argument_mask = 1U << 3,
	};
}

static struct remote_call home_call(const struct mpol_args *args, const struct iovec *range)
{
	return (struct remote_call) {
		.number = SYS_set_mempolicy_home_node,
		.args = { (unsigned long)range->iov_base, range->iov_len,
			  (unsigned long)args->home_node, 0 },
	};
}

/* Keeps every result, and explains the first refusal. */
static void judge(struct ranges *ranges, const struct iovec *range, const char *step, int result)
{
	const struct process_thread *leader = &ranges->target->leader;

	if (ranges->codes)
		ranges->codes[range - ranges->iov] = result < 0 ? result : 0;
	if (result >= 0 || ranges->first)
		return;
	ranges->first = result;
	args_explain_range(ranges->args, result, step, range, &leader->mems_allowed);
	error_on(ranges->args->error, "range %p + %zu of process %d (%s)", range->iov_base,
		 range->iov_len, leader->tid, leader->name);
}

/* Of the calls that the batch made, those that gave a range its policy get it a home node too. */
static int set_homes(struct ranges *ranges, const struct iovec *iov,
		     const struct remote_batch *mbinds)
{
	struct remote_call calls[REMOTE_MAX_CALLS];
	const struct iovec *given[REMOTE_MAX_CALLS];
	struct remote_batch batch = { .calls = calls };
	int r;

	for (size_t i = 0; i < mbinds->nr_calls; i++) {
		if (mbinds->calls[i].result < 0)
			continue;
		given[batch.nr_calls] = &iov[i];
		calls[batch.nr_calls++] = home_call(ranges->args, &iov[i]);
	}
	if (!batch.nr_calls)
		return 0;
	r = any_thread_run(&ranges->any, &batch, ranges->args->error);
	for (size_t i = 0; r == 0 && i < batch.nr_calls; i++)
		judge(ranges, given[i], "set_mempolicy_home_node", (int)calls[i].result);
	return r;
}

/* Gives the first ranges their policy, at most as many as a stop takes: nr of them. */
static int set_some(struct ranges *ranges, const struct iovec *iov, size_t nr)
{
	struct remote_call calls[REMOTE_MAX_CALLS];
	struct remote_batch batch = {
		.calls = calls,
		.nr_calls = nr,
		.arguments = ranges->args->policy_nodemask,
		.arguments_bytes = sizeof(struct nodemask),
	};
	int r;

	for (size_t i = 0; i < nr; i++)
		calls[i] = mbind_call(ranges->args, &iov[i]);
	r = any_thread_run(&ranges->any, &batch, ranges->args->error);
	if (r < 0)
		return r;
	ranges->limit = pace_next(nr, batch.away_ns);
	for (size_t i = 0; i < nr; i++)
		judge(ranges, &iov[i], "mbind", (int)calls[i].result);
	return ranges->args->mode_flags & MPOL_FLAG_HOME_NODE ? set_homes(ranges, iov, &batch) : 0;
}

/* A run of ranges, in as many stops as it takes. */
static int set_run(struct ranges *ranges, const struct iovec *iov, size_t nr)
{
	int r = 0;

	if (!ranges->any.remote)
		r = any_thread_open(ranges->target, 0, &ranges->any, ranges->args->error);
	for (size_t done = 0, some; r == 0 && done < nr; done += some) {
		some = nr - done < ranges->limit ? nr - done : ranges->limit;
		r = set_some(ranges, iov + done, some);
	}
	return r;
}

/* Shared memory without the target's help, the runs of other ranges by one of its threads. */
static int set_remote(struct ranges *ranges, const struct iovec *iov, size_t nr)
{
	_cleanup_(shared_close) struct shared shared;
	size_t run = 0; /* where the ranges begin that are to be done remotely */
	int r = 0, result = 0;

	shared_open(ranges->target, &shared);
	for (size_t i = 0; r == 0 && i < nr; i++) {
		if (!shared_set(&shared, ranges->args, &iov[i], &result))
			continue;
		judge(ranges, &iov[i], "mbind", result);
		if (run < i)
			r = set_run(ranges, iov + run, i - run);
		run = i + 1;
	}
	if (r == 0 && run < nr)
		r = set_run(ranges, iov + run, nr - run);
	any_thread_close(&ranges->any);
	return r < 0 ? r : ranges->first;
}

static int set_own(const struct mpol_args *args, const struct iovec *iov, size_t nr, int32_t *codes)
{
	struct mpol_args again = *args;
	int first = 0;

	for (size_t i = 0; i < nr; i++) {
		int r = mpol_set_vma_mempolicy(iov[i].iov_base, iov[i].iov_len, &again,
					       sizeof(again));

		if (codes)
			codes[i] = r;
		if (r == 0 || first)
			continue;
		first = r;
		again.error = NULL;
	}
	return first;
}

/*
 * Weights that the kernel does not have: stripes.  1: they are not needed, as the cpuset leaves
 * only one node.
 */
static int set_weights(const struct target *target, struct mpol_args *args, const struct iovec *iov,
		       size_t nr, int32_t *codes)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	_cleanup_(mpol_stripes_freep) struct mpol_stripes *stripes = NULL;
	struct mpol_stripes_result result;
	struct mpol_policy policy;
	int r = args_own_weights(args, &policy), first = 0;

	if (r == 0)
		r = mpol_process_new(NULL, target->leader.tid, MPOL_PROCESS_VMAS, &process,
				     args->error);
	if (r == 0)
		r = mpol_stripes_new(process, &policy, iov, nr, &stripes, args->error);
	args_without_weights(args);
	if (r < 0 || !stripes)
		return r < 0 ? r : 1;
	r = stripes_carry_out(stripes, target, &result, args->error);
	for (size_t i = 0; i < nr; i++) {
		const int code = stripes_code_at(stripes, (uintptr_t)iov[i].iov_base);

		if (codes)
			codes[i] = iov[i].iov_len ? code : 0;
		if (iov[i].iov_len && code && !first)
			first = code;
	}
	if (r < 0 || !first)
		return r;
	return args_explain_range(args, first, "mbind", iov, NULL);
}

int mpol_process_apply_ranges(int pidfd, const struct iovec *ranges, size_t nr_ranges,
			      const struct mpol_args *user, size_t size, int32_t *ret_codes)
{
	_cleanup_(target_close) struct target target = { .root = -1 };
	struct ranges request = {
		.target = &target,
		.iov = ranges,
		.codes = ret_codes,
		.limit = PACE_FIRST,
	};
	struct nodemask nodes;
	struct mpol_args args;
	int own, r;

	for (size_t i = 0; ret_codes && i < nr_ranges; i++)
		ret_codes[i] = -ECANCELED;
	own = args_read_wish(user, size, true, &args, &nodes);
	if (own < 0)
		return own;
	r = target_open(pidfd, &target, args.error);
	if (r < 0 || !nr_ranges)
		return r;
	if (own) {
		r = set_weights(&target, &args, ranges, nr_ranges, ret_codes);
		if (r <= 0)
			return r;
	}
	if (target_is_own_process(&target))
		return set_own(&args, ranges, nr_ranges, ret_codes);
	request.args = &args;
	return set_remote(&request, ranges, nr_ranges);
}

int mpol_process_set_vma_mempolicy(int pidfd, const struct iovec *ranges, size_t nr_ranges,
				   const struct mpol_args *args, size_t size)
{
	return mpol_process_apply_ranges(pidfd, ranges, nr_ranges, args, size, NULL);
}
