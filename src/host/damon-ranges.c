/* SPDX-License-Identifier: MIT */
/* Ranges for DAMON: see damon-ranges.h. */
#include "damon-ranges.h"

#include <string.h>

#include "maps.h"

/* Gaps that are no worth a range of their own. */
#define NEAR_BYTES (2UL << 20)

/* Joins the two neighbours that are closest; there are two at least. */
static void join_closest(struct damon_ranges *ranges)
{
	size_t best = 1;

	for (size_t i = 2; i < ranges->nr; i++)
		if (ranges->items[i].start - ranges->items[i - 1].end <
		    ranges->items[best].start - ranges->items[best - 1].end)
			best = i;
	ranges->items[best - 1].end = ranges->items[best].end;
	memmove(&ranges->items[best], &ranges->items[best + 1],
		(--ranges->nr - best) * sizeof(*ranges->items));
}

static void add(struct damon_ranges *ranges, uint64_t start, uint64_t end)
{
	struct damon_range *last = ranges->nr ? &ranges->items[ranges->nr - 1] : NULL;

	if (last && start - last->end < NEAR_BYTES) {
		last->end = end;
		return;
	}
	if (ranges->nr == DAMON_RANGES_MAX)
		join_closest(ranges);
	ranges->items[ranges->nr++] = (struct damon_range) { start, end };
}

/* Of the kernel's own mappings, [vsyscall] lies outside of what a process has. */
static int is_wanted(const struct maps_entry *entry)
{
	return (entry->permissions[0] == 'r' || entry->permissions[1] == 'w') &&
	       strncmp(entry->name, "[v", 2) != 0;
}

int damon_ranges_read(char *maps, struct damon_ranges *ret)
{
	struct damon_ranges ranges = { 0 };
	struct maps_entry entry;
	uint64_t behind = 0;
	int r;

	while ((r = maps_next(&maps, &entry)) == 1) {
		if (!is_wanted(&entry) || entry.start < behind || entry.end <= entry.start)
			continue;
		add(&ranges, entry.start, entry.end);
		behind = entry.end;
	}
	if (r == 0)
		*ret = ranges;
	return r;
}
