/* SPDX-License-Identifier: MIT */
/*
 * The mover with pages of every kind, on a machine with two nodes with memory:
 * huge pages arrive whole, and of what cannot move each page is counted with its
 * reason.  And the redistributor with pages that are in use, for good or for a moment.
 * This process moves its own memory.
 */
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "check.h"
#include "census.h"
#include "nodemask.h"
#include "rootfs.h"

#define HUGE_BYTES (HUGE_PAGES * PAGE_BYTES)
#define PINNED	   16 /* pages: what a pipe holds */

static int root, pidfd;
static unsigned asked; /* how far redistributing is */

/* Memory on node 0, filled. */
static char *fill(size_t bytes, int advice, int flags)
{
	unsigned long node_0 = 1;
	char *memory = mmap(NULL, bytes + HUGE_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (memory == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	memory += -(uintptr_t)memory % HUGE_BYTES;
	if (advice)
		madvise(memory, bytes, advice);
	syscall(SYS_mbind, memory, bytes, MPOL_BIND, &node_0, 65, 0);
	memset(memory, 1, bytes);
	return memory;
}

static struct mpol_move_result move(const char *memory, size_t bytes, int shared)
{
	struct nodemask from = nodemask_of(0), to = nodemask_of(1);
	struct mpol_move_options options = {
		.size = sizeof(options),
		.from = from.bits,
		.to = to.bits,
		.start = (uintptr_t)memory,
		.end = (uintptr_t)memory + bytes,
		.batch_bytes = 1 << 20,
		.include_shared = shared,
	};
	struct mpol_move_result result;
	struct mpol_error error = { 0 };

	if (mpol_process_move(pidfd, &options, &result, &error) < 0)
		printf("# %s: %s\n", error.step, error.cause);
	printf("# wanted %lu moved %lu busy %lu shared %lu no memory %lu gone %lu unmovable %lu "
	       "other %lu in %lu batches\n",
	       result.wanted_pages, result.moved_pages, result.failed_pages[MPOL_MOVE_BUSY],
	       result.failed_pages[MPOL_MOVE_SHARED], result.failed_pages[MPOL_MOVE_NO_MEMORY],
	       result.failed_pages[MPOL_MOVE_GONE], result.failed_pages[MPOL_MOVE_UNMOVABLE],
	       result.failed_pages[MPOL_MOVE_OTHER], result.batches);
	return result;
}

/* Base pages by node of 0 and 1, and those of node 1 that are in huge pages. */
struct count {
	size_t pages[2], huge_there;
};

static int count_run(const struct census_run *run, void *user)
{
	struct count *count = user;
	size_t pages = (run->end - run->start) / PAGE_BYTES;

	if (run->node < 2)
		count->pages[run->node] += pages;
	if (run->node == 1 && run->unit_bytes == HUGE_BYTES)
		count->huge_there += pages;
	return 0;
}

static struct count count(const char *memory, size_t bytes, size_t page_bytes)
{
	struct count count = { 0 };
	struct census_request request = {
		.start = (uintptr_t)memory,
		.end = (uintptr_t)memory + bytes,
		.page_bytes = page_bytes,
		.run = count_run,
		.user = &count,
	};
	struct census *census;

	if (census_open(root, getpid(), 0, &census) < 0 || census_walk(census, &request) != 0)
		exit(1);
	census_close(census);
	return count;
}

static uint64_t sum_failed(const struct mpol_move_result *result)
{
	uint64_t sum = 0;

	for (int i = 0; i < MPOL_MOVE_FAILURES; i++)
		sum += result->failed_pages[i];
	return sum;
}

static void test_huge(void)
{
	const size_t bytes = 8 * HUGE_BYTES, pages = bytes / PAGE_BYTES;
	char *memory = fill(bytes, MADV_HUGEPAGE, MAP_PRIVATE | MAP_ANONYMOUS);
	struct mpol_move_result result;

	/* The last one is mapped by small entries from now on, and its last page is a range
	 * of its own: that goes along with the others, before it is its turn. */
	mprotect(memory + bytes - PAGE_BYTES, PAGE_BYTES, PROT_READ);
	result = move(memory, bytes, 0);
	check(result.moved_pages == pages - 1 && result.wanted_pages == pages - 1,
	      "huge pages move");
	check(count(memory, bytes, PAGE_BYTES).huge_there == pages, "and arrive as huge pages");
	/* Each is larger than batch_bytes: a batch of its own. */
	check(result.batches == 8, "with one address each");
	munmap(memory, bytes);
}

static void write_pool(int node, int pages)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path),
		 "/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/nr_hugepages", node);
	file = fopen(path, "w");
	if (file) {
		fprintf(file, "%d", pages);
		fclose(file);
	}
}

