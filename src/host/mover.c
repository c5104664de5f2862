/* SPDX-License-Identifier: MIT */
/*
 * The mover: see mover.h.
 *
 * numa_maps says which ranges have pages on the nodes in question, the census
 * which pages.  They go in batches of units: a page, or one address for what
 * can only move as a whole.  Batches are steered towards a time per call
 * (steering.h) and bounded in bytes; pages come from the census not much
 * earlier than they go.
 *
 * After each batch the census is asked again, and only that answer counts,
 * because move_pages(2) says less than it did (mm/migrate.c, do_pages_move): it
 * leaves statuses unwritten where it stops early; a positive result counts what failed
 * together with what was not attempted; and a huge page may be split on the
 * way, of which then some pages arrive and some do not.
 */
#include "mover.h"

#include <errno.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "census.h"
#include "cleanup.h"
#include "clock.h"
#include "error.h"
#include "numa-maps.h"
#include "process.h"
#include "room.h"
#include "steering.h"

#define MOST_UNITS	 (MOVER_MOST_BATCH_BYTES / PAGE_BYTES)
#define LEAST_FREE_PAGES 16
#define MOST_ATTEMPTS	 10
#define NOT_WRITTEN	 INT_MIN
#define NS_PER_SECOND	 1000000000ULL

/* Pages looked at at once after a batch, and the most to look at between two of its units. */
#define LOOK_PAGES 4096
#define LOOK_GAP   16

/* What one address stands for in a call: a page, a folio, or a page of hugetlbfs. */
struct unit {
	uint64_t start; /* address */
	uint64_t pages; /* base pages */
};

struct mover {
	const struct mover_request *request;
	struct mpol_move_result *result;
	struct mpol_error *err;
	struct vma_table table;
	struct census *census;
	struct steering steering;
	struct steering_batch batch;	     /* what units amount to */
	uint64_t batch_pages;		     /* most in a batch */
	struct nodemask roomy;		     /* of the destinations, those that may have room */
	uint64_t high_watermarks[NODES_MAX]; /* of the destinations, in pages */
	int last_to;			     /* the destination before: they take turns */
	uint64_t all_pages;		     /* as numa_maps counted */
	uint64_t began_ns;
	bool hugetlb; /* the range at hand is of hugetlbfs */
	size_t nr_units, nr_again;
	struct unit units[MOST_UNITS]; /* to move */
	struct unit again[MOST_UNITS]; /* of those, the ones worth another attempt */
	void *addresses[MOST_UNITS];
	int nodes[MOST_UNITS];
	int status[MOST_UNITS];
	int where[LOOK_PAGES];
};

static uint64_t failed_pages(const struct mpol_move_result *result)
{
	uint64_t failed = 0;

	for (int i = 0; i < MPOL_MOVE_FAILURES; i++)
		failed += result->failed_pages[i];
	return failed;
}

static int fail(struct mover *mover, int code)
{
	switch (code) {
	case -EPERM:
		error_set(mover->err, code, "move_pages", "not allowed to move its pages");
		error_advise(mover->err, mover->request->include_shared
						 ? "shared pages need CAP_SYS_NICE: run as root"
						 : "run as the process's owner, or as root");
		break;
	case -ESRCH:
		error_set(mover->err, code, "move_pages", "it has ended");
		break;
	case -EACCES:
		error_set(mover->err, code, "move_pages",
			  "its cpuset no longer allows the destination");
		break;
	case -ECANCELED:
		error_set(mover->err, code, "move_pages", "stopped on request");
		break;
	default:
		error_errno(mover->err, code, "move_pages");
		break;
	}
	error_on(mover->err, "process %d", mover->request->pid);
	return code;
}

/* ---- One call --------------------------------------------------------------------- */

/* The next destination with room, -1 if there is none; *ret_fits: for how many pages. */
static int next_destination(struct mover *mover, uint64_t *ret_fits)
{
	int node;

	while (!nodemask_empty(&mover->roomy)) {
		node = nodemask_next(&mover->roomy, mover->last_to + 1);
		if (node < 0)
			node = nodemask_next(&mover->roomy, 0);
		mover->last_to = node;
		*ret_fits = UINT64_MAX;
		/* Pages of hugetlbfs come from the node's pool, whatever else is free. */
		if (mover->hugetlb)
			return node;
		*ret_fits = room_pages(mover->request->root, node, mover->high_watermarks[node],
				       ROOM_ON_DEMAND);
		if (*ret_fits >= LEAST_FREE_PAGES && *ret_fits >= mover->units[0].pages)
			return node;
		nodemask_clear(&mover->roomy, node);
	}
	return -1;
}

