/* SPDX-License-Identifier: MIT */
/* Home nodes as a peer, and the world under a scheduler. */
#include "cmocka-all.h"

#include "machine-text.h"
#include "peers.h"
#include "workload.h"
#include "world.h"

#define MS 1000000ULL

#define MACHINE                                                  \
	"name: two\n"                                            \
	"nodes:\n"                                               \
	"  - { id: 0, kind: dram, memory: 64MiB, nr_cpus: 2 }\n" \
	"  - { id: 1, kind: dram, memory: 64MiB, nr_cpus: 2 }\n"

#define SCAN	   "scan:size=4MiB,threads=1,lines=1,think=2us,overlap=1"
#define NR_PAGES   1024
#define MOST_TASKS 8

static const struct scheduler_config awake = { .balance_ns = 10 * MS, .imbalance_percent = 125 };
static const struct scheduler_config restless = {
	.run_ns = 100 * MS,
	.sleep_ns = 10 * MS,
	.balance_ns = 10 * MS,
	.imbalance_percent = 125,
};

struct room {
	struct machine *machine;
	struct workload *workloads[MOST_TASKS];
	struct world *world;
};

/* So many scans, bound to a node (-1: none of them). */
static struct room room_of(const struct peer *peer, const struct scheduler_config *scheduler,
			   unsigned nr_tasks, int cpu_node)
{
	const struct world_config config = {
		.peer = peer,
		.quantum_ns = MS,
		.costs = world_default_costs,
		.watermark_scale_factor = 10,
		.seed = 1,
		.scheduler = scheduler,
	};
	struct room room = { .machine = read_machine(MACHINE) };
	struct world_task tasks[MOST_TASKS] = { 0 };
	struct mpol_error err = { 0 };

	assert_int_equal(machine_judge(room.machine), 0);
	machine_assign_tiers(room.machine);
	for (unsigned i = 0; i < nr_tasks; i++) {
		if (workload_new(SCAN, i, &room.workloads[i], &err) < 0)
			fail_msg("%s: %s", err.object, err.cause);
		tasks[i] = (struct world_task) {
			.workload = room.workloads[i],
			.info = workload_info(room.workloads[i]),
			.cpu_node = cpu_node,
		};
	}
	if (world_new(room.machine, &config, tasks, nr_tasks, &room.world, &err) < 0)
		fail_msg("%s: %s", err.object, err.cause);
	return room;
}

static void room_free(struct room *room)
{
	world_free(room->world);
	for (unsigned i = 0; i < MOST_TASKS; i++)
		workload_free(room->workloads[i]);
	machine_free(room->machine);
}

static void run(struct room *room, unsigned ms)
{
	struct mpol_error err = { 0 };

	for (unsigned i = 0; i < ms; i++)
		if (world_step(room->world, &err) < 0)
			fail_msg("%s: %s", err.object, err.cause);
}

/* Pages of a task that are on a node. */
static unsigned pages_on(const struct room *room, unsigned task, int node)
{
	const uint32_t first = room->world->tasks[task].first_page;
	unsigned nr = 0;

	for (uint32_t i = 0; i < NR_PAGES; i++)
		nr += memory_node_of(&room->world->memory, first + i) == node;
	return nr;
}

static unsigned local_percent(struct room *room, unsigned ms)
{
	const struct tally before = room->world->tally;
	uint64_t all;

	run(room, ms);
	all = tally_accesses(&room->world->tally, 0) + tally_accesses(&room->world->tally, 1) -
	      tally_accesses(&before, 0) - tally_accesses(&before, 1);
	return (unsigned)(100 * (room->world->tally.local - before.local) / all);
}

static void without_a_cpu_a_thread_does_not_advance(void **state)
{
	struct room alone = room_of(&peer_first_touch, NULL, 8, -1);
	struct room shared = room_of(&peer_first_touch, &awake, 8, -1);
	uint64_t all = 0, half = 0;

	(void)state;
	run(&alone, 1000);
	run(&shared, 1000);
	for (unsigned i = 0; i < 8; i++) {
		const uint64_t accesses = shared.world->threads[i].accesses;

		all += alone.world->threads[i].accesses;
		half += accesses;
		assert_true(accesses > 0 && shared.world->threads[i].clock_ps >= 1000 * MS * 1000);
	}
	assert_in_range(half * 1000 / all, 490, 510);
	room_free(&alone);
	room_free(&shared);
}

