/* SPDX-License-Identifier: MIT */
/* How far the heap grows at once: see tuning.h. */
#include "tuning.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hook.h"
#include "next.h"

#define LEAST_STEP_BYTES (1UL << 20)
#define MOST_STEP_BYTES	 (256UL << 20)
#define STEPS		 8 /* of this part of the heap */
/* glibc's (malloc/malloc.c): DEFAULT_MMAP_THRESHOLD_MIN and _MAX. */
#define LEAST_MAPPED_BYTES (128UL << 10)
#define MOST_MAPPED_BYTES  (32UL << 20)

enum whose {
	WHOSE_UNKNOWN,
	WHOSE_OURS,
	WHOSE_PROGRAMS,
};

static struct {
	enum whose whose;
	size_t step_bytes;
	size_t mapped_bytes; /* chunks of more are mapped */
} tuning = { .mapped_bytes = LEAST_MAPPED_BYTES };

static bool is_tuned_by_environment(void)
{
	static const char *const names[] = {
		"MALLOC_TOP_PAD_",
		"MALLOC_TRIM_THRESHOLD_",
		"MALLOC_MMAP_THRESHOLD_",
		"MALLOC_MMAP_MAX_",
	};
	const char *tunables = getenv("GLIBC_TUNABLES");

	if (tunables && strstr(tunables, "glibc.malloc."))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (getenv(names[i]))
			return true;
	return false;
}

static bool is_ours(void)
{
	if (tuning.whose == WHOSE_UNKNOWN)
		tuning.whose = is_tuned_by_environment() ? WHOSE_PROGRAMS : WHOSE_OURS;
	return tuning.whose == WHOSE_OURS;
}

void tuning_heap_grown(size_t bytes)
{
	size_t step_bytes = bytes / STEPS;

	if (step_bytes < LEAST_STEP_BYTES)
		step_bytes = LEAST_STEP_BYTES;
	if (step_bytes > MOST_STEP_BYTES)
		step_bytes = MOST_STEP_BYTES;
	if (step_bytes <= tuning.step_bytes || !is_ours())
		return;
	tuning.step_bytes = step_bytes;
	next()->mallopt(M_TOP_PAD, (int)step_bytes);
}

void tuning_freed(size_t bytes)
{
	if (bytes <= tuning.mapped_bytes || bytes > MOST_MAPPED_BYTES || !is_ours())
		return;
	tuning.mapped_bytes = bytes;
	if (!tuning.step_bytes)
		return;
	next()->mallopt(M_MMAP_THRESHOLD, (int)bytes);
	next()->mallopt(M_TRIM_THRESHOLD, (int)(2 * bytes));
}

HOOK int mallopt(int parameter, int value)
{
	if (parameter == M_TOP_PAD || parameter == M_TRIM_THRESHOLD ||
	    parameter == M_MMAP_THRESHOLD || parameter == M_MMAP_MAX)
		tuning.whose = WHOSE_PROGRAMS;
	return next()->mallopt(parameter, value);
}
