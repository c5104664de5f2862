/* SPDX-License-Identifier: MIT */
/* mpol set: changes the policy of a running process's threads. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "arguments.h"
#include "policies.h"
#include "report.h"
#include "units.h"
#include "verbs.h"

struct set_options {
	const char *pid;
	const char *policy;
	const char *thread; /* NULL: every thread */
	bool dry_run;
	bool json;
};

/* What is to be done, and to whom. */
struct set_job {
	const struct set_options *options;
	struct mpol_process *process;
	struct policies before;
	struct mpol_policy policy;
	pid_t tid; /* 0: every thread */
};

static void job_free(struct set_job *job)
{
	policies_free(&job->before);
	mpol_process_free(job->process);
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

	if (job->tid)
		printf("thread %d of ", job->tid);
	printf("process %d (%s): ", mpol_process_pid(job->process),
	       report_printable(mpol_process_name(job->process), name, sizeof(name)));
}

static json_t *job_json(const struct set_job *job)
{
	return json_pack("{s:i, s:o, s:o, s:o, s:b, s:o}", "pid", mpol_process_pid(job->process),
			 "name", report_string(mpol_process_name(job->process)), "thread",
			 job->tid ? json_integer(job->tid) : json_null(), "policy",
			 policy_json(&job->policy), "dry_run", job->options->dry_run, "before",
			 policies_json(&job->before));
}

static int dry_run(const struct set_job *job)
{
	size_t nr_threads = job->tid ? 1 : mpol_process_nr_threads(job->process);
	char policy[POLICY_TEXT_SIZE];

	if (job->options->json)
		return report_json(job_json(job));
	print_object(job);
	printf("would change %zu %s from ", nr_threads, nr_threads > 1 ? "threads" : "thread");
	print_before(&job->before);
	printf(" to %s\n", policy_text(&job->policy, policy));
	return VERB_OK;
}

static json_t *report_json_document(const struct set_job *job, const struct mpol_report *report,
				    const struct mpol_error *error)
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
	if (error)
		json_object_set_new(document, "error", report_error_json(error));
	return document;
}

static void print_report(const struct set_job *job, const struct mpol_report *report)
{
	char policy[POLICY_TEXT_SIZE], stop[32];

	print_object(job);
	printf("%zu of %zu %s changed from ", report->nr_changed, report->nr_threads,
	       report->nr_threads > 1 ? "threads" : "thread");
	print_before(&job->before);
	printf(" to %s; longest stop %s\n", policy_text(&job->policy, policy),
	       units_format_duration(report->longest_stop_ns, stop, sizeof(stop)));
}

static int apply(struct set_job *job)
{
	_cleanup_(mpol_report_free) struct mpol_report report = { 0 };
	struct mpol_error error = { 0 };
	_cleanup_close_ int pidfd = argument_pidfd(job->process, &error);
	struct mpol_args args;
	int r = pidfd;

	if (r >= 0) {
		mpol_policy_to_args(&job->policy, &args);
		args.error = &error;
		r = mpol_process_apply(pidfd, job->tid, &args, sizeof(args), &report);
	}
	if (r < 0 && !report.nr_changed)
		return report_error("set", job->options->json, &error);
	if (r < 0)
		report_error_words("set", &error);
	if (!job->options->json)
		print_report(job, &report);
	else if (report_json(report_json_document(job, &report, r < 0 ? &error : NULL)) != VERB_OK)
		return VERB_FAILED;
	return r < 0 ? VERB_PARTIAL : VERB_OK;
}

static int parse_options(int argc, char **argv, struct set_options *ret_options)
{
	static const struct option longs[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "thread", required_argument, NULL, 't' },
		{ 0 },
	};
	struct set_options options = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 'n':
			options.dry_run = true;
			break;
		case 'j':
			options.json = true;
			break;
		case 't':
			options.thread = optarg;
			break;
		default:
			return VERB_USAGE;
		}
	}
	if (argc - optind != 2) {
		fprintf(stderr, "mpol set: takes a process id and a policy, as in mpol set 4240 "
				"bind:0-1\n  mpol set --help\n");
		return VERB_USAGE;
	}
	options.pid = argv[optind];
	options.policy = argv[optind + 1];
	*ret_options = options;
	return VERB_OK;
}

/* Reads the arguments; nothing has been tried when they are bad. */
static int read_arguments(struct set_job *job, pid_t *ret_pid, struct mpol_error *error)
{
	const struct set_options *options = job->options;
	int r = argument_pid(options->pid, ret_pid, error);

	if (r >= 0)
		r = argument_policy(options->policy, &job->policy, error);
	if (r >= 0 && options->thread)
		r = argument_pid(options->thread, &job->tid, error);
	return r;
}

int cmd_set(int argc, char **argv)
{
	struct set_options options;
	_cleanup_(job_free) struct set_job job = { .options = &options };
	struct mpol_error error;
	pid_t pid;
	int r = parse_options(argc, argv, &options);

	if (r != VERB_OK)
		return r;
	if (read_arguments(&job, &pid, &error) < 0) {
		report_error("set", options.json, &error);
		return VERB_USAGE;
	}
	if (mpol_process_new(NULL, pid, MPOL_PROCESS_THREADS, &job.process, &error) < 0 ||
	    policies_count(job.process, job.tid, &job.before, &error) < 0)
		return report_error("set", options.json, &error);
	if (pid != mpol_process_pid(job.process) && !job.tid)
		fprintf(stderr,
			"mpol set: %d is a thread of process %d: all its threads are meant\n"
			"  --thread %d means that one alone\n",
			pid, mpol_process_pid(job.process), pid);
	return options.dry_run ? dry_run(&job) : apply(&job);
}
