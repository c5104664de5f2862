/* SPDX-License-Identifier: MIT */
/* Shifts, and what only looks like one. */
#include "cmocka-all.h"

#include <string.h>

#include "shift.h"

#define NR   1000
#define FAST 0
#define SLOW 1

static struct shift shift;
static uint8_t seen[NR];
static int16_t nodes[NR];

static int start(void **state)
{
	(void)state;
	shift_start(&shift);
	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < NR; i++)
		nodes[i] = i < NR / 2 ? FAST : SLOW;
	return 0;
}

/* A round that has seen what seen says. */
static bool end_round(void)
{
	const struct nodemask slow_nodes = nodemask_of(SLOW);
	const struct port_span span = {
		.nr_units = NR, .unit_pages = 1, .seen = seen, .nodes = nodes
	};

	shift_witness(&shift, &slow_nodes, &span);
	return shift_detect(&shift);
}

/* A round in which so many of the pages in fast memory were accessed, and so many of those in slow.
 */
static bool detect(int fast, int slow)
{
	for (int i = 0; i < NR; i++)
		seen[i] = i < NR / 2 ? i < fast : i - NR / 2 < slow;
	return end_round();
}

static void test_steady(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		assert_false(detect(400 + i % 7, 100 - i % 5));
}

static void test_shift(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		assert_false(detect(450, 50));
	assert_true(detect(50, 450));
	/* What it has become used to is no shift; nor is what gets better. */
	for (int i = 0; i < 50; i++)
		assert_false(detect(50 + 8 * i, 450 - 8 * i));
	assert_true(detect(50, 450));
}

/* How many rounds another shift, three rounds after the last one, is not believed. */
static unsigned rounds_of_doubt(void)
{
	unsigned rounds = 0;

	for (int i = 0; i < 3; i++)
		assert_false(detect(450, 50));
	while (!detect(50, 450))
		rounds++;
	return rounds;
}

/* A second one comes too soon, and is found as late as it may be; a third one later than that. */
static void test_waits_for_calm(void **state)
{
	unsigned second, third;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_false(detect(450, 50));
	assert_true(detect(50, 450));
	second = rounds_of_doubt();
	third = rounds_of_doubt();
	assert_true(second > 0);
	assert_true(third > 3 * second);
	assert_true(third < 30);
}

/* A round in which so many pages of each kind of memory were seen with a score. */
static bool detect_scores(int fast, uint8_t fast_score, int slow, uint8_t slow_score)
{
	memset(seen, 0, sizeof(seen));
	memset(seen, fast_score, (size_t)fast);
	memset(seen + NR / 2, slow_score, (size_t)slow);
	return end_round();
}

/* One seen two scans earlier weighs as much as sixteen. */
static void test_weighs_by_score(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		assert_false(detect_scores(300, 1, 0, 0));
	assert_false(detect_scores(300, 1, 20, 1));
	assert_true(detect_scores(300, 1, 30, 3));
}

/* 128 huge pages, all in use: so many of those in each kind of memory have the scores 6, 4 and 3.
 */
static bool detect_huge(const int fast[3], const int slow[3])
{
	static const uint8_t scores[] = { 6, 4, 3 };
	uint8_t *at[] = { seen, seen + NR / 2 };

	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < 3; i++) {
		memset(at[0], scores[i], (size_t)fast[i]);
		memset(at[1], scores[i], (size_t)slow[i]);
		at[0] += fast[i];
		at[1] += slow[i];
	}
	return end_round();
}

/* Where all is in use before and after, how often tells.  The numbers are those of a guest. */
static void test_few_units_all_in_use(void **state)
{
	const int usual[2][3] = { { 30, 10, 15 }, { 10, 8, 55 } };
	const int after[2][3] = { { 12, 10, 33 }, { 34, 12, 27 } };

	(void)state;
	for (int i = 0; i < 50; i++)
		assert_false(detect_huge(usual[0], usual[1]));
	/* One round of so few may be chance; two are not. */
	assert_false(detect_huge(after[0], after[1]));
	for (int i = 0; i < 5; i++)
		assert_false(detect_huge(usual[0], usual[1]));
	assert_false(detect_huge(after[0], after[1]));
	assert_true(detect_huge(after[0], after[1]));
}

