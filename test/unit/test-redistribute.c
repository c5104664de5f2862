/* SPDX-License-Identifier: MIT */
/*
 * Redistribution on ranges that the test makes up: known cases, and random ones, of which it is
 * asked that what must hold of all does: no more moves than the least, the split right, spread
 * evenly.
 */
#include "cmocka-all.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "redistribute.h"

#define MOST_NODES 6
#define MOST_UNITS 20000
#define HUGE	   512

static struct redistribute_node nodes[MOST_NODES];
static struct redistribute_cell cells[MOST_NODES * (MOST_NODES + 1)];
static struct redistribute_unit units[MOST_UNITS];
static struct redistribute plan = { .nodes = nodes, .cells = cells };
static int to[MOST_UNITS]; /* as chosen */
static size_t nr_units;

static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((random_state >> 33) % bound);
}

static void begin(int nr_nodes, const uint32_t *weights)
{
	plan.nr_nodes = nr_nodes;
	plan.keeps = false;
	nr_units = 0;
	for (int i = 0; i < nr_nodes; i++)
		nodes[i] = (struct redistribute_node) { .weight = weights[i],
							.room_pages = UINT64_MAX };
}

static void add(int node, int formula, uint64_t pages)
{
	units[nr_units++] = (struct redistribute_unit) { node, formula, pages, false };
}

/* Where the kernel's formula puts what has that index. */
static int formula(uint64_t index, int nr_nodes, const uint32_t *weights)
{
	uint32_t all = 0;

	for (int i = 0; i < nr_nodes; i++)
		all += weights[i];
	index %= all;
	for (int i = 0; i < nr_nodes; i++) {
		if (index < weights[i])
			return i;
		index -= weights[i];
	}
	return REDISTRIBUTE_NO_FORMULA;
}

/* As for the first range of several. */
static void forget_carry(void)
{
	for (int i = 0; i < plan.nr_nodes; i++)
		nodes[i].carry = 0;
}

/* Both passes; units go where they are sent to.  Returns how many pages were planned to move. */
static uint64_t run_next(void)
{
	uint64_t planned;

	redistribute_start(&plan);
	for (size_t i = 0; i < nr_units; i++)
		redistribute_count(&plan, &units[i]);
	planned = redistribute_plan(&plan);
	for (size_t i = 0; i < nr_units; i++) {
		to[i] = redistribute_choose(&plan, &units[i]);
		assert_true(to[i] < 0 || (!units[i].is_stuck && to[i] != units[i].node));
		if (to[i] >= 0)
			units[i].node = to[i];
	}
	redistribute_finish(&plan);
	return planned;
}

static uint64_t run(void)
{
	forget_carry();
	return run_next();
}

static uint64_t on(int node)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < nr_units; i++)
		pages += units[i].node == node ? units[i].pages : 0;
	return pages;
}

static uint64_t moved(void)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < nr_units; i++)
		pages += to[i] >= 0 ? units[i].pages : 0;
	return pages;
}

/* All on one node, wanted 3:1: what goes is what the formula says, no more. */
static void test_becomes_the_formula(void **state)
{
	static const uint32_t weights[] = { 3, 1 };

	(void)state;
	begin(2, weights);
	for (uint64_t i = 0; i < 4000; i++)
		add(0, formula(i, 2, weights), 1);
	assert_int_equal(run(), 1000);
	assert_int_equal(moved(), 1000);
	for (size_t i = 0; i < nr_units; i++)
		assert_int_equal(units[i].node, units[i].formula);
	/* And then there is nothing to do. */
	assert_int_equal(run(), 0);
	assert_int_equal(moved(), 0);
}

/* 1:1 becomes 2:1 becomes 1:2: each by the least, never by what the formula would. */
static void test_reweight(void **state)
{
	static const uint32_t first[] = { 1, 1 }, second[] = { 2, 1 }, third[] = { 1, 2 };

	(void)state;
	begin(2, second);
	for (uint64_t i = 0; i < 6000; i++)
		add(formula(i, 2, first), formula(i, 2, second), 1);
	assert_int_equal(run(), 1000);
	assert_int_equal(moved(), 1000);
	assert_int_equal(on(0), 4000);
	nodes[0].weight = third[0];
	nodes[1].weight = third[1];
	for (uint64_t i = 0; i < 6000; i++)
		units[i].formula = formula(i, 2, third);
	assert_int_equal(run(), 2000);
	assert_int_equal(moved(), 2000);
	assert_int_equal(on(1), 4000);
}

