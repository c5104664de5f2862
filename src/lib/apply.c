/* SPDX-License-Identifier: MIT */
/*
 * Changing the policy of the threads of a process, also of one's own: each
 * makes the call itself, in a short stop (host/remote.h).
 *
 * A thread hands its policy to those that it creates, so threads made while we
 * work may have the old one: the list is read again until it holds nobody new.
 * A thread is known by its id and start time, since ids are used again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "args.h"
#include "cleanup.h"
#include "error.h"
#include "remote.h"
#include "stripes-internal.h"
#include "target.h"

DEFINE_CLEANUP(struct mpol_process *, mpol_process_free);

/* More passes than any program needs that does not make threads without end. */
#define MAX_PASSES 64

struct apply {
	const struct target *target;
	const struct mpol_args *args;
	struct remote *remote;
	struct remote_call call;
	struct mpol_thread_result *results;
	uint64_t *start_ticks; /* parallel to results */
	size_t nr_results;
	size_t allocated;
	size_t nr_changed;
	uint64_t longest_stop_ns;
	struct mpol_error first; /* the first failure */
};

static void apply_free(struct apply *apply)
{
	remote_close(apply->remote);
	free(apply->results);
	free(apply->start_ticks);
}

static bool seen(const struct apply *apply, const struct process_thread *thread)
{
	for (size_t i = 0; i < apply->nr_results; i++)
		if (apply->results[i].tid == thread->tid &&
		    apply->start_ticks[i] == thread->start_ticks)
			return true;
	return false;
}

static int add_result(struct apply *apply, const struct process_thread *thread, int code,
		      uint64_t stop_ns)
{
	if (apply->nr_results == apply->allocated) {
		size_t allocated = apply->allocated * 2 + 16;
		void *results, *ticks;

		results = reallocarray(apply->results, allocated, sizeof(*apply->results));
		if (!results)
			return -ENOMEM;
		apply->results = results;
		ticks = reallocarray(apply->start_ticks, allocated, sizeof(*apply->start_ticks));
		if (!ticks)
			return -ENOMEM;
		apply->start_ticks = ticks;
		apply->allocated = allocated;
	}
	apply->start_ticks[apply->nr_results] = thread->start_ticks;
	apply->results[apply->nr_results++] = (struct mpol_thread_result) {
		.tid = thread->tid,
		.code = code,
		.stop_ns = stop_ns,
	};
	if (stop_ns > apply->longest_stop_ns)
		apply->longest_stop_ns = stop_ns;
	apply->nr_changed += code == 0;
	return 0;
}

/* Has the thread make the call.  Returns 0 or why not, with *err filled in. */
static int run_thread(struct apply *apply, const struct process_thread *thread,
		      uint64_t *ret_stop_ns, struct mpol_error *err)
{
	struct remote_call call = apply->call;
	struct remote_batch batch = {
		.calls = &call,
		.nr_calls = 1,
		.arguments = apply->args->policy_nodemask,
		.arguments_bytes = sizeof(struct nodemask),
	};
	struct mpol_args explained = *apply->args;
	int r;

	if (!process_thread_is_user(thread)) {
		error_set(err, -EOPNOTSUPP, "set_mempolicy",
			  "it is a worker of the kernel's and makes no calls of its own");
		error_on(err, "thread %d of process %d (%s)", thread->tid, thread->tgid,
			 apply->target->leader.name);
		return -EOPNOTSUPP;
	}
	r = remote_run(apply->remote, thread->tid, &batch, err);
	*ret_stop_ns = batch.stop_ns;
	if (r < 0 || call.result >= 0)
		return r;
	explained.error = err;
	r = args_explain(&explained, (int)call.result, "set_mempolicy", &thread->mems_allowed);
	error_on(err, "thread %d of process %d (%s)", thread->tid, thread->tgid,
		 apply->target->leader.name);
	return r;
}

/* Opens the session unless it is; the number is still the target's once that is done. */
static int open_session(struct apply *apply)
{
	struct mpol_error err = { 0 };
	int r;

	if (apply->remote)
		return 0;
	r = remote_open(apply->target->leader.tid, 0, &apply->remote, &err);
	if (r >= 0)
		r = target_check_alive(apply->target, &err);
	if (r < 0 && !apply->first.code)
		apply->first = err;
	return r;
}

/* One of our own needs no stop to make the call. */
static int change_self(struct apply *apply, struct mpol_error *err)
{
	struct mpol_args args = *apply->args;

	args.error = err;
	return mpol_set_mempolicy(&args, sizeof(args));
}

/* Returns 0 to go on, also after the thread's failure; negative: not worth going on. */
static int change_thread(struct apply *apply, const struct process_thread *thread)
{
	struct mpol_error err = { 0 };
	bool first = !apply->nr_results;
	uint64_t stop_ns = 0;
	int code, r;

	if (thread->tid == gettid()) {
		code = change_self(apply, &err);
	} else {
		r = open_session(apply);
		if (r < 0)
			return r;
		code = run_thread(apply, thread, &stop_ns, &err);
	}
	if (code == -ESRCH) {
		/* It has ended, or the process has exec'd and the session is of the old program. */
		remote_close(apply->remote);
		apply->remote = NULL;
		return 0;
	}
	r = add_result(apply, thread, code, stop_ns);
	if (r < 0)
		return r;
	if (code < 0 && !apply->first.code)
		apply->first = err;
	/* The kernel's own no to the policy would be the same for the others. */
	return first && code == -EINVAL ? code : 0;
}

