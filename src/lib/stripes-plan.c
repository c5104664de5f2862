/* SPDX-License-Identifier: MIT */
/*
 * Planning stripes: which memory of a process is cut, and how finely, so that it has no more ranges
 * than it may have.  Reads; changes nothing.  The arithmetic is policy/stripes's.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "error.h"
#include "grow.h"
#include "huge-advice.h"
#include "page.h"
#include "policy.h"
#include "ranges.h"
#include "rootfs.h"
#include "striped.h"
#include "stripes-internal.h"
#include "stripes.h"

#define MAX_EXTRA_VMAS	      4096
#define DEFAULT_MAX_MAP_COUNT 65530 /* include/linux/mm.h, DEFAULT_MAX_MAP_COUNT */

void mpol_stripes_free(struct mpol_stripes *stripes)
{
	if (!stripes)
		return;
	free(stripes->ranges);
	free(stripes->shifts);
	free(stripes);
}

size_t mpol_stripes_nr_ranges(const struct mpol_stripes *stripes)
{
	return stripes->nr;
}

const struct mpol_stripes_range *mpol_stripes_range(const struct mpol_stripes *stripes,
						    size_t index)
{
	return index < stripes->nr ? &stripes->ranges[index] : NULL;
}

const struct mpol_policy *mpol_stripes_thread_policy(const struct mpol_stripes *stripes)
{
	return &stripes->thread_policy;
}

int stripes_code_at(const struct mpol_stripes *stripes, uint64_t address)
{
	for (size_t i = 0; i < stripes->nr; i++)
		if (stripes->ranges[i].start <= address && address < stripes->ranges[i].end)
			return stripes->ranges[i].code;
	return -ECANCELED;
}

struct planning {
	int root;
	const struct mpol_process *process;
	struct mpol_stripes *stripes;
	struct stripes_range *pages; /* parallel to the plan's ranges; owned */
	size_t allocated, shifts_allocated, pages_allocated;
	enum { HUGE_NEVER, HUGE_ADVISED, HUGE_ALWAYS } huge;
	char *smaps; /* of HUGE_ADVISED; owned */
	const char *cursor;
	uint64_t advised_start, advised_end; /* where the cursor is */
	struct mpol_error *error;
};

static void planning_free(struct planning *planning)
{
	if (planning->root >= 0)
		close(planning->root);
	free(planning->pages);
	free(planning->smaps);
}

static int fail(const struct planning *planning, int code, const char *cause)
{
	error_set(planning->error, code, "cut into stripes", "%s", cause);
	error_on(planning->error, "process %d (%s)", mpol_process_pid(planning->process),
		 mpol_process_name(planning->process));
	return code;
}

/* ---- Huge pages --------------------------------------------------------------------- */

/* The word in brackets of a file such as "always [madvise] never"; a size's own may inherit. */
static bool mode_is(int root, const char *path, const char *mode)
{
	_cleanup_free_ char *text = NULL;

	return rootfs_read(root, &text, "%s", path) > 0 && strstr(text, mode);
}

static void look_at_huge_pages(struct planning *planning)
{
	static const char all[] = "sys/kernel/mm/transparent_hugepage/enabled";
	static const char size[] = "sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled";
	const int root = planning->root;
	const char *path =
		mode_is(root, size, "[") && !mode_is(root, size, "[inherit]") ? size : all;

	if (mode_is(root, path, "[always]"))
		planning->huge = HUGE_ALWAYS;
	else if (mode_is(root, path, "[madvise]"))
		planning->huge = HUGE_ADVISED;
	/* Without the file nobody's advice is known, and small stripes are right for all. */
	if (planning->huge == HUGE_ADVISED && rootfs_read(root, &planning->smaps, "proc/%d/smaps",
							  mpol_process_pid(planning->process)) < 0)
		planning->huge = HUGE_NEVER;
	planning->cursor = planning->smaps;
}