/* A node without weight is emptied to the others in proportion; one that has come is filled. */
static void test_drain_and_fill(void **state)
{
	static const uint32_t leaving[] = { 2, 0, 1 }, come[] = { 2, 1, 1 };

	(void)state;
	begin(3, leaving);
	for (uint64_t i = 0; i < 3000; i++)
		add((int)(i % 3), formula(i, 3, leaving), 1);
	assert_int_equal(run(), 1000);
	assert_int_equal(on(0), 2000);
	assert_int_equal(on(1), 0);
	assert_int_equal(on(2), 1000);
	nodes[1].weight = come[1];
	assert_int_equal(run(), 750);
	assert_int_equal(on(0), 1500);
	assert_int_equal(on(1), 750);
	assert_int_equal(on(2), 750);
}

static void test_huge_pages(void **state)
{
	static const uint32_t weights[] = { 1, 1 };

	(void)state;
	begin(2, weights);
	for (int i = 0; i < 3; i++)
		add(0, formula((uint64_t)i, 2, weights), HUGE);
	assert_int_equal(run(), HUGE);
	assert_int_equal(on(1), HUGE);
	/* A page more does not make it move another huge page. */
	add(0, 1, 1);
	assert_true(run() <= 257);
	assert_int_equal(on(1), HUGE + 1);
}

/* Many ranges of few pages: each is rounded, together they are right. */
static void test_small_ranges(void **state)
{
	static const uint32_t weights[] = { 3, 1 };
	uint64_t second = 0, pages = 0;

	(void)state;
	begin(2, weights);
	for (int range = 0; range < 1000; range++) {
		nr_units = 0;
		for (uint32_t i = 0, n = 1 + (uint32_t)range % 3; i < n; i++)
			add(0, REDISTRIBUTE_NO_FORMULA, 1);
		run_next();
		second += on(1);
		pages += nr_units;
	}
	assert_in_range(second * 4, pages - 4, pages + 4);
	/* One huge page and a few others each: the others alone could not make it right. */
	begin(2, weights);
	second = pages = 0;
	for (int range = 0; range < 100; range++) {
		nr_units = 0;
		add(0, REDISTRIBUTE_NO_FORMULA, HUGE);
		add(0, REDISTRIBUTE_NO_FORMULA, 1);
		run_next();
		second += on(1);
		pages += HUGE + 1;
	}
	assert_in_range(second * 4, pages - 4 * HUGE, pages + 4 * HUGE);
}

/* What huge pages have kept from a node is not made up for by a range of base pages. */
static void test_carry_of_huge_pages(void **state)
{
	static const uint32_t weights[] = { 3, 1, 1 };

	(void)state;
	begin(3, weights);
	for (int i = 0; i < 32; i++)
		add(0, REDISTRIBUTE_NO_FORMULA, HUGE);
	run_next();
	nr_units = 0;
	for (int i = 0; i < 10000; i++)
		add(0, REDISTRIBUTE_NO_FORMULA, 1);
	run_next();
	assert_in_range(on(0), 5998, 6002);
	assert_in_range(on(1), 1998, 2002);
	/* But by huge pages it still is: of 35, 21 and 7 and 7. */
	nr_units = 0;
	for (int i = 0; i < 3; i++)
		add(0, REDISTRIBUTE_NO_FORMULA, HUGE);
	run_next();
	assert_int_equal(on(0), 2 * HUGE);
	assert_int_equal(on(1), 0);
	assert_int_equal(on(2), HUGE);
}

static void test_stuck(void **state)
{
	static const uint32_t weights[] = { 1, 1, 1 };

	(void)state;
	begin(3, weights);
	for (int i = 0; i < 900; i++) {
		add(0, i % 3, 1);
		units[nr_units - 1].is_stuck = i % 3 != 1;
	}
	for (int i = 0; i < 300; i++)
		add(1, 1, 1);
	/* 600 stay, and the others share 600. */
	run();
	assert_int_equal(on(0), 600);
	assert_int_equal(on(1), 300);
	assert_int_equal(on(2), 300);
}

static void test_full_node(void **state)
{
	static const uint32_t weights[] = { 1, 1, 1 }, leaving[] = { 0, 1, 0 };

	(void)state;
	begin(3, weights);
	nodes[1].room_pages = 100;
	for (int i = 0; i < 900; i++)
		add(0, i % 3, 1);
	run();
	assert_int_equal(on(1), 100);
	assert_int_equal(on(0), 400);
	assert_int_equal(on(2), 400);
	/* Nobody has room for what is to leave: it stays. */
	begin(3, leaving);
	nodes[1].room_pages = 0;
	for (int i = 0; i < 900; i++)
		add(0, 1, 1);
	assert_int_equal(run(), 0);
	assert_int_equal(on(0), 900);
}

