/* SPDX-License-Identifier: MIT */
/* policy/weights-doubt.c: what is believed of stated bandwidths, and where the bounds are. */
#include "cmocka-all.h"

#include <string.h>

#include "weights-doubt.h"

#define GB 1000000000ULL

static struct weights_statement stated(enum mpol_memory_kind kind, uint64_t read_gb,
				       uint64_t write_gb)
{
	return (struct weights_statement) {
		.kind = kind,
		.read_bytes = read_gb * GB,
		.write_bytes = write_gb * GB,
	};
}

static struct weights_statement own_dram(uint64_t gb)
{
	struct weights_statement own = stated(MPOL_MEMORY_DRAM, gb, gb);

	own.is_own = true;
	return own;
}

static enum weights_doubt doubt_one(struct weights_statement statement)
{
	enum weights_doubt doubt;

	weights_doubt(&statement, 1, &doubt);
	return doubt;
}

static void test_alone(void **state)
{
	struct weights_statement flagged = stated(MPOL_MEMORY_DRAM, 100, 100);

	(void)state;
	flagged.implausible = true;
	assert_int_equal(doubt_one(flagged), WEIGHTS_IMPLAUSIBLE);
	assert_int_equal(doubt_one(stated(MPOL_MEMORY_DRAM, 0, 0)), WEIGHTS_UNSTATED);
	assert_int_equal(doubt_one(stated(MPOL_MEMORY_DRAM, 100, 0)), WEIGHTS_BELIEVED);
	assert_int_equal(doubt_one(stated(MPOL_MEMORY_DRAM, 0, 100)), WEIGHTS_BELIEVED);
	assert_int_equal(doubt_one(stated(MPOL_MEMORY_PMEM, 80, 10)), WEIGHTS_BELIEVED);
	assert_int_equal(doubt_one(stated(MPOL_MEMORY_PMEM, 81, 10)), WEIGHTS_DIRECTIONS);
	assert_int_equal(doubt_one(stated(MPOL_MEMORY_CXL, 10, 20)), WEIGHTS_BELIEVED);
	assert_int_equal(doubt_one(stated(MPOL_MEMORY_CXL, 10, 21)), WEIGHTS_DIRECTIONS);
}

/* The second node against CPUs' own DRAM of 50 GB/s. */
static void assert_pair(struct weights_statement far, enum weights_doubt own_doubt,
			enum weights_doubt far_doubt)
{
	const struct weights_statement both[] = { own_dram(50), far };
	enum weights_doubt doubts[2];

	weights_doubt(both, 2, doubts);
	assert_int_equal(doubts[0], own_doubt);
	assert_int_equal(doubts[1], far_doubt);
}

static void test_own_slower(void **state)
{
	(void)state;
	assert_pair(stated(MPOL_MEMORY_DRAM, 100, 100), WEIGHTS_BELIEVED, WEIGHTS_BELIEVED);
	assert_pair(stated(MPOL_MEMORY_DRAM, 101, 101), WEIGHTS_OWN_SLOWER, WEIGHTS_OWN_SLOWER);
	assert_pair(stated(MPOL_MEMORY_CXL, 200, 200), WEIGHTS_OWN_SLOWER, WEIGHTS_OWN_SLOWER);
	assert_pair(stated(MPOL_MEMORY_HBM, 800, 800), WEIGHTS_BELIEVED, WEIGHTS_BELIEVED);
	assert_pair(stated(MPOL_MEMORY_CXL, 200, 1), WEIGHTS_BELIEVED, WEIGHTS_DIRECTIONS);
}

static void test_all_equal(void **state)
{
	struct weights_statement same[] = { own_dram(30), stated(MPOL_MEMORY_CXL, 30, 30),
					    stated(MPOL_MEMORY_DRAM, 0, 0) };
	enum weights_doubt doubts[3];

	(void)state;
	weights_doubt(same, 3, doubts);
	weights_doubt_equals(same, 3, doubts);
	assert_int_equal(doubts[0], WEIGHTS_ALL_EQUAL);
	assert_int_equal(doubts[1], WEIGHTS_ALL_EQUAL);
	assert_int_equal(doubts[2], WEIGHTS_UNSTATED);

	same[1].write_bytes--;
	weights_doubt(same, 3, doubts);
	weights_doubt_equals(same, 3, doubts);
	assert_int_equal(doubts[0], WEIGHTS_BELIEVED);
	assert_int_equal(doubts[1], WEIGHTS_BELIEVED);

	/* Alike memory may well be equally fast. */
	same[1] = stated(MPOL_MEMORY_DRAM, 30, 30);
	weights_doubt(same, 3, doubts);
	weights_doubt_equals(same, 3, doubts);
	assert_int_equal(doubts[1], WEIGHTS_BELIEVED);
}

static void test_words(void **state)
{
	(void)state;
	for (int doubt = WEIGHTS_BELIEVED; doubt <= WEIGHTS_ALL_EQUAL; doubt++)
		assert_true(strlen(weights_doubt_text((enum weights_doubt)doubt)) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_own_slower),
		cmocka_unit_test(test_all_equal),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
