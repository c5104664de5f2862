/* SPDX-License-Identifier: MIT */
/*
 * Transparent huge pages on a machine with a slow node, where all memory is at first; of each huge
 * page one base page in ten is written all the time.  Whole, they go to fast memory as they are.
 * Split, the busy base pages go there, the others stay, and what the program computes is right.
 * What is joined again is split again, and at last let alone.  Who may not split says so, and an
 * older kernel, too.
 */
#include <linux/capability.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "daemon.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define PAGE_BYTES  4096UL
#define HUGE_BYTES  (512 * PAGE_BYTES)
#define NR_HUGE	    16
#define NR_PAGES    (NR_HUGE * 512)
#define ONE_IN	    10 /* pages is busy */
#define NR_BUSY	    ((NR_PAGES + ONE_IN - 1) / ONE_IN)
#define SLOW_NODE   2
#define PATIENCE_S  120
#define MOST_SPLITS 3 /* mpold(8), HUGE PAGES */
#define LOG	    "/tmp/huge-pages.log"
#define KHUGEPAGED  "/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs"

static char *memory; /* in the target, and here before it began */

static struct shared {
	atomic_ulong rounds, wrong;
} * shared;

/* Every busy page has the number of times that it was written. */
static void work(void)
{
	for (uint64_t wanted = 1;; wanted++) {
		for (unsigned page = 0; page < NR_PAGES; page += ONE_IN) {
			uint64_t *value = (uint64_t *)(memory + page * PAGE_BYTES);

			if (++*(volatile uint64_t *)value != wanted)
				atomic_fetch_add(&shared->wrong, 1);
		}
		atomic_fetch_add(&shared->rounds, 1);
	}
}

static pid_t start_target(void)
{
	unsigned long slow = 1UL << SLOW_NODE;
	pid_t pid;

	atomic_store(&shared->rounds, 0);
	pid = fork();
	if (pid == 0) {
		madvise(memory, NR_HUGE * HUGE_BYTES, MADV_HUGEPAGE);
		syscall(SYS_set_mempolicy, MPOL_BIND, &slow, 65);
		for (unsigned page = 0; page < NR_PAGES; page++)
			*(volatile uint64_t *)(memory + page * PAGE_BYTES) = 0;
		syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
		work();
	}
	while (atomic_load(&shared->rounds) < 2)
		usleep(10000);
	return pid;
}

static pid_t start_splitting(pid_t target, const char *how)
{
	char pid[16];
	pid_t child = fork();

	if (child != 0)
		return child;
	snprintf(pid, sizeof(pid), "%d", target);
	if (!freopen(LOG, "w", stderr))
		_exit(127);
	become_mpold((const char *const[]) { "mpold", "--config", "/dev/null", "--budget", "20%",
					     "--huge-pages", how, "--pid", pid, NULL });
}

/* How many huge pages the process has, by what the kernel says of its whole memory. */
static unsigned count_huge(pid_t pid)
{
	char path[64], line[256];
	unsigned long kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "AnonHugePages: %lu kB", &kib);
	if (file)
		fclose(file);
	return (unsigned)(kib / (HUGE_BYTES / 1024));
}

/* How many of the busy pages, or of all others, are in fast memory. */
static unsigned count_fast(pid_t pid, bool busy)
{
	return count_some_off_node(pid, memory, NR_PAGES, SLOW_NODE,
				   &(struct every) { .divisor = ONE_IN, .others = !busy });
}

static bool busy_come(pid_t pid)
{
	unsigned busy = 0;

	for (int i = 0; i < PATIENCE_S * 5 && busy < NR_BUSY * 95 / 100; i++) {
		usleep(200000);
		busy = count_fast(pid, true);
	}
	printf("# in fast memory: %u of %u busy pages, %u of %u others; %u huge pages\n", busy,
	       (unsigned)NR_BUSY, count_fast(pid, false), (unsigned)(NR_PAGES - NR_BUSY),
	       count_huge(pid));
	return busy >= NR_BUSY * 95 / 100;
}

