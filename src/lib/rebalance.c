/* SPDX-License-Identifier: MIT */
/*
 * mpol_process_rebalance: which range of a process wishes what (policy/wish), then the
 * redistributor's.
 *
 * Ranges that wish the same are a goal; they are gone through one after the other, because what
 * whole pages keep from a node in one range is made up for in the next.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cleanup.h"
#include "error.h"
#include "grow.h"
#include "kernel-weights.h"
#include "page.h"
#include "placement.h"
#include "policy.h"
#include "ranges.h"
#include "redistributor.h"
#include "rootfs.h"
#include "target.h"
#include "wish.h"

#define DEFAULT_BATCH_NS 10000000ULL

/* What some of the ranges wish. */
struct goal {
	struct wish wish;
	struct redistribute redistribute; /* owns its arrays */
	int16_t *formula;		  /* [period], owned */
	uint32_t period;
};

struct rebalance {
	struct mpol_rebalance_options options;
	struct target target;
	struct mpol_process *process;
	struct mpol_policy base; /* of memory that has none of its own */
	struct wish_nodes nodes;
	struct mpol_kernel_weights weights;
	int nr_nodes;
	int ids[NODES_MAX]; /* of all nodes with memory */
	struct goal *goals;
	size_t nr_goals, allocated;
	int *goal_of; /* [ranges of the process]; -1: it wishes nothing */
};

static void rebalance_free(struct rebalance *rebalance)
{
	for (size_t i = 0; i < rebalance->nr_goals; i++) {
		free(rebalance->goals[i].redistribute.nodes);
		free(rebalance->goals[i].redistribute.cells);
		free(rebalance->goals[i].formula);
	}
	free(rebalance->goals);
	free(rebalance->goal_of);
	mpol_process_free(rebalance->process);
	target_close(&rebalance->target);
}

/* ---- What is asked for ------------------------------------------------------------- */

static int read_nodes(struct rebalance *rebalance, struct mpol_error *error)
{
	struct nodemask memory;
	int node, r;

	r = rootfs_read_nodes(rebalance->target.root, &memory,
			      "sys/devices/system/node/has_memory");
	if (r < 0)
		return error_errno(error, r, "read has_memory");
	nodemask_for_each (node, &memory)
		rebalance->ids[rebalance->nr_nodes++] = node;
	rebalance->nodes.usable = nodemask_and(&memory, &rebalance->target.leader.mems_allowed);
	r = kernel_weights_read(rebalance->target.root, &rebalance->weights, error);
	/* Before Linux 6.9 there are none, and nothing that goes by them. */
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	error_clear(error);
	rebalance->nodes.weights = rebalance->weights.weights;
	return 0;
}

static int check_leaving(struct rebalance *rebalance, struct mpol_error *error)
{
	struct nodemask strange, left;
	char list[96];

	if (!rebalance->options.leaving)
		return 0;
	memcpy(rebalance->nodes.leaving.bits, rebalance->options.leaving,
	       sizeof(rebalance->nodes.leaving.bits));
	strange = rebalance->nodes.leaving;
	for (int i = 0; i < rebalance->nr_nodes; i++)
		nodemask_clear(&strange, rebalance->ids[i]);
	nodemask_format(&rebalance->nodes.usable, list, sizeof(list));
	if (!nodemask_empty(&strange)) {
		error_set(error, -ENODEV, "choose nodes", "node %d has no memory",
			  nodemask_next(&strange, 0));
		error_advise(error, "mpol topo shows the nodes");
		return -ENODEV;
	}
	left = nodemask_andnot(&rebalance->nodes.usable, &rebalance->nodes.leaving);
	if (!nodemask_empty(&left))
		return 0;
	error_set(error, -EINVAL, "choose nodes", "no node would be left that the process may use");
	error_advise(error, "its cpuset allows nodes %s", list);
	return -EINVAL;
}

/* What most threads have; of several that as many have, the first thread's. */
static const struct mpol_policy *threads_policy(const struct mpol_process *process)
{
	const size_t nr = mpol_process_nr_threads(process);
	const struct mpol_policy *best = NULL;
	size_t most = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct mpol_policy *policy = mpol_process_thread(process, i)->policy;
		size_t same = 0;

		for (size_t j = 0; policy && j < nr; j++) {
			const struct mpol_policy *other = mpol_process_thread(process, j)->policy;

			same += other && policy_equal(policy, other);
		}
		if (same > most)
			best = policy;
		most = same > most ? same : most;
		/* Almost always they all have one. */
		if (most * 2 >= nr)
			break;
	}
	return best;
}

