/* SPDX-License-Identifier: MIT */
/* The machine's nodes, which may come and go while mpold runs.  It is looked for that when their
 * watermarks are asked for: the kernel's messages of it do not reach containers. */
#include "error.h"
#include "log.h"
#include "manager-internal.h"
#include "room.h"
#include "tracker.h"

/* Threads and BPF maps have the policy of who makes them. */
void manager_leave_fast_memory(const struct manager *manager)
{
	const struct tier_nodes *nodes = manager->nodes;
	struct nodemask slower = { 0 };
	struct mpol_error why = { 0 };
	const struct mpol_args args = {
		.mode = MPOL_MODE_PREFERRED_MANY,
		.policy_nodemask = slower.bits,
		.policy_maxnode = NODES_MAX,
		.error = &why,
	};

	for (unsigned i = 0; i < nodes->nr; i++)
		if (nodes->nodes[i].tier == 0 && nodes->nodes[i].nearest[1] >= 0)
			nodemask_set(&slower, nodes->nodes[i].nearest[1]);
	if (mpol_set_mempolicy(&args, sizeof(args)) < 0)
		log_info("mpold's own memory may be fast: %s: %s", why.step, why.cause);
}

#define NAMES_BYTES 256

static void name_nodes(const struct nodemask *nodes, char *ret)
{
	nodemask_format(nodes, ret, NAMES_BYTES);
	if (!*ret)
		snprintf(ret, NAMES_BYTES, "none");
}

static void say_nodes(const struct tier_nodes *before, const struct tier_nodes *now)
{
	const struct nodemask came = nodemask_andnot(&now->memory, &before->memory);
	const struct nodemask went = nodemask_andnot(&before->memory, &now->memory);
	char with[NAMES_BYTES], new[NAMES_BYTES], gone[NAMES_BYTES];

	name_nodes(&now->memory, with);
	name_nodes(&came, new);
	name_nodes(&went, gone);
	log_info("nodes have changed; with memory: %s, of %d %s; come: %s; gone: %s", with,
		 now->nr_tiers, now->nr_tiers == 1 ? "tier" : "tiers", new, gone);
	if (now->nr_tiers < 2)
		log_warning("all memory of this machine is of one tier: nothing is moved until "
			    "there is another");
}

static void reread_trackers_memory(const struct manager *manager)
{
	const struct tracker_kind *kind;

	for (size_t i = 0; (kind = tracker_kind(i)); i++)
		if (kind->reread_memory)
			kind->reread_memory(manager->root);
}

/* Goes on with other nodes, or other capacities of the same. */
static void use_nodes(struct manager *manager, struct tier_nodes *nodes)
{
	_cleanup_(tier_nodes_freep) struct tier_nodes *before = manager->nodes;

	manager->nodes = nodes;
	roster_use_memory(&manager->roster, &nodes->memory);
	reread_trackers_memory(manager);
	if (tier_nodes_are_same(before, nodes))
		return;
	say_nodes(before, nodes);
	move_batch_flush(manager->batch); /* it remembers which nodes took nothing */
	tiering_restart(&manager->tiering, nodes->nr_tiers);
	if (nodes->nr_tiers > 1)
		manager_leave_fast_memory(manager);
}

static void reread_nodes(struct manager *manager)
{
	struct mpol_error why = { 0 };
	struct tier_nodes *nodes;
	const bool failed = tier_nodes_read(manager->root, &nodes, &why) < 0;

	if (!failed)
		use_nodes(manager, nodes);
	else if (!manager->nodes_failed)
		log_warning("memory has come or gone, which is not followed for now: %s: %s: %s",
			    why.step, why.object, why.cause);
	manager->nodes_failed = failed;
}

void manager_refresh_nodes(struct manager *manager, uint64_t now_ns)
{
	const bool was_new = manager->nodes_are_new;

	if (now_ns - manager->watermarks_ns < ROOM_WATERMARKS_NS)
		return;
	manager->watermarks_ns = now_ns;
	manager->nodes_are_new = tier_nodes_refresh(manager->nodes, manager->root);
	/* Once more the next time: what a node that comes is like is told after that it is there.
	 */
	if (manager->nodes_are_new || was_new || manager->nodes_failed)
		reread_nodes(manager);
}
