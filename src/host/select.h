/* SPDX-License-Identifier: MIT */
/*
 * Sets of processes by what they have in common, below a root descriptor
 * (rootfs.h).  What is left out of each: mpol.h, mpol_select.
 */
#ifndef HOST_SELECT_H
#define HOST_SELECT_H

#include <sys/types.h>

#include <mpol/mpol.h>

/*
 * The processes of the cgroup at path (cgroup.h), those whose command line
 * matches, and pid's with all its descendants.  Free with mpol_selection_free.
 * An empty selection is none of their errors.
 * Errors of all: -EACCES, -EBADMSG, -ENOMEM; by cgroup those of
 * cgroup_list_processes; by match -EINVAL (not an expression; *error says where
 * and why); by tree -ESRCH (no such process).
 */
int select_cgroup(int root, const char *path, struct mpol_selection *ret, struct mpol_error *error);
int select_match(int root, const char *expression, struct mpol_selection *ret,
		 struct mpol_error *error);
int select_tree(int root, pid_t pid, struct mpol_selection *ret, struct mpol_error *error);

#endif
