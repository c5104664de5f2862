/* SPDX-License-Identifier: MIT */
/* Cells of a density, and the alias table over them: see sampler.h. */
#include "sampler.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "real.h"

#define CELLS_PER_OCTAVE 32
/* Ranks of a cell that are added up one by one; beyond, an integral is as good. */
#define SUMMED_RANKS 16

struct cutting {
	struct sampler *sampler;
	sampler_density density;
	const void *user;
	uint32_t nr_ranks, max_width;
	uint32_t nr; /* cells so far */
	double weights[SAMPLER_CELLS];
};

/* Largest power of 2 that is not above x, which is not 0. */
static uint32_t floor_power(uint32_t x)
{
	return 1U << (31 - __builtin_clz(x));
}

static uint32_t width_at(const struct cutting *cutting, uint32_t first)
{
	uint32_t width = floor_power(first + 1) / CELLS_PER_OCTAVE;

	if (width > cutting->max_width)
		width = floor_power(cutting->max_width);
	if (width > cutting->nr_ranks - first)
		width = floor_power(cutting->nr_ranks - first);
	return width ? width : 1;
}

static double weigh(const struct cutting *cutting, uint32_t first, uint32_t width)
{
	double sum = 0;

	if (width > SUMMED_RANKS) { /* Simpson's rule */
		sum = cutting->density(first, cutting->user) +
		      4 * cutting->density(first + width / 2.0, cutting->user) +
		      cutting->density((double)first + width, cutting->user);
		return sum / 6 * width;
	}
	for (uint32_t i = 0; i < width; i++)
		sum += cutting->density(first + i + 0.5, cutting->user);
	return sum;
}

/* In 2^-32. */
static uint32_t slope_of(const struct cutting *cutting, uint32_t first, uint32_t width)
{
	double start = cutting->density(first, cutting->user);
	double end = cutting->density((double)first + width, cutting->user);
	double slope;

	if (width == 1 || start <= end)
		return 0;
	slope = (start - end) / (start + end) * 4294967296.0;
	return slope < UINT32_MAX ? (uint32_t)slope : UINT32_MAX;
}

static void add_cell(struct cutting *cutting, uint32_t first, uint32_t width, double weight,
		     uint32_t slope)
{
	assert(cutting->nr < SAMPLER_CELLS);
	cutting->weights[cutting->nr] = weight;
	cutting->sampler->cells[cutting->nr++] = (struct sampler_cell) {
		.first = first,
		.slope = slope,
		.shift = 1 + (uint32_t)__builtin_clz(width),
	};
}

/*
 * Vose's way of filling the table ("A linear algorithm for generating random numbers
 * with a given distribution", 1991): a slot too light for its cell takes
 * the rest from one that is too heavy.
 */
static void fill_slots(struct sampler_slot *slots, double *weights)
{
	static const uint32_t nr = SAMPLER_CELLS, whole = 1U << (32 - SAMPLER_BITS);
	uint16_t light[SAMPLER_CELLS], heavy[SAMPLER_CELLS];
	uint32_t nr_light = 0, nr_heavy = 0;
	double sum = 0;

	for (uint32_t i = 0; i < nr; i++)
		sum += weights[i];
	for (uint32_t i = 0; i < nr; i++) {
		slots[i] = (struct sampler_slot) { .threshold = 0, .other = i };
		weights[i] = weights[i] / sum * nr;
		if (weights[i] < 1)
			light[nr_light++] = i;
		else
			heavy[nr_heavy++] = i;
	}
	while (nr_light && nr_heavy) {
		uint32_t small = light[--nr_light], large = heavy[nr_heavy - 1];

		slots[small].threshold = (uint32_t)(weights[small] * whole + 0.5);
		slots[small].other = large;
		weights[large] -= 1 - weights[small];
		if (weights[large] < 1) {
			nr_heavy--;
			light[nr_light++] = large;
		}
	}
	/* What is left over is whole but for rounding, and other is already itself. */
}

/* A cutting without cells yet.  NULL: no memory.  The caller frees it. */
static struct cutting *begin(struct sampler *sampler)
{
	struct cutting *cutting = calloc(1, sizeof(*cutting));

	memset(sampler, 0, sizeof(*sampler));
	if (cutting)
		cutting->sampler = sampler;
	return cutting;
}

int sampler_init(struct sampler *sampler, uint32_t nr_ranks, uint32_t max_width,
		 sampler_density density, const void *user)
{
	_cleanup_free_ struct cutting *cutting = begin(sampler);
	uint32_t width;

	if (!cutting)
		return -ENOMEM;
	cutting->density = density;
	cutting->user = user;
	cutting->nr_ranks = nr_ranks;
	cutting->max_width = max_width ? max_width : 1;
	for (uint32_t first = 0; first < nr_ranks; first += width) {
		width = width_at(cutting, first);
		add_cell(cutting, first, width, weigh(cutting, first, width),
			 slope_of(cutting, first, width));
	}
	fill_slots(sampler->slots, cutting->weights);
	return 0;
}

int sampler_init_steps(struct sampler *sampler, const struct sampler_step *steps, uint32_t nr)
{
	_cleanup_free_ struct cutting *cutting = begin(sampler);
	uint32_t first = 0, width;

	if (!cutting)
		return -ENOMEM;
	for (uint32_t i = 0; i < nr; i++) {
		for (uint32_t left = steps[i].nr_ranks; left; left -= width) {
			width = floor_power(left);
			add_cell(cutting, first, width, width * steps[i].weight, 0);
			first += width;
		}
	}
	fill_slots(sampler->slots, cutting->weights);
	return 0;
}

double sampler_zipf(double place, const void *user)
{
	const double *theta = user;

	return real_power(place + 0.5, -*theta);
}
