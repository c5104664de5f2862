/* SPDX-License-Identifier: MIT */
/*
 * graph: PageRank over a Kronecker (R-MAT) graph in compressed sparse rows, as the
 * GAP benchmark's "pr" on its "-g" graphs.  Each thread goes through its part of
 * the vertices: it reads their offsets and edges one after the other and for each edge the
 * value of the vertex at its other end, then writes the vertex's score.
 *
 * The other end of an edge has each bit of its number set with the probability
 * c + d of the R-MAT generator (0.24), and numbers are permuted at random: so 2^scale
 * vertices fall into scale + 1 classes of as likely ones, by how many bits are set.
 * Vertices all have the same number of edges on the side that is read in order:
 * how many it is does not change which pages are accessed, nor the order.
 */
#include "workload-internal.h"

#include "sampler.h"
#include "scatter.h"

#define SCALE_MAX	 31
#define EDGES_PER_LINE	 16 /* of 4 bytes */
#define OFFSETS_PER_LINE 8  /* of 8 bytes */
#define SCORES_PER_LINE	 16 /* of 4 bytes, as values are */
#define VALUES_PER_PAGE	 1024
#define VERTEX_BYTES	 16   /* without its edges: an offset, a value, a score */
#define BIT_SET		 0.24 /* C + D of Graph500's parameters .57 .19 .19 .05 */

static const struct workload_default options[] = {
	COMMON_OPTIONS("1ns", "4"),
	{ OPTION_DEGREE, "16" },
	{ 0 },
};

enum {
	REGION_OFFSETS,
	REGION_EDGES,
	REGION_VALUES,
	REGION_SCORES,
	NR_REGIONS,
};

struct model {
	struct sampler sampler; /* of vertices, those with few bits set first */
	struct scatter scatter;
	uint32_t first_page[NR_REGIONS];
	uint64_t nr_vertices, nr_edges;
	uint32_t degree;
};

struct state {
	struct random random;
	uint64_t first_line, end_line, line; /* lines of edges */
	uint64_t vertex;		     /* of the line's first edge */
	uint32_t values_left;		     /* to be read for the line's edges */
	uint32_t nr_pending;
	uint32_t pending[3]; /* accesses to the other regions, last one first */
};

static int prepare_vertices(struct model *model, unsigned scale)
{
	struct sampler_step steps[SCALE_MAX + 1];
	double weight = 1;
	uint64_t nr = 1;

	for (unsigned bits = 0; bits <= scale; bits++) {
		steps[bits] = (struct sampler_step) { (uint32_t)nr, weight };
		nr = nr * (scale - bits) / (bits + 1);
		weight *= BIT_SET / (1 - BIT_SET);
	}
	return sampler_init_steps(&model->sampler, steps, scale + 1);
}

static uint32_t pages(uint64_t bytes)
{
	return (uint32_t)((bytes + WORKLOAD_PAGE_BYTES - 1) / WORKLOAD_PAGE_BYTES);
}

/* nr_pages: of all regions; what rounding spares or costs is the edges'. */
static void lay_out(struct workload *workload, const struct model *model)
{
	const uint32_t nr_pages = workload->info.nr_pages;
	const uint32_t nr_values = pages(4 * model->nr_vertices);
	const uint32_t nr_offsets = pages(8 * model->nr_vertices);
	const struct workload_region regions[NR_REGIONS] = {
		{ "offsets", 0, nr_offsets },
		{ "edges", nr_offsets, nr_pages - nr_offsets - 2 * nr_values },
		{ "values", nr_pages - 2 * nr_values, nr_values },
		{ "scores", nr_pages - nr_values, nr_values },
	};

	for (unsigned i = 0; i < NR_REGIONS; i++)
		workload->regions[i] = regions[i];
	workload->info.nr_regions = NR_REGIONS;
}

