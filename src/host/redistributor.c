/* SPDX-License-Identifier: MIT */
/* Redistributing pages of a process: see redistributor.h. */
#include "redistributor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "census.h"
#include "clock.h"
#include "least.h"
#include "move-batch.h"
#include "nodemask.h"
#include "page.h"
#include "placement.h"
#include "room.h"

#define NS_PER_SECOND	   1000000000ULL
#define MOST_PENDING	   4096
#define MOST_PENDING_BYTES (64UL << 20)
#define PAUSE_NS	   1000000 /* before a range is gone through again */

/* What was chosen for one destination, and not asked for yet. */
struct pending {
	size_t nr;
	uint64_t pages;
	struct pending_unit {
		uint64_t address;
		struct redistribute_unit unit;
		bool is_answered;
	} units[MOST_PENDING];
};

struct redistributor {
	const struct redistributor_request *request;
	struct mpol_rebalance_result *result;
	struct census *census;
	struct move_batch *batch;
	struct move_counts counts;
	struct move_batch_process process;
	struct nodemask nodes; /* of the request */
	int positions[NODES_MAX];
	uint64_t low_pages[NODES_MAX];	    /* by position: the low watermark */
	uint64_t promised_pages[NODES_MAX]; /* by position: what a dry run would have moved there */
	struct pending **pending;	    /* [nr_nodes]; NULL: none yet */
	uint64_t most_pending_pages;
	uint64_t due_ns; /* when what was moved is within the bandwidth */
	/* Of the range at hand. */
	const struct redistributor_range *range;
	unsigned times; /* that it has been gone through */
	bool is_choosing;
	uint64_t there_pages[NODES_MAX]; /* by position: as the result has it */
	/* Of the pending units at hand. */
	struct pending *asked;
	int asked_to;
	size_t next; /* the first that may be answered */
};

/* ---- Moving ------------------------------------------------------------------------ */

static enum mpol_move_failure failure_of(int status)
{
	switch (-status) {
	case EBUSY:
	case EAGAIN:
		return MPOL_MOVE_BUSY;
	case EACCES:
		return MPOL_MOVE_SHARED;
	case ENOMEM:
		return MPOL_MOVE_NO_MEMORY;
	case ENOENT:
		return MPOL_MOVE_GONE;
	case EFAULT:
		return MPOL_MOVE_UNMOVABLE;
	default:
		return MPOL_MOVE_OTHER;
	}
}

static void note_failure(struct redistributor *redistributor, const struct pending_unit *pending,
			 enum mpol_move_failure failure)
{
	const bool another = failure != MPOL_MOVE_NO_MEMORY && failure != MPOL_MOVE_OTHER;

	redistributor->result->failed_pages[failure] += pending->unit.pages;
	redistribute_failed(redistributor->range->redistribute, &pending->unit,
			    redistributor->asked_to, another);
}

/* What became of a unit; they are told of in the order in which they were added. */
static void became(uint64_t address, int node, int status, void *user)
{
	struct redistributor *redistributor = user;
	struct pending *asked = redistributor->asked;
	struct pending_unit *unit;

	(void)node;
	while (redistributor->next < asked->nr &&
	       asked->units[redistributor->next].address != address)
		redistributor->next++;
	if (redistributor->next == asked->nr)
		return;
	unit = &asked->units[redistributor->next++];
	unit->is_answered = true;
	if (status == 0)
		redistributor->result->moved_pages += unit->unit.pages;
	else
		note_failure(redistributor, unit, failure_of(status));
}

/* Units of which nothing was told: there was no room for them, or they are elsewhere by now. */
static void note_unanswered(struct redistributor *redistributor)
{
	const struct pending *asked = redistributor->asked;
	const int to = redistributor->asked_to;
	uint64_t room = UINT64_MAX;

	for (size_t i = 0; i < asked->nr; i++) {
		if (asked->units[i].is_answered)
			continue;
		if (room == UINT64_MAX)
			room = room_pages(redistributor->request->root,
					  redistributor->request->ids[to],
					  redistributor->low_pages[to], ROOM_ON_DEMAND);
		note_failure(redistributor, &asked->units[i],
			     room < asked->pages ? MPOL_MOVE_NO_MEMORY : MPOL_MOVE_OTHER);
	}
}

