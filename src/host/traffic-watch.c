/* SPDX-License-Identifier: MIT */
/* Watching traffic: see traffic-watch.h. */
#include "traffic-watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "least.h"
#include "page.h"

#define PERIOD_NS 100000000U

/* What is scanned with one call. */
#define CHUNK_PAGES 32768UL
#define WORD_BITS   64

/* One look: when all was cleared.  That takes a while, and goes by addresses as scans do. */
struct look {
	struct tracker *tracker;
	struct watched_range *ranges;
	size_t nr_ranges;
	uint64_t all_bytes;
	uint64_t *bits; /* room for those of the largest range */
	uint64_t clear_began_ns, clear_ended_ns;
};

static int scan(const struct look *look, const struct watched_range *range)
{
	struct tracker *tracker = look->tracker;
	int r = 0;

	memset(look->bits, 0,
	       ((range->end - range->start) / PAGE_BYTES / WORD_BITS + 1) * sizeof(*look->bits));
	for (uint64_t at = range->start; r == 0 && at < range->end; at += CHUNK_PAGES * PAGE_BYTES)
		r = tracker->kind->scan(tracker, at,
					least(range->end, at + CHUNK_PAGES * PAGE_BYTES),
					&look->bits[(at - range->start) / PAGE_BYTES / WORD_BITS]);
	return r;
}

/* What each range shows so long after the clear: on average its pages are scanned half way. */
static int see(const struct look *look, unsigned moment)
{
	struct tracker *tracker = look->tracker;
	const double clear_ns = (double)(look->clear_ended_ns - look->clear_began_ns);
	uint64_t before_bytes = 0;
	int r = tracker->kind->begin_scan ? tracker->kind->begin_scan(tracker) : 0;

	for (size_t i = 0; r == 0 && i < look->nr_ranges; i++) {
		struct watched_range *range = &look->ranges[i];
		const uint64_t bytes = range->end - range->start;
		const uint64_t cleared_ns =
			look->clear_began_ns +
			(uint64_t)(clear_ns * (double)(before_bytes + bytes / 2) /
				   (double)look->all_bytes);
		const uint64_t began_ns = clock_now_ns();
		struct traffic_seen seen[TRAFFIC_MAX_PIECES];
		uint64_t scanned_ns;

		r = scan(look, range);
		scanned_ns = began_ns + (clock_now_ns() - began_ns) / 2;
		traffic_look(look->bits, range->start / PAGE_BYTES, bytes / PAGE_BYTES,
			     range->piece_pages, seen);
		for (size_t piece = 0; piece < watched_nr_pieces(range); piece++)
			traffic_add(&range->looks[piece], moment, &seen[piece],
				    scanned_ns - cleared_ns);
		before_bytes += bytes;
	}
	return r;
}

static int look_once(struct look *look)
{
	int r;

	look->clear_began_ns = clock_now_ns();
	r = look->tracker->kind->clear(look->tracker);
	look->clear_ended_ns = clock_now_ns();
	for (unsigned moment = 0; r == 0 && moment < TRAFFIC_MOMENTS; moment++) {
		clock_sleep_until(look->clear_ended_ns + ((uint64_t)TRAFFIC_FIRST_NS << moment));
		r = see(look, moment);
	}
	return r;
}

int traffic_watch(struct tracker *tracker, uint64_t time_ns, struct watched_range *ranges,
		  size_t nr_ranges, unsigned *ret_looks)
{
	struct look look = { .tracker = tracker, .ranges = ranges, .nr_ranges = nr_ranges };
	_cleanup_free_ uint64_t *bits = NULL;
	const uint64_t began_ns = clock_now_ns();
	uint64_t largest_bytes = 0, next_ns = began_ns;
	unsigned looks = 0;
	int r;

	for (size_t i = 0; i < nr_ranges; i++) {
		const uint64_t bytes = ranges[i].end - ranges[i].start;

		look.all_bytes += bytes;
		if (bytes > largest_bytes)
			largest_bytes = bytes;
	}
	look.bits = bits = calloc(largest_bytes / PAGE_BYTES / WORD_BITS + 1, sizeof(*bits));
	if (!bits)
		return -ENOMEM;
	do {
		clock_sleep_until(next_ns);
		r = look_once(&look);
		next_ns += PERIOD_NS;
		looks += r == 0;
	} while (r == 0 && next_ns - began_ns < time_ns);
	*ret_looks = looks;
	return r;
}
