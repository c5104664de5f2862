/* SPDX-License-Identifier: MIT */
/* Looking at traffic, through a tracker of the test's own: what is cleared, scanned and added up.
 */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>

#include "traffic-watch.h"

#define FIRST_PAGE 0x40000UL
#define NR_PAGES   70000UL /* more than one scan, and some pieces */
#define SMALL_PAGE 0x90000UL

static unsigned nr_clears, nr_begun, nr_scans;
static int clear_code, scan_code;

static int clear_fake(struct tracker *tracker)
{
	(void)tracker;
	nr_clears++;
	return clear_code;
}

static int begin_fake(struct tracker *tracker)
{
	(void)tracker;
	nr_begun++;
	return 0;
}

/* A stream over 6000 pages across the scans' border, and one page of the small range. */
static bool accessed(uint64_t page)
{
	return (page >= FIRST_PAGE + 30000 && page < FIRST_PAGE + 36000) || page == SMALL_PAGE;
}

static int scan_fake(struct tracker *tracker, uint64_t start, uint64_t end, uint64_t *bits)
{
	(void)tracker;
	nr_scans++;
	for (uint64_t page = start / PAGE_BYTES; page < end / PAGE_BYTES; page++) {
		const uint64_t i = page - start / PAGE_BYTES;

		if (accessed(page))
			bits[i / 64] |= 1ULL << (i % 64);
	}
	return scan_code;
}

static const struct tracker_kind kind = {
	.name = "fake",
	.clear = clear_fake,
	.begin_scan = begin_fake,
	.scan = scan_fake,
};

static struct tracker tracker = { .kind = &kind };
static struct traffic_looks looks[TRAFFIC_MAX_PIECES], small_looks;
static struct watched_range ranges[2];

static int forget(void **state)
{
	(void)state;
	nr_clears = nr_begun = nr_scans = 0;
	clear_code = scan_code = 0;
	memset(looks, 0, sizeof(looks));
	memset(&small_looks, 0, sizeof(small_looks));
	ranges[0] = (struct watched_range) {
		.start = FIRST_PAGE * PAGE_BYTES,
		.end = (FIRST_PAGE + NR_PAGES) * PAGE_BYTES,
		.piece_pages = traffic_piece_pages(NR_PAGES),
		.looks = looks,
	};
	ranges[1] = (struct watched_range) {
		.start = SMALL_PAGE * PAGE_BYTES,
		.end = (SMALL_PAGE + 7) * PAGE_BYTES,
		.piece_pages = traffic_piece_pages(7),
		.looks = &small_looks,
	};
	return 0;
}

static void test_one_look(void **state)
{
	uint64_t streamed_bytes = 0;
	unsigned nr;

	(void)state;
	assert_int_equal(watched_nr_pieces(&ranges[0]), 35);
	assert_int_equal(watched_nr_pieces(&ranges[1]), 1);
	assert_int_equal(traffic_watch(&tracker, 1, ranges, 2, &nr), 0);
	assert_int_equal(nr, 1);
	assert_int_equal(nr_clears, 1);
	assert_int_equal(nr_begun, TRAFFIC_MOMENTS);
	assert_int_equal(nr_scans, 4 * TRAFFIC_MOMENTS);
	for (unsigned i = 0; i < 35; i++) {
		const bool streams = i >= 30000 / 2048 && i <= 35999 / 2048;

		assert_int_equal(looks[i].seen[0].streamed_bytes > 0, streams);
		assert_int_equal(looks[i].seen[0].strewn_bytes, 0);
		streamed_bytes += looks[i].seen[TRAFFIC_MOMENTS - 1].streamed_bytes;
	}
	assert_int_equal(streamed_bytes, 6000 * PAGE_BYTES);
	assert_int_equal(small_looks.seen[0].strewn_bytes, 64);
	assert_int_equal(small_looks.nr, 1);
	/* Each moment is longer than the one before. */
	assert_true(looks[0].ns[0] >= TRAFFIC_FIRST_NS);
	for (unsigned i = 1; i < TRAFFIC_MOMENTS; i++)
		assert_true(looks[0].ns[i] > looks[0].ns[i - 1]);
}

static void test_errors(void **state)
{
	unsigned nr = 7;

	(void)state;
	clear_code = -ESRCH;
	assert_int_equal(traffic_watch(&tracker, 1000000000, ranges, 2, &nr), -ESRCH);
	assert_int_equal(nr_scans, 0);
	assert_int_equal(nr, 0);
	clear_code = 0;
	scan_code = -EIO;
	assert_int_equal(traffic_watch(&tracker, 1000000000, ranges, 2, &nr), -EIO);
	assert_int_equal(nr_scans, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_look, forget),
		cmocka_unit_test_setup(test_errors, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