/* Waits until so many pages, moved from then on, are within the bandwidth. */
static void keep_to_bandwidth(struct redistributor *redistributor, uint64_t pages, uint64_t from_ns)
{
	const uint64_t bandwidth = redistributor->request->bandwidth_bytes;
	const double bytes = (double)pages * (double)PAGE_BYTES;

	if (!bandwidth)
		return;
	/* What was not used while there was nothing to move is not made up for. */
	if (redistributor->due_ns < from_ns)
		redistributor->due_ns = from_ns;
	redistributor->due_ns += (uint64_t)(bytes * (double)NS_PER_SECOND / (double)bandwidth);
	clock_sleep_until(redistributor->due_ns);
}

static int report_progress(const struct redistributor *redistributor)
{
	const struct redistributor_request *request = redistributor->request;
	uint64_t done = redistributor->result->examined_pages;

	if (!request->progress)
		return 0;
	return request->progress(least(done, request->all_pages), request->all_pages, request->user)
		       ? -ECANCELED
		       : 0;
}

/* Moves what is pending for one destination. */
static int move_pending(struct redistributor *redistributor, int to)
{
	const uint64_t moved_before = redistributor->result->moved_pages, began_ns = clock_now_ns();
	struct pending *pending = redistributor->pending[to];
	int r = 0, flushed;

	if (!pending || !pending->nr)
		return 0;
	redistributor->asked = pending;
	redistributor->asked_to = to;
	redistributor->next = 0;
	for (size_t i = 0; i < pending->nr && r >= 0; i++) {
		const struct move_batch_unit unit = {
			.address = pending->units[i].address,
			.pages = pending->units[i].unit.pages,
			.from = redistributor->request->ids[pending->units[i].unit.node],
			.to = redistributor->request->ids[to],
			.reason = PORT_DEMOTE,
		};

		r = move_batch_add(redistributor->batch, &redistributor->process, &unit);
	}
	flushed = move_batch_flush(redistributor->batch);
	r = r < 0 ? r : flushed;
	note_unanswered(redistributor);
	pending->nr = pending->pages = 0;
	redistributor->result->batches = redistributor->counts.calls;
	redistributor->result->longest_batch_ns = redistributor->counts.longest_call_ns;
	if (r < 0)
		return r;
	keep_to_bandwidth(redistributor, redistributor->result->moved_pages - moved_before,
			  began_ns);
	return report_progress(redistributor);
}

/* Notes that a unit is to go.  Returns 0, or why moving what was pending failed. */
static int add_pending(struct redistributor *redistributor, uint64_t address,
		       const struct redistribute_unit *unit, int to)
{
	struct pending *pending = redistributor->pending[to];

	if (!pending) {
		pending = redistributor->pending[to] = calloc(1, sizeof(*pending));
		if (!pending)
			return -ENOMEM;
	}
	pending->units[pending->nr++] = (struct pending_unit) { address, *unit, false };
	pending->pages += unit->pages;
	if (pending->nr == MOST_PENDING || pending->pages >= redistributor->most_pending_pages)
		return move_pending(redistributor, to);
	return 0;
}

/* ---- The two passes ---------------------------------------------------------------- */

static int formula_of(const struct redistributor_range *range, uint64_t address,
		      uint64_t unit_bytes)
{
	const unsigned int order = (unsigned int)__builtin_ctzll(unit_bytes / PAGE_BYTES);

	if (!range->period)
		return REDISTRIBUTE_NO_FORMULA;
	return range->formula[placement_index(range->vma_start / PAGE_BYTES, address / PAGE_BYTES,
					      order) %
			      range->period];
}

static int take_unit(struct redistributor *redistributor, uint64_t address,
		     const struct redistribute_unit *unit)
{
	struct redistribute *redistribute = redistributor->range->redistribute;
	int to;

	if (!redistributor->is_choosing) {
		redistribute_count(redistribute, unit);
		return 0;
	}
	to = redistribute_choose(redistribute, unit);
	if (to < 0)
		return 0;
	if (!redistributor->request->dry_run)
		return add_pending(redistributor, address, unit, to);
	redistributor->promised_pages[to] += unit->pages;
	return 0;
}

