/* SPDX-License-Identifier: MIT */
/* mpol rebalance: moves the pages of processes to where their policies put new ones. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "arguments.h"
#include "error-json.h"
#include "error.h"
#include "journaling.h"
#include "moving.h"
#include "page.h"
#include "policies.h"
#include "rebalance-watch.h"
#include "report.h"
#include "targets.h"
#include "verbs.h"

#define DEFAULT_BANDWIDTH_BYTES 1000000000UL

/* Asked to stop, by SIGINT or SIGTERM. */
static volatile sig_atomic_t stopped;

struct rebalance_options {
	struct targets targets;
	struct journaling journaling;
	bool has_policy;
	struct mpol_policy policy;
	bool drains;
	unsigned long drained[MPOL_NODE_WORDS];
	uint64_t bandwidth_bytes;
	bool shared;
	bool dry_run;
	bool watches;
	struct rebalance_watch watch;
	uint64_t nr_looks; /* at all of them */
};

static void options_free(struct rebalance_options *options)
{
	targets_free(&options->targets);
	journaling_free(&options->journaling);
	rebalance_watch_free(&options->watch);
}

/* One process. */
struct rebalance_job {
	struct rebalance_options *options;
	struct mpol_process *process;
	const struct mpol_policy *policy; /* NULL: what its threads have */
	struct mpol_rebalance_result result;
	struct moving_progress progress;
};

static void job_free(struct rebalance_job *job)
{
	mpol_process_free(job->process);
}

/* ---- Reports ----------------------------------------------------------------------- */

static uint64_t sum(const uint64_t *pages)
{
	uint64_t all = 0;

	for (int node = 0; node < MPOL_NODES_MAX; node++)
		all += pages[node];
	return all;
}

/* "node 0: 75.0 % (was 50.0 %), node 1: 25.0 % (was 50.0 %)" */
static void print_split(const struct mpol_rebalance_result *result)
{
	const double all = (double)sum(result->after_pages);
	const char *separator = "  ";

	for (int node = 0; node < MPOL_NODES_MAX && all > 0; node++) {
		const uint64_t before = result->before_pages[node];
		const uint64_t after = result->after_pages[node];

		if (!before && !after && !result->wanted_pages[node])
			continue;
		printf("%snode %d: %.1f %% (was %.1f %%)", separator, node,
		       100 * (double)after / all, 100 * (double)before / all);
		separator = ", ";
	}
	if (all > 0)
		printf("\n");
}

static void print_result(const struct rebalance_job *job)
{
	const struct mpol_rebalance_result *result = &job->result;
	char name[64], moved[32], wanted[32], looked[32];

	printf("process %d (%s): ", mpol_process_pid(job->process),
	       report_printable(mpol_process_name(job->process), name, sizeof(name)));
	moving_pages_words(result->examined_pages, looked, sizeof(looked));
	moving_pages_words(result->least_pages, wanted, sizeof(wanted));
	moving_pages_words(result->moved_pages, moved, sizeof(moved));
	if (!result->ranges)
		printf("nothing to do: no policy says where its memory is to be\n");
	else if (!result->least_pages)
		printf("nothing to move: %s lie as wished\n", looked);
	else if (job->options->dry_run)
		printf("would move %s of %s\n", wanted, looked);
	else
		printf("moved %s of %s that had to move, of %s\n", moved, wanted, looked);
	print_split(result);
	moving_print_failures(result->failed_pages);
}

static json_t *split_json(const struct mpol_rebalance_result *result)
{
	json_t *nodes = json_array();

	for (int node = 0; node < MPOL_NODES_MAX; node++) {
		const uint64_t before = result->before_pages[node];
		const uint64_t wanted = result->wanted_pages[node];
		const uint64_t after = result->after_pages[node];

		if (before || wanted || after)
			json_array_append_new(
				nodes, json_pack("{s:i, s:I, s:I, s:I}", "node", node,
						 "before_bytes", (json_int_t)(before * PAGE_BYTES),
						 "wanted_bytes", (json_int_t)(wanted * PAGE_BYTES),
						 "after_bytes", (json_int_t)(after * PAGE_BYTES)));
	}
	return nodes;
}

