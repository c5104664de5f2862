/* SPDX-License-Identifier: MIT */
/*
 * The census against asking move_pages(2) for every page of the same memory, in
 * one call: from opening it until the last run is handed out, against the call
 * and filling its array of addresses.  Their answers must be the same.  Arms take turns;
 * medians of the rounds are compared.
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "census.h"
#include "nodes.h"
#include "rootfs.h"

#define ROUNDS 15
#define MEMORY (256UL << 20)
#define PAGES  (MEMORY / BENCH_PAGE_BYTES)

static int root, node_a, node_b;
static int counted[PAGES];  /* as the census answers */
static int answered[PAGES]; /* as move_pages does */
static void *addresses[PAGES];
static const char *memory;

static struct census_run runs[PAGES];
static size_t nr_runs;

static int note_run(const struct census_run *run, void *user)
{
	(void)user;
	runs[nr_runs++] = *run;
	return 0;
}

static void expand_runs(void)
{
	for (size_t i = 0; i < PAGES; i++)
		counted[i] = -1;
	for (size_t i = 0; i < nr_runs; i++)
		for (uint64_t at = runs[i].start; at < runs[i].end; at += BENCH_PAGE_BYTES)
			counted[(at - (uintptr_t)memory) / BENCH_PAGE_BYTES] = runs[i].node;
}

static double count(pid_t pid)
{
	struct census_request request = {
		.start = (uintptr_t)memory,
		.end = (uintptr_t)memory + MEMORY,
		.page_bytes = BENCH_PAGE_BYTES,
		.run = note_run,
	};
	struct census *census;
	double start_us;

	nr_runs = 0;
	start_us = now_us();
	if (census_open(root, pid, 0, &census) < 0 || census_walk(census, &request) != 0)
		die("census");
	census_close(census);
	return now_us() - start_us;
}

static double query(pid_t pid)
{
	double start_us = now_us();

	for (size_t i = 0; i < PAGES; i++)
		addresses[i] = (char *)memory + i * BENCH_PAGE_BYTES;
	if (syscall(SYS_move_pages, pid, PAGES, addresses, NULL, answered, 0) < 0)
		die("move_pages");
	return now_us() - start_us;
}

/* Every third page to the other node, and so runs of one or two pages. */
static void scatter(pid_t pid)
{
	size_t n = 0;

	for (size_t i = 0; i < PAGES; i += 3, n++) {
		addresses[n] = (char *)memory + i * BENCH_PAGE_BYTES;
		counted[n] = node_b;
	}
	if (syscall(SYS_move_pages, pid, n, addresses, counted, answered, MPOL_MF_MOVE) != 0)
		die("move_pages");
}

/* How many times faster the census is.  *ret_different: pages with different answers. */
static double compare(pid_t pid, size_t *ret_different)
{
	double census_us[ROUNDS], query_us[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		census_us[i] = count(pid);
		query_us[i] = query(pid);
		expand_runs();
		for (size_t page = 0; page < PAGES; page++)
			*ret_different +=
				counted[page] != (answered[page] < 0 ? -1 : answered[page]);
	}
	fprintf(stderr, "census: us per page: census %.3f, move_pages %.3f\n",
		median(census_us, ROUNDS) / PAGES, median(query_us, ROUNDS) / PAGES);
	return median(query_us, ROUNDS) / median(census_us, ROUNDS);
}

int main(void)
{
	struct sleeper sleeper;
	size_t different = 0;
	double whole, scattered, huge;

	root = rootfs_open(NULL);
	find_nodes(&node_a, &node_b);
	memset(answered, 0, sizeof(answered));
	fprintf(stderr, "census: %d rounds, %lu MiB on nodes %d and %d\n", ROUNDS, MEMORY >> 20,
		node_a, node_b);
	sleeper = start_sleeper(MEMORY, node_a, 0);
	memory = sleeper.memory;
	whole = compare(sleeper.pid, &different);
	scatter(sleeper.pid);
	scattered = compare(sleeper.pid, &different);
	end_sleeper(&sleeper);
	sleeper = start_sleeper(MEMORY, node_a, 1);
	memory = sleeper.memory;
	huge = compare(sleeper.pid, &different);
	end_sleeper(&sleeper);

	figure_ratio("census-one-node", whole, "more", 4, "move_pages queries");
	figure_ratio("census-scattered", scattered, "more", 4, "move_pages queries");
	figure_ratio("census-huge", huge, "more", 4, "move_pages queries");
	printf("{\"name\": \"census-different\", \"value\": %zu, \"unit\": \"pages\", \"goal\": 0, "
	       "\"better\": \"less\"}\n",
	       different);
	return 0;
}