static int read_base(struct rebalance *rebalance, struct mpol_error *error)
{
	const struct mpol_policy *policy = rebalance->options.policy;
	char list[96];

	if (!policy) {
		policy = threads_policy(rebalance->process);
		if (policy)
			rebalance->base = *policy;
		return 0;
	}
	if (policy->mode == MPOL_MODE_DEFAULT || policy->mode == MPOL_MODE_LOCAL) {
		error_set(error, -EINVAL, "read policy",
			  "it does not say on which nodes pages are to be");
		error_advise(error, "name nodes, as in weighted:0=3,2=1 or bind:0-1");
		return -EINVAL;
	}
	if (policy_effective(policy, &rebalance->nodes.usable, &rebalance->base))
		return 0;
	nodemask_format(&rebalance->nodes.usable, list, sizeof(list));
	error_set(error, -EACCES, "read policy", "the process's cpuset allows none of its nodes");
	error_advise(error, "it allows nodes %s", list);
	return -EACCES;
}

/* ---- Goals ------------------------------------------------------------------------- */

/* The formula as a table: what it gives an index depends on it modulo the sum of the weights. */
static int make_formula(const struct rebalance *rebalance, struct goal *goal)
{
	const struct placement_nodes nodes = {
		.memory = rebalance->nodes.usable,
		.nr_nodes = rebalance->nr_nodes,
		.ids = rebalance->ids,
	};
	int16_t positions[NODES_MAX];
	uint32_t period = 0;

	if (goal->wish.kind != WISH_SHARES)
		return 0;
	for (int i = 0; i < rebalance->nr_nodes; i++) {
		positions[rebalance->ids[i]] = (int16_t)i;
		period += goal->redistribute.nodes[i].weight;
	}
	goal->formula = calloc(period, sizeof(*goal->formula));
	if (!goal->formula)
		return -ENOMEM;
	goal->period = period;
	for (uint32_t i = 0; i < period; i++)
		goal->formula[i] = positions[placement_of_index(&nodes, &goal->wish.policy, i)];
	return 0;
}

static int make_goal(const struct rebalance *rebalance, const struct wish *wish, struct goal *goal)
{
	const struct nodemask members = policy_nodemask(&wish->policy);
	const size_t nr_nodes = (size_t)rebalance->nr_nodes;
	struct redistribute *redistribute = &goal->redistribute;

	goal->wish = *wish;
	redistribute->nr_nodes = rebalance->nr_nodes;
	redistribute->keeps = wish->kind == WISH_KEEPS;
	redistribute->nodes = calloc(nr_nodes, sizeof(*redistribute->nodes));
	redistribute->cells = calloc(nr_nodes * (nr_nodes + 1), sizeof(*redistribute->cells));
	if (!redistribute->nodes || !redistribute->cells)
		return -ENOMEM;
	for (size_t i = 0; i < nr_nodes; i++) {
		const int id = rebalance->ids[i];

		if (nodemask_test(&members, id))
			redistribute->nodes[i].weight =
				wish->kind == WISH_SHARES ? wish->policy.weights[id] : 1;
	}
	return make_formula(rebalance, goal);
}

/* The index of the goal, which is made if there is none yet; or -ENOMEM. */
static int find_goal(struct rebalance *rebalance, const struct wish *wish)
{
	struct goal *goals;
	int r;

	for (size_t i = 0; i < rebalance->nr_goals; i++)
		if (rebalance->goals[i].wish.kind == wish->kind &&
		    policy_equal(&rebalance->goals[i].wish.policy, &wish->policy))
			return (int)i;
	goals = grow(rebalance->goals, rebalance->nr_goals, &rebalance->allocated, sizeof(*goals));
	if (!goals)
		return -ENOMEM;
	rebalance->goals = goals;
	goals[rebalance->nr_goals] = (struct goal) { 0 };
	r = make_goal(rebalance, wish, &goals[rebalance->nr_goals++]);
	return r < 0 ? r : (int)rebalance->nr_goals - 1;
}

