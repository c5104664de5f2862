/* SPDX-License-Identifier: MIT */
/*
 * How much memory of a node is kept free.  Pure.
 *
 * The kernel's watermarks are constants of the machine (mm/page_alloc.c:
 * calculate_min_free_kbytes, __setup_per_zone_wmarks; mm/khugepaged.c:
 * set_recommended_min_free_kbytes). The promotion watermark that mpol uses follows what recently
 * had to be promoted, as Johannes Weiner proposed for the kernel's in 2022.
 */
#ifndef POLICY_WATERMARKS_H
#define POLICY_WATERMARKS_H

#include <stdint.h>

struct watermarks {
	uint64_t min_pages, low_pages, high_pages, promo_pages;
};

/* What the watermarks of all zones follow from. */
struct watermarks_rule {
	uint64_t min_free_kib; /* vm.min_free_kbytes */
	uint64_t total_pages;  /* managed by all zones but movable ones; not 0 */
	unsigned scale_factor; /* vm.watermark_scale_factor, 10 by default */
};

/* vm.min_free_kbytes of a machine at first: 4 * sqrt(KiB), from 128 to 262144. */
uint64_t watermarks_min_free_kib(uint64_t total_pages);

/*
 * What it is raised to where transparent huge pages are on (always or madvise), as they are
 * by default: 11 blocks of 2 MiB for each of the zones that have memory, movable ones left out, at
 * most a twentieth of it all.  Often several times as much; never lowered by it.
 */
uint64_t watermarks_min_free_kib_huge(uint64_t total_pages, unsigned nr_zones);

/*
 * A zone's watermarks: min is its part of min_free_kbytes, the others follow at distances of
 * max(min / 4, zone / 10000 * watermark_scale_factor).
 */
struct watermarks watermarks_of_zone(const struct watermarks_rule *rule, uint64_t zone_pages);

/* Of a movable zone (memory plugged in as such, or kernelcore=): its min is 32 to 128 pages. */
struct watermarks watermarks_of_movable_zone(const struct watermarks_rule *rule,
					     uint64_t zone_pages);

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
