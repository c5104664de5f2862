/* SPDX-License-Identifier: MIT */
/*
 * All workloads: streams that are the same on any machine, however many accesses are
 * asked for at a time; copies with the same future; ends; and what is refused.
 */
#include "workload-make.h"

#include <errno.h>

/*
 * The first million accesses of thread 1, seed 42: FNV-1a over their bytes, lowest
 * first.  A change here changes every result of the simulator: say why in the commit.
 */
static const struct {
	const char *text;
	uint64_t hash;
} streams[] = {
	{ "zipf", 0xec0a3102567d1b97 },
	{ "zipf:theta=0.5,size=64MiB,writes=20%,scatter=huge,shift=300k", 0x14ca7e1b1e24178 },
	{ "zipf:theta=1.2,size=1TiB,scatter=none", 0x13575d49304fcf5f },
	{ "uniform:writes=50%", 0x1ae2a825025d2578 },
	{ "scan:size=16MiB,writes=10%", 0xfe3e70eb2078ce25 },
	{ "hotcold:scan=10%,writes=5%", 0x18ab59117f0cb0d3 },
	{ "shift:size=100MiB,shift=123k,moves=50%", 0x382ab5abda4964d9 },
	{ "gauss", 0x2e8638b4e5803f28 },
	{ "gauss:size=3MiB,sigma=1.5%,scatter=base", 0x97651db12a7b849f },
	{ "gups", 0xdec4c75138a2133d },
	{ "stream:size=8MiB", 0x7b77af00062fd625 },
	{ "graph:size=96MiB,threads=3", 0xd8485e1d2da42a92 },
	{ "ycsb-a", 0xcea57e5a91b9ce2a },
	{ "ycsb-b:size=8GiB,theta=0.8", 0xd84477a92dc86b28 },
	{ "ycsb-c:record=300B", 0xcff7ad525306bc7c },
	{ "ycsb-d:size=32MiB", 0xb1c0e547f1ca07f1 },
	{ "ycsb-e:size=32MiB,length=30", 0x7f4beefcccf5fffa },
	{ "ycsb-f:record=64KiB", 0x72e3be2b67b9566e },
	{ "pingpong:period=70k", 0x5a745c32466716b3 },
};

#define NR_STREAMS (sizeof(streams) / sizeof(streams[0]))

enum { MILLION_ACCESSES = 1000000 };

static uint64_t hash(const uint32_t *accesses, size_t nr)
{
	uint64_t sum = 0xcbf29ce484222325;

	for (size_t i = 0; i < nr; i++)
		for (int byte = 0; byte < 4; byte++)
			sum = (sum ^ (accesses[i] >> 8 * byte & 0xff)) * 0x100000001b3;
	return sum;
}

static void test_same_on_any_machine(void **state)
{
	_cleanup_free_ uint32_t *accesses = calloc(MILLION_ACCESSES, sizeof(*accesses));
	int nr_wrong = 0;

	(void)state;
	for (size_t i = 0; i < NR_STREAMS; i++) {
		_cleanup_workload_ struct workload *workload = make_workload(streams[i].text, 42);
		size_t nr = workload_fill(workload, 1, accesses, MILLION_ACCESSES);
		uint64_t sum = hash(accesses, nr);

		assert_int_equal(nr, MILLION_ACCESSES);
		if (sum == streams[i].hash)
			continue;
		print_error("\t{ \"%s\", %#llx },\n", streams[i].text, (unsigned long long)sum);
		nr_wrong++;
	}
	assert_int_equal(nr_wrong, 0);
}

static void test_pages_are_of_regions(void **state)
{
	_cleanup_free_ uint32_t *accesses = calloc(MILLION_ACCESSES, sizeof(*accesses));

	(void)state;
	for (size_t i = 0; i < NR_STREAMS; i++) {
		_cleanup_workload_ struct workload *workload = make_workload(streams[i].text, 1);
		const struct workload_info *info = workload_info(workload);
		uint32_t next_page = 0;

		for (unsigned region = 0; region < info->nr_regions; region++) {
			assert_int_equal(info->regions[region].first_page, next_page);
			assert_true(info->regions[region].nr_pages > 0);
			next_page += info->regions[region].nr_pages;
		}
		assert_int_equal(next_page, info->nr_pages);
		workload_fill(workload, info->nr_threads - 1, accesses, MILLION_ACCESSES);
		for (size_t a = 0; a < MILLION_ACCESSES; a++)
			assert_true((accesses[a] & ~ACCESS_WRITE) < info->nr_pages);
	}
}

