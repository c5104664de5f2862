/* SPDX-License-Identifier: MIT */
/* ycsb-a to ycsb-f: the mixes of the paper, the distributions, records that span pages. */
#include "workload-make.h"

enum { NR = 1000000 };

struct counted {
	size_t operations, writes,
		index_writes; /* record writes; operations that write the index */
};

/* Counts operations by their accesses of the index, and accesses that write. */
static struct counted count(const char *text)
{
	_cleanup_workload_ struct workload *workload = make_workload(text, 1);
	_cleanup_free_ uint32_t *accesses = take(workload, 0, NR);
	uint32_t nr_index = workload_info(workload)->regions[0].nr_pages;
	struct counted counted = { 0 };

	assert_string_equal(workload_info(workload)->regions[0].name, "index");
	assert_string_equal(workload_info(workload)->regions[1].name, "records");
	for (int i = 0; i < NR; i++) {
		bool index = (accesses[i] & ~ACCESS_WRITE) < nr_index;
		bool write = accesses[i] & ACCESS_WRITE;

		counted.operations += index;
		counted.writes += !index && write;
		counted.index_writes += index && write;
	}
	return counted;
}

static void test_mixes(void **state)
{
	struct counted a = count("ycsb-a"), b = count("ycsb-b"), c = count("ycsb-c"),
		       d = count("ycsb-d"), e = count("ycsb-e"), f = count("ycsb-f");

	(void)state;
	assert_int_equal(a.operations, NR / 2);
	assert_share(a.writes, a.operations, 0.5);
	assert_int_equal(a.index_writes, 0);
	assert_share(b.writes, b.operations, 0.05);
	assert_int_equal(c.writes, 0);
	assert_int_equal(d.operations, NR / 2);
	assert_share(d.writes, d.operations, 0.05);
	assert_share(d.index_writes, d.operations, 0.05);
	assert_share(e.index_writes, e.operations, 0.05);
	/* A scan has 50.5 records on average, and one access to the index. */
	assert_in_range(NR / (0.95 * 51.5 + 0.05 * 2) / e.operations * 1000, 970, 1030);
	/* Every other one has a third access, which writes: 2.5 per operation. */
	assert_share(f.writes, f.operations, 0.5);
	assert_in_range(f.operations, NR / 2.5 * 0.99, NR / 2.5 * 1.01);
}

/* Pages of 4 records each: the hottest has its record's share and three cold ones. */
static void test_zipf_over_records(void **state)
{
	_cleanup_workload_ struct workload *workload = make_workload("ycsb-c:size=64MiB", 2);
	_cleanup_free_ uint32_t *accesses = take(workload, 0, NR);
	uint32_t nr_records = (16384 - 2) * 4096U / 1040, hottest = 0;
	static uint32_t counts[16384];
	double sum = 0;

	(void)state;
	for (uint32_t i = 1; i <= nr_records; i++)
		sum += pow(i, -0.99);
	for (int i = 1; i < NR; i += 2)
		counts[accesses[i]]++;
	for (int i = 0; i < 16384; i++)
		hottest = counts[i] > hottest ? counts[i] : hottest;
	assert_in_range(hottest, NR / 2 / sum * 0.98, NR / 2 / sum * 1.05);
}

/* ycsb-d reads what was inserted last, and that moves on through the records. */
static void test_latest(void **state)
{
	_cleanup_workload_ struct workload *workload =
		make_workload("ycsb-d:size=64MiB,threads=1,theta=1.2", 3);
	_cleanup_free_ uint32_t *accesses = take(workload, 0, NR);
	uint32_t nr_index = workload_info(workload)->regions[0].nr_pages;
	uint32_t inserted = 0, newest_page = nr_index + 16124; /* of 64500 records, the last one */
	double sum = 0, newest = 0;
	size_t reads = 0, near = 0;

	(void)state;
	for (int i = 0; i < NR; i++) {
		uint32_t page = accesses[i] & ~ACCESS_WRITE;

		if (page < nr_index)
			continue;
		if (accesses[i] & ACCESS_WRITE) {
			assert_int_equal(page, nr_index + inserted / 4);
			newest_page = page;
			inserted++;
		} else {
			reads++;
			near += newest_page - page < 2;
		}
	}
	assert_true(inserted > 20000);
	/* The newest page has 1 to 4 of the newest records, the one before it the next 4. */
	for (int i = 1; i <= 64500; i++) {
		sum += pow(i, -1.2);
		newest += i >= 5 && i <= 8 ? sum / 4 : 0;
	}
	assert_in_range(near, reads * (newest / sum - 0.01), reads * (newest / sum + 0.01));
}

static void test_records_across_pages(void **state)
{
	_cleanup_workload_ struct workload *workload =
		make_workload("ycsb-f:size=64MiB,record=10000B", 4);
	_cleanup_free_ uint32_t *accesses = take(workload, 0, NR);
	uint32_t nr_index = workload_info(workload)->regions[0].nr_pages;
	size_t reads = 0, records = 0, writes = 0;

	(void)state;
	for (int i = 0; i < NR; i++) {
		if (accesses[i] < nr_index)
			records++;
		else if (accesses[i] & ACCESS_WRITE)
			writes++;
		else
			reads++;
		/* Within a record pages follow each other. */
		if (i && accesses[i] >= nr_index && accesses[i - 1] >= nr_index &&
		    (accesses[i] ^ accesses[i - 1]) < ACCESS_WRITE)
			assert_int_equal(accesses[i], accesses[i - 1] + 1);
	}
	/* 10000 bytes lie in 3.44 pages on average; hot records weigh more than others. */
	assert_in_range(reads * 100 / records, 300, 400);
	assert_in_range(writes * 1000 / reads, 490, 510);
}

static void test_scan_lengths(void **state)
{
	_cleanup_workload_ struct workload *workload =
		make_workload("ycsb-e:size=64MiB,length=7,record=4KiB", 5);
	_cleanup_free_ uint32_t *accesses = take(workload, 0, NR);
	uint32_t nr_index = workload_info(workload)->regions[0].nr_pages, length = 0;
	size_t lengths[8] = { 0 }, scans = 0;

	(void)state;
	for (int i = 1; i < NR; i++) {
		if (accesses[i] >= nr_index && !(accesses[i] & ACCESS_WRITE)) {
			length++;
			continue;
		}
		assert_true(length <= 7);
		lengths[length]++;
		scans += length > 0;
		length = 0;
	}
	for (int i = 1; i <= 7; i++)
		assert_share(lengths[i], scans, 1.0 / 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mixes),	     cmocka_unit_test(test_zipf_over_records),
		cmocka_unit_test(test_latest),	     cmocka_unit_test(test_records_across_pages),
		cmocka_unit_test(test_scan_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
