/* SPDX-License-Identifier: MIT */
/* Counting a process for a while, in intervals, driven from the guest. */
#ifndef LAB_PLUGIN_WATCH_H
#define LAB_PLUGIN_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#define WATCH_NAMES_MAX	 16
#define WATCH_RANGES_MAX 16

struct watch {
	pid_t pid;
	bool by_page;
	uint64_t interval_ns; /* 0: one interval, until the end */
	uint64_t duration_ns; /* 0: until the process ends */

	/* Which addresses; none of both: all.  Names are looked up again at each interval. */
	size_t nr_ranges;
	struct {
		uint64_t start, end;
	} ranges[WATCH_RANGES_MAX];
	size_t nr_names;
	const char
		*names[WATCH_NAMES_MAX]; /* "heap", "stack", "anon", a file's path or last part */
};

/* Starts counting; the process should be there.  -ESRCH; -ENOENT: no range of that name; channel.h
 */
int watch_start(const struct watch *watch, struct mpol_error *error);

/*
 * Ends intervals until the process ends, the duration is over or *stop is set
 * by a signal handler, then ends the last one and stops.
 */
int watch_follow(const struct watch *watch, const volatile int *stop, struct mpol_error *error);

/* Ends an interval of a measurement that watch_start began.  Errors of channel.h. */
int watch_tick(const struct watch *watch, struct mpol_error *error);

/* Stops counting; the open interval is dropped. */
int watch_stop(struct mpol_error *error);

#endif
