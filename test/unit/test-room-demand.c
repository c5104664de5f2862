/* SPDX-License-Identifier: MIT */
/*
 * Room for what comes: demand and how it fades, its bound; and in the simulator, that of a program
 * that takes more and more memory less falls to slow memory than with the high watermark alone, and
 * that no more than the bound is left unused for it.
 */
#include "cmocka-all.h"

#include "machine-text.h"
#include "peers.h"
#include "room-demand.h"
#include "scenario.h"

#define S 1000000000ULL

static void demand_is_what_was_taken_per_second(void **state)
{
	struct room_demand demand = { 0 };

	(void)state;
	room_demand_return(&demand, S, 100); /* nothing is known of before */
	assert_int_equal(room_demand_pages(&demand, S, 1000000), 0);
	room_demand_leave(&demand, 2 * S, 5000);
	room_demand_return(&demand, 4 * S, 3000);
	assert_int_equal(room_demand_pages(&demand, S, 1000000), 1000);
	assert_int_equal(room_demand_pages(&demand, S / 2, 1000000), 500);
	assert_int_equal(room_demand_pages(&demand, 5 * S, 1000000), 5000);
	/* More is free than was left: nobody wants any. */
	room_demand_leave(&demand, 4 * S, 3000);
	room_demand_return(&demand, 5 * S, 9000);
	assert_true(room_demand_pages(&demand, S, 1000000) < 1000);
}

static void it_fades_and_rises_at_once(void **state)
{
	struct room_demand demand = { 0 };
	uint64_t before = 1000, now_ns = 0;

	(void)state;
	room_demand_leave(&demand, now_ns, 1000);
	room_demand_return(&demand, now_ns += S, 0);
	for (unsigned i = 0; i < 28; i++) { /* of a tenth of a second each */
		room_demand_leave(&demand, now_ns, 1000);
		room_demand_return(&demand, now_ns += S / 10, 1000);
		assert_true(demand.pages_per_s < before);
		before = demand.pages_per_s;
	}
	assert_in_range(before, 470, 530);
	for (unsigned i = 0; i < 5; i++) { /* longer rounds, but no more of them */
		room_demand_leave(&demand, now_ns, 1000);
		room_demand_return(&demand, now_ns += 60 * S, 1000);
	}
	assert_in_range(demand.pages_per_s, 240, 280);
	room_demand_leave(&demand, now_ns, 1000);
	room_demand_return(&demand, now_ns + S, 0);
	assert_int_equal(demand.pages_per_s, 1000);
}

static void it_is_bounded(void **state)
{
	struct room_demand demand = { 0 };

	(void)state;
	room_demand_leave(&demand, 0, UINT64_MAX);
	room_demand_return(&demand, 1, 0);
	assert_int_equal(room_demand_pages(&demand, 100 * S, 100000),
			 100000 * ROOM_DEMAND_PERMILLE / 1000);
	demand.pages_per_s = 1000000;
	assert_int_equal(room_demand_pages(&demand, UINT64_MAX, 1000),
			 1000 * ROOM_DEMAND_PERMILLE / 1000);
}

/* ---- In the simulator ---------------------------------------------------------------- */

enum { FAST, SLOW };

#define FAST_PAGES 65536UL

#define MACHINE                                                                    \
	"name: small\n"                                                            \
	"nodes:\n"                                                                 \
	"  - { id: 0, kind: dram, memory: 256MiB, nr_cpus: 4 }\n"                  \
	"  - { id: 1, kind: cxl, memory: 1GiB }\n"                                 \
	"performance:\n"                                                           \
	"  - { initiators: all, targets: 0, latency: 90ns, bandwidth: 100GB/s }\n" \
	"  - { initiators: all, targets: 1, latency: 250ns, bandwidth: 30GB/s }\n"

struct fate {
	uint64_t new_on_slow_pages; /* that did not find room in fast memory at first */
	uint64_t free_pages;	    /* of fast memory in the end */
};

/* A program takes 15 MiB/s for forty seconds, in order, and uses what it has taken last. */
static struct fate run(const struct peer *peer)
{
	struct machine *machine = read_machine(MACHINE);
	struct scenario scenario = {
		.machine = machine,
		.copies = 1,
		.start = START_ABSENT,
		.config = { .quantum_ns = 1000000,
			    .costs = world_default_costs,
			    .watermark_scale_factor = 10,
			    .seed = 1 },
		.duration_ns = 36 * S,
		.interval_ns = S,
	};
	struct workload *workload;
	struct outcome *outcome;
	struct mpol_error err = { 0 };
	struct fate fate;

	assert_int_equal(machine_judge(machine), 0);
	machine_assign_tiers(machine);
	assert_int_equal(workload_new("scan:size=640MiB,threads=1,think=4us", 1, &workload, &err),
			 0);
	scenario.workload = workload;
	if (scenario_run(&scenario, peer, NULL, NULL, &outcome, &err) < 0)
		fail_msg("%s: %s", err.object, err.cause);
	fate.new_on_slow_pages = outcome->placed_pages[SLOW] -
				 outcome->total.moved_pages[MOVE_DEMOTION] +
				 outcome->total.moved_pages[MOVE_PROMOTION];
	fate.free_pages = FAST_PAGES - outcome->placed_pages[FAST];
	outcome_free(outcome);
	workload_free(workload);
	machine_free(machine);
	return fate;
}

static void less_falls_to_slow_memory(void **state)
{
	const struct fate constant = run(&peer_mpol_constant_room), demand = run(&peer_mpol);

	(void)state;
	printf("# new pages on slow memory: %lu, with the high watermark alone %lu; free in the "
	       "end "
	       "%lu and %lu\n",
	       (unsigned long)demand.new_on_slow_pages, (unsigned long)constant.new_on_slow_pages,
	       (unsigned long)demand.free_pages, (unsigned long)constant.free_pages);
	assert_true(constant.new_on_slow_pages > 1000);
	assert_true(demand.new_on_slow_pages < constant.new_on_slow_pages * 3 / 4);
	assert_true(demand.free_pages <=
		    constant.free_pages + FAST_PAGES * ROOM_DEMAND_PERMILLE / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(demand_is_what_was_taken_per_second),
		cmocka_unit_test(it_fades_and_rises_at_once),
		cmocka_unit_test(it_is_bounded),
		cmocka_unit_test(less_falls_to_slow_memory),
	};

	return cmocka_run_group_tests_name("room-demand", tests, NULL, NULL);
}
