/* SPDX-License-Identifier: MIT */
/*
 * The caller's struct mpol_args: see args.h.
 *
 * Whatever the kernel decides is left to the kernel; only what it has no word
 * for (weights, home nodes of threads) is decided here.
 */
#include "args.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "rootfs.h"

#define KERNEL_FLAGS (MPOL_FLAG_STATIC | MPOL_FLAG_RELATIVE | MPOL_FLAG_BALANCING)
#define WEIGHTS_PATH "sys/kernel/mm/mempolicy/weighted_interleave"

_Static_assert(sizeof(struct mpol_args) >= MPOL_ARGS_SIZE_VER0, "the struct only grows");
_Static_assert(offsetof(struct mpol_args, error) + sizeof(void *) == MPOL_ARGS_SIZE_VER0,
	       "version 0 ends with error");

/* The first byte from there on that is not zero; size, or more, where all are. */
static size_t skip_zeros(const void *user, size_t from, size_t size)
{
	const unsigned char *bytes = user;

	while (from < size && !bytes[from])
		from++;
	return from;
}

int args_read(const struct mpol_args *user, size_t size, struct mpol_args *ret)
{
	size_t i;

	*ret = (struct mpol_args) { 0 };
	if (size < MPOL_ARGS_SIZE_VER0)
		return -EINVAL;
	memcpy(ret, user, size < sizeof(*ret) ? size : sizeof(*ret));
	error_clear(ret->error);
	i = skip_zeros(user, sizeof(*ret), size);
	if (i >= size)
		return 0;
	error_set(ret->error, -E2BIG, "read arguments", "byte %zu of mpol_args is not zero", i);
	error_advise(ret->error, "this libmpol (%s) knows the first %zu bytes: use a newer",
		     mpol_version(), sizeof(*ret));
	return -E2BIG;
}

int args_read_sized(const void *user, void *ret, size_t size, const char *step,
		    struct mpol_error *error)
{
	const size_t user_size = *(const size_t *)user;

	if (user_size < size)
		return error_set(error, -EINVAL, step, "size is not set");
	if (skip_zeros(user, size, user_size) < user_size)
		return error_set(error, -E2BIG, step, "a field that this libmpol does not know");
	memcpy(ret, user, size);
	return 0;
}

void args_write(const struct mpol_args *args, struct mpol_args *user, size_t size)
{
	memcpy(user, args, size < sizeof(*args) ? size : sizeof(*args));
}

int args_kernel_mode(const struct mpol_args *args)
{
	return args->mode | (args->mode_flags & KERNEL_FLAGS);
}

unsigned long args_kernel_maxnode(const struct mpol_args *args)
{
	return args->policy_maxnode + 1;
}

static bool has_node(const struct mpol_args *args, uint64_t node)
{
	return args->policy_nodemask && node < args->policy_maxnode &&
	       nodemask_words_test(args->policy_nodemask, node);
}

/* ---- The kernel's refusals ------------------------------------------------------ */

static bool mask_empty(const struct mpol_args *args)
{
	for (uint64_t node = 0; node < args->policy_maxnode; node++)
		if (has_node(args, node))
			return false;
	return true;
}

/* Whether the kernel interleaves by weights at all. */
static bool kernel_weighs(void)
{
	return access("/" WEIGHTS_PATH, F_OK) == 0;
}

/* Whether weights are given for nodes of the mask, not only zeros. */
static bool gives_weights(const struct mpol_args *args)
{
	for (uint64_t node = 0; args->interleave_weights && node < args->policy_maxnode; node++)
		if (has_node(args, node) && args->interleave_weights[node])
			return true;
	return false;
}