static void test_hugetlb(void)
{
	const size_t bytes = 4 * HUGE_BYTES, pages = bytes / PAGE_BYTES;
	struct mpol_move_result result;
	struct count now;
	char *memory;

	write_pool(0, 6);
	write_pool(1, 4);
	memory = fill(bytes, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB);
	result = move(memory, bytes, 0);
	now = count(memory, bytes, HUGE_BYTES);
	check(result.wanted_pages == pages && result.moved_pages == pages,
	      "hugetlbfs's pages move");
	check(now.pages[1] == pages && now.pages[0] == 0, "and are there");
	munmap(memory, bytes);
	write_pool(0, 0);
	write_pool(1, 0);
}

/* A pipe keeps references to pages: those cannot move. */
static void test_pinned(int advice, size_t expected_busy, const char *sentence)
{
	const size_t bytes = 4 * HUGE_BYTES, pages = bytes / PAGE_BYTES;
	char *memory = fill(bytes, advice, MAP_PRIVATE | MAP_ANONYMOUS);
	struct iovec iov = { memory + HUGE_BYTES, PINNED * PAGE_BYTES };
	struct mpol_move_result result;
	struct count now;
	int ends[2];

	if (pipe(ends) < 0 || vmsplice(ends[1], &iov, 1, 0) != (ssize_t)iov.iov_len)
		exit(1);
	result = move(memory, bytes, 0);
	now = count(memory, bytes, PAGE_BYTES);
	check(result.failed_pages[MPOL_MOVE_BUSY] == expected_busy &&
		      result.moved_pages == pages - expected_busy &&
		      sum_failed(&result) == expected_busy,
	      sentence);
	check(now.pages[0] == expected_busy && now.pages[1] == pages - expected_busy,
	      "what is counted as moved is there, and nothing else");
	close(ends[0]);
	close(ends[1]);
	munmap(memory, bytes);
}

/* ---- Redistributing ------------------------------------------------------------------ */

/* The second look at how far it is comes when what could move has. */
static int let_go(uint64_t done_pages, uint64_t all_pages, void *user)
{
	static char left[PINNED * PAGE_BYTES];
	const int *end = user;

	(void)done_pages;
	(void)all_pages;
	if (asked++ == 1 && read(*end, left, sizeof(left)) != (ssize_t)sizeof(left))
		exit(1);
	return 0;
}

