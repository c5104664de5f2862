/* SPDX-License-Identifier: MIT */
/*
 * mpold on a machine with a slow node: pages that a process writes, or only reads, all the time,
 * scattered among others, go to fast memory and the others stay; other pages become hot, and
 * follow; the process computes what it should meanwhile; and mpold goes when it is told to, or when
 * the process ends.
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "daemon.h"

#define PAGE_BYTES 4096UL
#define NR_PAGES   16384 /* 64 MiB */
#define ONE_IN	   16	 /* pages is hot */
#define SLOW_NODE  2
#define PATIENCE_S 100
#define CGROUP	   "/sys/fs/cgroup/alone"

/* Of both processes: which pages are hot, how many rounds were made, and wrong values. */
static struct shared {
	atomic_uint hot; /* pages n with n % ONE_IN == hot; ONE_IN: none */
	atomic_bool only_read;
	atomic_ulong rounds, wrong;
} * shared;

static char *memory;

/* Every hot page has the number of times that it was written; or it is only looked at. */
static void use_hot_pages(void)
{
	static uint64_t wanted[NR_PAGES];

	for (;;) {
		for (unsigned page = atomic_load(&shared->hot); page < NR_PAGES; page += ONE_IN) {
			uint64_t *value = (uint64_t *)(memory + page * PAGE_BYTES);

			if (*value != wanted[page])
				atomic_fetch_add(&shared->wrong, 1);
			if (!atomic_load(&shared->only_read))
				*value = ++wanted[page];
		}
		atomic_fetch_add(&shared->rounds, 1);
	}
}

static pid_t start_target(void)
{
	unsigned long slow = 1UL << SLOW_NODE;
	pid_t pid;

	memory = mmap(NULL, NR_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	shared = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || shared == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	pid = fork();
	if (pid != 0)
		return pid;
	madvise(memory, NR_PAGES * PAGE_BYTES, MADV_NOHUGEPAGE);
	syscall(SYS_set_mempolicy, MPOL_BIND, &slow, 65);
	for (unsigned page = 0; page < NR_PAGES; page++)
		*(volatile uint64_t *)(memory + page * PAGE_BYTES) = 0;
	syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
	use_hot_pages();
	return 0;
}

/* How many of the pages that are hot, or of all others, are not on the slow node. */
static unsigned count_fast(pid_t pid, unsigned hot, int others)
{
	return count_some_off_node(pid, memory, NR_PAGES, SLOW_NODE,
				   &(struct every) { ONE_IN, hot, others });
}

static void pause_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

/* Waits until nearly all hot pages are in fast memory. */
static unsigned await_hot(pid_t pid, unsigned hot)
{
	const unsigned enough = NR_PAGES / ONE_IN * 95 / 100;
	unsigned fast = 0;

	for (int i = 0; i < PATIENCE_S * 5 && fast < enough; i++) {
		pause_ms(200);
		fast = count_fast(pid, hot, 0);
	}
	printf("# %u of %u hot pages are in fast memory, and %u others\n", fast, NR_PAGES / ONE_IN,
	       count_fast(pid, hot, 1));
	return fast >= enough;
}

static int ends(pid_t pid)
{
	int status = -1;

	for (int i = 0; i < PATIENCE_S * 10; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		pause_ms(100);
	}
	return 0;
}

int main(void)
{
	pid_t target, mpold;
	unsigned long rounds;

	stop_numa_balancing();
	target = start_target();

	while (atomic_load(&shared->rounds) < 3)
		pause_ms(10);
	check(count_fast(target, 0, 0) == 0, "all hot pages are on the slow node at first");
	mpold = start_mpold_for("--pid", target, "--dry-run", NULL);
	pause_ms(5000);
	kill(mpold, SIGTERM);
	check(ends(mpold) && count_fast(target, 0, 0) == 0, "a dry run moves nothing");

	mpold = start_mpold_for("--pid", target, NULL, NULL);
	check(await_hot(target, 0), "hot pages go to fast memory");
	check(count_fast(target, 0, 1) < NR_PAGES / 20, "others stay");
	atomic_store(&shared->hot, 7);
	check(await_hot(target, 7), "pages that become hot follow");
	atomic_store(&shared->only_read, true);
	atomic_store(&shared->hot, 11);
	check(await_hot(target, 11), "pages that are only read follow");

	kill(mpold, SIGTERM);
	check(ends(mpold), "told to end, mpold ends");
	rounds = atomic_load(&shared->rounds);
	pause_ms(500);
	check(atomic_load(&shared->rounds) > rounds, "the process goes on");

	mpold = start_mpold_for("--pid", target, "--tracker=soft-dirty", NULL);
	atomic_store(&shared->only_read, false);
	atomic_store(&shared->hot, 3);
	check(await_hot(target, 3), "soft-dirty bits show pages that are written");
	kill(mpold, SIGKILL);
	waitpid(mpold, NULL, 0);
	rounds = atomic_load(&shared->rounds);
	pause_ms(500);
	check(atomic_load(&shared->rounds) > rounds, "it goes on where mpold was killed");
	check(atomic_load(&shared->wrong) == 0, "it read what it had written");

	make_memory_cgroup(CGROUP);
	put_into_cgroup(target, CGROUP);
	mpold = start_mpold_for("--pid", target, "--tracker=mglru", NULL);
	atomic_store(&shared->only_read, true);
	atomic_store(&shared->hot, 9);
	check(await_hot(target, 9), "generations show pages that are only read");
	kill(mpold, SIGTERM);
	check(ends(mpold), "told to end, mpold that ages ends");

	mpold = start_mpold_for("--pid", target, NULL, NULL);
	atomic_store(&shared->hot, 5);
	await_hot(target, 5);
	kill(target, SIGKILL);
	waitpid(target, NULL, 0);
	check(ends(mpold), "mpold ends with the last process");
	return failures != 0;
}
