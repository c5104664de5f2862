/* SPDX-License-Identifier: MIT */
/*
 * trace: the accesses of a trace, read twice: for the pages that there are, then for
 * the accesses, which are kept, four bytes each, by thread.
 */
#include "workload-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "grow.h"
#include "trace.h"

#define MAX_ACCESSES (1ULL << 28)
#define MAX_THREADS  1024
#define BATCH	     1024

/* Between two accesses where the trace does not say when. */
#define DEFAULT_THINK_PS 10000
#define MAX_THINK_PS	 1000000000

/* Pages of the trace that lie next to one another; at: in the workload. */
struct extent {
	uint64_t first, end;
	uint64_t at;
};

struct stream {
	uint32_t id;
	uint32_t *accesses;
	size_t nr, allocated;
	size_t shuffled; /* those before are in their order */
};

struct model {
	struct extent *extents; /* ascending, apart from one another */
	size_t nr_extents, allocated_extents;
	struct stream *streams;
	size_t nr_streams, allocated_streams;
	uint64_t nr_accesses;
	uint64_t first_ns, last_ns;
};

DEFINE_CLEANUP(struct trace_reader *, trace_close);

typedef int record_fn(struct workload *workload, const struct trace_record *record,
		      struct mpol_error *err);

/* Hands every record to fn. */
static int for_each_record(struct workload *workload, record_fn *fn, struct mpol_error *err)
{
	_cleanup_(trace_closep) struct trace_reader *reader = NULL;
	struct trace_record records[BATCH];
	size_t nr = 1;
	int r = trace_open(workload->text, NULL, &reader, err);

	if (r < 0)
		return r;
	if (trace_info(reader)->page_bytes == 0)
		return error_set(err, -EINVAL, "read trace",
				 "it is about objects without a size, not about pages");
	while (r == 0 && nr) {
		r = trace_next(reader, records, BATCH, &nr, err);
		for (size_t i = 0; r == 0 && i < nr; i++)
			r = fn(workload, &records[i], err);
	}
	return r;
}

/* ---- Which pages ----------------------------------------------------------------- */

static int note_pages(struct workload *workload, const struct trace_record *record,
		      struct mpol_error *err)
{
	struct model *model = workload->model;
	struct extent *extents;

	(void)err;
	if (record->flags & TRACE_MARK)
		return 0;
	if (model->nr_extents) {
		struct extent *last = &model->extents[model->nr_extents - 1];

		/* Mostly the next one, or the same again. */
		if (record->page >= last->first && record->page <= last->end) {
			if (record->page + record->nr_pages > last->end)
				last->end = record->page + record->nr_pages;
			return 0;
		}
	}
	extents = grow(model->extents, model->nr_extents, &model->allocated_extents,
		       sizeof(*extents));
	if (!extents)
		return -ENOMEM;
	model->extents = extents;
	model->extents[model->nr_extents++] = (struct extent) {
		.first = record->page,
		.end = record->page + record->nr_pages,
	};
	return 0;
}

static int by_first(const void *a, const void *b)
{
	const struct extent *one = a, *other = b;

	return one->first < other->first ? -1 : one->first > other->first;
}

/* Sorts and joins the extents; returns how many pages they have. */
static uint64_t settle_pages(struct model *model)
{
	size_t nr = 0;
	uint64_t at = 0;

	qsort(model->extents, model->nr_extents, sizeof(*model->extents), by_first);
	for (size_t i = 0; i < model->nr_extents; i++) {
		const struct extent *next = &model->extents[i];

		if (nr && next->first <= model->extents[nr - 1].end) {
			if (next->end > model->extents[nr - 1].end)
				model->extents[nr - 1].end = next->end;
			continue;
		}
		model->extents[nr++] = *next;
	}
	model->nr_extents = nr;
	for (size_t i = 0; i < nr && at <= WORKLOAD_PAGES_MAX; i++) {
		model->extents[i].at = at;
		at += model->extents[i].end - model->extents[i].first;
	}
	return at;
}

static uint32_t page_at(const struct model *model, uint64_t page)
{
	size_t low = 0, high = model->nr_extents;

	while (high - low > 1) {
		const size_t middle = (low + high) / 2;

		if (model->extents[middle].first <= page)
			low = middle;
		else
			high = middle;
	}
	return (uint32_t)(model->extents[low].at + page - model->extents[low].first);
}

/* ---- Which accesses -------------------------------------------------------------- */

static struct stream *stream_of(struct model *model, uint32_t id)
{
	struct stream *streams;

	for (size_t i = 0; i < model->nr_streams; i++)
		if (model->streams[i].id == id)
			return &model->streams[i];
	streams = grow(model->streams, model->nr_streams, &model->allocated_streams,
		       sizeof(*streams));
	if (!streams)
		return NULL;
	model->streams = streams;
	model->streams[model->nr_streams] = (struct stream) { .id = id };
	return &model->streams[model->nr_streams++];
}

static int too_many(struct mpol_error *err, const char *what)
{
	error_set(err, -EFBIG, "read trace", "it has too many %s", what);
	error_advise(err, "cut it: up to %llu accesses, %d threads and 1 TiB fit",
		     (unsigned long long)MAX_ACCESSES, MAX_THREADS);
	return -EFBIG;
}

