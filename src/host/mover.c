/* SPDX-License-Identifier: MIT */
/*
 * The mover: see mover.h.
 *
 * numa_maps says which ranges have pages on the nodes in question; of those,
 * pagemap says which pages are there and a query by move_pages(2) where.  What
 * is to move goes in batches, whose size is steered towards a time per call.
 *
 * After each batch the pages are asked for again, and only that answer counts,
 * because move_pages says less than it did (mm/migrate.c, do_pages_move): it
 * leaves statuses unwritten where it stops early; it answers EBUSY for the second page of
 * a huge page whose first has just taken it along; and a positive result
 * counts what failed together with what was not attempted.
 */
#include "mover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "error.h"
#include "numa-maps.h"
#include "process.h"
#include "room.h"

#define PAGE_BYTES	  4096UL
#define WINDOW_PAGES	  4096
#define FIRST_BATCH_PAGES 256
#define LEAST_BATCH_PAGES 16
#define MOST_ATTEMPTS	  10
#define NOT_WRITTEN	  INT_MIN
#define NS_PER_SECOND	  1000000000ULL
#define PAGEMAP_PRESENT	  (1ULL << 63)

struct mover {
	const struct mover_request *request;
	struct mpol_move_result *result;
	struct mpol_error *err;
	struct vma_table table;
	int pagemap;			     /* -1: not readable, every page is asked for */
	struct nodemask roomy;		     /* of the destinations, those that may have room */
	uint64_t high_watermarks[NODES_MAX]; /* of the destinations, in pages */
	int last_to;			     /* the destination before: they take turns */
	size_t batch_pages;		     /* addresses per call */
	uint64_t all_pages;		     /* as numa_maps counted */
	uint64_t began_ns;
	uint64_t base_pages;	    /* base pages per address in the range at hand */
	void *window[WINDOW_PAGES]; /* addresses that may be there */
	void *wanted[WINDOW_PAGES]; /* of those, the ones to move */
	int status[WINDOW_PAGES];
	int where[WINDOW_PAGES];
	int nodes[WINDOW_PAGES];
	uint64_t entries[WINDOW_PAGES];
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

/* ---- One batch ------------------------------------------------------------------- */

/* Where n pages are: a node, or -errno.  Returns 0 or -errno. */
static int ask(struct mover *mover, void **pages, size_t n, int *ret_where)
{
	if (syscall(SYS_move_pages, mover->request->pid, n, pages, NULL, ret_where, 0) < 0)
		return fail(mover, -errno);
	return 0;
}

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
		if (mover->base_pages > 1)
			return node;
		*ret_fits = room_pages(mover->request->root, node, mover->high_watermarks[node]);
		if (*ret_fits >= LEAST_BATCH_PAGES)
			return node;
		nodemask_clear(&mover->roomy, node);
	}
	return -1;
}

/* Sizes the next batch after one of n addresses took elapsed_ns. */
static void steer(struct mover *mover, size_t n, uint64_t elapsed_ns)
{
	const struct mover_request *request = mover->request;
	uint64_t most = WINDOW_PAGES, next;

	/* A tenth of a second's worth: else the pauses between batches grow long. */
	if (request->bandwidth_bytes)
		most = request->bandwidth_bytes / 10 / (mover->base_pages * PAGE_BYTES);
	if (most > WINDOW_PAGES)
		most = WINDOW_PAGES;
	next = elapsed_ns ? n * request->batch_ns / elapsed_ns : most;
	if (next > n * 2)
		next = n * 2;
	if (next > most)
		next = most;
	mover->batch_pages = next < LEAST_BATCH_PAGES ? LEAST_BATCH_PAGES : next;
}

