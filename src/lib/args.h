/* SPDX-License-Identifier: MIT */
/*
 * struct mpol_args of a caller who may have been built with another version of
 * the library: reading it, checking what the kernel cannot check, and filling
 * it in.  The rules are mpol.h's, at struct mpol_args.
 */
#ifndef LIB_ARGS_H
#define LIB_ARGS_H

#include <stdbool.h>
#include <sys/syscall.h>

#include <mpol/mpol.h>

#include "nodemask.h"

/* Linux 5.17; not in glibc 2.36. */
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif

/*
 * Copies size bytes of the caller's args, the rest zero.
 * Returns 0; -EINVAL: shorter than MPOL_ARGS_SIZE_VER0; -E2BIG: non-zero bytes
 * beyond what this library knows.  On failure ret->error is the caller's where
 * size covers it, else NULL; nothing else is valid.
 */
int args_read(const struct mpol_args *user, size_t size, struct mpol_args *ret);

/*
 * The same for a struct that begins with its size, as mpol.h's options do: all of it must be there.
 * step names it in errors: -EINVAL, -E2BIG.
 */
int args_read_sized(const void *user, void *ret, size_t size, const char *step,
		    struct mpol_error *error);

/*
 * args_read of a policy to be set.  Then, in this order: flags that the library
 * does not know; the kernel's judgement of mode, flags and mask as such, which
 * may depend on the kernel; a home node with a mode or a thread that has none;
 * weights where they have no meaning or cannot be had.
 * for_range: the policy is meant for a range, which may have a home node.
 * The caller's mask is taken over: ret->policy_nodemask is ret_nodes' words, of
 * which ret->policy_maxnode are meant.
 * Further errors: -EINVAL, -EFAULT or -EOPNOTSUPP, with ret->error filled in.
 */
int args_read_policy(const struct mpol_args *user, size_t size, bool for_range,
		     struct mpol_args *ret, struct nodemask *ret_nodes);

/*
 * args_read_policy for a process, or ranges, whose weights may be others than the kernel's: returns
 * 1 where they are, or where this kernel has none.  -EOPNOTSUPP: with MPOL_FLAG_RELATIVE.
 */
int args_read_wish(const struct mpol_args *user, size_t size, bool for_range, struct mpol_args *ret,
		   struct nodemask *ret_nodes);

/* Says that one thread cannot have such weights, and what can.  Returns -EOPNOTSUPP. */
int args_refuse_weights(const struct mpol_args *args);

/*
 * The policy of such weights, the kernel's in the place of zeros.  Returns 0, or -errno of
 * openat(2).
 */
int args_own_weights(const struct mpol_args *args, struct mpol_policy *ret);

/* Makes it the policy nearest to it that the kernel has: its own weights, else all alike. */
void args_without_weights(struct mpol_args *args);

/* Gives the caller what fits in size. */
void args_write(const struct mpol_args *args, struct mpol_args *user, size_t size);

/* The mode word of set_mempolicy(2) and mbind(2). */
int args_kernel_mode(const struct mpol_args *args);

/* The kernel's maxnode: one more than the bits used (mm/mempolicy.c, get_nodes). */
unsigned long args_kernel_maxnode(const struct mpol_args *args);

/*
 * Why the kernel may have answered r to a policy: fills args->error.  allowed:
 * the nodes that the thread's cpuset allows, NULL if unknown.  Returns r.
 */
int args_explain(const struct mpol_args *args, int r, const char *step,
		 const struct nodemask *allowed);

/* args_explain for a policy that was meant for a range. */
int args_explain_range(const struct mpol_args *args, int r, const char *step,
		       const struct iovec *range, const struct nodemask *allowed);

/*
 * Whether the masks that the caller of a get call gave have room for every
 * possible node and are no longer than the kernel takes.  0 or -EINVAL.
 */
int args_check_room(const struct mpol_args *args);

/*
 * Starts the results of a get call: mode and flags from a kernel's mode word,
 * and no node for all else.
 */
void args_give_mode(struct mpol_args *args, int kernel_mode);

/*
 * Fills in the results of a get call: the policy's nodes, mems_allowed and the
 * weights, where the caller asked for them; args_check_room came before.
 * Returns 0 or -EFAULT (a mask that cannot be written).
 */
int args_give_nodes(const struct mpol_args *args, const struct nodemask *nodes,
		    const struct nodemask *allowed);

#endif
