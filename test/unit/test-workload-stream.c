/* SPDX-License-Identifier: MIT */
/* Those that go through memory in order: stream and scan; and uniform and gups, which do not. */
#include "workload-make.h"

/* Accesses to n, in pages of 341 for 1023 pages: a, b, c. */
static void test_stream(void **state)
{
	static const struct {
		int nr;
		uint32_t arrays[3];
	} kernels[] = { { 2, { 0, 2 } }, { 2, { 2, 1 } }, { 3, { 0, 1, 2 } }, { 3, { 1, 2, 0 } } };
	enum { NR = 2 * 341 * 64 * 10 };
	_cleanup_workload_ struct workload *workload =
		make_workload("stream:size=4MiB,threads=2", 1);
	_cleanup_free_ uint32_t *accesses = take(workload, 1, NR);
	size_t at = 0;

	(void)state;
	assert_int_equal(workload_info(workload)->nr_pages, 1023);
	assert_int_equal(workload_info(workload)->nr_regions, 3);
	assert_string_equal(workload_info(workload)->regions[1].name, "b");
	for (int round = 0; at < NR; round++) {
		for (uint32_t page = 170; page < 341; page++) {
			for (int line = 0; line < 64; line++) {
				for (int i = 0; at < NR && i < kernels[round % 4].nr; i++) {
					bool last = i == kernels[round % 4].nr - 1;
					uint32_t array = kernels[round % 4].arrays[i];

					assert_int_equal(accesses[at++],
							 (array * 341 + page) |
								 (last ? ACCESS_WRITE : 0));
				}
			}
		}
	}
}

static void test_one_kernel(void **state)
{
	_cleanup_workload_ struct workload *workload =
		make_workload("stream:size=4MiB,kernel=triad", 1);
	_cleanup_free_ uint32_t *accesses = take(workload, 0, 300000);

	(void)state;
	for (int i = 0; i < 300000; i += 3) {
		assert_int_equal(accesses[i] / 341, 1);
		assert_int_equal(accesses[i + 1] / 341, 2);
		assert_int_equal((accesses[i + 2] & ~ACCESS_WRITE) / 341, 0);
		assert_true(accesses[i + 2] & ACCESS_WRITE);
	}
}

static void test_scan(void **state)
{
	_cleanup_workload_ struct workload *workload =
		make_workload("scan:size=1028KiB,threads=3,lines=5,writes=25%", 1);
	_cleanup_free_ uint32_t *accesses = take(workload, 2, 100000);
	uint32_t first = 257 * 2 / 3, nr = 257 - first;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(accesses[i] & ~ACCESS_WRITE, first + i / 5 % nr);
	assert_share(count_writes(accesses, 100000), 100000, 0.25);
}

static void test_uniform(void **state)
{
	enum { NR = 2000000 };
	_cleanup_workload_ struct workload *workload =
		make_workload("uniform:size=1028KiB,writes=10%", 1);
	_cleanup_free_ uint32_t *accesses = take(workload, 0, NR);
	size_t counts[257] = { 0 }, writes[257] = { 0 };

	(void)state;
	for (int i = 0; i < NR; i++) {
		counts[accesses[i] & ~ACCESS_WRITE]++;
		writes[accesses[i] & ~ACCESS_WRITE] += accesses[i] >> 31;
	}
	for (int i = 0; i < 257; i++) {
		assert_share(counts[i], NR, 1.0 / 257);
		assert_share(writes[i], counts[i], 0.1);
	}
}

static void test_gups(void **state)
{
	enum { NR = 1000000 };
	_cleanup_workload_ struct workload *workload = make_workload("gups:size=1028KiB", 1);
	_cleanup_free_ uint32_t *accesses = take(workload, 0, NR);
	size_t counts[257] = { 0 };

	(void)state;
	for (int i = 0; i < NR; i += 2) {
		counts[accesses[i]]++;
		assert_int_equal(accesses[i + 1], accesses[i] | ACCESS_WRITE);
	}
	for (int i = 0; i < 257; i++)
		assert_share(counts[i], NR / 2, 1.0 / 257);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream), cmocka_unit_test(test_one_kernel),
		cmocka_unit_test(test_scan),   cmocka_unit_test(test_uniform),
		cmocka_unit_test(test_gups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
