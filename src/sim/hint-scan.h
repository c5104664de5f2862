/* SPDX-License-Identifier: MIT */
/*
 * The scanner of NUMA balancing in its tiering mode (task_numa_work in
 * kernel/sched/fair.c): unmaps the pages of slow memory in turn, so that
 * their next access is a hint fault.  Task by task, in its own time, 256 MiB a period.
 *
 * Not modelled: the adaptation of the scan period (faults on slow memory do not
 * take part in it), and shared or file pages.
 */
#ifndef SIM_HINT_SCAN_H
#define SIM_HINT_SCAN_H

#include <stdint.h>

struct world;

struct hint_scan {
	struct hint_scan_task *tasks; /* [tasks of the world] */
	uint32_t *unmapped_ms;	      /* the caller's */
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

#endif
