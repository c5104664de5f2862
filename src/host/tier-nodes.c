/* SPDX-License-Identifier: MIT */
/* Nodes for decisions: see tier-nodes.h. */
#include "tier-nodes.h"

#include <errno.h>
#include <stdlib.h>

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

DEFINE_CLEANUP(struct machine *, machine_free);

int tier_nodes_read(int root, struct tier_nodes **ret, struct mpol_error *err)
{
	_cleanup_(machine_freep) struct machine *machine = NULL;
	_cleanup_(tier_nodes_freep) struct tier_nodes *nodes = NULL;
	_cleanup_(question_free) struct question question = { 0 };
	int r = topology_read(root, &machine, err);

	if (r < 0)
		return r;
	nodes = calloc(1, sizeof(*nodes) + (size_t)machine->nr_nodes * sizeof(nodes->nodes[0]));
	if (!nodes || ask(machine, &question) < 0)
		return error_errno(err, -ENOMEM, "read topology");
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
	for (unsigned i = 0; i < nodes->nr; i++)
		nodes->nodes[i].free_pages = room_pages(root, nodes->nodes[i].id, 0, ROOM_FREE);
}

void tier_nodes_refresh(struct tier_nodes *nodes, int root)
{
	_cleanup_free_ char *zoneinfo = NULL;
	const bool known = rootfs_read(root, &zoneinfo, "proc/zoneinfo") >= 0;

	for (unsigned i = 0; i < nodes->nr; i++) {
		struct port_node *node = &nodes->nodes[i];
		const struct room_watermarks marks =
			room_parse_watermarks(known ? zoneinfo : "", node->id);

		node->least_pages = marks.low_pages;
		node->reserve_pages = marks.high_pages;
	}
	tier_nodes_count_free(nodes, root);
}
