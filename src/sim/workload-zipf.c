/* SPDX-License-Identifier: MIT */
/*
 * zipf: the page of rank k is accessed in proportion to 1 / k^theta.  Ranks lie
 * scattered; with shift=, every so many accesses of a thread they all move on
 * by the golden section of all pages: what was hot is then of no special rank.
 */
#include "workload-internal.h"

#include "sampler.h"
#include "scatter.h"

static const struct workload_default options[] = {
	COMMON_OPTIONS("10ns", "1"), { OPTION_THETA, "0.99" }, { OPTION_WRITES, "0%" },
	{ OPTION_SCATTER, "base" },  { OPTION_SHIFT, "0" },    { 0 },
};

struct model {
	struct sampler sampler;
	struct scatter scatter;
	struct moves moves;
	uint32_t nr_pages;
	uint32_t write_chance; /* of 2^31 */
};

struct state {
	struct random random;
	struct phase phase;
};

static int prepare(struct workload *workload, struct mpol_error *err)
{
	struct model *model = workload->model;
	const uint64_t *option = workload->option;
	double theta = (double)option[OPTION_THETA] / MILLION;
	int r;

	(void)err;
	model->nr_pages = workload->info.nr_pages;
	model->moves = (struct moves) {
		.period = option[OPTION_SHIFT] ? option[OPTION_SHIFT] : MOVES_NEVER,
		.step = (uint32_t)(model->nr_pages * 618034ULL / MILLION),
		.wrap = model->nr_pages,
	};
	model->write_chance = chance_31(option[OPTION_WRITES]);
	r = sampler_init(&model->sampler, model->nr_pages, model->nr_pages, sampler_zipf, &theta);
	if (r < 0 || option[OPTION_SCATTER] == SCATTER_NONE)
		return r;
	return scatter_init(&model->scatter, model->nr_pages, scatter_shift(option[OPTION_SCATTER]),
			    workload->seed);
}

static void release(void *data)
{
	struct model *model = data;

	scatter_free(&model->scatter);
}

static void start(const struct workload *workload, unsigned thread, void *data)
{
	const struct model *model = workload->model;
	struct state *state = data;

	random_seed(&state->random, workload->seed, thread);
	state->phase.nr_left = model->moves.period;
}

static void move_on(uint32_t *accesses, size_t nr, uint32_t offset, uint32_t nr_pages)
{
	for (size_t i = 0; i < nr; i++) {
		const uint32_t rank = (accesses[i] & ~ACCESS_WRITE) + offset;

		accesses[i] =
			(accesses[i] & ACCESS_WRITE) | (rank - (rank >= nr_pages ? nr_pages : 0));
	}
}

/* Accesses between two moves. */
static void make_part(const struct model *model, struct state *state, uint32_t *accesses, size_t nr)
{
	const uint32_t write_chance = model->write_chance;
	struct random random = state->random;

	for (size_t i = 0; i < nr; i++) {
		const uint64_t number = random_next(&random);

		accesses[i] =
			sampler_draw(&model->sampler, number) | write_bit(number, write_chance);
	}
	state->random = random;
	if (state->phase.offset)
		move_on(accesses, nr, state->phase.offset, model->nr_pages);
	scatter_place(&model->scatter, accesses, nr);
}

static void make(const struct workload *workload, void *data, uint32_t *accesses)
{
	const struct model *model = workload->model;
	struct state *state = data;

	for (size_t done = 0, nr; done < WORKLOAD_BLOCK; done += nr) {
		nr = phase_room(&state->phase, WORKLOAD_BLOCK - done);
		make_part(model, state, accesses + done, nr);
		phase_pass(&model->moves, &state->phase, nr);
	}
}

const struct generator zipf_generator = {
	.name = "zipf",
	.options = options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct state),
	.prepare = prepare,
	.release = release,
	.start = start,
	.make = make,
};
