/* SPDX-License-Identifier: MIT */
/*
 * toucher MIB HOT_MIB NODE: so much memory on a node, of which so much is written all the time:
 * at first its beginning, after each SIGUSR1 the next part.  Says "ready START-END", hexadecimal,
 * when it begins: where its memory is.
 */
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MIB	   (1UL << 20)
#define PAGE_BYTES 4096UL

static volatile sig_atomic_t part;

static void go_on(int signal)
{
	(void)signal;
	part++;
}

int main(int argc, char **argv)
{
	const unsigned long bytes = argc == 4 ? strtoul(argv[1], NULL, 10) * MIB : 0;
	const unsigned long hot = argc == 4 ? strtoul(argv[2], NULL, 10) * MIB : 0;
	unsigned long node = argc == 4 ? 1UL << atoi(argv[3]) : 0;
	char *memory;

	if (!bytes || !hot || hot > bytes) {
		fprintf(stderr, "Usage: toucher MIB HOT_MIB NODE\n");
		return 2;
	}
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || madvise(memory, bytes, MADV_NOHUGEPAGE) < 0 ||
	    syscall(SYS_set_mempolicy, MPOL_BIND, &node, 65) < 0) {
		perror("toucher");
		return 1;
	}
	for (unsigned long at = 0; at < bytes; at += PAGE_BYTES)
		memory[at] = 1;
	syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
	signal(SIGUSR1, go_on);
	printf("ready %lx-%lx\n", (unsigned long)memory, (unsigned long)memory + bytes);
	fflush(stdout);
	for (;;) {
		const unsigned long start = (unsigned long)part * hot % (bytes - bytes % hot);

		for (unsigned long at = 0; at < hot; at += PAGE_BYTES)
			((volatile char *)memory)[start + at]++;
	}
}
