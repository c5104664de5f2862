/* SPDX-License-Identifier: MIT */
/* What an accessed bit costs: see accessed-bit.h. */
#include "accessed-bit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "least.h"
#include "page.h"
#include "process.h"

/* As many as a TLB holds. */
#define NR_PAGES 256
#define BYTES	 (NR_PAGES * PAGE_BYTES)

/* The least difference is the one that nothing has disturbed. */
#define NR_TRIES 8

/* How long a read of each page takes, at lines that do not contend for one set of a cache. */
static uint64_t read_all(const volatile char *memory)
{
	const uint64_t began_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	for (size_t page = 0; page < NR_PAGES; page++)
		(void)memory[page * PAGE_BYTES + page * 64 % PAGE_BYTES];
	return clock_ns(CLOCK_THREAD_CPUTIME_ID) - began_ns;
}

/* Clears all bits; and has the TLB forget these pages, as a change of what may be done does. */
static bool forget(int clear_refs, char *memory)
{
	return pwrite(clear_refs, "1", 1, 0) == 1 && mprotect(memory, BYTES, PROT_READ) == 0 &&
	       mprotect(memory, BYTES, PROT_READ | PROT_WRITE) == 0;
}

/* Of one page, in ns; ACCESSED_BIT_NS: not to be measured. */
static uint32_t measure(int clear_refs, char *memory)
{
	uint64_t least_ns = UINT64_MAX;

	for (unsigned i = 0; i < NR_TRIES; i++) {
		uint64_t first_ns, next_ns;

		if (!forget(clear_refs, memory))
			return ACCESSED_BIT_NS;
		first_ns = read_all(memory);
		next_ns = read_all(memory);
		least_ns = least(least_ns, first_ns > next_ns ? first_ns - next_ns : 0);
	}
	return (uint32_t)least(least_ns / NR_PAGES, UINT32_MAX);
}

uint32_t accessed_bit_cost_ns(int root)
{
	_cleanup_close_ int clear_refs = process_open_file(root, getpid(), "clear_refs", O_WRONLY);
	uint32_t cost_ns = ACCESSED_BIT_NS;
	char *memory;

	if (clear_refs < 0)
		return cost_ns;
	memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return cost_ns;
	if (madvise(memory, BYTES, MADV_NOHUGEPAGE) == 0) {
		for (size_t page = 0; page < NR_PAGES; page++)
			memory[page * PAGE_BYTES] = 1;
		cost_ns = measure(clear_refs, memory);
	}
	munmap(memory, BYTES);
	return cost_ns;
}
