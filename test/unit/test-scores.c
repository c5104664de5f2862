/* SPDX-License-Identifier: MIT */
/* Pure: what a round's scores tell apart. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "scores.h"

#define NR_SCANS 6
#define ALL	 65536
#define MS	 1000000ULL

static const struct port_round round_of_6 = {
	.nr_scans = NR_SCANS,
	.after_ns = { 1 * MS, 4 * MS, 16 * MS, 64 * MS, 256 * MS, 1024 * MS },
};

/* How many units have been accessed so long after the clear. */
typedef double curve(double ms);

static struct scores_seen seen_by(curve *accessed, uint64_t all_units)
{
	struct scores_seen seen = { .all_units = all_units };
	uint64_t before = 0;

	for (unsigned scan = 0; scan < NR_SCANS; scan++) {
		const uint64_t now =
			(uint64_t)accessed((double)round_of_6.after_ns[scan] / (double)MS);

		seen.units[scan] = now - before;
		before = now;
	}
	return seen;
}

/* Every unit has one access in 164 ms on average: play's uniform. */
static double uniform(double ms)
{
	return ALL * (1 - exp(-ms / 164));
}

/* One after the other, all within 328 ms. */
static double scan(double ms)
{
	return ms < 328 ? ALL * ms / 328 : ALL;
}

/* The same, of half of memory; the other half is idle. */
static double scan_of_half(double ms)
{
	return scan(ms) / 2;
}

/* A tenth of the units has nine accesses of ten. */
static double hot_tenth(double ms)
{
	return ALL * (.1 * (1 - exp(-ms / 18)) + .9 * (1 - exp(-ms / 1475)));
}

/* 400 accesses in a millisecond, to the n-th unit one n-th of those to the first. */
static double zipf(double ms)
{
	double units = 0;

	for (int rank = 1; rank <= ALL; rank++)
		units += 1 - exp(-400 * ms / 11.67 / rank);
	return units;
}

static void pool(const struct scores_seen *seen, uint8_t *ret)
{
	scores_pool(&round_of_6, NR_SCANS, seen, ret);
	assert_int_equal(ret[0], 0);
	for (unsigned score = 1; score <= NR_SCANS; score++)
		assert_true(ret[score - 1] <= ret[score]);
}

static void assert_all_alike(const uint8_t *scores)
{
	for (unsigned score = 2; score <= NR_SCANS; score++)
		assert_int_equal(scores[score], scores[1]);
	/* Most were first seen by the last scans. */
	assert_in_range(scores[1], 1, 2);
}

static void what_is_alike_has_one_score(void **state)
{
	struct scores_seen seen = seen_by(uniform, ALL);
	uint8_t scores[PORT_MAX_SCANS + 1];

	(void)state;
	pool(&seen, scores);
	assert_all_alike(scores);
	seen = seen_by(scan, ALL);
	pool(&seen, scores);
	assert_all_alike(scores);
}

static void idle_memory_is_told_from_a_scan(void **state)
{
	const struct scores_seen seen = seen_by(scan_of_half, ALL);
	uint8_t scores[PORT_MAX_SCANS + 1];

	(void)state;
	pool(&seen, scores);
	assert_true(scores[1] > 0);
	for (unsigned score = 3; score <= NR_SCANS; score++)
		assert_int_equal(scores[score], scores[2]);
}

static void what_differs_keeps_its_scores(void **state)
{
	struct scores_seen seen = seen_by(zipf, ALL);
	uint8_t scores[PORT_MAX_SCANS + 1];

	(void)state;
	pool(&seen, scores);
	for (unsigned score = 0; score <= NR_SCANS; score++)
		assert_int_equal(scores[score], score);
	seen.all_units = 0; /* nor does it need to be known how many there are */
	pool(&seen, scores);
	for (unsigned score = 0; score <= NR_SCANS; score++)
		assert_int_equal(scores[score], score);
}

/* Between 64 ms and 1 s only what is cold is new, at one rate; what is hot is told from that. */
static void hot_units_are_told_from_equals(void **state)
{
	const struct scores_seen seen = seen_by(hot_tenth, ALL);
	uint8_t scores[PORT_MAX_SCANS + 1];

	(void)state;
	pool(&seen, scores);
	assert_int_equal(scores[1], scores[2]);
	assert_true(scores[3] > scores[2]);
}

/* A burst that no scan but the third one has seen: those before it tell nothing. */
static void bursts_tell_nothing(void **state)
{
	const struct scores_seen seen = { { 0, 0, 2000, 9000, 9000, 9000 }, ALL };
	uint8_t scores[PORT_MAX_SCANS + 1];

	(void)state;
	pool(&seen, scores);
	assert_int_equal(scores[4], 3);
	assert_int_equal(scores[3], 3);
	assert_int_equal(scores[2], 2);
	assert_int_equal(scores[1], 1);
}

static void few_units_are_left_alone(void **state)
{
	const struct scores_seen seen = { { 10, 30, 40, 20, 10, 18 }, 128 };
	uint8_t scores[PORT_MAX_SCANS + 1];

	(void)state;
	pool(&seen, scores);
	for (unsigned score = 0; score <= NR_SCANS; score++)
		assert_int_equal(scores[score], score);
}

/* A round may end before all its scans; what it has seen may be more than there were at its first
 * one. */
static void rounds_that_end_early(void **state)
{
	const struct scores_seen seen = { { 200, 600, 2400, 9600, 1000000, 1000000 }, 12000 };
	uint8_t scores[PORT_MAX_SCANS + 1];

	(void)state;
	scores_pool(&round_of_6, 4, &seen, scores);
	for (unsigned score = 3; score <= NR_SCANS; score++)
		assert_int_equal(scores[score], 3);
	assert_int_equal(scores[2], 2);
	pool(&seen, scores);
	scores_pool(&round_of_6, 0, &seen, scores);
	for (unsigned score = 0; score <= NR_SCANS; score++)
		assert_int_equal(scores[score], score);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_alike_has_one_score),
		cmocka_unit_test(idle_memory_is_told_from_a_scan),
		cmocka_unit_test(what_differs_keeps_its_scores),
		cmocka_unit_test(hot_units_are_told_from_equals),
		cmocka_unit_test(bursts_tell_nothing),
		cmocka_unit_test(few_units_are_left_alone),
		cmocka_unit_test(rounds_that_end_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
