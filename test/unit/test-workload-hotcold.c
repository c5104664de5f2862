/* SPDX-License-Identifier: MIT */
/* hotcold, shift and pingpong: how much goes to the hot set, what it is, and when it moves. */
#include "workload-make.h"

enum { NR = 1000000, NR_PAGES = 25600, NR_HOT = 2560 };

/* How many of the accesses from first to last - 1 are to pages from start on, NR_HOT of them. */
static size_t hits(const uint32_t *accesses, size_t first, size_t last, uint32_t start)
{
	size_t count = 0;

	for (size_t i = first; i < last; i++)
		count += (accesses[i] & ~ACCESS_WRITE) - start < NR_HOT;
	return count;
}

static void test_hotcold(void **state)
{
	_cleanup_workload_ struct workload *workload =
		make_workload("hotcold:size=100MiB,scatter=none,writes=5%,hits=70%", 1);
	_cleanup_free_ uint32_t *accesses = take(workload, 2, NR);
	size_t counts[10] = { 0 };

	(void)state;
	assert_share(hits(accesses, 0, NR, 0), NR, 0.7);
	assert_share(count_writes(accesses, NR), NR, 0.05);
	for (int i = 0; i < NR; i++)
		counts[(accesses[i] & ~ACCESS_WRITE) / NR_HOT]++;
	for (int i = 1; i < 10; i++)
		assert_share(counts[i], NR, 0.3 / 9);
}

/* The scan is what is left when there is no other miss: the thread's part, in order. */
static void test_scan(void **state)
{
	_cleanup_workload_ struct workload *workload =
		make_workload("hotcold:size=100MiB,scatter=none,hits=80%,scan=20%,lines=3", 2);
	_cleanup_free_ uint32_t *accesses = take(workload, 1, NR);
	uint32_t next = NR_PAGES / 4, end = NR_PAGES / 2, line = 0;
	size_t scanned = 0;

	(void)state;
	for (int i = 0; i < NR; i++) {
		if (accesses[i] < NR_HOT)
			continue;
		assert_int_equal(accesses[i], next);
		scanned++;
		line = (line + 1) % 3;
		if (!line && ++next == end)
			next = NR_PAGES / 4;
	}
	assert_share(scanned, NR, 0.2);
	assert_true(scanned > 3 * NR_PAGES / 4);
}

static void test_shift(void **state)
{
	_cleanup_workload_ struct workload *workload =
		make_workload("shift:size=100MiB,scatter=none,hits=100%,shift=50k,moves=50%", 3);
	_cleanup_free_ uint32_t *accesses = take(workload, 0, NR);

	(void)state;
	for (uint32_t phase = 0; phase < 20; phase++) {
		uint32_t start = phase * NR_HOT / 2 % NR_PAGES;
		size_t first = phase * 50000;

		if (start + NR_HOT > NR_PAGES)
			continue;
		assert_int_equal(hits(accesses, first, first + 50000, start), 50000);
		/* All of it is in use. */
		assert_share(hits(accesses, first, first + 50000, start + NR_HOT / 2), 50000, 0.5);
	}
}

static void test_pingpong(void **state)
{
	_cleanup_workload_ struct workload *workload =
		make_workload("pingpong:size=100MiB,scatter=none,hits=90%,period=70001", 4);
	_cleanup_free_ uint32_t *accesses = take(workload, 0, NR);

	(void)state;
	for (uint32_t phase = 0; phase < NR / 70001; phase++) {
		uint32_t start = phase % 2 * NR_HOT, other = NR_HOT - start;
		size_t first = phase * 70001;

		assert_share(hits(accesses, first, first + 70001, start), 70001, 0.9);
		assert_share(hits(accesses, first, first + 70001, other), 70001, 0.1 / 9);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hotcold),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_shift),
		cmocka_unit_test(test_pingpong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