/* Whether huge pages may come there; asked in ascending order. */
static bool may_be_huge(struct planning *planning, uint64_t address)
{
	if (planning->huge != HUGE_ADVISED)
		return planning->huge == HUGE_ALWAYS;
	while (planning->advised_end <= address)
		if (!huge_advice_next(&planning->cursor, &planning->advised_start,
				      &planning->advised_end))
			planning->advised_start = planning->advised_end = UINT64_MAX;
	return planning->advised_start <= address;
}

/* ---- Which memory ------------------------------------------------------------------- */

/* Room for one range more in the three arrays. */
static int make_room(struct planning *planning)
{
	struct mpol_stripes *stripes = planning->stripes;
	void *room;

	room = grow(stripes->ranges, stripes->nr, &planning->allocated, sizeof(*stripes->ranges));
	if (!room)
		return fail(planning, -ENOMEM, "no memory");
	stripes->ranges = room;
	room = grow(stripes->shifts, stripes->nr, &planning->shifts_allocated,
		    sizeof(*stripes->shifts));
	if (!room)
		return fail(planning, -ENOMEM, "no memory");
	stripes->shifts = room;
	room = grow(planning->pages, stripes->nr, &planning->pages_allocated,
		    sizeof(*planning->pages));
	if (!room)
		return fail(planning, -ENOMEM, "no memory");
	planning->pages = room;
	return 0;
}

/* Memory that is to be cut, in ascending order: joins what touches and is alike. */
static int add(struct planning *planning, uint64_t start, uint64_t end)
{
	struct mpol_stripes *stripes = planning->stripes;
	const unsigned int least = may_be_huge(planning, start) ? STRIPES_HUGE_SHIFT : 0;
	struct mpol_stripes_range *last = stripes->nr ? &stripes->ranges[stripes->nr - 1] : NULL;
	int r;

	if (last && start < last->end)
		start = last->end;
	if (start >= end)
		return 0;
	if (last && last->end == start && planning->pages[stripes->nr - 1].least_shift == least) {
		last->end = end;
		return 0;
	}
	r = make_room(planning);
	if (r < 0)
		return r;
	stripes->ranges[stripes->nr] = (struct mpol_stripes_range) { .start = start, .end = end };
	planning->pages[stripes->nr++] = (struct stripes_range) { .least_shift = least };
	return 0;
}

/* All of the process's own that has no policy, or one of stripes. */
static int add_all(struct planning *planning)
{
	const struct mpol_vma *vma;
	int r = 0;

	for (size_t i = 0; r == 0 && (vma = mpol_process_vma(planning->process, i)); i++) {
		if (!range_is_private_anonymous(vma->permissions, vma->name) ||
		    !strncmp(vma->permissions, "---", 3) ||
		    range_is_left_out(planning->process, i) ||
		    (vma->has_policy > 0 && !striped_of(planning->process, i)))
			continue;
		r = add(planning, vma->start, vma->end);
	}
	return r;
}

static int refuse_range(const struct planning *planning, const struct iovec *range, int code,
			const char *cause)
{
	error_set(planning->error, code, "cut into stripes", "%s", cause);
	error_on(planning->error, "range %p + %zu of process %d (%s)", range->iov_base,
		 range->iov_len, mpol_process_pid(planning->process),
		 mpol_process_name(planning->process));
	return code;
}

/* Part of one range that was asked for, as far as one mapping has it: moves *at to its end. */
static int add_part(struct planning *planning, const struct iovec *range, size_t index,
		    uint64_t end, uint64_t *at)
{
	const struct mpol_vma *vma = mpol_process_vma(planning->process, index);
	const uint64_t part_end = vma->end < end ? vma->end : end;
	int r;

	if (!range_is_private_anonymous(vma->permissions, vma->name) ||
	    range_is_left_out(planning->process, index)) {
		refuse_range(planning, range, -EOPNOTSUPP,
			     "weights other than the kernel's are for private anonymous memory, "
			     "and this is a file's, shared, or a stack");
		error_advise(planning->error, "name the range anon, or give the kernel these "
					      "weights: mpol weights set");
		return -EOPNOTSUPP;
	}
	r = add(planning, *at, part_end);
	*at = part_end;
	return r;
}