static int take_run(const struct census_run *run, void *user)
{
	struct redistributor *redistributor = user;
	struct redistribute_unit unit = {
		.node = redistributor->positions[run->node],
		.pages = run->unit_bytes / PAGE_BYTES,
	};

	/* A node that had no memory when it was begun with. */
	if (unit.node < 0)
		return 0;
	if (!redistributor->is_choosing && !redistributor->times)
		redistributor->result->examined_pages += (run->end - run->start) / PAGE_BYTES;
	for (uint64_t at = run->start; at < run->end; at += run->unit_bytes) {
		int r;

		unit.formula = formula_of(redistributor->range, at, run->unit_bytes);
		r = take_unit(redistributor, at, &unit);
		if (r < 0)
			return r;
	}
	return 0;
}

static int walk(struct redistributor *redistributor, bool is_choosing)
{
	const struct census_request request = {
		.start = redistributor->range->start,
		.end = redistributor->range->end,
		.page_bytes = redistributor->range->page_bytes,
		.folios_on = &redistributor->nodes,
		.at_once = is_choosing,
		.run = take_run,
		.user = redistributor,
	};
	int r;

	redistributor->is_choosing = is_choosing;
	r = census_walk(redistributor->census, &request);
	for (int to = 0; is_choosing && r >= 0 && to < redistributor->request->nr_nodes; to++)
		r = move_pending(redistributor, to);
	return r;
}

static void look_up_room(struct redistributor *redistributor)
{
	for (int i = 0; i < redistributor->request->nr_nodes; i++) {
		struct redistribute_node *node = &redistributor->range->redistribute->nodes[i];
		uint64_t room =
			room_pages(redistributor->request->root, redistributor->request->ids[i],
				   redistributor->low_pages[i], ROOM_ON_DEMAND);

		node->room_pages = room - least(room, redistributor->promised_pages[i]);
	}
}

/* What is to become of the range, as it was found. */
static void note_plan(struct redistributor *redistributor)
{
	const struct redistribute *redistribute = redistributor->range->redistribute;
	struct mpol_rebalance_result *result = redistributor->result;

	for (int i = 0; i < redistribute->nr_nodes; i++) {
		const int id = redistributor->request->ids[i];

		result->before_pages[id] += redistribute->nodes[i].have_pages;
		result->wanted_pages[id] += redistribute->nodes[i].want_pages;
		redistributor->there_pages[i] = 0;
	}
	result->least_pages += redistribute->plan_pages;
	result->ranges++;
}

/* What has become of it, in the place of what had become of it the time before. */
static void note_places(struct redistributor *redistributor)
{
	const struct redistribute *redistribute = redistributor->range->redistribute;

	for (int i = 0; i < redistribute->nr_nodes; i++) {
		const struct redistribute_node *node = &redistribute->nodes[i];
		const uint64_t there = node->have_pages - node->left_pages + node->came_pages;

		redistributor->result->after_pages[redistributor->request->ids[i]] +=
			there - redistributor->there_pages[i];
		redistributor->there_pages[i] = there;
	}
}

static void forget_pending(struct redistributor *redistributor)
{
	for (int to = 0; to < redistributor->request->nr_nodes; to++) {
		struct pending *pending = redistributor->pending[to];

		redistributor->asked = pending;
		redistributor->asked_to = to;
		for (size_t i = 0; pending && i < pending->nr; i++)
			redistribute_failed(redistributor->range->redistribute,
					    &pending->units[i].unit, to, false);
		if (pending)
			pending->nr = pending->pages = 0;
	}
}

/* Both walks. */
static int go_through(struct redistributor *redistributor)
{
	struct redistribute *redistribute = redistributor->range->redistribute;
	int r;

	look_up_room(redistributor);
	redistribute_start(redistribute);
	r = walk(redistributor, false);
	if (r < 0)
		return r;
	redistribute_plan(redistribute);
	if (!redistributor->times)
		note_plan(redistributor);
	r = report_progress(redistributor);
	if (r >= 0 && redistribute->plan_pages)
		r = walk(redistributor, true);
	if (r < 0)
		forget_pending(redistributor);
	note_places(redistributor);
	return r;
}

