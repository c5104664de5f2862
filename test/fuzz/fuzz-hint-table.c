/* SPDX-License-Identifier: MIT */
/* Any bytes as a process's table of hints: what is taken is in order, and can be looked up. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hint-table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hint_table table; /* the rest is zeros: short inputs are tables too */
	static struct hint_ranges ranges;
	const char *why = NULL;
	uint64_t until;
	int r;

	memset(&table, 0, sizeof(table));
	memcpy(&table, data, size < sizeof(table) ? size : sizeof(table));
	r = hint_table_parse(&table, sizeof(table), &ranges, &why);
	if ((r < 0) != (r == -EBADMSG || r == -EAGAIN) || (r == -EBADMSG) != (why != NULL))
		abort();
	if (r < 0)
		return 0;
	if (ranges.nr > HINT_RANGES_MOST)
		abort();
	for (uint32_t i = 0; i < ranges.nr; i++) {
		const struct hint_range *range = &ranges.ranges[i];

		if (range->start >= range->end || range->start % 4096 || range->end % 4096 ||
		    (i && range->start < ranges.ranges[i - 1].end))
			abort();
		if (hint_ranges_at(&ranges, range->start, &until) != range->hint ||
		    until != range->end)
			abort();
	}
	return 0;
}
