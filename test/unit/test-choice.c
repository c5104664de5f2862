/* SPDX-License-Identifier: MIT */
/*
 * How stripes are chosen and remembered: counts in closed form against stripes one by one; what a
 * program that takes and frees for long ends up with; budgets; threads and forks.
 */
#include "cmocka-all.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "choice.h"
#include "ledger.h"
#include "policy.h"
#include "stripes.h"

#define NR_LIVE	   24
#define NR_THREADS 4

static const char *const wishes[] = {
	"weighted:0=3,1=1",	      "weighted:0=1,1=1",     "weighted:0=9,1=9,2=4",
	"weighted:0=255,2=1",	      "weighted:0-3=1,4-7=2", "weighted:3=7",
	"weighted:1=5,1000=3,1023=2",
};
#define NR_WISHES (sizeof(wishes) / sizeof(wishes[0]))

static struct shares shares; /* of the test at hand; the ledger holds on to it */

static void wish(const char *text)
{
	struct mpol_policy policy;

	assert_int_equal(policy_parse(text, NULL, &policy, NULL), 0);
	assert_int_equal(shares_of(&policy, &shares), 0);
}

static uint64_t random_state;

static uint64_t random_below(uint64_t end)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % end;
}

static int begin(void **state)
{
	(void)state;
	random_state = 88172645463325252;
	return 0;
}

/* ---- Wishes --------------------------------------------------------------------------- */

static void test_wishes(void **state)
{
	static const char *const refused[] = {
		"weighted:0-1", "weighted:0=3,1",	   "interleave:0-1",
		"local",	"weighted:0=3,1=1+static",
	};
	struct mpol_policy policy;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_int_equal(policy_parse(refused[i], NULL, &policy, NULL), 0);
		assert_int_equal(shares_of(&policy, &shares), -22);
	}
	wish("weighted:1=5,1000=3,1023=2");
	assert_int_equal(shares.round, 10);
	assert_int_equal(shares.nr_nodes, 3);
	assert_int_equal(shares.base, 1);
}

/* ---- Counts --------------------------------------------------------------------------- */

static void check_counts(const struct striped *range)
{
	const struct stripes_range pages = { range->page, range->end - range->page, 0 };
	struct stripes_run run = { 0 };
	uint64_t by_node[MPOL_NODES_MAX] = { 0 }, runs = 0;

	while (stripes_next(&pages, &shares.policy, range->shift, &run)) {
		by_node[run.node] += run.nr_pages;
		runs++;
	}
	assert_int_equal(striped_runs(range, &shares), runs);
	for (int i = 0; i < shares.nr_nodes; i++)
		assert_int_equal(striped_pages(range, &shares, i), by_node[shares.nodes[i]]);
}

static void test_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_WISHES; i++) {
		wish(wishes[i]);
		for (int n = 0; n < 300; n++) {
			struct striped range = {
				.page = 0x7f0000000 + random_below(100000),
				.shift = (unsigned int)random_below(13),
			};

			range.end = range.page + 1 + random_below(20000);
			check_counts(&range);
		}
	}
}

/* ---- Many ranges ---------------------------------------------------------------------- */

/* By how many parts of 100,000 of all pages the worst node is off. */
static unsigned int off(void)
{
	struct tally tally;
	unsigned int worst = 0;

	ledger_tally(&tally);
	for (int i = 0; i < shares.nr_nodes; i++) {
		const int64_t weight = shares.policy.weights[shares.nodes[i]];
		const int64_t by = tally.by_node[i] * shares.round - tally.all * weight;
		const uint64_t parts = (uint64_t)(by < 0 ? -by : by) * 100000 /
				       ((uint64_t)tally.all * shares.round);

		if (parts > worst)
			worst = (unsigned int)parts;
	}
	return worst;
}

/* Takes and frees at random places, most_pages at once; the worst split on the way. */
static unsigned int churn(unsigned int least_shift, uint64_t most_pages, uint64_t *ret_most_runs)
{
	struct striped live[NR_LIVE] = { 0 };
	unsigned int worst = 0;

	ledger_open(&shares, 4096);
	*ret_most_runs = 0;
	for (int i = 0; i < 10000; i++) {
		const uint64_t at = random_below(NR_LIVE);

		ledger_leave(live[at].page, live[at].end);
		live[at].page = 0x7f0000000 + at * 2 * most_pages + random_below(most_pages);
		live[at].end = live[at].page + 256 + random_below(most_pages - 256);
		assert_true(ledger_enter(least_shift, &live[at]));
		assert_true(live[at].shift >= least_shift);
		if (i > 10 * NR_LIVE && off() > worst)
			worst = off();
		if (ledger_runs() > *ret_most_runs)
			*ret_most_runs = ledger_runs();
	}
	for (int i = 0; i < NR_LIVE; i++)
		ledger_leave(live[i].page, live[i].end);
	assert_int_equal(ledger_runs(), 0);
	return worst;
}

/* The split stays within 0.5 %, whatever comes and goes. */
static void test_churn(void **state)
{
	uint64_t most_runs;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		wish(wishes[i]);
		assert_true(churn(0, 5000, &most_runs) < 500);
		assert_true(most_runs <= 4096);
		/* Of huge pages, where there are enough of them: 18,000 in all. */
		assert_true(churn(STRIPES_HUGE_SHIFT, 1000000, &most_runs) < 500);
		assert_true(most_runs <= 4096);
	}
}

