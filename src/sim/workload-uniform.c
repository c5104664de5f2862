/* SPDX-License-Identifier: MIT */
/* uniform: any page, at random. */
#include "workload-internal.h"

static const struct workload_default options[] = {
	COMMON_OPTIONS("1GiB", "4", "10ns", "1"),
	{ OPTION_WRITES, "0%" },
	{ 0 },
};

struct model {
	uint32_t nr_pages;
	uint32_t write_chance; /* of 2^20 */
};

static int prepare(struct workload *workload, struct mpol_error *err)
{
	struct model *model = workload->model;

	(void)err;
	model->nr_pages = workload->info.nr_pages;
	model->write_chance = chance_20(workload->option[OPTION_WRITES]);
	return 0;
}

static void start(const struct workload *workload, unsigned thread, void *state)
{
	random_seed(state, workload->seed, thread);
}

static void make(const struct workload *workload, void *state, uint32_t *accesses)
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

const struct generator uniform_generator = {
	.name = "uniform",
	.options = options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct random),
	.prepare = prepare,
	.start = start,
	.make = make,
};
