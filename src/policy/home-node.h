/* SPDX-License-Identifier: MIT */
/*
 * A home node for a whole process.  The kernel keeps one for ranges of memory alone (Linux 5.17,
 * set_mempolicy_home_node(2)), never for threads; so what the process maps later goes by
 * the policy of whoever touches it.  Which policy of the kernel's is nearest to it there is
 * decided here.  Pure.
 */
#ifndef POLICY_HOME_NODE_H
#define POLICY_HOME_NODE_H

#include <stdbool.h>

#include <mpol/mpol.h>

struct home_service {
	/* Of threads, and so of memory that is mapped later. */
	struct mpol_policy thread_policy;
	/*
	 * That begins at the home node too: it is prefer:HOME, with which pages come from there
	 * while it has room, as they would with the home node.  Where it has none they come from
	 * what is nearest to it, of the policy's nodes or not.  Otherwise it begins at the node of
	 * the CPU.
	 */
	bool threads_at_home;
	bool for_ranges; /* ranges can be given the policy as it is */
};

/*
 * How a policy with a home node is served, by a kernel that has home nodes or not.
 *
 * bind must not leave its nodes, and the kernel has no other mode that keeps it there and begins
 * at one of them: threads get the same without the home node.  So do those of prefer-many
 * where the home node is not one of its nodes, or where +balancing or +relative says more than
 * prefer can.
 *
 * Returns 0, or -EOPNOTSUPP: nothing of the home node would be left.
 */
int home_serve(const struct mpol_policy *policy, bool kernel_has, struct home_service *ret_service);

#endif
