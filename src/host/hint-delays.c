/* SPDX-License-Identifier: MIT */
/* Delays of hint faults: see hint-delays.h. */
#include "hint-delays.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grow.h"
#include "pagemap.h"

#define BLOCK_PAGES 512

/* Ranges that were unmapped lately; the latest that has a page counts.  A sweep has one for each
 * mapping, at least. */
#define MOST_RANGES 1024

/* Of a page: its step, 0 if unknown, and that this is from after the last sweep. */
#define STEP_MASK 0x7f
#define FRESH	  0x80

struct block {
	uint64_t first_page;
	uint8_t pages[BLOCK_PAGES];
};

struct range {
	uint64_t start, end, time_ns;
};

struct hint_delays {
	struct block **blocks; /* by address */
	size_t nr_blocks, nr_allocated;
	struct range ranges[MOST_RANGES];
	uint64_t nr_ranges; /* ever; the latest is before this one, modulo MOST_RANGES */
};

struct hint_delays *hint_delays_new(void)
{
	return calloc(1, sizeof(struct hint_delays));
}

void hint_delays_free(struct hint_delays *delays)
{
	if (!delays)
		return;
	for (size_t i = 0; i < delays->nr_blocks; i++)
		free(delays->blocks[i]);
	free(delays->blocks);
	free(delays);
}

/* The first block that ends behind the page; nr_blocks: there is none. */
static size_t find_block(const struct hint_delays *delays, uint64_t page)
{
	size_t low = 0, high = delays->nr_blocks;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (delays->blocks[middle]->first_page + BLOCK_PAGES > page)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* The page's block, made where there is none.  NULL: no memory. */
static struct block *block_of(struct hint_delays *delays, uint64_t page)
{
	const size_t at = find_block(delays, page);
	struct block **blocks, *block;

	if (at < delays->nr_blocks && delays->blocks[at]->first_page <= page)
		return delays->blocks[at];
	blocks = grow(delays->blocks, delays->nr_blocks, &delays->nr_allocated,
		      sizeof(struct block *));
	if (!blocks)
		return NULL;
	delays->blocks = blocks;
	block = calloc(1, sizeof(*block));
	if (!block)
		return NULL;
	block->first_page = page - page % BLOCK_PAGES;
	memmove(&blocks[at + 1], &blocks[at], (delays->nr_blocks++ - at) * sizeof(struct block *));
	blocks[at] = block;
	return block;
}

void hint_delays_unmap(struct hint_delays *delays, uint64_t start, uint64_t end, uint64_t time_ns)
{
	const uint64_t first = start / PAGE_BYTES, behind = (end + PAGE_BYTES - 1) / PAGE_BYTES;

	delays->ranges[delays->nr_ranges++ % MOST_RANGES] = (struct range) { start, end, time_ns };
	for (size_t i = find_block(delays, first);
	     i < delays->nr_blocks && delays->blocks[i]->first_page < behind; i++)
		for (unsigned page = 0; page < BLOCK_PAGES; page++) {
			const uint64_t number = delays->blocks[i]->first_page + page;
			uint8_t *known = &delays->blocks[i]->pages[page];

			if (number >= first && number < behind)
				*known = *known & FRESH ? *known & STEP_MASK : 0;
		}
}

/* The latest range that has the address and is not later than that; NULL: none is known. */
static const struct range *find_range(const struct hint_delays *delays, uint64_t address,
				      uint64_t time_ns)
{
	const uint64_t nr = delays->nr_ranges < MOST_RANGES ? delays->nr_ranges : MOST_RANGES;

	for (uint64_t i = 1; i <= nr; i++) {
		const struct range *range = &delays->ranges[(delays->nr_ranges - i) % MOST_RANGES];

		if (address >= range->start && address < range->end && time_ns >= range->time_ns)
			return range;
	}
	return NULL;
}

static uint8_t step_of(uint64_t delay_ns)
{
	uint8_t step = 1;

	for (uint64_t most = HINT_DELAYS_FIRST_NS; delay_ns > most && step < HINT_DELAYS_STEPS;
	     most *= 4)
		step++;
	return step;
}

int hint_delays_access(struct hint_delays *delays, uint64_t address, unsigned int nr_pages,
		       uint64_t time_ns)
{
	const struct range *range = find_range(delays, address, time_ns);
	const uint64_t first = address / PAGE_BYTES % BLOCK_PAGES;
	struct block *block;

	if (!range)
		return 0;
	block = block_of(delays, address / PAGE_BYTES);
	if (!block)
		return -ENOMEM;
	for (uint64_t page = first; page < first + nr_pages && page < BLOCK_PAGES; page++)
		block->pages[page] = FRESH | step_of(time_ns - range->time_ns);
	return 0;
}

void hint_delays_read(const struct hint_delays *delays, uint64_t start, uint64_t end,
		      unsigned int step, uint64_t *bits)
{
	const uint64_t first = start / PAGE_BYTES, behind = end / PAGE_BYTES;

	for (size_t i = find_block(delays, first);
	     i < delays->nr_blocks && delays->blocks[i]->first_page < behind; i++)
		for (unsigned page = 0; page < BLOCK_PAGES; page++) {
			const uint64_t number = delays->blocks[i]->first_page + page;
			const unsigned known = delays->blocks[i]->pages[page] & STEP_MASK;

			if (known && known <= step && number >= first && number < behind)
				bits[(number - first) / 64] |= 1ULL << (number - first) % 64;
		}
}
