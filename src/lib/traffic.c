/* SPDX-License-Identifier: MIT */
/*
 * mpol_traffic_*: which ranges of a process drive bandwidth.  What is accessed is the host's
 * (traffic-watch), what follows from it policy/traffic's; here is what the machine is like.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "cleanup.h"
#include "error.h"
#include "least.h"
#include "page.h"
#include "policy.h"
#include "room.h"
#include "target.h"
#include "topology-internal.h"
#include "tracker.h"
#include "traffic-watch.h"
#include "traffic.h"

#define DEFAULT_TIME_NS 2000000000U

/* What derived weights are for where nobody says: mpol_weights_wish. */
#define MIX_READS  2
#define MIX_WRITES 1

struct mpol_traffic {
	struct mpol_traffic_range *ranges; /* owned */
	size_t nr;
	struct mpol_traffic_total total;
};

DEFINE_CLEANUP(struct mpol_traffic *, mpol_traffic_free);
DEFINE_CLEANUP(struct mpol_weights *, mpol_weights_free);

void mpol_traffic_free(struct mpol_traffic *traffic)
{
	if (!traffic)
		return;
	free(traffic->ranges);
	free(traffic);
}

const struct mpol_traffic_range *mpol_traffic_range(const struct mpol_traffic *traffic,
						    size_t index)
{
	return index < traffic->nr ? &traffic->ranges[index] : NULL;
}

const struct mpol_traffic_total *mpol_traffic_total(const struct mpol_traffic *traffic)
{
	return &traffic->total;
}

/* What is asked, of whom, and of what machine.  Arrays go by the machine's positions. */
struct asking {
	struct mpol_traffic_options options;
	struct target target;
	const struct mpol_process *process;
	struct mpol_topology *topology;
	const struct machine *machine; /* the topology's */
	struct bandwidth_node *nodes;
	uint64_t *threads; /* whose nearest memory that is */
	uint64_t *local;   /* of the memory, where all of it is local */
	uint8_t *weights;
	uint64_t *room_pages;
	struct watched_range *watched; /* each with looks of its own */
	size_t nr_watched;
	struct mpol_error *error;
};

static void asking_free(struct asking *asking)
{
	free(asking->nodes);
	free(asking->threads);
	free(asking->local);
	free(asking->weights);
	free(asking->room_pages);
	for (size_t i = 0; i < asking->nr_watched; i++)
		free(asking->watched[i].looks);
	free(asking->watched);
	mpol_topology_free(asking->topology);
	target_close(&asking->target);
}

/* ---- The machine ------------------------------------------------------------------- */

static bool has_memory(const struct machine *machine, int position)
{
	return machine->nodes[position].capacity_bytes > 0;
}

/* The memory that answers CPUs of the node first. */
static int nearest_memory(const struct machine *machine, int from)
{
	int nearest = -1;

	if (has_memory(machine, from))
		return from;
	for (int to = 0; to < machine->nr_nodes; to++)
		if (has_memory(machine, to) &&
		    (nearest < 0 || machine_idle_latency(machine, from, to) <
					    machine_idle_latency(machine, from, nearest)))
			nearest = to;
	return nearest;
}

static int position_of_cpu(const struct asking *asking, int cpu)
{
	char path[64];

	for (int i = 0; i < asking->machine->nr_nodes; i++) {
		snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%d/node%d", cpu,
			 asking->machine->nodes[i].id);
		if (faccessat(asking->target.root, path, F_OK, 0) == 0)
			return i;
	}
	return -1;
}

/* The nodes nearest to where the threads ran last; if none can be told, the first one. */
static void find_threads(struct asking *asking)
{
	const struct mpol_thread *thread;
	uint64_t nr_told = 0;

	for (size_t i = 0; (thread = mpol_process_thread(asking->process, i)); i++) {
		struct process_thread now;
		int position;

		if (process_read_thread(asking->target.root, asking->target.leader.tgid,
					thread->tid, &now) < 0 ||
		    now.cpu < 0)
			continue;
		position = position_of_cpu(asking, now.cpu);
		if (position >= 0)
			position = nearest_memory(asking->machine, position);
		if (position < 0)
			continue;
		asking->threads[position]++;
		nr_told++;
	}
	for (int i = 0; !nr_told && i < asking->machine->nr_nodes; i++)
		if (has_memory(asking->machine, i)) {
			asking->threads[i] = 1;
			return;
		}
}

static void find_local(struct asking *asking)
{
	const struct mpol_process *process = asking->process;

	for (size_t i = 0; i < mpol_process_nr_nodes(process); i++) {
		const int at = machine_index(asking->machine, mpol_process_node(process, i));

		if (at >= 0)
			asking->local[at] = mpol_process_node_bytes(process, i);
	}
	traffic_local(asking->threads, asking->local, (size_t)asking->machine->nr_nodes,
		      asking->local);
}

