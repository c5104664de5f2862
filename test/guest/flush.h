/* SPDX-License-Identifier: MIT */
/* For guest tests in C: the translations that the CPU keeps.  An emulated CPU may keep those of a
 * whole working set, and then sets no accessed bit again; none of silicon has so many. */
#ifndef TEST_GUEST_FLUSH_H
#define TEST_GUEST_FLUSH_H

#include <stdalign.h>
#include <sys/mman.h>

#include "pagemap.h"

#define FLUSHED_BYTES (64 * PAGE_BYTES) /* above 33 pages Linux flushes all instead of each */

/* Makes the CPU forget all translations of the calling process. */
static inline void flush_own_tlb(void)
{
	static alignas(PAGE_BYTES) volatile char scratch[FLUSHED_BYTES];

	scratch[0]++; /* what was never accessed is not flushed; the range between is */
	scratch[FLUSHED_BYTES - 1]++;
	mprotect((char *)scratch, FLUSHED_BYTES, PROT_READ);
	mprotect((char *)scratch, FLUSHED_BYTES, PROT_READ | PROT_WRITE);
}

#endif
