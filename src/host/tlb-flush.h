/* SPDX-License-Identifier: MIT */
/*
 * Making all CPUs forget what they know of another process's page tables, from outside.
 *
 * On x86-64 the kernel, when it moves one base page that another CPU may know of, flushes
 * everything of that process (arch/x86/mm/tlb.c, arch_tlbbatch_flush; since Linux 6.3, where
 * move_pages(2) flushes in batches: mm/rmap.c, should_defer_flush).  A huge page's move flushes
 * that page alone. So a base page is moved to another node, and back.
 */
#ifndef HOST_TLB_FLUSH_H
#define HOST_TLB_FLUSH_H

#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "page-table.h"

struct tlb_flush {
	int root;    /* descriptor of "/" */
	pid_t pid;   /* of the process, or of a thread of it that has not ended */
	int pagemap; /* descriptor of its /proc/PID/pagemap */
	/* Says which pages of the view are present, and which huge.  Returns 0 or -errno. */
	int (*look)(struct page_table_view *view, void *user);
	void *user;
	uint64_t page; /* address of the base page that was moved last; 0: none yet */
};

/*
 * Whether the process can be flushed: 0, or -EOPNOTSUPP: it may use only one node with
 * memory, or the kernel is older than 6.3.  Others: -ESRCH, -EACCES, -ENOMEM.
 */
int tlb_flush_check(int root, pid_t pid, struct mpol_error *err);

/*
 * Flushes.  Errors: of tlb_flush_check; -EBUSY: no page of its own could be moved; -EPERM; of look.
 */
int tlb_flush_run(struct tlb_flush *flush);

#endif
