/* SPDX-License-Identifier: MIT */
/*
 * Cutting memory into stripes, as planned: mbind(2) calls, made by a thread of the target in short
 * stops (host/remote.h), or by the caller itself on its own memory.
 *
 * A range is gone through in chunks: first all of a chunk prefers the node with the most weight,
 * then each run of another node its own; half as many calls as runs, and none for so many ranges
 * of the kernel's that it would take long.  Only what is private anonymous memory at the time is
 * touched: mappings are read anew before, and once more where some turn out to have gone.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "any-thread.h"
#include "error.h"
#include "maps.h"
#include "nodemask.h"
#include "pace.h"
#include "page.h"
#include "ranges.h"
#include "stripes-internal.h"
#include "stripes.h"

#define CHUNK_RUNS 64 /* that are given to one node first, by one call */
#define MAX_PASSES 3  /* over memory that keeps changing */

/* A mask with one node, among the arguments of a batch. */
struct node_mask {
	int node;
	size_t offset; /* in words */
};

#define MASK_WORDS (REMOTE_ARGUMENT_BYTES / sizeof(unsigned long))
#define MAX_MASKS  64

struct progress {
	bool pending;	       /* to be cut in this pass */
	uint64_t mapped_bytes; /* that are left of it at the end */
};

struct cutter {
	struct mpol_stripes *stripes;
	struct progress *progress; /* parallel to its ranges; owned */
	const struct target *target;
	bool is_own; /* the calling process: no stops */
	struct any_thread any;
	struct remote_call calls[REMOTE_MAX_CALLS];
	size_t ranges[REMOTE_MAX_CALLS]; /* which each call is about */
	size_t nr_calls, limit;
	unsigned long words[MASK_WORDS];
	size_t nr_words;
	struct node_mask masks[MAX_MASKS];
	size_t nr_masks;
	struct mpol_stripes_result *result;
	struct mpol_error *error;
};

/* ---- Batches ------------------------------------------------------------------------- */

static int call_own(struct cutter *cutter)
{
	for (size_t i = 0; i < cutter->nr_calls; i++) {
		struct remote_call *call = &cutter->calls[i];
		const char *mask = (const char *)cutter->words + call->args[3];

		call->result = 0;
		if (syscall(SYS_mbind, call->args[0], call->args[1], call->args[2], mask,
			    call->args[4], 0UL) < 0)
			call->result = -errno;
	}
	return 0;
}

static int call_remotely(struct cutter *cutter)
{
	struct remote_batch batch = {
		.calls = cutter->calls,
		.nr_calls = cutter->nr_calls,
		.arguments = cutter->words,
		.arguments_bytes = cutter->nr_words * sizeof(cutter->words[0]),
	};
	int r = 0;

	if (!cutter->any.remote)
		r = any_thread_open(cutter->target, 0, &cutter->any, cutter->error);
	if (r == 0)
		r = any_thread_run(&cutter->any, &batch, cutter->error);
	if (r < 0)
		return r;
	cutter->result->nr_stops++;
	cutter->result->total_stop_ns += batch.away_ns;
	if (batch.away_ns > cutter->result->longest_stop_ns)
		cutter->result->longest_stop_ns = batch.away_ns;
	cutter->limit = pace_next(cutter->nr_calls, batch.away_ns);
	return 0;
}

/* Makes the calls that have been gathered. */
static int flush(struct cutter *cutter)
{
	int r;

	if (!cutter->nr_calls)
		return 0;
	r = cutter->is_own ? call_own(cutter) : call_remotely(cutter);
	for (size_t i = 0; r == 0 && i < cutter->nr_calls; i++) {
		struct mpol_stripes_range *range = &cutter->stripes->ranges[cutter->ranges[i]];

		if (cutter->calls[i].result < 0 && !range->code)
			range->code = (int32_t)cutter->calls[i].result;
	}
	cutter->nr_calls = cutter->nr_words = cutter->nr_masks = 0;
	return r;
}

/* The words that a mask of the node has up to the node's own. */
static size_t words_of(int node)
{
	return (size_t)node / NODEMASK_WORD_BITS + 1;
}

static const struct node_mask *find_mask(const struct cutter *cutter, int node)
{
	for (size_t i = 0; i < cutter->nr_masks; i++)
		if (cutter->masks[i].node == node)
			return &cutter->masks[i];
	return NULL;
}

static const struct node_mask *add_mask(struct cutter *cutter, int node)
{
	struct node_mask *mask = &cutter->masks[cutter->nr_masks++];
	unsigned long *words = cutter->words + cutter->nr_words;

	*mask = (struct node_mask) { node, cutter->nr_words };
	memset(words, 0, words_of(node) * sizeof(*words));
	words[words_of(node) - 1] = 1UL << ((size_t)node % NODEMASK_WORD_BITS);
	cutter->nr_words += words_of(node);
	return mask;
}

