/* SPDX-License-Identifier: MIT */
/* Unmapping slow memory for hints: see hint-scan.h. */
#include "hint-scan.h"

#include <errno.h>
#include <stdlib.h>

#include "world.h"

#define MS_PS		     1000000000ULL
#define TICK_PS		     (4 * MS_PS) /* CONFIG_HZ is 250 */
#define SCAN_PAGES	     65536	 /* scan_size_mb: 256 */
#define VIRTUAL_PAGES	     (8 * SCAN_PAGES)
#define DELAY_MS	     1000
#define PERIOD_MIN_MS	     1000
#define PERIOD_MAX_MS	     60000
#define PERIOD_FLOOR_MS	     100 /* 2,560 MiB a second (MAX_SCAN_WINDOW) */
#define UNCONDITIONAL_SWEEPS 2	 /* that look at every mapping */
#define RUN_PER_SCAN	     32	 /* a scan may take so small a part of a thread's time */

/* What mm_struct has. */
struct hint_scan_task {
	uint64_t next_ms;
	uint32_t cursor; /* page of the task */
	uint32_t sweep;	 /* numa_scan_seq */
	uint32_t idle;	 /* mappings looked at behind the workload's in this sweep */
};

/* What task_struct has. */
struct hint_scan_thread {
	uint64_t stamp_ps; /* node_stamp: of the time that it has run */
	uint64_t period_ms;
	uint64_t retry_ms; /* numa_migrate_retry */
	uint32_t sweep;	   /* of the last promotion that was noticed */
};

int hint_scan_start(struct hint_scan *scan, const struct world *world, uint32_t *unmapped_ms)
{
	*scan = (struct hint_scan) {
		.tasks = calloc(world->nr_tasks, sizeof(*scan->tasks)),
		.threads = calloc(world->nr_threads, sizeof(*scan->threads)),
		.unmapped_ms = unmapped_ms,
	};
	if (!scan->tasks || !scan->threads) {
		hint_scan_stop(scan);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < world->nr_tasks; i++)
		scan->tasks[i].next_ms = DELAY_MS;
	return 0;
}

void hint_scan_stop(struct hint_scan *scan)
{
	free(scan->tasks);
	free(scan->threads);
	*scan = (struct hint_scan) { 0 };
}

/* task_nr_scan_windows, of memory that is all there */
static uint64_t nr_windows(const struct world_task *task)
{
	return (task->info->nr_pages + SCAN_PAGES - 1) / SCAN_PAGES;
}

/* task_scan_min: a large memory is scanned by more and shorter periods, to a limit. */
static uint64_t period_min_ms(const struct world_task *task)
{
	const uint64_t period = PERIOD_MIN_MS / nr_windows(task);

	return period < PERIOD_FLOOR_MS ? PERIOD_FLOOR_MS : period;
}

/* task_scan_max */
static uint64_t period_max_ms(const struct world_task *task)
{
	const uint64_t period = PERIOD_MAX_MS / nr_windows(task);

	return period < period_min_ms(task) ? period_min_ms(task) : period;
}

/*
 * Whether the kernel looks for accesses there (mm/mempolicy.c, vma_policy_mof): where nobody has
 * said where the memory should be, or has said that it may be balanced.
 */
static bool may_balance(const struct mpol_policy *policy)
{
	return policy->mode == MPOL_MODE_DEFAULT || policy->mode_flags & MPOL_FLAG_BALANCING;
}

/*
 * change_pte_range: unmaps what is in slow memory and not unmapped yet, which keeps the time when
 * it was.  From the cursor on, so many pages; returns how many were unmapped.
 */
static uint32_t unmap(struct hint_scan *scan, struct world *world, unsigned index, uint32_t nr)
{
	struct hint_scan_task *own = &scan->tasks[index];
	const struct world_task *task = &world->tasks[index];
	const uint32_t end = own->cursor + nr;
	uint32_t unmapped = 0;

	while (own->cursor < end) {
		const uint32_t page = task->first_page + own->cursor;
		const uint32_t unit = memory_unit(&world->memory, page);
		uint32_t pages = 1;

		if (memory_present(&world->memory, unit)) {
			const int node = memory_node_of(&world->memory, unit);

			pages = unit + memory_unit_pages(&world->memory, unit) - page;
			if (world_tier(world, node) > world->tiers.top_tier &&
			    !(world->memory.entries[unit] & PTE_TRAP) &&
			    may_balance(world_policy_at(task, own->cursor))) {
				if (scan->unmapped_ms)
					scan->unmapped_ms[unit] = (uint32_t)(world->now_ps / MS_PS);
				memory_set_trap(&world->memory, unit);
				unmapped += pages;
			}
		}
		world_spend(world, world->config.costs.entry_ps);
		own->cursor += pages;
	}
	return unmapped;
}

