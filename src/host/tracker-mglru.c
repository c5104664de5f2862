/* SPDX-License-Identifier: MIT */
/*
 * The tracker mglru: accessed bits that the multi-generational LRU clears by ageing, read as
 * ptescan reads them.
 *
 * Ageing walks the page tables of all processes of a memory cgroup with the mmap lock held for
 * reading, and lets go of it between whiles: the process may map and fault meanwhile.  Reclaim
 * loses nothing: ageing is how it learns, only earlier than it would.  Bits stay set of what
 * ageing passes over: locked memory, and ranges with MADV_SEQUENTIAL or MADV_RANDOM
 * (mm/vmscan.c, should_skip_vma); these look hot.
 *
 * A cgroup is aged as a whole, so all its processes have to be followed when the first of
 * them begins; later comers are aged along.
 */
#include "tracker-ptescan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accessed-bit.h"
#include "cgroup.h"
#include "cleanup.h"
#include "error.h"
#include "grow.h"
#include "lru-gen.h"
#include "process.h"
#include "rootfs.h"

#define LRU_GEN "sys/kernel/debug/lru_gen"

/* /sys/kernel/mm/lru_gen/enabled: the lists, and that page tables are walked. */
#define ENABLED_MASK 3

struct aged {
	struct tracker tracker;
	struct tracker *scanner; /* ptescan's */
	int root;
	pid_t pid;
	bool has_begun;
};

static struct {
	struct aged **list;
	size_t nr, nr_allocated;
} followed;

static struct aged *aged_of(struct tracker *tracker)
{
	return (struct aged *)tracker;
}

/* ---- Whether it can be ---------------------------------------------------------------------- */

