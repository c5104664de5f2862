/* SPDX-License-Identifier: MIT */
/*
 * How much memory of a node is kept free.  Pure.
 *
 * The kernel's watermarks are constants of the machine (mm/page_alloc.c,
 * init_per_zone_wmark_min and __setup_per_zone_wmarks).  The promotion
 * watermark that mpol uses follows what recently had to be promoted, as Johannes Weiner
 * proposed for the kernel's in 2022.
 */
#ifndef POLICY_WATERMARKS_H
#define POLICY_WATERMARKS_H

#include <stdint.h>

struct watermarks {
	uint64_t min_pages, low_pages, high_pages, promo_pages;
};

/*
 * A node's watermarks as Linux computes them at boot: min_free_kbytes is
 * 4 * sqrt(total KiB), between 128 KiB and 256 MiB, and shared out by size; the others follow at
 * distances of max(min / 4, node / 10000 * watermark_scale_factor) (10 by default).
 * A zone's part that is reserved for lower zones is not in it.
 */
struct watermarks watermarks_of_node(uint64_t node_pages, uint64_t total_pages,
				     unsigned watermark_scale_factor);

/* What promotions have recently asked for, in pages: a peak that fades by half each second. */
struct watermark_demand {
	uint64_t since_ns;	 /* when the present interval began */
	uint64_t interval_pages; /* asked for in it */
	uint64_t pages;		 /* the peak per interval */
};

#define WATERMARK_INTERVAL_NS 100000000ULL

void watermark_demand_add(struct watermark_demand *demand, uint64_t pages);

/* Lets time pass; to be called at least every few intervals. */
void watermark_demand_age(struct watermark_demand *demand, uint64_t now_ns);

/*
 * How much to keep free: the base, and what is asked for in the time it takes to free it
 * (one interval), at most an eighth of the node.
 */
uint64_t watermark_boosted(uint64_t base_pages, uint64_t node_pages,
			   const struct watermark_demand *demand);

#endif
