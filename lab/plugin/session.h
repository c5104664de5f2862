/* SPDX-License-Identifier: MIT */
/*
 * One measurement: what is counted (rules), its intervals, and what they held.
 *
 * An interval ends in two steps.  session_tick() cuts: in one pause of the gate
 * it takes all counts of all tasks, so that each access falls into exactly one
 * interval and the counts by node and by page agree.  session_emit() then sums
 * up those of the target's tasks and writes the interval down.  Between the two,
 * and at any other time, the guest's tool says whose the tasks are that nobody
 * has named yet (session_unknown, session_own).
 */
#ifndef LAB_PLUGIN_SESSION_H
#define LAB_PLUGIN_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <mpol/mpol.h>

#include "nodemap.h"
#include "tasks.h"

#define RANGES_MAX 64
#define PROBES_MAX 64

struct range {
	uint64_t start;
	uint64_t length_bytes;
};

/* What vCPUs look at inside the gate; changed in a pause only. */
struct rules {
	unsigned int nr_ranges; /* 0: every address counts */
	struct range ranges[RANGES_MAX];
	bool by_page;
	struct nodemap map;

	/* In GATE_PROBE: accesses to this range are written down here, the first PROBES_MAX. */
	struct range probed;
	atomic_uint nr_probes;
	struct probe {
		uint64_t address;
		uint64_t reported;
		uint64_t task;
	} probes[PROBES_MAX];
};

extern struct rules rules;

/* What an interval held, after session_emit. */
struct interval {
	uint64_t number;
	uint64_t start_host_ns, end_host_ns;   /* CLOCK_MONOTONIC of the host, at the cuts */
	uint64_t start_guest_ns, end_guest_ns; /* as the guest's tool said */
	struct count cells[CELLS];	       /* of the target, by node; CELL_ELSEWHERE too */
	struct count unattributed;	       /* of tasks that nobody could name */
	struct pages *pages;		       /* of the target, NULL unless counted by page */
};

/* out is where the JSON lines go; it is not closed. */
void session_set_up(FILE *out);

/*
 * Takes a map, or with NULL takes it away.  It makes a rehearsal possible, and
 * once that has proven it, counting.  -EBUSY while counting.
 */
int session_set_map(const struct nodemap *map, struct mpol_error *error);
/* -EINVAL: no map. */
int session_prove_map(uint64_t guest_ns, struct mpol_error *error);
bool session_calibrated(void);
bool session_running(void);

/* Staged until the next session_start or session_tick.  -ENOSPC, -EINVAL. */
int session_add_range(uint64_t start, uint64_t end, struct mpol_error *error);
void session_clear_ranges(void);

/* What to start. */
struct start {
	int target; /* a process id, or 0 for every process */
	bool by_page;
	bool rehearsal; /* of a map not proven: nothing is written down */
	uint64_t guest_ns;
};

/*
 * Starts counting with the staged ranges, all counts zero.
 * -EINVAL: not calibrated; -EBUSY: already counting.
 */
int session_start(const struct start *start, struct mpol_error *error);

/* Cuts.  -EINVAL: not counting; -EBUSY: the interval before was not emitted. */
int session_tick(uint64_t guest_ns, struct mpol_error *error);

/*
 * The task with the highest id below that one whose owner is not known although
 * something was counted for it, now or in the cut interval; or NULL.  In a pause.
 */
const struct task *session_unknown(uint64_t below_id);

/* Names the owner of a task.  -ENOENT: it is gone, another has its task_struct. */
int session_own(uint64_t id, int owner, struct mpol_error *error);

/* Sums up and writes the cut interval; *ret is valid until the next call.  -EINVAL: none. */
int session_emit(const struct interval **ret, struct mpol_error *error);

/* Sums of all emitted intervals since session_start. */
const struct interval *session_totals(void);

/* Stops counting; what was not ticked is dropped.  Fine when not counting. */
void session_stop(uint64_t guest_ns);

/* Writes a line with a name and the time.  -EINVAL: not a plain name. */
int session_mark(const char *name, uint64_t guest_ns, struct mpol_error *error);

/* Probing, for calibration.  -EBUSY while counting. */
int session_probe(uint64_t start, uint64_t length_bytes, struct mpol_error *error);
void session_probe_end(void);

#endif
