/* SPDX-License-Identifier: MIT */
/*
 * Interleave weights: mpol_weights_* and mpol_kernel_weights_* of mpol/mpol.h.
 *
 * What is stated is judged row by row, a row being what the CPUs of one node see of all nodes
 * with memory (policy/weights-doubt); of what is believed one number for each node goes
 * to the solver that the simulator has too (policy/weights).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mpol/mpol.h>

#include "cleanup.h"
#include "error.h"
#include "kernel-weights.h"
#include "nodemask.h"
#include "topology-internal.h"
#include "weights-doubt.h"
#include "weights.h"

#define DEFAULT_READS  2
#define DEFAULT_WRITES 1

struct mpol_weights {
	size_t nr_nodes;
	struct mpol_weights_node *nodes; /* owned */
	enum weights_doubt *doubts;	 /* the least of all initiators', for each; owned */
	struct mpol_weights_total total;
};

DEFINE_CLEANUP(struct mpol_weights *, mpol_weights_free);

void mpol_weights_free(struct mpol_weights *weights)
{
	if (!weights)
		return;
	free(weights->nodes);
	free(weights->doubts);
	free(weights);
}

/* ---- Which nodes ------------------------------------------------------------------ */

static int no_node(struct mpol_error *error, int node, const char *cause)
{
	error_set(error, -ENODEV, "derive weights", "%s", cause);
	error_on(error, "node %d", node);
	error_advise(error, "mpol topo shows the nodes");
	return -ENODEV;
}

static int check_initiator(const struct machine *machine, int initiator, struct mpol_error *error)
{
	const int index = initiator < 0 ? 0 : machine_index(machine, initiator);

	if (index < 0)
		return no_node(error, initiator, "there is no such node");
	if (initiator >= 0 && !machine_node_has_cpus(&machine->nodes[index]))
		return no_node(error, initiator, "it has no CPUs, so nothing is asked from there");
	return 0;
}

/* The nodes that are to be weighed. */
static int choose_nodes(const struct machine *machine, const unsigned long *wanted,
			struct nodemask *ret_nodes, struct mpol_error *error)
{
	const struct nodemask memory = machine_memory_nodes(machine);
	struct nodemask nodes = memory, missing;

	if (wanted)
		memcpy(&nodes, wanted, sizeof(nodes));
	missing = nodemask_andnot(&nodes, &memory);
	if (!nodemask_empty(&missing))
		return no_node(error, nodemask_next(&missing, 0), "there is no memory");
	if (nodemask_empty(&nodes))
		return error_set(error, -ENODEV, "derive weights", "there is no node with memory");
	*ret_nodes = nodes;
	return 0;
}

static int new_weights(const struct nodemask *nodes, struct mpol_weights **ret)
{
	_cleanup_(mpol_weights_freep) struct mpol_weights *weights = calloc(1, sizeof(*weights));
	const size_t nr = (size_t)nodemask_weight(nodes);
	int node;

	if (!weights)
		return -ENOMEM;
	weights->nodes = calloc(nr, sizeof(*weights->nodes));
	weights->doubts = calloc(nr, sizeof(*weights->doubts));
	if (!weights->nodes || !weights->doubts)
		return -ENOMEM;
	nodemask_for_each (node, nodes) {
		weights->doubts[weights->nr_nodes] = WEIGHTS_UNSTATED;
		weights->nodes[weights->nr_nodes++] = (struct mpol_weights_node) {
			.node = node,
			.initiator = -1,
		};
	}
	*ret = steal_pointer(&weights);
	return 0;
}

/* ---- What is believed ------------------------------------------------------------- */

/* Of what was measured; NULL: it was not. */
static const struct mpol_bandwidth *measured_of(const struct mpol_bandwidths *measured,
						int initiator, int target)
{
	for (size_t i = 0; i < mpol_bandwidths_nr(measured); i++) {
		const struct mpol_bandwidth *each = mpol_bandwidths_at(measured, i);

		if (each->initiator == initiator && each->target == target)
			return each;
	}
	return NULL;
}

/* Where anything was measured, nothing stated is mixed with it. */
static struct weights_statement statement_measured(const struct machine *machine,
						   const struct mpol_bandwidths *measured,
						   int initiator, int target)
{
	const struct mpol_bandwidth *each = measured_of(measured, initiator, target);

	return (struct weights_statement) {
		.kind = machine->nodes[machine_index(machine, target)].kind,
		.is_own = initiator == target,
		.read_bytes = each ? each->read_bytes : 0,
		.write_bytes = each ? each->write_bytes : 0,
	};
}

