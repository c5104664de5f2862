/* SPDX-License-Identifier: MIT */
/*
 * What stands before a chunk of glibc's malloc, as in every release since 2.3 (malloc/malloc.c,
 * struct malloc_chunk): the size of what lies before it, its own size, and in the lowest bits
 * of that what kind of chunk it is.
 */
#ifndef PRELOAD_CHUNK_H
#define PRELOAD_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "page.h"

#define CHUNK_IS_MAPPED	  2UL /* IS_MMAPPED */
#define CHUNK_IS_IN_ARENA 4UL /* NON_MAIN_ARENA */
#define CHUNK_FLAGS	  7UL
#define CHUNK_HEAD_BYTES  (2 * sizeof(size_t))

static inline size_t chunk_size_word(const void *memory)
{
	return ((const size_t *)memory)[-1];
}

/* A mapping of its own. */
static inline bool chunk_is_mapped(const void *memory)
{
	return chunk_size_word(memory) & CHUNK_IS_MAPPED;
}

/* Neither that nor of the heap. */
static inline bool chunk_is_in_arena(const void *memory)
{
	return chunk_size_word(memory) & CHUNK_IS_IN_ARENA;
}

static inline size_t chunk_bytes(const void *memory)
{
	return chunk_size_word(memory) & ~CHUNK_FLAGS;
}

/* Of a mapped chunk: where its mapping begins (an aligned chunk does so later), and its length. */
static inline void *chunk_mapping(const void *memory)
{
	return (char *)memory - CHUNK_HEAD_BYTES - ((const size_t *)memory)[-2];
}

static inline size_t chunk_mapping_bytes(const void *memory)
{
	return chunk_bytes(memory) + ((const size_t *)memory)[-2];
}

/* Whether realloc to so many bytes changes the mapping's length (mremap_chunk). */
static inline bool chunk_will_remap(const void *memory, size_t bytes)
{
	const size_t wanted = bytes + CHUNK_HEAD_BYTES + ((const size_t *)memory)[-2];

	return ((wanted + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1)) != chunk_mapping_bytes(memory);
}

#endif