static uint32_t latency_from_threads(const struct asking *asking, int to)
{
	uint32_t nearest_ns = UINT32_MAX;

	for (int from = 0; from < asking->machine->nr_nodes; from++) {
		uint32_t ns;

		if (!asking->threads[from])
			continue;
		ns = machine_idle_latency(asking->machine, from, to);
		if (ns < nearest_ns)
			nearest_ns = ns;
	}
	return nearest_ns;
}

/* What each node delivers of the mix, by the same judgement as weights are derived by. */
static int find_bandwidths(struct asking *asking)
{
	const struct mpol_weights_wish wish = {
		.initiator = -1,
		.reads = MIX_READS,
		.writes = MIX_WRITES,
		.measured = asking->options.measured,
	};
	_cleanup_(mpol_weights_freep) struct mpol_weights *derived = NULL;
	int r = mpol_weights_derive(asking->topology, &wish, &derived, asking->error);

	for (size_t i = 0; r >= 0 && i < mpol_weights_nr_nodes(derived); i++) {
		const struct mpol_weights_node *node = mpol_weights_node(derived, i);
		const int at = machine_index(asking->machine, node->node);
		const struct machine_load_curve *curve =
			machine_load_curve(&asking->machine->nodes[at]);

		asking->nodes[at] = (struct bandwidth_node) {
			.id = node->node,
			.read_bytes = node->capacity_bytes,
			.write_bytes = node->capacity_bytes,
			.latency_ns = latency_from_threads(asking, at),
			.curve = curve->points,
			.nr_points = curve->nr_points,
		};
		if (node->capacity_bytes || (!asking->local[at] && !asking->weights[at]))
			continue;
		error_set(asking->error, -ENODATA, "find bandwidth", "node %d: %s", node->node,
			  node->reason);
		error_advise(asking->error, "mpol weights measure finds it out");
		return -ENODATA;
	}
	return r;
}

/* The interleave's, and what room its nodes have. */
static int find_weights(struct asking *asking)
{
	const struct mpol_policy *policy = asking->options.policy;
	const struct nodemask nodes = policy_nodemask(policy);
	struct mpol_kernel_weights table = { 0 };
	int node, r = 0;

	if (policy->mode == MPOL_MODE_WEIGHTED_INTERLEAVE && !policy_says_weights(policy))
		r = mpol_kernel_weights_read(NULL, &table, asking->error);
	if (r < 0)
		return r;
	for (int i = 0; i < asking->machine->nr_nodes; i++)
		asking->room_pages[i] = UINT64_MAX;
	nodemask_for_each (node, &nodes) {
		const int at = machine_index(asking->machine, node);
		uint8_t weight =
			policy->weights[node] ? policy->weights[node] : table.weights[node];

		if (at < 0 || !has_memory(asking->machine, at)) {
			error_set(asking->error, -ENODEV, "find bandwidth", "there is no memory");
			error_on(asking->error, "node %d", node);
			return -ENODEV;
		}
		asking->weights[at] = weight ? weight : 1;
		asking->room_pages[at] = room_pages(
			asking->target.root, node,
			room_watermarks(asking->target.root, node).high_pages, ROOM_ON_DEMAND);
	}
	return 0;
}

static int describe(struct asking *asking)
{
	int r = mpol_topology_new(NULL, &asking->topology, asking->error);
	size_t nr;

	if (r < 0)
		return r;
	asking->machine = topology_machine(asking->topology);
	nr = (size_t)asking->machine->nr_nodes;
	asking->nodes = calloc(nr, sizeof(*asking->nodes));
	asking->threads = calloc(nr, sizeof(*asking->threads));
	asking->local = calloc(nr, sizeof(*asking->local));
	asking->weights = calloc(nr, sizeof(*asking->weights));
	asking->room_pages = calloc(nr, sizeof(*asking->room_pages));
	if (!asking->nodes || !asking->threads || !asking->local || !asking->weights ||
	    !asking->room_pages)
		return error_errno(asking->error, -ENOMEM, "find bandwidth");
	find_threads(asking);
	find_local(asking);
	r = find_weights(asking);
	return r < 0 ? r : find_bandwidths(asking);
}

/* ---- Watching ---------------------------------------------------------------------- */

static int choose_tracker(const struct asking *asking, const struct tracker_kind **ret)
{
	const int root = asking->target.root;
	const struct tracker_kind *kind;
	int r;

	*ret = asking->options.tracker ? tracker_find(asking->options.tracker) : NULL;
	if (*ret)
		return 0;
	r = tracker_choose(root, &kind, asking->error);
	if (r < 0)
		return r;
	error_clear(asking->error);
	return tracker_choose_for(kind, root, asking->target.leader.tgid, ret, asking->error);
}

