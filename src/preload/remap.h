/* SPDX-License-Identifier: MIT */
/*
 * mremap(2) of memory that is several ranges to the kernel, which it refuses with EFAULT.
 * A program whose one mapping became several by stripes must not notice.
 */
#ifndef PRELOAD_REMAP_H
#define PRELOAD_REMAP_H

#include <stddef.h>

/*
 * As mremap(2), piece by piece: what is moved keeps its pages, protection and policies; what is
 * new has those of the last page.  Nothing has happened where it fails.
 * Returns the address or MAP_FAILED with errno; EFAULT also for flags beyond MREMAP_MAYMOVE and
 * MREMAP_FIXED.
 */
void *remap_pieces(void *old, size_t old_bytes, size_t bytes, int flags, void *addr);

#endif
