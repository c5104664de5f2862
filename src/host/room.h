/* SPDX-License-Identifier: MIT */
/*
 * How much a node can take in without the kernel having to struggle for it.
 *
 * move_pages(2) into a full node first reclaims there, which with demotion pushes
 * other programs' pages out, and at last complains in the kernel's log.  Below the low watermark
 * it begins to; its own promotion stops at the high one already (mm/migrate.c,
 * migrate_balanced_pgdat).
 */
#ifndef HOST_ROOM_H
#define HOST_ROOM_H

#include <stdint.h>

/* A node's watermarks in pages, summed over its zones. */
struct room_watermarks {
	uint64_t low_pages, high_pages;
};

/*
 * So long they are good for.  They change when somebody changes them, and to ask costs more than
 * any other file: zoneinfo has lines for each CPU of each zone.
 */
#define ROOM_WATERMARKS_NS 10000000000ULL

/* All 0 if they cannot be read. */
struct room_watermarks room_watermarks(int root, int node);

enum room {
	ROOM_FREE,	/* pages that are free */
	ROOM_ON_DEMAND, /* or hold clean pages of files.  Many take long to be had: the kernel looks
			   for those not in use, and reads what was from disk again */
};

/* Such pages beyond a watermark; a very large number where the node does not say. */
uint64_t room_pages(int root, int node, uint64_t watermark_pages, enum room room);

/* From the text of /proc/zoneinfo (NULL: there is none, all is 0) and of nodeN/vmstat. */
struct room_watermarks room_parse_watermarks(const char *zoneinfo, int node);
uint64_t room_parse_present_pages(const char *zoneinfo); /* all nodes' */
uint64_t room_parse_pages(const char *vmstat, uint64_t watermark_pages, enum room room);

#endif
