/* SPDX-License-Identifier: MIT */
/* What accesses take: idle as the machine says, and as much longer as load makes them. */
#include "cmocka-all.h"

#include "small-world.h"
#include "timing.h"

#define QUANTUM_PS 1000000000ULL
#define PS_PER_S   1000000000000ULL

static void test_idle(void **state)
{
	struct machine *machine = read_machine(SMALL_MACHINE);
	struct timing timing;

	(void)state;
	timing_start(&timing, machine);
	assert_int_equal(timing.loaded_ps[0][0], 90000);
	assert_int_equal(timing.loaded_ps[0][1], 250000);
	timing_next(&timing, QUANTUM_PS);
	assert_int_equal(timing.loaded_ps[0][0], 90000);
	assert_int_equal(timing.loaded_ps[0][1], 250000);
	machine_free(machine);
}

/* What nobody states is that of the kind, farther nodes by their distance. */
static void test_unstated(void **state)
{
	struct machine *machine =
		read_machine("name: silent\n"
			     "nodes:\n"
			     "  - { id: 0, kind: dram, memory: 1GiB, nr_cpus: 1 }\n"
			     "  - { id: 1, kind: dram, memory: 1GiB, nr_cpus: 1 }\n"
			     "  - { id: 2, kind: pmem, memory: 1GiB }\n"
			     "distances: { matrix: [10 20 30, 20 10 30, 30 30 10] }\n");
	struct timing timing;

	(void)state;
	timing_start(&timing, machine);
	assert_true(timing.idle_ps[0][0] > 0);
	assert_int_equal(timing.idle_ps[0][1], 2 * timing.idle_ps[0][0]);
	assert_true(timing.idle_ps[0][2] > timing.idle_ps[0][1]);
	machine_free(machine);
}

/*
 * Threads that wait for what they ask for settle at what the node delivers: at so
 * many bytes in flight each second's accesses are bytes in flight / latency.
 */
static void test_saturated(void **state)
{
	struct machine *machine = read_machine(SMALL_MACHINE);
	struct timing timing;
	uint64_t drawn = 0;

	(void)state;
	timing_start(&timing, machine);
	for (int quantum = 0; quantum < 2000; quantum++) {
		/* 64 threads, 10 lines each. */
		const uint64_t bytes = 640ULL * 64 * QUANTUM_PS / timing.loaded_ps[0][1];

		timing.drawn_read_bytes[1] = bytes;
		if (quantum >= 1000)
			drawn += bytes;
		timing_next(&timing, QUANTUM_PS);
	}
	/* 30 GB/s for a second, within 2 %. */
	assert_in_range(drawn, 29400000000, 30600000000);
	/* And it recovers. */
	for (int quantum = 0; quantum < 100; quantum++)
		timing_next(&timing, QUANTUM_PS);
	assert_int_equal(timing.loaded_ps[0][1], 250000);
	machine_free(machine);
}

/* The whole way: many threads of a real workload on one node get no more than it has. */
static void test_threads_share_bandwidth(void **state)
{
	struct small_world small =
		small_world_new(peer_by_name("first-touch"),
				"uniform:size=8MiB,threads=64,overlap=10,think=0ns", SLOW);
	struct tally before;
	uint64_t bytes;

	(void)state;
	small_world_run(&small, 300);
	before = small.world->tally;
	small_world_run(&small, 500);
	bytes = 64 * (small.world->tally.reads[SLOW] - before.reads[SLOW]);
	assert_in_range(bytes, 14700000000, 15300000000);
	small_world_free(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_unstated),
		cmocka_unit_test(test_saturated),
		cmocka_unit_test(test_threads_share_bandwidth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