/* In parts of odd sizes, threads taking turns, and by a clone made half way. */
static void test_same_in_parts(void **state)
{
	enum { NR = 50000 };
	_cleanup_free_ uint32_t *whole = calloc(2 * NR, sizeof(*whole));
	_cleanup_free_ uint32_t *parts = calloc(2 * NR, sizeof(*parts));

	(void)state;
	for (size_t i = 0; i < NR_STREAMS; i++) {
		_cleanup_workload_ struct workload *workload = make_workload(streams[i].text, 9);
		_cleanup_workload_ struct workload *again = make_workload(streams[i].text, 9);
		_cleanup_workload_ struct workload *clone = NULL;
		size_t sizes[] = { 1, 0, 1023, 3, 5000, 1024, 77, 2048, 7 }, done = 0;
		uint32_t other[100];

		assert_int_equal(workload_fill(workload, 0, whole, 2 * NR), 2 * NR);
		for (unsigned n = 0; done < NR; n++) {
			size_t nr = sizes[n % 9] < NR - done ? sizes[n % 9] : NR - done;

			assert_int_equal(workload_fill(again, 0, parts + done, nr), nr);
			workload_fill(again, 1, other, 100);
			done += nr;
		}
		clone = workload_clone(again);
		assert_non_null(clone);
		workload_free(steal_pointer(&again));
		assert_int_equal(workload_fill(clone, 0, parts + NR, NR), NR);
		assert_memory_equal(whole, parts, 2 * NR * sizeof(*whole));
	}
}

static void test_threads_and_seeds_differ(void **state)
{
	uint32_t one[1000], other[1000];

	(void)state;
	for (size_t i = 0; i < NR_STREAMS; i++) {
		_cleanup_workload_ struct workload *workload = make_workload(streams[i].text, 9);
		_cleanup_workload_ struct workload *seeded = make_workload(streams[i].text, 10);

		workload_fill(workload, 0, one, 1000);
		workload_fill(workload, 1, other, 1000);
		assert_memory_not_equal(one, other, sizeof(one));
		workload_fill(seeded, 0, other, 1000);
		/* Nothing in it is random. */
		if (strcmp(workload_info(workload)->name, "stream") != 0)
			assert_memory_not_equal(one, other, sizeof(one));
	}
}

static void test_end(void **state)
{
	_cleanup_workload_ struct workload *workload =
		make_workload("zipf:accesses=2500,size=1MiB", 1);
	uint32_t accesses[2000];

	(void)state;
	assert_int_equal(workload_fill(workload, 0, accesses, 2000), 2000);
	assert_int_equal(workload_fill(workload, 0, accesses, 2000), 500);
	assert_int_equal(workload_fill(workload, 0, accesses, 2000), 0);
	assert_int_equal(workload_fill(workload, 1, accesses, 2000), 2000);
}

static void test_info(void **state)
{
	_cleanup_workload_ struct workload *workload =
		make_workload("zipf:size=8GiB,threads=3,think=1500ps,overlap=2.5", 1);
	const struct workload_info *info = workload_info(workload);

	(void)state;
	assert_string_equal(info->name, "zipf");
	assert_int_equal(info->nr_pages, 2097152);
	assert_int_equal(info->nr_threads, 3);
	assert_int_equal(info->think_ps, 1500);
	assert_int_equal(info->overlap_permille, 2500);
	assert_int_equal(info->nr_regions, 1);
	assert_string_equal(info->regions[0].name, "heap");
}

