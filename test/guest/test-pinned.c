/* SPDX-License-Identifier: MIT */
/*
 * mpold on a machine with a slow node, for a process that accesses pages there all the time which
 * pipes hold: they are tried twice at most, and all others go to fast memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>

#include "check.h"
#include "daemon.h"

#define PAGE_BYTES 4096UL
#define NR_PAGES   1024
#define NR_PINNED  8 /* the first ones; a pipe holds 16 */
#define SLOW_NODE  2
#define SOCKET	   "/run/mpold-pinned.sock"
#define PATIENCE_S 90
#define WATCHED_S  20 /* a page that could not be moved rests for some 14 s */

static char *memory;

static _Noreturn void use_pages(void)
{
	const unsigned long slow = 1UL << SLOW_NODE;
	const struct iovec pinned = { memory, NR_PINNED * PAGE_BYTES };
	int pipes[2];

	madvise(memory, NR_PAGES * PAGE_BYTES, MADV_NOHUGEPAGE);
	syscall(SYS_set_mempolicy, MPOL_BIND, &slow, 65);
	memset(memory, 1, NR_PAGES * PAGE_BYTES);
	syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
	if (pipe(pipes) < 0 || vmsplice(pipes[1], &pinned, 1, 0) != (ssize_t)pinned.iov_len)
		die("vmsplice");
	for (;;)
		for (unsigned page = 0; page < NR_PAGES; page++)
			*(volatile char *)(memory + page * PAGE_BYTES);
}

/* How many attempts have found a page busy. */
static unsigned long busy_pages(void)
{
	return status_number(SOCKET, "\"EBUSY\":");
}

int main(void)
{
	const struct every pinned = { NR_PAGES, 0, false };
	unsigned long busy = 0;
	unsigned fast = 0;
	pid_t target, mpold;

	stop_numa_balancing();
	memory = mmap(NULL, NR_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("mmap");
	target = fork();
	if (target == 0)
		use_pages();
	sleep(2);
	mpold = start_mpold_for("--pid", target, "--socket=" SOCKET, NULL);
	for (int s = 0; s < PATIENCE_S && (busy < 2UL * NR_PINNED || fast < NR_PAGES * 9 / 10);
	     s++) {
		sleep(1);
		busy = busy_pages();
		fast = count_off_node(target, memory, NR_PAGES, SLOW_NODE);
	}
	printf("# %u of %u pages are in fast memory, %lu attempts found one busy\n", fast, NR_PAGES,
	       busy);
	check(fast >= NR_PAGES * 9 / 10, "pages that are not pinned go to fast memory");
	check(busy == 2UL * NR_PINNED, "pinned ones are tried twice");
	sleep(WATCHED_S);
	check(busy_pages() == 2UL * NR_PINNED, "and not again");
	check(count_some_off_node(target, memory, NR_PAGES, SLOW_NODE, &pinned) == 0,
	      "they stay where they are");
	end(mpold, SIGTERM);
	end(target, SIGKILL);
	return failures != 0;
}
