/* SPDX-License-Identifier: MIT */
/* Arenas of threads: see arena.h. */
#include "arena.h"

#include <stdint.h>

#include "striper.h"

#define ARENA_BYTES	    (64UL << 20)
#define FIRST_SEGMENT_BYTES (1UL << 20)
#define NR_REMEMBERED	    8
#define ROUNDS		    8 /* there may be many arenas */

/*
 * What the thread has seen to be striped: arena by arena, up to where.  An arena that was given
 * back and comes again is noticed by the thread that gets its first chunk: it has had chunks of
 * another one meanwhile.
 */
static __thread struct {
	uintptr_t arena;
	uintptr_t bytes;
} remembered[NR_REMEMBERED] __attribute__((tls_model("initial-exec")));

static uintptr_t segment_end(uintptr_t offset)
{
	uintptr_t end = FIRST_SEGMENT_BYTES;

	while (end <= offset)
		end *= 2;
	return end;
}

void arena_used(void *chunk, size_t bytes)
{
	const uintptr_t arena = (uintptr_t)chunk & ~(ARENA_BYTES - 1);
	const uintptr_t first = (uintptr_t)chunk - arena, last = first + (bytes ? bytes - 1 : 0);
	const size_t slot = arena / ARENA_BYTES % NR_REMEMBERED;
	uintptr_t end;

	if (remembered[slot].arena == arena && last < remembered[slot].bytes)
		return;
	if (last >= ARENA_BYTES)
		return;
	/* A chunk may reach into several segments that are new. */
	for (end = segment_end(first);; end *= 2) {
		const struct striper_heap heap = {
			.start = arena,
			.end = end == FIRST_SEGMENT_BYTES ? arena : arena + end / 2,
			.rounds = ROUNDS,
		};

		if (!striper_has_policy((void *)(arena + end - 1)))
			striper_heap_grown(&heap, arena + end, false);
		if (last < end)
			break;
	}
	if (remembered[slot].arena != arena || remembered[slot].bytes < end) {
		remembered[slot].arena = arena;
		remembered[slot].bytes = end;
	}
}
