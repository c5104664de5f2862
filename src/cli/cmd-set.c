/* SPDX-License-Identifier: MIT */
/* mpol set: changes the policy of the threads of running processes. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "arguments.h"
#include "error-json.h"
#include "error.h"
#include "homing.h"
#include "journaling.h"
#include "moving.h"
#include "policies.h"
#include "report.h"
#include "striping.h"
#include "targets.h"
#include "units.h"
#include "verbs.h"

struct set_options {
	struct targets targets;
	struct journaling journaling;
	struct mpol_policy policy;
	pid_t tid; /* 0: every thread */
	bool move;
	bool dry_run;
};

static void options_free(struct set_options *options)
{
	targets_free(&options->targets);
	journaling_free(&options->journaling);
}

/* One process, before anything is done to it. */
struct set_job {
	struct set_options *options;
	struct mpol_process *process;
	struct policies before;
	struct mpol_stripes *stripes; /* NULL: none are needed */
	struct mpol_stripes_result striped;
	struct homing homing; /* empty: no home node */
	struct mpol_move_result moved;
};

static void job_free(struct set_job *job)
{
	homing_free(&job->homing);
	mpol_stripes_free(job->stripes);
	policies_free(&job->before);
	mpol_process_free(job->process);
}

/* What the threads get: of weights that the kernel does not have, its own; no home node. */
static const struct mpol_policy *thread_policy(const struct set_job *job)
{
	if (job->homing.home)
		return &job->homing.home->thread_policy;
	return job->stripes ? mpol_stripes_thread_policy(job->stripes) : &job->options->policy;
}

/* "default" or "default (3 threads), bind:0 (1 thread)" */
static void print_before(const struct policies *before)
{
	for (size_t i = 0; i < before->nr; i++) {
		char policy[POLICY_TEXT_SIZE];

		printf("%s%s", i ? ", " : "", policy_text(before->counts[i].policy, policy));
		if (before->nr > 1)
			printf(" (%zu)", before->counts[i].nr_threads);
	}
}

static void print_object(const struct set_job *job)
{
	char name[64];

	if (job->options->tid)
		printf("thread %d of ", job->options->tid);
	printf("process %d (%s): ", mpol_process_pid(job->process),
	       report_printable(mpol_process_name(job->process), name, sizeof(name)));
}

static json_t *job_json(const struct set_job *job)
{
	return json_pack("{s:i, s:o, s:o, s:o, s:b, s:o}", "pid", mpol_process_pid(job->process),
			 "name", json_text(mpol_process_name(job->process)), "thread",
			 job->options->tid ? json_integer(job->options->tid) : json_null(),
			 "policy", policy_json(&job->options->policy), "dry_run",
			 job->options->dry_run, "before", policies_json(&job->before));
}

static json_t *dry_run_json(const struct set_job *job)
{
	json_t *document = job_json(job);

	json_object_set_new(document, "stripes", striping_json(job->stripes, NULL));
	json_object_set_new(document, "home", homing_json(&job->homing, false));
	return document;
}

static void print_dry_run(const struct set_job *job)
{
	size_t nr_threads = job->options->tid ? 1 : mpol_process_nr_threads(job->process);
	char policy[POLICY_TEXT_SIZE];

	print_object(job);
	printf("would change %zu %s from ", nr_threads, nr_threads > 1 ? "threads" : "thread");
	print_before(&job->before);
	printf(" to %s\n", policy_text(thread_policy(job), policy));
	if (job->homing.home)
		homing_print(&job->homing, false);
	if (!job->stripes)
		return;
	printf("  %s: ", policy_text(&job->options->policy, policy));
	striping_print_plan(job->stripes);
	printf("\n");
}

static json_t *applied_json(const struct set_job *job, const struct mpol_report *report)
{
	json_t *document = job_json(job), *threads = json_array();

	for (size_t i = 0; i < report->nr_threads; i++) {
		const struct mpol_thread_result *result = &report->threads[i];
		const char *code = result->code ? strerrorname_np(-result->code) : NULL;

		json_array_append_new(threads,
				      json_pack("{s:i, s:s?, s:I}", "tid", result->tid, "error",
						code, "stop_ns", (json_int_t)result->stop_ns));
	}
	json_object_set_new(document, "threads", threads);
	json_object_set_new(document, "changed", json_integer((json_int_t)report->nr_changed));
	json_object_set_new(document, "longest_stop_ns",
			    json_integer((json_int_t)report->longest_stop_ns));
	json_object_set_new(document, "stripes", striping_json(job->stripes, &job->striped));
	json_object_set_new(document, "home", homing_json(&job->homing, true));
	if (job->options->move)
		moving_add_json(document, &job->moved);
	return document;
}