/* Gathers one call: pages of range number index shall prefer the node. */
static int prefer(struct cutter *cutter, size_t index, const struct stripes_run *run)
{
	const struct node_mask *mask = find_mask(cutter, run->node);
	int r = 0;

	if (cutter->nr_calls >= cutter->limit ||
	    (!mask && (cutter->nr_masks == MAX_MASKS ||
		       cutter->nr_words + words_of(run->node) > MASK_WORDS))) {
		r = flush(cutter);
		mask = NULL;
	}
	if (r < 0)
		return r;
	if (!mask)
		mask = add_mask(cutter, run->node);
	cutter->ranges[cutter->nr_calls] = index;
	cutter->calls[cutter->nr_calls++] = (struct remote_call) {
		.number = SYS_mbind,
		.args = { run->page * PAGE_BYTES, run->nr_pages * PAGE_BYTES, MPOL_MODE_PREFERRED,
			  mask->offset * sizeof(unsigned long),
			  words_of(run->node) * NODEMASK_WORD_BITS + 1, 0 },
		.argument_mask = 1U << 3,
	};
	return 0;
}

/* ---- Stripes ------------------------------------------------------------------------- */

/* The next runs of the part, from *run on: the first to the node of most weight, then the others.
 */
static int cut_chunk(struct cutter *cutter, size_t index, const struct stripes_range *part,
		     struct stripes_run *run)
{
	const struct mpol_policy *policy = &cutter->stripes->policy;
	const unsigned int shift = cutter->stripes->shifts[index];
	struct stripes_run other = *run, chunk = {
		.page = run->nr_pages ? run->page + run->nr_pages : part->page,
		.node = stripes_base(policy),
	};
	int r;

	for (int i = 0; i < CHUNK_RUNS && stripes_next(part, policy, shift, run); i++)
		chunk.nr_pages = run->page + run->nr_pages - chunk.page;
	r = prefer(cutter, index, &chunk);
	while (r == 0 && other.page + other.nr_pages < run->page + run->nr_pages) {
		stripes_next(part, policy, shift, &other);
		if (other.node != chunk.node)
			r = prefer(cutter, index, &other);
	}
	return r;
}

/* Cuts what of range number index lies between the addresses. */
static int cut(struct cutter *cutter, size_t index, uint64_t start, uint64_t end)
{
	const struct stripes_range part = {
		.page = start / PAGE_BYTES,
		.nr_pages = (end - start) / PAGE_BYTES,
	};
	struct stripes_run run = { 0 };
	int r = 0;

	while (r == 0 && (!run.nr_pages || run.page + run.nr_pages < part.page + part.nr_pages))
		r = cut_chunk(cutter, index, &part, &run);
	return r;
}

/* ---- Mappings ------------------------------------------------------------------------ */

typedef int part_fn(struct cutter *cutter, size_t index, uint64_t start, uint64_t end);

/* Calls part for each stretch of a planned range that is private anonymous memory now. */
static int for_each_part(struct cutter *cutter, part_fn *part)
{
	const struct mpol_stripes *stripes = cutter->stripes;
	_cleanup_free_ char *text = NULL;
	uint64_t start = 0, end = 0; /* of neighbours */
	struct maps_entry entry;
	char *cursor;
	size_t index = 0;
	int r, more = 1;

	r = process_read_file(cutter->target->root, stripes->pid, "maps", &text);
	if (r < 0)
		return target_error(cutter->error, r, "read maps", &cutter->target->leader);
	r = 0;
	for (cursor = text; r == 0 && more > 0;) {
		more = maps_next(&cursor, &entry);
		if (more > 0 && !range_is_private_anonymous(entry.permissions, entry.name))
			continue;
		if (more > 0 && entry.start == end) {
			end = entry.end;
			continue;
		}
		while (index < stripes->nr && stripes->ranges[index].end <= start)
			index++;
		for (size_t i = index; r == 0 && i < stripes->nr && stripes->ranges[i].start < end;
		     i++) {
			const struct mpol_stripes_range *range = &stripes->ranges[i];

			r = part(cutter, i, range->start > start ? range->start : start,
				 range->end < end ? range->end : end);
		}
		start = entry.start;
		end = entry.end;
	}
	return more < 0 ? target_error(cutter->error, more, "read maps", &cutter->target->leader)
			: r;
}

