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
 * args_read, then what the kernel would not check of a policy to be set:
 * unknown flags, weights where they have no meaning or cannot be had, a home
 * node with a mode that has none.
 * for_range: the policy is meant for a range, which may have a home node.
 * Further errors: -EINVAL or -EOPNOTSUPP, with ret->error filled in.
 */
int args_read_policy(const struct mpol_args *user, size_t size, bool for_range,
		     struct mpol_args *ret);

/* Gives the caller what fits in size. */
void args_write(const struct mpol_args *args, struct mpol_args *user, size_t size);

/* The mode word of set_mempolicy(2) and mbind(2). */
int args_kernel_mode(const struct mpol_args *args);

/* The kernel's maxnode: one more than the bits used (mm/mempolicy.c, get_nodes). */
unsigned long args_kernel_maxnode(const struct mpol_args *args);

/*
 * Size of the mask to hand over with the call, in whole words; 0 without one.
 * Returns 0 or -EINVAL: over most_bytes, which is the kernel's own limit of one
 * page (get_nodes).
 */
int args_mask_bytes(const struct mpol_args *args, size_t most_bytes, size_t *ret_bytes);

/*
 * Why the kernel may have answered r to a policy: fills args->error.  allowed:
 * the nodes that the thread's cpuset allows, NULL if unknown.  Returns r.
 */
int args_explain(const struct mpol_args *args, int r, const char *step,
		 const struct nodemask *allowed);

/*
 * Fills in the results of a get call: the policy's nodes, mems_allowed and the
 * weights, where the caller asked for them.
 * Returns 0 or -EINVAL (a mask without room for every possible node).
 */
int args_give_nodes(const struct mpol_args *args, const struct nodemask *nodes,
		    const struct nodemask *allowed);

/* Whether the home node exists, by the kernel's own word.  0, -EINVAL or -EOPNOTSUPP. */
int args_check_home_node(const struct mpol_args *args);

#endif
