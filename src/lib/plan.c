/* SPDX-License-Identifier: MIT */
/*
 * Plans: what is to be done to a process to take a change back, or to give it
 * again what was intended.  What is right is decided in policy/correction; here
 * records and pictures of processes become its questions, and its answers calls.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cleanup.h"
#include "correction.h"
#include "error.h"
#include "grow.h"
#include "home-node.h"
#include "page.h"
#include "policy.h"
#include "ranges.h"
#include "rootfs.h"
#include "striped.h"

static const struct mpol_policy default_policy = { .mode = MPOL_MODE_DEFAULT };

struct mpol_plan {
	struct nodemask memory; /* nodes that have some */
	struct mpol_correction *corrections;
	size_t nr, allocated;
	struct mpol_policy **policies; /* of threads, that no change has as they are; owned */
	size_t nr_policies, policies_allocated;
	bool no_memory;
};

DEFINE_CLEANUP(struct mpol_plan *, mpol_plan_free);

void mpol_plan_free(struct mpol_plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->nr_policies; i++)
		free(plan->policies[i]);
	free(plan->policies);
	free(plan->corrections);
	free(plan);
}

size_t mpol_plan_nr_corrections(const struct mpol_plan *plan)
{
	return plan->nr;
}

const struct mpol_correction *mpol_plan_correction(const struct mpol_plan *plan, size_t index)
{
	return index < plan->nr ? &plan->corrections[index] : NULL;
}

static int new_plan(struct mpol_plan **ret_plan, struct mpol_error *error)
{
	_cleanup_close_ int root = rootfs_open(NULL);
	_cleanup_(mpol_plan_freep) struct mpol_plan *plan = calloc(1, sizeof(*plan));
	int r = root;

	if (!plan)
		return error_errno(error, -ENOMEM, "plan");
	if (r >= 0)
		r = rootfs_read_nodes(root, &plan->memory, "sys/devices/system/node/has_memory");
	if (r == -ENOENT)
		plan->memory = nodemask_of(0); /* a kernel without NUMA */
	else if (r < 0)
		return error_errno(error, r, "read nodes with memory");
	*ret_plan = steal_pointer(&plan);
	return 0;
}

/* The ranges of one change that follow each other with the same policies are one. */
static bool extends(const struct mpol_correction *last, const struct mpol_correction *next)
{
	return !last->tid && !next->tid && last->end == next->start && last->code == next->code &&
	       last->change_id == next->change_id && policy_equal(last->shown, next->shown) &&
	       policy_equal(last->wanted, next->wanted);
}

static void add(struct mpol_plan *plan, const struct mpol_correction *correction)
{
	struct mpol_correction *corrections;

	if (plan->nr && extends(&plan->corrections[plan->nr - 1], correction)) {
		plan->corrections[plan->nr - 1].end = correction->end;
		return;
	}
	corrections = grow(plan->corrections, plan->nr, &plan->allocated, sizeof(*corrections));
	if (!corrections) {
		plan->no_memory = true;
		return;
	}
	plan->corrections = corrections;
	plan->corrections[plan->nr++] = *correction;
}

/* Without a cpuset controller the kernel allows every node, also those without memory. */
static struct nodemask allowed_of(const struct mpol_thread *thread, const struct nodemask *memory)
{
	struct nodemask allowed;

	memcpy(&allowed, thread->mems_allowed, sizeof(allowed));
	return nodemask_and(&allowed, memory);
}

/* Of weights the interleave that the kernel has; of a home node what is nearest to it. */
static void make_for_threads(struct mpol_policy *policy)
{
	struct home_service service;
	struct mpol_args args;

	if (policy->mode_flags & MPOL_FLAG_HOME_NODE) {
		if (home_serve(policy, true, &service) == 0)
			*policy = service.thread_policy;
		return;
	}
	mpol_policy_to_args(policy, &args);
	args_without_weights(&args);
	policy->mode = args.mode;
	memset(policy->weights, 0, sizeof(policy->weights));
}

