/* SPDX-License-Identifier: MIT */
/* The simulated machine's parts, and moves between its nodes: see world.h. */
#include "world-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "cleanup.h"
#include "error.h"
#include "page.h"
#include "peer.h"
#include "watermarks.h"

const char *const move_reason_names[NR_MOVE_REASONS] = {
	[MOVE_PROMOTION] = "promotion",
	[MOVE_DEMOTION] = "demotion",
	[MOVE_BALANCE] = "balance",
};

/*
 * A base page is moved at 3.7 GB/s, a huge one at 10.7 GB/s by move_pages on a
 * Zen 3 of two sockets (Zi Yan, "Accelerate page migration with batch copying", 2025).
 * The rest are usual magnitudes on such machines: a minor fault 0.5 us, a hint fault
 * 1 us, swap on an SSD 50 us, one of many entries looked at 5 ns, one of many PEBS
 * records 250 ns.  An accessed bit is set in the most that was measured, in a KVM
 * guest (host/accessed-bit.h).
 */
const struct world_costs world_default_costs = {
	.fault_ns = 500,
	.hint_fault_ns = 1000,
	.move_page_ns = 1100,
	.move_huge_ns = 196000,
	.swap_in_ns = 50000,
	.entry_ps = 5000,
	.rmap_ps = 5000,
	.sample_ns = 250,
	.accessed_bit_ns = 535,
};

/* Draws of the peer come from a stream of their own. */
#define PEER_STREAM 0x70656572

void world_free(struct world *world)
{
	if (!world)
		return;
	if (world->peer_state)
		world->peer->stop(world->peer_state);
	if (world->last_moves)
		munmap(world->last_moves, world->nr_pages * sizeof(*world->last_moves));
	memory_done(&world->memory);
	scheduler_free(world->scheduler);
	free(world->tasks);
	free(world->threads);
	free(world->groups);
	free(world);
}

DEFINE_CLEANUP(struct world *, world_free);

#define DMA32_PAGES ((uint64_t)1 << 20) /* the first 4 GiB are a zone, what follows another */

/* What a node's capacity and watermarks are; the kernel's and the cache's part is the caller's. */
static int fill_nodes(const struct machine *machine, const struct world_config *config,
		      struct memory_node *nodes, struct mpol_error *err)
{
	struct watermarks_rule rule = { .scale_factor = config->watermark_scale_factor };
	unsigned nr_zones = 1; /* on a PC the first 16 MiB are one */

	for (int i = 0; i < machine->nr_nodes; i++) {
		rule.total_pages += machine->nodes[i].capacity_bytes / PAGE_BYTES;
		nr_zones += machine->nodes[i].capacity_bytes > 0;
	}
	nr_zones += rule.total_pages > DMA32_PAGES;
	rule.min_free_kib = config->khugepaged
				    ? watermarks_min_free_kib_huge(rule.total_pages, nr_zones)
				    : watermarks_min_free_kib(rule.total_pages);
	for (int i = 0; i < machine->nr_nodes; i++) {
		struct memory_node *node = &nodes[i];

		*node = (struct memory_node) {
			.capacity_pages = machine->nodes[i].capacity_bytes / PAGE_BYTES,
			.kernel_pages = config->kernel_pages[i],
			.cache_pages = config->cache_pages[i],
		};
		if (node->kernel_pages + node->cache_pages > node->capacity_pages) {
			error_set(err, -EINVAL, "simulate",
				  "the kernel and the page cache would have %" PRIu64
				  " pages there, it has %" PRIu64,
				  node->kernel_pages + node->cache_pages, node->capacity_pages);
			error_on(err, "node %d", machine->nodes[i].id);
			error_advise(err, "a larger node, or less there");
			return -EINVAL;
		}
		if (node->capacity_pages)
			node->marks = watermarks_of_zone(&rule, node->capacity_pages);
	}
	return 0;
}

/* The machine as the decisions of policy/ take it. */
static void describe(struct world *world)
{
	const struct machine *machine = world->machine;
	int tiers[MEMORY_MAX_NODES];
	bool have_cpus[MEMORY_MAX_NODES];
	const struct tiers_nodes nodes = {
		.nr_nodes = machine->nr_nodes,
		.tiers = tiers,
		.have_cpus = have_cpus,
		.distances = machine->distances,
	};

	for (int i = 0; i < machine->nr_nodes; i++) {
		const int weight = machine->nodes[i].kernel_weight;

		world->ids[i] = machine->nodes[i].id;
		world->weights[i] = (uint8_t)(weight > 0 ? weight : 1);
		tiers[i] = world_tier(world, i);
		have_cpus[i] = machine->nodes[i].cpus[0] != '\0';
	}
	world->placement = (struct placement_nodes) {
		.memory = machine_memory_nodes(machine),
		.nr_nodes = machine->nr_nodes,
		.ids = world->ids,
		.distances = machine->distances,
		.weights = world->weights,
		.fallback = world->fallback,
	};
	placement_fallback(&world->placement, &machine->possible, NULL, world->fallback);
	tiers_choose(&nodes, &world->tiers);
}

