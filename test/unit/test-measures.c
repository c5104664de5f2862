/* SPDX-License-Identifier: MIT */
/* Figures of outcomes made by hand. */
#include "cmocka-all.h"

#include "machine-text.h"

#include "measures.h"

#define MACHINE                                                 \
	"name: two\n"                                           \
	"nodes:\n"                                              \
	"  - { id: 0, kind: dram, memory: 1GiB, nr_cpus: 1 }\n" \
	"  - { id: 5, kind: cxl, memory: 1GiB }\n"

#define S_NS 1000000000ULL

/* A time line of seconds in each of which 1000 accesses are made, so many of them fast. */
static struct outcome outcome_of(struct tally *line, const unsigned *fast, size_t nr)
{
	struct tally tally = { 0 };

	for (size_t i = 0; i < nr; i++) {
		tally.reads[0] += fast[i];
		tally.writes[1] += 1000 - fast[i];
		line[i] = tally;
	}
	tally.access_ps = 100000 * nr * 1000;
	tally.manager_ps = nr * S_NS * 1000 / 100;
	tally.kswapd_ps = nr * S_NS * 1000 / 1000;
	tally.thread_ps = 4000;
	tally.stalled_ps = 1000;
	tally.moved_pages[MOVE_PROMOTION] = 7;
	tally.moved_pages[MOVE_DEMOTION] = 5;
	return (struct outcome) {
		.total = tally,
		.ran_ns = nr * S_NS,
		.line = line,
		.nr_intervals = nr,
		.interval_ns = S_NS,
	};
}

static struct machine *judged(void)
{
	struct machine *machine = read_machine(MACHINE);

	assert_int_equal(machine_judge(machine), 0);
	machine_assign_tiers(machine);
	return machine;
}

static void test_alone(void **state)
{
	const unsigned fast[] = { 0, 500, 1000, 900 };
	struct machine *machine = judged();
	struct tally line[4];
	struct outcome outcome = outcome_of(line, fast, 4);
	struct measures measures = measures_of(&outcome, machine, NULL);

	(void)state;
	assert_int_equal(measures.accesses, 4000);
	assert_int_equal(measures.tier_share_ppm[0], 600000);
	assert_int_equal(measures.tier_share_ppm[1], 400000);
	assert_int_equal(measures.average_ps, 100000);
	assert_int_equal(measures.accesses_per_s, 1000);
	assert_int_equal(measures.manager_ppm, 10000);
	assert_int_equal(measures.kswapd_ppm, 1000);
	assert_int_equal(measures.stalled_ppm, 250000);
	assert_int_equal(measures.promoted_pages, 7);
	assert_int_equal(measures.demoted_pages, 5);
	assert_true(measures.settled_ns == UINT64_MAX && measures.below_ns == UINT64_MAX);
	assert_int_equal(measures_fast_share(machine, NULL, &line[1]), 250000);
	assert_int_equal(measures_fast_share(machine, &line[0], &line[1]), 500000);
	assert_int_equal(measures_fast_share(machine, &line[1], &line[1]), 0);
	machine_free(machine);
}

/* Below 95 % of the oracle's in the first two seconds and in the fifth. */
static void test_beside_the_oracle(void **state)
{
	const unsigned best[] = { 1000, 1000, 1000, 1000, 1000, 1000 };
	const unsigned fast[] = { 0, 949, 950, 1000, 100, 960 };
	struct machine *machine = judged();
	struct tally lines[2][6];
	struct outcome oracle = outcome_of(lines[0], best, 6);
	struct outcome outcome = outcome_of(lines[1], fast, 6);
	struct measures measures = measures_of(&outcome, machine, &oracle);

	(void)state;
	assert_int_equal(measures.settled_ns, 2 * S_NS);
	assert_int_equal(measures.below_ns, 3 * S_NS);
	assert_int_equal(measures.oracle_ppm, 659833);
	measures = measures_of(&oracle, machine, &oracle);
	assert_int_equal(measures.settled_ns, 0);
	assert_int_equal(measures.below_ns, 0);
	assert_int_equal(measures.oracle_ppm, 1000000);
	machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_beside_the_oracle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
