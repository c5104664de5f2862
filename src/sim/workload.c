/* SPDX-License-Identifier: MIT */
/*
 * Workloads by name, and what is the same for all generators: they make accesses
 * in blocks of a fixed size, so how many are asked for at a time cannot change a
 * stream; handing out parts of blocks, the end of a stream and copies are here.
 */
#include "workload.h"
#include "workload-internal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

#define PAGES_PER_THREAD_MIN 16
#define STATE_ALIGNMENT	     64

static const struct generator *const generators[] = {
	&zipf_generator,   &uniform_generator,	&gauss_generator,  &hotcold_generator,
	&shift_generator,  &pingpong_generator, &scan_generator,   &stream_generator,
	&gups_generator,   &graph_generator,	&ycsb_a_generator, &ycsb_b_generator,
	&ycsb_c_generator, &ycsb_d_generator,	&ycsb_e_generator, &ycsb_f_generator,
};

#define NR_GENERATORS (sizeof(generators) / sizeof(generators[0]))

struct workload_thread {
	uint64_t nr_left;  /* accesses until its end */
	uint32_t block_at; /* those of the block before it are handed out */
	bool endless;
	uint32_t block[WORKLOAD_BLOCK];
	char state[] __attribute__((aligned(STATE_ALIGNMENT)));
};

DEFINE_CLEANUP(struct workload *, workload_free);

static struct workload_thread *thread_at(const struct workload *workload, unsigned thread)
{
	return (struct workload_thread *)(void *)(workload->threads +
						  thread * workload->thread_bytes);
}

/* ---- Making ---------------------------------------------------------------------- */

static int refuse_name(const char *text, size_t length, struct mpol_error *err)
{
	char names[256] = "";

	for (size_t i = 0; i < NR_GENERATORS; i++) {
		size_t used = strlen(names);

		snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
			 generators[i]->name);
	}
	error_set(err, -EINVAL, "read workload", "no such workload: \"%.*s\"",
		  (int)(length < 40 ? length : 40), text);
	error_advise(err, "workloads are %s; for example zipf:theta=0.99,size=8GiB", names);
	return -EINVAL;
}

static const struct generator *find_generator(const char *name, size_t length)
{
	for (size_t i = 0; i < NR_GENERATORS; i++)
		if (strlen(generators[i]->name) == length &&
		    !strncmp(name, generators[i]->name, length))
			return generators[i];
	return NULL;
}

static int read_text(struct workload *workload, struct mpol_error *err)
{
	size_t length = strcspn(workload->text, ":");
	const char *options = workload->text + length;

	workload->generator = find_generator(workload->text, length);
	if (!workload->generator)
		return refuse_name(workload->text, length, err);
	return workload_options_read(*options ? options + 1 : "", workload->generator->name,
				     workload->generator->options, workload->option, err);
}

static void describe(struct workload *workload)
{
	uint32_t nr_pages = (uint32_t)(workload->option[OPTION_SIZE] / WORKLOAD_PAGE_BYTES);

	workload->regions[0] = (struct workload_region) { "heap", 0, nr_pages };
	workload->info = (struct workload_info) {
		.name = workload->generator->name,
		.nr_pages = nr_pages,
		.nr_threads = (unsigned)workload->option[OPTION_THREADS],
		.regions = workload->regions,
		.nr_regions = 1,
		.think_ps = (uint32_t)workload->option[OPTION_THINK],
		.overlap_permille = (uint32_t)(workload->option[OPTION_OVERLAP] / 1000),
	};
}

static int refuse_threads(const struct workload *workload, struct mpol_error *err)
{
	error_set(err, -ERANGE, "read workload", "size: too little for %u threads",
		  workload->info.nr_threads);
	error_advise(err, "a thread needs %d pages of its own, %d KiB", PAGES_PER_THREAD_MIN,
		     PAGES_PER_THREAD_MIN * 4);
	return -ERANGE;
}

