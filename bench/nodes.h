/* SPDX-License-Identifier: MIT */
/* What measurements with several nodes share: a process with memory on one of them, medians. */
#ifndef BENCH_NODES_H
#define BENCH_NODES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_PAGE_BYTES 4096UL

/* Says what failed, with errno, and exits. */
void die(const char *what) __attribute__((noreturn));

double now_us(void);
double median(double *values, int count);

/* The value that a share of the others is below. */
double quantile(double *values, size_t count, double share);

/* Prints a figure (tools/bench) whose peer's value is 1. */
void figure_ratio(const char *name, double value, const char *better, double goal,
		  const char *peer);

/* The two lowest nodes with memory; exits where there are none. */
void find_nodes(int *ret_a, int *ret_b);

/* A sleeping child with memory of its own. */
struct sleeper {
	pid_t pid;
	char *memory;
	size_t bytes;
};

/* Starts one; its memory is of base pages, or of transparent huge pages. */
struct sleeper start_sleeper(size_t bytes, int node, int huge);
void end_sleeper(const struct sleeper *sleeper);

#endif
