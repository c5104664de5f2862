/* SPDX-License-Identifier: MIT */
/* Arrays that items are appended to. */
#ifndef BASE_GROW_H
#define BASE_GROW_H

#include <stddef.h>

/*
 * Room for one more item in an array of nr: the array itself or, where
 * *allocated items are taken, a larger one in its place.  array: NULL or from
 * malloc(3).  NULL: no memory; the array and *allocated are as they were.
 */
void *grow(void *array, size_t nr, size_t *allocated, size_t item_bytes);

#endif