/* Waits until what was moved so far is within the bandwidth. */
static void keep_to_bandwidth(const struct mover *mover)
{
	const uint64_t bytes = mover->result->moved_pages * PAGE_BYTES;

	if (!mover->request->bandwidth_bytes)
		return;
	clock_sleep_until(mover->began_ns + (uint64_t)((double)bytes * (double)NS_PER_SECOND /
						       (double)mover->request->bandwidth_bytes));
}

/* Notes what a call took that moved the first n units. */
static void learn(struct mover *mover, size_t n, uint64_t took_ns)
{
	const struct mover_request *request = mover->request;
	struct mpol_move_result *result = mover->result;
	struct steering_batch batch = { 0 };

	for (size_t i = 0; i < n; i++)
		steering_add(&mover->steering, &batch, mover->units[i].pages);
	steering_learn(&mover->steering, &batch, took_ns);
	result->batches++;
	result->late_batches += took_ns > 2 * request->batch_ns;
	if (took_ns > result->longest_batch_ns)
		result->longest_batch_ns = took_ns;
	if (request->batch)
		request->batch(batch.pages, took_ns, request->user);
}

/* One call for the first n units.  Returns 0, or -errno where going on makes no sense. */
static int call_move_pages(struct mover *mover, size_t n, int to)
{
	const struct mover_request *request = mover->request;
	struct pollfd alive = { .fd = request->pidfd, .events = POLLIN };
	uint64_t began_ns;
	long r;

	if (poll(&alive, 1, 0) != 0)
		return -ESRCH;
	for (size_t i = 0; i < n; i++) {
		mover->addresses[i] = (void *)(uintptr_t)mover->units[i].start;
		mover->nodes[i] = to;
		mover->status[i] = NOT_WRITTEN;
	}
	began_ns = clock_now_ns();
	r = syscall(SYS_move_pages, request->pid, n, mover->addresses, mover->nodes, mover->status,
		    request->include_shared ? MPOL_MF_MOVE_ALL : MPOL_MF_MOVE);
	if (r < 0)
		r = -errno;
	learn(mover, n, clock_now_ns() - began_ns);
	/* The node is full: the pages that went before it was are in place. */
	if (r == -ENOMEM)
		nodemask_clear(&mover->roomy, to);
	return r < 0 && r != -ENOMEM ? (int)r : 0;
}

/* ---- What became of it -------------------------------------------------------------- */

/* Why a page stays that is where it was, by its status; MPOL_MOVE_FAILURES: it may be tried again.
 */
static enum mpol_move_failure judge(int status)
{
	switch (status) {
	case -EACCES:
		return MPOL_MOVE_SHARED;
	case -EFAULT:
		return MPOL_MOVE_UNMOVABLE;
	case -ENOENT: /* before Linux 6.12: it may not be accessed, and so is not found */
		return MPOL_MOVE_UNMOVABLE;
	default:
		return MPOL_MOVE_FAILURES;
	}
}

/* Counts pages of a unit that are at where now.  Returns whether they are worth another attempt. */
static bool settle(struct mover *mover, int status, int where, uint64_t pages)
{
	struct mpol_move_result *result = mover->result;
	enum mpol_move_failure failure;

	if (where >= 0 && nodemask_test(&mover->request->to, where)) {
		result->moved_pages += pages;
		return false;
	}
	/*
	 * It was there: it was unmapped since, or it held nothing but zeros and
	 * became the zero page when its huge page was split on the way
	 * (mm/migrate.c, try_to_map_unused_to_zeropage, Linux 6.12).
	 */
	if (where < 0)
		failure = MPOL_MOVE_GONE;
	else if (!nodemask_test(&mover->request->from, where))
		failure = MPOL_MOVE_OTHER;
	else
		failure = judge(status);
	if (failure == MPOL_MOVE_FAILURES)
		return true;
	result->failed_pages[failure] += pages;
	return false;
}

static void try_again(struct mover *mover, uint64_t start, uint64_t pages)
{
	mover->again[mover->nr_again++] = (struct unit) { start, pages };
}

/* A unit's pages may have parted: each has its own answer then. */
static void settle_unit(struct mover *mover, const struct unit *unit, int status, const int *where)
{
	bool whole = true;

	for (uint64_t i = 1; i < unit->pages && whole && !mover->hugetlb; i++)
		whole = where[i] == where[0];
	if (whole) {
		if (settle(mover, status, where[0], unit->pages))
			try_again(mover, unit->start, unit->pages);
		return;
	}
	for (uint64_t i = 0; i < unit->pages; i++)
		if (settle(mover, status, where[i], 1))
			try_again(mover, unit->start + i * PAGE_BYTES, 1);
}

