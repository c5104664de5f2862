/* SPDX-License-Identifier: MIT */
/* Unmapping slow memory for hints: see hint-scan.h. */
#include "hint-scan.h"

#include <errno.h>
#include <stdlib.h>

#include "world.h"

#define MS_PS		1000000000ULL
#define SCAN_PAGES	65536 /* scan_size_mb: 256 */
#define SCAN_PERIOD_MS	1000
#define LEAST_PERIOD_MS 100

struct hint_scan_task {
	uint64_t next_ms;
	uint32_t cursor; /* page of the task */
};

int hint_scan_start(struct hint_scan *scan, const struct world *world, uint32_t *unmapped_ms)
{
	struct hint_scan_task *tasks = calloc(world->nr_tasks, sizeof(*tasks));

	if (!tasks)
		return -ENOMEM;
	for (unsigned i = 0; i < world->nr_tasks; i++)
		tasks[i].next_ms = SCAN_PERIOD_MS;
	*scan = (struct hint_scan) { .tasks = tasks, .unmapped_ms = unmapped_ms };
	return 0;
}

void hint_scan_stop(struct hint_scan *scan)
{
	free(scan->tasks);
	*scan = (struct hint_scan) { 0 };
}

/* task_scan_min: a large memory is scanned by more and shorter periods, to a limit. */
static uint64_t period_ms(const struct world_task *task)
{
	const uint64_t windows = (task->info->nr_pages + SCAN_PAGES - 1) / SCAN_PAGES;
	const uint64_t period = SCAN_PERIOD_MS / windows;

	return period < LEAST_PERIOD_MS ? LEAST_PERIOD_MS : period;
}

/*
 * Whether the kernel looks for accesses there (mm/mempolicy.c, vma_policy_mof): where nobody has
 * said where the memory should be, or has said that it may be balanced.
 */
static bool may_balance(const struct mpol_policy *policy)
{
	return policy->mode == MPOL_MODE_DEFAULT || policy->mode_flags & MPOL_FLAG_BALANCING;
}

/* task_numa_work: unmaps what is in slow memory, from the cursor on. */
static void scan_task(struct hint_scan *scan, struct world *world, unsigned index)
{
	const struct world_task *task = &world->tasks[index];
	struct hint_scan_task *own = &scan->tasks[index];
	uint32_t looked_at = 0;

	while (looked_at < SCAN_PAGES && looked_at < task->info->nr_pages) {
		const uint32_t page = task->first_page + own->cursor;
		const uint32_t unit = memory_unit(&world->memory, page);
		uint32_t pages = 1;

		if (memory_present(&world->memory, unit)) {
			const int node = memory_node_of(&world->memory, unit);

			pages = unit + memory_unit_pages(&world->memory, unit) - page;
			if (world_tier(world, node) > world->tiers.top_tier &&
			    may_balance(world_policy_at(task, own->cursor))) {
				if (scan->unmapped_ms)
					scan->unmapped_ms[unit] = (uint32_t)(world->now_ps / MS_PS);
				memory_set_trap(&world->memory, unit);
			}
		}
		world_spend(world, world->config.costs.entry_ps);
		looked_at += pages;
		own->cursor += pages;
		if (own->cursor >= task->info->nr_pages)
			own->cursor = 0;
	}
}

void hint_scan_tick(struct hint_scan *scan, struct world *world)
{
	const uint64_t ms = world->now_ps / MS_PS;

	for (unsigned i = 0; i < world->nr_threads; i++) {
		struct world_thread *thread = &world->threads[i];
		struct hint_scan_task *own = &scan->tasks[thread->task];

		if (thread->ended || thread->clock_ps / MS_PS < own->next_ms)
			continue;
		/* Whichever thread comes first does it, in its own time. */
		world->current = thread;
		scan_task(scan, world, thread->task);
		world->current = NULL;
		own->next_ms = ms + period_ms(&world->tasks[thread->task]);
	}
}
