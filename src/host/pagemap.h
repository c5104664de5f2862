/* SPDX-License-Identifier: MIT */
/*
 * The kernel's tables of pages and what their bits mean: /proc/PID/pagemap
 * with PAGEMAP_SCAN, and /proc/kpageflags (Documentation/admin-guide/mm/
 * pagemap.rst; fs/proc/task_mmu.c, fs/proc/page.c).
 */
#ifndef HOST_PAGEMAP_H
#define HOST_PAGEMAP_H

#include <linux/ioctl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node-blocks.h"
#include "page.h"

#define HUGE_PAGES 512UL /* base pages of a transparent huge page */

/* An entry of pagemap. */
#define PAGEMAP_NUMBER	   ((1ULL << 55) - 1) /* of the physical page; 0 without CAP_SYS_ADMIN */
#define PAGEMAP_SOFT_DIRTY (1ULL << 55)	      /* written since the bits were cleared */
#define PAGEMAP_EXCLUSIVE  (1ULL << 56)	      /* mapped once */
#define PAGEMAP_FILE	   (1ULL << 61)	      /* not anonymous */
#define PAGEMAP_PRESENT	   (1ULL << 63)

/* Bits of /proc/kpageflags (linux/kernel-page-flags.h). */
#define KPAGEFLAGS_HEAD (1ULL << 15) /* the first page of several that are kept together … */
#define KPAGEFLAGS_TAIL (1ULL << 16) /* … and the others */
#define KPAGEFLAGS_THP	(1ULL << 22)

/* PAGEMAP_SCAN, Linux 6.7 (linux/fs.h, struct pm_scan_arg). */
struct pagemap_region {
	uint64_t start, end;
	uint64_t categories;
};

struct pagemap_scan {
	uint64_t size;
	uint64_t flags;
	uint64_t start, end;
	uint64_t walk_end;
	uint64_t regions;    /* address of an array … */
	uint64_t nr_regions; /* … of so many */
	uint64_t most_pages;
	uint64_t inverted, all_of, any_of, shown; /* masks of categories */
};

#define PAGEMAP_SCAN_IOCTL	_IOWR('f', 16, struct pagemap_scan)
#define PAGEMAP_SCAN_PRESENT	(1ULL << 3)
#define PAGEMAP_SCAN_HUGE	(1ULL << 6)
#define PAGEMAP_SCAN_SOFT_DIRTY (1ULL << 7)

/* What pagemap_judge says of a page instead of a node.  Less than NOWHERE: ask the kernel. */
#define PAGE_NOWHERE (-1)
#define PAGE_ASK     NODE_BLOCKS_NONE

/*
 * The nodes of nr pages of a process, from its pagemap's entries: ret_nodes[i]
 * is a node, PAGE_NOWHERE, or less where the entry does not tell.  first: the
 * number of the first virtual page; zero: the number of the physical page that
 * is all zero.  blocks knows nothing where the entries show no numbers.
 * Returns how many pages have to be asked for.
 *
 * The answers are those of move_pages(2) (mm/migrate.c, do_pages_stat_array),
 * for which a page has a node if a struct page is behind it that is not a zero
 * page.  pagemap shows that by its bits: EXCLUSIVE or FILE, which the huge zero page also has,
 * as it does not belong to anonymous memory.  An entry with neither may be
 * anonymous memory shared by fork, a page merged by KSM, or special.
 */
size_t pagemap_judge(const struct node_blocks *blocks, uint64_t zero, uint64_t first,
		     const uint64_t *entries, size_t nr, int *ret_nodes);

/*
 * Whether entries of pages numbered a and b, in one huge page's worth of
 * addresses, are parts of one huge page, or lie as if they were: then one
 * answer holds for both.
 */
bool pagemap_as_one(uint64_t a, uint64_t entry_a, uint64_t b, uint64_t entry_b);

#endif
