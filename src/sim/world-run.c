/* SPDX-License-Identifier: MIT */
/*
 * The simulated machine's time: threads in quanta, access by access.  The loop
 * in access_all is what every access of every simulation passes through.
 */
#include "world-internal.h"

#include <errno.h>

#include "error.h"
#include "peer.h"
#include "reclaim.h"

#define BATCH 256

/* Above so many pages their entries are not all in the caches next to the CPU. */
#define PREFETCH_PAGES (1U << 18)

/*
 * An entry that an access leaves as it is: of a base page that is there, and accessed before.  To
 * write it all the same would make the next access to a hot page wait for this one.
 */
#define PLAIN	   PTE_ACCESSED
#define PLAIN_MASK (PTE_TRAP | PTE_HUGE | PTE_ACCESSED)

struct batch {
	uint32_t accesses[BATCH]; /* pages of memory, and ACCESS_WRITE */
	uint32_t nr;
	uint32_t counts[2][MEMORY_MAX_NODES]; /* reads, writes */
};

void world_spend(struct world *world, uint64_t ps)
{
	if (world->reclaiming) {
		world->tally.kswapd_ps += ps;
	} else if (world->current) {
		world->current->clock_ps += ps;
		world->tally.stalled_ps += ps;
	} else {
		world->tally.manager_ps += ps;
	}
}

/* An entry that is not PLAIN.  Returns it once the access may go on. */
static uint16_t resolve(struct world *world, const struct world_thread *thread, uint32_t page)
{
	struct memory *memory = &world->memory;
	uint32_t unit = memory_unit(memory, page);

	if (memory->entries[unit] & PTE_TRAP) {
		if (world_fault(world, thread, page) < 0) {
			world->out_of_memory = true;
			return 0;
		}
		unit = memory_unit(memory, page);
	} else if (!(memory->entries[unit] & PTE_ACCESSED)) { /* a fault sets it beside all else */
		world_spend(world, (uint64_t)world->config.costs.accessed_bit_ns * 1000);
	}
	memory->entries[unit] |= PTE_ACCESSED;
	return memory->entries[unit];
}

static void access_all(struct world *world, const struct world_thread *thread, struct batch *batch)
{
	uint16_t *entries = world->memory.entries;

	if (world->memory.nr_pages > PREFETCH_PAGES)
		for (uint32_t i = 0; i < batch->nr; i++)
			__builtin_prefetch(&entries[batch->accesses[i] & ~ACCESS_WRITE], 1);
	for (uint32_t i = 0; i < batch->nr; i++) {
		const uint32_t page = batch->accesses[i] & ~ACCESS_WRITE;
		const uint32_t write = batch->accesses[i] / ACCESS_WRITE;
		uint16_t entry = entries[page];

		if (__builtin_expect((entry & PLAIN_MASK) != PLAIN, 0))
			entry = resolve(world, thread, page);
		batch->counts[write][entry & (MEMORY_MAX_NODES - 1)]++;
	}
}

/* Notes the batch's accesses and lets the thread's clock go on by what they took. */
static void account(struct world *world, struct world_thread *thread, const struct batch *batch,
		    const uint64_t *cost_ps, uint64_t think_ps)
{
	uint64_t waited_ps = 0;

	for (int node = 0; node < world->memory.nr_nodes; node++) {
		const uint64_t reads = batch->counts[0][node], writes = batch->counts[1][node];

		world->tally.reads[node] += reads;
		world->tally.writes[node] += writes;
		if (node == thread->cpu_node)
			world->tally.local += reads + writes;
		waited_ps += (reads + writes) * cost_ps[node];
		/* A line that is written is read before and written back. */
		world->timing.drawn_read_bytes[node] += (reads + writes) * BANDWIDTH_LINE_BYTES;
		world->timing.drawn_write_bytes[node] += writes * BANDWIDTH_LINE_BYTES;
	}
	world->tally.access_ps += waited_ps;
	thread->clock_ps += waited_ps;
	thread->due_ps += batch->nr * think_ps;
	if (!world->config.paced)
		thread->clock_ps += batch->nr * think_ps;
	else if (thread->clock_ps < thread->due_ps)
		thread->clock_ps = thread->due_ps;
	thread->accesses += batch->nr;
}

