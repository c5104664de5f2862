/* SPDX-License-Identifier: MIT */
/*
 * In which order nodes are tried: the kernel's fallback lists.
 *
 * Lists are made one after the other, by ascending node; who becomes the first of
 * its distance in one has a load that puts it behind others in the next.
 */
#include "placement.h"

#define LOCAL_DISTANCE	10 /* include/linux/topology.h: where no table says */
#define REMOTE_DISTANCE 20

struct lists {
	const struct placement_nodes *nodes;
	const struct nodemask *cpus;
	uint32_t loads[NODES_MAX]; /* by position */
};

/* from is -1 for a node that is not online. */
static int distance(const struct placement_nodes *nodes, int from, int to)
{
	const int stated = from < 0 || to < 0 ? 0 : nodes->distances[from * nodes->nr_nodes + to];

	if (stated)
		return stated;
	return from == to ? LOCAL_DISTANCE : REMOTE_DISTANCE;
}

/* The position of the best that is not used yet for node id at position from; or -1. */
static int next_best(const struct lists *lists, int id, int from, const struct nodemask *unused)
{
	const struct placement_nodes *nodes = lists->nodes;
	uint64_t best_cost = UINT64_MAX;
	int best = -1;

	for (int i = 0; i < nodes->nr_nodes; i++) {
		const int other = nodes->ids[i];
		uint64_t cost;

		if (!nodemask_test(unused, other))
			continue;
		if (i == from)
			return i;
		cost = (uint64_t)distance(nodes, from, i) + (other < id) +
		       (lists->cpus && nodemask_test(lists->cpus, other));
		cost = cost * NODES_MAX + lists->loads[i];
		if (cost < best_cost) {
			best_cost = cost;
			best = i;
		}
	}
	return best;
}

static void make_list(struct lists *lists, int id, int from, int16_t *ret_list)
{
	const struct placement_nodes *nodes = lists->nodes;
	struct nodemask unused = nodes->memory;
	int previous = from;

	for (int rank = 0; rank < nodes->nr_nodes; rank++) {
		const int next = next_best(lists, id, from, &unused);

		ret_list[rank] = (int16_t)next;
		if (next < 0)
			continue;
		if (distance(nodes, from, next) != distance(nodes, from, previous))
			lists->loads[next]++;
		nodemask_clear(&unused, nodes->ids[next]);
		previous = next;
	}
}

void placement_fallback(const struct placement_nodes *nodes, const struct nodemask *possible,
			const struct nodemask *cpus, int16_t *ret_fallback)
{
	struct lists lists = { .nodes = nodes, .cpus = cpus };
	int16_t offline[NODES_MAX];
	int at = 0;

	for (int id = 0; id < NODES_MAX; id++) {
		if (at < nodes->nr_nodes && nodes->ids[at] == id) {
			make_list(&lists, id, at, &ret_fallback[at * nodes->nr_nodes]);
			at++;
		} else if (possible && nodemask_test(possible, id)) {
			make_list(&lists, id, -1, offline);
		}
	}
}
