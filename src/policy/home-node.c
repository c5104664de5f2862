/* SPDX-License-Identifier: MIT */
/* Home nodes of whole processes: see home-node.h. */
#include "home-node.h"

#include <errno.h>

#include "policy.h"

static bool can_be_preferred(const struct mpol_policy *policy)
{
	const struct nodemask nodes = policy_nodemask(policy);

	return policy->mode == MPOL_MODE_PREFERRED_MANY &&
	       !(policy->mode_flags & (MPOL_FLAG_BALANCING | MPOL_FLAG_RELATIVE)) &&
	       nodemask_test(&nodes, policy->home_node);
}

int home_serve(const struct mpol_policy *policy, bool kernel_has, struct home_service *ret_service)
{
	struct home_service service = {
		.thread_policy = *policy,
		.threads_at_home = can_be_preferred(policy),
		.for_ranges = kernel_has,
	};
	const struct nodemask home = nodemask_of(policy->home_node);

	if (!service.for_ranges && !service.threads_at_home)
		return -EOPNOTSUPP;
	service.thread_policy.mode_flags &= (uint16_t)~MPOL_FLAG_HOME_NODE;
	service.thread_policy.home_node = 0;
	if (service.threads_at_home) {
		service.thread_policy.mode = MPOL_MODE_PREFERRED;
		policy_set_nodemask(&service.thread_policy, &home);
	}
	*ret_service = service;
	return 0;
}