/* Four rounds of a guest, and the two after a shift: they are not taken for chance. */
static void test_few_units_vary(void **state)
{
	static const int fast[4][3] = {
		{ 41, 7, 20 }, { 35, 18, 15 }, { 38, 6, 24 }, { 35, 16, 17 }
	};
	static const int slow[4][3] = {
		{ 13, 6, 41 }, { 7, 10, 43 }, { 17, 4, 39 }, { 16, 8, 36 }
	};

	(void)state;
	for (int i = 0; i < 200; i++)
		assert_false(detect_huge(fast[i % 4], slow[i % 4]));
	assert_false(detect_huge((int[]) { 12, 29, 27 }, (int[]) { 34, 14, 12 }));
	assert_true(detect_huge((int[]) { 34, 1, 33 }, (int[]) { 42, 2, 16 }));
}

/* A little less is believed of few units, too, when some rounds have it. */
static void test_few_units_a_little_less(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		assert_false(detect(160, 40));
	for (int i = 0; i < 2; i++)
		assert_false(detect(128, 72));
	assert_true(detect(128, 72));
}

/* Where scans come so late that half of the units look alike, a shift takes hardly more than chance
 * does from some rounds: four of a guest, and what is left of them where places say nothing. */
static void test_few_units_half_alike(void **state)
{
	static const int fast[4][3] = { { 58, 0, 5 }, { 43, 7, 13 }, { 48, 1, 14 }, { 43, 4, 14 } };
	static const int slow[4][3] = {
		{ 42, 3, 18 }, { 16, 8, 39 }, { 28, 5, 30 }, { 19, 12, 30 }
	};
	static const int after_fast[3][3] = { { 50, 1, 12 }, { 30, 8, 26 }, { 39, 3, 22 } };
	static const int after_slow[3][3] = { { 50, 2, 11 }, { 29, 7, 26 }, { 37, 3, 22 } };
	int rounds = 0;

	(void)state;
	for (int i = 0; i < 400; i++)
		assert_false(detect_huge(fast[i % 4], slow[i % 4]));
	while (!detect_huge(after_fast[rounds % 3], after_slow[rounds % 3]))
		assert_in_range(++rounds, 1, 9);
}

/* Few units are weighed in another way than many; a program that uses now 300 and now 200 has not
 * shifted, but has where others of these are accessed often. */
static void test_few_and_many(void **state)
{
	static const int few[2][3] = { { 13, 0, 0 }, { 0, 0, 187 } };
	static const int many[2][3] = { { 20, 0, 0 }, { 0, 0, 280 } };

	(void)state;
	for (int i = 0; i < 50; i++)
		assert_false(detect_huge(many[0], many[1]));
	for (int i = 0; i < 50; i++)
		assert_false(detect_huge(few[0], few[1]));
	for (int i = 0; i < 50; i++) {
		assert_false(detect_huge(many[0], many[1]));
		assert_false(detect_huge(few[0], few[1]));
	}
	assert_false(detect_huge(few[1], few[0]));
	assert_true(detect_huge(many[1], many[0]));
}

/* With other memory a program comes to use fewer units, or more: what is usual of these is known.
 */
static void test_few_after_many(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		assert_false(detect(240, 60));
	assert_false(detect(40, 160));
	assert_true(detect(40, 160));
	for (int i = 0; i < 50; i++)
		assert_false(detect(40, 160));
	for (int i = 0; i < 50; i++)
		assert_false(detect(160, 40));
	assert_true(detect(60, 240));
}

/* Rounds of few say nothing of what those of many have made likely. */
static void test_few_allay_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		assert_false(detect(240, 60));
	for (int i = 0; i < 2; i++) {
		assert_false(detect(190, 110));
		assert_false(detect(160, 40));
	}
	assert_true(detect(190, 110));
}

/* A fifth less is no shift at once, but where it stays so. */
static void test_asks_again(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		assert_false(detect(400, 100));
	assert_false(detect(320, 180));
	assert_false(detect(400, 100));
	assert_false(detect(320, 180));
	assert_false(detect(320, 180));
	assert_true(detect(320, 180));
	start(NULL);
	for (int i = 0; i < 50; i++)
		assert_false(detect(400 - 80 * (i % 2), 100 + 80 * (i % 2)));
}

