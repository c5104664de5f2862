/* SPDX-License-Identifier: MIT */
/* Mappings with MADV_HUGEPAGE, in texts and of the test itself. */
#include "cmocka-all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cleanup.h"
#include "huge-advice.h"
#include "rootfs.h"

static void test_only_those_with_the_flag(void **state)
{
	const char *text = "1000-3000 rw-p 00000000 00:00 0 \nSize: 8 kB\nVmFlags: rd wr mr hg \n"
			   "3000-4000 rw-p 00000000 00:00 0 \nVmFlags: rd wr mr nh sd \n"
			   "7f0000000000-7f0000200000 rw-p 00000000 00:00 0 [heap]\n"
			   "AnonHugePages: 0 kB\nVmFlags: rd hg";
	uint64_t start, end;

	(void)state;
	assert_true(huge_advice_next(&text, &start, &end));
	assert_int_equal(start, 0x1000);
	assert_int_equal(end, 0x3000);
	assert_true(huge_advice_next(&text, &start, &end));
	assert_int_equal(start, 0x7f0000000000);
	assert_int_equal(end, 0x7f0000200000);
	assert_false(huge_advice_next(&text, &start, &end));
	assert_false(huge_advice_next(&text, &start, &end));
}

static void test_what_is_no_such_file(void **state)
{
	static const char *const texts[] = {
		"",
		"\n\n",
		"VmFlags: hg\n",
		"1000-3000 rw-p\nVmFlags:",
		"1000-3000 rw-p\nVmFlags: hgx xhg\n",
		"3000-1000 rw-p\nVmFlags: hg\n",
		"1000-\nVmFlags: hg\n",
		"1000 rw-p\nVmFlags: hg\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *text = texts[i];
		uint64_t start, end;

		assert_false(huge_advice_next(&text, &start, &end));
	}
}

static void test_of_this_process(void **state)
{
	const size_t bytes = 4UL << 20;
	char *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	_cleanup_close_ int root = rootfs_open(NULL);
	_cleanup_free_ char *text = NULL;
	uint64_t start, end;
	const char *cursor;
	bool found = false;

	(void)state;
	if (madvise(memory, bytes, MADV_HUGEPAGE) < 0)
		skip(); /* a kernel without huge pages */
	assert_true(rootfs_read(root, &text, "proc/self/smaps") > 0);
	cursor = text;
	while (huge_advice_next(&cursor, &start, &end))
		found = found || (start <= (uintptr_t)memory && (uintptr_t)memory + bytes <= end);
	assert_true(found);
	munmap(memory, bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_those_with_the_flag),
		cmocka_unit_test(test_what_is_no_such_file),
		cmocka_unit_test(test_of_this_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