/* Ends an interval of counts: when in it an access was nobody knows (Fisher and Yates). */
static void shuffle(struct model *model, uint64_t seed)
{
	for (size_t i = 0; i < model->nr_streams; i++) {
		struct stream *stream = &model->streams[i];
		struct random random;

		random_seed(&random, seed + stream->shuffled, stream->id);
		for (size_t j = stream->nr; j > stream->shuffled + 1; j--) {
			const size_t k =
				stream->shuffled + random_below(&random, j - stream->shuffled);
			const uint32_t access = stream->accesses[j - 1];

			stream->accesses[j - 1] = stream->accesses[k];
			stream->accesses[k] = access;
		}
		stream->shuffled = stream->nr;
	}
}

static int add_accesses(struct workload *workload, const struct trace_record *record,
			struct mpol_error *err)
{
	struct model *model = workload->model;
	struct stream *stream;

	if (model->nr_accesses == 0)
		model->first_ns = record->time_ns;
	model->last_ns = record->time_ns;
	if (record->flags & TRACE_MARK) {
		shuffle(model, workload->seed);
		return 0;
	}
	stream = stream_of(model, record->thread);
	if (!stream)
		return -ENOMEM;
	if (model->nr_streams > MAX_THREADS)
		return too_many(err, "threads");
	if (record->count > MAX_ACCESSES - model->nr_accesses)
		return too_many(err, "accesses");
	for (uint64_t i = 0; i < record->count; i++) {
		uint32_t *accesses =
			grow(stream->accesses, stream->nr, &stream->allocated, sizeof(*accesses));

		if (!accesses)
			return -ENOMEM;
		stream->accesses = accesses;
		accesses[stream->nr++] = page_at(model, record->page + i % record->nr_pages) |
					 (record->flags & TRACE_WRITE ? ACCESS_WRITE : 0);
	}
	model->nr_accesses += record->count;
	return 0;
}

/* ---- The generator --------------------------------------------------------------- */

/* As fast as the trace was, if it says. */
static uint32_t think_ps(const struct model *model)
{
	const uint64_t ns = model->last_ns - model->first_ns;
	unsigned __int128 ps;

	if (model->last_ns <= model->first_ns)
		return DEFAULT_THINK_PS;
	ps = (unsigned __int128)ns * 1000 * model->nr_streams / model->nr_accesses;
	return ps < MAX_THINK_PS ? (uint32_t)ps : MAX_THINK_PS;
}

static int prepare(struct workload *workload, struct mpol_error *err)
{
	struct model *model = workload->model;
	uint64_t nr_pages;
	int r = for_each_record(workload, note_pages, err);

	if (r < 0)
		return r;
	if (model->nr_extents == 0)
		return error_set(err, -EINVAL, "read trace", "there is no access in it");
	nr_pages = settle_pages(model);
	if (nr_pages > WORKLOAD_PAGES_MAX)
		return too_many(err, "pages");
	r = for_each_record(workload, add_accesses, err);
	if (r < 0)
		return r;
	workload->regions[0] = (struct workload_region) { "trace", 0, (uint32_t)nr_pages };
	workload->info = (struct workload_info) {
		.name = "trace",
		.nr_pages = (uint32_t)nr_pages,
		.nr_threads = (unsigned)model->nr_streams,
		.regions = workload->regions,
		.nr_regions = 1,
		.think_ps = think_ps(model),
		.overlap_permille = 1000,
	};
	return 0;
}

static void release(void *state)
{
	struct model *model = state;

	for (size_t i = 0; i < model->nr_streams; i++)
		free(model->streams[i].accesses);
	free(model->streams);
	free(model->extents);
}

/* How far a thread has come. */
struct position {
	unsigned thread;
	size_t next;
};

static void start(const struct workload *workload, unsigned thread, void *state)
{
	(void)workload;
	*(struct position *)state = (struct position) { .thread = thread };
}

static uint64_t length(const struct workload *workload, unsigned thread)
{
	const struct model *model = workload->model;

	return model->streams[thread].nr;
}

static void make(const struct workload *workload, void *state, uint32_t *accesses)
{
	const struct model *model = workload->model;
	struct position *position = state;
	const struct stream *stream = &model->streams[position->thread];
	size_t nr = stream->nr - position->next;

	if (nr > WORKLOAD_BLOCK)
		nr = WORKLOAD_BLOCK;
	if (nr)
		memcpy(accesses, stream->accesses + position->next, nr * sizeof(*accesses));
	memset(accesses + nr, 0, (WORKLOAD_BLOCK - nr) * sizeof(*accesses));
	position->next += nr;
}

static const struct generator trace_generator = {
	.name = "trace",
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct position),
	.prepare = prepare,
	.release = release,
	.start = start,
	.length = length,
	.make = make,
};

int workload_from_trace(const char *path, uint64_t seed, struct workload **ret,
			struct mpol_error *err)
{
	return workload_new_of(&trace_generator, path, seed, ret, err);
}
