/* SPDX-License-Identifier: MIT */
/*
 * A program with memory whose split over the nodes bench/weights-split-guest measures.  It does
 * what stdin says, a line each, and answers each with one:
 *
 *   map MIB small|huge   a range, base pages or huge ones, not touched yet: its address
 *   touch                writes to every page that there is
 *   renew ROUNDS         gives random pieces of the ranges back to the kernel, and writes to them
 * again churn ROUNDS         frees one of its chunks and maps another of random size, 64 KiB to 2
 * MiB count                how many base pages are on each node: "NODE=PAGES ..." free gives
 * everything back
 *
 * The split that is counted is of where pages are, by move_pages(2), never of where they were asked
 * for.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nodes.h"

#define MIB	    (1UL << 20)
#define HUGE_BYTES  (2 * MIB)
#define CHURN_BYTES (96 * MIB)
#define MOST_CHUNKS 256
#define MOST_NODES  64
#define BATCH	    4096

struct chunk {
	char *start; /* of the mapping */
	size_t bytes;
};

static struct chunk chunks[MOST_CHUNKS];
static size_t nr_chunks;
static uint64_t seed = 1;

/* xorshift64: the same memory in each run. */
static uint64_t random_below(uint64_t bound)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % bound;
}

static struct chunk map(size_t bytes, bool huge)
{
	/* Aligned by hand, so that as many huge pages fit as bytes say. */
	const size_t spare = huge ? HUGE_BYTES : 0;
	char *start = mmap(NULL, bytes + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	char *aligned = start;

	if (start == MAP_FAILED)
		die("mmap");
	if (huge) {
		aligned = (char *)(((uintptr_t)start + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));
		if (aligned > start)
			munmap(start, (size_t)(aligned - start));
		munmap(aligned + bytes, (size_t)(start + spare - aligned));
	}
	if (madvise(aligned, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) < 0)
		die("madvise");
	return (struct chunk) { aligned, bytes };
}

static void touch(char *start, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += BENCH_PAGE_BYTES)
		((volatile char *)start)[at] = 1;
}

static void touch_all(void)
{
	for (size_t i = 0; i < nr_chunks; i++)
		touch(chunks[i].start, chunks[i].bytes);
}

static void free_all(void)
{
	while (nr_chunks--)
		munmap(chunks[nr_chunks].start, chunks[nr_chunks].bytes);
	nr_chunks = 0;
}

/* A piece of a range, as an allocator trims and grows it. */
static void renew_one(void)
{
	const struct chunk *chunk = &chunks[random_below(nr_chunks)];
	const size_t pages = chunk->bytes / BENCH_PAGE_BYTES;
	const size_t first = random_below(pages), left = pages - first;
	const size_t nr = 1 + random_below(left < 512 ? left : 512);
	char *start = chunk->start + first * BENCH_PAGE_BYTES;

	if (madvise(start, nr * BENCH_PAGE_BYTES, MADV_DONTNEED) < 0)
		die("madvise");
	touch(start, nr * BENCH_PAGE_BYTES);
}

static size_t all_bytes(void)
{
	size_t bytes = 0;

	for (size_t i = 0; i < nr_chunks; i++)
		bytes += chunks[i].bytes;
	return bytes;
}

static void churn_one(size_t least_bytes)
{
	while (nr_chunks == MOST_CHUNKS || all_bytes() > CHURN_BYTES) {
		struct chunk *chunk = &chunks[random_below(nr_chunks)];

		munmap(chunk->start, chunk->bytes);
		*chunk = chunks[--nr_chunks];
	}
	chunks[nr_chunks] =
		map(least_bytes + random_below(HUGE_BYTES / BENCH_PAGE_BYTES) * BENCH_PAGE_BYTES,
		    false);
	touch(chunks[nr_chunks].start, chunks[nr_chunks].bytes);
	nr_chunks++;
}

static void count_chunk(const struct chunk *chunk, uint64_t *counts)
{
	static void *addresses[BATCH];
	static int status[BATCH];

	for (size_t at = 0; at < chunk->bytes;) {
		size_t nr = 0;

		for (; nr < BATCH && at < chunk->bytes; at += BENCH_PAGE_BYTES)
			addresses[nr++] = chunk->start + at;
		if (syscall(SYS_move_pages, 0, nr, addresses, NULL, status, 0) < 0)
			die("move_pages");
		for (size_t i = 0; i < nr; i++)
			if (status[i] >= 0 && status[i] < MOST_NODES)
				counts[status[i]]++;
	}
}

static void count(void)
{
	uint64_t counts[MOST_NODES] = { 0 };
	const char *separator = "";

	for (size_t i = 0; i < nr_chunks; i++)
		count_chunk(&chunks[i], counts);
	for (int node = 0; node < MOST_NODES; node++) {
		if (!counts[node])
			continue;
		printf("%s%d=%lu", separator, node, (unsigned long)counts[node]);
		separator = " ";
	}
	printf("\n");
}

static bool obey(const char *line)
{
	unsigned long number, least_kib;
	char how[8];

	if (sscanf(line, "map %lu %7s", &number, how) == 2 && nr_chunks < MOST_CHUNKS) {
		chunks[nr_chunks++] = map(number * MIB, !strcmp(how, "huge"));
		printf("%p\n", (void *)chunks[nr_chunks - 1].start);
		return true;
	}
	if (!strcmp(line, "count\n")) {
		count();
		return true;
	}
	if (!strcmp(line, "touch\n"))
		touch_all();
	else if (!strcmp(line, "free\n"))
		free_all();
	else if (sscanf(line, "renew %lu", &number) == 1 && nr_chunks)
		while (number--)
			renew_one();
	else if (sscanf(line, "churn %lu %lu", &number, &least_kib) == 2 && least_kib)
		while (number--)
			churn_one(least_kib * 1024);
	else
		return false;
	printf("done\n");
	return true;
}

int main(void)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin)) {
		if (!obey(line)) {
			fprintf(stderr, "weights-split: what is %s", line);
			return 2;
		}
		fflush(stdout);
	}
	return 0;
}