/* reset_ptenuma_scan */
static void next_sweep(struct hint_scan_task *own)
{
	own->cursor = 0;
	own->idle = 0;
	own->sweep++;
}

/* Whether a mapping is left that nobody faults in: one of them is looked at now, by force. */
static bool look_at_idle(const struct world *world, struct hint_scan_task *own)
{
	if (own->sweep < UNCONDITIONAL_SWEEPS || own->idle >= world->config.idle_mappings)
		return false;
	own->idle++;
	return true;
}

/*
 * task_numa_work: a window that had nothing to unmap does not count, up to a limit.
 * The last mapping's end ends the sweep, and this scan.
 */
static void scan_task(struct hint_scan *scan, struct world *world, unsigned index)
{
	const uint32_t nr_pages = world->tasks[index].info->nr_pages;
	struct hint_scan_task *own = &scan->tasks[index];
	int64_t pages = SCAN_PAGES, virtual_pages = VIRTUAL_PAGES;

	/* Behind the last mapping, which was an idle one: the next sweep begins at once. */
	if (own->idle && own->idle == world->config.idle_mappings)
		next_sweep(own);
	while (own->cursor < nr_pages && pages > 0 && virtual_pages > 0) {
		const uint32_t left = nr_pages - own->cursor;
		const uint32_t window = left < pages ? left : (uint32_t)pages;

		if (unmap(scan, world, index, window))
			pages -= window;
		virtual_pages -= window;
	}
	if (pages > 0 && virtual_pages > 0 && !look_at_idle(world, own))
		next_sweep(own);
}

/* task_tick_numa: the thread whose time has come scans, unless another just has. */
static void tick_thread(struct hint_scan *scan, struct world *world, unsigned index)
{
	struct world_thread *thread = &world->threads[index];
	struct hint_scan_thread *own = &scan->threads[index];
	struct hint_scan_task *task = &scan->tasks[thread->task];
	const uint64_t began_ps = thread->clock_ps;
	const uint64_t ms = world->now_ps / MS_PS;

	if (!own->period_ms)
		own->period_ms = period_min_ms(&world->tasks[thread->task]);
	if (began_ps < own->stamp_ps + own->period_ms * MS_PS)
		return;
	own->stamp_ps += own->period_ms * MS_PS;
	if (ms < task->next_ms)
		return;
	task->next_ms = ms + own->period_ms;
	own->stamp_ps += 2 * TICK_PS;
	/* In its own time. */
	world->current = thread;
	scan_task(scan, world, thread->task);
	world->current = NULL;
	/* The clock of a thread's time advances by ticks. */
	own->stamp_ps += (thread->clock_ps - began_ps) / TICK_PS * TICK_PS * RUN_PER_SCAN;
}

void hint_scan_tick(struct hint_scan *scan, struct world *world)
{
	for (unsigned i = 0; i < world->nr_threads; i++)
		if (!world->threads[i].ended)
			tick_thread(scan, world, i);
}

void hint_scan_promoted(struct hint_scan *scan, const struct world *world,
			const struct world_thread *thread)
{
	struct hint_scan_thread *own = &scan->threads[thread - world->threads];
	struct hint_scan_task *task = &scan->tasks[thread->task];
	const uint64_t most_ms = period_max_ms(&world->tasks[thread->task]);
	const uint64_t ms = thread->clock_ps / MS_PS;

	if (ms < own->retry_ms)
		return;
	if (own->sweep != task->sweep) {
		own->sweep = task->sweep;
		own->period_ms = own->period_ms * 2 < most_ms ? own->period_ms * 2 : most_ms;
		task->next_ms = ms + own->period_ms;
	}
	own->retry_ms = ms + own->period_ms / 16;
}