/* Pages that are always in use, before and after. */
static void test_few_hide_nothing(void **state)
{
	const struct nodemask slow_nodes = nodemask_of(SLOW);
	uint8_t always[5] = { 7, 7, 7, 7, 7 };
	int16_t fast[5] = { FAST, FAST, FAST, FAST, FAST };
	const struct port_span busy = { .nr_units = 5, .seen = always, .nodes = fast };

	(void)state;
	for (int i = 0; i < 50; i++) {
		shift_witness(&shift, &slow_nodes, &busy);
		assert_false(detect_scores(400, 2, 0, 0));
	}
	shift_witness(&shift, &slow_nodes, &busy);
	assert_true(detect_scores(0, 0, 400, 2));
}

static void test_few_say_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		assert_false(detect(450, 50));
	for (int i = 0; i < 50; i++)
		assert_false(detect(0, 40));
	assert_true(detect(50, 450));
}

/* A program that goes through its memory for ever shifts less and less. */
static void test_backs_off(void **state)
{
	unsigned early = 0, late = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		const bool fast = i / 6 % 2 == 0;
		const bool shifted = detect(fast ? 450 : 0, fast ? 0 : 450);

		*(i < 1000 ? &early : &late) += shifted;
	}
	assert_true(early > 0);
	assert_true(early < 12);
	assert_true(late <= 2);
}

/* How often a program is taken to have shifted in forty rounds, of which each has another part of
 * it in fast memory. */
static unsigned count_shifts(uint32_t seed)
{
	unsigned shifts = 0;

	start(NULL);
	for (int i = 0; i < 40; i++) {
		const int fast = 100 + (int)((seed = seed * 1664525 + 1013904223) >> 16) % 251;

		shifts += detect(fast, 500 - fast);
	}
	return shifts;
}

/* One that has varied much already is believed less.
 */
static void test_variation_is_no_shift(void **state)
{
	unsigned shifts = 0;

	(void)state;
	for (uint32_t seed = 0; seed < 200; seed++)
		shifts += count_shifts(seed);
	assert_true(shifts < 200 * 3 / 2);
}

#define SCANS	5
#define SCAN_NS 200000000ULL

/* A round, of which each scan sees so many pages first, so many of them in fast memory; returns the
 * number of the scan that is alarmed, or that of all. */
static unsigned glance(uint64_t fast, uint64_t units)
{
	for (unsigned scan = 0; scan < SCANS; scan++)
		if (shift_glance(&shift, scan, SCAN_NS, fast + scan, units))
			return scan;
	return SCANS;
}

/* Rounds in which nothing changes. */
static void rest(int rounds)
{
	for (int i = 0; i < rounds; i++) {
		assert_int_equal(glance(900, 1000), SCANS);
		assert_false(detect(450, 50));
	}
}

static void test_glance_alarms_once(void **state)
{
	(void)state;
	rest(20);
	assert_int_equal(glance(500, 1000), 0);
	/* The round after it tells, whatever its scans see; this one says yes. */
	assert_int_equal(glance(500, 1000), SCANS);
	assert_true(detect(50, 450));
	/* No other comes as long as the calm that follows every shift. */
	for (int i = 0; i < 4; i++) {
		assert_int_equal(glance(100 * i, 1000), SCANS);
		assert_false(detect(50, 450));
	}
}

/* Each scan is held against what that scan is used to see. */
static void test_glances_differ(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_false(shift_glance(&shift, 0, SCAN_NS, 950, 1000));
		assert_false(shift_glance(&shift, 4, SCAN_NS, 400, 1000));
		assert_false(detect(450, 50));
	}
	assert_false(shift_glance(&shift, 4, SCAN_NS, 390, 1000));
	assert_true(shift_glance(&shift, 0, SCAN_NS, 390, 1000));
}

static void test_glance_sees_enough(void **state)
{
	(void)state;
	rest(20);
	assert_false(shift_glance(&shift, 0, SCAN_NS, 0, 200));
	assert_false(shift_glance(&shift, 0, SCAN_NS, 800, 1000));
	assert_true(shift_glance(&shift, 0, SCAN_NS, 100, 1000));
}

