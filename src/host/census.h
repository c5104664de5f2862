/* SPDX-License-Identifier: MIT */
/*
 * The census: on which node each page of a process is.
 *
 * Asking move_pages(2) page by page is the kernel's own answer, and slow.  Who
 * may see physical page numbers (CAP_SYS_ADMIN) gets the same answers from
 * pagemap and the kernel's memory blocks, several times faster; pages of which
 * those do not tell are asked for.  For everybody else all are.
 *
 * A page has no node, PAGE_NOWHERE, where move_pages answers ENOENT or EFAULT:
 * not present (never touched, swapped out), a zero page, memory that the kernel keeps no
 * struct page for.  In one case the census knows more: before Linux 6.12,
 * move_pages does not find what may not be accessed (PROT_NONE, or marked for a
 * hint fault), nor memfd_secret(2).
 *
 * Pages may come, go and move while they are counted.  Nothing is stopped.
 */
#ifndef HOST_CENSUS_H
#define HOST_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cleanup.h"
#include "nodemask.h"
#include "pagemap.h"

/* As if it were not to be had here; for tests. */
#define CENSUS_WITHOUT_NUMBERS (1U << 0) /* physical page numbers */
#define CENSUS_WITHOUT_SCAN    (1U << 1) /* PAGEMAP_SCAN */

struct census;

/* Neighbouring pages on one node. */
struct census_run {
	uint64_t start, end; /* addresses; end exclusive */
	int node;
	/* The run is made of pieces of this size, each kept and moved as a whole: a base page, a
	 * transparent huge page, a page of hugetlbfs, or what of a large folio is mapped. */
	uint64_t unit_bytes;
};

struct census_request {
	/* Addresses at multiples of page_bytes, within one range of the process. */
	uint64_t start, end;
	uint64_t page_bytes; /* the kernel's page size in that range: struct vma */
	/* Look for folios smaller than a huge page on these nodes; NULL: none.  Costs one
	 * more look for each page that lies behind its neighbour in memory too. */
	const struct nodemask *folios_on;
	/* Hand each run out while what it says is fresh, at the price of cutting it: no run
	 * is then longer than 8 MiB. */
	bool at_once;
	int (*run)(const struct census_run *run, void *user); /* in order; not 0 ends the walk */
	void *user;
};

/*
 * Opens a census of a living process; free it with census_close.
 * Errors: -ESRCH, -EACCES (may not look into it), -ENOMEM.
 */
int census_open(int root, pid_t pid, unsigned int without, struct census **ret);
void census_close(struct census *census);
DEFINE_CLEANUP(struct census *, census_close);

/* Memory has come or gone: which node has which is read anew. */
void census_reread_memory(struct census *census, int root);

/*
 * Calls request->run for the pages that are there.  It may use the census, but
 * not walk it.  Memory that is not there costs little from Linux 6.7 on
 * (PAGEMAP_SCAN), before that 8 bytes per page to read.
 * Returns 0, what run returned if not 0, or -ESRCH (it has ended, or runs
 * another program), -EPERM.
 */
int census_walk(struct census *census, const struct census_request *request);

/*
 * The nodes of nr pages from the address start on, which lie in one range; in
 * a range of hugetlbfs a huge page counts as one at its beginning, so nr is 1.
 * Errors: as census_walk.
 */
int census_nodes(struct census *census, uint64_t start, size_t nr, int *ret_nodes);

#endif