static bool is_all_in(const struct rebalance *rebalance, const struct mpol_vma *vma,
		      const struct nodemask *nodes)
{
	for (size_t i = 0; i < mpol_process_nr_nodes(rebalance->process); i++)
		if (vma->bytes_by_node[i] &&
		    !nodemask_test(nodes, mpol_process_node(rebalance->process, i)))
			return false;
	return true;
}

static bool is_meant(const struct rebalance *rebalance, size_t index)
{
	const struct mpol_rebalance_options *options = &rebalance->options;
	const struct mpol_vma *vma = mpol_process_vma(rebalance->process, index);

	if (!vma->page_bytes || range_is_left_out(rebalance->process, index))
		return false;
	if (options->start || options->end)
		return vma->start < options->end && vma->end > options->start;
	return range_is_memory(vma);
}

/* Finds out what a range wishes.  Returns 0 or -ENOMEM. */
static int take_range(struct rebalance *rebalance, size_t index)
{
	const struct mpol_vma *vma = mpol_process_vma(rebalance->process, index);
	const struct mpol_policy *policy = vma->has_policy > 0 ? vma->policy : &rebalance->base;
	const struct wish wish = wish_of_policy(policy, &rebalance->nodes);
	int goal;

	rebalance->goal_of[index] = -1;
	if (wish.kind == WISH_NONE || !is_meant(rebalance, index))
		return 0;
	goal = find_goal(rebalance, &wish);
	if (goal < 0)
		return goal;
	rebalance->goal_of[index] = goal;
	return 0;
}

/* ---- The work ---------------------------------------------------------------------- */

static uint64_t vma_pages(const struct rebalance *rebalance, size_t index)
{
	const struct mpol_vma *vma = mpol_process_vma(rebalance->process, index);
	uint64_t bytes = 0;

	for (size_t i = 0; i < mpol_process_nr_nodes(rebalance->process); i++)
		bytes += vma->bytes_by_node[i];
	return bytes / PAGE_BYTES;
}

/* Of a range that lies right as a whole nothing needs to be looked at. */
static void note_right(const struct rebalance *rebalance, size_t index,
		       struct mpol_rebalance_result *result)
{
	const struct mpol_vma *vma = mpol_process_vma(rebalance->process, index);

	result->ranges++;
	for (size_t i = 0; i < mpol_process_nr_nodes(rebalance->process); i++) {
		const int node = mpol_process_node(rebalance->process, i);
		const uint64_t pages = vma->bytes_by_node[i] / PAGE_BYTES;

		result->examined_pages += pages;
		result->before_pages[node] += pages;
		result->wanted_pages[node] += pages;
		result->after_pages[node] += pages;
	}
}

static int run_range(const struct rebalance *rebalance, size_t index,
		     struct redistributor *redistributor, struct mpol_rebalance_result *result)
{
	const struct mpol_rebalance_options *options = &rebalance->options;
	const struct mpol_vma *vma = mpol_process_vma(rebalance->process, index);
	struct goal *goal = &rebalance->goals[rebalance->goal_of[index]];
	const struct nodemask members = policy_nodemask(&goal->wish.policy);
	const bool bounded = options->start || options->end;
	struct redistributor_range range = {
		.start = vma->start,
		.end = vma->end,
		.vma_start = vma->start,
		.page_bytes = vma->page_bytes,
		.redistribute = &goal->redistribute,
		.formula = goal->formula,
		/* Of shared memory the formula counts from elsewhere (mm/shmem.c). */
		.period = vma->permissions[3] == 'p' ? goal->period : 0,
	};

	if (bounded && range.start < options->start)
		range.start = options->start / vma->page_bytes * vma->page_bytes;
	if (bounded && range.end > options->end)
		range.end =
			(options->end + vma->page_bytes - 1) / vma->page_bytes * vma->page_bytes;
	if (!bounded && goal->wish.kind == WISH_KEEPS && is_all_in(rebalance, vma, &members)) {
		note_right(rebalance, index, result);
		return 0;
	}
	return redistributor_run(redistributor, &range);
}

static int run_goals(const struct rebalance *rebalance, struct redistributor *redistributor,
		     struct mpol_rebalance_result *result)
{
	int r = 0;

	for (size_t goal = 0; goal < rebalance->nr_goals; goal++)
		for (size_t i = 0; r >= 0 && i < mpol_process_nr_vmas(rebalance->process); i++)
			if (rebalance->goal_of[i] == (int)goal)
				r = run_range(rebalance, i, redistributor, result);
	return r;
}

