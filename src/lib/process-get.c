/* SPDX-License-Identifier: MIT */
/*
 * Reading another process's policies: from /proc, stopping nothing.  What the
 * kernel shows there: effective nodes; no home node, no weights, no next node.
 * Or, where the caller wants to know exactly, from the target, which asks the
 * kernel in a short stop (host/remote.h).
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "any-thread.h"
#include "args.h"
#include "cleanup.h"
#include "error.h"

static int not_mapped(const struct target *target, uint64_t addr, struct mpol_error *err)
{
	error_set(err, -EFAULT, "get_mempolicy", "nothing is mapped at 0x%llx",
		  (unsigned long long)addr);
	error_on(err, "process %d (%s)", target->leader.tid, target->leader.name);
	return -EFAULT;
}

/* The node of the page at addr as thread tid has it, or -1. */
static int node_of_page(pid_t tid, uint64_t addr)
{
	void *page = (void *)(uintptr_t)addr;
	int node;

	return !syscall(SYS_move_pages, tid, 1UL, &page, NULL, &node, 0) && node >= 0 ? node : -1;
}

/* ---- The target's own answer ------------------------------------------------------ */

/* Where the target has the kernel write. */
struct answer {
	int32_t mode, next;
	struct nodemask nodes;
};

static bool read_living(const struct target *target, pid_t tid, struct process_thread *ret)
{
	return process_read_thread(target->root, target->leader.tid, tid, ret) == 0 &&
	       !process_thread_has_ended(ret);
}

/* The thread that is meant: the leader or, where it has ended, the first living one. */
static int find_meant(const struct target *target, struct process_thread *ret,
		      struct mpol_error *err)
{
	const pid_t first = target->tid ? target->tid : target->leader.tid;
	_cleanup_free_ pid_t *tids = NULL;
	size_t nr = 0;
	int r;

	if (read_living(target, first, ret))
		return 0;
	r = process_list_threads(target->root, target->leader.tid, &tids, &nr);
	if (r < 0)
		return target_error(err, r, "read /proc", &target->leader);
	for (size_t i = 0; !target->tid && i < nr; i++)
		if (read_living(target, tids[i], ret))
			return 0;
	return target_error(err, -ESRCH, "read /proc", &target->leader);
}

/* Has a thread make get_mempolicy(2)'s calls: only, or any if it is 0. */
static int ask_thread(const struct target *target, pid_t only, struct remote_batch *batch,
		      struct mpol_error *err)
{
	struct any_thread any;
	int r;

	r = any_thread_open(target, only, &any, err);
	if (r == 0)
		r = any_thread_run(&any, batch, err);
	any_thread_close(&any);
	return r;
}

/*
 * The policy of the thread that is meant or, with MPOL_F_ADDR as flags, of the
 * range at addr, which any thread may ask for.
 */
static int ask_target(const struct target *target, struct mpol_args *args, uint64_t addr,
		      unsigned long flags)
{
	struct answer answer = { 0 };
	struct remote_call calls[] = {
		{ .number = SYS_get_mempolicy,
		  .args = { offsetof(struct answer, mode), offsetof(struct answer, nodes),
			    NODEMASK_KERNEL_MAXNODE, addr, flags },
		  .argument_mask = 1U << 0 | 1U << 1 },
		{ .number = SYS_get_mempolicy,
		  .args = { offsetof(struct answer, next), 0, 0, 0, MPOL_F_NODE },
		  .argument_mask = 1U << 0 },
	};
	struct remote_batch batch = {
		.calls = calls,
		.nr_calls = flags ? 1 : 2,
		.arguments = &answer,
		.arguments_bytes = sizeof(answer),
		.arguments_after = &answer,
	};
	struct process_thread meant;
	int r;

	r = find_meant(target, &meant, args->error);
	if (r == 0 && meant.tid == gettid())
		return mpol_get_mempolicy(args, sizeof(*args));
	if (r == 0)
		r = ask_thread(target, flags ? 0 : meant.tid, &batch, args->error);
	if (r < 0)
		return r;
	if (calls[0].result == -EFAULT)
		return not_mapped(target, addr, args->error);
	if (calls[0].result < 0)
		return target_error(args->error, (int)calls[0].result, "get_mempolicy",
				    &target->leader);
	args_give_mode(args, answer.mode);
	if (flags)
		args->vma_node = node_of_page(meant.tid, addr);
	/* Refused with EINVAL unless the policy interleaves. */
	if (batch.nr_calls > 1 && calls[1].result == 0)
		args->policy_node = answer.next;
	return args_give_nodes(args, &answer.nodes, &meant.mems_allowed);
}

/* ---- What /proc shows ------------------------------------------------------------- */

/* Fills args with a policy as numa_maps shows it. */
static int give_policy(struct mpol_args *args, const struct vma *vma,
		       const struct mpol_policy *policy, const struct target *target)
{
	struct nodemask nodes = policy_nodemask(policy);

	if (vma->policy_cut && policy->mode != MPOL_MODE_DEFAULT) {
		error_set(args->error, -EOVERFLOW, "read numa_maps",
			  "the kernel shows only the first 63 characters of the policy");
		error_on(args->error, "process %d (%s)", target->leader.tid, target->leader.name);
		return -EOVERFLOW;
	}
	args_give_mode(args, policy_kernel_mode(policy));
	return args_give_nodes(args, &nodes, &target->leader.mems_allowed);
}

