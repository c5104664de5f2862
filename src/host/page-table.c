/* SPDX-License-Identifier: MIT */
/* Decoding the entries of page tables: see page-table.h.  Pure. */
#include "page-table.h"

#include <stdbool.h>

#include "pagemap.h"

#define PRESENT	       0 /* numbers of bits */
#define ACCESSED       5
#define LARGE	       7
#define NO_ACCESS      8 /* without PRESENT: PROT_NONE, or marked for a hint fault */
#define BIT(entry, nr) ((entry) >> (nr)&1)

/* 1 or 0. */
static uint64_t is_there(uint64_t entry)
{
	return BIT(entry, PRESENT) | BIT(entry, NO_ACCESS);
}

/* The page's node; entries that may not be accessed have its number inverted (pte_pfn). */
static int16_t node_of(uint64_t entry, uint64_t mask, const struct node_blocks *blocks)
{
	const uint64_t shown = BIT(entry, PRESENT) ? entry : ~entry;
	int node = node_blocks_find(blocks, (shown & mask) >> PAGE_TABLE_BASE_SHIFT);

	return (int16_t)(node < 0 ? -1 : node);
}

static void add(uint64_t *words, size_t first, uint64_t bits)
{
	if (words)
		words[first / PAGE_TABLE_WORD_PAGES] |= bits << first % PAGE_TABLE_WORD_PAGES;
}

/* How many pages of [page, end) are in page's word. */
static size_t in_word(size_t page, size_t end)
{
	const size_t rest = PAGE_TABLE_WORD_PAGES - page % PAGE_TABLE_WORD_PAGES;

	return end - page < rest ? end - page : rest;
}

/* Pages [first, end) of the view; entries[0] is about the first. */
static void read_base_pages(const uint64_t *entries, size_t first, size_t end,
			    struct page_table_view *view)
{
	size_t nr;

	for (size_t page = first; page < end; page += nr, entries += nr) {
		uint64_t accessed = 0, present = 0;

		nr = in_word(page, end);
		for (size_t i = 0; i < nr; i++) {
			const uint64_t there = is_there(entries[i]);

			present |= there << i;
			accessed |= (there & entries[i] >> ACCESSED) << i;
		}
		add(view->present, page, present);
		add(view->accessed, page, accessed);
	}
}

static void read_huge_page(uint64_t entry, size_t first, size_t end, struct page_table_view *view)
{
	size_t nr;

	for (size_t page = first; page < end; page += nr) {
		uint64_t all;

		nr = in_word(page, end);
		all = ~0ULL >> (PAGE_TABLE_WORD_PAGES - nr);
		add(view->present, page, all);
		add(view->huge, page, all);
		if (BIT(entry, ACCESSED))
			add(view->accessed, page, all);
	}
}

static void read_base(const struct page_table_piece *piece, const struct node_blocks *blocks,
		      struct page_table_view *view)
{
	const uint64_t view_end = view->start + view->nr_pages * PAGE_BYTES;
	const uint64_t piece_end = piece->start + piece->nr * PAGE_BYTES;
	const uint64_t start = piece->start < view->start ? view->start : piece->start;
	const uint64_t end = piece_end > view_end ? view_end : piece_end;
	const uint64_t *entries;
	size_t first;

	if (start >= end)
		return;
	entries = piece->entries + (start - piece->start) / PAGE_BYTES;
	first = (start - view->start) / PAGE_BYTES;
	read_base_pages(entries, first, (end - view->start) / PAGE_BYTES, view);
	for (size_t i = 0; view->nodes && i < (end - start) / PAGE_BYTES; i++)
		if (is_there(entries[i]))
			view->nodes[first + i] = node_of(entries[i], piece->frame_mask, blocks);
}

static void read_huge(const struct page_table_piece *piece, const struct node_blocks *blocks,
		      struct page_table_view *view)
{
	const uint64_t view_end = view->start + view->nr_pages * PAGE_BYTES;
	uint64_t at = piece->start;

	for (size_t i = 0; i < piece->nr; i++, at += HUGE_PAGES * PAGE_BYTES) {
		const uint64_t entry = piece->entries[i];
		uint64_t start = at < view->start ? view->start : at;
		uint64_t end = at + HUGE_PAGES * PAGE_BYTES;

		end = end > view_end ? view_end : end;
		if (!is_there(entry) || !BIT(entry, LARGE) || start >= end)
			continue;
		start = (start - view->start) / PAGE_BYTES;
		end = (end - view->start) / PAGE_BYTES;
		read_huge_page(entry, start, end, view);
		for (size_t page = start; view->nodes && page < end; page++)
			view->nodes[page] = node_of(entry, piece->frame_mask, blocks);
	}
}

void page_table_read(const struct page_table_piece *piece, const struct node_blocks *blocks,
		     struct page_table_view *view)
{
	if (piece->shift == PAGE_TABLE_HUGE_SHIFT)
		read_huge(piece, blocks, view);
	else
		read_base(piece, blocks, view);
}
