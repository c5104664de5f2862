/* SPDX-License-Identifier: MIT */
/*
 * Splitting a process's huge pages: see tiered.h.
 *
 * What became of a huge page is asked of the census at once, since the kernel does not tell; a
 * block is therefore always what it was last seen to be.
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "huge-split.h"
#include "tiered-internal.h"

bool tiered_is_to_be_split(const struct tiered *tiered, const struct block *block)
{
	const uint64_t start = block->first_page * PAGE_BYTES;
	struct huge_page page;
	uint64_t until;

	if (!tiered->splits || !block->huge)
		return false;
	page = (struct huge_page) {
		.seen = block->seen[0] & SEEN_SCORE,
		.hint = tiered_hint_of(tiered, start, start + BLOCK_BYTES, &until),
		.may_move = block->places[0] != NO_PLACE && !(block->seen[0] & SEEN_KEEPS_PLACE),
		.nr_splits = block->nr_splits,
	};
	return huge_page_is_worth_splitting(&page);
}

struct look {
	struct tiered *tiered;
	struct block *block;
};

static int take_piece(const struct census_run *run, void *user)
{
	const struct look *look = user;
	struct block *block = look->block;
	const uint64_t first = run->start / PAGE_BYTES - block->first_page;
	const uint64_t pages = (run->end - run->start) / PAGE_BYTES;

	block->huge = run->unit_bytes == BLOCK_BYTES;
	block->nr_pages += (uint16_t)pages;
	memset(&block->places[first], tiered_place_of(look->tiered, run->node), pages);
	return 0;
}

/* What is at the block's addresses now. */
static int look_again(struct tiered *tiered, struct block *block)
{
	struct look look = { tiered, block };
	const struct census_request request = {
		.start = block->first_page * PAGE_BYTES,
		.end = block->first_page * PAGE_BYTES + BLOCK_BYTES,
		.page_bytes = PAGE_BYTES,
		.run = take_piece,
		.user = &look,
	};

	block->huge = false;
	block->nr_pages = 0;
	memset(block->places, NO_PLACE, sizeof(block->places));
	return census_walk(tiered->census, &request);
}

static int split_block(struct tiered *tiered, struct block *block, struct tiered_splits *splits)
{
	int r = huge_split(tiered->process.pidfd, block->first_page * PAGE_BYTES);

	/* What must not be split, or is gone, has no errno of its own: nothing is wrong with us. */
	if (r < 0 && r != -EINVAL && r != -ENOMEM)
		return r;
	splits->left--;
	block->nr_splits++;
	r = look_again(tiered, block);
	if (r < 0 || block->huge)
		return r;
	splits->huge_pages += block->places[0] != NO_PLACE; /* else it has gone */
	memset(block->seen, 0, sizeof(block->seen));
	memset(block->units, 0, sizeof(block->units));
	return 0;
}

int tiered_split(struct tiered *tiered, bool wanted, struct tiered_splits *splits)
{
	int r = 0;

	tiered->splits = wanted;
	for (size_t i = 0; wanted && i < tiered->nr_blocks && r == 0; i++) {
		struct block *block = tiered->blocks[i];

		if (!tiered_is_to_be_split(tiered, block))
			continue;
		if (!splits->left || clock_now_ns() >= splits->until_ns)
			break;
		r = split_block(tiered, block, splits);
	}
	if (r < 0)
		tiered->splits = false;
	return r;
}