static struct weights_statement statement_of(const struct machine *machine, int initiator,
					     int target)
{
	const struct mpol_performance *stated = machine_performance(machine, initiator, target);

	return (struct weights_statement) {
		.kind = machine->nodes[machine_index(machine, target)].kind,
		.is_own = initiator == target,
		.implausible = stated->implausible,
		.read_bytes = stated->read_bandwidth_bytes,
		.write_bytes = stated->write_bandwidth_bytes,
	};
}

static uint64_t either(uint64_t bytes, uint64_t other_bytes)
{
	return bytes ? bytes : other_bytes;
}

/* Takes over what the CPUs of one node see, where it is more than what others' do. */
static void take_row(struct mpol_weights *weights, int initiator,
		     const struct weights_statement *statements, const enum weights_doubt *doubts)
{
	for (size_t i = 0; i < weights->nr_nodes; i++) {
		struct mpol_weights_node *node = &weights->nodes[i];
		uint64_t read_bytes = either(statements[i].read_bytes, statements[i].write_bytes);

		if (doubts[i] != WEIGHTS_BELIEVED && node->initiator < 0 &&
		    weights->doubts[i] == WEIGHTS_UNSTATED)
			weights->doubts[i] = doubts[i];
		if (doubts[i] != WEIGHTS_BELIEVED || node->read_bytes >= read_bytes)
			continue;
		weights->doubts[i] = WEIGHTS_BELIEVED;
		node->initiator = initiator;
		node->read_bytes = read_bytes;
		node->write_bytes = either(statements[i].write_bytes, statements[i].read_bytes);
	}
}

/* The same number for memory of different kinds stands for none. */
static void drop_placeholders(struct mpol_weights *weights, const struct machine *machine,
			      struct weights_statement *statements)
{
	for (size_t i = 0; i < weights->nr_nodes; i++)
		statements[i] = (struct weights_statement) {
			.kind = machine->nodes[machine_index(machine, weights->nodes[i].node)].kind,
			.read_bytes = weights->nodes[i].read_bytes,
			.write_bytes = weights->nodes[i].write_bytes,
		};
	weights_doubt_equals(statements, weights->nr_nodes, weights->doubts);
	for (size_t i = 0; i < weights->nr_nodes; i++) {
		if (weights->doubts[i] == WEIGHTS_BELIEVED)
			continue;
		weights->nodes[i].initiator = -1;
		weights->nodes[i].read_bytes = 0;
		weights->nodes[i].write_bytes = 0;
	}
}

static int believe(struct mpol_weights *weights, const struct machine *machine,
		   const struct mpol_weights_wish *wish)
{
	const int initiator = wish->initiator;
	_cleanup_free_ struct weights_statement *statements =
		calloc(weights->nr_nodes, sizeof(*statements));
	_cleanup_free_ enum weights_doubt *doubts = calloc(weights->nr_nodes, sizeof(*doubts));

	if (!statements || !doubts)
		return -ENOMEM;
	for (int from = 0; from < machine->nr_nodes; from++) {
		const struct machine_node *node = &machine->nodes[from];

		if (!machine_node_has_cpus(node) || (initiator >= 0 && node->id != initiator))
			continue;
		for (size_t i = 0; i < weights->nr_nodes; i++)
			statements[i] =
				wish->measured
					? statement_measured(machine, wish->measured, node->id,
							     weights->nodes[i].node)
					: statement_of(machine, node->id, weights->nodes[i].node);
		weights_doubt(statements, weights->nr_nodes, doubts);
		take_row(weights, node->id, statements, doubts);
	}
	drop_placeholders(weights, machine, statements);
	return 0;
}

/* ---- Weights ---------------------------------------------------------------------- */

/* What bounds a mix beyond its two directions; 0: nothing that is known. */
static uint64_t both_of(const struct mpol_weights_node *node, const struct machine_node *memory,
			const struct mpol_weights_wish *wish)
{
	const struct mpol_bandwidth *each;

	if (node->initiator < 0)
		return 0;
	if (!wish->measured)
		return memory->total_bandwidth_bytes;
	/* One direction alone is no mix, and was measured by itself. */
	if ((wish->reads == 0) != (wish->writes == 0))
		return 0;
	each = measured_of(wish->measured, node->initiator, node->node);
	return each ? each->mixed_bytes : 0;
}

static void fill_profile(const struct mpol_weights *weights, const struct machine *machine,
			 const struct mpol_weights_wish *wish, struct bandwidth_node *nodes)
{
	for (size_t i = 0; i < weights->nr_nodes; i++) {
		const struct mpol_weights_node *node = &weights->nodes[i];
		const struct machine_node *memory =
			&machine->nodes[machine_index(machine, node->node)];

		nodes[i] = (struct bandwidth_node) {
			.id = node->node,
			.read_bytes = node->read_bytes,
			.write_bytes = node->write_bytes,
			.both_bytes = both_of(node, memory, wish),
			.bus = bandwidth_bus_of(memory->kind),
		};
	}
}