static int add_range(struct planning *planning, const struct iovec *range, size_t *index)
{
	uint64_t at = (uintptr_t)range->iov_base, end;
	const struct mpol_vma *vma;
	int r = 0;

	if (at % PAGE_BYTES)
		return refuse_range(planning, range, -EINVAL, "the range does not begin at a page");
	if (__builtin_add_overflow(at, range->iov_len + PAGE_BYTES - 1, &end))
		return refuse_range(planning, range, -EINVAL,
				    "the range goes beyond the last address");
	end &= ~(PAGE_BYTES - 1);
	while (*index && mpol_process_vma(planning->process, *index - 1)->end > at)
		(*index)--;
	for (; r == 0 && at < end; (*index)++) {
		vma = mpol_process_vma(planning->process, *index);
		if (!vma || vma->start > at)
			return refuse_range(planning, range, -EFAULT,
					    "part of the range is not mapped");
		if (vma->end > at)
			r = add_part(planning, range, *index, end, &at);
	}
	return r;
}

static int compare_starts(const void *a, const void *b)
{
	const uintptr_t left = (uintptr_t)((const struct iovec *)a)->iov_base;
	const uintptr_t right = (uintptr_t)((const struct iovec *)b)->iov_base;

	return (left > right) - (left < right);
}

static int add_ranges(struct planning *planning, const struct iovec *ranges, size_t nr)
{
	_cleanup_free_ struct iovec *sorted = calloc(nr + 1, sizeof(*sorted));
	size_t index = 0;
	int r = 0;

	if (!sorted)
		return fail(planning, -ENOMEM, "no memory");
	if (nr)
		memcpy(sorted, ranges, nr * sizeof(*sorted));
	qsort(sorted, nr, sizeof(*sorted), compare_starts);
	for (size_t i = 0; r == 0 && i < nr; i++)
		r = add_range(planning, &sorted[i], &index);
	return r;
}

/* ---- How finely ---------------------------------------------------------------------- */

static bool covers(const struct mpol_stripes *stripes, const struct mpol_striped *striped)
{
	for (size_t i = 0; i < stripes->nr; i++)
		if (stripes->ranges[i].start <= striped->start &&
		    striped->end <= stripes->ranges[i].end)
			return true;
	return false;
}

/* How many pieces the ranges may become; what is striped already and stays so counts. */
static uint64_t budget_of(const struct planning *planning)
{
	uint64_t nr_vmas = mpol_process_nr_vmas(planning->process), others = 0, limit, left;
	const struct mpol_striped *striped;

	if (rootfs_read_u64(planning->root, &limit, "proc/sys/vm/max_map_count") < 0)
		limit = DEFAULT_MAX_MAP_COUNT;
	for (size_t i = 0; (striped = mpol_process_striped(planning->process, i)); i++) {
		if (covers(planning->stripes, striped))
			nr_vmas -= striped->nr_vmas - 1;
		else
			others += striped->nr_vmas - 1;
	}
	left = limit > nr_vmas ? (limit - nr_vmas) / 4 : 0;
	others = others < MAX_EXTRA_VMAS ? MAX_EXTRA_VMAS - others : 0;
	return left < others ? left : others;
}

static void choose_shift(struct planning *planning, size_t index, unsigned int shift)
{
	struct mpol_stripes *stripes = planning->stripes;

	stripes->shifts[index] = shift;
	stripes->ranges[index].stripe_bytes = PAGE_BYTES << shift;
	stripes->ranges[index].nr_pieces =
		stripes_nr_runs(&planning->pages[index], &stripes->policy, shift);
}

/*
 * Whether stripes that are there are those of the policy, and with which shift: weights that are
 * told are the smallest that cut alike.
 */
