/* SPDX-License-Identifier: MIT */
/* For the tests of peers: a machine of a fast and a slow node, and one task on it. */
#ifndef TEST_SMALL_WORLD_H
#define TEST_SMALL_WORLD_H

#include "machine-text.h"

#include "peer.h"
#include "workload.h"
#include "world.h"

enum { FAST, SLOW };

/* 16 MiB of DRAM (4096 pages) with CPUs, 64 MiB of CXL memory without. */
#define SMALL_MACHINE                                                              \
	"name: small\n"                                                            \
	"nodes:\n"                                                                 \
	"  - { id: 0, kind: dram, memory: 16MiB, nr_cpus: 4 }\n"                   \
	"  - { id: 1, kind: cxl, memory: 64MiB }\n"                                \
	"performance:\n"                                                           \
	"  - { initiators: all, targets: 0, latency: 90ns, bandwidth: 100GB/s }\n" \
	"  - { initiators: all, targets: 1, latency: 250ns, bandwidth: 30GB/s }\n"

struct small_world {
	struct machine *machine;
	struct workload *workload;
	struct world *world;
};

/*
 * node: where all memory is at first (a position; -1: by first touch); huge: as huge pages.
 * Fails the test on an error.
 */
static inline struct small_world small_world_of(const char *machine, const struct peer *peer,
						const char *workload, int node, bool huge)
{
	const struct world_config config = {
		.peer = peer,
		.quantum_ns = 1000000,
		.costs = world_default_costs,
		.watermark_scale_factor = 10,
		.seed = 1,
	};
	struct small_world small = { .machine = read_machine(machine) };
	struct world_task task = { .cpu_node = -1, .huge = huge };
	struct mpol_error err = { 0 };

	assert_int_equal(machine_judge(small.machine), 0);
	machine_assign_tiers(small.machine);
	if (workload_new(workload, 1, &small.workload, &err) < 0)
		fail_msg("%s: %s", err.object, err.cause);
	task.workload = small.workload;
	task.info = workload_info(small.workload);
	if (world_new(small.machine, &config, &task, 1, &small.world, &err) < 0 ||
	    world_touch_all(small.world, node, &err) < 0)
		fail_msg("%s: %s", err.object, err.cause);
	return small;
}

static inline struct small_world small_world_on(const char *machine, const struct peer *peer,
						const char *workload, int node)
{
	return small_world_of(machine, peer, workload, node, false);
}

static inline struct small_world small_world_new(const struct peer *peer, const char *workload,
						 int node)
{
	return small_world_on(SMALL_MACHINE, peer, workload, node);
}

static inline void small_world_free(struct small_world *small)
{
	world_free(small->world);
	workload_free(small->workload);
	machine_free(small->machine);
}

static inline void small_world_run(struct small_world *small, unsigned ms)
{
	struct mpol_error err = { 0 };

	for (unsigned i = 0; i < ms; i++)
		if (world_step(small->world, &err) < 0)
			fail_msg("%s: %s", err.object, err.cause);
}

/* How many of so many pages from first on are in fast memory. */
static inline uint32_t small_world_fast_pages(const struct small_world *small, uint32_t first,
					      uint32_t nr)
{
	uint32_t fast = 0;

	for (uint32_t page = first; page < first + nr; page++)
		fast += memory_node_of(&small->world->memory, page) == FAST;
	return fast;
}

/* The share of accesses to fast memory in the next so many milliseconds, in percent. */
static inline unsigned small_world_fast_percent(struct small_world *small, unsigned ms)
{
	const struct tally before = small->world->tally;
	uint64_t fast, slow;

	small_world_run(small, ms);
	fast = tally_accesses(&small->world->tally, FAST) - tally_accesses(&before, FAST);
	slow = tally_accesses(&small->world->tally, SLOW) - tally_accesses(&before, SLOW);
	return (unsigned)(100 * fast / (fast + slow));
}

/* Fails the test unless two runs of so many ms promote something, and are the same in all they
 * count. */
static inline void small_world_assert_repeatable(const struct peer *peer, const char *workload,
						 unsigned ms)
{
	struct small_world one = small_world_new(peer, workload, -1);
	struct small_world other = small_world_new(peer, workload, -1);

	small_world_run(&one, ms);
	small_world_run(&other, ms);
	assert_true(one.world->tally.moved_pages[MOVE_PROMOTION] > 0);
	assert_memory_equal(&one.world->tally, &other.world->tally, sizeof(one.world->tally));
	small_world_free(&one);
	small_world_free(&other);
}

#endif
