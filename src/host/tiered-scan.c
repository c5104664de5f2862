/* SPDX-License-Identifier: MIT */
/* What of a process's memory was accessed since the clear: see tiered.h. */
#include <string.h>

#include "least.h"
#include "tiered-internal.h"

/* Of a unit that was accessed: it gets the score where it has none.  Whether it had none. */
static bool score_unit(struct block *block, unsigned at, uint8_t score)
{
	if (block->seen[at] & SEEN_SCORE || block->places[at] == NO_PLACE)
		return false;
	block->seen[at] |= score;
	return true;
}

static bool is_any_set(const uint64_t *bits)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < BLOCK_PAGES / 64; i++)
		any |= bits[i];
	return any != 0;
}

/* is_fast: by place. */
static void score_huge(struct block *block, const uint64_t *bits, uint8_t score,
		       const bool *is_fast, struct tiering_seen *seen)
{
	seen->all_units++;
	if (!is_any_set(bits) || !score_unit(block, 0, score))
		return;
	seen->pages += block->nr_pages;
	seen->units++;
	seen->fast_units += is_fast[block->places[0]];
}

static void score_pages(struct block *block, const uint64_t *bits, uint8_t score,
			const bool *is_fast, struct tiering_seen *seen)
{
	unsigned pages = 0, fast_pages = 0;

	for (unsigned i = 0; i < BLOCK_PAGES / 64; i++)
		for (uint64_t word = bits[i]; word; word &= word - 1) {
			const unsigned page = i * 64 + (unsigned)__builtin_ctzll(word);

			if (!score_unit(block, page, score))
				continue;
			pages++;
			fast_pages += is_fast[block->places[page]];
		}
	seen->all_units += block->nr_pages;
	seen->pages += pages;
	seen->units += pages;
	seen->fast_units += fast_pages;
}

static void score_block(struct block *block, const uint64_t *bits, uint8_t score,
			const bool *is_fast, struct tiering_seen *seen)
{
	seen->all_pages += block->nr_pages;
	if (block->huge)
		score_huge(block, bits, score, is_fast, seen);
	else
		score_pages(block, bits, score, is_fast, seen);
}

/* How many blocks from one on follow each other without a gap, as far as the bitmap reaches. */
#define BITMAP_BLOCKS 64

static size_t together(const struct tiered *tiered, size_t first)
{
	size_t nr = 1;

	while (nr < BITMAP_BLOCKS && first + nr < tiered->nr_blocks &&
	       tiered->blocks[first + nr]->first_page ==
		       tiered->blocks[first]->first_page + nr * BLOCK_PAGES)
		nr++;
	return nr;
}

int tiered_scan(struct tiered *tiered, uint8_t score, const struct nodemask *fast,
		struct tiering_seen *ret)
{
	struct tracker *tracker = tiered->tracker;
	bool is_fast[MOST_NODES + 1] = { false };
	uint64_t bits[BITMAP_BLOCKS][BLOCK_PAGES / 64];
	size_t nr;
	int r = tracker->kind->begin_scan ? tracker->kind->begin_scan(tracker) : 0;

	if (r < 0)
		return r;
	*ret = (struct tiering_seen) { 0 };
	for (int place = 1; place <= tiered->nr_nodes; place++)
		is_fast[place] = nodemask_test(fast, tiered->nodes[place]);
	for (size_t first = 0; first < tiered->nr_blocks; first += nr) {
		const uint64_t start = tiered->blocks[first]->first_page * PAGE_BYTES;

		nr = together(tiered, first);
		memset(bits, 0, nr * sizeof(*bits));
		r = tracker->kind->scan(tracker, start, start + nr * BLOCK_BYTES, &bits[0][0]);
		if (r < 0)
			return r;
		for (size_t i = 0; i < nr; i++)
			score_block(tiered->blocks[first + i], bits[i], score, is_fast, ret);
	}
	return 0;
}

/* ---- Between rounds ----------------------------------------------------------------------- */

#define GROUP_BLOCKS (TIERING_GROUP_PAGES / BLOCK_PAGES)

static void count_unit(const struct block *block, unsigned at, uint8_t last_score,
		       struct tiering_peek *peek)
{
	const uint8_t score = block->seen[at] & SEEN_SCORE;

	if (block->places[at] == NO_PLACE)
		return;
	peek->unseen_units += !score;
	peek->last_units += score == last_score;
}

static void count_accessed(const struct block *block, const uint64_t *bits, uint8_t last_score,
			   struct tiering_peek *peek)
{
	if (block->huge) {
		if (is_any_set(bits))
			count_unit(block, 0, last_score, peek);
		return;
	}
	for (unsigned i = 0; i < BLOCK_PAGES / 64; i++)
		for (uint64_t word = bits[i]; word; word &= word - 1)
			count_unit(block, i * 64 + (unsigned)__builtin_ctzll(word), last_score,
				   peek);
}

/* As many blocks from one on as are in one group. */
static int peek_at(struct tiered *tiered, size_t first, size_t nr, uint8_t last_score,
		   struct tiering_peek *peek)
{
	struct block *const *blocks = &tiered->blocks[first];
	const uint64_t start = blocks[0]->first_page * PAGE_BYTES;
	uint64_t bits[GROUP_BLOCKS][BLOCK_PAGES / 64] = { 0 };
	int r = tiered->tracker->kind->scan(tiered->tracker, start, start + nr * BLOCK_BYTES,
					    &bits[0][0]);

	for (size_t i = 0; i < nr && r == 0; i++)
		count_accessed(blocks[i], bits[i], last_score, peek);
	return r;
}

int tiered_peek(struct tiered *tiered, const struct tiering_sample *sample,
		struct tiering_peek *ret)
{
	struct tracker *tracker = tiered->tracker;
	const size_t step = sample->groups * GROUP_BLOCKS;
	int r = tracker->kind->begin_scan ? tracker->kind->begin_scan(tracker) : 0;

	*ret = (struct tiering_peek) { 0 };
	for (size_t group = sample->number * GROUP_BLOCKS; group < tiered->nr_blocks && r == 0;
	     group += step) {
		const size_t end = least(group + GROUP_BLOCKS, tiered->nr_blocks);

		for (size_t first = group, nr; first < end && r == 0; first += nr) {
			nr = least(together(tiered, first), end - first);
			r = peek_at(tiered, first, nr, sample->last_score, ret);
		}
	}
	return r;
}
