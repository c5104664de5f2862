/* SPDX-License-Identifier: MIT */
/*
 * scan: each thread reads its part of the memory from its first page to its
 * last, again and again, lines= accesses to a page before it goes to the next.
 */
#include "workload-internal.h"

static const struct workload_default options[] = {
	COMMON_OPTIONS("1ns", "10"),
	{ OPTION_WRITES, "0%" },
	{ OPTION_LINES, "64" },
	{ 0 },
};

struct model {
	uint32_t lines;
	uint32_t write_chance; /* of 2^31 */
};

struct state {
	struct random random;
	struct sweep sweep;
};

static int prepare(struct workload *workload, struct mpol_error *err)
{
	struct model *model = workload->model;

	(void)err;
	model->lines = (uint32_t)workload->option[OPTION_LINES];
	model->write_chance = chance_31(workload->option[OPTION_WRITES]);
	return 0;
}

static void start(const struct workload *workload, unsigned thread, void *data)
{
	const struct model *model = workload->model;
	struct state *state = data;

	random_seed(&state->random, workload->seed, thread);
	sweep_start(&state->sweep, &workload->info, thread, model->lines);
}

static void make(const struct workload *workload, void *data, uint32_t *accesses)
{
	const struct model *model = workload->model;
	struct state *state = data;
	struct sweep sweep = state->sweep;

	for (size_t i = 0; i < WORKLOAD_BLOCK; i++)
		accesses[i] = sweep_on(&sweep, model->lines);
	state->sweep = sweep;
	for (size_t i = 0; model->write_chance && i < WORKLOAD_BLOCK; i++)
		accesses[i] |= write_bit(random_next(&state->random), model->write_chance);
}

const struct generator scan_generator = {
	.name = "scan",
	.options = options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct state),
	.prepare = prepare,
	.start = start,
	.make = make,
};
