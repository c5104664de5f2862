/* SPDX-License-Identifier: MIT */
/*
 * glibc's arenas for threads: aligned pieces of address space (malloc/arena.c, HEAP_MAX_SIZE), used
 * from the beginning on.  Nothing shows that one has grown, so it is striped ahead: each segment,
 * twice as far as the one before, when its first chunk is seen.
 */
#ifndef PRELOAD_ARENA_H
#define PRELOAD_ARENA_H

#include <stddef.h>

/* A chunk in an arena was given out. */
void arena_used(void *chunk, size_t bytes);

#endif