static uint32_t ppm(uint64_t part, uint64_t whole)
{
	return whole ? (uint32_t)((double)part * 1000000 / (double)whole + 0.5) : 0;
}

static void take_plan(struct mpol_weights *weights, const struct bandwidth_profile *profile,
		      const uint8_t *solved, const struct weights_plan *plan)
{
	uint64_t all_bytes = 0;

	for (size_t i = 0; i < weights->nr_nodes; i++)
		all_bytes += bandwidth_capacity(&profile->nodes[i], &profile->mix);
	for (size_t i = 0; i < weights->nr_nodes; i++) {
		struct mpol_weights_node *node = &weights->nodes[i];

		if (weights->doubts[i] != WEIGHTS_BELIEVED)
			continue;
		node->capacity_bytes = bandwidth_capacity(&profile->nodes[i], &profile->mix);
		node->wanted_ppm = ppm(node->capacity_bytes, all_bytes);
		node->weight = solved[i];
		node->given_ppm = ppm(solved[i], plan->sum);
		node->reason = weights_fate_text(weights_fate(profile, solved, plan, i));
	}
	weights->total.bytes = plan->flow.bytes;
	weights->total.optimum_bytes = plan->optimum_bytes;
	weights->total.loss_ppm = plan->loss_ppm;
}

static int solve(struct mpol_weights *weights, const struct machine *machine,
		 const struct mpol_weights_wish *wish)
{
	_cleanup_free_ struct bandwidth_node *nodes = calloc(weights->nr_nodes, sizeof(*nodes));
	_cleanup_free_ uint8_t *solved = calloc(weights->nr_nodes, sizeof(*solved));
	struct bandwidth_profile profile = {
		.nodes = nodes,
		.nr_nodes = weights->nr_nodes,
		.mix = { wish->reads, wish->writes },
	};
	struct weights_plan plan;
	int r;

	if (!nodes || !solved)
		return -ENOMEM;
	if (!profile.mix.reads && !profile.mix.writes)
		profile.mix = (struct bandwidth_mix) { DEFAULT_READS, DEFAULT_WRITES };
	fill_profile(weights, machine, wish, nodes);
	for (size_t i = 0; i < weights->nr_nodes; i++) {
		weights->nodes[i].reason = weights_doubt_text(weights->doubts[i]);
		weights->total.nr_unknown += weights->doubts[i] != WEIGHTS_BELIEVED;
	}
	r = weights_solve(&profile, NULL, solved, &plan);
	if (r == 0)
		take_plan(weights, &profile, solved, &plan);
	return r == -ENODATA ? 0 : r;
}

int mpol_weights_derive(const struct mpol_topology *topology, const struct mpol_weights_wish *wish,
			struct mpol_weights **ret_weights, struct mpol_error *error)
{
	_cleanup_(mpol_weights_freep) struct mpol_weights *weights = NULL;
	const struct machine *machine = topology_machine(topology);
	struct nodemask nodes;
	int r = check_initiator(machine, wish->initiator, error);

	if (r >= 0)
		r = choose_nodes(machine, wish->nodes, &nodes, error);
	if (r < 0)
		return r;
	r = new_weights(&nodes, &weights);
	if (r >= 0)
		r = believe(weights, machine, wish);
	if (r >= 0)
		r = solve(weights, machine, wish);
	if (r < 0)
		return error_errno(error, r, "derive weights");
	*ret_weights = steal_pointer(&weights);
	return 0;
}

size_t mpol_weights_nr_nodes(const struct mpol_weights *weights)
{
	return weights->nr_nodes;
}

const struct mpol_weights_node *mpol_weights_node(const struct mpol_weights *weights, size_t index)
{
	return index < weights->nr_nodes ? &weights->nodes[index] : NULL;
}

const struct mpol_weights_total *mpol_weights_total(const struct mpol_weights *weights)
{
	return &weights->total;
}

/* ---- The kernel's ----------------------------------------------------------------- */

int mpol_kernel_weights_read(const char *root, struct mpol_kernel_weights *ret_weights,
			     struct mpol_error *error)
{
	_cleanup_close_ int fd = topology_open_root(root, error);

	return fd < 0 ? fd : kernel_weights_read(fd, ret_weights, error);
}

int mpol_kernel_weights_write(const char *root, const struct mpol_kernel_weights *weights,
			      struct mpol_error *error)
{
	_cleanup_close_ int fd = topology_open_root(root, error);

	return fd < 0 ? fd : kernel_weights_write(fd, weights, error);
}