/* One look at the list.  *ret_new: how many of it were not known. */
static int pass(struct apply *apply, size_t *ret_new)
{
	const struct target *target = apply->target;
	_cleanup_free_ pid_t *tids = NULL;
	size_t nr = 0, new = 0;
	int r;

	r = process_list_threads(target->root, target->leader.tid, &tids, &nr);
	if (r < 0)
		return r;
	for (size_t i = 0; i < nr; i++) {
		struct process_thread thread;

		if (target->tid && tids[i] != target->tid)
			continue;
		r = process_read_thread(target->root, target->leader.tid, tids[i], &thread);
		if (r == -ESRCH || (r >= 0 && process_thread_has_ended(&thread)))
			continue;
		if (r >= 0 && seen(apply, &thread))
			continue;
		if (r >= 0)
			r = change_thread(apply, &thread);
		if (r < 0)
			return r;
		new ++;
	}
	*ret_new = new;
	return 0;
}

static int pass_until_nobody_new(struct apply *apply)
{
	size_t new = 1;

	for (int i = 0; new; i++) {
		int r;

		if (i == MAX_PASSES)
			return -EAGAIN;
		r = pass(apply, &new);
		if (r < 0)
			return r;
	}
	return apply->nr_results ? 0 : -ESRCH;
}

/* The first failure, with how far the work got. */
static int conclude(struct apply *apply, int r)
{
	struct mpol_error *err = apply->args->error;
	char progress[64] = "";

	if (apply->nr_changed)
		snprintf(progress, sizeof(progress), "; %zu of %zu threads were changed",
			 apply->nr_changed, apply->nr_results);
	if (apply->first.code) {
		r = apply->first.code;
		if (err) {
			*err = apply->first;
			strncat(err->cause, progress, sizeof(err->cause) - strlen(err->cause) - 1);
		}
	} else if (r == -EAGAIN) {
		error_set(err, r, "set_mempolicy",
			  "it makes threads faster than they can be changed%s", progress);
		error_on(err, "process %d (%s)", apply->target->leader.tid,
			 apply->target->leader.name);
		error_advise(err, "try again when it is quieter");
	} else if (r == -ESRCH && apply->target->tid) {
		error_set(err, r, "set_mempolicy", "it has no such thread, or no longer");
		error_on(err, "thread %d of process %d (%s)", apply->target->tid,
			 apply->target->leader.tid, apply->target->leader.name);
	} else if (r < 0) {
		target_error(err, r, "set_mempolicy", &apply->target->leader);
	}
	return r;
}

static void give_report(struct apply *apply, struct mpol_report *ret_report)
{
	*ret_report = (struct mpol_report) {
		.nr_threads = apply->nr_results,
		.nr_changed = apply->nr_changed,
		.longest_stop_ns = apply->longest_stop_ns,
		.threads = steal_pointer(&apply->results),
	};
}

static int apply_remote(const struct target *target, const struct mpol_args *args,
			struct mpol_report *ret_report)
{
	_cleanup_(apply_free) struct apply apply = {
		.target = target,
		.args = args,
		.call = {
			.number = SYS_set_mempolicy,
			.args = { (unsigned long)args_kernel_mode(args), 0,
				  args_kernel_maxnode(args) },
			.argument_mask = 1U << 1,
		},
	};
	int r;

	r = conclude(&apply, pass_until_nobody_new(&apply));
	give_report(&apply, ret_report);
	return r;
}

/* Whether only one of several threads is meant, which cannot have weights of its own. */
static bool is_one_of_several(const struct target *target)
{
	_cleanup_free_ pid_t *tids = NULL;
	size_t nr = 0;

	return target->tid &&
	       (process_list_threads(target->root, target->leader.tid, &tids, &nr) < 0 || nr > 1);
}

/*
 * Weights that the kernel does not have: its own interleave for the threads, and stripes for the
 * memory that is there.  All that can be found to be impossible is found before anything changes.
 */
static int apply_weights(struct target *target, struct mpol_args *args,
			 struct mpol_report *ret_report)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	_cleanup_(mpol_stripes_freep) struct mpol_stripes *stripes = NULL;
	struct mpol_stripes_result result = { 0 };
	struct mpol_policy policy;
	int r;

	if (is_one_of_several(target))
		return args_refuse_weights(args);
	target->tid = 0;
	r = args_own_weights(args, &policy);
	if (r == 0)
		r = mpol_process_new(NULL, target->leader.tid, MPOL_PROCESS_VMAS, &process,
				     args->error);
	if (r == 0)
		r = mpol_stripes_new(process, &policy, NULL, 0, &stripes, args->error);
	if (r < 0)
		return r;
	args_without_weights(args);
	r = apply_remote(target, args, ret_report);
	if (r == 0 && stripes)
		r = stripes_carry_out(stripes, target, &result, args->error);
	ret_report->stripes = result;
	return r;
}

int mpol_process_apply(int pidfd, pid_t tid, const struct mpol_args *user, size_t size,
		       struct mpol_report *ret_report)
{
	_cleanup_(target_close) struct target target = { .root = -1 };
	struct nodemask nodes;
	struct mpol_args args;
	int own, r;

	*ret_report = (struct mpol_report) { 0 };
	own = args_read_wish(user, size, false, &args, &nodes);
	if (own < 0)
		return own;
	r = target_open(pidfd, &target, args.error);
	if (r < 0)
		return r;
	if (tid)
		target.tid = tid;
	return own ? apply_weights(&target, &args, ret_report)
		   : apply_remote(&target, &args, ret_report);
}

int mpol_process_set_mempolicy(int pidfd, const struct mpol_args *args, size_t size)
{
	struct mpol_report report;
	int r = mpol_process_apply(pidfd, 0, args, size, &report);

	mpol_report_free(&report);
	return r;
}

void mpol_report_free(struct mpol_report *report)
{
	free(report->threads);
	*report = (struct mpol_report) { 0 };
}
