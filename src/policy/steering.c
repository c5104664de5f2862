/* SPDX-License-Identifier: MIT */
/* Sizing batches of pages by the time they take: see steering.h. */
#include "steering.h"

/* First guesses, for a slow machine. */
#define FIRST_UNIT_NS 100000U
#define FIRST_PAGE_NS 10000U

/* No estimate falls below: a batch must not grow without bounds on a clock that stands still. */
#define LEAST_UNIT_NS 100U

static unsigned int size_of(uint64_t pages)
{
	unsigned int size = pages > 1 ? 63 - (unsigned int)__builtin_clzll(pages) : 0;

	return size < STEERING_SIZES ? size : STEERING_SIZES - 1;
}

void steering_start(struct steering *steering, uint64_t aim_ns)
{
	steering->aim_ns = aim_ns;
	for (unsigned int size = 0; size < STEERING_SIZES; size++)
		steering->unit_ns[size] = FIRST_UNIT_NS + ((uint64_t)FIRST_PAGE_NS << size);
}

bool steering_has_room(const struct steering *steering, const struct steering_batch *batch,
		       uint64_t pages)
{
	return !batch->units || batch->pages + pages <= STEERING_LEAST_PAGES ||
	       batch->expected_ns + steering->unit_ns[size_of(pages)] <= steering->aim_ns;
}

void steering_add(const struct steering *steering, struct steering_batch *batch, uint64_t pages)
{
	unsigned int size = size_of(pages);

	batch->units++;
	batch->pages += pages;
	batch->expected_ns += steering->unit_ns[size];
	batch->share_ns[size] += steering->unit_ns[size];
}

void steering_learn(struct steering *steering, const struct steering_batch *batch, uint64_t took_ns)
{
	double ratio;

	if (!batch->expected_ns)
		return;
	ratio = (double)took_ns / (double)batch->expected_ns;
	if (ratio < 0.5)
		ratio = 0.5;
	for (unsigned int size = 0; size < STEERING_SIZES; size++) {
		double share = (double)batch->share_ns[size] / (double)batch->expected_ns;
		double unit_ns = (double)steering->unit_ns[size] * (1 + share * (ratio - 1));

		if (!batch->share_ns[size])
			continue;
		steering->unit_ns[size] =
			unit_ns < LEAST_UNIT_NS ? LEAST_UNIT_NS : (uint64_t)unit_ns;
	}
}
