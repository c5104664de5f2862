/* SPDX-License-Identifier: MIT */
/* A quick hash of bytes, FNV-1a (draft-eastlake-fnv): the same on every machine, but not for what
 * somebody may choose to collide. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Of no bytes. */
#define HASH_START UINT64_C(0xcbf29ce484222325)

/* The hash of what has hash so far, and these bytes. */
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t nr)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < nr; i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	return hash;
}

#endif
