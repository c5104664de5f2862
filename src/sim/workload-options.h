/* SPDX-License-Identifier: MIT */
/* The options of workloads, all in one table: a name means the same wherever it is taken. */
#ifndef SIM_WORKLOAD_OPTIONS_H
#define SIM_WORKLOAD_OPTIONS_H

#include <stdint.h>

struct mpol_error;

enum workload_option {
	/* Every workload takes these. */
	OPTION_SIZE,	 /* bytes */
	OPTION_THREADS,	 /* number */
	OPTION_THINK,	 /* picoseconds */
	OPTION_OVERLAP,	 /* millionths, as all numbers with a fraction */
	OPTION_ACCESSES, /* number, by thread; 0: no end */

	OPTION_WRITES,	/* millionths of accesses */
	OPTION_SCATTER, /* enum workload_scatter */
	OPTION_SHIFT,	/* accesses of a thread; 0: never */
	OPTION_MOVES,	/* millionths of the hot set */
	OPTION_THETA,	/* millionths */
	OPTION_HOT,	/* millionths of pages */
	OPTION_HITS,	/* millionths of accesses */
	OPTION_SCAN,	/* millionths of accesses */
	OPTION_LINES,	/* accesses of a page before the next one is scanned */
	OPTION_PERIOD,	/* accesses of a thread */
	OPTION_SIGMA,	/* millionths of pages */
	OPTION_KERNEL,	/* enum workload_kernel */
	OPTION_DEGREE,	/* edges of a vertex */
	OPTION_RECORD,	/* bytes */
	OPTION_LENGTH,	/* records */
	WORKLOAD_OPTIONS,
};

/* Values of scatter=. */
enum workload_scatter {
	SCATTER_NONE, /* hottest first */
	SCATTER_BASE,
	SCATTER_HUGE,
};

/* Values of kernel=. */
enum workload_kernel {
	KERNEL_ALL, /* one after the other */
	KERNEL_COPY,
	KERNEL_SCALE,
	KERNEL_ADD,
	KERNEL_TRIAD,
};

#define MILLION 1000000u

/* An option that a workload takes, and its value where none is given.  Lists end with { 0 }. */
struct workload_default {
	enum workload_option option;
	const char *value;
};

/*
 * Values for all options in takes from "NAME=VALUE,…", which may be empty; workload
 * is for messages.  Returns 0; -EINVAL or -ERANGE with err filled in.
 */
int workload_options_read(const char *text, const char *workload,
			  const struct workload_default *takes, uint64_t *values,
			  struct mpol_error *err);

#endif
