/* SPDX-License-Identifier: MIT */
/*
 * mremap(2) of memory in many ranges, against what mremap does with memory in one: contents,
 * protection, what becomes of the old place; and failures, after which nothing has happened.
 */
#include "cmocka-all.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "page.h"
#include "remap.h"

#define PAGES 200

/* Memory whose pages hold their numbers, in ranges: every third page may be executed, too. */
static char *in_ranges(size_t pages)
{
	char *memory = mmap(NULL, pages * PAGE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	for (size_t page = 0; page < pages; page++)
		memcpy(memory + page * PAGE_BYTES, &page, sizeof(page));
	for (size_t page = 0; page < pages; page += 3)
		assert_int_equal(mprotect(memory + page * PAGE_BYTES, PAGE_BYTES,
					  PROT_READ | PROT_WRITE | PROT_EXEC),
				 0);
	return memory;
}

static void check_pages(const char *memory, size_t pages)
{
	for (size_t page = 0; page < pages; page++)
		assert_memory_equal(memory + page * PAGE_BYTES, &page, sizeof(page));
}

static int is_mapped(const char *memory)
{
	unsigned char in[1];

	return mincore((void *)memory, PAGE_BYTES, in) == 0;
}

/* The kernel refuses what this is for (from 6.17 on it can move, but not grow). */
static void test_kernel_refuses(void **state)
{
	char *memory = in_ranges(PAGES);

	(void)state;
	assert_ptr_equal(mremap(memory, PAGES * PAGE_BYTES, 2 * PAGES * PAGE_BYTES, MREMAP_MAYMOVE),
			 MAP_FAILED);
	assert_int_equal(errno, EFAULT);
	munmap(memory, PAGES * PAGE_BYTES);
}

static void test_grow_and_move(void **state)
{
	/* What lies behind it keeps it from growing where it is. */
	char *both = in_ranges(2 * PAGES), *moved;

	(void)state;
	moved = remap_pieces(both, PAGES * PAGE_BYTES, 3 * PAGES * PAGE_BYTES, MREMAP_MAYMOVE,
			     NULL);
	assert_ptr_not_equal(moved, MAP_FAILED);
	assert_ptr_not_equal(moved, both);
	check_pages(moved, PAGES);
	memset(moved + PAGES * PAGE_BYTES, 1, 2 * PAGES * PAGE_BYTES);
	assert_false(is_mapped(both));
	assert_false(is_mapped(both + (PAGES - 1) * PAGE_BYTES));
	assert_int_equal(*(size_t *)(both + PAGES * PAGE_BYTES), PAGES);
	munmap(moved, 3 * PAGES * PAGE_BYTES);
	munmap(both + PAGES * PAGE_BYTES, PAGES * PAGE_BYTES);
}

static void test_grow_in_place(void **state)
{
	char *memory = in_ranges(2 * PAGES);

	(void)state;
	munmap(memory + PAGES * PAGE_BYTES, PAGES * PAGE_BYTES);
	assert_ptr_equal(remap_pieces(memory, PAGES * PAGE_BYTES, 2 * PAGES * PAGE_BYTES, 0, NULL),
			 memory);
	check_pages(memory, PAGES);
	memset(memory + PAGES * PAGE_BYTES, 1, PAGES * PAGE_BYTES);
	munmap(memory, 2 * PAGES * PAGE_BYTES);
}

static void test_no_room_in_place(void **state)
{
	char *both = in_ranges(2 * PAGES);

	(void)state;
	assert_ptr_equal(remap_pieces(both, PAGES * PAGE_BYTES, 2 * PAGES * PAGE_BYTES, 0, NULL),
			 MAP_FAILED);
	assert_int_equal(errno, ENOMEM);
	check_pages(both, 2 * PAGES);
	munmap(both, 2 * PAGES * PAGE_BYTES);
}

/* To a place of choice, as long, longer, shorter; what was there is gone. */
static void test_fixed(void **state)
{
	const size_t lengths[] = { PAGES, PAGES + 50, PAGES - 50 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		char *memory = in_ranges(PAGES), *place = in_ranges(2 * PAGES);
		const size_t least = lengths[i] < PAGES ? lengths[i] : PAGES;

		assert_ptr_equal(remap_pieces(memory, PAGES * PAGE_BYTES, lengths[i] * PAGE_BYTES,
					      MREMAP_MAYMOVE | MREMAP_FIXED, place),
				 place);
		check_pages(place, least);
		assert_int_equal(*(size_t *)(place + lengths[i] * PAGE_BYTES), lengths[i]);
		assert_false(is_mapped(memory));
		assert_false(is_mapped(memory + (PAGES - 1) * PAGE_BYTES));
		munmap(place, 2 * PAGES * PAGE_BYTES);
	}
}

/* A hole within: as the kernel says, and all stays where it was. */
static void test_hole(void **state)
{
	char *memory = in_ranges(PAGES);

	(void)state;
	munmap(memory + 150 * PAGE_BYTES, PAGE_BYTES);
	assert_ptr_equal(remap_pieces(memory, PAGES * PAGE_BYTES, 2 * PAGES * PAGE_BYTES,
				      MREMAP_MAYMOVE, NULL),
			 MAP_FAILED);
	assert_int_equal(errno, EFAULT);
	check_pages(memory, 150);
	for (size_t page = 151; page < PAGES; page++)
		assert_memory_equal(memory + page * PAGE_BYTES, &page, sizeof(page));
	munmap(memory, PAGES * PAGE_BYTES);
}

static void test_refused(void **state)
{
	char *memory = in_ranges(PAGES);
	const size_t bytes = PAGES * PAGE_BYTES;

	(void)state;
	assert_ptr_equal(remap_pieces(memory, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
				      memory + PAGE_BYTES),
			 MAP_FAILED);
	assert_int_equal(errno, EINVAL);
	assert_ptr_equal(remap_pieces(memory, bytes, 0, MREMAP_MAYMOVE, NULL), MAP_FAILED);
	assert_ptr_equal(remap_pieces(memory, bytes, bytes, 64, NULL), MAP_FAILED);
	assert_ptr_equal(remap_pieces(memory, bytes, 1UL << 60, MREMAP_MAYMOVE, NULL), MAP_FAILED);
	assert_int_equal(errno, ENOMEM);
	check_pages(memory, PAGES);
	munmap(memory, bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_refuses), cmocka_unit_test(test_grow_and_move),
		cmocka_unit_test(test_grow_in_place),  cmocka_unit_test(test_no_room_in_place),
		cmocka_unit_test(test_fixed),	       cmocka_unit_test(test_hole),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