/* Nodes of a policy that does not interleave keep what they have. */
static void test_keeps(void **state)
{
	static const uint32_t weights[] = { 1, 1, 0 }, none[] = { 0, 0, 0 };

	(void)state;
	begin(3, weights);
	plan.keeps = true;
	for (int i = 0; i < 1000; i++)
		add(i < 600 ? 0 : i < 700 ? 1 : 2, REDISTRIBUTE_NO_FORMULA, 1);
	assert_int_equal(run(), 300);
	assert_int_equal(on(0), 600);
	assert_int_equal(on(1), 400);
	begin(3, none);
	for (int i = 0; i < 10; i++)
		add(i % 3, REDISTRIBUTE_NO_FORMULA, 1);
	assert_int_equal(run(), 0);
}

/* What stayed although it was chosen is made up for by others. */
static void test_failures(void **state)
{
	static const uint32_t weights[] = { 3, 1 };
	uint64_t went = 0;

	(void)state;
	begin(2, weights);
	for (uint64_t i = 0; i < 4000; i++)
		add(0, formula(i, 2, weights), 1);
	redistribute_start(&plan);
	for (size_t i = 0; i < nr_units; i++)
		redistribute_count(&plan, &units[i]);
	assert_int_equal(redistribute_plan(&plan), 1000);
	for (size_t i = 0; i < nr_units; i++) {
		int node = redistribute_choose(&plan, &units[i]);

		if (node >= 0 && i < 40)
			redistribute_failed(&plan, &units[i], node, true);
		else
			went += node >= 0;
	}
	/* Of their kind there are no more: all of it was to go. */
	assert_int_equal(went, 990);
	/* Where there are, they go. */
	for (size_t i = 0; i < nr_units; i++)
		units[i].formula = REDISTRIBUTE_NO_FORMULA;
	redistribute_start(&plan);
	for (size_t i = 0; i < nr_units; i++)
		redistribute_count(&plan, &units[i]);
	assert_int_equal(redistribute_plan(&plan), 1000);
	went = 0;
	for (size_t i = 0; i < nr_units; i++) {
		int node = redistribute_choose(&plan, &units[i]);

		if (node >= 0 && i < 40)
			redistribute_failed(&plan, &units[i], node, true);
		else
			went += node >= 0;
	}
	assert_int_equal(went, 1000);
}

/* Ten huge pages that all are to go, of which so many stay: is it worth another time? */
static bool is_worth_again(uint64_t stay, unsigned times)
{
	static const uint32_t weights[] = { 0, 1 };
	uint64_t stayed = 0;

	begin(2, weights);
	for (int i = 0; i < 10; i++)
		add(0, REDISTRIBUTE_NO_FORMULA, HUGE);
	redistribute_start(&plan);
	for (size_t i = 0; i < nr_units; i++)
		redistribute_count(&plan, &units[i]);
	redistribute_plan(&plan);
	for (size_t i = 0; i < nr_units; i++) {
		assert_int_equal(redistribute_choose(&plan, &units[i]), 1);
		if (stayed == stay)
			continue;
		redistribute_failed(&plan, &units[i], 1, true);
		stayed++;
	}
	assert_int_equal(redistribute_missing(&plan), stay * HUGE);
	return redistribute_again(&plan, times, stay * HUGE);
}

static void test_again(void **state)
{
	(void)state;
	assert_false(is_worth_again(0, 1));
	assert_true(is_worth_again(1, 1));
	assert_true(is_worth_again(9, 1));
	/* Nothing went, of more than can be in use for a moment. */
	assert_false(is_worth_again(10, 1));
	/* It has an end. */
	assert_true(is_worth_again(1, 3));
	assert_false(is_worth_again(1, 4));
	/* What is missing stayed for good. */
	assert_false(redistribute_again(&plan, 1, 0));
}

/* ---- At random --------------------------------------------------------------------- */

/* Units of one size, or of two, anywhere; nodes with weights, or to be empty. */
static uint64_t make_up(bool mixed)
{
	const int nr_nodes = 1 + (int)random_below(MOST_NODES);
	const uint64_t size = random_below(2) ? HUGE : 1;
	const uint32_t nr = 1 + random_below(MOST_UNITS - 1);
	uint32_t weights[MOST_NODES], all = 0;

	for (int i = 0; i < nr_nodes; i++)
		all += weights[i] = random_below(4) ? 1 + random_below(20) : 0;
	if (!all)
		weights[0] = 1;
	begin(nr_nodes, weights);
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t skewed = random_below(3) ? random_below((uint32_t)nr_nodes) : 0;

		add((int)skewed, formula(i, nr_nodes, weights),
		    mixed && random_below(2) ? HUGE + 1 - size : size);
	}
	return mixed ? HUGE : size;
}

