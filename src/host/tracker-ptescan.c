/* SPDX-License-Identifier: MIT */
/*
 * Accessed bits by BPF: see tracker-ptescan.h.
 *
 * A process is named by its open pagemap, which stands for one memory for good.  The other files,
 * and move_pages(2), go by the number of a thread; where its leader has ended but others live on,
 * by that of one of those.
 */
#include "tracker-ptescan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "accessed-bit.h"
#include "cleanup.h"
#include "error.h"
#include "node-blocks.h"
#include "pagemap.h"
#include "process.h"
#include "ptescan-program.h"
#include "tlb-flush.h"

/* What all processes that are followed share; there from the first to the last. */
static struct {
	unsigned int users;
	struct node_blocks blocks;
	struct ptescan_program *program;
} shared;

struct followed {
	struct tracker tracker;
	pid_t pid;
	int pagemap;
	int clear_refs; /* of thread flush.pid */
	struct tlb_flush flush;
	bool is_user; /* of what is shared */
};

static struct followed *followed_of(struct tracker *tracker)
{
	return (struct followed *)tracker;
}

static void release_shared(void)
{
	if (--shared.users > 0)
		return;
	ptescan_program_free(steal_pointer(&shared.program));
	node_blocks_free(&shared.blocks);
	shared.blocks = (struct node_blocks) { 0 };
}

static int use_shared(int root, struct mpol_error *err)
{
	int r;

	if (shared.users++ > 0)
		return 0;
	r = node_blocks_read(root, &shared.blocks);
	if (r < 0)
		error_errno(err, r, "read the nodes' memory blocks");
	else
		r = ptescan_program_load(&shared.blocks, 0, &shared.program, err);
	if (r < 0)
		release_shared();
	return r;
}

static void ptescan_reread_memory(int root)
{
	struct node_blocks blocks;

	if (!shared.users || node_blocks_read(root, &blocks) < 0)
		return;
	node_blocks_free(&shared.blocks);
	shared.blocks = blocks;
	ptescan_program_extend(shared.program);
}

/* Opens the files of a thread that has memory; *followed is untouched on failure. */
static int open_files(struct followed *followed)
{
	const int root = followed->flush.root;
	pid_t tid;
	_cleanup_close_ int pagemap = process_open_pagemap(root, followed->pid, &tid);
	_cleanup_close_ int clear_refs = -1;

	if (pagemap < 0)
		return pagemap;
	clear_refs = process_open_file(root, tid, "clear_refs", O_WRONLY);
	if (clear_refs < 0)
		return clear_refs;
	closep(&followed->clear_refs);
	followed->clear_refs = steal_fd(&clear_refs);
	followed->flush.pid = tid;
	if (followed->pagemap < 0)
		followed->pagemap = followed->flush.pagemap = steal_fd(&pagemap);
	return 0;
}

static int explain(const struct followed *followed, int r, struct mpol_error *err)
{
	if (r == -ESRCH)
		error_set(err, r, "follow accesses",
			  "the process has ended, or runs another program");
	else
		error_errno(err, r, "follow accesses");
	error_on(err, "process %d", followed->pid);
	if (r == -EACCES || r == -EPERM)
		error_advise(err, "for other users' processes, CAP_SYS_PTRACE and CAP_DAC_OVERRIDE "
				  "are needed");
	return r;
}

static int look(struct page_table_view *view, void *user)
{
	const struct followed *followed = user;

	return ptescan_program_read(shared.program, followed->pagemap, view, NULL);
}

static void ptescan_close(struct tracker *tracker)
{
	struct followed *followed = followed_of(tracker);

	closep(&followed->pagemap);
	closep(&followed->clear_refs);
	if (followed->is_user)
		release_shared();
	free(followed);
}

DEFINE_CLEANUP(struct tracker *, ptescan_close);

