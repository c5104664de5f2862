/* SPDX-License-Identifier: MIT */
/*
 * pattern: a program whose memory accesses are known, to test the ground truth.
 *
 * Each thread maps its own pages at a fixed address (thread i's come after
 * those of thread i - 1), bound to a node, and writes each page once (every
 * 4096 bytes: one store each).  Then it makes exactly the loads, stores and
 * locked instructions asked for, page after page, one instruction each.  With
 * --move-to the pages move there when half of each kind is done.
 *
 * So a run makes in the range of its pages, on the first node,
 *   THREADS * (PAGES + STORES + LOCKED) stores, THREADS * (LOADS + LOCKED) loads
 * or half of these but for the first PAGES, and the rest on the second node.
 * It prints how long that took, in ns.  Settings are words such as pages=512.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "cleanup.h"
#include "nodemask.h"
#include "text.h"
#include "touch.h"

#define PAGE_BYTES  4096
#define THREADS_MAX 64

struct pattern {
	uint64_t node, move_to, pages, loads, stores, locked, threads, address, huge;
};

static struct pattern pattern = {
	.move_to = UINT64_MAX, .pages = 512, .threads = 1, .address = 0x100000000000
};

static void die(const char *step)
{
	fprintf(stderr, "pattern: %s: %s\n", step, strerror(errno));
	exit(1);
}

/* Fails unless the kernel uses huge pages there: proc(5), smaps. */
static void require_huge_pages(const char *memory)
{
	_cleanup_fclose_ FILE *smaps = fopen("/proc/self/smaps", "re");
	char line[4352], start[32];
	uint64_t huge_kib = 0;
	bool here = false;

	snprintf(start, sizeof(start), "%" PRIxPTR "-", (uintptr_t)memory);
	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (strncmp(line, start, strlen(start)) == 0)
			here = true;
		if (here && sscanf(line, "AnonHugePages: %" SCNu64, &huge_kib) == 1)
			break;
	}
	errno = ENOMEM;
	if (huge_kib * 1024 != pattern.pages * PAGE_BYTES)
		die("have huge pages");
}

static char *map_pages(size_t index)
{
	size_t length = pattern.pages * PAGE_BYTES;
	struct nodemask mask = nodemask_of((int)pattern.node);
	char *wanted = (char *)pattern.address + index * length;
	char *memory = mmap(wanted, length, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (memory != wanted)
		die("mmap");
	if (syscall(SYS_mbind, memory, length, MPOL_BIND, mask.bits, NODEMASK_KERNEL_MAXNODE, 0) <
	    0)
		die("mbind");
	if (madvise(memory, length, pattern.huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) < 0)
		die("madvise");
	for (size_t i = 0; i < pattern.pages; i++)
		touch_store(memory + i * PAGE_BYTES, i);
	if (pattern.huge)
		require_huge_pages(memory);
	return memory;
}

static void move_pages(char *memory)
{
	_cleanup_free_ void **pages = calloc(pattern.pages, sizeof(*pages));
	_cleanup_free_ int *nodes = calloc(pattern.pages, sizeof(*nodes));
	_cleanup_free_ int *status = calloc(pattern.pages, sizeof(*status));

	if (!pages || !nodes || !status)
		die("allocate");
	for (size_t i = 0; i < pattern.pages; i++) {
		pages[i] = memory + i * PAGE_BYTES;
		nodes[i] = (int)pattern.move_to;
	}
	if (syscall(SYS_move_pages, 0, pattern.pages, pages, nodes, status, MPOL_MF_MOVE) < 0)
		die("move_pages");
	for (size_t i = 0; i < pattern.pages; i++) {
		errno = status[i] < 0 ? -status[i] : EIO;
		if (status[i] != nodes[i])
			die("move a page");
	}
}

/* The next page, the first after the last; no division, which costs more than an access. */
static char *next_page(char *page, char *memory)
{
	page += PAGE_BYTES;
	return page == memory + pattern.pages * PAGE_BYTES ? memory : page;
}

static void make_accesses(char *memory, uint64_t parts)
{
	char *page = memory;

	for (uint64_t i = 0; i < pattern.loads / parts; i++, page = next_page(page, memory))
		touch_load(page);
	for (uint64_t i = 0; i < pattern.stores / parts; i++, page = next_page(page, memory))
		touch_store(page, i);
	for (uint64_t i = 0; i < pattern.locked / parts; i++, page = next_page(page, memory))
		touch_locked(page);
}

static void *run_thread(void *index)
{
	char *memory = map_pages((uintptr_t)index);

	if (pattern.move_to == UINT64_MAX) {
		make_accesses(memory, 1);
	} else {
		make_accesses(memory, 2);
		move_pages(memory);
		make_accesses(memory, 2);
	}
	return NULL;
}

/* Options are named after the fields that they set. */
static const struct {
	const char *name;
	uint64_t *value;
	int base;
} settings[] = {
	{ "node", &pattern.node, 10 },	     { "move-to", &pattern.move_to, 10 },
	{ "pages", &pattern.pages, 10 },     { "loads", &pattern.loads, 10 },
	{ "stores", &pattern.stores, 10 },   { "locked", &pattern.locked, 10 },
	{ "threads", &pattern.threads, 10 }, { "address", &pattern.address, 16 },
	{ "huge", &pattern.huge, 10 },
};

static int set(const char *word)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		size_t length = strlen(settings[i].name);

		if (strncmp(word, settings[i].name, length) == 0 && word[length] == '=')
			return parse_u64(word + length + 1, settings[i].base, settings[i].value);
	}
	return -EINVAL;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	uint64_t start_ns;

	for (int i = 1; i < argc; i++) {
		if (set(argv[i]) < 0) {
			fprintf(stderr, "pattern: not a setting: %s\n", argv[i]);
			return 2;
		}
	}
	if (pattern.threads == 0 || pattern.threads > THREADS_MAX || pattern.pages == 0 ||
	    pattern.node >= NODES_MAX) {
		fprintf(stderr, "pattern: 1 to %d threads, at least a page, a node below %d\n",
			THREADS_MAX, NODES_MAX);
		return 2;
	}
	start_ns = now_ns();
	for (uintptr_t i = 1; i < pattern.threads; i++) {
		errno = pthread_create(&threads[i], NULL, run_thread, (void *)i);
		if (errno)
			die("pthread_create");
	}
	run_thread(NULL);
	for (uintptr_t i = 1; i < pattern.threads; i++)
		pthread_join(threads[i], NULL);
	printf("%" PRIu64 "\n", now_ns() - start_ns);
	return 0;
}