/* Arenas of 1 MiB, one below the other, until there are 16 GiB: runs stay few, the split right. */
static void test_growth(void **state)
{
	uint64_t page = 0x7f1234567;

	(void)state;
	wish("weighted:0=3,1=1");
	ledger_open(&shares, 4096);
	for (int i = 1; i <= 16384; i++) {
		struct striped range = { .page = page - 256, .end = page };

		page -= 256;
		assert_true(ledger_enter(0, &range));
		assert_true(ledger_runs() <= 4096);
		assert_true(i < 32 || off() < 550);
	}
}

/* One alone, of any size. */
static void test_alone(void **state)
{
	(void)state;
	wish("weighted:0=3,1=1");
	for (uint64_t nr_pages = 4096; nr_pages < 1UL << 34; nr_pages *= 3) {
		struct striped range = { .page = 0x7f1234567, .end = 0x7f1234567 + nr_pages };

		ledger_open(&shares, 4096);
		assert_true(ledger_enter(0, &range));
		assert_true(off() < 250);
		assert_true(ledger_runs() <= CHOICE_RUNS_MAX);
		assert_true(ledger_runs() <= nr_pages / CHOICE_PAGES_PER_RUN + 2);
	}
}

/* ---- The ledger ----------------------------------------------------------------------- */

/* Parts go, from both ends and in the middle; what is over another replaces it. */
static void test_parts(void **state)
{
	struct striped whole = { .page = 1000, .end = 9000 },
		       upper = { .page = 8000, .end = 12000 };
	struct tally tally;

	(void)state;
	wish("weighted:0=3,1=1");
	ledger_open(&shares, 4096);
	assert_true(ledger_enter(0, &whole));
	ledger_leave(500, 1100);
	ledger_leave(8900, 20000);
	ledger_leave(4000, 5000);
	ledger_tally(&tally);
	assert_int_equal(tally.all, 6800);
	assert_int_equal(tally.by_node[0] + tally.by_node[1], 6800);
	assert_false(ledger_knows(4000, 5000));
	assert_true(ledger_knows(4000, 5001));
	assert_true(ledger_knows(3999, 4000));
	assert_true(ledger_enter(0, &upper));
	ledger_tally(&tally);
	assert_int_equal(tally.all, 6800 - 900 + 4000);
	ledger_leave(0, UINT64_MAX);
	ledger_tally(&tally);
	assert_int_equal(tally.all, 0);
	assert_int_equal(tally.by_node[0], 0);
	assert_int_equal(ledger_runs(), 0);
}

/* Used up: ever coarser, then nothing more; what goes makes room. */
static void test_budget(void **state)
{
	struct striped range;
	uint64_t page = 0x7f0000000;
	int nr = 0;

	(void)state;
	wish("weighted:0=3,1=1");
	ledger_open(&shares, 64);
	do {
		page += 10000;
		range = (struct striped) { .page = page, .end = page + 4096 };
		nr++;
	} while (ledger_enter(0, &range) && nr < 1000);
	assert_in_range(nr, 16, 64);
	assert_true(ledger_runs() <= 64);
	assert_false(ledger_enter_from(&range));
	ledger_leave(0x7f0000000 + 10000, 0x7f0000000 + 20000);
	assert_true(ledger_enter(0, &range));
	ledger_open(&shares, 0);
	assert_false(ledger_enter(0, &range));
}

/* The table is full: nothing is entered, and nothing is lost by cutting. */
static void test_capacity(void **state)
{
	struct striped range;
	struct tally tally;
	int nr = 0;

	(void)state;
	wish("weighted:3=7");
	ledger_open(&shares, UINT32_MAX);
	for (;; nr++) {
		range = (struct striped) { .page = 1000 * (uint64_t)nr,
					   .end = 1000 * (uint64_t)nr + 500 };
		if (!ledger_enter_from(&range))
			break;
	}
	assert_in_range(nr, 1000, 100000);
	ledger_leave(100, 200); /* the upper part has no place of its own */
	ledger_tally(&tally);
	assert_int_equal(tally.all, (nr - 1) * 500 + 100);
	ledger_leave(0, UINT64_MAX);
	assert_int_equal(ledger_runs(), 0);
}

/* Nobody goes without for others who have the lock.  Returns the argument, or NULL. */
static void *enter_and_leave(void *argument)
{
	const uint64_t base = 0x100000 * (1 + *(const uint64_t *)argument);
	bool entered = true;

	for (int i = 0; i < 20000; i++) {
		struct striped range = { .page = base, .end = base + 5000 };

		entered = ledger_enter(0, &range) && entered;
		ledger_leave(base + 1000, base + 2000);
		ledger_knows(base, base + 1);
		ledger_leave(base, base + 5000);
	}
	return entered ? argument : NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[NR_THREADS];
	uint64_t numbers[NR_THREADS];
	struct tally tally;

	(void)state;
	wish("weighted:0=3,1=1");
	ledger_open(&shares, 4096);
	for (uint64_t i = 0; i < NR_THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, enter_and_leave, &numbers[i]),
				 0);
	}
	for (int i = 0; i < NR_THREADS; i++) {
		void *entered = NULL;

		assert_int_equal(pthread_join(threads[i], &entered), 0);
		assert_non_null(entered);
	}
	ledger_leave(0, UINT64_MAX);
	ledger_tally(&tally);
	assert_int_equal(tally.all, 0);
	assert_int_equal(ledger_runs(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wishes),
		cmocka_unit_test_setup(test_counts, begin),
		cmocka_unit_test_setup(test_churn, begin),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