/* Waits until what was moved so far is within the bandwidth. */
static void keep_to_bandwidth(const struct mover *mover)
{
	uint64_t bytes = mover->result->moved_pages * PAGE_BYTES, due_ns;
	struct timespec due;

	if (!mover->request->bandwidth_bytes)
		return;
	due_ns = mover->began_ns + (uint64_t)((double)bytes * (double)NS_PER_SECOND /
					      (double)mover->request->bandwidth_bytes);
	due.tv_sec = (time_t)(due_ns / NS_PER_SECOND);
	due.tv_nsec = (long)(due_ns % NS_PER_SECOND);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

/* One call for n pages.  Returns 0, or -errno where going on makes no sense. */
static int call_move_pages(struct mover *mover, void **pages, size_t n, int to)
{
	const struct mover_request *request = mover->request;
	struct pollfd alive = { .fd = request->pidfd, .events = POLLIN };
	uint64_t began_ns, elapsed_ns;
	long r;

	if (poll(&alive, 1, 0) != 0)
		return -ESRCH;
	for (size_t i = 0; i < n; i++) {
		mover->nodes[i] = to;
		mover->status[i] = NOT_WRITTEN;
	}
	began_ns = clock_now_ns();
	r = syscall(SYS_move_pages, request->pid, n, pages, mover->nodes, mover->status,
		    request->include_shared ? MPOL_MF_MOVE_ALL : MPOL_MF_MOVE);
	if (r < 0)
		r = -errno;
	elapsed_ns = clock_now_ns() - began_ns;
	mover->result->batches++;
	if (elapsed_ns > mover->result->longest_batch_ns)
		mover->result->longest_batch_ns = elapsed_ns;
	steer(mover, n, elapsed_ns);
	/* The node is full: the pages that went before it was are in place. */
	if (r == -ENOMEM)
		nodemask_clear(&mover->roomy, to);
	return r < 0 && r != -ENOMEM ? (int)r : 0;
}

/* Why a page stays, by its status; MPOL_MOVE_FAILURES: it may be tried again. */
static enum mpol_move_failure judge(int status)
{
	switch (status) {
	case -EACCES:
		return MPOL_MOVE_SHARED;
	case -EFAULT:
		return MPOL_MOVE_UNMOVABLE;
	case -ENOENT:
		return MPOL_MOVE_GONE;
	default:
		return MPOL_MOVE_FAILURES;
	}
}

/* Counts what is settled, keeps the rest at the front of pages.  Returns how many those are. */
static size_t settle(struct mover *mover, void **pages, size_t n)
{
	struct mpol_move_result *result = mover->result;
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		int where = mover->where[i];
		enum mpol_move_failure failure;

		if (where >= 0 && nodemask_test(&mover->request->to, where)) {
			result->moved_pages += mover->base_pages;
			continue;
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
			failure = judge(mover->status[i]);
		if (failure == MPOL_MOVE_FAILURES)
			pages[left++] = pages[i];
		else
			result->failed_pages[failure] += mover->base_pages;
	}
	return left;
}

/* Moves n pages, again and again as long as that helps. */
static int move_batch(struct mover *mover, void **pages, size_t n)
{
	enum mpol_move_failure reason = MPOL_MOVE_BUSY;

	for (int attempt = 0; n && attempt < MOST_ATTEMPTS; attempt++) {
		uint64_t fits = 0;
		int to = next_destination(mover, &fits), moved, r;
		size_t now = n < fits ? n : fits, left;

		if (to < 0) {
			reason = MPOL_MOVE_NO_MEMORY;
			break;
		}
		moved = call_move_pages(mover, pages, now, to);
		r = ask(mover, pages, now, mover->where);
		if (r < 0)
			return r;
		left = settle(mover, pages, now);
		if (moved < 0)
			return fail(mover, moved);
		if (left == n && nodemask_test(&mover->roomy, to))
			break;
		/* What did not fit follows what is to be tried again. */
		memmove(pages + left, pages + now, (n - now) * sizeof(*pages));
		n -= now - left;
	}
	mover->result->failed_pages[reason] += n * mover->base_pages;
	keep_to_bandwidth(mover);
	return 0;
}

/* ---- Which pages ------------------------------------------------------------------- */

/* Leaves out of the window what pagemap says is not there.  Returns how many are left. */
static size_t keep_present(struct mover *mover, size_t n)
{
	uint64_t first = (uint64_t)mover->window[0] / PAGE_BYTES;
	ssize_t bytes;
	size_t left = 0;

	if (mover->pagemap < 0 || mover->base_pages > 1)
		return n;
	bytes = pread(mover->pagemap, mover->entries, n * sizeof(*mover->entries),
		      (off_t)(first * sizeof(*mover->entries)));
	if (bytes != (ssize_t)(n * sizeof(*mover->entries)))
		return n;
	for (size_t i = 0; i < n; i++)
		if (mover->entries[i] & PAGEMAP_PRESENT)
			mover->window[left++] = mover->window[i];
	return left;
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

/* Moves what of the n addresses in the window lies on a from node. */
static int move_window(struct mover *mover, size_t n)
{
	size_t nr_wanted = 0, size;
	int r;

	n = keep_present(mover, n);
	if (!n)
		return 0;
	r = ask(mover, mover->window, n, mover->where);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (mover->where[i] < 0)
			continue;
		mover->result->examined_pages += mover->base_pages;
		if (nodemask_test(&mover->request->from, mover->where[i]))
			mover->wanted[nr_wanted++] = mover->window[i];
	}
	mover->result->wanted_pages += nr_wanted * mover->base_pages;
	for (size_t i = 0; i < nr_wanted; i += size) {
		size = nr_wanted - i < mover->batch_pages ? nr_wanted - i : mover->batch_pages;
		r = move_batch(mover, mover->wanted + i, size);
		if (r >= 0)
			r = report_progress(mover);
		if (r < 0)
			return r;
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
	uint64_t step = vma->page_bytes;
	uint64_t address = vma->start, end = vma->end;

	if (address < mover->request->start)
		address = mover->request->start / step * step;
	if (end > mover->request->end)
		end = mover->request->end;
	mover->base_pages = step / PAGE_BYTES;
	while (address < end) {
		size_t n = 0;
		int r;

		for (; n < WINDOW_PAGES && address < end; address += step)
			mover->window[n++] = (void *)(uintptr_t)address;
		r = move_window(mover, n);
		if (r < 0)
			return r;
	}
	return 0;
}

static void mover_free(struct mover **mover)
{
	if (!*mover)
		return;
	vma_table_free(&(*mover)->table);
	if ((*mover)->pagemap >= 0)
		close((*mover)->pagemap);
	free(*mover);
}

static int prepare(struct mover *mover, const struct mover_request *request)
{
	char path[64];
	int node, r;

	nodemask_for_each (node, &request->to)
		mover->high_watermarks[node] = room_high_watermark(request->root, node);
	mover->request = request;
	mover->roomy = request->to;
	mover->last_to = -1;
	mover->batch_pages = FIRST_BATCH_PAGES;
	mover->began_ns = clock_now_ns();
	snprintf(path, sizeof(path), "proc/%d/pagemap", request->pid);
	mover->pagemap = openat(request->root, path, O_RDONLY | O_CLOEXEC);
	r = process_read_vmas(request->root, request->pid, request->pid, &mover->table);
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
