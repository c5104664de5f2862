/* SPDX-License-Identifier: MIT */
/* The simulated scheduler: who gets a CPU, what moves threads between nodes, and what homes change.
 */
#include "cmocka-all.h"

#include <errno.h>

#include "machine-text.h"
#include "scheduler.h"

#define MS 1000000ULL

#define TWO_NODES                                                  \
	"name: two\n"                                              \
	"nodes:\n"                                                 \
	"  - { id: 0, kind: dram, memory: 1GiB, cpus: '0-1,4' }\n" \
	"  - { id: 1, kind: dram, memory: 1GiB, cpus: '2,3,5' }\n" \
	"  - { id: 2, kind: cxl, memory: 1GiB }\n"

#define MOST_THREADS 64

static const struct scheduler_config awake = { .balance_ns = 10 * MS, .imbalance_percent = 125 };
static const struct scheduler_config restless = {
	.run_ns = 20 * MS,
	.sleep_ns = 5 * MS,
	.balance_ns = 10 * MS,
	.imbalance_percent = 125,
};

struct room {
	struct machine *machine;
	struct scheduler *scheduler;
	unsigned nr_threads;
	uint64_t ran_on[MOST_THREADS][3]; /* quanta */
};

/* So many threads on each of the two nodes. */
static struct room room_of(const struct scheduler_config *config, unsigned on_0, unsigned on_1)
{
	struct room room = { .machine = read_machine(TWO_NODES), .nr_threads = on_0 + on_1 };

	assert_int_equal(scheduler_new(config, room.machine, room.nr_threads, 1, &room.scheduler),
			 0);
	for (unsigned i = 0; i < room.nr_threads; i++)
		scheduler_start(room.scheduler, i, i >= on_0, false);
	return room;
}

static void room_free(struct room *room)
{
	scheduler_free(room->scheduler);
	machine_free(room->machine);
}

static unsigned running(const struct room *room, int node)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < room->nr_threads; i++)
		nr += scheduler_runs(room->scheduler, i) &&
		      scheduler_node(room->scheduler, i) == node;
	return nr;
}

static void run(struct room *room, unsigned quanta)
{
	for (unsigned q = 0; q < quanta; q++) {
		scheduler_next(room->scheduler, MS);
		assert_true(running(room, 0) <= 3 && running(room, 1) <= 3);
		assert_int_equal(running(room, 2), 0);
		for (unsigned i = 0; i < room->nr_threads; i++)
			room->ran_on[i][scheduler_node(room->scheduler, i)] +=
				scheduler_runs(room->scheduler, i);
	}
}

static uint64_t ran(const struct room *room, unsigned thread)
{
	return room->ran_on[thread][0] + room->ran_on[thread][1];
}

static void cpus_are_counted(void **state)
{
	struct room room = room_of(&awake, 1, 0);

	(void)state;
	assert_int_equal(scheduler_nr_cpus(room.scheduler, 0), 3);
	assert_int_equal(scheduler_nr_cpus(room.scheduler, 1), 3);
	assert_int_equal(scheduler_nr_cpus(room.scheduler, 2), 0);
	room_free(&room);
}

static void a_machine_without_cpus_is_refused(void **state)
{
	struct machine *machine = read_machine(TWO_NODES);
	struct scheduler *scheduler = NULL;

	(void)state;
	machine->nodes[0].cpus[0] = machine->nodes[1].cpus[0] = '\0';
	assert_int_equal(scheduler_new(&awake, machine, 1, 1, &scheduler), -EINVAL);
	assert_null(scheduler);
	machine_free(machine);
}

static void threads_share_cpus_fairly(void **state)
{
	struct room room = room_of(&awake, 7, 7);

	(void)state;
	run(&room, 700);
	for (unsigned i = 0; i < 14; i++) {
		assert_in_range(ran(&room, i), 299, 301);
		/* The present quantum is not over. */
		assert_in_range(scheduler_ran_ns(room.scheduler, i), (ran(&room, i) - 1) * MS,
				ran(&room, i) * MS);
	}
	room_free(&room);
}

static void nothing_moves_where_all_is_equal(void **state)
{
	struct room room = room_of(&awake, 10, 10);

	(void)state;
	run(&room, 1000);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(scheduler_node(room.scheduler, i), i >= 10);
	room_free(&room);
}

static void no_cpu_is_idle_while_threads_wait(void **state)
{
	struct room room = room_of(&awake, 5, 0);

	(void)state;
	run(&room, 1);
	assert_int_equal(running(&room, 0), 3);
	assert_int_equal(running(&room, 1), 2);
	room_free(&room);
}

static void nodes_are_balanced_beyond_the_imbalance_only(void **state)
{
	struct room tolerable = room_of(&awake, 10, 8), too_much = room_of(&awake, 16, 4);
	unsigned on_0 = 0;

	(void)state;
	run(&tolerable, 100);
	for (unsigned i = 0; i < 18; i++)
		assert_int_equal(scheduler_node(tolerable.scheduler, i), i >= 10);
	run(&too_much, 100);
	for (unsigned i = 0; i < 20; i++)
		on_0 += scheduler_node(too_much.scheduler, i) == 0;
	assert_int_equal(on_0, 10);
	room_free(&tolerable);
	room_free(&too_much);
}