static void print_report(const struct set_job *job, const struct mpol_report *report)
{
	char policy[POLICY_TEXT_SIZE], stop[32];

	print_object(job);
	printf("%zu of %zu %s changed from ", report->nr_changed, report->nr_threads,
	       report->nr_threads > 1 ? "threads" : "thread");
	print_before(&job->before);
	printf(" to %s; longest stop %s", policy_text(thread_policy(job), policy),
	       units_format_duration(report->longest_stop_ns, stop, sizeof(stop)));
	if (job->options->move)
		moving_print(&job->moved);
	printf("\n");
	moving_print_stayed(&job->moved);
	if (job->homing.home)
		homing_print(&job->homing, true);
	if (!job->stripes)
		return;
	printf("  %s: ", policy_text(&job->options->policy, policy));
	striping_print_result(job->stripes, &job->striped);
}

/* Records what the threads, and the ranges that are changed, have now and are to get. */
static int record(const struct set_job *job, uint64_t *ret_id, struct mpol_error *error)
{
	const struct set_options *options = job->options;
	size_t nr_threads = mpol_process_nr_threads(job->process);
	_cleanup_free_ struct mpol_replaced *replaced = calloc(nr_threads + 1, sizeof(*replaced));
	struct mpol_change change = journaling_change("set", job->process, &options->policy);

	if (!replaced)
		return error_errno(error, -ENOMEM, "write journal");
	for (size_t i = 0; i < nr_threads; i++) {
		const struct mpol_thread *thread = mpol_process_thread(job->process, i);

		if (thread->policy && (!options->tid || options->tid == thread->tid))
			replaced[change.nr_replaced++] = (struct mpol_replaced) {
				.tid = thread->tid,
				.start_ticks = thread->start_ticks,
				.policy = thread->policy,
			};
	}
	change.tid = options->tid;
	if (job->stripes &&
	    striping_record(job->process, job->stripes, &replaced, &change.nr_replaced) < 0)
		return error_errno(error, -ENOMEM, "write journal");
	if (job->homing.home &&
	    homing_record(&job->homing, job->process, &replaced, &change.nr_replaced) < 0)
		return error_errno(error, -ENOMEM, "write journal");
	change.replaced = replaced;
	return journaling_begin(&job->options->journaling, &change, ret_id, error);
}

/* Changes the threads and says so.  Returns as a target_fn. */
static int apply(struct set_job *job, json_t **ret_document, struct mpol_error *error)
{
	_cleanup_(mpol_report_free) struct mpol_report report = { 0 };
	_cleanup_close_ int pidfd = argument_pidfd(job->process, error);
	struct mpol_policy policy = *thread_policy(job);
	struct mpol_args args;
	uint64_t id = 0;
	int r = pidfd;

	if (r >= 0)
		r = record(job, &id, error);
	if (r >= 0) {
		mpol_policy_to_args(&policy, &args);
		args.error = error;
		r = mpol_process_apply(pidfd, job->options->tid, &args, sizeof(args), &report);
		if (r >= 0 && job->stripes)
			r = mpol_stripes_carry_out(job->stripes, pidfd, &job->striped, error);
		if (r >= 0 && job->homing.home)
			r = homing_carry_out(&job->homing, pidfd, error);
		journaling_end(&job->options->journaling, "set", id,
			       report.nr_changed + job->striped.nr_ranges + job->homing.nr_given);
	}
	if (r < 0 && !report.nr_changed)
		return VERB_FAILED;
	if (r >= 0 && job->options->move)
		r = moving_follow(pidfd, job->homing.home ? &job->homing.policy : &policy, NULL,
				  &job->moved, error);
	if (job->options->targets.json)
		*ret_document = applied_json(job, &report);
	else
		print_report(job, &report);
	return r < 0 || moving_incomplete(&job->moved) ? VERB_PARTIAL : VERB_OK;
}

/* Of a policy that ranges may have and threads not: other weights than the kernel's, a home node.
 */
static unsigned int needs_ranges(const struct set_options *options)
{
	const bool weighted = options->policy.mode == MPOL_MODE_WEIGHTED_INTERLEAVE;
	const bool homed = options->policy.mode_flags & MPOL_FLAG_HOME_NODE;

	return MPOL_PROCESS_THREADS | (weighted || homed ? MPOL_PROCESS_VMAS : 0);
}

/* One thread has none: the refusal comes from trying. */
static int plan_home(struct set_job *job, struct mpol_error *error)
{
	const struct set_options *options = job->options;

	if (options->tid)
		return 0;
	return homing_plan(job->process, &options->policy, &job->homing, error);
}