/* Words for what moving pages came to. */
static int fail(const struct rebalance *rebalance, int code, struct mpol_error *error)
{
	switch (code) {
	case -EPERM:
		error_set(error, code, "move_pages", "not allowed to move its pages");
		error_advise(error, rebalance->options.include_shared
					    ? "shared pages need CAP_SYS_NICE: run as root"
					    : "run as the process's owner, or as root");
		return code;
	case -ESRCH:
		return error_set(error, code, "move_pages", "it has ended");
	case -EACCES:
		return error_set(error, code, "move_pages",
				 "its cpuset no longer allows a node that pages go to");
	case -ENODEV:
		return error_set(error, code, "move_pages",
				 "a node that pages go to has no memory any more");
	case -ECANCELED:
		return error_set(error, code, "move_pages", "stopped on request");
	default:
		return error_errno(error, code, "move_pages");
	}
}

static int run(const struct rebalance *rebalance, struct mpol_rebalance_result *result,
	       struct mpol_error *error)
{
	const struct mpol_rebalance_options *options = &rebalance->options;
	struct redistributor_request request = {
		.root = rebalance->target.root,
		.pid = rebalance->target.leader.tid,
		.pidfd = rebalance->target.pidfd,
		.nr_nodes = rebalance->nr_nodes,
		.ids = rebalance->ids,
		.batch_ns = options->batch_ns ? options->batch_ns : DEFAULT_BATCH_NS,
		.bandwidth_bytes = options->bandwidth_bytes,
		.with_shared = options->include_shared,
		.dry_run = options->dry_run,
		.progress = options->progress,
		.user = options->user,
	};
	/* It looks at the request until it is closed. */
	_cleanup_(redistributor_closep) struct redistributor *redistributor = NULL;
	int r;

	for (size_t i = 0; i < mpol_process_nr_vmas(rebalance->process); i++)
		if (rebalance->goal_of[i] >= 0)
			request.all_pages += vma_pages(rebalance, i);
	r = redistributor_open(&request, result, &redistributor);
	if (r >= 0)
		r = run_goals(rebalance, redistributor, result);
	return r < 0 ? fail(rebalance, r, error) : 0;
}

/* Everything that can be known before anything is moved. */
static int prepare(struct rebalance *rebalance, struct mpol_error *error)
{
	const unsigned int what = MPOL_PROCESS_THREADS | MPOL_PROCESS_VMAS;
	size_t nr_vmas;
	int r = read_nodes(rebalance, error);

	if (r >= 0)
		r = check_leaving(rebalance, error);
	if (r >= 0)
		r = mpol_process_new(NULL, rebalance->target.leader.tid, what, &rebalance->process,
				     error);
	if (r >= 0)
		r = target_check_alive(&rebalance->target, error);
	if (r >= 0)
		r = read_base(rebalance, error);
	if (r < 0)
		return r;
	nr_vmas = mpol_process_nr_vmas(rebalance->process);
	rebalance->goal_of = calloc(nr_vmas + 1, sizeof(*rebalance->goal_of));
	if (!rebalance->goal_of)
		return error_errno(error, -ENOMEM, "look at ranges");
	for (size_t i = 0; i < nr_vmas; i++)
		if (take_range(rebalance, i) < 0)
			return error_errno(error, -ENOMEM, "look at ranges");
	return 0;
}

int mpol_process_rebalance(int pidfd, const struct mpol_rebalance_options *options,
			   struct mpol_rebalance_result *ret_result, struct mpol_error *error)
{
	_cleanup_(rebalance_free) struct rebalance rebalance = { .target.root = -1 };
	int r;

	*ret_result = (struct mpol_rebalance_result) { 0 };
	error_clear(error);
	r = args_read_sized(options, &rebalance.options, sizeof(rebalance.options), "read options",
			    error);
	if (r < 0)
		return r;
	r = target_open(pidfd, &rebalance.target, error);
	if (r < 0)
		return r;
	r = prepare(&rebalance, error);
	if (r >= 0)
		r = run(&rebalance, ret_result, error);
	if (r < 0)
		error_on(error, "process %d (%s)", rebalance.target.leader.tid,
			 rebalance.target.leader.name);
	return r;
}