/* More than that scan is used to see, although no smaller part of it is fast. */
static void test_a_scan_that_sees_more_alarms(void **state)
{
	(void)state;
	rest(20);
	assert_int_equal(glance(981, 1090), SCANS);
	assert_false(detect(450, 50));
	assert_false(shift_glance(&shift, 0, SCAN_NS, 720, 800));
	assert_true(shift_glance(&shift, 1, SCAN_NS, 1261, 1400));
	assert_true(detect(50, 450));
}

/* Bursts lie now before a scan, now behind it: there more is nothing new. */
static void test_bursts_do_not_alarm(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		const uint64_t units = i % 2 ? 1000 : 1333;

		assert_int_equal(glance(units * 9 / 10, units), SCANS);
		assert_false(detect(450, 50));
	}
}

/* Nor when most scans see none of them, and one all at once. */
static void test_rare_bursts_do_not_alarm(void **state)
{
	(void)state;
	rest(20);
	assert_false(shift_glance(&shift, 0, SCAN_NS / 4, 2700, 3000));
	assert_true(shift_glance(&shift, 1, SCAN_NS, 2700, 3000));
}

static void test_first_rounds_do_not_alarm(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(glance(i % 2 ? 900 : 0, 1000), SCANS);
		assert_false(detect(450, 50));
	}
}

/* What was learnt of other moments says nothing. */
static void test_forgotten_scans_do_not_alarm(void **state)
{
	(void)state;
	rest(20);
	shift_forget_scans(&shift);
	assert_int_equal(glance(100, 1000), SCANS);
	assert_int_equal(glance(10, 1000), 0);
}

/* Where others have to agree with a round, the next ones come at once, as long as they do. */
static void test_a_doubtful_round_alarms(void **state)
{
	(void)state;
	rest(20);
	assert_false(shift.is_alarmed);
	for (int i = 0; i < 2; i++) {
		assert_false(detect(380, 120));
		assert_true(shift.is_alarmed);
	}
	assert_true(detect(380, 120));
	assert_false(shift.is_alarmed);
}

/* One that was wrong is the last for some rounds. */
static void test_doubt_backs_off(void **state)
{
	(void)state;
	rest(20);
	assert_false(detect(380, 120));
	for (int i = 0; i < 3; i++) {
		rest(1);
		assert_false(detect(380, 120));
		assert_false(shift.is_alarmed);
	}
	rest(20);
	assert_false(detect(380, 120));
	assert_true(shift.is_alarmed);
}

/* Of a program that then does nothing none tells whether it was right: it was not. */
static void test_doubt_ends_where_nothing_is_accessed(void **state)
{
	(void)state;
	rest(20);
	assert_false(detect(380, 120));
	assert_true(shift.is_alarmed);
	assert_false(detect(0, 40));
	assert_false(shift.is_alarmed);
	assert_true(shift.deaf_rounds > 0);
}

/* Glances that are wrong count for ever longer. */
static void test_false_alarms_back_off(void **state)
{
	unsigned early = 0, late = 0;

	(void)state;
	rest(20);
	for (int i = 0; i < 2000; i++) {
		const bool alarmed = glance(i % 2 ? 900 : 100, 1000) < SCANS;

		*(i < 1000 ? &early : &late) += alarmed;
		assert_false(detect(450, 50));
	}
	assert_true(early > 0);
	assert_true(early < 10);
	assert_true(late <= 2);
}

#define PEEK_NS 200000000ULL

/* The last scan of a round and peeks behind it, which see so many units in as much time each, until
 * one alarms; returns its number, or nr. */
static size_t peek(const uint64_t *units, size_t nr)
{
	shift_expect(&shift, units[0], PEEK_NS);
	for (size_t i = 1; i < nr; i++)
		if (shift_peek(&shift, units[i], PEEK_NS))
			return i;
	return nr;
}

/* So it is with whatever is accessed at random, and with what is read from end to end. */
static void test_fewer_first_accesses_are_no_sign(void **state)
{
	static const uint64_t fewer[] = { 900, 780, 700, 590, 520, 460, 400 };
	static const uint64_t level[] = { 900, 960, 870, 930, 880, 940, 905 };

	(void)state;
	rest(10);
	assert_int_equal(peek(fewer, 7), 7);
	assert_int_equal(peek(level, 7), 7);
}