static bool shift_of(const struct mpol_striped *striped, const struct mpol_policy *policy,
		     unsigned int *ret_shift)
{
	const struct nodemask nodes = policy_nodemask(policy);
	const struct nodemask there = policy_nodemask(striped->policy);
	unsigned int shift = (unsigned int)__builtin_ctzll(striped->stripe_bytes / PAGE_BYTES);
	const uint64_t unit = 1UL << shift;
	int node = nodemask_next(&nodes, 0);

	if (!nodemask_equal(&nodes, &there))
		return false;
	while (shift &&
	       (uint64_t)policy->weights[node] << shift > striped->policy->weights[node] * unit)
		shift--;
	nodemask_for_each (node, &nodes)
		if ((uint64_t)policy->weights[node] << shift !=
		    striped->policy->weights[node] * unit)
			return false;
	*ret_shift = shift;
	return true;
}

/*
 * The shift of stripes of the same policy that the range touches: what was cut out of them, or has
 * grown behind them, is to go on as they do, or the pieces where they meet would be no stripes.
 */
static bool neighbours_shift(const struct planning *planning, size_t index, unsigned int *ret_shift)
{
	const struct mpol_stripes_range *range = &planning->stripes->ranges[index];
	const struct mpol_striped *striped;

	for (size_t i = 0; (striped = mpol_process_striped(planning->process, i)); i++)
		if ((striped->end == range->start || striped->start == range->end) &&
		    shift_of(striped, &planning->stripes->policy, ret_shift))
			return *ret_shift >= planning->pages[index].least_shift;
	return false;
}

/* The shift of range number index, if it gets max_runs and all ranges have least_pages. */
static bool find_shift(const struct planning *planning, size_t index, uint64_t max_runs,
		       uint64_t least_pages, unsigned int *ret_shift)
{
	const struct stripes_range *pages = &planning->pages[index];
	const struct mpol_policy *policy = &planning->stripes->policy;

	if (neighbours_shift(planning, index, ret_shift) &&
	    stripes_nr_runs(pages, policy, *ret_shift) <= max_runs)
		return true;
	return pages->nr_pages >= least_pages &&
	       stripes_shift(pages, policy, max_runs, ret_shift) == 0;
}

static uint64_t choose_shifts(struct planning *planning, uint64_t budget)
{
	struct mpol_stripes *stripes = planning->stripes;
	uint64_t max_runs = 0, least_pages = 0, nr_runs = 0;

	for (size_t i = 0; i < stripes->nr; i++) {
		struct stripes_range *pages = &planning->pages[i];

		pages->page = stripes->ranges[i].start / PAGE_BYTES;
		pages->nr_pages = (stripes->ranges[i].end - stripes->ranges[i].start) / PAGE_BYTES;
		if (pages->least_shift)
			pages->least_shift = stripes_huge_shift(pages->nr_pages, &stripes->policy);
	}
	if (stripes_allot(planning->pages, stripes->nr, &stripes->policy, budget, &max_runs,
			  &least_pages) < 0)
		return 0;
	for (size_t i = 0; i < stripes->nr; i++) {
		unsigned int shift;

		if (!find_shift(planning, i, max_runs, least_pages, &shift))
			continue;
		choose_shift(planning, i, shift);
		nr_runs += stripes->ranges[i].nr_pieces;
	}
	return nr_runs;
}

/*
 * What was asked for by name is cut as finely as the kernel itself would where it has too few
 * rounds: exact, and of few pieces.
 */
static int choose_for_small(struct planning *planning, uint64_t budget, uint64_t nr_runs)
{
	struct mpol_stripes *stripes = planning->stripes;

	for (size_t i = 0; i < stripes->nr; i++) {
		if (stripes->ranges[i].stripe_bytes)
			continue;
		choose_shift(planning, i, 0);
		nr_runs += stripes->ranges[i].nr_pieces;
		if (nr_runs <= budget)
			continue;
		fail(planning, -ENOSPC, "it would have more ranges than are allowed it");
		error_advise(planning->error,
			     "name fewer or smaller ranges, or raise vm.max_map_count, of which a "
			     "quarter of the rest may be used, and %d at most",
			     MAX_EXTRA_VMAS);
		return -ENOSPC;
	}
	return 0;
}

/* ---- The policy ---------------------------------------------------------------------- */

