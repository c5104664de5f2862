/* SPDX-License-Identifier: MIT */
/* Watermarks: see watermarks.h. */
#include "watermarks.h"

#define PAGE_KIB 4

static uint64_t isqrt(uint64_t n)
{
	uint64_t root = 0;

	for (uint64_t bit = (uint64_t)1 << 31; bit; bit >>= 1)
		if ((root + bit) * (root + bit) <= n)
			root += bit;
	return root;
}

struct watermarks watermarks_of_node(uint64_t node_pages, uint64_t total_pages,
				     unsigned watermark_scale_factor)
{
	struct watermarks marks = { 0 };
	uint64_t min_free_kib = isqrt(total_pages * PAGE_KIB * 16), step;

	if (min_free_kib < 128)
		min_free_kib = 128;
	if (min_free_kib > 262144)
		min_free_kib = 262144;
	if (total_pages)
		marks.min_pages = (uint64_t)((unsigned __int128)(min_free_kib / PAGE_KIB) *
					     node_pages / total_pages);
	step = (uint64_t)((unsigned __int128)node_pages * watermark_scale_factor / 10000);
	if (step < marks.min_pages / 4)
		step = marks.min_pages / 4;
	marks.low_pages = marks.min_pages + step;
	marks.high_pages = marks.low_pages + step;
	marks.promo_pages = marks.high_pages + step;
	return marks;
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