/* The least that must move: by the wants of the plan, which are checked by themselves. */
static uint64_t least_moves(void)
{
	uint64_t pages = 0;

	for (int i = 0; i < plan.nr_nodes; i++)
		if (nodes[i].have_pages > nodes[i].want_pages)
			pages += nodes[i].have_pages - nodes[i].want_pages;
	return pages;
}

static void check_split(uint64_t unit)
{
	uint64_t all = 0, weights = 0;

	for (int i = 0; i < plan.nr_nodes; i++)
		weights += nodes[i].weight;
	for (size_t i = 0; i < nr_units; i++)
		all += units[i].pages;
	for (int i = 0; i < plan.nr_nodes; i++) {
		uint64_t share = all * nodes[i].weight / weights, has = on(i);

		assert_true(has + unit > share && has <= share + unit);
	}
}

static void test_least_and_right(void **state)
{
	(void)state;
	random_state = 1;
	for (int i = 0; i < 300; i++) {
		uint64_t unit = make_up(false), planned = run();

		assert_int_equal(planned, least_moves());
		assert_int_equal(moved(), planned);
		check_split(unit);
		assert_int_equal(run(), 0);
	}
}

/* Of two sizes never more, and but for less than a huge page on each node as many. */
static void test_mixed_sizes(void **state)
{
	(void)state;
	random_state = 2;
	for (int i = 0; i < 300; i++) {
		uint64_t planned;

		make_up(true);
		planned = run();
		assert_true(moved() <= planned);
		assert_true(moved() + (uint64_t)plan.nr_nodes * HUGE > planned);
	}
}

/*
 * Along the range, of each kind as many have gone as of the kind have been passed, in proportion:
 * within one unit.
 */
static void test_evenly(void **state)
{
	static uint64_t passed[MOST_NODES][MOST_NODES], gone[MOST_NODES][MOST_NODES];

	(void)state;
	random_state = 3;
	for (int round = 0; round < 100; round++) {
		uint64_t unit = make_up(false);

		memset(passed, 0, sizeof(passed));
		memset(gone, 0, sizeof(gone));
		redistribute_start(&plan);
		for (size_t i = 0; i < nr_units; i++)
			redistribute_count(&plan, &units[i]);
		redistribute_plan(&plan);
		for (size_t i = 0; i < nr_units; i++) {
			const struct redistribute_unit *at = &units[i];
			const struct redistribute_cell *cell =
				&cells[at->node * (plan.nr_nodes + 1) + at->formula];
			uint64_t *nr_passed = &passed[at->node][at->formula];
			uint64_t *nr_gone = &gone[at->node][at->formula];
			int64_t ahead;

			*nr_passed += unit;
			*nr_gone += redistribute_choose(&plan, at) >= 0 ? unit : 0;
			ahead = (int64_t)(*nr_gone * cell->pages) -
				(int64_t)(*nr_passed * cell->going);
			assert_true(llabs(ahead) <= (int64_t)(unit * cell->pages));
		}
	}
}

/* The nodes that pages go to take turns by what they want, from the beginning to the end. */
static void test_turns(void **state)
{
	static const uint32_t weights[] = { 4, 2, 1, 1 };
	uint64_t came[4] = { 0 };

	(void)state;
	begin(4, weights);
	for (int i = 0; i < 8000; i++)
		add(0, REDISTRIBUTE_NO_FORMULA, 1);
	run();
	for (uint64_t i = 0; i < 8000; i++) {
		came[units[i].node]++;
		for (int node = 0; node < 4; node++) {
			int64_t ahead =
				(int64_t)(came[node] * 8) - (int64_t)((i + 1) * weights[node]);

			assert_true(llabs(ahead) <= 16);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_becomes_the_formula),
		cmocka_unit_test(test_reweight),
		cmocka_unit_test(test_drain_and_fill),
		cmocka_unit_test(test_huge_pages),
		cmocka_unit_test(test_small_ranges),
		cmocka_unit_test(test_carry_of_huge_pages),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_full_node),
		cmocka_unit_test(test_keeps),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_least_and_right),
		cmocka_unit_test(test_mixed_sizes),
		cmocka_unit_test(test_evenly),
		cmocka_unit_test(test_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
