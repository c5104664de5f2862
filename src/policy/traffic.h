/* SPDX-License-Identifier: MIT */
/*
 * Which ranges of a program drive memory's bandwidth.  Those are worth an interleave over several
 * nodes; for all others it only makes each access slower (Price, LSFMM+BPF 2024).  Pure.
 *
 * What is known of a range is which of its pages were accessed within moments after a clear.  A
 * stream shows as a run of neighbours, all of whose lines are read or written, and which is longer
 * than chance would have it with so many pages accessed; of others no more is known than a line.
 * From all traffic beside what the local nodes deliver follows how much more is asked for.
 */
#ifndef POLICY_TRAFFIC_H
#define POLICY_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bandwidth.h"

/*
 * Scans after a clear, the first after a millisecond, each after twice as long as the one before.
 * Short ones tell of fast streams, which soon have gone through all of a range, long ones of slow
 * streams and of huge pages.
 */
#define TRAFFIC_MOMENTS	 6
#define TRAFFIC_FIRST_NS 1000000U

/* What a moment shows, or a sum of such. */
struct traffic_seen {
	uint64_t streamed_bytes; /* of runs too long to be chance, whole */
	uint64_t strewn_bytes;	 /* a line of each other page, or huge page */
	uint64_t full;		 /* moments in which nearly all was accessed */
};

/* What all looks at a range show, moment by moment. */
struct traffic_looks {
	struct traffic_seen seen[TRAFFIC_MOMENTS];
	uint64_t ns[TRAFFIC_MOMENTS]; /* since the clear, added up */
	uint64_t nr;
};

/* A range, and its traffic per second. */
struct traffic_range {
	uint64_t pages;
	uint64_t streamed_bytes, strewn_bytes;
	bool untold; /* the shortest moment shows all of it: there may be much more */
};

enum traffic_verdict {
	TRAFFIC_DRIVES,	 /* interleaving it makes the whole faster */
	TRAFFIC_IDLE,	 /* it was not accessed */
	TRAFFIC_LITTLE,	 /* others have nearly all of the traffic */
	TRAFFIC_LATENCY, /* local memory delivers all that is asked for, and answers sooner */
	TRAFFIC_NO_GAIN, /* an interleave would not be faster, or hardly */
	TRAFFIC_NO_ROOM, /* one of the nodes has none for its part of the range */
	TRAFFIC_UNTOLD,	 /* accessed all over within a moment, or more than memory delivers */
	TRAFFIC_NR_VERDICTS,
};

/* A program and the nodes that its memory may be on. */
struct traffic_case {
	/* The nodes, each with its latency and curve; in_flight_bytes has no meaning here. */
	const struct bandwidth_profile *profile;
	const uint64_t *local;	    /* [nodes] parts of the memory, where all of it is local */
	const uint8_t *weights;	    /* [nodes] of the interleave */
	const uint64_t *room_pages; /* [nodes] that may come; NULL: as many as one likes */
	uint64_t bytes;		    /* of traffic per second, where that is known; 0: as seen */
	const struct traffic_range *ranges;
	size_t nr_ranges;
};

/* Traffic, in bytes per second. */
struct traffic_choice {
	uint64_t bytes;		 /* of all ranges together */
	uint64_t local_bytes;	 /* what would flow with all memory local */
	uint64_t chosen_bytes;	 /* and with those interleaved that drive; never less */
	uint64_t all_bytes;	 /* and with all ranges interleaved */
	uint64_t capacity_bytes; /* what the local nodes deliver at most */
	size_t nr_driving;
};

/*
 * Ranges are chosen in pieces, as the kernel joins what lies side by side: of so many pages, but
 * for the last one; TRAFFIC_MAX_PIECES at most.
 */
#define TRAFFIC_MAX_PIECES 64
uint64_t traffic_piece_pages(uint64_t nr_pages);

/*
 * What one moment shows of a range: bit i is set if its page i, first_page + i of the address
 * space, was accessed.  Where huge pages are accessed, which show as a whole, they are what
 * is counted.  ret_seen: one for each piece of piece_pages.
 */
void traffic_look(const uint64_t *bits, uint64_t first_page, size_t nr_pages, size_t piece_pages,
		  struct traffic_seen *ret_seen);

/* Adds to the looks what one moment has shown, so long after the clear. */
void traffic_add(struct traffic_looks *looks, unsigned moment, const struct traffic_seen *seen,
		 uint64_t ns);

/* What the looks say of a range of so many pages; without any: nothing. */
struct traffic_range traffic_of(const struct traffic_looks *looks, uint64_t pages);

/* A range's traffic for all that is known. */
static inline uint64_t traffic_bytes(const struct traffic_range *range)
{
	return range->streamed_bytes + range->strewn_bytes;
}

/*
 * Of memory what is local: of the nodes nearest to threads as much as each has of it; where none
 * has any, as many parts as threads.  All [nr_nodes]; ret_local may be here.
 */
void traffic_local(const uint64_t *threads, const uint64_t *here, size_t nr_nodes,
		   uint64_t *ret_local);

/*
 * Chooses the ranges with the most traffic per page, as few of them as bring what flows to within
 * half a percent of the most; and none at all unless that is TRAFFIC_LEAST_GAIN more than with all
 * memory local.  By the model of bandwidth.h: what the program has in flight is what it gets now
 * at the latency of local memory under that load.  ret_verdicts: one for each range.
 *
 * Returns 0; -EINVAL: no nodes, or none that is local or has a weight; -ENODATA: one of these
 * delivers nothing, or its latency is 0; -ENOMEM.
 */
int traffic_choose(const struct traffic_case *traffic, enum traffic_verdict *ret_verdicts,
		   struct traffic_choice *ret_choice);

/* Moving memory costs as well. */
#define TRAFFIC_LEAST_GAIN_PERMILLE 20

/* For people: "drives bandwidth", "not accessed". */
const char *traffic_verdict_text(enum traffic_verdict verdict);

#endif
