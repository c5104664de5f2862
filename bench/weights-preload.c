/* SPDX-License-Identifier: MIT */
/*
 * What libmpol-preload.so costs: taking memory, writing to all of its pages and giving it back, by
 * mmap(2) as the program calls it (striped 3:1 over two nodes) and by the system call itself (as
 * without the library), in turns in one process; the median of each.
 *
 * On a machine with one node the two nodes are made up (made-up/nodes.c): memory gets the
 * same calls and the same ranges, only that all of it is on node 0.  So what is measured is their
 * cost, and not that of a node that is slower.
 */
#include <dlfcn.h>
#include <linux/mempolicy.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#define MIB	  (1UL << 20)
#define PAGE	  4096UL
#define GOAL	  1.5
#define LIBRARIES "/src/preload/libmpol-preload.so"
#define NODES	  "/bench/made-up/libnodes.so"
#define NR_SMALL  400000
#define NR_KEPT	  64
#define MOST	  301

struct arm {
	void *(*map)(size_t bytes);
	void (*unmap)(void *memory, size_t bytes);
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *map_plain(size_t bytes)
{
	return (void *)syscall(SYS_mmap, NULL, bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
}

static void unmap_plain(void *memory, size_t bytes)
{
	syscall(SYS_munmap, memory, bytes);
}

static void *map_striped(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void unmap_striped(void *memory, size_t bytes)
{
	munmap(memory, bytes);
}

static const struct arm plain = { map_plain, unmap_plain };
static const struct arm striped = { map_striped, unmap_striped };

static uint64_t use_ns(const struct arm *arm, size_t bytes)
{
	const uint64_t began_ns = clock_now_ns();
	char *memory = arm->map(bytes);

	if (memory == MAP_FAILED)
		die("mmap");
	for (size_t at = 0; at < bytes; at += PAGE)
		((volatile char *)memory)[at] = 1;
	arm->unmap(memory, bytes);
	return clock_now_ns() - began_ns;
}

static int compare(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static uint64_t median(uint64_t *values, size_t nr)
{
	qsort(values, nr, sizeof(values[0]), compare);
	return values[nr / 2];
}

static void print_figure(const char *name, uint64_t with, uint64_t without)
{
	printf("{\"name\": \"preload-%s\", \"value\": %.3f, \"unit\": \"x\", \"goal\": %g, "
	       "\"better\": \"less\"}\n",
	       name, (double)with / (double)without, GOAL);
}

static void measure_size(const char *pages, size_t bytes)
{
	static uint64_t without[MOST], with[MOST];
	const size_t fits = 2048 * MIB / bytes, nr = fits < 7 ? 7 : fits < MOST ? fits : MOST;
	char name[64];

	use_ns(&plain, bytes);
	use_ns(&striped, bytes);
	for (size_t i = 0; i < nr; i++) {
		without[i] = use_ns(&plain, bytes);
		with[i] = use_ns(&striped, bytes);
	}
	snprintf(name, sizeof(name), "mmap-%s-%zum", pages, bytes / MIB);
	print_figure(name, median(with, nr), median(without, nr));
}

/* ---- Small chunks ---------------------------------------------------------------------- */

struct allocator {
	void *(*take)(size_t bytes);
	void (*give)(void *memory);
};

/* Chunks of a few sizes, some of which are kept for a while. */
static uint64_t small_ns(const struct allocator *allocator)
{
	void *kept[NR_KEPT] = { NULL };
	const uint64_t began_ns = clock_now_ns();

	for (size_t i = 0; i < NR_SMALL; i++) {
		allocator->give(kept[i % NR_KEPT]);
		kept[i % NR_KEPT] = allocator->take(16 + i * 7 % 200);
	}
	for (size_t i = 0; i < NR_KEPT; i++)
		allocator->give(kept[i]);
	return clock_now_ns() - began_ns;
}

static void measure_small(void)
{
	const struct allocator with = { malloc, free };
	struct allocator without;
	uint64_t with_ns[9], without_ns[9];
	void *library = dlopen("libc.so.6", RTLD_NOW);

	*(void **)&without.take = dlsym(library, "malloc");
	*(void **)&without.give = dlsym(library, "free");
	if ((void *)without.take == dlsym(RTLD_DEFAULT, "malloc"))
		die("libmpol-preload.so is not there");
	small_ns(&with);
	for (int i = 0; i < 9; i++) {
		without_ns[i] = small_ns(&without);
		with_ns[i] = small_ns(&with);
	}
	print_figure("malloc-small", median(with_ns, 9), median(without_ns, 9));
}

/* ---- In a process with the library ------------------------------------------------------ */

static int count_ranges(const char *memory, size_t bytes)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	char line[512];
	int nr = 0;

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 &&
		    start < (uintptr_t)memory + bytes && end > (uintptr_t)memory)
			nr++;
	if (maps)
		fclose(maps);
	return nr;
}

static int measure(const char *pages)
{
	static const size_t small_mib[] = { 1, 2, 8, 64, 512 }, huge_mib[] = { 2, 8, 64, 512 };
	const int small = !strcmp(pages, "4k");
	const size_t *sizes_mib = small ? small_mib : huge_mib;
	const size_t nr = small ? sizeof(small_mib) / sizeof(small_mib[0])
				: sizeof(huge_mib) / sizeof(huge_mib[0]);
	char *memory = map_striped(64 * MIB);
	const int ranges = count_ranges(memory, 64 * MIB);

	unmap_striped(memory, 64 * MIB);
	if (ranges < 8) {
		fprintf(stderr, "64 MiB are %d ranges: not striped\n", ranges);
		return 1;
	}
	fprintf(stderr, "%s: 64 MiB are %d ranges\n", pages, ranges);
	for (size_t i = 0; i < nr; i++)
		measure_size(pages, sizes_mib[i] * MIB);
	if (small)
		measure_small();
	return 0;
}

/* ---- Bringing it there ------------------------------------------------------------------ */

/* The first two nodes with memory, or the one that there is and a made-up one. */
static int choose_nodes(int nodes[2])
{
	unsigned long allowed[16] = { 0 };
	int nr = 0;

	if (syscall(SYS_get_mempolicy, NULL, allowed, 1025UL, NULL,
		    (unsigned long)MPOL_F_MEMS_ALLOWED))
		die("get_mempolicy");
	for (int node = 0; node < 1024 && nr < 2; node++)
		if (allowed[node / 64] >> node % 64 & 1)
			nodes[nr++] = node;
	if (nr == 1)
		nodes[1] = nodes[0] + 1;
	return nr;
}

static void run(const char *self, const char *build, const char *pages)
{
	int nodes[2], nr = choose_nodes(nodes), status = 1;
	char libraries[2048], wish[64];
	unsigned long mask[16] = { 0 };
	pid_t child;

	snprintf(libraries, sizeof(libraries), "%s%s%s%s", nr == 1 ? build : "",
		 nr == 1 ? NODES ":" : "", build, LIBRARIES);
	snprintf(wish, sizeof(wish), "weighted:%d=3,%d=1", nodes[0], nodes[1]);
	for (int i = 0; i < nr; i++)
		mask[nodes[i] / 64] |= 1UL << nodes[i] % 64;
	child = fork();
	if (child == 0) {
		if (syscall(SYS_set_mempolicy, MPOL_INTERLEAVE, mask, 1025UL) ||
		    (!strcmp(pages, "4k") && prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)) ||
		    setenv("LD_PRELOAD", libraries, 1) || setenv("MPOL_PRELOAD", wish, 1))
			die("prepare");
		execl(self, self, pages, NULL);
		die("exec");
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 || status)
		exit(1);
}

int main(int argc, char **argv)
{
	char self[1024], build[1024], line[64] = "";
	FILE *huge = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
	const ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (argc == 2)
		return measure(argv[1]);
	if (length <= 0)
		die("/proc/self/exe");
	self[length] = '\0';
	strcpy(build, self);
	for (int i = 0; i < 2 && (slash = strrchr(build, '/')); i++)
		*slash = '\0';
	run(self, build, "4k");
	if (huge && fgets(line, sizeof(line), huge) && strstr(line, "[always]"))
		run(self, build, "huge");
	return 0;
}