/* Memory on node 0 that is to be on those nodes, with pages in a pipe; momentary: not for long. */
static struct mpol_rebalance_result rebalance(int advice, int mode, unsigned long nodes,
					      bool momentary)
{
	const size_t bytes = 4 * HUGE_BYTES;
	char *memory = fill(bytes, advice, MAP_PRIVATE | MAP_ANONYMOUS);
	struct iovec iov = { memory + bytes - PINNED * PAGE_BYTES, PINNED * PAGE_BYTES };
	struct mpol_rebalance_options options = {
		.size = sizeof(options),
		.start = (uintptr_t)memory,
		.end = (uintptr_t)memory + bytes,
		.progress = momentary ? let_go : NULL,
	};
	struct mpol_rebalance_result result;
	struct mpol_error error = { 0 };
	struct count now;
	int ends[2];

	if (pipe2(ends, O_NONBLOCK) < 0 || vmsplice(ends[1], &iov, 1, 0) != (ssize_t)iov.iov_len)
		exit(1);
	syscall(SYS_mbind, memory, bytes, mode, &nodes, 65, 0);
	options.user = &ends[0];
	asked = 0;
	if (mpol_process_rebalance(pidfd, &options, &result, &error) < 0)
		printf("# %s: %s\n", error.step, error.cause);
	now = count(memory, bytes, PAGE_BYTES);
	printf("# least %lu moved %lu busy %lu other %lu, now %zu and %zu\n", result.least_pages,
	       result.moved_pages, result.failed_pages[MPOL_MOVE_BUSY],
	       result.failed_pages[MPOL_MOVE_OTHER], now.pages[0], now.pages[1]);
	check(now.pages[1] == result.moved_pages && result.after_pages[1] == now.pages[1] &&
		      result.after_pages[0] == now.pages[0] &&
		      result.before_pages[0] == bytes / PAGE_BYTES,
	      "what is counted as moved is there, and nothing else");
	close(ends[0]);
	close(ends[1]);
	munmap(memory, bytes);
	return result;
}

static void test_busy(int advice, size_t expected_busy)
{
	struct mpol_rebalance_result result = rebalance(advice, MPOL_BIND, 2, false);

	check(result.failed_pages[MPOL_MOVE_BUSY] == expected_busy &&
		      result.moved_pages == result.least_pages - expected_busy,
	      "all must go: what is in use for good stays, and is counted once");
	result = rebalance(advice, MPOL_BIND, 2, true);
	check(result.failed_pages[MPOL_MOVE_BUSY] == 0 && result.moved_pages == result.least_pages,
	      "what is in use for a moment goes a moment later");
	result = rebalance(advice, MPOL_INTERLEAVE, 3, true);
	check(result.failed_pages[MPOL_MOVE_BUSY] == 0 && result.moved_pages == result.least_pages,
	      "half must go: so much goes, and no more");
}

static void test_shared(void)
{
	const size_t bytes = HUGE_BYTES, pages = bytes / PAGE_BYTES;
	char *memory = fill(bytes, MADV_NOHUGEPAGE, MAP_PRIVATE | MAP_ANONYMOUS);
	struct mpol_move_result result;
	pid_t child = fork();

	if (child == 0) {
		for (;;)
			pause();
	}
	/* These are this process's own again. */
	memset(memory, 2, bytes / 4);
	result = move(memory, bytes, 0);
	check(result.failed_pages[MPOL_MOVE_SHARED] == pages - pages / 4 &&
		      sum_failed(&result) == pages - pages / 4 && result.moved_pages == pages / 4,
	      "pages shared with another process stay, and are counted");
	result = move(memory, bytes, 1);
	check(result.wanted_pages == pages - pages / 4 && result.moved_pages == result.wanted_pages,
	      "and move when asked for");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	munmap(memory, bytes);
}

int main(void)
{
	struct nodemask memory;

	setvbuf(stdout, NULL, _IOLBF, 0);
	root = rootfs_open(NULL);
	pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (rootfs_read_nodes(root, &memory, "sys/devices/system/node/has_memory") < 0 ||
	    !nodemask_test(&memory, 0) || !nodemask_test(&memory, 1)) {
		puts("needs nodes 0 and 1 with memory");
		return 77;
	}
	test_huge();
	test_hugetlb();
	test_pinned(MADV_NOHUGEPAGE, PINNED, "pinned pages are counted as busy, exactly");
	test_pinned(MADV_HUGEPAGE, HUGE_PAGES, "a huge page with pinned pages stays as a whole");
	test_shared();
	test_busy(MADV_NOHUGEPAGE, PINNED);
	test_busy(MADV_HUGEPAGE, HUGE_PAGES);
	return failures != 0;
}