/* The next node behind one that has CPUs, round about; 0 where none has. */
static int next_cpu_node(const struct machine *machine, int node)
{
	for (int i = 1; i <= machine->nr_nodes; i++) {
		const int next = (node + i) % machine->nr_nodes;

		if (machine->nodes[next].cpus[0])
			return next;
	}
	return 0;
}

static void add_threads(struct world *world, unsigned index, int *last_node)
{
	const struct world_task *task = &world->tasks[index];

	for (unsigned i = 0; i < task->info->nr_threads; i++) {
		if (task->cpu_node < 0)
			*last_node = next_cpu_node(world->machine, *last_node);
		world->threads[world->nr_threads++] = (struct world_thread) {
			.task = index,
			.index = i,
			.cpu_node = task->cpu_node >= 0 ? task->cpu_node : *last_node,
			.until_sample = world->config.sample_period,
		};
	}
}

/* The tasks with their places in memory, and their threads, spread over the CPUs. */
static int add_tasks(struct world *world, const struct world_task *tasks, unsigned nr_tasks)
{
	uint64_t pages = 0;
	unsigned nr_threads = 0;
	int last_node = -1;

	world->nr_groups = 1;
	for (unsigned i = 0; i < nr_tasks; i++) {
		nr_threads += tasks[i].info->nr_threads;
		if (tasks[i].group >= world->nr_groups)
			world->nr_groups = tasks[i].group + 1;
	}
	world->tasks = calloc(nr_tasks, sizeof(*world->tasks));
	world->threads = calloc(nr_threads, sizeof(*world->threads));
	world->groups = calloc(world->nr_groups, sizeof(*world->groups));
	if (!world->tasks || !world->threads || !world->groups)
		return -ENOMEM;
	world->nr_tasks = nr_tasks;
	for (unsigned i = 0; i < nr_tasks; i++) {
		world->tasks[i] = tasks[i];
		world->tasks[i].first_page = (uint32_t)pages;
		world->tasks[i].home_node = -1;
		pages += tasks[i].info->nr_pages;
		pages += (PAGES_PER_HUGE - pages % PAGES_PER_HUGE) % PAGES_PER_HUGE;
		if (pages > MEMORY_MAX_PAGES)
			return -EINVAL;
		add_threads(world, i, &last_node);
	}
	world->nr_pages = (uint32_t)pages;
	return 0;
}

