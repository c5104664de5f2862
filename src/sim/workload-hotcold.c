/* SPDX-License-Identifier: MIT */
/*
 * A hot set of pages, a scan over all of them and accesses to any cold page,
 * mixed.  What is hot are the ranks from offset on; the three workloads differ in
 * how it changes:
 *
 *   hotcold   not at all, unless told
 *   shift     every shift= accesses of a thread moves= of the set turns cold
 *   pingpong  between two sets, forth and back, every period= accesses
 */
#include "workload-internal.h"

#include <errno.h>
#include <stdbool.h>

#include "error.h"
#include "scatter.h"

static const struct workload_default hotcold_options[] = {
	COMMON_OPTIONS("10ns", "1"), { OPTION_HOT, "10%" },
	{ OPTION_HITS, "90%" },	     { OPTION_SCAN, "0%" },
	{ OPTION_LINES, "64" },	     { OPTION_WRITES, "0%" },
	{ OPTION_SCATTER, "base" },  { OPTION_SHIFT, "0" },
	{ OPTION_MOVES, "100%" },    { 0 },
};

static const struct workload_default shift_options[] = {
	COMMON_OPTIONS("10ns", "1"), { OPTION_HOT, "10%" },
	{ OPTION_HITS, "90%" },	     { OPTION_SCAN, "0%" },
	{ OPTION_LINES, "64" },	     { OPTION_WRITES, "0%" },
	{ OPTION_SCATTER, "base" },  { OPTION_SHIFT, "50M" },
	{ OPTION_MOVES, "100%" },    { 0 },
};

static const struct workload_default pingpong_options[] = {
	COMMON_OPTIONS("10ns", "1"),
	{ OPTION_HOT, "10%" },
	{ OPTION_HITS, "90%" },
	{ OPTION_WRITES, "0%" },
	{ OPTION_SCATTER, "base" },
	{ OPTION_PERIOD, "10M" },
	{ 0 },
};

struct model {
	struct scatter scatter;
	struct moves moves;
	uint32_t nr_pages, nr_hot;
	uint64_t hit_chance, scan_chance; /* of 2^32; scan_chance counts from hit_chance on */
	uint32_t write_chance;		  /* of 2^31 */
	uint32_t lines;
};

struct state {
	struct random random;
	struct phase phase; /* its offset is the rank of the first hot page */
	struct sweep scan;
};

static int check(const struct workload *workload, const struct model *model, struct mpol_error *err)
{
	const uint64_t *option = workload->option;

	if (!model->nr_hot || model->nr_hot == model->nr_pages) {
		error_set(err, -ERANGE, "read workload", "hot: %s pages would be hot",
			  model->nr_hot ? "all" : "no");
		error_advise(err, "one page is %.4f%%", 100.0 / model->nr_pages + 0.0001);
		return -ERANGE;
	}
	if (option[OPTION_PERIOD] && model->nr_hot > model->nr_pages / 2) {
		error_set(err, -ERANGE, "read workload", "hot: two sets of that size do not fit");
		error_advise(err, "hot is 50%% at most where there are two sets");
		return -ERANGE;
	}
	if (option[OPTION_HITS] + option[OPTION_SCAN] > MILLION) {
		error_set(err, -ERANGE, "read workload", "hits and scan are over 100%% together");
		error_advise(err, "what they leave goes to cold pages at random");
		return -ERANGE;
	}
	return 0;
}

static void prepare_moves(struct model *model, const uint64_t *option)
{
	uint64_t period = option[OPTION_SHIFT];

	model->moves.step = (uint32_t)(model->nr_hot * option[OPTION_MOVES] / MILLION);
	model->moves.wrap = model->nr_pages;
	if (option[OPTION_PERIOD]) { /* pingpong, which has no other options of this kind */
		period = option[OPTION_PERIOD];
		model->moves.step = model->nr_hot;
		model->moves.wrap = 2 * model->nr_hot;
	}
	model->moves.period = period ? period : MOVES_NEVER;
}

static int prepare(struct workload *workload, struct mpol_error *err)
{
	struct model *model = workload->model;
	const uint64_t *option = workload->option;
	int r;

	model->nr_pages = workload->info.nr_pages;
	model->nr_hot = (uint32_t)(model->nr_pages * option[OPTION_HOT] / MILLION);
	model->hit_chance = chance_32(option[OPTION_HITS]);
	model->scan_chance = chance_32(option[OPTION_SCAN]);
	model->write_chance = chance_31(option[OPTION_WRITES]);
	model->lines = (uint32_t)option[OPTION_LINES];
	r = check(workload, model, err);
	if (r < 0)
		return r;
	prepare_moves(model, option);
	if (option[OPTION_SCATTER] == SCATTER_NONE)
		return 0;
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
	sweep_start(&state->scan, &workload->info, thread, model->lines);
}

/* Accesses between two moves. */
static void make_part(const struct model *model, struct state *state, uint32_t *accesses, size_t nr)
{
	uint16_t scans[WORKLOAD_BLOCK]; /* which of them belong to the scan */
	struct random random = state->random;
	size_t nr_scans = 0;

	for (size_t i = 0; i < nr; i++) {
		const uint64_t choice = random_next(&random), place = random_next(&random);
		const uint64_t chance = choice >> 32;
		const bool hit = chance < model->hit_chance;
		const uint32_t nr_pages = hit ? model->nr_hot : model->nr_pages - model->nr_hot;
		uint64_t rank = state->phase.offset + (hit ? 0 : (uint64_t)model->nr_hot) +
				(uint64_t)(((unsigned __int128)place * nr_pages) >> 64);

		rank -= rank >= model->nr_pages ? model->nr_pages : 0;
		accesses[i] = (uint32_t)rank | write_bit(choice, model->write_chance);
		scans[nr_scans] = (uint16_t)i;
		nr_scans += chance - model->hit_chance < model->scan_chance;
	}
	state->random = random;
	scatter_place(&model->scatter, accesses, nr);
	for (size_t i = 0; i < nr_scans; i++) {
		uint32_t *access = &accesses[scans[i]];

		*access = (*access & ACCESS_WRITE) | sweep_on(&state->scan, model->lines);
	}
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

const struct generator hotcold_generator = {
	.name = "hotcold",
	.options = hotcold_options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct state),
	.prepare = prepare,
	.release = release,
	.start = start,
	.make = make,
};

const struct generator shift_generator = {
	.name = "shift",
	.options = shift_options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct state),
	.prepare = prepare,
	.release = release,
	.start = start,
	.make = make,
};

const struct generator pingpong_generator = {
	.name = "pingpong",
	.options = pingpong_options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct state),
	.prepare = prepare,
	.release = release,
	.start = start,
	.make = make,
};
