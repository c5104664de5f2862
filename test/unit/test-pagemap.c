/* SPDX-License-Identifier: MIT */
/*
 * What entries of pagemap tell of the node.  The entries are those that Linux
 * 6.1, 6.12 and 6.18 showed for each kind of memory.
 */
#include "cmocka-all.h"
#include "pagemap.h"

#define ZERO	   77ULL   /* the zero page's number */
#define FIRST	   1024ULL /* number of the first virtual page: begins a huge page */
#define BLOCK_SIZE 15

static struct node_blocks blocks = { .shift = BLOCK_SIZE };

static uint64_t in_block(uint64_t block, uint64_t offset)
{
	return (block << BLOCK_SIZE) + offset;
}

static int judge(uint64_t page, uint64_t entry)
{
	int node = 12345;
	size_t nr_ask = pagemap_judge(&blocks, ZERO, page, &entry, 1, &node);

	assert_int_equal(nr_ask, node < PAGE_NOWHERE);
	return node;
}

static void test_kinds(void **state)
{
	const uint64_t common = PAGEMAP_PRESENT | in_block(2, 5);

	(void)state;
	assert_int_equal(judge(FIRST, 0), PAGE_NOWHERE);
	assert_int_equal(judge(FIRST, 1ULL << 62 | 12345), PAGE_NOWHERE); /* swapped out */
	assert_int_equal(judge(FIRST, 1ULL << 57), PAGE_NOWHERE);	  /* userfaultfd's mark */
	/* Anonymous memory; shared memory that one process maps. */
	assert_int_equal(judge(FIRST, common | PAGEMAP_EXCLUSIVE), 1);
	assert_int_equal(judge(FIRST, common | PAGEMAP_EXCLUSIVE | PAGEMAP_FILE), 1);
	/* A file's page that others map too; it cannot be the huge zero page. */
	assert_int_equal(judge(FIRST, common | PAGEMAP_FILE), 1);
	/* The zero page, and what may be anything. */
	assert_int_equal(judge(FIRST, PAGEMAP_PRESENT | ZERO), PAGE_NOWHERE);
	assert_int_equal(judge(FIRST, common), PAGE_ASK);
	/* The huge zero page looks like a file's. */
	assert_int_equal(judge(FIRST + 3, PAGEMAP_PRESENT | PAGEMAP_FILE | in_block(2, 3)),
			 PAGE_ASK);
}

static void test_unknown(void **state)
{
	const uint64_t kinds[] = { 0, PAGEMAP_EXCLUSIVE, PAGEMAP_FILE,
				   PAGEMAP_EXCLUSIVE | PAGEMAP_FILE };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		/* No number is shown; no block; a block of two nodes. */
		struct node_blocks none = { 0 };
		uint64_t hidden = PAGEMAP_PRESENT | kinds[i];
		int node;

		assert_int_equal(pagemap_judge(&none, 0, FIRST, &hidden, 1, &node), 1);
		assert_true(node < PAGE_NOWHERE);
		assert_true(judge(FIRST, hidden | in_block(9, 1)) < PAGE_NOWHERE);
		assert_true(judge(FIRST, hidden | in_block(3, 1)) < PAGE_NOWHERE);
	}
}

static void test_many(void **state)
{
	uint64_t entries[3000];
	int nodes[3000];

	(void)state;
	for (int i = 0; i < 3000; i++)
		entries[i] = i % 3 == 0	  ? 0
			     : i % 3 == 1 ? PAGEMAP_PRESENT | PAGEMAP_EXCLUSIVE | in_block(1, i)
					  : PAGEMAP_PRESENT | in_block(2, i);
	assert_int_equal(pagemap_judge(&blocks, ZERO, FIRST, entries, 3000, nodes), 1000);
	for (int i = 0; i < 3000; i++)
		assert_int_equal(nodes[i], i % 3 == 0 ? PAGE_NOWHERE : i % 3 == 1 ? 0 : PAGE_ASK);
}

static void test_as_one(void **state)
{
	const uint64_t huge = PAGEMAP_PRESENT | in_block(2, 512);

	(void)state;
	assert_true(pagemap_as_one(FIRST, huge, FIRST + 1, huge + 1));
	assert_true(pagemap_as_one(FIRST, huge, FIRST + 511, huge + 511));
	assert_false(pagemap_as_one(FIRST, huge, FIRST + 512, huge + 512));
	assert_false(pagemap_as_one(FIRST, huge, FIRST + 1, huge + 2));
	assert_false(pagemap_as_one(FIRST, huge, FIRST + 1, huge + 513));
	assert_false(pagemap_as_one(FIRST, PAGEMAP_PRESENT, FIRST + 1, PAGEMAP_PRESENT));
}

static int fill_blocks(void **state)
{
	(void)state;
	return node_blocks_add(&blocks, 1, 0) || node_blocks_add(&blocks, 2, 1) ||
	       node_blocks_add(&blocks, 3, 0) || node_blocks_add(&blocks, 3, 1);
}

static int free_blocks(void **state)
{
	(void)state;
	node_blocks_free(&blocks);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_as_one),
	};

	return cmocka_run_group_tests_name("pagemap", tests, fill_blocks, free_blocks);
}
