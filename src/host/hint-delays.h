/* SPDX-License-Identifier: MIT */
/*
 * How long pages of a process stay unaccessed after the kernel has unmapped them: a step of a
 * logarithmic scale for each page, in a byte.  Pure.
 *
 * The kernel sweeps a process's memory again and again.  What is known of a page holds until
 * the sweep after next has passed it without an access in between.
 */
#ifndef HOST_HINT_DELAYS_H
#define HOST_HINT_DELAYS_H

#include <stddef.h>
#include <stdint.h>

/* Delays up to 4 ms are of step 1, each step is four times as long, the last holds all above. */
#define HINT_DELAYS_FIRST_NS 4000000ULL
#define HINT_DELAYS_STEPS    8

struct hint_delays;

/* NULL: no memory.  Free it with hint_delays_free. */
struct hint_delays *hint_delays_new(void);
void hint_delays_free(struct hint_delays *delays);

/* The kernel has unmapped [start, end), at that time. */
void hint_delays_unmap(struct hint_delays *delays, uint64_t start, uint64_t end, uint64_t time_ns);

/*
 * So many pages from an address on were accessed, all within 2 MiB that are aligned.  Nothing is
 * learned of those that were not seen to be unmapped before.  Returns 0 or -ENOMEM.
 */
int hint_delays_access(struct hint_delays *delays, uint64_t address, unsigned int nr_pages,
		       uint64_t time_ns);

/* Sets the bits of pages in [start, end) whose step is known and not above that; bit 0 is start's.
 */
void hint_delays_read(const struct hint_delays *delays, uint64_t start, uint64_t end,
		      unsigned int step, uint64_t *bits);

#endif