static void whole_ones(void)
{
	const pid_t target = start_target(), mpold = start_splitting(target, "whole");

	check(busy_come(target), "whole, busy pages go to fast memory");
	check(count_fast(target, false) >= (NR_PAGES - NR_BUSY) * 9 / 10, "and all others along");
	check(count_huge(target) >= NR_HUGE - 1, "huge pages stay whole");
	end(mpold, SIGTERM);
	end(target, SIGKILL);
}

/* As khugepaged does, but now; pages that are just being moved are tried again. */
static bool join(pid_t pid, unsigned nr)
{
	const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct iovec range = { memory + nr * HUGE_BYTES, HUGE_BYTES };
	long r = -1;

	for (int i = 0; i < 100 && r < 0; i++) {
		r = syscall(SYS_process_madvise, pidfd, &range, 1, MADV_COLLAPSE, 0);
		usleep(r < 0 ? 50000 : 0);
	}
	close(pidfd);
	return r == (long)HUGE_BYTES;
}

/* Waits until there are so many huge pages, or for a while. */
static bool becomes(pid_t pid, unsigned nr, int seconds)
{
	for (int i = 0; i < seconds * 5 && count_huge(pid) != nr; i++)
		usleep(200000);
	return count_huge(pid) == nr;
}

static void split_ones(void)
{
	const pid_t target = start_target(), mpold = start_splitting(target, "split");

	check(count_huge(target) >= NR_HUGE - 1, "the process has huge pages");
	check(busy_come(target), "split, busy pages go to fast memory");
	check(count_fast(target, false) <= (NR_PAGES - NR_BUSY) / 20, "and the others do not");
	check(becomes(target, 0, PATIENCE_S), "all huge pages came apart");
	check(says(LOG, "huge pages were split"), "which the log says");
	for (int i = 1; i < MOST_SPLITS; i++) {
		check(join(target, 0), "a huge page is joined again");
		check(becomes(target, 0, PATIENCE_S), "and split again");
	}
	/* The second shows when mpold has looked. */
	check(join(target, 0) && join(target, 1), "joined once more, and another one, too");
	check(becomes(target, 1, PATIENCE_S), "one of both is split again");
	sleep(5);
	check(count_huge(target) == 1, "the other one is let alone");
	check(waitpid(mpold, NULL, WNOHANG) == 0, "mpold goes on");
	check(atomic_load(&shared->wrong) == 0, "the process computes what it should");
	end(mpold, SIGTERM);
	end(target, SIGKILL);
}

static bool refuses(const char *why)
{
	const pid_t mpold = start_splitting(getpid(), "split");
	int status = 0;

	waitpid(mpold, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 1 && says(LOG, why);
}

static bool is_older_than(unsigned major, unsigned minor)
{
	struct utsname name;
	unsigned is_major = 0, is_minor = 0;

	uname(&name);
	sscanf(name.release, "%u.%u", &is_major, &is_minor);
	return is_major < major || (is_major == major && is_minor < minor);
}

int main(void)
{
	stop_numa_balancing();
	put(KHUGEPAGED, "100000000");
	shared = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memory = mmap(NULL, (NR_HUGE + 1) * HUGE_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || memory == MAP_FAILED)
		die("mmap");
	memory += HUGE_BYTES - (uintptr_t)memory % HUGE_BYTES;
	if (is_older_than(6, 7)) {
		check(refuses("as Linux 6.7 does"), "an older kernel is said to be one");
		return failures != 0;
	}
	whole_ones();
	split_ones();
	if (prctl(PR_CAPBSET_DROP, CAP_SYS_NICE, 0, 0, 0) < 0)
		die("prctl");
	check(refuses("CAP_SYS_NICE is missing"), "without the right it is refused");
	return failures != 0;
}