/* What a change means for threads.  NULL: no memory, which the plan remembers. */
static const struct mpol_policy *intended_for_threads(struct mpol_plan *plan,
						      const struct mpol_policy *intended)
{
	struct mpol_policy *policy, **policies;

	if (!policy_says_weights(intended) && !(intended->mode_flags & MPOL_FLAG_HOME_NODE))
		return intended;
	policy = calloc(1, sizeof(*policy));
	policies = grow(plan->policies, plan->nr_policies, &plan->policies_allocated,
			sizeof(*policies));
	if (policies)
		plan->policies = policies;
	if (!policy || !policies) {
		free(policy);
		plan->no_memory = true;
		return NULL;
	}
	*policy = *intended;
	make_for_threads(policy);
	return plan->policies[plan->nr_policies++] = policy;
}

/*
 * A range's own policy.  Where it shows what every thread has, nobody can tell: it is taken for its
 * own if it is what a change intended, else for none.  Of stripes it is the policy that they
 * make up.
 */
static const struct mpol_policy *own_policy(const struct mpol_process *process, size_t index,
					    const struct mpol_policy *intended)
{
	const struct mpol_vma *vma = mpol_process_vma(process, index);
	const struct mpol_striped *striped = striped_of(process, index);

	if (striped)
		return striped->policy;
	if (policy_says_weights(intended) && striped_follows(process, index, intended))
		return intended;
	if (vma->has_policy > 0 || (vma->has_policy < 0 && policy_shows_as(intended, vma->policy)))
		return vma->policy;
	return &default_policy;
}

/* Whether a change that was stopped in the middle may have left it: a node of its stripes. */
static bool is_half_done(const struct mpol_change *change, const struct mpol_policy *shown)
{
	const struct nodemask nodes = policy_nodemask(shown);
	const struct nodemask intended = policy_nodemask(change->intended);

	return !change->is_ended && policy_says_weights(change->intended) &&
	       shown->mode == MPOL_MODE_PREFERRED && nodemask_subset(&nodes, &intended);
}

