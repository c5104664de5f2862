/* SPDX-License-Identifier: MIT */
/*
 * Cgroups of the second version, below a root descriptor (rootfs.h):
 * Documentation/admin-guide/cgroup-v2.rst.
 *
 * A cgroup is named by its path below the root directory: "sys/fs/cgroup/a/b",
 * or "sys/fs/cgroup/unified/a/b" on machines that have version 1 as well.
 */
#ifndef HOST_CGROUP_H
#define HOST_CGROUP_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include <mpol/mpol.h>

/*
 * The cgroup that a user names: a path as in /proc/PID/cgroup, with or without
 * "/" or "/sys/fs/cgroup/" before it.
 * Errors: -EINVAL (with "." or ".." in it; the root, which nobody means), -ENOENT (there is none),
 * -EOPNOTSUPP (no cgroup v2), -EACCES, -ENAMETOOLONG.
 */
int cgroup_find(int root, const char *name, char ret_path[PATH_MAX], struct mpol_error *error);

/* The path in the unified hierarchy, from the text of /proc/PID/cgroup, which is cut behind it;
 * NULL: it has none there. */
const char *cgroup_parse_own(char *text);

/*
 * The cgroup of a systemd unit: of that name, or, where the name has no suffix of
 * a unit with processes, of that name with one.  Found by looking at all cgroups:
 * systemd's managers, the system's and users', name them after units (cgroups(7)).
 * Errors: -EINVAL (no unit has such a name), -ENOENT, -ENOTUNIQ (several; the
 * advice lists them), -EOPNOTSUPP, -EACCES, -ENAMETOOLONG, -ENOMEM.
 */
int cgroup_find_unit(int root, const char *name, char ret_path[PATH_MAX], struct mpol_error *error);

/*
 * The ids of the processes of the cgroup and of all below it, in no order, perhaps
 * twice: processes fork and change cgroups meanwhile.  Those that this process's
 * pid namespace has no id for are left out.  free(3) them.
 * Errors: -ENOENT, -EOPNOTSUPP (a threaded cgroup), -EBADMSG, -EACCES, -ENOMEM.
 */
int cgroup_list_processes(int root, const char *path, pid_t **ret_pids, size_t *ret_nr,
			  struct mpol_error *error);

/*
 * Reads the text of a cgroup.procs and appends its ids to *pids, which has *nr of
 * them (NULL and 0 at first) and nobody else makes longer; free(3) it, also after
 * an error.  Returns 0, -EBADMSG or -ENOMEM.
 */
int cgroup_parse_procs(const char *text, pid_t **pids, size_t *nr);

#endif
