/* SPDX-License-Identifier: MIT */
/*
 * ycsb-a to ycsb-f: the core workloads of the Yahoo! Cloud Serving Benchmark (Cooper
 * et al., SoCC 2010) on a key-value store: an index, of which an operation reads
 * one entry, and records, of which it accesses each page that the record lies in.
 *
 * Records are chosen by a zipf distribution and lie scattered, as hashed keys do; in
 * ycsb-d, the latest ones are the most likely, and they lie in the order of insertion.
 * An insertion takes the place of the oldest record.  A thread inserts every
 * nr_threads-th record and takes the other threads to be as fast as itself.
 */
#include "workload-internal.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "error.h"
#include "sampler.h"
#include "scatter.h"

#define INDEX_ENTRY_BYTES 16
#define ENTRIES_PER_PAGE  (WORKLOAD_PAGE_BYTES / INDEX_ENTRY_BYTES)
#define RECORD_PAGES_MAX  18 /* of a record of 64 KiB that begins anywhere */
#define STEP_ACCESSES	  (1 + 2 * RECORD_PAGES_MAX)
#define CHOSEN		  128 /* records at a time: several short loops are faster than a long one */
#define RECORDS_MAX	  (1U << 31)

static const struct workload_default options[] = {
	COMMON_OPTIONS("100ns", "1"),
	{ OPTION_THETA, "0.99" },
	{ OPTION_RECORD, "1KiB" },
	{ 0 },
};

static const struct workload_default scan_options[] = {
	COMMON_OPTIONS("100ns", "1"),
	{ OPTION_THETA, "0.99" },
	{ OPTION_RECORD, "1KiB" },
	{ OPTION_LENGTH, "100" },
	{ 0 },
};

enum operation {
	OPERATION_READ,
	OPERATION_UPDATE,
	OPERATION_INSERT,
	OPERATION_SCAN,
	OPERATION_READ_MODIFY_WRITE,
};

/* The two operations of a workload; how often the first one is done. */
static const struct mix {
	enum operation first, second;
	uint32_t first_percent;
	bool latest;
} mixes[] = {
	{ OPERATION_READ, OPERATION_UPDATE, 50 },	     /* a */
	{ OPERATION_READ, OPERATION_UPDATE, 95 },	     /* b */
	{ OPERATION_READ, OPERATION_READ, 100 },	     /* c */
	{ OPERATION_READ, OPERATION_INSERT, 95, true },	     /* d */
	{ OPERATION_SCAN, OPERATION_INSERT, 95 },	     /* e */
	{ OPERATION_READ, OPERATION_READ_MODIFY_WRITE, 50 }, /* f */
};

struct model {
	struct sampler sampler;
	struct scatter records; /* by rank */
	struct scatter entries; /* of the index, by record */
	struct mix mix;
	uint64_t first_chance; /* of 2^32 */
	uint32_t nr_records, nr_threads, max_length;
	uint32_t record_bytes, first_page; /* of the records */
};

struct state {
	struct random random;
	uint32_t next_insert;		    /* record */
	uint32_t scan_record, scan_records; /* what is left of a scan */
	uint32_t chosen;		    /* of the records chosen beforehand: the next one */
	uint32_t records[CHOSEN], entries[CHOSEN]; /* ranks, and nothing, in ycsb-d */
	uint32_t pending_at, nr_pending;
	uint32_t pending[STEP_ACCESSES]; /* what did not fit into the last block */
};

static void lay_out(struct workload *workload, struct model *model)
{
	struct workload_info *info = &workload->info;
	const uint32_t index_pages = (model->nr_records - 1) / ENTRIES_PER_PAGE + 1;

	model->first_page = index_pages;
	workload->regions[0] = (struct workload_region) { "index", 0, index_pages };
	workload->regions[1] =
		(struct workload_region) { "records", index_pages, info->nr_pages - index_pages };
	info->nr_regions = 2;
}

static int prepare(struct workload *workload, struct mpol_error *err)
{
	struct model *model = workload->model;
	const uint64_t *option = workload->option;
	const double theta = (double)option[OPTION_THETA] / MILLION;
	/* Index and records each end within a page. */
	const uint64_t size = (workload->info.nr_pages - 2ULL) * WORKLOAD_PAGE_BYTES;
	const uint64_t nr = size / (option[OPTION_RECORD] + INDEX_ENTRY_BYTES);
	int r;

	if (nr > RECORDS_MAX) {
		error_set(err, -ERANGE, "read workload", "record: more than %u records fit",
			  RECORDS_MAX);
		error_advise(err, "take larger records or a smaller size");
		return -ERANGE;
	}
	model->nr_records = (uint32_t)nr;
	model->nr_threads = workload->info.nr_threads;
	model->record_bytes = (uint32_t)option[OPTION_RECORD];
	model->max_length = (uint32_t)option[OPTION_LENGTH];
	model->mix = mixes[workload->generator->name[strlen("ycsb-")] - 'a'];
	model->first_chance = chance_32(model->mix.first_percent * (MILLION / 100));
	lay_out(workload, model);
	r = sampler_init(&model->sampler, model->nr_records, model->nr_records, sampler_zipf,
			 &theta);
	if (r >= 0)
		r = scatter_init(&model->records, model->nr_records, 0, workload->seed);
	/* Another permutation: the index hashes the keys for itself. */
	if (r >= 0)
		r = scatter_init(&model->entries, model->nr_records, 0, ~workload->seed);
	return r;
}

static void release(void *data)
{
	struct model *model = data;

	scatter_free(&model->records);
	scatter_free(&model->entries);
}

