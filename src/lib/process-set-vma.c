/* SPDX-License-Identifier: MIT */
/*
 * Giving ranges of another process a policy: one of its threads makes the
 * mbind(2) calls, as many as fit into each short stop (host/remote.h).
 *
 * Ranges belong to the whole process, so any thread will do.  A sleeping one
 * misses nothing; the next is tried where one cannot be stopped.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "args.h"
#include "cleanup.h"
#include "error.h"
#include "remote.h"
#include "target.h"

struct ranges {
	const struct target *target;
	const struct mpol_args *args;
	size_t calls_per_range;
	size_t mask_bytes;
	pid_t *tids; /* threads that may be able, sleeping ones first */
	size_t nr_tids;
	struct remote *remote;
};

static void ranges_free(struct ranges *ranges)
{
	remote_close(ranges->remote);
	free(ranges->tids);
}

/* Threads that run user code, sleeping ones first. */
static int find_threads(struct ranges *ranges)
{
	const struct target *target = ranges->target;
	_cleanup_free_ pid_t *tids = NULL, *others = NULL;
	size_t nr = 0, nr_others = 0;
	int r;

	r = process_list_threads(target->root, target->leader.tid, &tids, &nr);
	if (r < 0)
		return r;
	ranges->tids = calloc(nr, sizeof(*ranges->tids));
	others = calloc(nr, sizeof(*others));
	if (!ranges->tids || !others)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++) {
		struct process_thread thread;

		if (process_read_thread(target->root, target->leader.tid, tids[i], &thread) < 0 ||
		    !process_thread_is_user(&thread) || process_thread_has_ended(&thread))
			continue;
		if (thread.state == 'S')
			ranges->tids[ranges->nr_tids++] = tids[i];
		else
			others[nr_others++] = tids[i];
	}
	for (size_t i = 0; i < nr_others; i++)
		ranges->tids[ranges->nr_tids++] = others[i];
	return ranges->nr_tids ? 0 : -ESRCH;
}

/* Runs the batch on the first thread that can; those that cannot are not asked again. */
static int run_on_any(struct ranges *ranges, struct remote_batch *batch)
{
	struct mpol_error *err = ranges->args->error;
	int r = -ESRCH;

	while (ranges->nr_tids) {
		r = remote_run(ranges->remote, ranges->tids[0], batch, err);
		if (r != -ESRCH && r != -EBUSY && r != -ETIMEDOUT && r != -EOPNOTSUPP)
			return r;
		ranges->nr_tids--;
		for (size_t i = 0; i < ranges->nr_tids; i++)
			ranges->tids[i] = ranges->tids[i + 1];
	}
	return r;
}

static struct remote_call mbind_call(const struct ranges *ranges, const struct iovec *range)
{
	const struct mpol_args *args = ranges->args;

	return (struct remote_call) {
		.number = SYS_mbind,
		.args = { (unsigned long)range->iov_base, range->iov_len,
			  (unsigned long)args_kernel_mode(args), 0, args_kernel_maxnode(args), 0 },
		.argument_mask = args->policy_nodemask ? 1U << 3 : 0,
	};
}

static struct remote_call home_call(const struct ranges *ranges, const struct iovec *range)
{
	return (struct remote_call) {
		.number = SYS_set_mempolicy_home_node,
		.args = { (unsigned long)range->iov_base, range->iov_len,
			  (unsigned long)ranges->args->home_node, 0 },
	};
}

/* The first call that the kernel refused, explained. */
static int judge(const struct ranges *ranges, const struct iovec *iov,
		 const struct remote_batch *batch)
{
	const struct target *target = ranges->target;

	for (size_t i = 0; i < batch->nr_calls; i++) {
		const struct iovec *range = &iov[i / ranges->calls_per_range];
		long result = batch->calls[i].result;

		if (result >= 0)
			continue;
		if (batch->calls[i].number != SYS_mbind)
			error_errno(ranges->args->error, (int)result, "set_mempolicy_home_node");
		else if (result == -EFAULT)
			error_set(ranges->args->error, (int)result, "mbind",
				  "part of the range is not mapped");
		else if ((unsigned long)range->iov_base % sysconf(_SC_PAGESIZE))
			error_set(ranges->args->error, (int)result, "mbind",
				  "the range does not begin at a page");
		else
			args_explain(ranges->args, (int)result, "mbind",
				     &target->leader.mems_allowed);
		error_on(ranges->args->error, "range %p + %zu of process %d (%s)", range->iov_base,
			 range->iov_len, target->leader.tid, target->leader.name);
		return (int)result;
	}
	return 0;
}

/* Gives as many of the ranges as one stop takes; *ret_done is how many were tried. */
static int set_some(struct ranges *ranges, const struct iovec *iov, size_t nr, size_t *ret_done)
{
	struct remote_call calls[REMOTE_MAX_CALLS];
	struct remote_batch batch = {
		.calls = calls,
		.arguments = ranges->args->policy_nodemask,
		.arguments_bytes = ranges->mask_bytes,
	};
	size_t done;
	int r;

	for (done = 0; done < nr && batch.nr_calls + ranges->calls_per_range <= REMOTE_MAX_CALLS;
	     done++) {
		calls[batch.nr_calls++] = mbind_call(ranges, &iov[done]);
		if (ranges->calls_per_range > 1)
			calls[batch.nr_calls++] = home_call(ranges, &iov[done]);
	}
	r = run_on_any(ranges, &batch);
	if (r < 0)
		return r;
	*ret_done = done;
	return judge(ranges, iov, &batch);
}

static int set_remote(const struct target *target, const struct mpol_args *args,
		      const struct iovec *iov, size_t nr)
{
	_cleanup_(ranges_free) struct ranges ranges = {
		.target = target,
		.args = args,
		.calls_per_range = args->mode_flags & MPOL_FLAG_HOME_NODE ? 2 : 1,
	};
	size_t done = 0;
	int r;

	r = args_mask_bytes(args, REMOTE_ARGUMENT_BYTES, &ranges.mask_bytes);
	if (r < 0)
		return r;
	r = find_threads(&ranges);
	if (r < 0)
		return target_error(args->error, r, "read /proc", &target->leader);
	r = remote_open(target->leader.tid, 0, &ranges.remote, args->error);
	if (r < 0)
		return r;
	r = target_check_alive(target, args->error);
	for (size_t i = 0; r >= 0 && i < nr; i += done)
		r = set_some(&ranges, iov + i, nr - i, &done);
	return r;
}

int mpol_process_set_vma_mempolicy(int pidfd, const struct iovec *ranges, size_t nr_ranges,
				   const struct mpol_args *user, size_t size)
{
	_cleanup_(target_close) struct target target = { .root = -1 };
	struct mpol_args args;
	int r;

	r = args_read_policy(user, size, true, &args);
	if (r < 0)
		return r;
	r = target_open(pidfd, &target, args.error);
	if (r < 0)
		return r;
	if (!target_is_own_process(&target))
		return nr_ranges ? set_remote(&target, &args, ranges, nr_ranges) : 0;
	for (size_t i = 0; r >= 0 && i < nr_ranges; i++)
		r = mpol_set_vma_mempolicy(ranges[i].iov_base, ranges[i].iov_len, user, size);
	return r;
}
