/* SPDX-License-Identifier: MIT */
/*
 * How far the heap grows at once.  Each step is a range of the kernel's for good: malloc has
 * written to it before it could be given a policy, and so it does not become one with what is
 * below. In glibc's steps of 132 KiB a heap of 1 GiB would be 8,000 ranges.
 *
 * mallopt(3) has longer steps made, but as a side effect the threshold from which on chunks are
 * mapped no longer follows what is freed (malloc/malloc.c, do_set_top_pad), which makes programs
 * that take and give large chunks again and again slow.  So that is done here, as glibc would. A
 * program or environment that tunes malloc itself is left alone.
 */
#ifndef PRELOAD_TUNING_H
#define PRELOAD_TUNING_H

#include <stddef.h>

/* The heap has grown, and has so many bytes now. */
void tuning_heap_grown(size_t bytes);

/* A chunk that is a mapping of so many bytes is about to be freed. */
void tuning_freed(size_t bytes);

#endif
