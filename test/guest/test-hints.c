/* SPDX-License-Identifier: MIT */
/*
 * Hints on a machine with a slow node, all memory on which it is at first: a range that is never
 * touched but hinted to be hot goes to fast memory, busy ones that are hinted to be cold or
 * pinned stay; what is taken back counts no more; another mpold, started after one was
 * killed, obeys too; and a table of garbage is ignored, which is said.
 */
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "check.h"
#include "daemon.h"
#include "hint-table.h"

#define PAGE_BYTES 4096UL
#define NR_PAGES   1024 /* of a range */
#define SLOW_NODE  2
#define FAST_NODE  0
#define PATIENCE_S 100
#define ENOUGH	   (NR_PAGES * 95 / 100)
#define FEW	   (NR_PAGES / 20)

enum range { BUSY, BUSY_COLD, BUSY_PINNED, IDLE, IDLE_HOT, NR_RANGES };

static char *ranges[NR_RANGES]; /* in the target, and here before it began */

/* Of both: rounds that the target has made, and what it is asked to do. */
static struct shared {
	atomic_ulong rounds;
	atomic_bool change_mind; /* it becomes false when that is done */
} * shared;

static void declare_all(void)
{
	struct mpol_error error;

	if (mpol_set_vma_hint(ranges[BUSY_COLD], NR_PAGES * PAGE_BYTES, MPOL_HINT_COLD, &error) ||
	    mpol_set_vma_hint(ranges[BUSY_PINNED], NR_PAGES * PAGE_BYTES, MPOL_HINT_PINNED,
			      &error) ||
	    mpol_set_vma_hint(ranges[IDLE_HOT], NR_PAGES * PAGE_BYTES, MPOL_HINT_HOT, &error)) {
		printf("# %s: %s\n", error.step, error.cause);
		_exit(1);
	}
}

static void declare_garbage(void)
{
	const int fd = memfd_create(HINT_TABLE_MEMFD, 0);
	void *table = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(struct hint_table)) == 0)
		table = mmap(NULL, sizeof(struct hint_table), PROT_READ | PROT_WRITE, MAP_SHARED,
			     fd, 0);
	if (table == MAP_FAILED)
		die("a table of garbage");
	memset(table, 0xa5, sizeof(struct hint_table));
}

static void work(void)
{
	for (;;) {
		for (enum range range = BUSY; range <= BUSY_PINNED; range++)
			for (unsigned page = 0; page < NR_PAGES; page++)
				++*(volatile char *)(ranges[range] + page * PAGE_BYTES);
		atomic_fetch_add(&shared->rounds, 1);
		if (!atomic_load(&shared->change_mind))
			continue;
		mpol_clear_vma_hint(ranges[IDLE_HOT], NR_PAGES * PAGE_BYTES, NULL);
		mpol_set_vma_hint(ranges[BUSY_COLD], NR_PAGES * PAGE_BYTES, MPOL_HINT_HOT, NULL);
		atomic_store(&shared->change_mind, false);
	}
}

/* All its memory is on the slow node when this returns. */
static pid_t start_target(void (*declare)(void))
{
	unsigned long slow = 1UL << SLOW_NODE;
	pid_t pid;

	atomic_store(&shared->rounds, 0);
	pid = fork();
	if (pid == 0) {
		syscall(SYS_set_mempolicy, MPOL_BIND, &slow, 65);
		for (enum range range = 0; range < NR_RANGES; range++)
			memset(ranges[range], 1, NR_PAGES * PAGE_BYTES);
		syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
		declare();
		work();
	}
	while (atomic_load(&shared->rounds) < 3)
		usleep(10000);
	return pid;
}

static unsigned count_fast(pid_t pid, enum range range)
{
	return count_off_node(pid, ranges[range], NR_PAGES, SLOW_NODE);
}

static void move_to(pid_t pid, enum range range, int node)
{
	void *addresses[NR_PAGES];
	int status[NR_PAGES], nodes[NR_PAGES];

	for (unsigned page = 0; page < NR_PAGES; page++) {
		addresses[page] = ranges[range] + page * PAGE_BYTES;
		nodes[page] = node;
	}
	syscall(SYS_move_pages, pid, (unsigned long)NR_PAGES, addresses, nodes, status, 0);
}

/* Waits until nearly all pages of a range are in fast memory. */
static bool comes(pid_t pid, enum range range)
{
	unsigned fast = 0;

	for (int i = 0; i < PATIENCE_S * 5 && fast < ENOUGH; i++) {
		usleep(200000);
		fast = count_fast(pid, range);
	}
	printf("# %u of %d pages are in fast memory\n", fast, NR_PAGES);
	return fast >= ENOUGH;
}

static bool stays(pid_t pid, enum range range)
{
	const unsigned fast = count_fast(pid, range);

	printf("# %u of %d pages are in fast memory\n", fast, NR_PAGES);
	return fast <= FEW;
}

static void obeyed(void)
{
	pid_t target = start_target(declare_all), mpold = start_mpold(target, "/tmp/hints.log");

	check(comes(target, BUSY), "a busy range without a hint goes to fast memory");
	check(comes(target, IDLE_HOT), "a range that nobody touches goes there, being hinted hot");
	sleep(3);
	check(stays(target, BUSY_COLD), "a busy range that is hinted cold stays");
	check(stays(target, BUSY_PINNED), "a busy range that is pinned stays");
	check(stays(target, IDLE), "a range that nobody touches stays");
	check(!says("/tmp/hints.log", "table of hints"), "nothing is wrong with its table");

	end(mpold, SIGKILL);
	move_to(target, IDLE_HOT, SLOW_NODE);
	check(stays(target, IDLE_HOT), "the hot range is put back on the slow node");
	move_to(target, BUSY_PINNED, FAST_NODE);
	mpold = start_mpold(target, "/tmp/hints.log");
	check(comes(target, IDLE_HOT), "another mpold brings it to fast memory again");
	check(stays(target, BUSY_COLD), "and leaves the cold one");
	check(count_fast(target, BUSY_PINNED) >= ENOUGH, "and the pinned one, now there");

	atomic_store(&shared->change_mind, true);
	while (atomic_load(&shared->change_mind))
		usleep(10000);
	sleep(2); /* what was decided before has been done */
	move_to(target, IDLE_HOT, SLOW_NODE);
	check(comes(target, BUSY_COLD), "what was cold and is declared hot comes");
	sleep(3);
	check(stays(target, IDLE_HOT), "what was hot, and was taken back, does not come again");
	end(mpold, SIGTERM);
	end(target, SIGKILL);
}

static void ignored(void)
{
	pid_t target = start_target(declare_garbage), mpold = start_mpold(target, "/tmp/hints.log");

	check(comes(target, BUSY), "the pages of a process with a table of garbage go where others'"
				   " do");
	check(comes(target, BUSY_COLD), "all that are busy");
	check(says("/tmp/hints.log", "its table of hints is not used: it does not begin as one"),
	      "that it is not used is said");
	end(mpold, SIGTERM);
	end(target, SIGKILL);
}

int main(void)
{
	stop_numa_balancing();
	shared = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	for (enum range range = 0; range < NR_RANGES; range++) {
		ranges[range] = mmap(NULL, NR_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (ranges[range] == MAP_FAILED)
			die("mmap");
		madvise(ranges[range], NR_PAGES * PAGE_BYTES, MADV_NOHUGEPAGE);
	}
	obeyed();
	ignored();
	return failures != 0;
}