/* Memory is the process's: one of several threads cannot have weights of its own. */
static int plan_stripes(struct set_job *job, struct mpol_error *error)
{
	const struct set_options *options = job->options;
	int r = mpol_stripes_new(job->process, &options->policy, NULL, 0, &job->stripes, error);

	if (r < 0 || !job->stripes || !options->tid || mpol_process_nr_threads(job->process) == 1)
		return r;
	error_set(error, -EOPNOTSUPP, "check weights",
		  "weights other than the kernel's are for memory, which all threads share");
	error_on(error, "thread %d of process %d (%s)", options->tid,
		 mpol_process_pid(job->process), mpol_process_name(job->process));
	error_advise(error, "leave --thread out, or set the kernel's weights: mpol weights set");
	return -EOPNOTSUPP;
}

/* The whole work on one process. */
static int set_process(const struct target *target, json_t **ret_document, struct mpol_error *error)
{
	struct set_options *options = target->user;
	_cleanup_(job_free) struct set_job job = { .options = options };

	if (targets_process(target, needs_ranges(options), &job.process, error) < 0 ||
	    policies_count(job.process, options->tid, &job.before, error) < 0 ||
	    plan_stripes(&job, error) < 0 || plan_home(&job, error) < 0)
		return VERB_FAILED;
	if (target->pid != mpol_process_pid(job.process) && !options->tid)
		fprintf(stderr,
			"mpol set: %d is a thread of process %d: all its threads are meant\n"
			"  --thread %d means that one alone\n",
			target->pid, mpol_process_pid(job.process), target->pid);
	if (!options->dry_run)
		return apply(&job, ret_document, error);
	if (options->targets.json)
		*ret_document = dry_run_json(&job);
	else
		print_dry_run(&job);
	return VERB_OK;
}

/* What stands on the command line, as it stands there. */
struct set_words {
	char **targets;
	size_t nr_targets;
	const char *policy;
	const char *thread; /* NULL: every thread */
};

static int parse_options(int argc, char **argv, struct set_options *options,
			 struct set_words *ret_words)
{
	static const struct option longs[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "move", no_argument, NULL, 'm' },
		{ "thread", required_argument, NULL, 't' },
		JOURNALING_LONGS,
		TARGETS_LONGS,
		{ 0 },
	};
	struct set_words words = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (targets_option(&options->targets, option, optarg) ||
		    journaling_option(&options->journaling, option, optarg))
			continue;
		switch (option) {
		case 'n':
			options->dry_run = true;
			options->targets.once = true;
			break;
		case 'm':
			options->move = true;
			break;
		case 't':
			words.thread = optarg;
			break;
		default:
			return VERB_USAGE;
		}
	}
	if (argc - optind < (targets_selected(&options->targets) ? 1 : 2)) {
		fprintf(stderr, "mpol set: takes processes and a policy, as in mpol set 4240 "
				"bind:0-1\n  mpol set --help\n");
		return VERB_USAGE;
	}
	words.targets = argv + optind;
	words.nr_targets = argc - optind - 1;
	words.policy = argv[argc - 1];
	*ret_words = words;
	return VERB_OK;
}

/* Understands the words; nothing has been tried when they are bad. */
static int read_words(const struct set_words *words, struct set_options *options,
		      struct mpol_error *error)
{
	int r = targets_read(&options->targets, words->targets, words->nr_targets, error);

	if (r >= 0)
		r = argument_policy(words->policy, &options->policy, error);
	if (r >= 0 && options->move)
		r = moving_check(&options->policy, error);
	if (r >= 0 && words->thread)
		r = argument_pid(words->thread, &options->tid, error);
	if (r >= 0 && words->thread && words->nr_targets != 1) {
		error_set(error, -EINVAL, "read options", "a thread belongs to one process");
		error_on(error, "--thread %s", words->thread);
		error_advise(error, "name that process alone");
		return -EINVAL;
	}
	return r;
}

int cmd_set(int argc, char **argv)
{
	_cleanup_(options_free) struct set_options options = { .targets = { .verb = "set" } };
	struct set_words words;
	struct mpol_error error;
	int r = parse_options(argc, argv, &options, &words);

	if (r != VERB_OK)
		return r;
	if (read_words(&words, &options, &error) < 0) {
		report_error("set", options.targets.json, &error);
		return VERB_USAGE;
	}
	if (!options.dry_run && journaling_open(&options.journaling, true, &error) < 0)
		return report_error("set", options.targets.json, &error);
	options.targets.user = &options;
	return targets_run(&options.targets, set_process);
}
