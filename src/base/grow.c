/* SPDX-License-Identifier: MIT */
/* Arrays that items are appended to: see grow.h. */
#include "grow.h"

#include <stdlib.h>

void *grow(void *array, size_t nr, size_t *allocated, size_t item_bytes)
{
	const size_t larger = *allocated * 2 + 16;
	void *grown;

	if (nr < *allocated)
		return array;
	grown = reallocarray(array, larger, item_bytes);
	if (grown)
		*allocated = larger;
	return grown;
}
