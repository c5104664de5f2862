/* SPDX-License-Identifier: MIT */
/*
 * Memory pressure: a process whose cgroup is short of memory (memory.high makes it wait) gets
 * nothing promoted, not even what is hinted to be hot; when it has enough again, it does.
 */
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <mpol/mpol.h>

#include "check.h"
#include "daemon.h"

#define PAGE_BYTES 4096UL
#define NR_PAGES   512
#define SLOW_NODE  2
#define LOG	   "/tmp/pressure.log"
#define CGROUP	   "/sys/fs/cgroup/pressed"

static struct shared {
	atomic_bool ready, hurry; /* hurry: take memory that the cgroup does not have */
} * shared;

static char *memory;

/* Takes a few pages, waits for as long as the cgroup makes it, gives them back. */
static void hurry(void)
{
	const size_t bytes = 512 * PAGE_BYTES;
	char *more = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (more == MAP_FAILED)
		die("mmap");
	munmap(more, bytes);
}

/* Its memory is on the slow node, and is never touched again. */
static pid_t start_target(void)
{
	unsigned long slow = 1UL << SLOW_NODE;
	pid_t pid;

	atomic_store(&shared->ready, false);
	pid = fork();
	if (pid == 0) {
		syscall(SYS_set_mempolicy, MPOL_BIND, &slow, 65);
		memset(memory, 1, NR_PAGES * PAGE_BYTES);
		syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
		if (mpol_set_vma_hint(memory, NR_PAGES * PAGE_BYTES, MPOL_HINT_HOT, NULL) < 0)
			_exit(1);
		atomic_store(&shared->ready, true);
		for (;;) {
			if (atomic_load(&shared->hurry))
				hurry();
			else
				usleep(10000);
		}
	}
	while (!atomic_load(&shared->ready))
		usleep(10000);
	return pid;
}

static unsigned count_fast(pid_t pid)
{
	return count_off_node(pid, memory, NR_PAGES, SLOW_NODE);
}

/* Full avg10 of the cgroup in percent. */
static unsigned pressure(void)
{
	char text[512] = "";
	const int fd = open(CGROUP "/memory.pressure", O_RDONLY);
	unsigned percent = 0;
	const char *full;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		die(CGROUP "/memory.pressure");
	close(fd);
	full = strstr(text, "full avg10=");
	if (full)
		sscanf(full, "full avg10=%u", &percent);
	return percent;
}

int main(void)
{
	pid_t target, mpold;

	stop_numa_balancing();
	shared = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memory = mmap(NULL, NR_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || memory == MAP_FAILED)
		die("mmap");
	madvise(memory, NR_PAGES * PAGE_BYTES, MADV_NOHUGEPAGE);
	make_memory_cgroup(CGROUP);

	target = start_target();
	put_into_cgroup(target, CGROUP);
	put(CGROUP "/memory.high", "64K");
	atomic_store(&shared->hurry, true);
	for (int i = 0; i < 600 && pressure() < 20; i++)
		usleep(100000);
	check(pressure() >= 20, "a cgroup is under pressure");

	mpold = start_mpold(target, LOG);
	for (int i = 0; i < 200 && !says(LOG, "'s cgroup: memory pressure of"); i++)
		usleep(100000);
	check(says(LOG, "'s cgroup: memory pressure of"), "mpold says so");
	sleep(5);
	check(pressure() >= 10 && count_fast(target) == 0,
	      "nothing is promoted, not even what is hinted hot");

	atomic_store(&shared->hurry, false);
	put(CGROUP "/memory.high", "max");
	check(leave_node(target, memory, NR_PAGES, SLOW_NODE), "when there is enough again, it is");
	check(says(LOG, "no memory pressure any more"), "which is said");
	end(mpold, SIGTERM);
	end(target, SIGKILL);
	rmdir(CGROUP);
	return failures != 0;
}
