/* SPDX-License-Identifier: MIT */
/* Batches for machines that the test makes up: no clock is read. */
#include "cmocka-all.h"
#include "steering.h"

#define MS 1000000ULL
#define US 1000ULL

/* What a call with the batch takes: so much, and for each unit, and for each page of it. */
struct machine {
	uint64_t call_ns, unit_ns, page_ns;
};

static uint64_t take(const struct machine *machine, const struct steering_batch *batch)
{
	return machine->call_ns + batch->units * machine->unit_ns + batch->pages * machine->page_ns;
}

/* As many units of one size as there is room for. */
static struct steering_batch fill(const struct steering *steering, uint64_t pages)
{
	struct steering_batch batch = { 0 };

	while (steering_has_room(steering, &batch, pages))
		steering_add(steering, &batch, pages);
	return batch;
}

/* nr batches; *ret_longest: of those after the first settling ones. */
static struct steering_batch run(struct steering *steering, const struct machine *machine,
				 uint64_t pages, int nr, uint64_t *ret_longest)
{
	struct steering_batch batch = { 0 };

	*ret_longest = 0;
	for (int i = 0; i < nr; i++) {
		uint64_t took;

		batch = fill(steering, pages);
		took = take(machine, &batch);
		steering_learn(steering, &batch, took);
		if (took > *ret_longest)
			*ret_longest = took;
	}
	return batch;
}

static void test_begins_small(void **state)
{
	struct steering steering;

	(void)state;
	steering_start(&steering, 10 * MS);
	assert_in_range(fill(&steering, 1).units, 2, 200);
	assert_int_equal(fill(&steering, 512).units, 1);
	/* Something has to go, however little time there is. */
	steering_start(&steering, 1);
	assert_int_equal(fill(&steering, 1).pages, STEERING_LEAST_PAGES);
	assert_int_equal(fill(&steering, 16).pages, STEERING_LEAST_PAGES);
	assert_int_equal(fill(&steering, 512).units, 1);
}

/* Reaches the time asked for, and never takes twice that. */
static void test_reaches_aim(void **state)
{
	const struct machine machines[] = {
		{ 30 * US, 1 * US, 1 * US },	/* a fast one */
		{ 600 * US, 20 * US, 15 * US }, /* an emulated one */
		{ 600 * US, 60 * US, 40 * US }, /* a slow one */
	};
	const uint64_t aims[] = { 8 * MS, 10 * MS, 100 * MS };

	(void)state;
	for (size_t m = 0; m < 3; m++)
		for (size_t a = 0; a < 3; a++) {
			struct steering steering;
			struct steering_batch last;
			uint64_t longest;

			steering_start(&steering, aims[a]);
			last = run(&steering, &machines[m], 1, 30, &longest);
			assert_in_range(longest, 0, 2 * aims[a]);
			assert_in_range(take(&machines[m], &last), aims[a] * 8 / 10,
					aims[a] * 11 / 10);
		}
}

static void test_huge_pages(void **state)
{
	const struct machine machine = { 100 * US, 20 * US, 1 * US };
	struct steering steering;
	struct steering_batch last;
	uint64_t longest;

	(void)state;
	steering_start(&steering, 10 * MS);
	last = run(&steering, &machine, 512, 30, &longest);
	assert_in_range(longest, 0, 20 * MS);
	assert_in_range(last.units, 15, 20);

	/* What small pages take was not unlearnt meanwhile, nor taken over. */
	assert_in_range(fill(&steering, 1).units, 2, 200);
	run(&steering, &machine, 1, 30, &longest);
	assert_in_range(longest, 0, 20 * MS);
	assert_in_range(fill(&steering, 512).units, 15, 20);
}

/* A call costs more than the time asked for, whatever it moves: batches stay large enough. */
static void test_dear_calls(void **state)
{
	const struct machine machine = { 30 * MS, 10 * US, 10 * US };
	struct steering steering;
	uint64_t longest;

	(void)state;
	steering_start(&steering, 10 * MS);
	assert_int_equal(run(&steering, &machine, 1, 30, &longest).pages, STEERING_LEAST_PAGES);
}

/* A mixed batch that takes longer than expected blames those that it is made of. */
static void test_mixed(void **state)
{
	struct steering steering, before;
	struct steering_batch batch = { 0 };

	(void)state;
	steering_start(&steering, 10 * MS);
	before = steering;
	steering_add(&steering, &batch, 1);
	steering_add(&steering, &batch, 16);
	steering_learn(&steering, &batch, 3 * batch.expected_ns);
	assert_true(steering.unit_ns[0] > before.unit_ns[0]);
	assert_true(steering.unit_ns[4] > before.unit_ns[4]);
	assert_int_equal(steering.unit_ns[9], before.unit_ns[9]);
}

/* The machine becomes slower: the next batch is smaller already. */
static void test_follows_up_at_once(void **state)
{
	const struct machine fast = { 0, 0, 10 * US };
	struct steering steering;
	struct steering_batch batch;
	uint64_t longest;

	(void)state;
	steering_start(&steering, 10 * MS);
	run(&steering, &fast, 1, 30, &longest);
	batch = fill(&steering, 1);
	assert_in_range(batch.pages, 990, 1010);
	steering_learn(&steering, &batch, 40 * MS);
	assert_in_range(fill(&steering, 1).pages, 240, 260);
}

static void test_odd_input(void **state)
{
	struct steering steering;
	struct steering_batch batch = { 0 };

	(void)state;
	steering_start(&steering, 10 * MS);
	steering_learn(&steering, &batch, 5 * MS); /* of an empty batch there is nothing to learn */
	steering_add(&steering, &batch, 0);
	steering_add(&steering, &batch, UINT64_MAX / 2);
	for (int i = 0; i < 100; i++)
		steering_learn(&steering, &batch, 0);
	assert_true(steering.unit_ns[0] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begins_small), cmocka_unit_test(test_reaches_aim),
		cmocka_unit_test(test_huge_pages),   cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_dear_calls),   cmocka_unit_test(test_follows_up_at_once),
		cmocka_unit_test(test_odd_input),
	};

	return cmocka_run_group_tests_name("steering", tests, NULL, NULL);
}