/* What lies side by side is one to a stream, whatever the kernel makes of it. */
static int take_ranges(struct asking *asking)
{
	const struct iovec *ranges = asking->options.ranges;
	const size_t nr = asking->options.nr_ranges;

	asking->watched = calloc(nr + 1, sizeof(*asking->watched));
	if (!asking->watched)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++) {
		const uint64_t start = (uintptr_t)ranges[i].iov_base;
		struct watched_range *last = &asking->watched[asking->nr_watched];

		if (asking->nr_watched && last[-1].end == start)
			last--;
		else
			asking->nr_watched++;
		if (!last->end)
			last->start = start;
		last->end = start + ranges[i].iov_len;
	}
	for (size_t i = 0; i < asking->nr_watched; i++) {
		struct watched_range *range = &asking->watched[i];

		range->piece_pages = traffic_piece_pages((range->end - range->start) / PAGE_BYTES);
		range->looks = calloc(watched_nr_pieces(range), sizeof(*range->looks));
		if (!range->looks)
			return -ENOMEM;
	}
	return 0;
}

static int watch(struct asking *asking, struct mpol_traffic *traffic)
{
	const struct tracker_kind *kind;
	struct tracker *tracker;
	unsigned looks;
	int r = choose_tracker(asking, &kind);

	if (r < 0)
		return r;
	r = take_ranges(asking);
	if (r < 0)
		return error_errno(asking->error, r, "watch traffic");
	r = kind->open(asking->target.root, asking->target.leader.tgid, &tracker, asking->error);
	if (r < 0)
		return r;
	r = traffic_watch(tracker, asking->options.time_ns, asking->watched, asking->nr_watched,
			  &looks);
	kind->close(tracker);
	if (r < 0)
		return target_error(asking->error, r, "watch traffic", &asking->target.leader);
	traffic->total.tracker = kind->name;
	traffic->total.sees_reads = kind->sees_reads;
	traffic->total.nr_looks = looks;
	return 0;
}

/* ---- The whole --------------------------------------------------------------------- */

static void take_choice(struct mpol_traffic *traffic, const struct traffic_choice *choice)
{
	traffic->total.bytes = choice->bytes;
	traffic->total.capacity_bytes = choice->capacity_bytes;
	traffic->total.local_bytes = choice->local_bytes;
	traffic->total.chosen_bytes = choice->chosen_bytes;
	traffic->total.all_bytes = choice->all_bytes;
}

/* Pieces of all ranges, to be decided about; parallel arrays. */
struct pieces {
	struct traffic_range *ranges;
	enum traffic_verdict *verdicts;
	size_t nr;
};

static void pieces_free(struct pieces *pieces)
{
	free(pieces->ranges);
	free(pieces->verdicts);
}

static int gather(const struct asking *asking, struct pieces *pieces)
{
	for (size_t i = 0; i < asking->nr_watched; i++)
		pieces->nr += watched_nr_pieces(&asking->watched[i]);
	pieces->ranges = calloc(pieces->nr + 1, sizeof(*pieces->ranges));
	pieces->verdicts = calloc(pieces->nr + 1, sizeof(*pieces->verdicts));
	if (!pieces->ranges || !pieces->verdicts)
		return -ENOMEM;
	for (size_t i = 0, at = 0; i < asking->nr_watched; i++) {
		const struct watched_range *range = &asking->watched[i];
		uint64_t left_pages = (range->end - range->start) / PAGE_BYTES;

		for (size_t piece = 0; piece < watched_nr_pieces(range); piece++, at++) {
			const uint64_t pages = least(left_pages, range->piece_pages);

			pieces->ranges[at] = traffic_of(&range->looks[piece], pages);
			left_pages -= pages;
		}
	}
	return 0;
}

static int choose(const struct asking *asking, struct pieces *pieces, struct mpol_traffic *traffic)
{
	const struct bandwidth_profile profile = {
		.nodes = asking->nodes,
		.nr_nodes = (size_t)asking->machine->nr_nodes,
		.mix = { MIX_READS, MIX_WRITES },
	};
	const struct traffic_case traffic_case = {
		.profile = &profile,
		.local = asking->local,
		.weights = asking->weights,
		.room_pages = asking->room_pages,
		.bytes = asking->options.bytes,
		.ranges = pieces->ranges,
		.nr_ranges = pieces->nr,
	};
	struct traffic_choice choice;
	int r = traffic_choose(&traffic_case, pieces->verdicts, &choice);

	if (r == 0)
		take_choice(traffic, &choice);
	return r;
}

