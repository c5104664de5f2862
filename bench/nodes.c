/* SPDX-License-Identifier: MIT */
/* What measurements with several nodes share: see nodes.h. */
#include "nodes.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nodemask.h"
#include "rootfs.h"

#define HUGE_BYTES (2UL << 20)

void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double quantile(double *values, size_t count, double share)
{
	qsort(values, count, sizeof(*values), compare);
	return values[(size_t)((double)(count - 1) * share)];
}

double median(double *values, int count)
{
	return quantile(values, (size_t)count, 0.5);
}

void figure_ratio(const char *name, double value, const char *better, double goal, const char *peer)
{
	printf("{\"name\": \"%s\", \"value\": %.3g, \"unit\": \"x\", \"goal\": %g, "
	       "\"better\": \"%s\", \"peer\": 1, \"peer_name\": \"%s\"}\n",
	       name, value, goal, better, peer);
}

void find_nodes(int *ret_a, int *ret_b)
{
	int root = rootfs_open(NULL);
	struct nodemask nodes;

	if (root < 0 || rootfs_read_nodes(root, &nodes, "sys/devices/system/node/has_memory") < 0 ||
	    nodemask_weight(&nodes) < 2) {
		fprintf(stderr, "bench: needs two nodes with memory\n");
		exit(1);
	}
	close(root);
	*ret_a = nodemask_next(&nodes, 0);
	*ret_b = nodemask_next(&nodes, *ret_a + 1);
}

static char *map_on(size_t bytes, int node, int huge)
{
	struct nodemask nodes = nodemask_of(node);
	char *memory = mmap(NULL, bytes + HUGE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	memory += -(uintptr_t)memory % HUGE_BYTES;
	madvise(memory, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (syscall(SYS_mbind, memory, bytes, MPOL_PREFERRED, nodes.bits, NODEMASK_KERNEL_MAXNODE,
		    0) < 0)
		die("mbind");
	return memory;
}

struct sleeper start_sleeper(size_t bytes, int node, int huge)
{
	/* Mapped here and touched there: so both know the address. */
	struct sleeper sleeper = { .memory = map_on(bytes, node, huge), .bytes = bytes };
	int ready[2];
	char c = 0;

	if (pipe(ready) < 0)
		die("pipe");
	sleeper.pid = fork();
	if (sleeper.pid < 0)
		die("fork");
	if (sleeper.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Not all zero: a huge page of zeros may vanish when it is split. */
		memset(sleeper.memory, 1, bytes);
		if (write(ready[1], &c, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		die("start the process to move");
	close(ready[0]);
	return sleeper;
}

void end_sleeper(const struct sleeper *sleeper)
{
	kill(sleeper->pid, SIGKILL);
	waitpid(sleeper->pid, NULL, 0);
}
