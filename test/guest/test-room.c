/* SPDX-License-Identifier: MIT */
/*
 * Room: of fast nodes that somebody else has nearly filled no more is taken than down to their high
 * watermarks, however much is hinted to be hot; when there is room again, it comes.
 */
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <mpol/mpol.h>

#include "check.h"
#include "daemon.h"
#include "room.h"

#define PAGE_BYTES 4096UL
#define NR_PAGES   32768 /* 128 MiB: more than is left of the fast nodes */
#define NR_FAST	   2	 /* nodes 0 and 1 */
#define SLOW_NODE  2
#define LEFT_PAGES 8192 /* above the high watermark of each */
#define WATCHED_MS 20000
#define LOG	   "/tmp/room.log"

static atomic_bool *is_ready;
static char *memory;
static int root;

/* Its memory is on the slow node, hinted hot, and is never touched again. */
static pid_t start_target(void)
{
	const unsigned long slow = 1UL << SLOW_NODE;
	const pid_t pid = fork();

	if (pid == 0) {
		syscall(SYS_set_mempolicy, MPOL_BIND, &slow, 65);
		memset(memory, 1, NR_PAGES * PAGE_BYTES);
		syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
		if (mpol_set_vma_hint(memory, NR_PAGES * PAGE_BYTES, MPOL_HINT_HOT, NULL) < 0)
			_exit(1);
		atomic_store(is_ready, true);
		for (;;)
			pause();
	}
	while (!atomic_load(is_ready))
		usleep(10000);
	return pid;
}

/* Takes a node's memory until so many pages are free. */
static void fill(int node, uint64_t left_pages)
{
	const unsigned long only = 1UL << node;
	const uint64_t free_pages = room_pages(root, node, 0, ROOM_FREE);
	const size_t bytes = free_pages > left_pages ? (free_pages - left_pages) * PAGE_BYTES : 0;
	char *taken = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (taken == MAP_FAILED || syscall(SYS_mbind, taken, bytes, MPOL_BIND, &only, 65, 0) < 0)
		die("mbind");
	madvise(taken, bytes, MADV_NOHUGEPAGE);
	memset(taken, 1, bytes);
}

/* Somebody who is not managed, and whose memory cannot go anywhere. */
static pid_t start_hog(const struct room_watermarks *marks)
{
	pid_t pid;

	atomic_store(is_ready, false);
	pid = fork();
	if (pid == 0) {
		for (int node = 0; node < NR_FAST; node++)
			fill(node, marks[node].high_pages + LEFT_PAGES);
		atomic_store(is_ready, true);
		for (;;)
			pause();
	}
	while (!atomic_load(is_ready))
		usleep(10000);
	return pid;
}

/* What is read from disk for mpold is there then. */
static void start_once(pid_t target)
{
	const pid_t mpold = start_mpold_for("--pid", target, "--dry-run", LOG);

	while (!says(LOG, "would promote"))
		usleep(10000);
	end(mpold, SIGTERM);
}

/* The fewest pages that any fast node has above its low watermark for a while; negative: below. */
static int64_t watch_least(const struct room_watermarks *marks)
{
	int64_t least_pages = INT64_MAX;

	for (int ms = 0; ms < WATCHED_MS; ms += 10, usleep(10000))
		for (int node = 0; node < NR_FAST; node++) {
			const int64_t above = (int64_t)room_pages(root, node, 0, ROOM_FREE) -
					      (int64_t)marks[node].low_pages;

			least_pages = above < least_pages ? above : least_pages;
		}
	return least_pages;
}

/* From the low watermark to the high one, where that is least. */
static int64_t gap_pages(const struct room_watermarks *marks)
{
	int64_t gap = INT64_MAX;

	for (int node = 0; node < NR_FAST; node++) {
		const int64_t of = (int64_t)(marks[node].high_pages - marks[node].low_pages);

		gap = of < gap ? of : gap;
	}
	return gap;
}

int main(void)
{
	struct room_watermarks marks[NR_FAST];
	pid_t target, hog, mpold;
	int64_t least_pages;
	unsigned fast;

	stop_numa_balancing();
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	is_ready =
		mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memory = mmap(NULL, NR_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (is_ready == MAP_FAILED || memory == MAP_FAILED)
		die("mmap");
	madvise(memory, NR_PAGES * PAGE_BYTES, MADV_NOHUGEPAGE);
	for (int node = 0; node < NR_FAST; node++)
		marks[node] = room_watermarks(root, node);

	/* Free pages that a CPU has set aside are not among those that a node has. */
	put("/proc/sys/vm/percpu_pagelist_high_fraction", "100000");
	target = start_target();
	start_once(target);
	hog = start_hog(marks);
	mpold = start_mpold(target, LOG);
	least_pages = watch_least(marks);
	fast = count_off_node(target, memory, NR_PAGES, SLOW_NODE);
	printf("# %u pages were promoted; fast nodes had %ld pages above their low watermarks\n",
	       fast, (long)least_pages);
	check(fast > LEFT_PAGES, "what there is room for is promoted");
	/* Others take some of it, too. */
	check(least_pages >= 0 && least_pages > gap_pages(marks) / 2,
	      "and no more than watermarks allow");
	end(hog, SIGKILL);
	check(leave_node(target, memory, NR_PAGES, SLOW_NODE),
	      "when there is more room, the rest is");
	end(mpold, SIGTERM);
	end(target, SIGKILL);
	return failures != 0;
}