static json_t *result_json(const struct rebalance_job *job)
{
	const struct mpol_rebalance_result *result = &job->result;

	return json_pack("{s:i, s:o, s:o, s:b, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:o}", "pid",
			 mpol_process_pid(job->process), "name",
			 json_text(mpol_process_name(job->process)), "policy",
			 job->policy ? policy_json(job->policy) : json_null(), "dry_run",
			 job->options->dry_run, "ranges", (json_int_t)result->ranges,
			 "examined_bytes", (json_int_t)(result->examined_pages * PAGE_BYTES),
			 "least_bytes", (json_int_t)(result->least_pages * PAGE_BYTES),
			 "moved_bytes", (json_int_t)(result->moved_pages * PAGE_BYTES),
			 "stayed_bytes", moving_failures_json(result->failed_pages), "batches",
			 (json_int_t)result->batches, "longest_batch_ns",
			 (json_int_t)result->longest_batch_ns, "nodes", split_json(result));
}

/* ---- The work ---------------------------------------------------------------------- */

static int progress(uint64_t done_pages, uint64_t all_pages, void *user)
{
	struct rebalance_job *job = user;

	moving_show_progress(&job->progress, done_pages, all_pages);
	return stopped;
}

static int nothing_wished(const struct rebalance_job *job, struct mpol_error *error)
{
	error_set(error, -ENOENT, "look at ranges", "no policy says where its memory is to be");
	error_on(error, "process %d (%s)", mpol_process_pid(job->process),
		 mpol_process_name(job->process));
	error_advise(error,
		     "give one, as in mpol rebalance %d interleave:all, or set one: "
		     "mpol-set(1)",
		     mpol_process_pid(job->process));
	return VERB_FAILED;
}

static int rebalance(struct rebalance_job *job, struct mpol_error *error)
{
	const struct rebalance_options *options = job->options;
	_cleanup_close_ int pidfd = argument_pidfd(job->process, error);
	const struct mpol_rebalance_options request = {
		.size = sizeof(request),
		.policy = job->policy,
		.leaving = options->drains ? options->drained : NULL,
		.bandwidth_bytes = options->bandwidth_bytes,
		.include_shared = options->shared,
		.dry_run = options->dry_run,
		.progress = progress,
		.user = job,
	};
	int r = pidfd;

	moving_begin_progress(&job->progress);
	if (r >= 0)
		r = mpol_process_rebalance(pidfd, &request, &job->result, error);
	moving_end_progress(&job->progress);
	if (r == -ECANCELED)
		error_advise(error, "the same command goes on where it was stopped");
	return r;
}

static int rebalance_process(const struct target *target, json_t **ret_document,
			     struct mpol_error *error)
{
	struct rebalance_options *options = target->user;
	_cleanup_(job_free) struct rebalance_job job = { .options = options };
	int r;

	/* Those that are still to come are not begun with. */
	if (stopped)
		return VERB_PARTIAL;
	if (targets_process(target, 0, &job.process, error) < 0)
		return VERB_FAILED;
	if (target->pid != mpol_process_pid(job.process))
		fprintf(stderr,
			"mpol rebalance: %d is a thread of process %d: memory is the process's\n",
			target->pid, mpol_process_pid(job.process));
	job.policy = options->has_policy
			     ? &options->policy
			     : journaling_own_weights(&options->journaling, job.process);
	r = rebalance(&job, error);
	if (r < 0 && r != -ECANCELED && !job.result.moved_pages)
		return VERB_FAILED;
	if (r >= 0 && !job.result.ranges && !options->watches &&
	    !targets_selected(&options->targets))
		return nothing_wished(&job, error);
	if (options->targets.json)
		*ret_document = result_json(&job);
	else
		print_result(&job);
	return r < 0 || moving_failed(job.result.failed_pages) ? VERB_PARTIAL : VERB_OK;
}

/* The same where it is due. */
static int watch_process(const struct target *target, json_t **ret_document,
			 struct mpol_error *error)
{
	struct rebalance_options *options = target->user;
	bool is_due = false;
	int r = rebalance_watch_look(&options->watch, target, &options->journaling, &is_due, error);

	if (r == -ESRCH && options->nr_looks)
		error_clear(error);
	if (r < 0)
		return VERB_FAILED;
	return is_due ? rebalance_process(target, ret_document, error) : VERB_OK;
}

/* Until it is stopped, or none of the processes is left.  Returns mpol's exit status. */
static int watch(struct rebalance_options *options)
{
	struct mpol_error error;

	for (; !stopped; options->nr_looks++) {
		int status;

		/* As it is now: others write it. */
		journaling_free(&options->journaling);
		if (journaling_open(&options->journaling, false, &error) < 0)
			return report_error("rebalance", false, &error);
		status = targets_run(&options->targets, watch_process);
		fflush(stdout);
		if (status == VERB_USAGE || (status == VERB_FAILED && !options->nr_looks))
			return status;
		if (status == VERB_FAILED)
			break;
		rebalance_watch_wait(&options->watch);
	}
	return VERB_OK;
}

