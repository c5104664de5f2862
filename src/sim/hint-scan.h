/* SPDX-License-Identifier: MIT */
/*
 * The scanner of NUMA balancing in its tiering mode (task_tick_numa, task_numa_work and
 * update_task_scan_period in kernel/sched/fair.c): unmaps the pages of slow memory in turn, so
 * that their next access is a hint fault.  Task by task, in its threads' own time, 256 MiB a
 * period, less and less often the more sweeps have led to promotions.
 *
 * A workload is one mapping.  A program has others, where it never faults for a hint
 * (world_config's idle_mappings: libraries' data, stacks).  From the third sweep on each of these
 * takes a scan of its own, and so a period (vma_is_accessed, vma_pids_forced).  Not modelled:
 * shared or file pages.
 */
#ifndef SIM_HINT_SCAN_H
#define SIM_HINT_SCAN_H

#include <stdint.h>

struct world;
struct world_thread;

struct hint_scan {
	struct hint_scan_task *tasks;	  /* [tasks of the world] */
	struct hint_scan_thread *threads; /* [threads of the world] */
	uint32_t *unmapped_ms;		  /* the caller's */
};

/*
 * unmapped_ms: [pages of memory] takes when a unit was last unmapped; may be NULL.
 * Returns 0 or -ENOMEM.
 */
int hint_scan_start(struct hint_scan *scan, const struct world *world, uint32_t *unmapped_ms);

/* Takes what is all zeroes. */
void hint_scan_stop(struct hint_scan *scan);

/* To be called in every tick of the peer. */
void hint_scan_tick(struct hint_scan *scan, struct world *world);

/*
 * The thread's fault has promoted a page.  Its first such fault in a new sweep doubles the
 * period: update_task_scan_period wants faults that are local, a page that comes from slow memory
 * never is (task_numa_fault), and so the task counts as one without faults.
 */
void hint_scan_promoted(struct hint_scan *scan, const struct world *world,
			const struct world_thread *thread);

#endif
