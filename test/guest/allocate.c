/* SPDX-License-Identifier: MIT */
/*
 * allocate KIND MIB: takes memory in one of the ways that programs take it, writes to all of it,
 * checks what it wrote, and says where its private anonymous memory is by numa_maps, in pages:
 *
 *   node0 3072 node1 1024 ranges 516
 *
 * KIND churn says the same again and again while it takes and frees.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB	    (1UL << 20)
#define PAGE	    4096UL
#define NODES	    64
#define SMALL	    100 /* bytes */
#define NR_THREADS  4
#define NR_LIVE	    24
#define NR_CHURNS   600
#define CHURN_PARTS 5

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* ---- What is written ------------------------------------------------------------------ */

static void fill(void *memory, size_t bytes)
{
	for (size_t at = 0; at + sizeof(uint64_t) <= bytes; at += PAGE)
		*(volatile uint64_t *)((char *)memory + at) = (at / PAGE) ^ 0x5eed;
}

static void check(const void *memory, size_t bytes)
{
	for (size_t at = 0; at + sizeof(uint64_t) <= bytes; at += PAGE) {
		if (*(const uint64_t *)((const char *)memory + at) == ((at / PAGE) ^ 0x5eed))
			continue;
		fprintf(stderr, "page %zu does not hold what was written\n", at / PAGE);
		exit(1);
	}
}

/* ---- Where it is ---------------------------------------------------------------------- */

static void count_line(const char *line, uint64_t pages[NODES], uint64_t *ret_ranges)
{
	uint64_t page_kib = 4;
	const char *at;

	if (!strstr(line, " anon=") || strstr(line, " file=") || strstr(line, " stack"))
		return;
	at = strstr(line, "kernelpagesize_kB=");
	if (at)
		page_kib = strtoul(at + strlen("kernelpagesize_kB="), NULL, 10);
	for (at = strstr(line, " N"); at; at = strstr(at + 1, " N")) {
		char *end;
		const unsigned long node = strtoul(at + 2, &end, 10);

		if (*end == '=' && node < NODES)
			pages[node] += strtoul(end + 1, NULL, 10) * page_kib / 4;
	}
	++*ret_ranges;
}

static void report(void)
{
	uint64_t pages[NODES] = { 0 }, ranges = 0;
	char line[4096];
	FILE *file = fopen("/proc/self/numa_maps", "re");

	if (!file)
		die("numa_maps");
	while (fgets(line, sizeof(line), file))
		count_line(line, pages, &ranges);
	fclose(file);
	for (int node = 0; node < NODES; node++)
		if (pages[node])
			printf("node%d %lu ", node, pages[node]);
	printf("ranges %lu\n", ranges);
	fflush(stdout);
}

/* ---- Ways to take it ------------------------------------------------------------------- */

static void *map(size_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	return memory;
}

static void *take(size_t bytes)
{
	void *memory = malloc(bytes);

	if (!memory)
		die("malloc");
	return memory;
}

static void use_map(size_t bytes)
{
	void *memory = map(bytes);

	fill(memory, bytes);
	check(memory, bytes);
	report();
}

/* The kernel brings the pages in before mmap returns. */
static void use_populated(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	unsigned char in[1] = { 0 };

	if (memory == MAP_FAILED)
		die("mmap");
	if (mincore((char *)memory + bytes - PAGE, PAGE, in) < 0 || !(in[0] & 1)) {
		fprintf(stderr, "the last page is not there\n");
		exit(1);
	}
	report();
}

/* Each call that can give a large chunk. */
static void use_chunks(size_t bytes)
{
	const size_t part = bytes / 8;
	void *chunks[8] = {
		take(part),
		calloc(part / 16, 16),
		aligned_alloc(4096, part),
		memalign(64, part),
		valloc(part),
		pvalloc(part),
		realloc(NULL, part),
		reallocarray(NULL, part / 16, 16),
	};
	void *aligned = NULL;

	if (posix_memalign(&aligned, 2 * MIB, part))
		die("posix_memalign");
	for (int i = 0; i < 8; i++)
		fill(chunks[i], part);
	fill(aligned, part);
	for (int i = 0; i < 8; i++)
		check(chunks[i], part);
	report();
	for (int i = 0; i < 8; i++)
		free(chunks[i]);
	free(aligned);
}

static void *take_small(void *argument)
{
	const size_t nr = *(const size_t *)argument / (SMALL + 12);

	for (size_t i = 0; i < nr; i++)
		memset(take(SMALL), 1, SMALL);
	return NULL;
}

static void use_small(size_t bytes)
{
	take_small(&bytes);
	report();
}

static void use_threads(size_t bytes)
{
	size_t part = bytes / NR_THREADS;
	pthread_t threads[NR_THREADS];

	for (int i = 0; i < NR_THREADS; i++)
		if (pthread_create(&threads[i], NULL, take_small, &part))
			die("pthread_create");
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	report();
}

static void use_realloc(size_t bytes)
{
	size_t has = MIB;
	char *memory = take(has);

	fill(memory, has);
	while (has < bytes) {
		const size_t more = has * 5 / 4 < bytes ? has * 5 / 4 & ~(PAGE - 1) : bytes;

		memory = realloc(memory, more);
		if (!memory)
			die("realloc");
		check(memory, has);
		fill(memory, more);
		has = more;
	}
	check(memory, has);
	report();
	memory = realloc(memory, bytes / 2);
	check(memory, bytes / 2);
	free(memory);
}