static int cut_part(struct cutter *cutter, size_t index, uint64_t start, uint64_t end)
{
	return cutter->progress[index].pending ? cut(cutter, index, start, end) : 0;
}

static int count_part(struct cutter *cutter, size_t index, uint64_t start, uint64_t end)
{
	cutter->progress[index].mapped_bytes += end - start;
	return 0;
}

/* Cuts what is to be cut, and again where part of it had gone meanwhile. */
static int cut_all(struct cutter *cutter)
{
	struct mpol_stripes *stripes = cutter->stripes;
	bool again = true;
	int r = 0;

	for (size_t i = 0; i < stripes->nr; i++)
		stripes->ranges[i].code = stripes->ranges[i].stripe_bytes ? -EFAULT : 0;
	for (int pass = 0; r == 0 && again && pass < MAX_PASSES; pass++) {
		for (size_t i = 0; i < stripes->nr; i++) {
			cutter->progress[i].pending = stripes->ranges[i].code == -EFAULT;
			stripes->ranges[i].code = 0;
		}
		r = for_each_part(cutter, cut_part);
		if (r == 0)
			r = flush(cutter);
		again = false;
		for (size_t i = 0; i < stripes->nr; i++)
			again = again || stripes->ranges[i].code == -EFAULT;
	}
	return r;
}

/* What of the ranges is there now, as far as they were to be cut. */
static int take_stock(struct cutter *cutter)
{
	struct mpol_stripes *stripes = cutter->stripes;
	struct mpol_stripes_result *result = cutter->result;
	int r = for_each_part(cutter, count_part);

	for (size_t i = 0; r == 0 && i < stripes->nr; i++) {
		struct mpol_stripes_range *range = &stripes->ranges[i];
		const uint64_t mapped_bytes = cutter->progress[i].mapped_bytes;

		if (!range->stripe_bytes) {
			result->left_bytes += range->end - range->start;
			continue;
		}
		result->vanished_bytes += range->end - range->start - mapped_bytes;
		if (!mapped_bytes)
			range->code = -EFAULT;
		if (range->code)
			continue;
		result->nr_ranges++;
		result->nr_pieces += range->nr_pieces;
		result->bytes += mapped_bytes;
	}
	return r;
}

/* The first refusal but that of memory which had gone. */
static int judge(const struct cutter *cutter)
{
	const struct mpol_stripes_range *range = cutter->stripes->ranges;
	const struct process_thread *leader = &cutter->target->leader;
	size_t i = 0;

	while (i < cutter->stripes->nr && (!range[i].code || range[i].code == -EFAULT))
		i++;
	if (i == cutter->stripes->nr)
		return 0;
	if (range[i].code == -ENOMEM)
		error_set(cutter->error, -ENOMEM, "mbind",
			  "it has as many ranges as a process may have (vm.max_map_count)");
	else
		error_errno(cutter->error, range[i].code, "mbind");
	error_on(cutter->error, "range 0x%" PRIx64 "-0x%" PRIx64 " of process %d (%s)",
		 range[i].start, range[i].end, leader->tid, leader->name);
	return range[i].code;
}

static void cutter_free(struct cutter *cutter)
{
	any_thread_close(&cutter->any);
	free(cutter->progress);
}

int stripes_carry_out(struct mpol_stripes *stripes, const struct target *target,
		      struct mpol_stripes_result *ret_result, struct mpol_error *error)
{
	_cleanup_(cutter_free) struct cutter cutter = {
		.stripes = stripes,
		.target = target,
		.is_own = target_is_own_process(target),
		.limit = PACE_FIRST,
		.result = ret_result,
		.error = error,
	};
	int r;

	*ret_result = (struct mpol_stripes_result) { 0 };
	error_clear(error);
	if (target->leader.tid != stripes->pid ||
	    target->leader.start_ticks != stripes->start_ticks)
		return target_error(error, -ESRCH, "cut into stripes", &target->leader);
	cutter.progress = calloc(stripes->nr + 1, sizeof(*cutter.progress));
	if (!cutter.progress)
		return error_errno(error, -ENOMEM, "cut into stripes");
	r = cut_all(&cutter);
	if (r == 0)
		r = take_stock(&cutter);
	return r == 0 ? judge(&cutter) : r;
}

int mpol_stripes_carry_out(struct mpol_stripes *stripes, int pidfd,
			   struct mpol_stripes_result *ret_result, struct mpol_error *error)
{
	_cleanup_(target_close) struct target target = { .root = -1 };
	int r;

	*ret_result = (struct mpol_stripes_result) { 0 };
	error_clear(error);
	r = target_open(pidfd, &target, error);
	return r < 0 ? r : stripes_carry_out(stripes, &target, ret_result, error);
}
