/* SPDX-License-Identifier: MIT */
/* What the entries of pagemap tell about nodes: see pagemap.h.  Pure. */
#include "pagemap.h"

/* Whether the page lies in its huge page's worth of addresses as in one of memory. */
static bool congruent(uint64_t page, uint64_t entry)
{
	return !((page ^ entry) & (HUGE_PAGES - 1));
}

/* Of a present page that is mapped more than once, or by no struct page. */
static int judge_common(const struct node_blocks *blocks, uint64_t zero, uint64_t page,
			uint64_t entry)
{
	uint64_t number = entry & PAGEMAP_NUMBER;

	if (!number)
		return PAGE_ASK;
	if (entry & PAGEMAP_FILE)
		return congruent(page, entry) ? PAGE_ASK : node_blocks_find(blocks, number);
	return number == zero ? PAGE_NOWHERE : PAGE_ASK;
}

size_t pagemap_judge(const struct node_blocks *blocks, uint64_t zero, uint64_t first,
		     const uint64_t *entries, size_t nr, int *ret_nodes)
{
	size_t nr_ask = 0;

	for (size_t i = 0; i < nr; i++) {
		uint64_t entry = entries[i];
		int node;

		if (!(entry & PAGEMAP_PRESENT))
			node = PAGE_NOWHERE;
		else if (entry & PAGEMAP_EXCLUSIVE)
			node = node_blocks_find(blocks, entry & PAGEMAP_NUMBER);
		else
			node = judge_common(blocks, zero, first + i, entry);
		ret_nodes[i] = node;
		nr_ask += node < PAGE_NOWHERE;
	}
	return nr_ask;
}

bool pagemap_as_one(uint64_t a, uint64_t entry_a, uint64_t b, uint64_t entry_b)
{
	uint64_t number_a = entry_a & PAGEMAP_NUMBER, number_b = entry_b & PAGEMAP_NUMBER;

	return a / HUGE_PAGES == b / HUGE_PAGES && number_a && number_b &&
	       number_a / HUGE_PAGES == number_b / HUGE_PAGES && congruent(a, entry_a) &&
	       congruent(b, entry_b);
}