/* A tenth of the pages was hot, and another one is: what a guest has of a sample of 8,192. */
static void test_more_first_accesses_alarm_once(void **state)
{
	static const uint64_t more[] = { 900, 780, 1100, 2000 };
	static const uint64_t late[] = { 270, 240, 340 };

	(void)state;
	rest(10);
	assert_int_equal(peek(more, 4), 2);
	assert_true(shift.is_alarmed);
	assert_int_equal(peek(more, 4), 4); /* the next round is to tell */
	rest(20);			    /* and does, and then they are deaf for a while */
	assert_int_equal(peek(late, 3), 2);
}

/* What tells is how many there are in a time. */
static void test_peeks_may_be_late(void **state)
{
	(void)state;
	rest(10);
	shift_expect(&shift, 900, PEEK_NS);
	assert_false(shift_peek(&shift, 1800, 2 * PEEK_NS));
	assert_false(shift_peek(&shift, 450, PEEK_NS / 2));
	assert_true(shift_peek(&shift, 900, PEEK_NS / 2));
}

static void test_first_rounds_and_few_units_do_not_alarm(void **state)
{
	static const uint64_t few[] = { 2, 30, 60 }, from_nothing[] = { 0, 0, 400 };

	(void)state;
	assert_int_equal(peek(from_nothing, 3), 3);
	rest(10);
	assert_int_equal(peek(few, 3), 3); /* which may be chance */
	assert_int_equal(peek(from_nothing, 3), 2);
}

/* What a last scan has counted in a fiftieth of the time, chance may have halved. */
static void test_a_short_time_before_tells_little(void **state)
{
	(void)state;
	rest(10);
	shift_expect(&shift, 10, PEEK_NS / 50);
	assert_false(shift_peek(&shift, 850, PEEK_NS));
	shift_expect(&shift, 10, PEEK_NS / 50);
	assert_true(shift_peek(&shift, 1500, PEEK_NS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_steady, start),
		cmocka_unit_test_setup(test_shift, start),
		cmocka_unit_test_setup(test_waits_for_calm, start),
		cmocka_unit_test_setup(test_weighs_by_score, start),
		cmocka_unit_test_setup(test_few_units_all_in_use, start),
		cmocka_unit_test_setup(test_few_units_vary, start),
		cmocka_unit_test_setup(test_few_units_a_little_less, start),
		cmocka_unit_test_setup(test_few_units_half_alike, start),
		cmocka_unit_test_setup(test_few_and_many, start),
		cmocka_unit_test_setup(test_few_after_many, start),
		cmocka_unit_test_setup(test_few_allay_nothing, start),
		cmocka_unit_test_setup(test_asks_again, start),
		cmocka_unit_test_setup(test_few_hide_nothing, start),
		cmocka_unit_test_setup(test_few_say_nothing, start),
		cmocka_unit_test_setup(test_backs_off, start),
		cmocka_unit_test_setup(test_variation_is_no_shift, start),
		cmocka_unit_test_setup(test_glance_alarms_once, start),
		cmocka_unit_test_setup(test_glances_differ, start),
		cmocka_unit_test_setup(test_glance_sees_enough, start),
		cmocka_unit_test_setup(test_a_scan_that_sees_more_alarms, start),
		cmocka_unit_test_setup(test_bursts_do_not_alarm, start),
		cmocka_unit_test_setup(test_rare_bursts_do_not_alarm, start),
		cmocka_unit_test_setup(test_first_rounds_do_not_alarm, start),
		cmocka_unit_test_setup(test_forgotten_scans_do_not_alarm, start),
		cmocka_unit_test_setup(test_a_doubtful_round_alarms, start),
		cmocka_unit_test_setup(test_doubt_backs_off, start),
		cmocka_unit_test_setup(test_doubt_ends_where_nothing_is_accessed, start),
		cmocka_unit_test_setup(test_false_alarms_back_off, start),
		cmocka_unit_test_setup(test_fewer_first_accesses_are_no_sign, start),
		cmocka_unit_test_setup(test_more_first_accesses_alarm_once, start),
		cmocka_unit_test_setup(test_peeks_may_be_late, start),
		cmocka_unit_test_setup(test_first_rounds_and_few_units_do_not_alarm, start),
		cmocka_unit_test_setup(test_a_short_time_before_tells_little, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
