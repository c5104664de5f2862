/* SPDX-License-Identifier: MIT */
/* The table of memory blocks: what it knows, what it must not claim to know, reading it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka-all.h"
#include "node-blocks.h"
#include "rootfs.h"

#define PAGES_PER_BLOCK 32768

static uint64_t page_of(uint64_t block)
{
	return block * PAGES_PER_BLOCK;
}

static void test_find(void **state)
{
	struct node_blocks blocks = { .shift = 15 };

	(void)state;
	assert_int_equal(node_blocks_find(&blocks, 0), NODE_BLOCKS_NONE);
	assert_int_equal(node_blocks_add(&blocks, 3, 1), 0);
	assert_int_equal(node_blocks_add(&blocks, 1, 0), 0);
	assert_int_equal(node_blocks_add(&blocks, 1, 0), 0);
	assert_int_equal(node_blocks_find(&blocks, page_of(1)), 0);
	assert_int_equal(node_blocks_find(&blocks, page_of(2) - 1), 0);
	assert_int_equal(node_blocks_find(&blocks, page_of(2)), NODE_BLOCKS_NONE);
	assert_int_equal(node_blocks_find(&blocks, page_of(3)), 1);
	assert_int_equal(node_blocks_find(&blocks, page_of(4)), NODE_BLOCKS_NONE);
	assert_int_equal(node_blocks_find(&blocks, UINT64_MAX), NODE_BLOCKS_NONE);
	node_blocks_free(&blocks);
}

/* What two nodes have a part of stays unknown, whoever names it afterwards. */
static void test_shared(void **state)
{
	struct node_blocks blocks = { .shift = 15 };

	(void)state;
	for (int node = 0; node < 3; node++)
		assert_int_equal(node_blocks_add(&blocks, 7, node), 0);
	assert_int_equal(node_blocks_add(&blocks, 7, 0), 0);
	assert_int_equal(node_blocks_find(&blocks, page_of(7)), NODE_BLOCKS_SHARED);
	node_blocks_free(&blocks);
}

static void test_impossible_block(void **state)
{
	struct node_blocks blocks = { .shift = 15 };

	(void)state;
	assert_int_equal(node_blocks_add(&blocks, UINT64_MAX, 0), 0);
	assert_int_equal(node_blocks_add(&blocks, 1ULL << 40, 0), 0);
	assert_int_equal(blocks.nr_blocks, 0);
	node_blocks_free(&blocks);
}

/* ---- Reading --------------------------------------------------------------------- */

static void make_directory(int root, const char *path)
{
	assert_int_equal(mkdirat(root, path, 0755), 0);
}

static void make_file(int root, const char *path, const char *text)
{
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "%s", text) >= 0);
	close(fd);
}

static int make_tree(char *ret_path)
{
	static const char *const directories[] = {
		"sys",
		"sys/devices",
		"sys/devices/system",
		"sys/devices/system/memory",
		"sys/devices/system/node",
		"sys/devices/system/node/node0",
		"sys/devices/system/node/node0/memory0",
		"sys/devices/system/node/node0/memory2",
		"sys/devices/system/node/node0/memory_side_cache",
		"sys/devices/system/node/node2",
		"sys/devices/system/node/node2/memory2",
		"sys/devices/system/node/node2/memory5",
	};
	int root;

	assert_non_null(mkdtemp(ret_path));
	root = rootfs_open(ret_path);
	assert_true(root >= 0);
	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++)
		make_directory(root, directories[i]);
	make_file(root, "sys/devices/system/node/online", "0,2\n");
	return root;
}

static void remove_tree(const char *path, int root)
{
	char command[128];

	close(root);
	snprintf(command, sizeof(command), "rm -r '%s'", path);
	assert_int_equal(system(command), 0);
}

static void test_read(void **state)
{
	static const char size[] = "sys/devices/system/memory/block_size_bytes";
	char path[] = "/tmp/node-blocks.XXXXXX";
	int root = make_tree(path);
	struct node_blocks blocks;

	(void)state;
	make_file(root, size, "8000000\n");
	assert_int_equal(node_blocks_read(root, &blocks), 0);
	assert_int_equal(node_blocks_find(&blocks, page_of(0)), 0);
	assert_int_equal(node_blocks_find(&blocks, page_of(1)), NODE_BLOCKS_NONE);
	assert_int_equal(node_blocks_find(&blocks, page_of(2)), NODE_BLOCKS_SHARED);
	assert_int_equal(node_blocks_find(&blocks, page_of(6) - 1), 2);
	node_blocks_free(&blocks);

	/* No power of two, smaller than a huge page, no number, none at all: nothing is known. */
	for (int i = 0; i < 4; i++) {
		static const char *const sizes[] = { "8000001\n", "1000\n", "much\n", NULL };

		if (sizes[i])
			make_file(root, size, sizes[i]);
		else
			unlinkat(root, size, 0);
		assert_int_equal(node_blocks_read(root, &blocks), 0);
		assert_int_equal(blocks.nr_blocks, 0);
		node_blocks_free(&blocks);
	}
	remove_tree(path, root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_impossible_block),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests_name("node-blocks", tests, NULL, NULL);
}
