/* SPDX-License-Identifier: MIT */
/*
 * The wish, from the environment, and its being fulfilled for fresh memory.
 *
 * MPOL_PRELOAD is a policy as of mpol-policy(7): weighted interleave with a weight for each node.
 * It holds while the calling thread's own policy interleaves over the same nodes, as mpol run has
 * set it: a program that sets another knows better.  Where memory cannot be striped, that policy
 * serves.
 *
 * Everything here may be called by any thread at any time, also within malloc and in signal
 * handlers; nothing allocates, fails or changes errno.
 */
#ifndef PRELOAD_STRIPER_H
#define PRELOAD_STRIPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ranges of less are left to the thread's policy. */
#define STRIPER_LEAST_BYTES (1UL << 20)

/* Whether there is a wish to be fulfilled.  Reads it, at the first call that finds an environment.
 */
bool striper_awake(void);

/* There is none, for good. */
bool striper_asleep(void);

/* From now on no stripes, and no system calls either; those that are there stay. */
void striper_sleep(void);

/*
 * Stripes fresh private anonymous memory that has no policy of its own.  huge: huge pages were
 * asked for.
 */
void striper_fresh(void *memory, size_t bytes, bool huge);

/* A heap that grows. */
struct striper_heap {
	uintptr_t start;     /* of all of it */
	uintptr_t end;	     /* before it grew */
	unsigned int rounds; /* about so many are to be in all of it */
};

/*
 * Stripes what it has grown by, up to new_end.  huge: so far at once that huge pages may come; a
 * heap of small steps gets none, and may have finer stripes.
 */
void striper_heap_grown(const struct striper_heap *heap, uintptr_t new_end, bool huge);

/* Memory goes, or goes elsewhere, or was never ours. */
void striper_gone(const void *memory, size_t bytes);

/* Whether some of it is striped, by what is remembered. */
bool striper_knows(const void *memory, size_t bytes);

/* Takes the policies of striped memory away, so that the kernel can make one range of it again. */
void striper_loosen(void *memory, size_t bytes);

/* Whether the page has a policy of its own (or is not mapped). */
bool striper_has_policy(const void *memory);

/*
 * Memory was written to before it was striped: if that has brought a huge page in, to another node
 * than its stripe's, it is moved there.
 */
void striper_settle(void *touched);

/* The program asks for huge pages in memory that is striped. */
void striper_wants_huge(void *memory, size_t bytes);

#endif