/* How many of the n units, from the first on, lie so close that one look shows all. */
static size_t close_units(const struct mover *mover, const struct unit *units, size_t n)
{
	size_t i = 1;

	if (mover->hugetlb)
		return 1;
	for (; i < n; i++) {
		uint64_t end = units[i - 1].start + units[i - 1].pages * PAGE_BYTES;

		if (units[i].start < end || units[i].start - end > LOOK_GAP * PAGE_BYTES ||
		    units[i].start - units[0].start + units[i].pages * PAGE_BYTES >
			    LOOK_PAGES * PAGE_BYTES)
			break;
	}
	return i;
}

/* Counts what is settled of the first n units; the others are in again. */
static int settle_batch(struct mover *mover, size_t n)
{
	size_t together;

	mover->nr_again = 0;
	for (size_t i = 0; i < n; i += together) {
		const struct unit *first = &mover->units[i], *last;
		uint64_t pages;
		int r;

		together = close_units(mover, first, n - i);
		last = first + together - 1;
		pages = (last->start - first->start) / PAGE_BYTES + last->pages;
		r = census_nodes(mover->census, first->start, mover->hugetlb ? 1 : pages,
				 mover->where);
		if (r < 0)
			return fail(mover, r);
		for (const struct unit *unit = first; unit <= last; unit++)
			settle_unit(mover, unit, mover->status[unit - mover->units],
				    mover->where + (unit->start - first->start) / PAGE_BYTES);
	}
	return 0;
}

/* ---- One batch ------------------------------------------------------------------------ */

static uint64_t sum_pages(const struct unit *units, size_t n)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < n; i++)
		pages += units[i].pages;
	return pages;
}

/* How many units, from the first on, have so many pages at most. */
static size_t units_within(const struct mover *mover, uint64_t pages)
{
	size_t n = 0;

	while (n < mover->nr_units && mover->units[n].pages <= pages)
		pages -= mover->units[n++].pages;
	return n;
}

/* Replaces the first n units by those worth another attempt. */
static void keep_again(struct mover *mover, size_t n)
{
	memmove(mover->units + mover->nr_again, mover->units + n,
		(mover->nr_units - n) * sizeof(*mover->units));
	memcpy(mover->units, mover->again, mover->nr_again * sizeof(*mover->again));
	mover->nr_units = mover->nr_units - n + mover->nr_again;
}

/* Moves the units, again and again as long as that helps. */
static int move_units(struct mover *mover)
{
	enum mpol_move_failure reason = MPOL_MOVE_BUSY;
	bool helps = true;

	for (int attempt = 0; mover->nr_units && helps && attempt < MOST_ATTEMPTS; attempt++) {
		uint64_t fits = 0, tried;
		int to = next_destination(mover, &fits), moved, r;
		size_t n;

		if (to < 0) {
			reason = MPOL_MOVE_NO_MEMORY;
			break;
		}
		n = units_within(mover, fits);
		tried = sum_pages(mover->units, n);
		moved = call_move_pages(mover, n, to);
		r = settle_batch(mover, n);
		if (r < 0)
			return r;
		if (moved < 0)
			return fail(mover, moved);
		helps = !nodemask_test(&mover->roomy, to) ||
			sum_pages(mover->again, mover->nr_again) < tried || n < mover->nr_units;
		keep_again(mover, n);
	}
	mover->result->failed_pages[reason] += sum_pages(mover->units, mover->nr_units);
	mover->nr_units = 0;
	return 0;
}

static int report_progress(struct mover *mover)
{
	const struct mover_request *request = mover->request;
	uint64_t done = mover->result->moved_pages + failed_pages(mover->result);

	/* Pages may have come since they were counted. */
	if (done > mover->all_pages)
		mover->all_pages = done;
	if (request->progress && request->progress(done, mover->all_pages, request->user))
		return fail(mover, -ECANCELED);
	return 0;
}

static int move_batch(struct mover *mover)
{
	int r;

	if (!mover->nr_units)
		return 0;
	r = move_units(mover);
	mover->batch = (struct steering_batch) { 0 };
	if (r < 0)
		return r;
	keep_to_bandwidth(mover);
	return report_progress(mover);
}

