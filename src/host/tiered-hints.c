/* SPDX-License-Identifier: MIT */
/* What a process and others say of its memory: see tiered.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hint-table.h"
#include "tiered-internal.h"

void tiered_read_own_hints(struct tiered *tiered)
{
	const struct vma *vma = tiered->hint_table;
	int r;

	tiered->hints_refused = NULL;
	if (vma && !tiered->own_hints)
		tiered->own_hints = calloc(1, sizeof(*tiered->own_hints));
	if (!tiered->own_hints)
		return;
	r = vma ? hint_table_read(tiered->process.pid, vma->start, vma->end, tiered->own_hints,
				  &tiered->hints_refused)
		: 0;
	if (!vma || (r < 0 && r != -EAGAIN))
		tiered->own_hints->nr = 0;
	if (r < 0 && r != -EAGAIN && r != -EBADMSG)
		tiered->hints_refused = strerror(-r);
}

int tiered_hint(struct tiered *tiered, uint64_t start, uint64_t end, enum port_hint hint)
{
	if (start % PAGE_BYTES || end % PAGE_BYTES || start >= end)
		return -EINVAL;
	if (!tiered->others_hints)
		tiered->others_hints = calloc(1, sizeof(*tiered->others_hints));
	if (!tiered->others_hints)
		return -ENOMEM;
	return hint_ranges_set(tiered->others_hints, start, end, hint);
}

const char *tiered_hints_refused(const struct tiered *tiered)
{
	return tiered->hints_refused;
}

enum port_hint tiered_hint_of(const struct tiered *tiered, uint64_t start, uint64_t end,
			      uint64_t *until)
{
	const struct hint_ranges *const asked[] = { tiered->others_hints, tiered->own_hints };
	enum port_hint hint = PORT_HINT_NONE;

	*until = UINT64_MAX;
	for (size_t i = 0; i < 2; i++) {
		uint64_t changes = UINT64_MAX;

		if (!asked[i] || hint != PORT_HINT_NONE)
			continue;
		hint = hint_ranges_at(asked[i], start, &changes);
		if (changes < end)
			hint = hint_ranges_within(asked[i], start, end);
		if (changes < *until)
			*until = changes;
	}
	return hint;
}
