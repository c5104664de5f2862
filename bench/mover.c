/* SPDX-License-Identifier: MIT */
/*
 * The mover against the ways there are to move a process's memory from one node
 * to another: move_pages(2) page by page, migrate_pages(2), which is what
 * numactl's migratepages calls, and one move_pages call for everything, its
 * arrays ready before the clock starts.  Every arm moves the same memory; it is then moved
 * back, unmeasured.  Arms take turns; medians of the rounds are compared.
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mover.h"
#include "nodes.h"
#include "rootfs.h"

#define ROUNDS	     7
#define MEMORY	     (64UL << 20)
#define SINGLE	     2048 /* pages moved one at a time: that takes long */
#define ASKED_NS     10000000ULL
#define MOST_BATCHES 100000
#define PAGES	     (MEMORY / BENCH_PAGE_BYTES)
#define HUGE_PAGES   (MEMORY >> 21)

enum arm { MOVER, SINGLY, MIGRATE, GIANT, NR_ARMS };

static int node_a, node_b;
static double batches[2][MOST_BATCHES]; /* what each took as a multiple of what was asked */
static size_t nr_batches[2];
static int huge; /* the memory at hand is of huge pages */

static void note_batch(uint64_t pages, uint64_t took_ns, void *user)
{
	(void)pages;
	(void)user;
	if (nr_batches[huge] < MOST_BATCHES)
		batches[huge][nr_batches[huge]++] = (double)took_ns / (double)ASKED_NS;
}

static void move_by_mover(const struct sleeper *sleeper)
{
	struct mpol_move_result result = { 0 };
	struct mpol_error error = { 0 };
	int pidfd = (int)syscall(SYS_pidfd_open, sleeper->pid, 0);
	struct mover_request request = {
		.root = rootfs_open(NULL),
		.pid = sleeper->pid,
		.pidfd = pidfd,
		.from = nodemask_of(node_a),
		.to = nodemask_of(node_b),
		.end = UINT64_MAX,
		.batch_ns = ASKED_NS,
		.batch = note_batch,
	};

	if (mover_run(&request, &result, &error) < 0 || result.moved_pages < PAGES) {
		fprintf(stderr, "bench: the mover moved %lu of %lu pages: %s\n",
			(unsigned long)result.moved_pages, PAGES, error.cause);
		exit(1);
	}
	close(request.root);
	close(pidfd);
}

/* move_pages for n units at distance step, in calls of so many.  Returns the time of the calls. */
static double move_raw(const struct sleeper *sleeper, size_t n, size_t step, size_t per_call,
		       int to)
{
	static void *addresses[PAGES];
	static int nodes[PAGES], status[PAGES];
	double start_us;

	for (size_t i = 0; i < n; i++) {
		addresses[i] = sleeper->memory + i * step;
		nodes[i] = to;
		status[i] = -1;
	}
	start_us = now_us();
	for (size_t i = 0; i < n; i += per_call)
		if (syscall(SYS_move_pages, sleeper->pid, per_call, addresses + i, nodes + i,
			    status + i, MPOL_MF_MOVE) != 0)
			die("move_pages");
	return now_us() - start_us;
}

static double move_all(const struct sleeper *sleeper, int to)
{
	size_t step = huge ? 2UL << 20 : BENCH_PAGE_BYTES, n = MEMORY / step;

	return move_raw(sleeper, n, step, n, to);
}

/* One arm; the memory is on node_a before and after.  Returns the time for all of it. */
static double measure(enum arm arm, const struct sleeper *sleeper)
{
	struct nodemask from = nodemask_of(node_a), to = nodemask_of(node_b);
	double start_us = now_us(), took_us = 0;

	switch (arm) {
	case MOVER:
		move_by_mover(sleeper);
		break;
	case SINGLY:
		took_us = move_raw(sleeper, SINGLE, BENCH_PAGE_BYTES, 1, node_b) *
			  ((double)PAGES / SINGLE);
		break;
	case MIGRATE:
		if (syscall(SYS_migrate_pages, sleeper->pid, NODEMASK_KERNEL_MAXNODE, from.bits,
			    to.bits) < 0)
			die("migrate_pages");
		break;
	case GIANT:
		took_us = move_all(sleeper, node_b);
		break;
	case NR_ARMS:
		break;
	}
	if (!took_us)
		took_us = now_us() - start_us;
	move_all(sleeper, node_a);
	return took_us;
}

/* Medians of the arms but for those left out. */
static void measure_rounds(unsigned int left_out, double *ret_medians)
{
	struct sleeper sleeper = start_sleeper(MEMORY, node_a, huge);
	double values[NR_ARMS][ROUNDS];

	for (int round = 0; round < ROUNDS; round++)
		for (int turn = 0; turn < NR_ARMS; turn++) {
			enum arm arm = (enum arm)((turn + round) % NR_ARMS);

			values[arm][round] = left_out >> arm & 1 ? 1 : measure(arm, &sleeper);
		}
	for (int arm = 0; arm < NR_ARMS; arm++)
		ret_medians[arm] = median(values[arm], ROUNDS);
	end_sleeper(&sleeper);
}

int main(void)
{
	double us[NR_ARMS], huge_us[NR_ARMS];

	find_nodes(&node_a, &node_b);
	fprintf(stderr, "mover: %d rounds, %lu MiB from node %d to node %d\n", ROUNDS, MEMORY >> 20,
		node_a, node_b);
	measure_rounds(0, us);
	huge = 1;
	measure_rounds(1U << SINGLY, huge_us);
	fprintf(stderr,
		"mover: us per page: mover %.1f, page at a time %.1f, migrate_pages %.1f, one call "
		"%.1f; huge pages: mover %.0f, migrate_pages %.0f, one call %.0f; %zu and %zu "
		"batches\n",
		us[MOVER] / PAGES, us[SINGLY] / PAGES, us[MIGRATE] / PAGES, us[GIANT] / PAGES,
		huge_us[MOVER] / HUGE_PAGES, huge_us[MIGRATE] / HUGE_PAGES,
		huge_us[GIANT] / HUGE_PAGES, nr_batches[0], nr_batches[1]);
	figure_ratio("mover-single", us[SINGLY] / us[MOVER], "more", 4.5, "page at a time");
	figure_ratio("mover-migratepages", us[MIGRATE] / us[MOVER], "more", 1.3, "migrate_pages");
	figure_ratio("mover-giant", us[MOVER] / us[GIANT], "less", 1.1, "one raw move_pages");
	figure_ratio("mover-batch-p99", quantile(batches[0], nr_batches[0], 0.99), "less", 2,
		     "the time asked for");
	figure_ratio("mover-huge-giant", huge_us[MOVER] / huge_us[GIANT], "less", 1.1,
		     "one raw move_pages");
	figure_ratio("mover-huge-batch-p99", quantile(batches[1], nr_batches[1], 0.99), "less", 2,
		     "the time asked for");
	return 0;
}