/* Why a page stays that may go a moment later, or whose place on the node others may take. */
static const enum mpol_move_failure passing[] = {
	MPOL_MOVE_BUSY,
	MPOL_MOVE_NO_MEMORY,
	MPOL_MOVE_OTHER,
};

#define NR_PASSING (sizeof(passing) / sizeof(*passing))

/* Whether to go through the range again, in which case what stayed is as if not asked for. */
static bool is_worth_again(const struct redistributor *redistributor, const uint64_t *failed_before)
{
	const struct redistribute *redistribute = redistributor->range->redistribute;
	uint64_t *failed = redistributor->result->failed_pages, pages = 0;

	for (size_t i = 0; i < NR_PASSING; i++)
		pages += failed[passing[i]] - failed_before[passing[i]];
	if (redistribute_again(redistribute, redistributor->times, pages)) {
		memcpy(failed, failed_before, sizeof(redistributor->result->failed_pages));
		return true;
	}
	/* What others were moved in the place of has not failed. */
	for (size_t i = 0; i < NR_PASSING && !redistribute_missing(redistribute); i++)
		failed[passing[i]] = failed_before[passing[i]];
	return false;
}

int redistributor_run(struct redistributor *redistributor, const struct redistributor_range *range)
{
	uint64_t failed_before[MPOL_MOVE_FAILURES];
	int r;

	redistributor->range = range;
	redistributor->times = 0;
	memcpy(failed_before, redistributor->result->failed_pages, sizeof(failed_before));
	for (;;) {
		r = go_through(redistributor);
		redistributor->times++;
		if (r < 0 || !is_worth_again(redistributor, failed_before))
			break;
		clock_sleep_until(clock_now_ns() + PAUSE_NS);
	}
	if (r >= 0)
		redistribute_finish(range->redistribute);
	return r;
}

/* ---- Life -------------------------------------------------------------------------- */

void redistributor_close(struct redistributor *redistributor)
{
	if (!redistributor)
		return;
	for (int i = 0; redistributor->pending && i < redistributor->request->nr_nodes; i++)
		free(redistributor->pending[i]);
	free(redistributor->pending);
	move_batch_free(redistributor->batch);
	census_close(redistributor->census);
	free(redistributor);
}

/* The bound; a tenth of a second's worth, where that is less, lest pauses grow long. */
static uint64_t most_pending_pages(const struct redistributor_request *request)
{
	uint64_t bytes = MOST_PENDING_BYTES;

	if (request->bandwidth_bytes)
		bytes = least(bytes, request->bandwidth_bytes / 10);
	return bytes / PAGE_BYTES;
}

static void know_nodes(struct redistributor *redistributor)
{
	const struct redistributor_request *request = redistributor->request;

	for (int node = 0; node < NODES_MAX; node++)
		redistributor->positions[node] = -1;
	for (int i = 0; i < request->nr_nodes; i++) {
		redistributor->positions[request->ids[i]] = i;
		nodemask_set(&redistributor->nodes, request->ids[i]);
		redistributor->low_pages[i] =
			room_watermarks(request->root, request->ids[i]).low_pages;
	}
}

int redistributor_open(const struct redistributor_request *request,
		       struct mpol_rebalance_result *result, struct redistributor **ret)
{
	_cleanup_(redistributor_closep) struct redistributor *redistributor =
		calloc(1, sizeof(*redistributor));
	int r;

	if (!redistributor)
		return -ENOMEM;
	redistributor->request = request;
	redistributor->result = result;
	redistributor->pending = calloc((size_t)request->nr_nodes + 1, sizeof(struct pending *));
	redistributor->batch =
		move_batch_new(request->root, request->batch_ns, &redistributor->counts);
	if (!redistributor->pending || !redistributor->batch)
		return -ENOMEM;
	move_batch_manners(redistributor->batch, request->with_shared, ROOM_ON_DEMAND);
	redistributor->process = (struct move_batch_process) {
		.pid = request->pid,
		.pidfd = request->pidfd,
		.became = became,
		.user = redistributor,
	};
	know_nodes(redistributor);
	redistributor->most_pending_pages = most_pending_pages(request);
	r = census_open(request->root, request->pid, 0, &redistributor->census);
	if (r < 0)
		return r;
	*ret = steal_pointer(&redistributor);
	return 0;
}