/* ---- Which pages ------------------------------------------------------------------- */

static bool has_room(const struct mover *mover, uint64_t pages)
{
	return steering_has_room(&mover->steering, &mover->batch, pages) &&
	       (!mover->nr_units || mover->batch.pages + pages <= mover->batch_pages);
}

/* A run of the census: what of it is to move goes into batches. */
static int take_run(const struct census_run *run, void *user)
{
	struct mover *mover = user;
	uint64_t pages = (run->end - run->start) / PAGE_BYTES;
	uint64_t unit_pages = run->unit_bytes / PAGE_BYTES;

	mover->result->examined_pages += pages;
	if (!nodemask_test(&mover->request->from, run->node))
		return 0;
	mover->result->wanted_pages += pages;
	for (uint64_t at = run->start; at < run->end; at += run->unit_bytes) {
		int r = has_room(mover, unit_pages) ? 0 : move_batch(mover);

		if (r < 0)
			return r;
		mover->units[mover->nr_units++] = (struct unit) { at, unit_pages };
		steering_add(&mover->steering, &mover->batch, unit_pages);
	}
	return 0;
}

static uint64_t from_bytes(const struct mover *mover, const struct vma *vma)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < vma->nr_nodes; i++)
		if (nodemask_test(&mover->request->from, vma->nodes[i].node))
			bytes += vma->nodes[i].bytes;
	return bytes;
}

static bool within_request(const struct mover *mover, const struct vma *vma)
{
	return vma->start < mover->request->end && vma->end > mover->request->start;
}

static int move_vma(struct mover *mover, const struct vma *vma)
{
	struct census_request request = {
		.start = vma->start,
		.end = vma->end,
		.page_bytes = vma->page_bytes,
		.folios_on = &mover->request->from,
		.at_once = true,
		.run = take_run,
		.user = mover,
	};
	int r;

	if (request.start < mover->request->start)
		request.start = mover->request->start / vma->page_bytes * vma->page_bytes;
	if (request.end > mover->request->end)
		request.end = (mover->request->end + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	mover->hugetlb = vma->page_bytes > PAGE_BYTES;
	r = census_walk(mover->census, &request);
	return r < 0 ? fail(mover, r) : move_batch(mover);
}

static void mover_free(struct mover **mover)
{
	if (!*mover)
		return;
	vma_table_free(&(*mover)->table);
	census_close((*mover)->census);
	free(*mover);
}

/* The bound in bytes; a tenth of a second's worth, where that is less, lest pauses grow long. */
static uint64_t most_batch_pages(const struct mover_request *request)
{
	uint64_t bytes = MOVER_MOST_BATCH_BYTES;

	if (request->batch_bytes && request->batch_bytes < bytes)
		bytes = request->batch_bytes;
	if (request->bandwidth_bytes && request->bandwidth_bytes / 10 < bytes)
		bytes = request->bandwidth_bytes / 10;
	return bytes / PAGE_BYTES;
}

static int prepare(struct mover *mover, const struct mover_request *request)
{
	int node, r;

	nodemask_for_each (node, &request->to)
		mover->high_watermarks[node] = room_watermarks(request->root, node).high_pages;
	mover->request = request;
	mover->roomy = request->to;
	mover->last_to = -1;
	mover->batch_pages = most_batch_pages(request);
	mover->began_ns = clock_now_ns();
	steering_start(&mover->steering, request->batch_ns);
	r = process_read_vmas(request->root, request->pid, request->pid, &mover->table);
	if (r >= 0)
		r = census_open(request->root, request->pid, 0, &mover->census);
	if (r < 0)
		return fail(mover, r);
	for (size_t i = 0; i < mover->table.nr_vmas; i++)
		if (within_request(mover, &mover->table.vmas[i]))
			mover->all_pages += from_bytes(mover, &mover->table.vmas[i]) / PAGE_BYTES;
	return 0;
}

int mover_run(const struct mover_request *request, struct mpol_move_result *result,
	      struct mpol_error *err)
{
	_cleanup_(mover_free) struct mover *mover = calloc(1, sizeof(*mover));
	int r;

	if (!mover)
		return error_errno(err, -ENOMEM, "move_pages");
	mover->result = result;
	mover->err = err;
	r = prepare(mover, request);
	for (size_t i = 0; r >= 0 && i < mover->table.nr_vmas; i++) {
		const struct vma *vma = &mover->table.vmas[i];

		if (within_request(mover, vma) && from_bytes(mover, vma))
			r = move_vma(mover, vma);
	}
	return r;
}
