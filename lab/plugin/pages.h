/* SPDX-License-Identifier: MIT */
/*
 * Counts by page of one task: a radix tree over virtual page numbers.
 *
 * One writer at a time and no reader beside it: the vCPU that runs the task
 * adds, inside the gate; the control thread takes the whole tree in a pause.
 */
#ifndef LAB_PLUGIN_PAGES_H
#define LAB_PLUGIN_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#define PAGES_SHIFT 12

struct pages;

/* Zeroed counts of one page, by virtual page number. */
struct page_count {
	uint64_t vpn;
	uint64_t loads;
	uint64_t stores;
	unsigned int cell; /* where the last access went: nodemap.h */
};

/* NULL on lack of memory. */
struct pages *pages_new(void);
void pages_free(struct pages *pages);

/* Adds to one page.  Lack of memory is remembered: pages_lost. */
void pages_add(struct pages *pages, const struct page_count *count);

/* Accesses that found no memory for their page. */
uint64_t pages_lost(const struct pages *pages);

/* Calls visit for each counted page in ascending order. */
void pages_for_each(const struct pages *pages,
		    void (*visit)(const struct page_count *count, void *data), void *data);

#endif
