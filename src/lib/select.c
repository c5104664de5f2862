/* SPDX-License-Identifier: MIT */
/* Sets of processes: which of host's selections a selector means. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mpol/mpol.h>

#include "args.h"
#include "cgroup.h"
#include "cleanup.h"
#include "error.h"
#include "rootfs.h"
#include "select.h"

static int read_selector(const struct mpol_selector *user, struct mpol_selector *ret,
			 struct mpol_error *error)
{
	int nr, r = args_read_sized(user, ret, sizeof(*ret), "read selector", error);

	if (r < 0)
		return r;
	nr = !!ret->cgroup + !!ret->unit + !!ret->match + !!ret->tree;
	if (nr != 1)
		return error_set(error, -EINVAL, "read selector",
				 "it names %d sets of processes, not one", nr);
	return 0;
}

static int select_processes(int root, const struct mpol_selector *selector,
			    struct mpol_selection *ret, struct mpol_error *error)
{
	char path[PATH_MAX];
	int r;

	if (selector->tree)
		return select_tree(root, selector->tree, ret, error);
	if (selector->match)
		return select_match(root, selector->match, ret, error);
	r = selector->unit ? cgroup_find_unit(root, selector->unit, path, error)
			   : cgroup_find(root, selector->cgroup, path, error);
	return r < 0 ? r : select_cgroup(root, path, ret, error);
}

static int refuse_empty(const struct mpol_selector *selector, struct mpol_error *error)
{
	if (selector->tree) {
		error_set(error, -ESRCH, "select processes",
			  "nobody but the caller, kernel threads and what has ended");
		error_on(error, "the tree of process %d", selector->tree);
	} else if (selector->match) {
		error_set(error, -ESRCH, "select processes", "no process has such a command line");
		error_on(error, "\"%.128s\"", selector->match);
		error_advise(error, "pgrep -af shows what command lines look like");
	} else {
		error_set(error, -ESRCH, "select processes", "no process is in it, or below it");
		error_on(error, "%s %.128s", selector->unit ? "unit" : "cgroup",
			 selector->unit ? selector->unit : selector->cgroup);
		error_advise(error, "systemd-cgls(1) shows who is where");
	}
	return -ESRCH;
}

int mpol_select(const char *root, const struct mpol_selector *user,
		struct mpol_selection *ret_selection, struct mpol_error *error)
{
	_cleanup_close_ int fd = -1;
	struct mpol_selection selection = { 0 };
	struct mpol_selector selector;
	int r = read_selector(user, &selector, error);

	if (r < 0)
		return r;
	fd = rootfs_open(root);
	if (fd < 0) {
		error_errno(error, fd, "open root");
		error_on(error, "%s", root ? root : "/");
		return fd;
	}
	r = select_processes(fd, &selector, &selection, error);
	if (r < 0)
		return r;
	if (!selection.nr_processes) {
		mpol_selection_free(&selection);
		return refuse_empty(&selector, error);
	}
	*ret_selection = selection;
	return 0;
}

void mpol_selection_free(struct mpol_selection *selection)
{
	free(selection->processes);
	*selection = (struct mpol_selection) { 0 };
}