static int map_last_moves(struct world *world)
{
	void *map = mmap(NULL, world->nr_pages * sizeof(*world->last_moves), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return -ENOMEM;
	world->last_moves = map;
	return 0;
}

static int fill(struct world *world, const struct world_task *tasks, unsigned nr_tasks,
		struct mpol_error *err)
{
	struct memory_node nodes[MEMORY_MAX_NODES];
	int r = fill_nodes(world->machine, &world->config, nodes, err);

	if (r < 0)
		return r;
	r = add_tasks(world, tasks, nr_tasks);
	if (r == -EINVAL)
		return error_set(err, r, "simulate", "the tasks have more than %u pages of 4 KiB",
				 MEMORY_MAX_PAGES);
	if (r == 0)
		r = memory_init(&world->memory, world->nr_pages, nodes, world->machine->nr_nodes);
	if (r == 0)
		r = map_last_moves(world);
	return r < 0 ? error_errno(err, r, "simulate") : 0;
}

static int add_scheduler(struct world *world, const struct scheduler_config *config,
			 struct mpol_error *err)
{
	int r = scheduler_new(config, world->machine, world->nr_threads, world->config.seed,
			      &world->scheduler);

	if (r == -EINVAL)
		return error_set(err, r, "simulate", "no node of the machine has CPUs");
	if (r < 0)
		return error_errno(err, r, "simulate");
	for (unsigned i = 0; i < world->nr_threads; i++)
		scheduler_start(world->scheduler, i, world->threads[i].cpu_node,
				world->tasks[world->threads[i].task].cpu_node >= 0);
	return 0;
}

int world_new(const struct machine *machine, const struct world_config *config,
	      const struct world_task *tasks, unsigned nr_tasks, struct world **ret_world,
	      struct mpol_error *err)
{
	const struct peer *peer = config->peer;
	_cleanup_(world_freep) struct world *world = calloc(1, sizeof(*world));
	int r;

	if (!world)
		return error_errno(err, -ENOMEM, "simulate");
	if (machine->nr_nodes > MEMORY_MAX_NODES)
		return error_set(err, -EINVAL, "simulate",
				 "the machine has %d nodes, %d are the most", machine->nr_nodes,
				 MEMORY_MAX_NODES);
	world->machine = machine;
	world->config = *config;
	world->config.scheduler = NULL;
	world->config.sample_period = peer->sample_period;
	world->peer = peer;
	random_seed(&world->random, config->seed, PEER_STREAM);
	timing_start(&world->timing, machine);
	describe(world);
	r = fill(world, tasks, nr_tasks, err);
	if (r == 0 && config->scheduler)
		r = add_scheduler(world, config->scheduler, err);
	if (r == 0 && peer->start)
		r = peer->start(world, &world->peer_state, err);
	if (r < 0)
		return r;
	*ret_world = steal_pointer(&world);
	return 0;
}

int world_touch_all(struct world *world, int node, struct mpol_error *err)
{
	for (unsigned i = 0; i < world->nr_tasks; i++) {
		const struct world_task *task = &world->tasks[i];
		const int cpu_node =
			task->cpu_node >= 0 ? task->cpu_node : next_cpu_node(world->machine, -1);

		for (uint32_t j = 0; j < task->info->nr_pages; j++) {
			const uint32_t page = task->first_page + j;

			if (memory_present(&world->memory, page))
				continue;
			if (world_populate(world, page, cpu_node, node) < 0) {
				error_set(err, -ENOMEM, "simulate",
					  "the machine has no room for all of the workload");
				error_on(err, "page %u of %u", j, task->info->nr_pages);
				error_advise(err, "a smaller workload, or a larger machine");
				return -ENOMEM;
			}
		}
	}
	world->tally = (struct tally) { 0 };
	return 0;
}

unsigned world_task_of(const struct world *world, uint32_t page)
{
	unsigned low = 0, high = world->nr_tasks;

	while (high - low > 1) {
		const unsigned middle = (low + high) / 2;

		if (world->tasks[middle].first_page <= page)
			low = middle;
		else
			high = middle;
	}
	return low;
}

void world_wake_kswapd(struct world *world, int node)
{
	world->kswapd_awake[node] = true;
}

/* Notes a move up or down, and whether it takes back a recent one. */
static void note_direction(struct world *world, uint32_t unit, bool up)
{
	const uint64_t second = world->now_ps / 1000000000000ULL + 1;
	uint16_t *last = &world->last_moves[unit];

	if (*last && (*last & 1) != up && (second - (*last >> 1)) * 1000000000ULL <= PING_PONG_NS)
		world->tally.bounced_pages += memory_unit_pages(&world->memory, unit);
	*last = (uint16_t)((second < 32767 ? second : 32767) << 1 | up);
}

int world_move(struct world *world, uint32_t unit, int node, enum move_reason reason)
{
	struct memory *memory = &world->memory;
	const uint32_t pages = memory_unit_pages(memory, unit);
	const int from = memory_node_of(memory, unit);
	struct world_group *group;

	if (from == NO_NODE)
		return -ENOENT;
	if (from == node)
		return 0;
	if (!world_has_room(world, node, pages, memory->nodes[node].marks.min_pages)) {
		world->tally.failed_pages += pages;
		return -ENOMEM;
	}
	memory_move(memory, unit, node);
	group = &world->groups[world->tasks[world_task_of(world, unit)].group];
	group->node_pages[from] -= pages;
	group->node_pages[node] += pages;
	world->tally.moved_pages[reason] += pages;
	if (world_tier(world, from) != world_tier(world, node))
		note_direction(world, unit, world_tier(world, node) < world_tier(world, from));
	world->timing.drawn_read_bytes[from] += (uint64_t)pages * PAGE_BYTES;
	world->timing.drawn_write_bytes[node] += (uint64_t)pages * PAGE_BYTES;
	world_spend(world, 1000 * (uint64_t)(pages > 1 ? world->config.costs.move_huge_ns
						       : world->config.costs.move_page_ns));
	return 0;
}