/* The rule of mm/mempolicy.c (sanitize_mpol_flags, get_nodes) that is broken whatever the nodes. */
static const char *broken_form(const struct mpol_args *args)
{
	unsigned int flags = args->mode_flags;

	if (args->mode > MPOL_MODE_WEIGHTED_INTERLEAVE)
		return "no such mode";
	if ((flags & MPOL_FLAG_STATIC) && (flags & MPOL_FLAG_RELATIVE))
		return "static and relative exclude each other";
	if ((flags & MPOL_FLAG_BALANCING) && args->mode != MPOL_MODE_BIND &&
	    args->mode != MPOL_MODE_PREFERRED_MANY)
		return "balancing goes with bind and prefer-many only";
	/* The limit is one page of bits; beyond the kernel reads no mask. */
	if (args->policy_nodemask && args->policy_maxnode > 8UL * sysconf(_SC_PAGESIZE))
		return "the mask is longer than one page";
	if (args->mode == MPOL_MODE_WEIGHTED_INTERLEAVE && !kernel_weighs())
		return "this kernel has no weighted interleave (it came with Linux 6.9)";
	if ((flags & MPOL_FLAG_BALANCING) && args->mode == MPOL_MODE_PREFERRED_MANY)
		return "this kernel takes balancing with bind only";
	return "the mask has nodes beyond any that the kernel may know";
}

/* The rule (mpol_new) that mode, flags and nodes break together, or NULL. */
static const char *broken_rule(const struct mpol_args *args)
{
	if (args->mode == MPOL_MODE_DEFAULT || args->mode == MPOL_MODE_LOCAL) {
		if (!mask_empty(args))
			return "the mode takes no nodes";
		if (args->mode == MPOL_MODE_LOCAL && args->mode_flags)
			return "local takes no flags";
	} else if (mask_empty(args)) {
		return "no nodes given";
	}
	return NULL;
}

/* Of a range of no length mbind(2) changes nothing.  Returns its word. */
static int judged(const struct mpol_args *args)
{
	return syscall(SYS_mbind, 0UL, 0UL, (long)args_kernel_mode(args), args->policy_nodemask,
		       args_kernel_maxnode(args), 0UL)
		       ? -errno
		       : 0;
}

/* Whether any weight is given; the mask, which may not be readable yet, is not looked at. */
static bool gives_any_weight(const struct mpol_args *args)
{
	for (uint64_t node = 0; args->interleave_weights && node < NODES_MAX; node++)
		if (node < args->policy_maxnode && args->interleave_weights[node])
			return true;
	return false;
}

/* Of weights for a kernel that has none: they are served there, too, and the rules of masks are
 * those of plain interleave.  Only a mask that the kernel has read is read here. */
static int judged_without_weights(const struct mpol_args *args)
{
	struct mpol_args asked = *args;
	int r;

	args_without_weights(&asked);
	r = judged(&asked);
	return r == 0 && !gives_weights(args) ? -EINVAL : r;
}

/*
 * Has the kernel judge mode, flags and mask before they are used.  Reading the mask is the
 * kernel's, which alone can find that it cannot be read.  Where a filter keeps the call from us
 * (the target's may be another) the kernel's word comes later.
 */
static int check_form(const struct mpol_args *args, const char *step)
{
	const bool unknown = args->mode == MPOL_MODE_WEIGHTED_INTERLEAVE && !kernel_weighs();
	const int r =
		unknown && gives_any_weight(args) ? judged_without_weights(args) : judged(args);

	if (r == -EFAULT)
		return error_set(args->error, r, step, "the mask's words cannot be read");
	if (r == -EINVAL) {
		error_set(args->error, r, step, "%s", broken_form(args));
		if (unknown)
			error_advise(args->error, "say the weights of all nodes, as in "
						  "weighted:0=3,1=1: those it can be given");
		return r;
	}
	return 0;
}

int args_explain(const struct mpol_args *args, int r, const char *step,
		 const struct nodemask *allowed)
{
	const char *rule;
	char list[96];

	if (r != -EINVAL || !args->error)
		return error_errno(args->error, r, step);
	rule = broken_rule(args);
	if (rule)
		return error_set(args->error, r, step, "%s", rule);
	error_set(args->error, r, step,
		  "none of the nodes has memory that the cpuset allows the thread to use");
	if (allowed) {
		nodemask_format(allowed, list, sizeof(list));
		error_advise(args->error, "its cpuset allows nodes %s", list);
	}
	return r;
}

