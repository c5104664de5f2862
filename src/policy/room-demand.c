/* SPDX-License-Identifier: MIT */
/* Demand for free memory: see room-demand.h. */
#include "room-demand.h"

#define NS_PER_S 1000000000ULL

/* Each round takes its share of this time away from an old demand, but an eighth at most. */
#define FADE_NS	      4000000000ULL
#define MOST_FADED_NS (FADE_NS / 8)

void room_demand_leave(struct room_demand *demand, uint64_t now_ns, uint64_t free_pages)
{
	demand->is_known = true;
	demand->left_ns = now_ns;
	demand->left_pages = free_pages;
}

static uint64_t scale(uint64_t value, uint64_t numerator, uint64_t denominator)
{
	return (uint64_t)((unsigned __int128)value * numerator / denominator);
}

void room_demand_return(struct room_demand *demand, uint64_t now_ns, uint64_t free_pages)
{
	const uint64_t passed_ns = now_ns - demand->left_ns;
	const uint64_t faded_ns = passed_ns < MOST_FADED_NS ? passed_ns : MOST_FADED_NS;
	uint64_t now_per_s = 0;

	if (!demand->is_known || passed_ns == 0)
		return;
	if (free_pages < demand->left_pages)
		now_per_s = scale(demand->left_pages - free_pages, NS_PER_S, passed_ns);
	demand->pages_per_s -= scale(demand->pages_per_s, faded_ns, FADE_NS);
	if (now_per_s > demand->pages_per_s)
		demand->pages_per_s = now_per_s;
	demand->is_known = false;
}

uint64_t room_demand_pages(const struct room_demand *demand, uint64_t round_ns,
			   uint64_t capacity_pages)
{
	const uint64_t most = scale(capacity_pages, ROOM_DEMAND_PERMILLE, 1000);
	const uint64_t pages = scale(demand->pages_per_s, round_ns, NS_PER_S);

	return pages < most ? pages : most;
}
