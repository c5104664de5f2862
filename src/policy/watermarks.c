/* SPDX-License-Identifier: MIT */
/* Watermarks: see watermarks.h. */
#include "watermarks.h"

#define PAGE_KIB	  4
#define BLOCK_PAGES	  512 /* a page block: 2 MiB */
#define BLOCKS_PER_ZONE	  11  /* 2, and 3 * 3 for the kinds of memory and what they fall back to */
#define SMALLEST_MIN_KIB  128
#define LARGEST_MIN_KIB	  262144
#define MOVABLE_MIN_PAGES 32
#define MOVABLE_MAX_PAGES 128

static uint64_t isqrt(uint64_t n)
{
	uint64_t root = 0;

	for (uint64_t bit = (uint64_t)1 << 31; bit; bit >>= 1)
		if ((root + bit) * (root + bit) <= n)
			root += bit;
	return root;
}

static uint64_t clamp(uint64_t value, uint64_t least, uint64_t most)
{
	return value < least ? least : value > most ? most : value;
}

/* value * numerator / denominator without overflow. */
static uint64_t part_of(uint64_t value, uint64_t numerator, uint64_t denominator)
{
	return (uint64_t)((unsigned __int128)value * numerator / denominator);
}

uint64_t watermarks_min_free_kib(uint64_t total_pages)
{
	return clamp(isqrt(total_pages * PAGE_KIB * 16), SMALLEST_MIN_KIB, LARGEST_MIN_KIB);
}

uint64_t watermarks_min_free_kib_huge(uint64_t total_pages, unsigned nr_zones)
{
	const uint64_t at_first = watermarks_min_free_kib(total_pages);
	uint64_t pages = (uint64_t)nr_zones * BLOCKS_PER_ZONE * BLOCK_PAGES;

	if (pages > total_pages / 20)
		pages = total_pages / 20;
	return pages * PAGE_KIB > at_first ? pages * PAGE_KIB : at_first;
}

static struct watermarks from_min(const struct watermarks_rule *rule, uint64_t zone_pages,
				  uint64_t min_pages, uint64_t share_pages)
{
	uint64_t step = part_of(zone_pages, rule->scale_factor, 10000);

	if (step < share_pages / 4)
		step = share_pages / 4;
	return (struct watermarks) {
		.min_pages = min_pages,
		.low_pages = min_pages + step,
		.high_pages = min_pages + 2 * step,
		.promo_pages = min_pages + 3 * step,
	};
}

static uint64_t share_of(const struct watermarks_rule *rule, uint64_t zone_pages)
{
	return part_of(rule->min_free_kib / PAGE_KIB, zone_pages, rule->total_pages);
}

struct watermarks watermarks_of_zone(const struct watermarks_rule *rule, uint64_t zone_pages)
{
	const uint64_t share = share_of(rule, zone_pages);

	return from_min(rule, zone_pages, share, share);
}

struct watermarks watermarks_of_movable_zone(const struct watermarks_rule *rule,
					     uint64_t zone_pages)
{
	return from_min(rule, zone_pages,
			clamp(zone_pages / 1024, MOVABLE_MIN_PAGES, MOVABLE_MAX_PAGES),
			share_of(rule, zone_pages));
}

void watermark_demand_add(struct watermark_demand *demand, uint64_t pages)
{
	demand->interval_pages += pages;
}

void watermark_demand_age(struct watermark_demand *demand, uint64_t now_ns)
{
	while (now_ns - demand->since_ns >= WATERMARK_INTERVAL_NS) {
		/* Fifteen sixteenths per tenth of a second is about a half per second. */
		demand->pages -= (demand->pages + 15) / 16;
		if (demand->interval_pages > demand->pages)
			demand->pages = demand->interval_pages;
		demand->interval_pages = 0;
		demand->since_ns += WATERMARK_INTERVAL_NS;
		if (demand->pages == 0)
			demand->since_ns += (now_ns - demand->since_ns) / WATERMARK_INTERVAL_NS *
					    WATERMARK_INTERVAL_NS;
	}
}

uint64_t watermark_boosted(uint64_t base_pages, uint64_t node_pages,
			   const struct watermark_demand *demand)
{
	const uint64_t most = node_pages / 8;
	uint64_t pages = base_pages + demand->pages;

	if (pages > most)
		pages = most > base_pages ? most : base_pages;
	return pages;
}
