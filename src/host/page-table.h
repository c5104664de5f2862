/* SPDX-License-Identifier: MIT */
/*
 * What the entries of x86-64's page tables tell (arch/x86/include/asm/pgtable_types.h,
 * pgtable.h, pgtable-invert.h).  Pure.
 */
#ifndef HOST_PAGE_TABLE_H
#define HOST_PAGE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "node-blocks.h"

#define PAGE_TABLE_BASE_SHIFT 12 /* address bits below one entry of the lowest table … */
#define PAGE_TABLE_HUGE_SHIFT 21 /* … and of the one above */

#define PAGE_TABLE_WORD_PAGES 64

/*
 * What is known of nr_pages base pages from the address start on.  Bit i % 64 of word i / 64 is
 * about page i.  The arrays are the caller's; NULL: not wanted.
 */
struct page_table_view {
	uint64_t start;
	size_t nr_pages;
	uint64_t *accessed;
	uint64_t *present;
	uint64_t *huge; /* mapped as a part of a huge page, which is accessed as a whole */
	int16_t *nodes; /* -1: not known */
};

/* Neighbouring entries of a table. */
struct page_table_piece {
	uint64_t start; /* the address that the first is about */
	unsigned int shift;
	size_t nr;
	const uint64_t *entries;
	uint64_t frame_mask; /* the bits of an entry that are a physical address */
};

/*
 * Sets the bits that the piece says, and the nodes of pages that are there: of base pages for
 * PAGE_TABLE_BASE_SHIFT, of huge ones for PAGE_TABLE_HUGE_SHIFT, where entries that
 * are tables say nothing.  What is outside of the view is left out.
 */
void page_table_read(const struct page_table_piece *piece, const struct node_blocks *blocks,
		     struct page_table_view *view);

#endif
