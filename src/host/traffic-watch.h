/* SPDX-License-Identifier: MIT */
/*
 * Watching which pages of a process are accessed within moments, to tell its traffic
 * (policy/traffic.h): all is cleared, and what was accessed since is looked at several times.
 */
#ifndef HOST_TRAFFIC_WATCH_H
#define HOST_TRAFFIC_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "page.h"
#include "tracker.h"
#include "traffic.h"

/* Memory to be watched: addresses of whole pages; and what was seen of it, piece by piece. */
struct watched_range {
	uint64_t start, end;
	size_t piece_pages;
	struct traffic_looks *looks; /* one for each, zeroed; the caller's */
};

/* How many pieces it has. */
static inline size_t watched_nr_pieces(const struct watched_range *range)
{
	const size_t nr_pages = (range->end - range->start) / PAGE_BYTES;

	return (nr_pages + range->piece_pages - 1) / range->piece_pages;
}

/*
 * Looks ten times a second for time_ns, at least once, and adds up what it sees.  Each look makes
 * the process pay for its next access to each page what the tracker's kind says.
 * Ranges ascend, of TRAFFIC_MAX_PIECES at most.  Errors: -ENOMEM, -ESRCH and others of the
 * tracker's.
 */
int traffic_watch(struct tracker *tracker, uint64_t time_ns, struct watched_range *ranges,
		  size_t nr_ranges, unsigned *ret_looks);

#endif