/* The first range that ends above the address. */
static size_t first_vma(const struct mpol_process *process, uint64_t address)
{
	size_t low = 0, high = mpol_process_nr_vmas(process);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (mpol_process_vma(process, middle)->end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Threads, then ranges: a change may be about both. */
static bool is_about_threads(const struct mpol_change *change)
{
	return change->nr_replaced && change->replaced[0].tid;
}

static bool is_about(const struct mpol_change *change, const struct mpol_process *process)
{
	return change->pid == mpol_process_pid(process) &&
	       change->start_ticks == mpol_process_start_ticks(process);
}

/* ---- Taking back ------------------------------------------------------------------- */

struct undo {
	const struct mpol_change *change;
	const struct mpol_process *process;
	bool force;
	struct mpol_plan *plan;
	const struct mpol_policy *thread_policy; /* what the change gave to threads */
};

static void add_undo(const struct undo *undo, struct mpol_correction *correction,
		     const struct nodemask *allowed)
{
	const struct seen seen = { .shown = correction->shown, .allowed = *allowed };
	const struct mpol_policy *intended =
		correction->tid ? undo->thread_policy : undo->change->intended;

	correction->change_id = undo->change->id;
	switch (correction_undo(intended, correction->wanted, &seen)) {
	case CORRECTION_NONE:
		return;
	case CORRECTION_FOREIGN:
		if (!undo->force && !is_half_done(undo->change, correction->shown))
			correction->code = -ECANCELED;
		break;
	case CORRECTION_WANTED:
	default:
		break;
	}
	add(undo->plan, correction);
}

static void undo_thread(const struct undo *undo, const struct mpol_thread *thread)
{
	const struct nodemask allowed = allowed_of(thread, &undo->plan->memory);
	struct mpol_correction correction = {
		.tid = thread->tid,
		.start_ticks = thread->start_ticks,
		.shown = thread->policy,
		.wanted = correction_replaced(undo->change, thread->tid, thread->start_ticks),
	};

	if (undo->change->tid && undo->change->tid != thread->tid)
		return;
	if (correction.shown && correction.wanted)
		add_undo(undo, &correction, &allowed);
}

static void undo_range(const struct undo *undo, const struct mpol_replaced *replaced)
{
	const struct nodemask allowed =
		allowed_of(mpol_process_thread(undo->process, 0), &undo->plan->memory);
	const struct mpol_vma *vma;

	for (size_t i = first_vma(undo->process, replaced->start);
	     (vma = mpol_process_vma(undo->process, i)) && vma->start < replaced->end; i++) {
		struct mpol_correction correction = {
			.start = vma->start > replaced->start ? vma->start : replaced->start,
			.end = vma->end < replaced->end ? vma->end : replaced->end,
			.shown = own_policy(undo->process, i, undo->change->intended),
			.wanted = replaced->policy,
		};

		add_undo(undo, &correction, &allowed);
	}
}

static int check_process(const struct mpol_process *process, struct mpol_error *error)
{
	if (mpol_process_nr_threads(process))
		return 0;
	error_set(error, -ESRCH, "look at the threads", "it has ended");
	error_on(error, "process %d (%s)", mpol_process_pid(process), mpol_process_name(process));
	return -ESRCH;
}

int mpol_plan_undo(const struct mpol_change *change, const struct mpol_process *process,
		   unsigned int flags, struct mpol_plan **ret_plan, struct mpol_error *error)
{
	_cleanup_(mpol_plan_freep) struct mpol_plan *plan = NULL;
	struct undo undo = { change, process, flags & MPOL_PLAN_FORCE, NULL, NULL };
	int r;

	if (!is_about(change, process)) {
		error_set(error, -ESRCH, "plan", "it is not the process that was changed");
		error_on(error, "process %d (%s)", mpol_process_pid(process),
			 mpol_process_name(process));
		return -ESRCH;
	}
	r = check_process(process, error);
	if (r >= 0)
		r = new_plan(&plan, error);
	if (r < 0)
		return r;
	undo.plan = plan;
	undo.thread_policy = intended_for_threads(plan, change->intended);
	for (size_t i = 0;
	     is_about_threads(change) && undo.thread_policy && i < mpol_process_nr_threads(process);
	     i++)
		undo_thread(&undo, mpol_process_thread(process, i));
	for (size_t i = 0; i < change->nr_replaced; i++)
		if (!change->replaced[i].tid)
			undo_range(&undo, &change->replaced[i]);
	if (plan->no_memory)
		return error_errno(error, -ENOMEM, "plan");
	*ret_plan = steal_pointer(&plan);
	return 0;
}

/* ---- Putting right ----------------------------------------------------------------- */

/* The changes of a process that still count, newest first. */
struct changes {
	const struct mpol_change **items;
	size_t nr;
};

static void changes_free(struct changes *changes)
{
	free(changes->items);
}

static int find_changes(const struct mpol_journal *journal, const struct mpol_process *process,
			struct changes *ret_changes)
{
	size_t nr = mpol_journal_nr_changes(journal);

	ret_changes->items = calloc(nr + 1, sizeof(*ret_changes->items));
	if (!ret_changes->items)
		return -ENOMEM;
	while (nr-- > 0) {
		const struct mpol_change *change = mpol_journal_change(journal, nr);

		if (is_about(change, process) && !change->is_undone && !change->undoes &&
		    !change->reapplies)
			ret_changes->items[ret_changes->nr++] = change;
	}
	return 0;
}

/* The correction's wanted is what it should be. */
static void add_drift(struct mpol_plan *plan, const struct mpol_change *change,
		      struct mpol_correction *correction, const struct nodemask *allowed)
{
	const struct seen seen = { .shown = correction->shown, .allowed = *allowed };

	correction->change_id = change->id;
	switch (correction_drift(correction->wanted, &seen)) {
	case CORRECTION_NONE:
		return;
	case CORRECTION_FOREIGN:
		correction->code = -EACCES;
		break;
	case CORRECTION_WANTED:
	default:
		break;
	}
	add(plan, correction);
}

/* A change of all threads is meant for those, too, that they made since. */
static void compare_thread(struct mpol_plan *plan, const struct changes *changes,
			   const struct mpol_thread *thread)
{
	const struct nodemask allowed = allowed_of(thread, &plan->memory);
	struct mpol_correction correction = {
		.tid = thread->tid,
		.start_ticks = thread->start_ticks,
		.shown = thread->policy,
	};

	for (size_t i = 0; thread->policy && i < changes->nr; i++) {
		const struct mpol_change *change = changes->items[i];

		if (!is_about_threads(change) ||
		    (change->tid && (change->tid != thread->tid ||
				     change->replaced[0].start_ticks != thread->start_ticks)))
			continue;
		correction.wanted = intended_for_threads(plan, change->intended);
		if (correction.wanted)
			add_drift(plan, change, &correction, &allowed);
		return;
	}
}

/*
 * Cuts from [*start, end) what newer changes are about.  Returns the end of
 * the first piece that is left, or *start where none is.
 */
static uint64_t cut(const struct changes *changes, size_t nr_newer, uint64_t *start, uint64_t end)
{
	for (size_t i = 0; i < nr_newer; i++) {
		const struct mpol_change *newer = changes->items[i];

		for (size_t j = 0; j < newer->nr_replaced && *start < end; j++) {
			const struct mpol_replaced *range = &newer->replaced[j];

			if (range->tid || range->end <= *start || range->start >= end)
				continue;
			if (range->start <= *start)
				*start = range->end < end ? range->end : end;
			else
				end = range->start;
		}
	}
	return end;
}

/* What is there now may be something else than what was cut into stripes. */
static bool may_be_cut(const struct mpol_process *process, size_t index)
{
	const struct mpol_vma *vma = mpol_process_vma(process, index);

	return range_is_private_anonymous(vma->permissions, vma->name) &&
	       !range_is_left_out(process, index);
}

/* One range of change number index, as far as no newer change is about it. */
static void compare_range(struct mpol_plan *plan, const struct changes *changes, size_t index,
			  const struct mpol_replaced *range, const struct mpol_process *process)
{
	const struct nodemask allowed = allowed_of(mpol_process_thread(process, 0), &plan->memory);
	const struct mpol_vma *vma;

	for (size_t i = first_vma(process, range->start);
	     (vma = mpol_process_vma(process, i)) && vma->start < range->end; i++) {
		uint64_t start = vma->start > range->start ? vma->start : range->start;
		uint64_t end = vma->end < range->end ? vma->end : range->end;

		if (policy_says_weights(changes->items[index]->intended) && !may_be_cut(process, i))
			continue;
		while (start < end) {
			uint64_t piece_end = cut(changes, index, &start, end);
			struct mpol_correction correction = {
				.start = start,
				.end = piece_end,
				.shown = own_policy(process, i, changes->items[index]->intended),
				.wanted = changes->items[index]->intended,
			};

			if (start < piece_end)
				add_drift(plan, changes->items[index], &correction, &allowed);
			start = piece_end > start ? piece_end : end;
		}
	}
}

static void compare(struct mpol_plan *plan, const struct changes *changes,
		    const struct mpol_process *process)
{
	for (size_t i = 0; i < mpol_process_nr_threads(process); i++)
		compare_thread(plan, changes, mpol_process_thread(process, i));
	for (size_t i = 0; i < changes->nr; i++) {
		const struct mpol_change *change = changes->items[i];

		for (size_t j = 0; j < change->nr_replaced; j++)
			if (!change->replaced[j].tid)
				compare_range(plan, changes, i, &change->replaced[j], process);
	}
}

int mpol_plan_reapply(const struct mpol_journal *journal, const struct mpol_process *process,
		      struct mpol_plan **ret_plan, struct mpol_error *error)
{
	_cleanup_(mpol_plan_freep) struct mpol_plan *plan = NULL;
	_cleanup_(changes_free) struct changes changes = { 0 };
	int r = new_plan(&plan, error);

	if (r < 0)
		return r;
	if (find_changes(journal, process, &changes) < 0)
		return error_errno(error, -ENOMEM, "plan");
	r = check_process(process, error);
	if (r < 0)
		return r;
	compare(plan, &changes, process);
	if (plan->no_memory)
		return error_errno(error, -ENOMEM, "plan");
	*ret_plan = steal_pointer(&plan);
	return 0;
}

/* ---- Carrying out ------------------------------------------------------------------ */

/* The first failure is the one that is told. */
static void note(struct mpol_error *first, const struct mpol_error *error)
{
	if (first && !first->code)
		*first = *error;
}

static int correct_thread(const struct mpol_correction *correction, int pidfd,
			  struct mpol_error *error)
{
	struct mpol_policy policy = *correction->wanted;
	struct mpol_report report;
	struct mpol_args args;
	int r;

	mpol_policy_to_args(&policy, &args);
	args.error = error;
	r = mpol_process_apply(pidfd, correction->tid, &args, sizeof(args), &report);
	mpol_report_free(&report);
	return r;
}

/*
 * The ranges of corrections as calls take them: stripes in parts, since a call for thousands of
 * the kernel's ranges takes long.  Returns how many; free(3) *ret_ranges.
 */
static size_t cut_up(const struct mpol_correction *corrections, size_t nr,
		     struct iovec **ret_ranges)
{
	enum { PARTS = 64 };
	struct iovec *ranges = calloc(nr * PARTS, sizeof(*ranges));
	size_t nr_ranges = 0;

	for (size_t i = 0; ranges && i < nr; i++) {
		const uint64_t bytes = corrections[i].end - corrections[i].start;
		const uint64_t parts = policy_says_weights(corrections[i].shown) ? PARTS : 1;
		const uint64_t part_bytes = (bytes / parts / PAGE_BYTES + 1) * PAGE_BYTES;

		for (uint64_t at = corrections[i].start; at < corrections[i].end;
		     at += ranges[nr_ranges++].iov_len)
			ranges[nr_ranges] = (struct iovec) {
				.iov_base = (void *)(uintptr_t)at,
				.iov_len = corrections[i].end - at < part_bytes
						   ? corrections[i].end - at
						   : part_bytes,
			};
	}
	*ret_ranges = ranges;
	return nr_ranges;
}

static int correct_ranges(const struct mpol_correction *corrections, size_t nr, int pidfd,
			  struct mpol_error *error)
{
	_cleanup_free_ struct iovec *ranges = NULL;
	const size_t nr_ranges = cut_up(corrections, nr, &ranges);
	struct mpol_policy policy = *corrections->wanted;
	struct mpol_args args;

	if (!ranges)
		return error_errno(error, -ENOMEM, "mbind");
	mpol_policy_to_args(&policy, &args);
	args.error = error;
	return mpol_process_set_vma_mempolicy(pidfd, ranges, nr_ranges, &args, sizeof(args));
}

/* How many corrections from this one on can be made by one call. */
static size_t count_together(const struct mpol_plan *plan, size_t index)
{
	const struct mpol_correction *first = &plan->corrections[index];
	size_t nr = 1;

	while (!first->tid && index + nr < plan->nr && !plan->corrections[index + nr].tid &&
	       !plan->corrections[index + nr].code &&
	       policy_equal(plan->corrections[index + nr].wanted, first->wanted))
		nr++;
	return nr;
}

/* Ranges together or, where that fails, each for itself, to know which. */
static size_t correct_together(struct mpol_correction *corrections, size_t nr, int pidfd,
			       struct mpol_error *first)
{
	struct mpol_error error = { 0 };
	size_t nr_done = 0;

	if (nr > 1 && correct_ranges(corrections, nr, pidfd, &error) == 0)
		return nr;
	for (size_t i = 0; i < nr; i++) {
		int code = corrections[i].tid ? correct_thread(&corrections[i], pidfd, &error)
					      : correct_ranges(&corrections[i], 1, pidfd, &error);

		corrections[i].code = code;
		nr_done += code == 0;
		if (code < 0)
			note(first, &error);
	}
	return nr_done;
}

size_t mpol_plan_carry_out(struct mpol_plan *plan, int pidfd, struct mpol_error *error)
{
	size_t nr_done = 0;

	error_clear(error);
	for (size_t i = 0; i < plan->nr;) {
		size_t nr = count_together(plan, i);

		if (!plan->corrections[i].code)
			nr_done += correct_together(&plan->corrections[i], nr, pidfd, error);
		i += nr;
	}
	return nr_done;
}