static void every_task_has_a_home_where_least_is_to_be_done(void **state)
{
	struct room room = room_of(&peer_home_node, &awake, 8, -1);

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(room.world->tasks[i].home_node, i % 2);
	run(&room, 100);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(pages_on(&room, i, (int)i % 2), NR_PAGES);
	room_free(&room);
}

static void memory_is_allocated_at_home(void **state)
{
	struct room room = room_of(&peer_home_node, NULL, 1, 0);

	(void)state;
	assert_int_equal(room.world->tasks[0].home_node, 0);
	room.world->tasks[0].home_node = 1;
	run(&room, 100);
	assert_int_equal(pages_on(&room, 0, 1), NR_PAGES);
	room_free(&room);
}

static void homes_keep_accesses_local(void **state)
{
	struct room first_touch = room_of(&peer_first_touch, &restless, 8, -1);
	struct room home_node = room_of(&peer_home_node, &restless, 8, -1);

	(void)state;
	run(&first_touch, 5000);
	run(&home_node, 5000);
	assert_in_range(local_percent(&first_touch, 20000), 35, 65);
	assert_true(local_percent(&home_node, 20000) >= 90);
	room_free(&first_touch);
	room_free(&home_node);
}

/* All tasks have one home, so half of them must live elsewhere: their memory follows, lazily. */
static void forced_away_for_good_with_its_memory(void **state)
{
	struct room room = room_of(&peer_home_node, &awake, 8, -1);
	unsigned at_home = 0, elsewhere = 0;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		room.world->tasks[i].home_node = 0;
		scheduler_set_home(room.world->scheduler, i, 0);
	}
	run(&room, 900);
	assert_int_equal(room.world->tally.moved_pages[MOVE_BALANCE], 0);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(pages_on(&room, i, 0), NR_PAGES);

	run(&room, 5000);
	for (unsigned i = 0; i < 8; i++) {
		const int home = room.world->tasks[i].home_node;

		at_home += home == 0;
		elsewhere += home == 1;
		assert_int_equal(room.world->threads[i].cpu_node, home);
		assert_int_equal(pages_on(&room, i, home), NR_PAGES);
	}
	assert_in_range(at_home, 3, 5);
	assert_int_equal(at_home + elsewhere, 8);
	assert_int_equal(room.world->tally.moved_pages[MOVE_BALANCE],
			 (uint64_t)elsewhere * NR_PAGES);
	assert_int_equal(room.world->tally.hint_faults,
			 room.world->tally.moved_pages[MOVE_BALANCE]);
	room_free(&room);
}

/* Threads that were there before the home was: only what is touched moves. */
static void bound_tasks_are_at_home_where_they_are(void **state)
{
	struct room room = room_of(&peer_home_node, &restless, 6, 1);

	(void)state;
	run(&room, 3000);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(room.world->tasks[i].home_node, 1);
		assert_int_equal(pages_on(&room, i, 1), NR_PAGES);
	}
	assert_int_equal(tally_accesses(&room.world->tally, 0), 0);
	room_free(&room);
}

static void same_seed_same_tally(void **state)
{
	struct room one = room_of(&peer_home_node, &restless, 7, -1);
	struct room other = room_of(&peer_home_node, &restless, 7, -1);

	(void)state;
	run(&one, 3000);
	run(&other, 3000);
	assert_memory_equal(&one.world->tally, &other.world->tally, sizeof(one.world->tally));
	room_free(&one);
	room_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_cpu_a_thread_does_not_advance),
		cmocka_unit_test(every_task_has_a_home_where_least_is_to_be_done),
		cmocka_unit_test(memory_is_allocated_at_home),
		cmocka_unit_test(homes_keep_accesses_local),
		cmocka_unit_test(forced_away_for_good_with_its_memory),
		cmocka_unit_test(bound_tasks_are_at_home_where_they_are),
		cmocka_unit_test(same_seed_same_tally),
	};

	return cmocka_run_group_tests_name("peer-home-node", tests, NULL, NULL);
}