/* ---- The command line -------------------------------------------------------------- */

/* What stands on the command line, as it stands there. */
struct rebalance_words {
	char **targets;
	size_t nr_targets;
	const char *policy; /* NULL: what processes have */
	const char *drain;  /* NULL: no node */
	const char *rate;
};

/* Whether a word can only be a process id: then it is not the policy. */
static bool is_number(const char *word)
{
	return *word && word[strspn(word, "0123456789")] == '\0';
}

static void split_words(int argc, char **argv, const struct rebalance_options *options,
			struct rebalance_words *words)
{
	words->targets = argv + optind;
	words->nr_targets = (size_t)(argc - optind);
	if (words->nr_targets &&
	    (targets_selected(&options->targets) || !is_number(argv[argc - 1]))) {
		words->policy = argv[argc - 1];
		words->nr_targets--;
	}
}

static int parse_options(int argc, char **argv, struct rebalance_options *options,
			 struct rebalance_words *ret_words)
{
	static const struct option longs[] = {
		{ "drain", required_argument, NULL, 'd' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "rate", required_argument, NULL, 'r' },
		{ "shared", no_argument, NULL, 's' },
		{ "watch", no_argument, NULL, 'w' },
		JOURNALING_LONGS,
		TARGETS_LONGS,
		{ 0 },
	};
	struct rebalance_words words = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (targets_option(&options->targets, option, optarg) ||
		    journaling_option(&options->journaling, option, optarg))
			continue;
		switch (option) {
		case 'd':
			words.drain = optarg;
			break;
		case 'n':
			options->dry_run = true;
			options->targets.once = true;
			break;
		case 'r':
			words.rate = optarg;
			break;
		case 's':
			options->shared = true;
			break;
		case 'w':
			options->watches = true;
			break;
		default:
			return VERB_USAGE;
		}
	}
	split_words(argc, argv, options, &words);
	if (!words.nr_targets && !targets_selected(&options->targets)) {
		fprintf(stderr, "mpol rebalance: takes processes and perhaps a policy, as in "
				"mpol rebalance 4240 weighted:0=3,2=1\n  mpol rebalance --help\n");
		return VERB_USAGE;
	}
	if (options->watches && (options->dry_run || options->targets.json)) {
		fprintf(stderr, "mpol rebalance: --watch is without --dry-run and --json\n"
				"  mpol rebalance --help\n");
		return VERB_USAGE;
	}
	*ret_words = words;
	return VERB_OK;
}

/* Understands the words; nothing has been tried when they are bad. */
static int read_words(const struct rebalance_words *words, struct rebalance_options *options,
		      struct mpol_error *error)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *topology = NULL;
	int r = targets_read(&options->targets, words->targets, words->nr_targets, error);

	if (r >= 0 && words->rate)
		r = argument_bandwidth("--rate", words->rate, &options->bandwidth_bytes, error);
	if (r >= 0)
		r = mpol_topology_new(NULL, &topology, error);
	if (r >= 0 && words->policy)
		r = argument_policy_of(words->policy, topology, &options->policy, error);
	if (r >= 0 && words->drain)
		r = argument_nodes("--drain", words->drain, topology, options->drained, error);
	options->has_policy = words->policy;
	options->drains = words->drain;
	return r;
}

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* A second signal ends it at once. */
static void stop_at_signals(void)
{
	const struct sigaction action = { .sa_handler = stop, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int cmd_rebalance(int argc, char **argv)
{
	_cleanup_(options_free) struct rebalance_options options = {
		.targets = { .verb = "rebalance" },
		.bandwidth_bytes = DEFAULT_BANDWIDTH_BYTES,
	};
	struct rebalance_words words;
	struct mpol_error error;
	int r = parse_options(argc, argv, &options, &words);

	if (r != VERB_OK)
		return r;
	if (read_words(&words, &options, &error) < 0) {
		report_error("rebalance", options.targets.json, &error);
		return VERB_USAGE;
	}
	if (journaling_open(&options.journaling, false, &error) < 0)
		return report_error("rebalance", options.targets.json, &error);
	options.targets.user = &options;
	stop_at_signals();
	if (options.watches)
		return watch(&options);
	return targets_run(&options.targets, rebalance_process);
}