static void bound_threads_stay(void **state)
{
	struct room room = room_of(&restless, 0, 0);
	struct scheduler *scheduler = NULL;

	(void)state;
	assert_int_equal(scheduler_new(&restless, room.machine, 8, 1, &scheduler), 0);
	scheduler_free(room.scheduler);
	room.scheduler = scheduler;
	room.nr_threads = 8;
	for (unsigned i = 0; i < 8; i++)
		scheduler_start(scheduler, i, 0, i < 6);
	scheduler_set_home(scheduler, 0, 1);
	run(&room, 2000);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(room.ran_on[i][1], 0);
	/* Those who may go have node 1 for themselves, and sleep a fifth of the time. */
	assert_true(room.ran_on[6][1] > 1200);
	assert_true(room.ran_on[7][1] > 1200);
	room_free(&room);
}

static void threads_sleep_as_told(void **state)
{
	struct room room = room_of(&restless, 2, 2);
	uint64_t sum = 0;

	(void)state;
	run(&room, 10000);
	for (unsigned i = 0; i < 4; i++)
		sum += ran(&room, i);
	assert_in_range(sum, 30000, 33000); /* 20 of 25 ms of four; quanta round up */
	room_free(&room);
}

static void an_ended_thread_leaves_its_cpu(void **state)
{
	struct room room = room_of(&awake, 4, 3);

	(void)state;
	run(&room, 1);
	scheduler_end(room.scheduler, 0);
	assert_false(scheduler_runs(room.scheduler, 0));
	run(&room, 100);
	for (unsigned i = 1; i < 7; i++)
		assert_true(ran(&room, i) >= 100);
	assert_true(ran(&room, 0) <= 1);
	room_free(&room);
}

/* Share of the time that threads ran where they began, in percent. */
static unsigned stayed_percent(const struct room *room, unsigned on_0)
{
	uint64_t stayed = 0, all = 0;

	for (unsigned i = 0; i < room->nr_threads; i++) {
		stayed += room->ran_on[i][i >= on_0];
		all += ran(room, i);
	}
	return (unsigned)(100 * stayed / all);
}

static void wakeups_scatter_threads_and_homes_keep_them(void **state)
{
	struct room without = room_of(&restless, 8, 8), with = room_of(&restless, 8, 8);

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		scheduler_set_home(with.scheduler, i, i >= 8);
	run(&without, 5000);
	run(&with, 5000);
	assert_in_range(stayed_percent(&without, 8), 40, 60);
	assert_true(stayed_percent(&with, 8) > 90);
	room_free(&without);
	room_free(&with);
}

/* All have one home: a third of them may be there in balance with the others. */
static void homes_give_way_to_balance(void **state)
{
	struct room room = room_of(&awake, 9, 9);
	unsigned at_home = 0;

	(void)state;
	for (unsigned i = 0; i < 18; i++)
		scheduler_set_home(room.scheduler, i, 0);
	run(&room, 100);
	for (unsigned i = 0; i < 18; i++)
		at_home += scheduler_node(room.scheduler, i) == 0;
	assert_int_equal(at_home, 10); /* against 8: 125 % */
	room_free(&room);
}

static void threads_come_home(void **state)
{
	struct room room = room_of(&awake, 6, 6);

	(void)state;
	/* Each is where the other one has its home. */
	for (unsigned i = 0; i < 12; i++)
		scheduler_set_home(room.scheduler, i, i < 6);
	run(&room, 100);
	for (unsigned i = 0; i < 12; i++)
		assert_int_equal(scheduler_node(room.scheduler, i), i < 6);
	room_free(&room);
}

static void same_seed_same_schedule(void **state)
{
	struct room one = room_of(&restless, 9, 5), other = room_of(&restless, 9, 5);

	(void)state;
	run(&one, 3000);
	run(&other, 3000);
	assert_memory_equal(one.ran_on, other.ran_on, sizeof(one.ran_on));
	room_free(&one);
	room_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpus_are_counted),
		cmocka_unit_test(a_machine_without_cpus_is_refused),
		cmocka_unit_test(threads_share_cpus_fairly),
		cmocka_unit_test(nothing_moves_where_all_is_equal),
		cmocka_unit_test(no_cpu_is_idle_while_threads_wait),
		cmocka_unit_test(nodes_are_balanced_beyond_the_imbalance_only),
		cmocka_unit_test(bound_threads_stay),
		cmocka_unit_test(threads_sleep_as_told),
		cmocka_unit_test(an_ended_thread_leaves_its_cpu),
		cmocka_unit_test(wakeups_scatter_threads_and_homes_keep_them),
		cmocka_unit_test(homes_give_way_to_balance),
		cmocka_unit_test(threads_come_home),
		cmocka_unit_test(same_seed_same_schedule),
	};

	return cmocka_run_group_tests_name("scheduler", tests, NULL, NULL);
}