int args_explain_range(const struct mpol_args *args, int r, const char *step,
		       const struct iovec *range, const struct nodemask *allowed)
{
	const unsigned long start = (unsigned long)range->iov_base;

	if (r == -EFAULT)
		return error_set(args->error, r, step, "part of the range is not mapped");
	if (r == -EINVAL && start % sysconf(_SC_PAGESIZE))
		return error_set(args->error, r, step, "the range does not begin at a page");
	if (r == -EINVAL && range->iov_len > -start)
		return error_set(args->error, r, step, "the range goes beyond the last address");
	return args_explain(args, r, step, allowed);
}

/* ---- What the kernel has no word for ---------------------------------------------- */

/* The kernel's weights of the policy's nodes, for a message: "0=3,2=1". */
static void format_global_weights(int root, const struct mpol_args *args, char *buffer, size_t size)
{
	size_t length = 0;

	buffer[0] = '\0';
	for (int node = 0; node < NODES_MAX && length < size; node++) {
		uint64_t weight;

		if (has_node(args, node) &&
		    !rootfs_read_u64(root, &weight, WEIGHTS_PATH "/node%d", node))
			length += snprintf(buffer + length, size - length, "%s%d=%d",
					   length ? "," : "", node, (int)weight);
	}
}

static int no_weight(const struct mpol_args *args, int node)
{
	error_set(args->error, -EOPNOTSUPP, "check weights",
		  "this kernel has no interleave weight for node %d", node);
	error_advise(args->error, "weighted interleave came with Linux 6.9; before it, say the "
				  "weights of all nodes");
	return -EOPNOTSUPP;
}

/* 1: the weights differ from the kernel's, or the kernel has none; 0: they do not; or an error. */
static int compare_weights(const struct mpol_args *args)
{
	_cleanup_close_ int root = -1;
	bool differ = false;

	if (!args->interleave_weights)
		return 0;
	if (args->mode != MPOL_MODE_WEIGHTED_INTERLEAVE)
		return error_set(args->error, -EINVAL, "check policy",
				 "weights given with a mode other than weighted interleave");
	if (!gives_weights(args))
		return 0;
	root = rootfs_open(NULL);
	if (root < 0)
		return error_errno(args->error, root, "open /");
	for (int node = 0; node < NODES_MAX; node++) {
		uint8_t wanted;
		uint64_t weight;

		if (!has_node(args, node))
			continue;
		wanted = args->interleave_weights[node];
		if (rootfs_read_u64(root, &weight, WEIGHTS_PATH "/node%d", node) < 0) {
			/* Of a node that cannot be the kernel has none, and leaves it out. */
			if (!wanted && kernel_weighs())
				continue;
			if (!wanted || kernel_weighs())
				return no_weight(args, node);
			differ = true;
		} else if (wanted && wanted != weight) {
			differ = true;
		}
	}
	return differ;
}

int args_refuse_weights(const struct mpol_args *args)
{
	_cleanup_close_ int root = rootfs_open(NULL);
	char global[128] = "";

	error_set(args->error, -EOPNOTSUPP, "check weights",
		  "only a whole process can have weights of its own: the kernel interleaves by "
		  "one table");
	if (root >= 0)
		format_global_weights(root, args, global, sizeof(global));
	error_advise(args->error,
		     "name the process without a thread (mpol set), its ranges (mpol bind), start "
		     "it with mpol run, or set the kernel's%s%s%s: mpol weights set",
		     *global ? " (" : "", global, *global ? ")" : "");
	return -EOPNOTSUPP;
}

