/* SPDX-License-Identifier: MIT */
/*
 * A home node for a whole process: its ranges by the kernel, what it maps later by its threads'
 * policy, which policy/home-node decides.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "args.h"
#include "cleanup.h"
#include "error.h"
#include "home-node.h"
#include "policy.h"
#include "ranges.h"

DEFINE_CLEANUP(struct mpol_home *, mpol_home_free);

void mpol_home_free(struct mpol_home *home)
{
	if (!home)
		return;
	free(home->ranges);
	free(home);
}

/* Special mappings of the kernel's have names in brackets, too, but no pages of the process's. */
static bool is_own_memory(const struct mpol_vma *vma)
{
	return vma->permissions[3] == 'p' &&
	       (range_is_private_anonymous(vma->permissions, vma->name) ||
		!strncmp(vma->name, "[stack", strlen("[stack")) ||
		(*vma->name != '[' && vma->permissions[1] == 'w'));
}

/* Whether the home node belongs there: no other policy than this one, of whatever home, is
 * replaced. */
static bool is_meant(const struct mpol_process *process, size_t index,
		     const struct mpol_policy *policy)
{
	const struct mpol_vma *vma = mpol_process_vma(process, index);

	return is_own_memory(vma) && !range_is_left_out(process, index) &&
	       (vma->has_policy <= 0 || policy_shows_as(policy, vma->policy));
}

static int find_ranges(struct mpol_home *home, const struct mpol_process *process,
		       const struct mpol_policy *policy)
{
	const size_t nr = mpol_process_nr_vmas(process);

	home->ranges = calloc(nr + 1, sizeof(*home->ranges));
	if (!home->ranges)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++) {
		const struct mpol_vma *vma = mpol_process_vma(process, i);

		if (!is_meant(process, i, policy))
			continue;
		home->ranges[home->nr_ranges++] = (struct iovec) {
			.iov_base = (void *)(uintptr_t)vma->start,
			.iov_len = vma->end - vma->start,
		};
		home->bytes += vma->end - vma->start;
	}
	return 0;
}

static bool kernel_has_homes(void)
{
	return !syscall(SYS_set_mempolicy_home_node, 0UL, 0UL, 0UL, 0UL) || errno != ENOSYS;
}

/* Judges the policy as for a range; where the kernel has no home nodes, what can serve instead. */
static int serve(const struct mpol_policy *policy, struct home_service *ret_service,
		 struct mpol_error *error)
{
	const bool kernel_has = kernel_has_homes();
	struct mpol_policy copy = *policy;
	struct mpol_args args, read;
	struct nodemask nodes;
	int r;

	mpol_policy_to_args(&copy, &args);
	args.error = error;
	r = args_read_policy(&args, sizeof(args), true, &read, &nodes);
	if (r < 0 && (kernel_has || r != -EOPNOTSUPP))
		return r;
	if (home_serve(policy, kernel_has, ret_service) < 0)
		return r < 0 ? r : -EOPNOTSUPP;
	error_clear(error);
	return 0;
}

int mpol_home_new(const struct mpol_process *process, const struct mpol_policy *policy,
		  struct mpol_home **ret_home, struct mpol_error *error)
{
	_cleanup_(mpol_home_freep) struct mpol_home *home = NULL;
	struct home_service service;
	int r;

	if (!(policy->mode_flags & MPOL_FLAG_HOME_NODE)) {
		*ret_home = NULL;
		return 0;
	}
	r = serve(policy, &service, error);
	if (r < 0)
		return r;
	home = calloc(1, sizeof(*home));
	if (!home)
		return error_errno(error, -ENOMEM, "plan a home node");
	home->thread_policy = service.thread_policy;
	home->threads_at_home = service.threads_at_home;
	home->by_kernel = service.for_ranges;
	if (service.for_ranges && find_ranges(home, process, policy) < 0)
		return error_errno(error, -ENOMEM, "plan a home node");
	*ret_home = steal_pointer(&home);
	return 0;
}
