/* SPDX-License-Identifier: MIT */
/*
 * Chosen pages on a machine with a slow node: what becomes of each is told, also of those around
 * pages that stay where they are (held by a pipe), for which the kernel writes no statuses; and
 * pages that others map are refused to who may not move them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "daemon.h"
#include "move-batch.h"
#include "rootfs.h"

#define PAGE_BYTES 4096UL
#define HUGE_BYTES (512 * PAGE_BYTES)
#define NR_PAGES   1024 /* two huge pages */
#define SLOW_NODE  2
#define FAST_NODE  0

static char *memory;
static int told[NR_PAGES]; /* status; 1: nothing */

static void became(uint64_t address, int node, int status, void *user)
{
	const uint64_t page = (address - (uintptr_t)memory) / PAGE_BYTES;

	(void)user;
	if (page < NR_PAGES && node == FAST_NODE)
		told[page] = status;
}

static unsigned count_told(int status)
{
	unsigned nr = 0;

	for (unsigned page = 0; page < NR_PAGES; page++)
		nr += told[page] == status;
	return nr;
}

static bool is_fast(unsigned page)
{
	void *address = memory + page * PAGE_BYTES;
	int status = -1;

	syscall(SYS_move_pages, 0, 1UL, &address, NULL, &status, 0);
	return status == FAST_NODE;
}

static unsigned count_fast(void)
{
	unsigned nr = 0;

	for (unsigned page = 0; page < NR_PAGES; page++)
		nr += is_fast(page);
	return nr;
}

static void touch_on_slow_node(int advice)
{
	unsigned long slow = 1UL << SLOW_NODE;

	memory = mmap(NULL, NR_PAGES * PAGE_BYTES + HUGE_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("mmap");
	memory += HUGE_BYTES - (uintptr_t)memory % HUGE_BYTES;
	madvise(memory, NR_PAGES * PAGE_BYTES, advice);
	syscall(SYS_set_mempolicy, MPOL_BIND, &slow, 65);
	memset(memory, 1, NR_PAGES * PAGE_BYTES);
	syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
}

/* Moves all pages of this process's memory; returns the errors of all calls. */
static int move_all(int root, struct move_counts *counts)
{
	_cleanup_(move_batch_freep) struct move_batch *batch =
		move_batch_new(root, 1000000000, counts);
	const struct move_batch_process process = {
		.pid = getpid(),
		.pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0),
		.became = became,
	};
	int r = 0;

	for (unsigned page = 0; page < NR_PAGES; page++) {
		const struct move_batch_unit unit = {
			.address = (uintptr_t)memory + page * PAGE_BYTES,
			.pages = 1,
			.from = SLOW_NODE,
			.to = FAST_NODE,
			.reason = PORT_PROMOTE,
		};

		told[page] = 1;
		r |= move_batch_add(batch, &process, &unit);
	}
	r |= move_batch_flush(batch);
	close(process.pidfd);
	return r;
}

/* A reference to the page that moving cannot take over. */
static void pin(const int pipe, unsigned page)
{
	const struct iovec range = { memory + page * PAGE_BYTES, PAGE_BYTES };

	if (vmsplice(pipe, &range, 1, 0) != (ssize_t)PAGE_BYTES)
		die("vmsplice");
}

static void pinned(int root)
{
	struct move_counts counts = { 0 };
	int pipes[2];

	touch_on_slow_node(MADV_NOHUGEPAGE);
	if (pipe(pipes) < 0)
		die("pipe");
	pin(pipes[1], 100);
	pin(pipes[1], 101);
	pin(pipes[1], 900);
	madvise(memory + 300 * PAGE_BYTES, PAGE_BYTES, MADV_DONTNEED);
	madvise(memory + 950 * PAGE_BYTES, PAGE_BYTES, MADV_DONTNEED);
	check(move_all(root, &counts) == 0, "pages that stay are no error");
	printf("# told: %u moved, %u busy, %u gone, nothing of %u; %llu calls\n", count_told(0),
	       count_told(-EBUSY), count_told(-ENOENT), count_told(1),
	       (unsigned long long)counts.calls);
	check(count_told(-EBUSY) == 3 && told[100] == -EBUSY && told[101] == -EBUSY &&
		      told[900] == -EBUSY,
	      "of pinned pages it is told that they are busy");
	check(told[300] == -ENOENT && told[950] == -ENOENT,
	      "of such as are not there that they are gone");
	check(count_told(0) == NR_PAGES - 5, "all others are told to have moved");
	check(count_fast() == NR_PAGES - 5, "and have");
	check(counts.moved_pages == NR_PAGES - 5 && counts.failed_pages[EBUSY] == 3 &&
		      counts.failed_pages[ENOENT] == 2,
	      "and are counted so");
	close(pipes[0]);
	close(pipes[1]);
	munmap(memory, NR_PAGES * PAGE_BYTES);
}

/* Of a huge page that is mapped page by page each is a unit, and all move with the first. */
static void pieces(int root)
{
	struct move_counts counts = { 0 };

	touch_on_slow_node(MADV_HUGEPAGE);
	for (unsigned page = 0; page < NR_PAGES; page += 512) {
		mprotect(memory + page * PAGE_BYTES, PAGE_BYTES, PROT_READ);
		mprotect(memory + page * PAGE_BYTES, PAGE_BYTES, PROT_READ | PROT_WRITE);
	}
	check(move_all(root, &counts) == 0, "pieces of huge pages are moved");
	printf("# told: %u moved, %u busy, nothing of %u; %llu calls\n", count_told(0),
	       count_told(-EBUSY), count_told(1), (unsigned long long)counts.calls);
	check(count_fast() == NR_PAGES, "and have moved");
	check(count_told(0) == NR_PAGES && counts.moved_pages == NR_PAGES,
	      "which is told of each of them");
	munmap(memory, NR_PAGES * PAGE_BYTES);
}

static void shared_by_a_child(int root)
{
	struct move_counts counts = { 0 };
	int status = -1;
	pid_t child;

	touch_on_slow_node(MADV_NOHUGEPAGE);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		if (setuid(65534) < 0)
			die("setuid");
		/* Its own now, and not to be shared. */
		memset(memory + 500 * PAGE_BYTES, 2, 24 * PAGE_BYTES);
		move_all(root, &counts);
		printf("# told: %u not ours to move\n", count_told(-EACCES));
		fflush(stdout);
		_exit(count_told(-EACCES) == NR_PAGES - 24 && told[500] == 0 ? 0 : 1);
	}
	waitpid(child, &status, 0);
	check(status == 0, "pages that others map are refused without CAP_SYS_NICE");
	check(count_fast() == 0, "and stay");
	check(move_all(root, &counts) == 0 && count_fast() == NR_PAGES, "with it they move");
	munmap(memory, NR_PAGES * PAGE_BYTES);
}

int main(void)
{
	const int root = rootfs_open(NULL);

	stop_numa_balancing();
	pinned(root);
	pieces(root);
	shared_by_a_child(root);
	return failures != 0;
}
