/* SPDX-License-Identifier: MIT */
/*
 * Watermarks as /proc/zoneinfo of the lab's machines shows them
 * (test/guest/test-kernel-watermarks.c compares them all), and the boost that follows demand.
 */
#include "cmocka-all.h"

#include "watermarks.h"

#define MS 1000000ULL

static void assert_marks(struct watermarks marks, uint64_t min, uint64_t step)
{
	assert_int_equal(marks.min_pages, min);
	assert_int_equal(marks.low_pages, min + step);
	assert_int_equal(marks.high_pages, min + 2 * step);
	assert_int_equal(marks.promo_pages, min + 3 * step);
}

static void test_min_free(void **state)
{
	(void)state;
	assert_int_equal(watermarks_min_free_kib(0), 128);
	assert_int_equal(watermarks_min_free_kib(256), 128);
	assert_int_equal(watermarks_min_free_kib(257), 128);  /* sqrt(16448) = 128.2 */
	assert_int_equal(watermarks_min_free_kib(4096), 512); /* the table in mm/page_alloc.c */
	assert_int_equal(watermarks_min_free_kib(1 << 22), 16384);
	assert_int_equal(watermarks_min_free_kib((uint64_t)1 << 30), 262144);
	assert_int_equal(watermarks_min_free_kib((uint64_t)1 << 40), 262144);
	/* lab/machines/eight-nodes-sparse.yaml: seven nodes, one of them in two zones. */
	assert_int_equal(watermarks_min_free_kib_huge(1001778, 8), 180224);
	/* One zone more, and the limit of a twentieth. */
	assert_int_equal(watermarks_min_free_kib_huge(1001778, 9), 1001778 / 20 * 4);
	/* What is more already stays: 16 KiB for the twentieth of 100 pages. */
	assert_int_equal(watermarks_min_free_kib_huge(100, 1), 128);
}

static void test_zones(void **state)
{
	struct watermarks_rule rule = { 180224, 1001778, 10 };

	(void)state;
	assert_marks(watermarks_of_zone(&rule, 128981), 5801, 1450);
	assert_marks(watermarks_of_zone(&rule, 257006), 11559, 2889);
	assert_marks(watermarks_of_zone(&rule, 0), 0, 0);
	/* From where the scale factor counts more than a quarter of min. */
	rule.scale_factor = 1000;
	assert_marks(watermarks_of_zone(&rule, 257006), 11559, 25700);
	rule.scale_factor = 112;
	assert_marks(watermarks_of_zone(&rule, 257006), 11559, 2889);
	/* 16 TiB: nothing overflows. */
	rule = (struct watermarks_rule) { 262144, (uint64_t)1 << 32, 1000 };
	assert_marks(watermarks_of_zone(&rule, (uint64_t)1 << 32), 65536, 429496729);
}

static void test_movable(void **state)
{
	const struct watermarks_rule rule = { 180224, 1001778, 10 };

	(void)state;
	/* The distances are those of a zone that is not movable. */
	assert_marks(watermarks_of_movable_zone(&rule, 128981), 125, 1450);
	assert_marks(watermarks_of_movable_zone(&rule, 257006), 128, 2889);
	assert_marks(watermarks_of_movable_zone(&rule, 0), 32, 0);
}

static void test_demand(void **state)
{
	struct watermark_demand demand = { .since_ns = 5 * MS };
	uint64_t peak;

	(void)state;
	assert_int_equal(watermark_boosted(1000, 80000, &demand), 1000);
	watermark_demand_add(&demand, 300);
	watermark_demand_add(&demand, 200);
	watermark_demand_age(&demand, 104 * MS);
	assert_int_equal(demand.pages, 0); /* the interval is not over */
	watermark_demand_age(&demand, 105 * MS);
	assert_int_equal(demand.pages, 500);
	assert_int_equal(watermark_boosted(1000, 80000, &demand), 1500);
	assert_int_equal(watermark_boosted(1000, 8800, &demand), 1100);
	assert_int_equal(watermark_boosted(1000, 4000, &demand), 1000);
	/* Less demand does not take from the peak at once; a second halves it about. */
	watermark_demand_add(&demand, 100);
	watermark_demand_age(&demand, 205 * MS);
	assert_in_range(demand.pages, 450, 499);
	peak = demand.pages;
	watermark_demand_age(&demand, 1205 * MS);
	assert_in_range(demand.pages, peak * 2 / 5, peak * 3 / 5);
	/* And in the end nothing is left, in however long a time. */
	watermark_demand_age(&demand, UINT64_MAX);
	assert_int_equal(demand.pages, 0);
	assert_in_range(demand.since_ns, UINT64_MAX - WATERMARK_INTERVAL_NS, UINT64_MAX);
}

/* In whatever steps time passes, the same is left. */
static void test_demand_steps(void **state)
{
	struct watermark_demand once = { 0 }, often = { 0 };

	(void)state;
	watermark_demand_add(&once, 10000);
	watermark_demand_add(&often, 10000);
	watermark_demand_age(&once, 2050 * MS);
	for (uint64_t now = 0; now <= 2050 * MS; now += 7 * MS)
		watermark_demand_age(&often, now);
	watermark_demand_age(&often, 2050 * MS);
	assert_memory_equal(&once, &often, sizeof(once));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_min_free),     cmocka_unit_test(test_zones),
		cmocka_unit_test(test_movable),	     cmocka_unit_test(test_demand),
		cmocka_unit_test(test_demand_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