/* Neighbouring pieces of which the same is said become one range. */
static void tell(const struct asking *asking, const struct pieces *pieces,
		 struct mpol_traffic *traffic)
{
	for (size_t i = 0, at = 0; i < asking->nr_watched; i++) {
		uint64_t start = asking->watched[i].start;

		for (size_t piece = 0; piece < watched_nr_pieces(&asking->watched[i]);
		     piece++, at++) {
			const struct traffic_range *range = &pieces->ranges[at];
			struct mpol_traffic_range *told = &traffic->ranges[traffic->nr];

			if (piece && pieces->verdicts[at] == pieces->verdicts[at - 1])
				told--;
			else
				*told = (struct mpol_traffic_range) {
					.start = start,
					.drives = pieces->verdicts[at] == TRAFFIC_DRIVES,
					.reason = traffic_verdict_text(pieces->verdicts[at]),
				};
			start += range->pages * PAGE_BYTES;
			told->end = start;
			told->streamed_bytes += range->streamed_bytes;
			told->strewn_bytes += range->strewn_bytes;
			traffic->nr = (size_t)(told - traffic->ranges) + 1;
		}
	}
	for (size_t i = 0; i < traffic->nr; i++)
		traffic->total.nr_driving += (uint64_t)traffic->ranges[i].drives;
}

static int decide(const struct asking *asking, struct mpol_traffic *traffic)
{
	_cleanup_(pieces_free) struct pieces pieces = { 0 };
	int r = gather(asking, &pieces);

	if (r == 0)
		traffic->ranges = calloc(pieces.nr + 1, sizeof(*traffic->ranges));
	if (r == 0 && !traffic->ranges)
		r = -ENOMEM;
	if (r == 0)
		r = choose(asking, &pieces, traffic);
	if (r < 0)
		return error_errno(asking->error, r, "choose ranges");
	tell(asking, &pieces, traffic);
	return 0;
}

static int refuse_tracker(const struct asking *asking)
{
	error_set(asking->error, -EINVAL, "choose tracker", "there is none of that name");
	error_on(asking->error, "%s", asking->options.tracker);
	error_advise(asking->error, "one of " TRACKER_NAMES);
	return -EINVAL;
}

static int check(const struct asking *asking)
{
	const struct mpol_policy *policy = asking->options.policy;
	uint64_t before = 0;

	if (policy->mode != MPOL_MODE_WEIGHTED_INTERLEAVE && policy->mode != MPOL_MODE_INTERLEAVE)
		return error_set(asking->error, -EINVAL, "choose ranges",
				 "the policy does not interleave");
	if (policy->mode_flags & MPOL_FLAG_RELATIVE)
		return error_set(asking->error, -EINVAL, "choose ranges",
				 "+relative nodes are positions, which have no bandwidth");
	if (asking->options.tracker && !tracker_find(asking->options.tracker))
		return refuse_tracker(asking);
	for (size_t i = 0; i < asking->options.nr_ranges; i++) {
		const struct iovec *range = &asking->options.ranges[i];
		const uint64_t start = (uintptr_t)range->iov_base;

		if (start % PAGE_BYTES || range->iov_len % PAGE_BYTES || start < before)
			return error_set(asking->error, -EINVAL, "choose ranges",
					 "range %zu is not whole pages, or not behind the one "
					 "before it",
					 i);
		before = start + range->iov_len;
	}
	return 0;
}

int mpol_traffic_new(const struct mpol_process *process, int pidfd,
		     const struct mpol_traffic_options *options, struct mpol_traffic **ret_traffic,
		     struct mpol_error *error)
{
	_cleanup_(mpol_traffic_freep) struct mpol_traffic *traffic = calloc(1, sizeof(*traffic));
	_cleanup_(asking_free) struct asking asking = {
		.target.root = -1,
		.process = process,
		.error = error,
	};
	int r = args_read_sized(options, &asking.options, sizeof(asking.options), "read options",
				error);

	if (r >= 0)
		r = check(&asking);
	if (r < 0)
		return r;
	if (!traffic)
		return error_errno(error, -ENOMEM, "watch traffic");
	if (!asking.options.time_ns)
		asking.options.time_ns = DEFAULT_TIME_NS;
	r = target_open(pidfd, &asking.target, error);
	if (r >= 0)
		r = describe(&asking);
	if (r >= 0)
		r = watch(&asking, traffic);
	if (r >= 0)
		r = target_check_alive(&asking.target, error);
	if (r >= 0)
		r = decide(&asking, traffic);
	if (r < 0)
		return r;
	*ret_traffic = steal_pointer(&traffic);
	return 0;
}