static int ptescan_open(int root, pid_t pid, struct tracker **ret, struct mpol_error *err)
{
	struct followed *followed = calloc(1, sizeof(*followed));
	_cleanup_(ptescan_closep) struct tracker *tracker = (struct tracker *)followed;
	int r;

	if (!followed)
		return error_errno(err, -ENOMEM, "follow accesses");
	*followed = (struct followed) {
		.tracker.kind = &tracker_ptescan,
		.pid = pid,
		.pagemap = -1,
		.clear_refs = -1,
		.flush = { .root = root, .look = look, .user = followed },
	};
	r = open_files(followed);
	if (r < 0)
		return explain(followed, r, err);
	r = use_shared(root, err);
	if (r < 0)
		return r;
	followed->is_user = true;
	*ret = steal_pointer(&tracker);
	return 0;
}

/* "1": fs/proc/task_mmu.c, CLEAR_REFS_ALL.  Of a thread that has ended it says that all is well. */
static int clear_bits(const struct followed *followed)
{
	_cleanup_close_ int pagemap = -1;

	if (pwrite(followed->clear_refs, "1", 1, 0) != 1)
		return -errno;
	pagemap = process_open_file(followed->flush.root, followed->flush.pid, "pagemap", O_RDONLY);
	return pagemap >= 0 && process_pagemap_is_alive(pagemap) ? 0 : -ESRCH;
}

static int clear_and_flush(struct followed *followed)
{
	int r = clear_bits(followed);

	if (r == 0)
		r = tlb_flush_run(&followed->flush);
	/* The bits are better than nothing. */
	return r == -EOPNOTSUPP || r == -EBUSY ? 0 : r;
}

static int ptescan_clear(struct tracker *tracker)
{
	struct followed *followed = followed_of(tracker);
	int r;

	/* The process may run another program by now, whose bits these would be. */
	if (!process_pagemap_is_alive(followed->pagemap))
		return -ESRCH;
	r = clear_and_flush(followed);
	if (r != -ESRCH || !process_pagemap_is_alive(followed->pagemap))
		return r;
	/* The thread that stood for the process has ended, others live on. */
	r = open_files(followed);
	return r == 0 ? clear_and_flush(followed) : r;
}

int tracker_ptescan_flush(struct tracker *tracker)
{
	struct followed *followed = followed_of(tracker);
	int r;

	if (!process_pagemap_is_alive(followed->pagemap))
		return -ESRCH;
	r = tlb_flush_run(&followed->flush);
	return r == -EOPNOTSUPP || r == -EBUSY ? 0 : r;
}

static int ptescan_check(int root, struct mpol_error *err)
{
	return tlb_flush_check(root, getpid(), err);
}

static int ptescan_scan(struct tracker *tracker, uint64_t start, uint64_t end, uint64_t *bits)
{
	struct page_table_view view = {
		.start = start,
		.nr_pages = (end - start) / PAGE_BYTES,
		.accessed = bits,
	};

	return ptescan_program_read(shared.program, followed_of(tracker)->pagemap, &view, NULL);
}

const struct tracker_kind tracker_ptescan = {
	.name = "ptescan",
	.summary =
		"accessed bits of page tables, read by BPF: reads and writes, base pages and whole "
		"huge pages; up to half a microsecond to the process for each page that it "
		"accesses",
	.side_effects =
		"reclaim loses what it knew of the pages' use; each clear holds the process's "
		"mmap lock for writing, and moves one page to another node and back",
	.sees_reads = true,
	.is_automatic = true,
	.granularity_pages = 1,
	.clear_ns = 30,
	.scan_ns = 3,
	.target_fault_ns = ACCESSED_BIT_NS,
	.clears_accessed_bits = true,
	.capabilities = 1ULL << CAP_BPF | 1ULL << CAP_PERFMON | 1ULL << CAP_SYSLOG,
	.open = ptescan_open,
	.close = ptescan_close,
	.check = ptescan_check,
	.reread_memory = ptescan_reread_memory,
	.clear = ptescan_clear,
	.scan = ptescan_scan,
};
