/* SPDX-License-Identifier: MIT */
/*
 * The simulated machine at work: threads that access memory, faults, reclaim,
 * and one peer that decides what moves.
 *
 * Time goes in quanta.  In each the scheduler (scheduler.h; there may be none) says who runs where,
 * the peer acts (its tick), then every thread that has a CPU runs in turn until the quantum's end,
 * its accesses costing what the last quantum's load made of them (timing.h), then kswapd.  Nothing
 * depends on anything but the arguments.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpol/mpol.h>

#include "machine.h"
#include "memory.h"
#include "placement.h"
#include "random.h"
#include "scheduler.h"
#include "tally.h"
#include "tiers.h"
#include "timing.h"
#include "workload.h"

struct peer;

/* Moved there and back within this: ping-pong. */
#define PING_PONG_NS 10000000000ULL

/* Parts of an address space in the heat map. */
#define WORLD_HEAT_ROWS 128

/* What the kernel's work takes, in ns; world_default_costs has the sources. */
struct world_costs {
	uint32_t fault_ns;	/* a first touch */
	uint32_t hint_fault_ns; /* without a move */
	uint32_t move_page_ns;	/* a base page, as one of many */
	uint32_t move_huge_ns;
	uint32_t swap_in_ns;
	uint32_t entry_ps;	  /* looking at an entry of a page table, as one of many */
	uint32_t rmap_ps;	  /* the same for reclaim, which comes by the page */
	uint32_t sample_ns;	  /* a hardware sample taken and read */
	uint32_t accessed_bit_ns; /* an access that has to set it, because it was cleared */
};

extern const struct world_costs world_default_costs;

/* A memory of one's own: threads and a workload. */
struct world_task {
	struct workload *workload; /* the caller's */
	const struct workload_info *info;
	struct mpol_policy policy;
	const struct mpol_policy **region_policies; /* [info->nr_regions], NULL: the task's */
	bool huge;    /* transparent huge pages where a region has a whole one */
	int cpu_node; /* where its threads run for ever; -1: spread over all CPUs */
	unsigned group;
	/* world_new sets these. */
	uint32_t first_page; /* in memory */
	int home_node;	     /* in place of the CPU's when memory is allocated; -1: none */
};

/* A control group: what its tasks have where, and how much they may have. */
struct world_group {
	uint64_t node_pages[MEMORY_MAX_NODES];
	uint64_t max_pages; /* memory.max; 0: no limit */
};

struct world_thread {
	unsigned task;
	unsigned index; /* in its task */
	int cpu_node;
	bool ended;
	uint64_t clock_ps;
	uint64_t due_ps; /* when its next access is, if it is paced */
	uint64_t accesses;
	uint32_t until_sample; /* accesses */
};

struct world_config {
	const struct peer *peer; /* who decides */
	uint64_t quantum_ns;
	struct world_costs costs;
	unsigned watermark_scale_factor; /* vm.watermark_scale_factor */
	bool khugepaged;		 /* transparent huge pages are on, so more is kept free */
	unsigned idle_mappings;		 /* of each task, besides its workload's: hint-scan.h */
	bool paced; /* think times are from access to access: who was held up makes up for it */
	bool swap;  /* what cannot be demoted may be swapped out */
	uint32_t sample_period; /* accesses of a thread from one sample to the next; 0: none */
	uint64_t kernel_pages[MEMORY_MAX_NODES]; /* what the kernel and the page cache have there */
	uint64_t cache_pages[MEMORY_MAX_NODES];
	uint64_t seed;
	/* NULL: every thread has a CPU of its own for good.  Only world_new needs it. */
	const struct scheduler_config *scheduler;
};

struct world {
	const struct machine *machine;
	struct world_config config;
	struct memory memory;
	struct timing timing;
	struct placement_nodes placement;
	int ids[MEMORY_MAX_NODES];
	uint8_t weights[MEMORY_MAX_NODES]; /* the kernel's global ones */
	int16_t fallback[MEMORY_MAX_NODES * MEMORY_MAX_NODES];
	struct tiers_targets tiers;
	struct world_task *tasks;
	unsigned nr_tasks;
	struct world_thread *threads;
	unsigned nr_threads;
	struct scheduler *scheduler; /* NULL: there is none */
	uint32_t nr_pages;
	struct world_group *groups;
	unsigned nr_groups;
	const struct peer *peer;
	void *peer_state;
	struct world_thread *current; /* whose time it is; NULL: the manager's, or kswapd's */
	bool reclaiming;	      /* in the background */
	bool kswapd_awake[MEMORY_MAX_NODES];
	uint16_t *last_moves; /* [nr_pages] when and where to: ping-pong */
	struct tally tally;
	uint32_t
		heat[WORLD_HEAT_ROWS]; /* sampled accesses to the first task's memory, by address */
	struct random random;	       /* the peer's */
	uint64_t now_ps;	       /* the start of this quantum */
	bool out_of_memory;
};

/* The policy that applies to a page of the task, counted from its beginning. */
const struct mpol_policy *world_policy_at(const struct world_task *task, uint32_t offset);

/*
 * A world of the machine with these tasks, whose memory is all absent.  Machine and workloads
 * must outlive it.
 *
 * Errors: -EINVAL (more nodes or pages than there may be, a node without room for
 * what the kernel has there), -ENOMEM, what the peer's start returns.
 */
int world_new(const struct machine *machine, const struct world_config *config,
	      const struct world_task *tasks, unsigned nr_tasks, struct world **ret_world,
	      struct mpol_error *err);
void world_free(struct world *world);

/*
 * Touches every page in order, at no cost: what a program does before it is
 * measured.  node: where to put all that fits (a position; -1: by policy).
 * Returns 0, or -ENOMEM: the machine has no room for it.
 */
int world_touch_all(struct world *world, int node, struct mpol_error *err);

/*
 * Runs one quantum.  Returns 0; 1: all threads have ended; -ENOMEM: a page found
 * no place, even by reclaim.
 */
int world_step(struct world *world, struct mpol_error *err);

/* -- for peers, and reclaim -- */

/*
 * Moves a unit to a node.  Costs whoever acts, and both nodes' bandwidth.
 * Returns 0 (also where it is there already); -ENOENT: it is absent;
 * -ENOMEM: the node would be left with less than its min watermark.
 */
int world_move(struct world *world, uint32_t unit, int node, enum move_reason reason);

/* Whether the node has pages free above so many. */
static inline bool world_has_room(const struct world *world, int node, uint64_t pages,
				  uint64_t above_pages)
{
	return world->memory.nodes[node].free_pages >= above_pages + pages;
}

/* Time that whoever acts spends: a thread, reclaim, or the peer's own thread of the kernel. */
void world_spend(struct world *world, uint64_t ps);

void world_wake_kswapd(struct world *world, int node);

/* The task that a page belongs to. */
unsigned world_task_of(const struct world *world, uint32_t page);

/* The tier of a node: 0 is the fastest; -1: no memory. */
static inline int world_tier(const struct world *world, int node)
{
	return world->machine->nodes[node].capacity_bytes ? world->machine->nodes[node].tier : -1;
}

static inline uint64_t world_now_ns(const struct world *world)
{
	return world->now_ps / 1000;
}

#endif