int args_own_weights(const struct mpol_args *args, struct mpol_policy *ret)
{
	_cleanup_close_ int root = rootfs_open(NULL);

	if (root < 0)
		return error_errno(args->error, root, "open /");
	*ret = (struct mpol_policy) { .mode = MPOL_MODE_WEIGHTED_INTERLEAVE };
	memcpy(ret->nodes, args->policy_nodemask, sizeof(ret->nodes));
	for (int node = 0; node < NODES_MAX; node++) {
		uint64_t weight;

		if (!has_node(args, node))
			continue;
		ret->weights[node] = args->interleave_weights[node];
		if (ret->weights[node])
			continue;
		if (rootfs_read_u64(root, &weight, WEIGHTS_PATH "/node%d", node) < 0)
			weight = 1; /* a node that cannot be */
		ret->weights[node] = weight ? (uint8_t)weight : 1;
	}
	return 0;
}

void args_without_weights(struct mpol_args *args)
{
	args->interleave_weights = NULL;
	if (!kernel_weighs())
		args->mode = MPOL_MODE_INTERLEAVE;
}

/* One thread cannot have a home node. */
static int refuse_home(struct mpol_error *error)
{
	error_set(error, -EOPNOTSUPP, "check policy",
		  "a thread's own policy cannot have a home node");
	error_advise(error, "the kernel keeps a home node for ranges of memory only: name the "
			    "whole process without a thread (mpol set), or ranges (mpol bind), "
			    "or leave home= out");
	return -EOPNOTSUPP;
}

/* Whether the home node exists, by the kernel's own word. */
static int check_home_node(const struct mpol_args *args)
{
	/* Of a range of no length the kernel checks the node and changes nothing. */
	if (!syscall(SYS_set_mempolicy_home_node, 0UL, 0UL, (unsigned long)args->home_node, 0UL))
		return 0;
	if (errno == ENOSYS) {
		error_set(args->error, -EOPNOTSUPP, "set_mempolicy_home_node",
			  "this kernel has no home nodes");
		error_advise(args->error, "they came with Linux 5.17");
		return -EOPNOTSUPP;
	}
	return error_set(args->error, -errno, "set_mempolicy_home_node",
			 "home node %d does not exist", args->home_node);
}

static int check_home(const struct mpol_args *args, bool for_range)
{
	if (!(args->mode_flags & MPOL_FLAG_HOME_NODE))
		return 0;
	if (!for_range)
		return refuse_home(args->error);
	if (args->mode != MPOL_MODE_BIND && args->mode != MPOL_MODE_PREFERRED_MANY) {
		error_set(args->error, -EOPNOTSUPP, "check policy",
			  "a home node goes with bind and prefer-many only");
		return -EOPNOTSUPP;
	}
	return check_home_node(args);
}

static int check_flags(const struct mpol_args *args)
{
	if (args->mode_flags & ~(KERNEL_FLAGS | MPOL_FLAG_HOME_NODE))
		return error_set(args->error, -EINVAL, "check policy", "unknown flags 0x%x",
				 args->mode_flags & ~(KERNEL_FLAGS | MPOL_FLAG_HOME_NODE));
	if (args->mode & KERNEL_FLAGS)
		return error_set(args->error, -EINVAL, "check policy",
				 "flags are within the mode; they belong into mode_flags");
	return 0;
}

/* The mask as the kernel would take it: bits beyond its own maximum are zero, it has judged. */
static void take_mask(struct mpol_args *args, struct nodemask *ret_nodes)
{
	const unsigned long *words = args->policy_nodemask;
	const uint64_t bits = args->policy_maxnode < NODES_MAX ? args->policy_maxnode : NODES_MAX;

	*ret_nodes = (struct nodemask) { { 0 } };
	for (uint64_t node = 0; words && node < bits; node++)
		if (has_node(args, node))
			nodemask_set(ret_nodes, (int)node);
	args->policy_nodemask = ret_nodes->bits;
	args->policy_maxnode = NODES_MAX;
}

