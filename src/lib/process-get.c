/* SPDX-License-Identifier: MIT */
/*
 * Reading another process's policies: from /proc, stopping nothing.  What the
 * kernel shows there: effective nodes; no home node, no weights, no next node.
 */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "args.h"
#include "cleanup.h"
#include "error.h"
#include "target.h"

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
	args->mode = policy->mode;
	args->mode_flags = policy->mode_flags;
	args->home_node = -1;
	args->policy_node = -1;
	args->vma_node = -1;
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
	r = get_thread_policy(&target, &args);
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
	void *page = (void *)(uintptr_t)addr;
	pid_t viewer;
	int node, r;

	r = read_view(target, &table, &viewer, args->error);
	if (r < 0)
		return r;
	range = vma_table_find(&table, addr);
	witness = vma_table_witness(&table);
	if (!range) {
		error_set(args->error, -EFAULT, "read numa_maps", "nothing is mapped at 0x%llx",
			  (unsigned long long)addr);
		error_on(args->error, "process %d (%s)", target->leader.tid, target->leader.name);
		return -EFAULT;
	}
	policy = range->policy;
	if (policy->mode != MPOL_MODE_DEFAULT && witness &&
	    !range_is_own(target, range, witness->policy))
		policy = &none;
	r = give_policy(args, range, policy, target);
	if (r < 0)
		return r;
	if (!syscall(SYS_move_pages, viewer, 1UL, &page, NULL, &node, 0) && node >= 0)
		args->vma_node = node;
	return 0;
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
	r = get_range_policy(&target, addr, &args);
	if (r < 0)
		return r;
	args_write(&args, user, size);
	return 0;
}
