/* SPDX-License-Identifier: MIT */
/*
 * stream: McCalpin's STREAM over three arrays.  Each thread has its part of each
 * array and goes through it line by line, an access to every array that
 * the kernel names.  A store is one access: reading the line first is the cache's affair.
 */
#include "workload-internal.h"

#define NR_KERNELS 4
#define NR_ARRAYS  3

static const struct workload_default options[] = {
	COMMON_OPTIONS("1ns", "10"),
	{ OPTION_KERNEL, "all" },
	{ 0 },
};

/* What a kernel does with a line: arrays by number, the last one is written. */
static const struct kernel {
	uint8_t nr_arrays;
	uint8_t arrays[NR_ARRAYS];
} kernels[NR_KERNELS] = {
	{ 2, { 0, 2 } },    /* copy: c = a */
	{ 2, { 2, 1 } },    /* scale: b = s c */
	{ 3, { 0, 1, 2 } }, /* add: c = a + b */
	{ 3, { 1, 2, 0 } }, /* triad: a = b + s c */
};

struct model {
	uint32_t array_pages;
	uint32_t kernel; /* number, or NR_KERNELS for all */
};

struct state {
	uint32_t first_page, end_page; /* of the thread's part of an array */
	uint32_t page, line;
	uint32_t kernel;
	uint32_t operand; /* of the line, which comes next */
};

static int prepare(struct workload *workload, struct mpol_error *err)
{
	struct model *model = workload->model;
	struct workload_info *info = &workload->info;

	(void)err;
	model->array_pages = info->nr_pages / NR_ARRAYS;
	model->kernel = workload->option[OPTION_KERNEL] == KERNEL_ALL
				? NR_KERNELS
				: (uint32_t)workload->option[OPTION_KERNEL] - KERNEL_COPY;
	for (uint32_t i = 0; i < NR_ARRAYS; i++) {
		static const char *const names[NR_ARRAYS] = { "a", "b", "c" };

		workload->regions[i] = (struct workload_region) {
			.name = names[i],
			.first_page = i * model->array_pages,
			.nr_pages = model->array_pages,
		};
	}
	info->nr_regions = NR_ARRAYS;
	info->nr_pages = NR_ARRAYS * model->array_pages;
	return 0;
}

static void start(const struct workload *workload, unsigned thread, void *data)
{
	const struct model *model = workload->model;
	const unsigned nr_threads = workload->info.nr_threads;
	struct state *state = data;

	state->first_page = first_of_thread(model->array_pages, thread, nr_threads);
	state->end_page = first_of_thread(model->array_pages, thread + 1, nr_threads);
	state->page = state->first_page;
	state->kernel = model->kernel % NR_KERNELS;
}

/* To the next line, or the next kernel at the end of the part. */
static void next_line(const struct model *model, struct state *state)
{
	state->operand = 0;
	if (++state->line < WORKLOAD_LINES)
		return;
	state->line = 0;
	if (++state->page < state->end_page)
		return;
	state->page = state->first_page;
	if (model->kernel == NR_KERNELS)
		state->kernel = (state->kernel + 1) % NR_KERNELS;
}

static void make(const struct workload *workload, void *data, uint32_t *accesses)
{
	const struct model *model = workload->model;
	struct state state = *(struct state *)data;

	for (size_t i = 0; i < WORKLOAD_BLOCK;) {
		const struct kernel *kernel = &kernels[state.kernel];

		for (; i < WORKLOAD_BLOCK && state.operand < kernel->nr_arrays; i++) {
			const uint32_t array = kernel->arrays[state.operand++];

			accesses[i] = array * model->array_pages + state.page;
			if (state.operand == kernel->nr_arrays)
				accesses[i] |= ACCESS_WRITE;
		}
		if (state.operand == kernel->nr_arrays)
			next_line(model, &state);
	}
	*(struct state *)data = state;
}

const struct generator stream_generator = {
	.name = "stream",
	.options = options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct state),
	.prepare = prepare,
	.start = start,
	.make = make,
};