/* Grows in place or not; moves to a place of choice; shrinks. */
static void use_mremap(size_t bytes)
{
	size_t has = 2 * MIB;
	char *memory = map(has), *place, *moved;

	fill(memory, has);
	while (has < bytes) {
		memory = mremap(memory, has, 2 * has, MREMAP_MAYMOVE);
		if (memory == MAP_FAILED)
			die("mremap");
		check(memory, has);
		fill(memory, 2 * has);
		has *= 2;
	}
	place = map(has);
	moved = mremap(memory, has, has, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	if (moved != place)
		die("mremap to a place");
	check(moved, has);
	report();
	if (mremap(moved, has, has / 2, 0) != moved)
		die("mremap to shrink");
	check(moved, has / 2);
	munmap(moved, has / 2);
}

/* A program that keeps taking and freeing, by mmap and malloc, chunks of 1 to 16 MiB. */
static void use_churn(size_t bytes)
{
	static struct {
		char *memory;
		size_t bytes;
		bool mapped;
	} live[NR_LIVE];
	const size_t most = bytes / NR_LIVE;
	uint64_t state = 88172645463325252;

	for (int i = 0; i < NR_CHURNS; i++) {
		int at;

		state ^= state << 13, state ^= state >> 7, state ^= state << 17;
		at = (int)(state % NR_LIVE);
		if (live[at].memory) {
			check(live[at].memory, live[at].bytes);
			if (live[at].mapped)
				munmap(live[at].memory, live[at].bytes);
			else
				free(live[at].memory);
		}
		live[at].mapped = state >> 20 & 1;
		live[at].bytes = MIB + (state >> 24) % (2 * most - 2 * MIB);
		live[at].memory = live[at].mapped ? map(live[at].bytes) : take(live[at].bytes);
		fill(live[at].memory, live[at].bytes);
		if (i % (NR_CHURNS / CHURN_PARTS) == NR_CHURNS / CHURN_PARTS - 1)
			report();
	}
}

/* Children that take memory of their own, while threads take some, too. */
static void use_forks(size_t bytes)
{
	size_t part = bytes / NR_THREADS;
	pthread_t threads[NR_THREADS];
	char *shared = map(8 * MIB);

	fill(shared, 8 * MIB);
	for (int i = 0; i < NR_THREADS; i++)
		if (pthread_create(&threads[i], NULL, take_small, &part))
			die("pthread_create");
	for (int i = 0; i < 20; i++) {
		int status = 0;
		const pid_t child = fork();

		if (child == 0) {
			check(shared, 8 * MIB);
			shared = mremap(shared, 8 * MIB, 16 * MIB, MREMAP_MAYMOVE);
			if (shared == MAP_FAILED)
				die("mremap in a child");
			check(shared, 8 * MIB);
			use_realloc(8 * MIB);
			take_small(&part);
			_exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) < 0 || status) {
			fprintf(stderr, "a child ended with status %x\n", status);
			exit(1);
		}
	}
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	report();
}

/* Calls about memory policy kill from now on. */
static void forbid_policies(bool by_prctl)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mbind, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_get_mempolicy, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    (by_prctl ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)
		      : syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0UL, &program)) < 0)
		die("seccomp");
}

/* A program that shuts itself in, with memory from before and from after. */
static void use_sandbox(size_t bytes, bool by_prctl)
{
	char *mapped = map(bytes / 4), *taken = take(bytes / 4);

	fill(mapped, bytes / 4);
	fill(taken, bytes / 4);
	forbid_policies(by_prctl);
	mapped = mremap(mapped, bytes / 4, bytes / 2, MREMAP_MAYMOVE);
	taken = realloc(taken, bytes / 2);
	if (mapped == MAP_FAILED || !taken)
		die("to grow in a sandbox");
	check(mapped, bytes / 4);
	check(taken, bytes / 4);
	fill(mapped, bytes / 2);
	use_small(bytes / 4);
	fill(map(4 * MIB), 4 * MIB);
	munmap(mapped, bytes / 2);
	free(taken);
}

static void use_sandbox_prctl(size_t bytes)
{
	use_sandbox(bytes, true);
}

static void use_sandbox_seccomp(size_t bytes)
{
	use_sandbox(bytes, false);
}

static const struct {
	const char *name;
	void (*use)(size_t bytes);
} kinds[] = {
	{ "map", use_map },
	{ "populated", use_populated },
	{ "chunks", use_chunks },
	{ "small", use_small },
	{ "threads", use_threads },
	{ "realloc", use_realloc },
	{ "mremap", use_mremap },
	{ "churn", use_churn },
	{ "forks", use_forks },
	{ "sandbox-prctl", use_sandbox_prctl },
	{ "sandbox-seccomp", use_sandbox_seccomp },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(argv[1], kinds[i].name))
			continue;
		kinds[i].use(strtoul(argv[2], NULL, 10) * MIB);
		return 0;
	}
	fprintf(stderr, "Usage: allocate KIND MIB\n");
	return 2;
}