static int prepare(struct workload *workload, struct mpol_error *err)
{
	struct model *model = workload->model;
	const uint64_t size = (uint64_t)workload->info.nr_pages * WORKLOAD_PAGE_BYTES;
	const uint64_t most = size / (VERTEX_BYTES + 4 * workload->option[OPTION_DEGREE]);
	unsigned scale = 0;
	int r;

	(void)err;
	while (scale < SCALE_MAX && 2ULL << scale <= most)
		scale++;
	model->nr_vertices = 1ULL << scale;
	lay_out(workload, model);
	for (unsigned i = 0; i < NR_REGIONS; i++)
		model->first_page[i] = workload->regions[i].first_page;
	model->degree = (uint32_t)((uint64_t)workload->regions[REGION_EDGES].nr_pages *
				   (WORKLOAD_PAGE_BYTES / 4) / model->nr_vertices);
	model->nr_edges = model->nr_vertices * model->degree;
	r = prepare_vertices(model, scale);
	return r < 0 ? r
		     : scatter_init(&model->scatter, (uint32_t)model->nr_vertices, 0,
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
	const uint64_t nr_lines = model->nr_edges / EDGES_PER_LINE;
	struct state *state = data;

	random_seed(&state->random, workload->seed, thread);
	state->first_line = nr_lines * thread / workload->info.nr_threads;
	state->end_line = nr_lines * (thread + 1) / workload->info.nr_threads;
	state->line = state->first_line;
	state->vertex = state->line * EDGES_PER_LINE / model->degree;
}

/* Goes to the next line of edges: what is to be accessed for it. */
static void next_line(const struct model *model, struct state *state)
{
	const uint64_t last = state->vertex, edge = state->line * EDGES_PER_LINE;

	state->vertex = edge / model->degree;
	state->nr_pending = 0;
	state->pending[state->nr_pending++] =
		model->first_page[REGION_EDGES] + (uint32_t)(edge / 1024);
	if (state->vertex / OFFSETS_PER_LINE != last / OFFSETS_PER_LINE)
		state->pending[state->nr_pending++] =
			model->first_page[REGION_OFFSETS] + (uint32_t)(state->vertex / 512);
	if (state->vertex / SCORES_PER_LINE != last / SCORES_PER_LINE)
		state->pending[state->nr_pending++] =
			ACCESS_WRITE |
			(model->first_page[REGION_SCORES] + (uint32_t)(last / VALUES_PER_PAGE));
	state->values_left = EDGES_PER_LINE;
	if (++state->line == state->end_line)
		state->line = state->first_line;
}

static void read_values(const struct model *model, struct random *random, uint32_t *accesses,
			size_t nr)
{
	const uint32_t first_page = model->first_page[REGION_VALUES];

	for (size_t i = 0; i < nr; i++)
		accesses[i] = sampler_draw(&model->sampler, random_next(random));
	scatter_place(&model->scatter, accesses, nr);
	for (size_t i = 0; i < nr; i++)
		accesses[i] = first_page + accesses[i] / VALUES_PER_PAGE;
}

static void make(const struct workload *workload, void *data, uint32_t *accesses)
{
	const struct model *model = workload->model;
	struct state *state = data;

	for (size_t i = 0; i < WORKLOAD_BLOCK;) {
		size_t nr = WORKLOAD_BLOCK - i;

		if (state->nr_pending) {
			accesses[i++] = state->pending[--state->nr_pending];
			continue;
		}
		if (!state->values_left) {
			next_line(model, state);
			continue;
		}
		if (nr > state->values_left)
			nr = state->values_left;
		read_values(model, &state->random, accesses + i, nr);
		state->values_left -= (uint32_t)nr;
		i += nr;
	}
}

const struct generator graph_generator = {
	.name = "graph",
	.options = options,
	.model_bytes = sizeof(struct model),
	.state_bytes = sizeof(struct state),
	.prepare = prepare,
	.release = release,
	.start = start,
	.make = make,
};
