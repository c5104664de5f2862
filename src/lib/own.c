/* SPDX-License-Identifier: MIT */
/*
 * The calling thread's own policy and that of its own ranges: plain system
 * calls.  The kernel judges the arguments; its errno comes back as it is.
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "args.h"
#include "cleanup.h"
#include "error.h"

static struct nodemask own_mems_allowed(void)
{
	struct nodemask allowed = { { 0 } };

	syscall(SYS_get_mempolicy, NULL, allowed.bits, NODEMASK_KERNEL_MAXNODE, 0UL,
		MPOL_F_MEMS_ALLOWED);
	return allowed;
}

static int explain_range(const struct mpol_args *args, int r, const char *step,
			 const struct iovec *range)
{
	struct nodemask allowed = own_mems_allowed();

	return args_explain_range(args, r, step, range, &allowed);
}

static int explain(const struct mpol_args *args, int r, const char *step)
{
	struct nodemask allowed = own_mems_allowed();

	return args_explain(args, r, step, &allowed);
}

int mpol_set_mempolicy(const struct mpol_args *user, size_t size)
{
	struct nodemask nodes;
	struct mpol_args args;
	int r;

	r = args_read_policy(user, size, false, &args, &nodes);
	if (r < 0)
		return r;
	if (syscall(SYS_set_mempolicy, args_kernel_mode(&args), args.policy_nodemask,
		    args_kernel_maxnode(&args)) < 0)
		return explain(&args, -errno, "set_mempolicy");
	return 0;
}

/* Weights that the kernel does not have are cut as those of any process. */
static int set_weights(const struct iovec *range, const struct mpol_args *user, size_t size,
		       const struct mpol_args *args)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (pidfd < 0)
		return error_errno(args->error, -errno, "pidfd_open");
	return mpol_process_set_vma_mempolicy(pidfd, range, 1, user, size);
}

int mpol_set_vma_mempolicy(void *addr, size_t length, const struct mpol_args *user, size_t size)
{
	const struct iovec range = { addr, length };
	struct nodemask nodes;
	struct mpol_args args;
	int r;

	r = args_read_wish(user, size, true, &args, &nodes);
	if (r > 0)
		return set_weights(&range, user, size, &args);
	if (r < 0)
		return r;
	if (syscall(SYS_mbind, addr, length, (long)args_kernel_mode(&args), args.policy_nodemask,
		    args_kernel_maxnode(&args), 0UL) < 0)
		return explain_range(&args, -errno, "mbind", &range);
	if ((args.mode_flags & MPOL_FLAG_HOME_NODE) &&
	    syscall(SYS_set_mempolicy_home_node, addr, length, (unsigned long)args.home_node, 0UL) <
		    0)
		return explain_range(&args, -errno, "set_mempolicy_home_node", &range);
	return 0;
}

/* flags, addr: get_mempolicy(2)'s.  Fills everything but policy_node and vma_node. */
static int get_policy(struct mpol_args *args, void *addr, unsigned long flags)
{
	struct nodemask nodes = { { 0 } }, allowed = own_mems_allowed();
	int mode = 0, r;

	r = args_check_room(args);
	if (r < 0)
		return r;
	if (syscall(SYS_get_mempolicy, &mode, nodes.bits, NODEMASK_KERNEL_MAXNODE, addr, flags) <
	    0) {
		if (errno == EFAULT)
			return error_set(args->error, -EFAULT, "get_mempolicy",
					 "nothing is mapped at %p", addr);
		return error_errno(args->error, -errno, "get_mempolicy");
	}
	args_give_mode(args, mode);
	return args_give_nodes(args, &nodes, &allowed);
}

int mpol_get_mempolicy(struct mpol_args *user, size_t size)
{
	struct mpol_args args;
	int next, r;

	r = args_read(user, size, &args);
	if (r < 0)
		return r;
	r = get_policy(&args, NULL, 0);
	if (r < 0)
		return r;
	/* Refused with EINVAL unless the policy interleaves. */
	if (!syscall(SYS_get_mempolicy, &next, NULL, 0UL, NULL, (unsigned long)MPOL_F_NODE))
		args.policy_node = next;
	args_write(&args, user, size);
	return 0;
}

int mpol_get_vma_mempolicy(void *addr, struct mpol_args *user, size_t size)
{
	struct mpol_args args;
	int node, r;

	r = args_read(user, size, &args);
	if (r < 0)
		return r;
	r = get_policy(&args, addr, MPOL_F_ADDR);
	if (r < 0)
		return r;
	/* get_mempolicy(2) with MPOL_F_NODE would bring the page in; this asks only. */
	if (!syscall(SYS_move_pages, 0, 1UL, &addr, NULL, &node, 0) && node >= 0)
		args.vma_node = node;
	args_write(&args, user, size);
	return 0;
}
