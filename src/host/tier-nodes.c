/* SPDX-License-Identifier: MIT */
/* Nodes for decisions: see tier-nodes.h. */
#include "tier-nodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "machine.h"
#include "page.h"
#include "room.h"
#include "rootfs.h"
#include "tiers.h"
#include "topology.h"

/* What tiers_choose asks about; arrays as long as the machine. */
struct question {
	int *tiers;
	bool *have_cpus;
	struct tiers_targets *targets;
};

static void question_free(struct question *question)
{
	free(question->tiers);
	free(question->have_cpus);
	free(question->targets);
}

static int ask(const struct machine *machine, struct question *question)
{
	question->tiers = calloc((size_t)machine->nr_nodes, sizeof(*question->tiers));
	question->have_cpus = calloc((size_t)machine->nr_nodes, sizeof(*question->have_cpus));
	question->targets = calloc(1, sizeof(*question->targets));
	if (!question->tiers || !question->have_cpus || !question->targets)
		return -ENOMEM;
	for (int i = 0; i < machine->nr_nodes; i++) {
		const struct machine_node *node = &machine->nodes[i];

		question->tiers[i] = node->capacity_bytes ? node->tier : -1;
		question->have_cpus[i] = node->cpus[0] != '\0';
	}
	tiers_choose(&(struct tiers_nodes) { machine->nr_nodes, question->tiers,
					     question->have_cpus, machine->distances },
		     question->targets);
	return 0;
}

/* As the CPUs nearest to it see it. */
static uint32_t latency_ns(const struct machine *machine, int node)
{
	uint32_t least_ns = UINT32_MAX;

	for (int from = 0; from < machine->nr_nodes; from++) {
		const uint32_t ns = machine_idle_latency(machine, from, node);

		if (machine->nodes[from].cpus[0] && ns < least_ns)
			least_ns = ns;
	}
	return least_ns;
}

static void add_node(struct tier_nodes *nodes, const struct machine *machine,
		     const struct question *answer, int i)
{
	struct port_node *node = &nodes->nodes[nodes->nr++];

	node->id = machine->nodes[i].id;
	node->tier = answer->tiers[i];
	node->capacity_pages = machine->nodes[i].capacity_bytes / PAGE_BYTES;
	node->latency_ns = latency_ns(machine, i);
	for (int tier = 0; tier < PORT_MAX_TIERS; tier++) {
		const int nearest = answer->targets->nearest[i][tier];

		node->nearest[tier] = nearest < 0 ? -1 : machine->nodes[nearest].id;
	}
	nodemask_set(&nodes->memory, node->id);
	if (node->tier >= nodes->nr_tiers)
		nodes->nr_tiers = node->tier + 1;
}

/* Of nodes that are listed, and of what does not list them: more memory on a node that has some. */
static struct tier_nodes_memory memory_now(int root, const char *zoneinfo)
{
	struct tier_nodes_memory memory = { 0 };

	if (rootfs_read_nodes(root, &memory.nodes, "sys/devices/system/node/has_memory") < 0)
		memory.nodes = (struct nodemask) { 0 };
	memory.present_pages = room_parse_present_pages(zoneinfo);
	return memory;
}

/* NULL where it cannot be read; free(3) it. */
static char *read_zoneinfo(int root)
{
	char *zoneinfo = NULL;

	return rootfs_read(root, &zoneinfo, "proc/zoneinfo") < 0 ? NULL : zoneinfo;
}

DEFINE_CLEANUP(struct machine *, machine_free);

int tier_nodes_read(int root, struct tier_nodes **ret, struct mpol_error *err)
{
	_cleanup_(machine_freep) struct machine *machine = NULL;
	_cleanup_(tier_nodes_freep) struct tier_nodes *nodes = NULL;
	_cleanup_(question_free) struct question question = { 0 };
	_cleanup_free_ char *zoneinfo = read_zoneinfo(root);
	/* Before all else: what comes or goes meanwhile is seen by the next refresh. */
	const struct tier_nodes_memory as_read = memory_now(root, zoneinfo);
	int r = topology_read(root, &machine, err);

	if (r < 0)
		return r;
	nodes = calloc(1, sizeof(*nodes) + (size_t)machine->nr_nodes * sizeof(nodes->nodes[0]));
	if (!nodes || ask(machine, &question) < 0)
		return error_errno(err, -ENOMEM, "read topology");
	nodes->as_read = as_read;
	for (int i = 0; i < machine->nr_nodes; i++)
		if (question.tiers[i] >= 0)
			add_node(nodes, machine, &question, i);
	tier_nodes_refresh(nodes, root);
	*ret = steal_pointer(&nodes);
	return 0;
}

void tier_nodes_free(struct tier_nodes *nodes)
{
	free(nodes);
}

void tier_nodes_count_free(struct tier_nodes *nodes, int root)
{
	for (unsigned i = 0; i < nodes->nr; i++) {
		const uint64_t pages = room_pages(root, nodes->nodes[i].id, 0, ROOM_FREE);

		nodes->nodes[i].free_pages = pages == UINT64_MAX ? 0 : pages;
	}
}

bool tier_nodes_refresh(struct tier_nodes *nodes, int root)
{
	_cleanup_free_ char *zoneinfo = read_zoneinfo(root);
	struct tier_nodes_memory now;

	for (unsigned i = 0; i < nodes->nr; i++) {
		struct port_node *node = &nodes->nodes[i];
		const struct room_watermarks marks = room_parse_watermarks(zoneinfo, node->id);

		node->least_pages = marks.low_pages;
		node->reserve_pages = marks.high_pages;
	}
	tier_nodes_count_free(nodes, root);
	now = memory_now(root, zoneinfo);
	return now.present_pages != nodes->as_read.present_pages ||
	       !nodemask_equal(&now.nodes, &nodes->as_read.nodes);
}

static bool is_same(const struct port_node *a, const struct port_node *b)
{
	return a->id == b->id && a->tier == b->tier &&
	       memcmp(a->nearest, b->nearest, sizeof(a->nearest)) == 0;
}

bool tier_nodes_are_same(const struct tier_nodes *a, const struct tier_nodes *b)
{
	bool same = a->nr == b->nr;

	for (unsigned i = 0; same && i < a->nr; i++)
		same = is_same(&a->nodes[i], &b->nodes[i]);
	return same;
}
