/* SPDX-License-Identifier: MIT */
/* What entries of page tables tell, and where in a view it ends up. */
#include "cmocka-all.h"

#include <string.h>

#include "page-table.h"
#include "pagemap.h"

#define START	 0x7f0000200000ULL /* at the beginning of a huge page */
#define PAGES	 1500
#define WORDS	 ((PAGES + 63) / 64)
#define MASK	 0x000ffffffffff000ULL
#define PRESENT	 (1ULL << 0)
#define ACCESSED (1ULL << 5)
#define LARGE	 (1ULL << 7)
#define NO_ENTRY (1ULL << 8) /* PROT_NONE */
#define NO_EXEC	 (1ULL << 63)

static int16_t block_nodes[] = { 0, 1, NODE_BLOCKS_SHARED };
static const struct node_blocks blocks = { .shift = 15, .nr_blocks = 3, .nodes = block_nodes };

static struct {
	uint64_t accessed[WORDS], present[WORDS], huge[WORDS];
	int16_t nodes[PAGES];
} seen;

static struct page_table_view view;

static int begin(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	memset(seen.nodes, 0xff, sizeof(seen.nodes));
	view = (struct page_table_view) {
		.start = START,
		.nr_pages = PAGES,
		.accessed = seen.accessed,
		.present = seen.present,
		.huge = seen.huge,
		.nodes = seen.nodes,
	};
	return 0;
}

static bool bit(const uint64_t *words, size_t page)
{
	return words[page / 64] >> page % 64 & 1;
}

static uint64_t on_block(uint64_t block)
{
	return (block << 15) * PAGE_BYTES;
}

static void read_piece(uint64_t start, unsigned shift, const uint64_t *entries, size_t nr)
{
	const struct page_table_piece piece = {
		.start = start,
		.shift = shift,
		.nr = nr,
		.entries = entries,
		.frame_mask = MASK,
	};

	page_table_read(&piece, &blocks, &view);
}

static void check_page(size_t page, bool present, bool accessed, bool huge, int node)
{
	if (bit(seen.present, page) != present || bit(seen.accessed, page) != accessed ||
	    bit(seen.huge, page) != huge || seen.nodes[page] != node)
		fail_msg("page %zu: present %d accessed %d huge %d node %d", page,
			 bit(seen.present, page), bit(seen.accessed, page), bit(seen.huge, page),
			 seen.nodes[page]);
}

static void test_kinds(void **state)
{
	const uint64_t entries[] = {
		0,
		ACCESSED | 0xabcd000,			     /* swapped out */
		PRESENT | NO_EXEC | on_block(1),	     /* not accessed */
		PRESENT | NO_EXEC | ACCESSED | on_block(1),  /* accessed */
		PRESENT | LARGE | ACCESSED | on_block(0),    /* here LARGE is an attribute */
		NO_ENTRY | ACCESSED | (~on_block(1) & MASK), /* may not be accessed now */
		PRESENT | ACCESSED | on_block(2),	     /* a block of two nodes */
		PRESENT | ACCESSED | on_block(3),	     /* no block */
	};

	(void)state;
	read_piece(START, PAGE_TABLE_BASE_SHIFT, entries, sizeof(entries) / sizeof(*entries));
	check_page(0, false, false, false, -1);
	check_page(1, false, false, false, -1);
	check_page(2, true, false, false, 1);
	check_page(3, true, true, false, 1);
	check_page(4, true, true, false, 0);
	check_page(5, true, true, false, 1);
	check_page(6, true, true, false, -1);
	check_page(7, true, true, false, -1);
	check_page(8, false, false, false, -1);
}

/* Entries that are tables tell nothing here: their pages come in pieces of their own. */
static void test_huge(void **state)
{
	const uint64_t entries[] = {
		PRESENT | ACCESSED | on_block(1), /* a table */
		PRESENT | LARGE | ACCESSED | on_block(1),
		PRESENT | LARGE,
		PRESENT | LARGE | ACCESSED,
	};

	(void)state;
	read_piece(START, PAGE_TABLE_HUGE_SHIFT, entries, 4);
	for (size_t page = 0; page < PAGES; page++)
		if (page < 512)
			check_page(page, false, false, false, -1);
		else
			check_page(page, true, page < 1024, true, page < 1024);
}

/* Pieces that begin before the view, end after it, or lie outside. */
static void test_clipping(void **state)
{
	uint64_t entries[512], huge = PRESENT | LARGE | ACCESSED;

	(void)state;
	for (size_t i = 0; i < 512; i++)
		entries[i] = PRESENT | (i % 3 ? 0 : ACCESSED);
	view.start = START + 100 * PAGE_BYTES;
	view.nr_pages = 300;
	read_piece(START, PAGE_TABLE_BASE_SHIFT, entries, 512);
	for (size_t page = 0; page < PAGES; page++)
		check_page(page, page < 300, page < 300 && (page + 100) % 3 == 0, false,
			   page < 300 ? 0 : -1);
	begin(NULL);
	view.start = START + 100 * PAGE_BYTES;
	view.nr_pages = 300;
	read_piece(START, PAGE_TABLE_HUGE_SHIFT, &huge, 1);
	read_piece(START - 512 * PAGE_BYTES, PAGE_TABLE_HUGE_SHIFT, &huge, 1);
	read_piece(START - 512 * PAGE_BYTES, PAGE_TABLE_BASE_SHIFT, entries, 512);
	read_piece(START + 512 * PAGE_BYTES, PAGE_TABLE_BASE_SHIFT, entries, 512);
	for (size_t page = 0; page < PAGES; page++)
		check_page(page, page < 300, page < 300, page < 300, page < 300 ? 0 : -1);
}

/* What begins within a word of the view fills the rest of it, and no more. */
static void test_unaligned(void **state)
{
	uint64_t entries[200];

	(void)state;
	for (size_t i = 0; i < 200; i++)
		entries[i] = PRESENT | (i % 7 ? 0 : ACCESSED);
	read_piece(START + 37 * PAGE_BYTES, PAGE_TABLE_BASE_SHIFT, entries, 200);
	for (size_t page = 0; page < PAGES; page++) {
		const bool is_in = page >= 37 && page < 237;

		check_page(page, is_in, is_in && (page - 37) % 7 == 0, false, is_in ? 0 : -1);
	}
}

static void test_nothing_wanted(void **state)
{
	const uint64_t base = PRESENT | ACCESSED, huge = base | LARGE;

	(void)state;
	view.accessed = view.huge = NULL;
	view.nodes = NULL;
	read_piece(START, PAGE_TABLE_BASE_SHIFT, &base, 1);
	read_piece(START + 512 * PAGE_BYTES, PAGE_TABLE_HUGE_SHIFT, &huge, 1);
	check_page(0, true, false, false, -1);
	check_page(600, true, false, false, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_kinds, begin),
		cmocka_unit_test_setup(test_huge, begin),
		cmocka_unit_test_setup(test_clipping, begin),
		cmocka_unit_test_setup(test_unaligned, begin),
		cmocka_unit_test_setup(test_nothing_wanted, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
