/* SPDX-License-Identifier: MIT */
/*
 * Ranges of a process's addresses with hints (ports.h): ascending, disjoint, and as few as can
 * be.  Pure.
 */
#ifndef POLICY_HINT_RANGES_H
#define POLICY_HINT_RANGES_H

#include "ports.h"

#define HINT_RANGES_MOST 1024

struct hint_range {
	uint64_t start, end; /* addresses of whole pages, end exclusive */
	enum port_hint hint; /* not PORT_HINT_NONE */
};

/* Zero-initialise. */
struct hint_ranges {
	uint32_t nr;
	struct hint_range ranges[HINT_RANGES_MOST];
};

/*
 * Gives the addresses from start to end a hint, whatever parts of them had; PORT_HINT_NONE takes
 * hints back.  Nothing is done where end is not above start.
 * Returns 0, or -ENOSPC: too many ranges, nothing has changed.
 */
int hint_ranges_set(struct hint_ranges *ranges, uint64_t start, uint64_t end, enum port_hint hint);

/* The hint at an address, and in *ret_until the address from which on there may be another. */
enum port_hint hint_ranges_at(const struct hint_ranges *ranges, uint64_t address,
			      uint64_t *ret_until);

/* The strongest hint in [start, end): pinned before hot before cold. */
enum port_hint hint_ranges_within(const struct hint_ranges *ranges, uint64_t start, uint64_t end);

#endif
