/* SPDX-License-Identifier: MIT */
/*
 * mpold on a machine with a slow node, for two processes that map the same memory, each at another
 * address: what either accesses goes to fast memory, what both access goes there once, and what one
 * has hinted to stay stays for both.
 */
#include <linux/mempolicy.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

#include <mpol/mpol.h>

#include "check.h"
#include "daemon.h"

#define PAGE_BYTES 4096UL
#define NR_PAGES   4096
#define NR_PINNED  512 /* the last ones, by the second process */
#define ONE_IN	   8   /* pages is accessed by one process, another by both */
#define SLOW_NODE  2
#define SOCKET	   "/run/mpold-shared.sock"
#define PATIENCE_S 90
#define SETTLED_S  10

static const struct every by_first = { ONE_IN, 1, false };
static const struct every by_second = { ONE_IN, 2, false };
static const struct every by_both = { ONE_IN, 3, false };

static char *first_memory, *second_memory;

static struct shared {
	atomic_uint nr_ready;
	atomic_int second; /* its process */
} * shared;

static _Noreturn void use_pages(char *memory, const struct every *mine)
{
	char *pinned = memory + (NR_PAGES - NR_PINNED) * PAGE_BYTES;

	for (size_t page = 0; page < NR_PAGES; page++) /* each has its page tables */
		*(volatile char *)(memory + page * PAGE_BYTES);
	if (memory == second_memory &&
	    mpol_set_vma_hint(pinned, NR_PINNED * PAGE_BYTES, MPOL_HINT_PINNED, NULL) < 0)
		_exit(1);
	atomic_fetch_add(&shared->nr_ready, 1);
	for (;;)
		for (size_t page = 0; page < NR_PAGES; page++)
			if (page % ONE_IN == mine->rest || page % ONE_IN == by_both.rest)
				*(volatile char *)(memory + page * PAGE_BYTES);
}

/* The first process, whose child is the second. */
static pid_t start(void)
{
	const pid_t first = fork();

	if (first == 0) {
		const pid_t second = fork();

		if (second == 0)
			use_pages(second_memory, &by_second);
		atomic_store(&shared->second, second);
		use_pages(first_memory, &by_first);
	}
	while (atomic_load(&shared->nr_ready) < 2)
		usleep(10000);
	return first;
}

/* Two mappings of one file, all of it on the slow node. */
static void make_memory(void)
{
	const unsigned long slow = 1UL << SLOW_NODE;
	const size_t bytes = NR_PAGES * PAGE_BYTES;
	const int fd = memfd_create("shared", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
		die("memfd_create");
	first_memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	second_memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	shared = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (first_memory == MAP_FAILED || second_memory == MAP_FAILED || shared == MAP_FAILED)
		die("mmap");
	syscall(SYS_set_mempolicy, MPOL_BIND, &slow, 65);
	memset(first_memory, 1, bytes);
	syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
}

/* Those of the pages that are not hinted which are in fast memory. */
static unsigned count_fast(pid_t pid, const struct every *every)
{
	return count_some_off_node(pid, first_memory, NR_PAGES - NR_PINNED, SLOW_NODE, every);
}

int main(void)
{
	const unsigned part = (NR_PAGES - NR_PINNED) / ONE_IN, enough = part * 9 / 10;
	const struct every all = { 1, 0, false };
	unsigned ones = 0, others = 0, boths = 0, fast;
	unsigned long tried;
	pid_t first, mpold;

	stop_numa_balancing();
	make_memory();
	first = start();
	mpold = start_mpold_for("--tree", first, "--socket=" SOCKET, NULL);
	for (int s = 0; s < PATIENCE_S && (ones < enough || others < enough || boths < enough);
	     s++) {
		sleep(1);
		ones = count_fast(first, &by_first);
		others = count_fast(first, &by_second);
		boths = count_fast(first, &by_both);
	}
	printf("# of %u pages each are fast: the first's %u, the second's %u, both's %u\n", part,
	       ones, others, boths);
	check(ones >= enough, "what the first process accesses goes to fast memory");
	check(others >= enough, "so does what the second does");
	check(boths >= enough, "and what both do");
	sleep(SETTLED_S);
	fast = count_fast(first, &all);
	tried = status_number(SOCKET, "\"tried_pages\":");
	printf("# %u pages are fast, %lu were to be moved\n", fast, tried);
	check(tried >= fast && tried <= fast + fast / 8, "which is moved once, not for each");
	check(count_off_node(first, first_memory + (NR_PAGES - NR_PINNED) * PAGE_BYTES, NR_PINNED,
			     SLOW_NODE) == 0,
	      "what the second has hinted to stay stays");
	end(mpold, SIGTERM);
	kill(atomic_load(&shared->second), SIGKILL);
	end(first, SIGKILL);
	return failures != 0;
}
