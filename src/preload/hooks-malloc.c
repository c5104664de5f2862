/* SPDX-License-Identifier: MIT */
/*
 * glibc's malloc maps memory and moves the break by calls of its own, which nobody can stand
 * before. So it is asked for memory as always, and what it gives is looked at:
 *
 *   - a large chunk without a policy is a fresh mapping of its own;
 *   - a chunk above what was the end of the heap: the break has been moved;
 *   - a chunk of another arena: a segment of it that was not in use so far (arena.h).
 *
 * Almost all chunks are small and within the heap as known: two loads and two compares.  Of other
 * allocators only large chunks are looked at: they map memory by mmap(2) as one can see it.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "arena.h"
#include "chunk.h"
#include "hook.h"
#include "next.h"
#include "page.h"
#include "striper.h"
#include "tuning.h"

#define ROUNDS	   64	       /* of the heap */
#define HUGE_BYTES (2UL << 20) /* a huge page */
#define MOST_STEPS 1000	       /* each is a range of the kernel's, if they cannot be made long */

extern char *__curbrk; /* glibc's: the break as sbrk(2) has left it */

/* The heap as far as it is striped. */
static struct {
	uintptr_t start, bytes;
	uintptr_t end; /* 0: nothing to look after */
	unsigned int nr_steps;
} heap;

static uintptr_t load(const uintptr_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void store(uintptr_t *word, uintptr_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline uintptr_t brk_now(void)
{
	return (uintptr_t)__atomic_load_n(&__curbrk, __ATOMIC_RELAXED);
}

/* Of no chunk anything is to be known any more. */
static void stop_looking(void)
{
	store(&heap.end, 0);
	store(&heap.start, 0);
	store(&heap.bytes, UINTPTR_MAX);
}

/* The chunk behind which the rest of the heap begins: its head is written to by now. */
static void stripe_step(uintptr_t start, uintptr_t end, uintptr_t brk, uintptr_t chunk)
{
	const struct striper_heap grown = { start, end, ROUNDS };
	const size_t bytes = chunk_bytes((void *)chunk);

	if (__atomic_fetch_add(&heap.nr_steps, 1, __ATOMIC_RELAXED) < MOST_STEPS)
		striper_heap_grown(&grown, brk, bytes >= HUGE_BYTES);
	if (brk - end >= HUGE_BYTES && chunk + bytes < brk)
		striper_settle((void *)(chunk + bytes));
	tuning_heap_grown(brk - start);
}

/* The break was moved up, or this is the first chunk of the heap that is seen. */
static void heap_grown(uintptr_t chunk)
{
	const uintptr_t brk = brk_now(), page = chunk & ~(PAGE_BYTES - 1);
	uintptr_t end = load(&heap.end), start = load(&heap.start);

	if (chunk >= brk)
		return;
	/* Pages with chunks are there already. */
	if (!end) {
		start = page;
		store(&heap.start, start);
		__atomic_compare_exchange_n(&heap.end, &end, page + PAGE_BYTES, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
		end = page + PAGE_BYTES;
	} else if (page < start) {
		start = page;
		store(&heap.start, start);
	}
	if (brk > end && __atomic_compare_exchange_n(&heap.end, &end, brk, false, __ATOMIC_ACQ_REL,
						     __ATOMIC_ACQUIRE))
		stripe_step(start, end, brk, chunk);
	store(&heap.bytes, load(&heap.end) - start);
}

/* What was given back comes back without a policy. */
static void heap_shrunk(void)
{
	const uintptr_t brk = brk_now();
	uintptr_t end = load(&heap.end);

	if (brk >= end || !__atomic_compare_exchange_n(&heap.end, &end, brk, false,
						       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return;
	store(&heap.bytes, brk - load(&heap.start));
	striper_gone((void *)brk, end - brk);
}

/* A chunk that is large, or not where chunks are known to be. */
static __attribute__((noinline)) void look_at(void *memory, size_t bytes)
{
	if (!memory)
		return;
	if (!striper_awake()) {
		if (striper_asleep())
			stop_looking();
		return;
	}
	if (!next()->is_glibc)
		stop_looking();
	else if (chunk_is_in_arena(memory))
		arena_used(memory, bytes);
	else if (!chunk_is_mapped(memory))
		heap_grown((uintptr_t)memory);
	if (bytes >= STRIPER_LEAST_BYTES && !striper_has_policy(memory)) {
		striper_fresh(memory, bytes, false);
		if (bytes >= HUGE_BYTES)
			striper_settle(memory);
	}
}

static inline void *given(void *memory, size_t bytes)
{
	const uintptr_t last = (uintptr_t)memory - load(&heap.start) + bytes;

	if (__builtin_expect(bytes >= STRIPER_LEAST_BYTES || last >= load(&heap.bytes), 0))
		look_at(memory, bytes);
	return memory;
}

/* ---- Allocating ---------------------------------------------------------------------- */

HOOK void *malloc(size_t bytes)
{
	return given(next()->malloc(bytes), bytes);
}

HOOK void *calloc(size_t nr, size_t bytes)
{
	return given(next()->calloc(nr, bytes), nr * bytes);
}

HOOK void *memalign(size_t alignment, size_t bytes)
{
	return given(next()->memalign(alignment, bytes), bytes);
}

HOOK void *aligned_alloc(size_t alignment, size_t bytes)
{
	return given(next()->aligned_alloc(alignment, bytes), bytes);
}

HOOK int posix_memalign(void **ret, size_t alignment, size_t bytes)
{
	const int code = next()->posix_memalign(ret, alignment, bytes);

	if (code == 0)
		given(*ret, bytes);
	return code;
}

HOOK void *valloc(size_t bytes)
{
	return given(next()->valloc(bytes), bytes);
}

HOOK void *pvalloc(size_t bytes)
{
	return given(next()->pvalloc(bytes), bytes);
}

/* ---- Giving back --------------------------------------------------------------------- */

static bool is_mapped(const void *memory)
{
	return memory && next()->is_glibc && chunk_is_mapped(memory);
}

HOOK void free(void *memory)
{
	if (is_mapped(memory)) {
		striper_gone(chunk_mapping(memory), chunk_mapping_bytes(memory));
		tuning_freed(chunk_bytes(memory));
	}
	next()->free(memory);
	if (__builtin_expect(brk_now() < load(&heap.end), 0))
		heap_shrunk();
}

/*
 * glibc lets a mapping grow by mremap(2), and copies it where the kernel refuses that since the
 * mapping has become several ranges.
 */
HOOK void *realloc(void *old, size_t bytes)
{
	const bool mapped = is_mapped(old);
	void *mapping = mapped ? chunk_mapping(old) : NULL, *memory;
	const size_t mapping_bytes = mapped ? chunk_mapping_bytes(old) : 0;
	bool loosened = false;

	if (mapped && chunk_will_remap(old, bytes) && striper_awake() &&
	    striper_knows(mapping, mapping_bytes)) {
		striper_loosen(mapping, mapping_bytes);
		loosened = true;
	}
	memory = next()->realloc(old, bytes);
	/* It is still there, unless that was what was asked for. */
	if (loosened && !memory && bytes)
		striper_fresh(mapping, mapping_bytes, false);
	if (__builtin_expect(brk_now() < load(&heap.end), 0))
		heap_shrunk();
	return given(memory, bytes);
}

HOOK void *reallocarray(void *old, size_t nr, size_t bytes)
{
	size_t all;

	if (__builtin_mul_overflow(nr, bytes, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, all);
}
