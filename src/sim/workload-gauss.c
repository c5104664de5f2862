/* SPDX-License-Identifier: MIT */
/*
 * gauss: accesses spread normally around the middle of the memory, as with pmbench's
 * pattern "normal_ih", which the kernel's tiering was measured with when it was
 * proposed: sigma is a 12th of the pages, and a fifth of the accesses write.
 *
 * Ranks are pages by their distance from the middle, above and below it in turn.
 */
#include "workload-internal.h"

#include "real.h"
#include "sampler.h"
#include "scatter.h"

/* Pages this many sigmas away are not accessed: it would be one access in 10^15. */
#define SIGMAS 8

static const struct workload_default options[] = {
	COMMON_OPTIONS("10ns", "1"),
	{ OPTION_SIGMA, "8.3333%" },
	{ OPTION_WRITES, "20%" },
	{ OPTION_SCATTER, "none" },
	{ 0 },
};

struct model {
	struct sampler sampler;
	struct scatter scatter;
	uint32_t middle;
	uint32_t write_chance; /* of 2^31 */
};

static double density(double place, const void *user)
{
	const double *sigma_ranks = user;
	const double distance = place / *sigma_ranks;

	return real_exp(-distance * distance / 2);
}

static int prepare(struct workload *workload, struct mpol_error *err)
{
	struct model *model = workload->model;
	const uint64_t *option = workload->option;
	const uint32_t nr_pages = workload->info.nr_pages;
	const double sigma_ranks = 2.0 * nr_pages * (double)option[OPTION_SIGMA] / MILLION;
	uint32_t nr_ranks = nr_pages;
	int r;

	(void)err;
	if (SIGMAS * sigma_ranks < nr_ranks)
		nr_ranks = (uint32_t)(SIGMAS * sigma_ranks) + 1;
	model->middle = nr_pages / 2;
	model->write_chance = chance_31(option[OPTION_WRITES]);
	r = sampler_init(&model->sampler, nr_ranks, nr_ranks / 256 + 1, density, &sigma_ranks);
	if (r < 0 || option[OPTION_SCATTER] == SCATTER_NONE)
		return r;
	return scatter_init(&model->scatter, nr_pages, scatter_shift(option[OPTION_SCATTER]),
			    workload->seed);
}

static void release(void *data)
{
	struct model *model = data;

	scatter_free(&model->scatter);
}

static void start(const struct workload *workload, unsigned thread, void *state)
{
	random_seed(state, workload->seed, thread);
}

static void make(const struct workload *workload, void *state, uint32_t *accesses)
{
	const struct model *model = workload->model;
	const uint32_t middle = model->middle, write_chance = model->write_chance;
	struct random random = *(struct random *)state;

	for (size_t i = 0; i < WORKLOAD_BLOCK; i++) {
		const uint64_t number = random_next(&random);
		const uint32_t rank = sampler_draw(&model->sampler, number);
		const uint32_t below = -(rank & 1); /* all bits, or none */

		/* ~x is -1 - x: as far below the middle as x is above. */
		accesses[i] = (middle + ((rank >> 1) ^ below)) | write_bit(number, write_chance);
	}
	*(struct random *)state = random;
	scatter_place(&model->scatter, accesses, WORKLOAD_BLOCK);
}

const struct generator gauss_generator = {
	.name = "gauss",
	.options = options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct random),
	.prepare = prepare,
	.release = release,
	.start = start,
	.make = make,
};
