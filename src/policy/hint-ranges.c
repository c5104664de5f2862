/* SPDX-License-Identifier: MIT */
/* Ranges with hints: see hint-ranges.h. */
#include "hint-ranges.h"

#include <errno.h>

/* The first range that ends behind the address; nr: there is none. */
static uint32_t find(const struct hint_ranges *ranges, uint64_t address)
{
	uint32_t low = 0, high = ranges->nr;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (ranges->ranges[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Adds a range behind all others: as part of the last one where that has the same hint. */
static bool append(struct hint_ranges *ranges, struct hint_range range)
{
	struct hint_range *last = ranges->nr ? &ranges->ranges[ranges->nr - 1] : NULL;

	if (range.start >= range.end || range.hint == PORT_HINT_NONE)
		return true;
	if (last && last->end == range.start && last->hint == range.hint) {
		last->end = range.end;
		return true;
	}
	if (ranges->nr == HINT_RANGES_MOST)
		return false;
	ranges->ranges[ranges->nr++] = range;
	return true;
}

int hint_ranges_set(struct hint_ranges *ranges, uint64_t start, uint64_t end, enum port_hint hint)
{
	const struct hint_range added = { start, end, hint };
	struct hint_ranges made = { 0 };
	bool fits = true;
	uint32_t i = 0;

	if (end <= start)
		return 0;
	for (; i < ranges->nr && ranges->ranges[i].start < start; i++) {
		struct hint_range before = ranges->ranges[i];

		if (before.end > start)
			before.end = start;
		fits = fits && append(&made, before);
	}
	fits = fits && append(&made, added);
	for (i = find(ranges, end); i < ranges->nr; i++) {
		struct hint_range after = ranges->ranges[i];

		if (after.start < end)
			after.start = end;
		fits = fits && append(&made, after);
	}
	if (!fits)
		return -ENOSPC;
	*ranges = made;
	return 0;
}

enum port_hint hint_ranges_at(const struct hint_ranges *ranges, uint64_t address,
			      uint64_t *ret_until)
{
	const uint32_t i = find(ranges, address);

	if (i == ranges->nr) {
		*ret_until = UINT64_MAX;
		return PORT_HINT_NONE;
	}
	if (ranges->ranges[i].start > address) {
		*ret_until = ranges->ranges[i].start;
		return PORT_HINT_NONE;
	}
	*ret_until = ranges->ranges[i].end;
	return ranges->ranges[i].hint;
}

static unsigned strength(enum port_hint hint)
{
	switch (hint) {
	case PORT_HINT_PINNED:
		return 3;
	case PORT_HINT_HOT:
		return 2;
	case PORT_HINT_COLD:
		return 1;
	case PORT_HINT_NONE:
		break;
	}
	return 0;
}

enum port_hint hint_ranges_within(const struct hint_ranges *ranges, uint64_t start, uint64_t end)
{
	enum port_hint strongest = PORT_HINT_NONE;

	for (uint32_t i = find(ranges, start); i < ranges->nr && ranges->ranges[i].start < end; i++)
		if (strength(ranges->ranges[i].hint) > strength(strongest))
			strongest = ranges->ranges[i].hint;
	return strongest;
}