static void start(const struct workload *workload, unsigned thread, void *data)
{
	const struct model *model = workload->model;
	struct state *state = data;

	random_seed(&state->random, workload->seed, thread);
	state->next_insert = thread % model->nr_records;
	state->chosen = CHOSEN;
}

/* The pages of a record, with the bits of write; how many there are. */
static uint32_t touch(const struct model *model, uint32_t record, uint32_t write,
		      uint32_t *accesses)
{
	const uint64_t start = (uint64_t)record * model->record_bytes;
	const uint32_t first = (uint32_t)(start / WORKLOAD_PAGE_BYTES);
	const uint32_t last = (uint32_t)((start + model->record_bytes - 1) / WORKLOAD_PAGE_BYTES);

	for (uint32_t i = 0; i <= last - first; i++)
		accesses[i] = (model->first_page + first + i) | write;
	return last - first + 1;
}

static uint32_t insert(const struct model *model, struct state *state, uint32_t *accesses)
{
	const uint32_t record = state->next_insert;

	state->next_insert = (uint32_t)(((uint64_t)record + model->nr_threads) % model->nr_records);
	accesses[0] = scatter_one(&model->entries, record) / ENTRIES_PER_PAGE | ACCESS_WRITE;
	return 1 + touch(model, record, ACCESS_WRITE, accesses + 1);
}

static uint32_t scan_on(const struct model *model, struct state *state, uint32_t *accesses)
{
	const uint32_t record = state->scan_record;

	state->scan_records--;
	state->scan_record = record + 1 < model->nr_records ? record + 1 : 0;
	return touch(model, record, 0, accesses);
}

struct choice {
	uint32_t record;
	uint32_t entry; /* of the index */
};

static void choose_records(const struct model *model, struct state *state, struct random *random)
{
	state->chosen = 0;
	for (unsigned i = 0; i < CHOSEN; i++)
		state->records[i] = sampler_draw(&model->sampler, random_next(random));
	if (model->mix.latest)
		return;
	scatter_place(&model->records, state->records, CHOSEN);
	memcpy(state->entries, state->records, sizeof(state->entries));
	scatter_place(&model->entries, state->entries, CHOSEN);
}

static struct choice next_choice(const struct model *model, struct state *state,
				 struct random *random)
{
	uint32_t record;

	if (state->chosen == CHOSEN)
		choose_records(model, state, random);
	record = state->records[state->chosen];
	if (!model->mix.latest)
		return (struct choice) { record, state->entries[state->chosen++] };
	state->chosen++;
	/* The record before next_insert has rank 0. */
	record = state->next_insert + (model->nr_records - 1 - record);
	record -= record < model->nr_records ? 0 : model->nr_records;
	return (struct choice) { record, scatter_one(&model->entries, record) };
}

/* The accesses of an operation, or of a scan's next record: at most STEP_ACCESSES. */
static inline uint32_t step(const struct model *model, struct state *state, struct random *random,
			    uint32_t *accesses)
{
	enum operation operation;
	struct choice choice;
	uint32_t nr_pages;
	uint64_t number;

	if (state->scan_records)
		return scan_on(model, state, accesses);
	number = random_next(random);
	operation = (uint32_t)number < model->first_chance ? model->mix.first : model->mix.second;
	if (operation == OPERATION_INSERT)
		return insert(model, state, accesses);
	choice = next_choice(model, state, random);
	accesses[0] = choice.entry / ENTRIES_PER_PAGE;
	if (operation == OPERATION_SCAN) {
		state->scan_record = choice.record;
		state->scan_records = 1 + (uint32_t)(((number >> 32) * model->max_length) >> 32);
		return 1;
	}
	nr_pages = touch(model, choice.record, operation == OPERATION_UPDATE ? ACCESS_WRITE : 0,
			 accesses + 1);
	/* Written in any case and then counted or not: a branch here would be wrong half the time.
	 */
	touch(model, choice.record, ACCESS_WRITE, accesses + 1 + nr_pages);
	return 1 + (nr_pages << (operation == OPERATION_READ_MODIFY_WRITE));
}

static void make(const struct workload *workload, void *data, uint32_t *accesses)
{
	const struct model *model = workload->model;
	struct state *state = data;
	struct random random = state->random;
	size_t i = 0;

	while (i < WORKLOAD_BLOCK) {
		if (state->pending_at < state->nr_pending) {
			accesses[i++] = state->pending[state->pending_at++];
		} else if (WORKLOAD_BLOCK - i >= STEP_ACCESSES) {
			i += step(model, state, &random, accesses + i);
		} else {
			state->pending_at = 0;
			state->nr_pending = step(model, state, &random, state->pending);
		}
	}
	state->random = random;
}

const struct generator ycsb_a_generator = {
	.name = "ycsb-a",
	.options = options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct state),
	.prepare = prepare,
	.release = release,
	.start = start,
	.make = make,
};

const struct generator ycsb_b_generator = {
	.name = "ycsb-b",
	.options = options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct state),
	.prepare = prepare,
	.release = release,
	.start = start,
	.make = make,
};

const struct generator ycsb_c_generator = {
	.name = "ycsb-c",
	.options = options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct state),
	.prepare = prepare,
	.release = release,
	.start = start,
	.make = make,
};

const struct generator ycsb_d_generator = {
	.name = "ycsb-d",
	.options = options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct state),
	.prepare = prepare,
	.release = release,
	.start = start,
	.make = make,
};

const struct generator ycsb_e_generator = {
	.name = "ycsb-e",
	.options = scan_options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct state),
	.prepare = prepare,
	.release = release,
	.start = start,
	.make = make,
};

const struct generator ycsb_f_generator = {
	.name = "ycsb-f",
	.options = options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct state),
	.prepare = prepare,
	.release = release,
	.start = start,
	.make = make,
};
