/* SPDX-License-Identifier: MIT */
/*
 * Any page, at random.
 *
 *   uniform   reads it, or writes it
 *   gups      reads and then writes it: the RandomAccess benchmark of HPC Challenge
 */
#include "workload-internal.h"

static const struct workload_default uniform_options[] = {
	COMMON_OPTIONS("10ns", "1"),
	{ OPTION_WRITES, "0%" },
	{ 0 },
};

static const struct workload_default gups_options[] = {
	COMMON_OPTIONS("1ns", "8"),
	{ 0 },
};

struct model {
	uint32_t nr_pages;
	uint32_t write_chance; /* of 2^31 */
};

static int prepare(struct workload *workload, struct mpol_error *err)
{
	struct model *model = workload->model;

	(void)err;
	model->nr_pages = workload->info.nr_pages;
	model->write_chance = chance_31(workload->option[OPTION_WRITES]);
	return 0;
}

static void start(const struct workload *workload, unsigned thread, void *state)
{
	random_seed(state, workload->seed, thread);
}

static void make_uniform(const struct workload *workload, void *state, uint32_t *accesses)
{
	const struct model *model = workload->model;
	struct random random = *(struct random *)state;

	for (size_t i = 0; i < WORKLOAD_BLOCK; i++) {
		const uint64_t number = random_next(&random);
		uint32_t page = (uint32_t)(((unsigned __int128)number * model->nr_pages) >> 64);

		accesses[i] = page | write_bit(number, model->write_chance);
	}
	*(struct random *)state = random;
}

static void make_gups(const struct workload *workload, void *state, uint32_t *accesses)
{
	const uint32_t nr_pages = workload->info.nr_pages;
	struct random random = *(struct random *)state;

	for (size_t i = 0; i < WORKLOAD_BLOCK; i += 2) {
		accesses[i] = (uint32_t)random_below(&random, nr_pages);
		accesses[i + 1] = accesses[i] | ACCESS_WRITE;
	}
	*(struct random *)state = random;
}

const struct generator uniform_generator = {
	.name = "uniform",
	.options = uniform_options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct random),
	.prepare = prepare,
	.start = start,
	.make = make_uniform,
};

const struct generator gups_generator = {
	.name = "gups",
	.options = gups_options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct random),
	.prepare = prepare,
	.start = start,
	.make = make_gups,
};
