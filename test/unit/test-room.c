/* SPDX-License-Identifier: MIT */
/* Room on a node, from the kernel's texts. */
#include "cmocka-all.h"

#include "room.h"
#include "rootfs.h"

static const char zoneinfo[] = "Node 0, zone      DMA\n"
			       "  per-node stats\n"
			       "      nr_inactive_anon 107766\n"
			       "  pages free     3831\n"
			       "        min      25\n"
			       "        low      31\n"
			       "        high     37\n"
			       "        spanned  4095\n"
			       "  pagesets\n"
			       "    cpu: 0\n"
			       "              high:  378\n"
			       "              high_min: 14\n"
			       "        high5 9\n"
			       "        high\n"
			       "        7777\n"
			       "Node 0, zone    DMA32\n"
			       "        high     1000\n"
			       "Node 1, zone   Normal\n"
			       "        high     500\n";

static void test_high_watermark(void **state)
{
	(void)state;
	assert_int_equal(room_parse_watermarks(zoneinfo, 0).high_pages, 1037);
	assert_int_equal(room_parse_watermarks(zoneinfo, 0).low_pages, 31);
	assert_int_equal(room_parse_watermarks(zoneinfo, 1).high_pages, 500);
	assert_int_equal(room_parse_watermarks(zoneinfo, 2).high_pages, 0);
	assert_int_equal(room_parse_watermarks("", 0).high_pages, 0);
	assert_int_equal(room_parse_watermarks(NULL, 0).high_pages, 0);
}

static void test_present(void **state)
{
	(void)state;
	assert_int_equal(room_parse_present_pages("Node 0, zone DMA\n"
						  "        spanned  4095\n"
						  "        present  3998\n"
						  "        managed  3840\n"
						  "Node 1, zone Normal\n"
						  "        present  1000\n"),
			 4998);
	assert_int_equal(room_parse_present_pages(zoneinfo), 0);
	assert_int_equal(room_parse_present_pages(NULL), 0);
}

static void test_pages(void **state)
{
	static const char vmstat[] = "nr_free_pages 1000\n"
				     "nr_inactive_file 300\n"
				     "nr_active_file 200\n"
				     "nr_mapped 60\n"
				     "nr_dirty 30\n"
				     "nr_writeback 10\n"
				     "nr_writeback_temp 7777\n";

	(void)state;
	assert_int_equal(room_parse_pages(vmstat, 0, ROOM_ON_DEMAND), 1400);
	assert_int_equal(room_parse_pages(vmstat, 400, ROOM_ON_DEMAND), 1000);
	assert_int_equal(room_parse_pages(vmstat, 2000, ROOM_ON_DEMAND), 0);
	assert_int_equal(room_parse_pages("nr_free_pages 5\nnr_dirty 9\n", 1, ROOM_ON_DEMAND), 4);
	assert_int_equal(room_parse_pages("", 0, ROOM_ON_DEMAND), 0);
}

static void test_the_running_machine(void **state)
{
	int root = rootfs_open(NULL);

	(void)state;
	assert_true(room_watermarks(root, 0).high_pages > room_watermarks(root, 0).low_pages);
	assert_true(room_pages(root, 0, 0, ROOM_FREE) > 1000);
	assert_true(room_pages(root, 1023, 0, ROOM_FREE) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_high_watermark),
		cmocka_unit_test(test_present),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_the_running_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