static int start_threads(struct workload *workload)
{
	size_t bytes = sizeof(struct workload_thread) + workload->generator->state_bytes;

	workload->thread_bytes = (bytes + STATE_ALIGNMENT - 1) / STATE_ALIGNMENT * STATE_ALIGNMENT;
	workload->threads =
		aligned_alloc(STATE_ALIGNMENT, workload->thread_bytes * workload->info.nr_threads);
	if (!workload->threads)
		return -ENOMEM;
	memset(workload->threads, 0, workload->thread_bytes * workload->info.nr_threads);
	for (unsigned i = 0; i < workload->info.nr_threads; i++) {
		struct workload_thread *thread = thread_at(workload, i);

		if (workload->generator->length) {
			thread->nr_left = workload->generator->length(workload, i);
		} else {
			thread->nr_left = workload->option[OPTION_ACCESSES];
			thread->endless = !thread->nr_left;
		}
		thread->block_at = WORKLOAD_BLOCK;
		workload->generator->start(workload, i, thread->state);
	}
	return 0;
}

static int prepare(struct workload *workload, struct mpol_error *err)
{
	int r;

	workload->model = calloc(1, workload->generator->model_bytes);
	workload->model_users = malloc(sizeof(*workload->model_users));
	if (!workload->model || !workload->model_users)
		return -ENOMEM;
	*workload->model_users = 1;
	r = workload->generator->prepare(workload, err);
	return r < 0 ? r : start_threads(workload);
}

static int make(struct workload *workload, struct mpol_error *err)
{
	int r = read_text(workload, err);

	if (r < 0)
		return r;
	describe(workload);
	if (workload->info.nr_pages < workload->info.nr_threads * PAGES_PER_THREAD_MIN)
		return refuse_threads(workload, err);
	return prepare(workload, err);
}

/* generator: NULL, then the text names it. */
int workload_new_of(const struct generator *generator, const char *text, uint64_t seed,
		    struct workload **ret, struct mpol_error *err)
{
	_cleanup_(workload_freep) struct workload *workload = calloc(1, sizeof(*workload));
	int r = -ENOMEM;

	if (workload) {
		workload->seed = seed;
		workload->generator = generator;
		workload->text = strdup(text);
	}
	if (workload && workload->text)
		r = generator ? prepare(workload, err) : make(workload, err);
	if (r == -ENOMEM)
		error_errno(err, r, "make workload");
	if (r < 0) {
		error_on(err, "%s", text);
		return r;
	}
	*ret = steal_pointer(&workload);
	return 0;
}

int workload_new(const char *text, uint64_t seed, struct workload **ret, struct mpol_error *err)
{
	return workload_new_of(NULL, text, seed, ret, err);
}

struct workload *workload_clone(const struct workload *workload)
{
	const size_t threads_bytes = workload->thread_bytes * workload->info.nr_threads;
	struct workload *clone = malloc(sizeof(*clone));

	if (!clone)
		return NULL;
	*clone = *workload;
	clone->info.regions = clone->regions;
	clone->text = strdup(workload->text);
	clone->threads = aligned_alloc(STATE_ALIGNMENT, threads_bytes);
	++*clone->model_users;
	if (!clone->text || !clone->threads) {
		workload_free(clone);
		return NULL;
	}
	memcpy(clone->threads, workload->threads, threads_bytes);
	return clone;
}

void workload_free(struct workload *workload)
{
	if (!workload)
		return;
	if (!workload->model_users || --*workload->model_users == 0) {
		if (workload->model && workload->generator->release)
			workload->generator->release(workload->model);
		free(workload->model);
		free(workload->model_users);
	}
	free(workload->threads);
	free(workload->text);
	free(workload);
}

/* ---- Using ----------------------------------------------------------------------- */

const struct workload_info *workload_info(const struct workload *workload)
{
	return &workload->info;
}

size_t workload_fill(struct workload *workload, unsigned thread, uint32_t *accesses, size_t nr)
{
	struct workload_thread *t = thread_at(workload, thread);
	size_t done = 0;

	if (!t->endless) {
		if (nr > t->nr_left)
			nr = t->nr_left;
		t->nr_left -= nr;
	}
	while (done < nr) {
		size_t part = WORKLOAD_BLOCK - t->block_at;

		if (!part && nr - done >= WORKLOAD_BLOCK) {
			workload->generator->make(workload, t->state, accesses + done);
			done += WORKLOAD_BLOCK;
			continue;
		}
		if (!part) {
			workload->generator->make(workload, t->state, t->block);
			t->block_at = 0;
			part = WORKLOAD_BLOCK;
		}
		if (part > nr - done)
			part = nr - done;
		memcpy(accesses + done, t->block + t->block_at, part * sizeof(*accesses));
		t->block_at += (uint32_t)part;
		done += part;
	}
	return done;
}