static int check_generations(int root, struct mpol_error *err)
{
	static const char step[] = "age generations";
	_cleanup_free_ char *enabled = NULL;
	_cleanup_close_ int fd = -1;
	ssize_t n = rootfs_read(root, &enabled, "sys/kernel/mm/lru_gen/enabled");

	if (n < 0 || (strtoul(enabled, NULL, 0) & ENABLED_MASK) != ENABLED_MASK) {
		error_set(err, -EOPNOTSUPP, step, "the multi-generational LRU is %s",
			  n < 0 ? "not built into this kernel" : "off");
		error_advise(err, n < 0 ? "needs CONFIG_LRU_GEN"
					: "echo y >/sys/kernel/mm/lru_gen/enabled");
		return -EOPNOTSUPP;
	}
	fd = openat(root, LRU_GEN, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return 0;
	error_set(err, -EOPNOTSUPP, step, "%s", strerror(errno));
	error_on(err, "/" LRU_GEN);
	error_advise(err, "needs debugfs (mount -t debugfs debugfs /sys/kernel/debug), root, and a "
			  "kernel that is not locked down");
	return -EOPNOTSUPP;
}

static int mglru_check(int root, struct mpol_error *err)
{
	return tracker_ptescan.check(root, err);
}

/* ---- Ageing -----------------------------------------------------------------------------------
 */

static int find_group(const struct aged *aged, struct lru_gen_group *ret)
{
	_cleanup_free_ char *cgroup = NULL, *generations = NULL;
	char path[sizeof(ret->path)];
	int r = process_read_file(aged->root, aged->pid, "cgroup", &cgroup);
	ssize_t n;

	if (r == 0)
		r = lru_gen_cgroup(cgroup, path, sizeof(path));
	if (r < 0)
		return r;
	n = rootfs_read(aged->root, &generations, LRU_GEN);
	return n < 0 ? (int)n : lru_gen_find(generations, path, ret);
}

static bool is_followed(pid_t pid)
{
	for (size_t i = 0; i < followed.nr; i++)
		if (followed.list[i]->pid == pid)
			return true;
	return false;
}

/* -EBUSY: the group has a process that nobody asked for. */
static int check_group(struct aged *aged, const struct lru_gen_group *group)
{
	_cleanup_free_ pid_t *pids = NULL;
	char path[PATH_MAX];
	size_t nr = 0;
	int r;

	aged->tracker.failure = "mglru ages whole memory cgroups, and this one's has processes "
				"that are not managed; give it one of its own, or manage all";
	if (strcmp(group->path, "/") == 0)
		return -EBUSY;
	r = cgroup_find(aged->root, group->path, path, NULL);
	if (r == 0)
		r = cgroup_list_processes(aged->root, path, &pids, &nr, NULL);
	for (size_t i = 0; i < nr && r == 0; i++)
		if (!is_followed(pids[i]))
			r = -EBUSY;
	if (r != -EBUSY)
		aged->tracker.failure = NULL;
	return r;
}

/* "can_swap" 200: anonymous memory too, whether or not there is swap.  "force_scan" 1: also if
 * there are as many generations as can be, and also what seemed not worth a walk. */
static int age(const struct aged *aged, const struct lru_gen_group *group)
{
	char command[96];

	for (size_t i = 0; i < group->nr_nodes; i++) {
		int r;

		snprintf(command, sizeof(command), "+ %" PRIu32 " %d %" PRIu64 " 200 1\n",
			 group->id, group->nodes[i].node, group->nodes[i].youngest);
		r = rootfs_write(aged->root, command, LRU_GEN);
		if (r < 0)
			return r;
	}
	return 0;
}

static int mglru_clear(struct tracker *tracker)
{
	struct aged *aged = aged_of(tracker);
	_cleanup_free_ struct lru_gen_group *group = calloc(1, sizeof(*group));
	int r = group ? find_group(aged, group) : -ENOMEM;

	if (r == 0 && !aged->has_begun)
		r = check_group(aged, group);
	if (r == 0)
		r = age(aged, group);
	if (r < 0)
		return r;
	aged->has_begun = true;
	return tracker_ptescan_flush(aged->scanner);
}

/* ---- As a tracker
 * -------------------------------------------------------------------------------- */

static void mglru_close(struct tracker *tracker)
{
	struct aged *aged = aged_of(tracker);

	for (size_t i = 0; i < followed.nr; i++)
		if (followed.list[i] == aged)
			followed.list[i] = followed.list[--followed.nr];
	if (followed.nr == 0) {
		free(steal_pointer(&followed.list));
		followed.nr_allocated = 0;
	}
	if (aged->scanner)
		aged->scanner->kind->close(aged->scanner);
	free(aged);
}

DEFINE_CLEANUP(struct tracker *, mglru_close);

static int mglru_open(int root, pid_t pid, struct tracker **ret, struct mpol_error *err)
{
	struct aged *aged = calloc(1, sizeof(*aged)), **list;
	_cleanup_(mglru_closep) struct tracker *tracker = (struct tracker *)aged;
	int r;

	if (!aged)
		return error_errno(err, -ENOMEM, "follow accesses");
	*aged = (struct aged) { .tracker.kind = &tracker_mglru, .root = root, .pid = pid };
	r = check_generations(root, err);
	if (r == 0)
		r = tracker_ptescan.open(root, pid, &aged->scanner, err);
	if (r < 0)
		return r;
	list = grow(followed.list, followed.nr, &followed.nr_allocated, sizeof(struct aged *));
	if (!list)
		return error_errno(err, -ENOMEM, "follow accesses");
	followed.list = list;
	list[followed.nr++] = aged;
	*ret = steal_pointer(&tracker);
	return 0;
}

static int mglru_scan(struct tracker *tracker, uint64_t start, uint64_t end, uint64_t *bits)
{
	struct tracker *scanner = aged_of(tracker)->scanner;

	return scanner->kind->scan(scanner, start, end, bits);
}

const struct tracker_kind tracker_mglru = {
	.name = "mglru",
	.summary = "accessed bits as ptescan reads them, cleared by ageing the process's memory "
		   "cgroup: the process keeps its mmap lock",
	.side_effects = "reclaim sees generations pass sooner; all processes of the memory cgroup "
			"pay",
	.sees_reads = true,
	.is_automatic = true,
	.granularity_pages = 1,
	.clear_ns = 50,
	.scan_ns = 3,
	.target_fault_ns = ACCESSED_BIT_NS,
	.clears_accessed_bits = true,
	.capabilities = 1ULL << CAP_BPF | 1ULL << CAP_PERFMON | 1ULL << CAP_SYSLOG,
	.open = mglru_open,
	.close = mglru_close,
	.check = mglru_check,
	.clear = mglru_clear,
	.scan = mglru_scan,
};