int args_read_wish(const struct mpol_args *user, size_t size, bool for_range, struct mpol_args *ret,
		   struct nodemask *ret_nodes)
{
	int r = args_read(user, size, ret);

	if (r == 0)
		r = check_flags(ret);
	if (r == 0)
		r = check_form(ret, for_range ? "mbind" : "set_mempolicy");
	if (r < 0)
		return r;
	take_mask(ret, ret_nodes);
	r = check_home(ret, for_range);
	if (r == 0)
		r = compare_weights(ret);
	if (r <= 0 || !(ret->mode_flags & MPOL_FLAG_RELATIVE))
		return r;
	error_set(ret->error, -EOPNOTSUPP, "check weights",
		  "relative does not go with weights other than the kernel's");
	error_advise(ret->error, "name the nodes as they are, without +relative");
	return -EOPNOTSUPP;
}

int args_read_policy(const struct mpol_args *user, size_t size, bool for_range,
		     struct mpol_args *ret, struct nodemask *ret_nodes)
{
	int r = args_read_wish(user, size, for_range, ret, ret_nodes);

	return r > 0 ? args_refuse_weights(ret) : r;
}

/* ---- Results of get calls --------------------------------------------------------- */

/*
 * Asks the kernel whether maxnode bits hold every possible node, as it does of
 * its own callers; it takes no more than a page of them either.
 */
static bool has_room(uint64_t maxnode)
{
	struct nodemask scratch;
	unsigned long bits = maxnode < NODES_MAX ? maxnode : NODES_MAX + 1;

	if (maxnode > 8UL * sysconf(_SC_PAGESIZE))
		return false;
	return !syscall(SYS_get_mempolicy, NULL, scratch.bits, bits, 0UL, MPOL_F_MEMS_ALLOWED) ||
	       errno != EINVAL;
}

int args_check_room(const struct mpol_args *args)
{
	if ((!args->policy_nodemask && !args->interleave_weights) || has_room(args->policy_maxnode))
		if (!args->mems_allowed || has_room(args->mems_maxnode))
			return 0;
	return error_set(args->error, -EINVAL, "get_mempolicy",
			 "a mask has no room for every possible node, or is longer than one page");
}

void args_give_mode(struct mpol_args *args, int kernel_mode)
{
	args->mode = (uint16_t)(kernel_mode & ~(int)KERNEL_FLAGS);
	args->mode_flags = (uint16_t)(kernel_mode & (int)KERNEL_FLAGS);
	args->home_node = -1;
	args->policy_node = -1;
	args->vma_node = -1;
}

/* Whether the mask can be written: the kernel, which can tell, writes something into it. */
static bool is_writable(unsigned long *words, uint64_t maxnode)
{
	return !words ||
	       !syscall(SYS_get_mempolicy, NULL, words, maxnode + 1, 0UL, MPOL_F_MEMS_ALLOWED) ||
	       errno != EFAULT;
}

static void give_mask(const struct nodemask *nodes, unsigned long *words, uint64_t maxnode)
{
	uint64_t nr_words = (maxnode + NODEMASK_WORD_BITS - 1) / NODEMASK_WORD_BITS;

	for (uint64_t i = 0; words && i < nr_words; i++)
		words[i] = i < NODEMASK_WORDS ? nodes->bits[i] : 0;
}

int args_give_nodes(const struct mpol_args *args, const struct nodemask *nodes,
		    const struct nodemask *allowed)
{
	if (!is_writable(args->policy_nodemask, args->policy_maxnode) ||
	    !is_writable(args->mems_allowed, args->mems_maxnode))
		return error_set(args->error, -EFAULT, "get_mempolicy", "a mask cannot be written");
	give_mask(nodes, args->policy_nodemask, args->policy_maxnode);
	give_mask(allowed, args->mems_allowed, args->mems_maxnode);
	if (args->interleave_weights)
		memset(args->interleave_weights, 0, args->policy_maxnode);
	return 0;
}