/* As the kernel does: only nodes that the cpuset allows and that have memory. */
static int trim_nodes(const struct planning *planning, struct mpol_policy *policy)
{
	const pid_t pid = mpol_process_pid(planning->process);
	struct nodemask nodes = policy_nodemask(policy), memory;
	struct process_thread leader;
	int r = process_read_thread(planning->root, pid, pid, &leader);

	if (r < 0)
		return target_error(planning->error, r, "read /proc",
				    &(struct process_thread) { .tid = pid });
	if (rootfs_read_nodes(planning->root, &memory, "sys/devices/system/node/has_memory") < 0)
		memory = nodemask_of(0);
	nodes = nodemask_and(&nodes, &memory);
	nodes = nodemask_and(&nodes, &leader.mems_allowed);
	policy_set_nodemask(policy, &nodes);
	for (int node = 0; node < NODES_MAX; node++)
		if (!nodemask_test(&nodes, node))
			policy->weights[node] = 0;
	if (nodemask_empty(&nodes))
		return fail(planning, -EINVAL,
			    "none of the nodes has memory that the cpuset allows it to use");
	return 0;
}

/* 1: stripes are needed; 0: they are not; or an error. */
static int read_policy(struct planning *planning, const struct mpol_policy *wanted)
{
	struct mpol_stripes *stripes = planning->stripes;
	struct mpol_policy copy = *wanted;
	struct nodemask nodes;
	struct mpol_args args, read;
	int r;

	if (wanted->mode != MPOL_MODE_WEIGHTED_INTERLEAVE)
		return 0;
	mpol_policy_to_args(&copy, &args);
	args.error = planning->error;
	r = args_read_wish(&args, sizeof(args), true, &read, &nodes);
	if (r <= 0)
		return r;
	r = args_own_weights(&read, &stripes->policy);
	if (r == 0)
		r = trim_nodes(planning, &stripes->policy);
	if (r < 0)
		return r;
	/* Of one node all pages are the node's, whatever its weight. */
	nodes = policy_nodemask(&stripes->policy);
	if (nodemask_weight(&nodes) == 1)
		return 0;
	args_without_weights(&read);
	stripes->thread_policy.mode = read.mode;
	stripes->thread_policy.mode_flags = read.mode_flags;
	policy_set_nodemask(&stripes->thread_policy, &nodes);
	return 1;
}

static int plan(struct planning *planning, const struct mpol_policy *policy,
		const struct iovec *ranges, size_t nr_ranges)
{
	uint64_t budget, nr_runs;
	int r = read_policy(planning, policy);

	if (r <= 0)
		return r;
	look_at_huge_pages(planning);
	r = ranges ? add_ranges(planning, ranges, nr_ranges) : add_all(planning);
	if (r < 0)
		return r;
	budget = budget_of(planning);
	nr_runs = choose_shifts(planning, budget);
	r = ranges ? choose_for_small(planning, budget, nr_runs) : 0;
	return r < 0 ? r : 1;
}

int mpol_stripes_new(const struct mpol_process *process, const struct mpol_policy *policy,
		     const struct iovec *ranges, size_t nr_ranges,
		     struct mpol_stripes **ret_stripes, struct mpol_error *error)
{
	_cleanup_(mpol_stripes_freep) struct mpol_stripes *stripes = calloc(1, sizeof(*stripes));
	_cleanup_(planning_free) struct planning planning = {
		.root = rootfs_open(NULL),
		.process = process,
		.stripes = stripes,
		.error = error,
	};
	int r;

	error_clear(error);
	if (!stripes)
		return error_errno(error, -ENOMEM, "cut into stripes");
	if (planning.root < 0)
		return error_errno(error, planning.root, "open /");
	stripes->pid = mpol_process_pid(process);
	stripes->start_ticks = mpol_process_start_ticks(process);
	r = plan(&planning, policy, ranges, nr_ranges);
	if (r < 0)
		return r;
	*ret_stripes = r ? steal_pointer(&stripes) : NULL;
	return 0;
}