static void sample(struct world *world, struct world_thread *thread, const struct batch *batch)
{
	while (thread->until_sample < batch->nr) {
		const uint32_t access = batch->accesses[thread->until_sample];

		world_spend(world, (uint64_t)world->config.costs.sample_ns * 1000);
		world->peer->sample(world, world->peer_state, thread,
				    memory_unit(&world->memory, access & ~ACCESS_WRITE),
				    access & ACCESS_WRITE);
		thread->until_sample += world->config.sample_period;
	}
	thread->until_sample -= batch->nr;
}

static void run_thread(struct world *world, struct world_thread *thread, uint64_t end_ps)
{
	struct world_task *task = &world->tasks[thread->task];
	const uint64_t think_ps = task->info->think_ps;
	uint64_t cost_ps[MEMORY_MAX_NODES] = { 0 }, dearest_ps = 1;

	for (int node = 0; node < world->memory.nr_nodes; node++) {
		cost_ps[node] = world->timing.loaded_ps[thread->cpu_node][node] * 1000 /
				task->info->overlap_permille;
		if (cost_ps[node] > dearest_ps)
			dearest_ps = cost_ps[node];
	}
	world->current = thread;
	while (thread->clock_ps < end_ps && !thread->ended && !world->out_of_memory) {
		const uint64_t fitting = (end_ps - thread->clock_ps) / (dearest_ps + think_ps) + 1;
		const uint32_t wanted = fitting < BATCH ? (uint32_t)fitting : BATCH;
		struct batch batch;

		batch.nr = (uint32_t)workload_fill(task->workload, thread->index, batch.accesses,
						   wanted);
		thread->ended = batch.nr < wanted;
		for (int node = 0; node < world->memory.nr_nodes; node++)
			batch.counts[0][node] = batch.counts[1][node] = 0;
		for (uint32_t i = 0; i < batch.nr; i++)
			batch.accesses[i] += task->first_page;
		access_all(world, thread, &batch);
		if (thread->task == 0 && batch.nr)
			world->heat[(uint64_t)(batch.accesses[0] & ~ACCESS_WRITE) *
				    WORLD_HEAT_ROWS / task->info->nr_pages]++;
		account(world, thread, &batch, cost_ps, think_ps);
		if (world->config.sample_period)
			sample(world, thread, &batch);
	}
	world->current = NULL;
}

/* Says where every thread is in the quantum; time passes by those who have no CPU. */
static void schedule(struct world *world)
{
	const uint64_t end_ps = world->now_ps + world->config.quantum_ns * 1000;

	scheduler_next(world->scheduler, world->config.quantum_ns);
	for (unsigned i = 0; i < world->nr_threads; i++) {
		struct world_thread *thread = &world->threads[i];

		thread->cpu_node = scheduler_node(world->scheduler, i);
		if (!scheduler_runs(world->scheduler, i) && thread->clock_ps < end_ps)
			thread->clock_ps = end_ps;
	}
}

int world_step(struct world *world, struct mpol_error *err)
{
	const uint64_t quantum_ps = world->config.quantum_ns * 1000;
	bool running = false;

	if (world->scheduler)
		schedule(world);
	if (world->peer->tick)
		world->peer->tick(world, world->peer_state);
	for (unsigned i = 0; i < world->nr_threads; i++) {
		struct world_thread *thread = &world->threads[i];
		const uint64_t began_ps = thread->clock_ps;

		if (thread->ended)
			continue;
		run_thread(world, thread, world->now_ps + quantum_ps);
		world->tally.thread_ps += thread->clock_ps - began_ps;
		running = running || !thread->ended;
		if (thread->ended && world->scheduler)
			scheduler_end(world->scheduler, i);
	}
	if (world->out_of_memory) {
		error_set(err, -ENOMEM, "simulate", "a page found no place on the machine");
		error_advise(err, "give the machine more memory, the workload less, or allow swap");
		return -ENOMEM;
	}
	reclaim_background(world, quantum_ps);
	timing_next(&world->timing, quantum_ps);
	world->now_ps += quantum_ps;
	return running ? 0 : 1;
}