static const struct {
	const char *text;
	int code;
	const char *cause, *advice;
} refused[] = {
	{ "", -EINVAL, "no such workload: \"\"", "workloads are zipf, uniform" },
	{ "zipff", -EINVAL, "no such workload: \"zipff\"", "zipf" },
	{ "zipf:thta=1", -EINVAL, "zipf has no option \"thta\"", "size, threads, accesses" },
	{ "scan:theta=1", -EINVAL, "scan has no option \"theta\"", "lines" },
	{ "zipf:theta=x", -EINVAL, "theta=x: no such value", "from 0 to 4" },
	{ "zipf:theta", -EINVAL, "theta=: no such value", "from 0 to 4" },
	{ "zipf:theta=5", -ERANGE, "theta=5: out of bounds", "from 0 to 4" },
	{ "zipf:theta=0.1234567", -EINVAL, "theta=0.1234567: no such value", "0.99" },
	{ "zipf:theta=1.2.3", -EINVAL, "theta=1.2.3: no such value", "0.99" },
	{ "zipf:theta=1.", -EINVAL, "theta=1.: no such value", "0.99" },
	{ "zipf:theta=99999999999999999999", -ERANGE, "out of bounds", "from 0 to 4" },
	{ "zipf:size=4", -ERANGE, "size=4: out of bounds", "from 1.00 MiB to 1.00 TiB" },
	{ "zipf:size=2TiB", -ERANGE, "size=2TiB: out of bounds", "1.00 TiB" },
	{ "zipf:size=8GiBi", -EINVAL, "size=8GiBi: no such value", "8GiB" },
	{ "zipf:writes=20", -EINVAL, "writes=20: no such value", "20%" },
	{ "zipf:writes=101%", -ERANGE, "writes=101%: out of bounds", "from 0% to 100%" },
	{ "zipf:threads=0", -ERANGE, "threads=0: out of bounds", "from 1 to 1024" },
	{ "zipf:threads=1k2", -EINVAL, "threads=1k2: no such value", "50M" },
	{ "zipf:shift=99999999999G", -ERANGE, "out of bounds", "50M" },
	{ "zipf:think=1.5ps", -EINVAL, "think=1.5ps: no such value", "500ps" },
	{ "zipf:think=2s", -ERANGE, "think=2s: out of bounds", "1.00 ms" },
	{ "zipf:overlap=0.5", -ERANGE, "overlap=0.5: out of bounds", "from 1 to 64" },
	{ "zipf:scatter=2MiB", -EINVAL, "scatter=2MiB: no such value", "none, base, huge" },
	{ "zipf:size=1GiB,size=2GiB", -EINVAL, "size is given twice", "leave one" },
	{ "zipf:size=1GiB,", -EINVAL, "a comma without an option", "leave out" },
	{ "zipf:,size=1GiB", -EINVAL, "zipf has no option \"\"", "size" },
	{ "zipf:theta=0.0000000000000000000000000000000000099", -EINVAL, "no such value", "0.99" },
	{ "zipf:size=1MiB,threads=17", -ERANGE, "too little for 17 threads", "16 pages" },
	{ "hotcold:size=1MiB,hot=0.1%", -ERANGE, "no pages would be hot", "0.39" },
	{ "hotcold:hot=100%", -ERANGE, "all pages would be hot", "%" },
	{ "hotcold:hits=60%,scan=50%", -ERANGE, "over 100% together", "cold" },
	{ "pingpong:hot=51%", -ERANGE, "two sets of that size do not fit", "50%" },
	{ "gauss:sigma=0.01%", -ERANGE, "sigma=0.01%: out of bounds", "from 0.1% to 100%" },
	{ "stream:kernel=tria", -EINVAL, "kernel=tria", "all, copy, scale, add, triad" },
	{ "ycsb-a:length=5", -EINVAL, "ycsb-a has no option \"length\"", "record" },
	{ "ycsb-g", -EINVAL, "no such workload: \"ycsb-g\"", "ycsb-f" },
	{ "ycsb-c:size=1TiB,record=100B", -ERANGE, "more than 2147483648 records", "larger" },
	{ "ycsb-c:record=1MiB", -ERANGE, "record=1MiB: out of bounds", "64.0 KiB" },
	{ "pingpong:period=0", -ERANGE, "period=0: out of bounds", "from 1" },
};

static void test_refused(void **state)
{
	struct workload *workload = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct mpol_error err = { 0 };
		int r = workload_new(refused[i].text, 1, &workload, &err);

		assert_null(workload);
		if (r != refused[i].code || err.code != r || !strstr(err.cause, refused[i].cause) ||
		    !strstr(err.advice, refused[i].advice))
			fail_msg("%s: %d: %s; %s", refused[i].text, r, err.cause, err.advice);
		assert_string_equal(err.object, refused[i].text);
		assert_int_equal(workload_new(refused[i].text, 1, &workload, NULL), r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_on_any_machine),
		cmocka_unit_test(test_pages_are_of_regions),
		cmocka_unit_test(test_same_in_parts),
		cmocka_unit_test(test_threads_and_seeds_differ),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
