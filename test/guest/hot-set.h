/* SPDX-License-Identifier: MIT */
/*
 * A hot set that is known: 90 % of all accesses go to a tenth of the units of a memory.
 * Who they are, who plays them, and how well a tracker finds them: for guest tests
 * and bench/trackers.c.
 */
#ifndef TEST_GUEST_HOT_SET_H
#define TEST_GUEST_HOT_SET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ranking-unit.h"
#include "tracker.h"

struct hot_set {
	size_t nr_units;
	atomic_bool is_scattered; /* one of every ten units; else all behind one another */
};

/* A number that looks random, and follows from another. */
uint64_t hot_set_mix(uint64_t x);

/* How many units are hot, and which one is the number-th of them. */
size_t hot_set_nr(const struct hot_set *set);
size_t hot_set_unit(const struct hot_set *set, size_t number);

/* The unit that is accessed next; *random is drawn anew. */
size_t hot_set_next(const struct hot_set *set, uint64_t *random);

/*
 * Of the hottest units by heats ([nr_units]), as many as are hot, how many are: precision, recall
 * and F1 are one number, this one's part of hot_set_nr.  Of equal heat the first are taken, and
 * few of those are hot.  Exits where there is no memory.
 */
size_t hot_set_count_right(const struct hot_set *set, const uint64_t *heats);

/*
 * Who plays it on memory of its own: a child, told by what it shares with its parent.  It forgets
 * its translations between bursts of accesses, as a CPU of silicon does (flush.h).
 */
struct hot_child {
	struct hot_set set;
	unsigned unit_pages; /* 1, or HUGE_PAGES: transparent huge pages */
	uint64_t rate;	     /* accesses per second; 0: as many as it can */
	int cpu;	     /* that it is bound to; -1: any */
	char *memory;	     /* where its is; of the parent nothing but address space */
	atomic_bool has_begun;
	atomic_ulong accesses;
	atomic_ulong busy_ns; /* CPU time that these took, faults included */
};

/* Exits where there is no memory.  Lives as long as the process. */
struct hot_child *hot_child_new(size_t nr_units, unsigned unit_pages);

/* Its memory is there when this returns.  procs: of the cgroup that it joins before it has any;
 * NULL: it stays where it is.  Exits where it ends instead. */
pid_t hot_child_start(struct hot_child *child, const char *procs);
void hot_child_end(pid_t pid);

/* What a tracker has told of a child's memory so far. */
struct hot_finder {
	const struct hot_child *child;
	struct ranking_unit *units;
	uint8_t *seen;
	int16_t *nodes;
	uint64_t *bits, *heats;
	uint32_t round;
};

/* Knows nothing yet.  Exits where there is no memory; free it with hot_finder_free. */
struct hot_finder *hot_finder_new(const struct hot_child *child);
void hot_finder_free(struct hot_finder *finder);

#define HOT_FINDER_SCANS 6

/* A clear, scans each four times as long after it as the one before, and what is learned of them;
 * half a second.  Errors: the tracker's. */
int hot_finder_look(struct hot_finder *finder, struct tracker *tracker);

/* hot_set_count_right by what was learned. */
size_t hot_finder_count_right(const struct hot_finder *finder);

#endif
