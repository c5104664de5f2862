/* SPDX-License-Identifier: MIT */
/* Flushing by moving a page: see tlb-flush.h. */
#include "tlb-flush.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "maps.h"
#include "nodemask.h"
#include "pagemap.h"
#include "process.h"
#include "rootfs.h"

#define WINDOW	   64 /* pages looked at, at the end of a range: a stack is used there */
#define MOST_TRIES 8

/* One flush: the nodes that pages may be on, and how many pages refused to move. */
struct attempt {
	struct tlb_flush *flush;
	struct nodemask nodes;
	unsigned tries;
};

/* Moves the page to the node; node -1: only asks where it is.  Returns its node, or -errno. */
static int place(pid_t pid, uint64_t page, int node)
{
	void *address = (void *)page;
	int status = -EBUSY;

	if (syscall(SYS_move_pages, pid, 1, &address, node < 0 ? NULL : &node, &status,
		    MPOL_MF_MOVE) < 0)
		return -errno;
	return status;
}

/* 1: moved; 0: not this page; -ESRCH, … : it makes no sense to try others. */
static int try_page(struct attempt *attempt, uint64_t page)
{
	const pid_t pid = attempt->flush->pid;
	int home = place(pid, page, -1), other, r;

	if (home < 0)
		return home == -ESRCH || home == -EPERM ? home : 0;
	other = nodemask_next(&attempt->nodes, 0);
	if (other == home)
		other = nodemask_next(&attempt->nodes, home + 1);
	r = place(pid, page, other);
	if (r == -ESRCH || r == -EPERM || r == -EACCES)
		return r;
	if (r != other) {
		attempt->tries++;
		return 0;
	}
	/* Where it cannot go back it is only a page in a slower place. */
	place(pid, page, home);
	attempt->flush->page = page;
	return 1;
}

/* Tries the base pages of [start, end), at most WINDOW, that are this process's alone. */
static int try_pages(struct attempt *attempt, uint64_t start, uint64_t end)
{
	const struct tlb_flush *flush = attempt->flush;
	uint64_t entries[WINDOW], present = 0, huge = 0;
	struct page_table_view view = {
		.start = start,
		.nr_pages = (end - start) / PAGE_BYTES,
		.present = &present,
		.huge = &huge,
	};
	ssize_t got;
	int r = flush->look(&view, flush->user);

	if (r < 0)
		return r;
	got = pread(flush->pagemap, entries, view.nr_pages * sizeof(*entries),
		    (off_t)(start / PAGE_BYTES * sizeof(*entries)));
	if (got <= 0)
		return -ESRCH;
	for (size_t i = (size_t)got / sizeof(*entries); i-- > 0 && r == 0;)
		if (attempt->tries < MOST_TRIES && present >> i & 1 && !(huge >> i & 1) &&
		    entries[i] & PAGEMAP_EXCLUSIVE && !(entries[i] & PAGEMAP_FILE))
			r = try_page(attempt, start + i * PAGE_BYTES);
	return r;
}

/* As try_page, for every range of private memory that can be written, until a page has moved. */
static int try_all(struct attempt *attempt)
{
	const struct tlb_flush *flush = attempt->flush;
	_cleanup_free_ char *text = NULL;
	struct maps_entry entry;
	int r = process_read_file(flush->root, flush->pid, "maps", &text);
	char *cursor = text;

	while (r == 0 && attempt->tries < MOST_TRIES) {
		uint64_t start;

		r = maps_next(&cursor, &entry);
		if (r <= 0)
			return r;
		r = 0;
		start = entry.end - WINDOW * PAGE_BYTES;
		if (entry.permissions[1] == 'w' && entry.permissions[3] == 'p')
			r = try_pages(attempt, start < entry.start ? entry.start : start,
				      entry.end);
	}
	return r;
}

/* Linux 6.3 made migration flush in batches. */
static bool is_kernel_new_enough(void)
{
	struct utsname name;
	unsigned major, minor;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > 6 || (major == 6 && minor >= 3);
}

/* The nodes that pages of the process may be moved to. */
static int find_nodes(int root, pid_t pid, struct nodemask *ret)
{
	struct process_thread thread;
	struct nodemask memory;
	int r = rootfs_read_nodes(root, &memory, "sys/devices/system/node/has_memory");

	if (r == 0)
		r = process_read_thread(root, pid, pid, &thread);
	if (r == 0)
		*ret = nodemask_and(&memory, &thread.mems_allowed);
	return r;
}

static int check(int root, pid_t pid, struct nodemask *ret_nodes, struct mpol_error *err)
{
	static const char step[] = "flush the TLB";
	struct nodemask nodes;
	int r = find_nodes(root, pid, &nodes);

	if (r < 0)
		error_errno(err, r, step);
	else if (!is_kernel_new_enough())
		r = error_set(err, -EOPNOTSUPP, step,
			      "only from Linux 6.3 on does moving a page do it");
	else if (nodemask_weight(&nodes) < 2)
		r = error_set(err, -EOPNOTSUPP, step,
			      "it may use only one node with memory, and a page has to be moved to "
			      "another");
	else
		*ret_nodes = nodes;
	if (r < 0)
		error_on(err, "process %d", pid);
	return r;
}

int tlb_flush_check(int root, pid_t pid, struct mpol_error *err)
{
	struct nodemask nodes;

	return check(root, pid, &nodes, err);
}

int tlb_flush_run(struct tlb_flush *flush)
{
	struct attempt attempt = { .flush = flush };
	int r = check(flush->root, flush->pid, &attempt.nodes, NULL);

	if (r == 0 && flush->page)
		r = try_pages(&attempt, flush->page, flush->page + PAGE_BYTES);
	if (r == 0)
		r = try_all(&attempt);
	return r == 1 ? 0 : r == 0 ? -EBUSY : r;
}