/*
 * The ranges as the meant thread sees them, and the one that shows its own policy.
 * Replaces the leader's mems_allowed by the viewer's.
 */
static int read_view(struct target *target, struct vma_table *ret_table, pid_t *ret_viewer,
		     struct mpol_error *err)
{
	struct process_thread thread;
	int r;

	if (target->tid) {
		*ret_viewer = target->tid;
		r = process_read_vmas(target->root, target->leader.tid, target->tid, ret_table);
		if (r < 0)
			return target_error(err, r, "read numa_maps", &target->leader);
	} else {
		r = target_read_vmas(target->root, &target->leader, ret_viewer, ret_table, err);
		if (r < 0)
			return r;
	}
	r = process_read_thread(target->root, target->leader.tid, *ret_viewer, &thread);
	if (r < 0)
		return target_error(err, r, "read /proc", &target->leader);
	target->leader.mems_allowed = thread.mems_allowed;
	return target_check_alive(target, err);
}

static int get_thread_policy(struct target *target, struct mpol_args *args)
{
	_cleanup_(vma_table_free) struct vma_table table = { 0 };
	const struct vma *witness;
	pid_t viewer;
	int r;

	r = read_view(target, &table, &viewer, args->error);
	if (r < 0)
		return r;
	witness = vma_table_witness(&table);
	if (!witness)
		return target_error(args->error, -EBADMSG, "read numa_maps", &target->leader);
	return give_policy(args, witness, witness->policy, target);
}

int mpol_process_get_mempolicy(int pidfd, struct mpol_args *user, size_t size)
{
	_cleanup_(target_close) struct target target = { .root = -1 };
	struct mpol_args args;
	int r;

	r = args_read(user, size, &args);
	if (r == 0)
		r = args_check_room(&args);
	if (r < 0)
		return r;
	r = target_open(pidfd, &target, args.error);
	if (r < 0)
		return r;
	if (target_is_caller(&target))
		return mpol_get_mempolicy(user, size);
	r = args.mode_flags & MPOL_FLAG_EXACT ? ask_target(&target, &args, 0, 0)
					      : get_thread_policy(&target, &args);
	if (r < 0)
		return r;
	args_write(&args, user, size);
	return 0;
}

/*
 * Whether a range that shows the viewer's policy has it of its own: another
 * thread with another policy would see it too.  True where no thread can tell.
 */
static bool range_is_own(const struct target *target, const struct vma *range,
			 const struct mpol_policy *viewer)
{
	_cleanup_free_ pid_t *tids = NULL;
	size_t nr = 0;

	if (!policy_equal(range->policy, viewer))
		return true;
	if (process_list_threads(target->root, target->leader.tid, &tids, &nr) < 0)
		return true;
	for (size_t i = 0; i < nr; i++) {
		_cleanup_(vma_table_free) struct vma_table table = { 0 };
		const struct vma *witness, *again;

		if (process_read_vmas(target->root, target->leader.tid, tids[i], &table) < 0)
			continue;
		witness = vma_table_witness(&table);
		again = vma_table_find(&table, range->start);
		if (witness && again && !policy_equal(witness->policy, viewer))
			return policy_equal(again->policy, range->policy);
	}
	return true;
}

static int get_range_policy(struct target *target, uint64_t addr, struct mpol_args *args)
{
	static const struct mpol_policy none = { .mode = MPOL_MODE_DEFAULT };
	_cleanup_(vma_table_free) struct vma_table table = { 0 };
	const struct vma *witness, *range;
	const struct mpol_policy *policy;
	pid_t viewer;
	int r;

	r = read_view(target, &table, &viewer, args->error);
	if (r < 0)
		return r;
	range = vma_table_find(&table, addr);
	witness = vma_table_witness(&table);
	if (!range)
		return not_mapped(target, addr, args->error);
	policy = range->policy;
	if (policy->mode != MPOL_MODE_DEFAULT && witness &&
	    !range_is_own(target, range, witness->policy))
		policy = &none;
	r = give_policy(args, range, policy, target);
	args->vma_node = node_of_page(viewer, addr);
	return r;
}

int mpol_process_get_vma_mempolicy(int pidfd, uint64_t addr, struct mpol_args *user, size_t size)
{
	_cleanup_(target_close) struct target target = { .root = -1 };
	struct mpol_args args;
	int r;

	r = args_read(user, size, &args);
	if (r == 0)
		r = args_check_room(&args);
	if (r < 0)
		return r;
	r = target_open(pidfd, &target, args.error);
	if (r < 0)
		return r;
	/* Any thread's own call sees the range's own policy. */
	if (target_is_own_process(&target))
		return mpol_get_vma_mempolicy((void *)(uintptr_t)addr, user, size);
	r = args.mode_flags & MPOL_FLAG_EXACT ? ask_target(&target, &args, addr, MPOL_F_ADDR)
					      : get_range_policy(&target, addr, &args);
	if (r < 0)
		return r;
	args_write(&args, user, size);
	return 0;
}
