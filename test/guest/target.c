/* SPDX-License-Identifier: MIT */
/*
 * target THREADS: a program to be managed.  Its threads sleep until told, on
 * stdin, "grow THREAD MIB": that thread then maps so much memory, touches each page of
 * it, and says on stdout at which address.  "huge 0 MIB": the first thread does so with huge pages.
 * Ends with its input.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_THREADS 16
#define MIB	    (1UL << 20)
#define HUGE_BYTES  (2 * MIB)

struct worker {
	pthread_t thread;
	int wake[2]; /* a pipe of sizes in bytes */
};

/* advice: MADV_NOHUGEPAGE, where placement page by page is what tests count, or MADV_HUGEPAGE. */
static void grow(size_t bytes, int advice)
{
	const size_t more = advice == MADV_HUGEPAGE ? HUGE_BYTES : 0;
	char *memory = mmap(NULL, bytes + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	if (memory == MAP_FAILED) {
		puts("failed");
		return;
	}
	if (more)
		memory += HUGE_BYTES - (uintptr_t)memory % HUGE_BYTES;
	madvise(memory, bytes, advice);
	for (size_t i = 0; i < bytes; i += 4096)
		memory[i] = 1;
	printf("%" PRIxPTR "\n", (uintptr_t)memory);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	size_t bytes;

	while (read(worker->wake[0], &bytes, sizeof(bytes)) == sizeof(bytes))
		grow(bytes, MADV_NOHUGEPAGE);
	return NULL;
}

int main(int argc, char **argv)
{
	int nr_threads = argc == 2 ? atoi(argv[1]) : 0;
	struct worker workers[MAX_THREADS];
	char verb[8];
	size_t mib;
	int thread;

	if (nr_threads < 1 || nr_threads > MAX_THREADS) {
		fprintf(stderr, "Usage: target THREADS (1 to %d)\n", MAX_THREADS);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* The leader is thread 0 and works in main. */
	for (int i = 1; i < nr_threads; i++)
		if (pipe(workers[i].wake) < 0 ||
		    pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return 1;
	puts("ready");
	while (scanf(" %7s %d %zu", verb, &thread, &mib) == 3) {
		size_t bytes = mib * MIB;

		if (thread == 0)
			grow(bytes, *verb == 'h' ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
		else if (thread >= nr_threads ||
			 write(workers[thread].wake[1], &bytes, sizeof(bytes)) != sizeof(bytes))
			puts("failed");
	}
	return 0;
}
