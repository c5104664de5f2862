/* SPDX-License-Identifier: MIT */
/* mpol move: moves the resident pages of processes between nodes. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "arguments.h"
#include "error-json.h"
#include "error.h"
#include "moving.h"
#include "nodemask.h"
#include "page.h"
#include "report.h"
#include "targets.h"
#include "units.h"
#include "verbs.h"

struct move_options {
	struct targets targets;
	unsigned long from[MPOL_NODE_WORDS], to[MPOL_NODE_WORDS];
	uint64_t bandwidth_bytes; /* 0: no limit */
	bool shared;
	bool dry_run;
};

static void options_free(struct move_options *options)
{
	targets_free(&options->targets);
}

/* One process. */
struct move_job {
	const struct move_options *options;
	struct mpol_process *process;
};

static void job_free(struct move_job *job)
{
	mpol_process_free(job->process);
}

static uint64_t bytes_on(const struct mpol_process *process, const unsigned long *nodes)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < mpol_process_nr_nodes(process); i++)
		if (nodemask_words_test(nodes, mpol_process_node(process, i)))
			bytes += mpol_process_node_bytes(process, i);
	return bytes;
}

static void print_object(const struct move_job *job)
{
	char name[64];

	printf("process %d (%s): ", mpol_process_pid(job->process),
	       report_printable(mpol_process_name(job->process), name, sizeof(name)));
}

static void format_job_nodes(const struct move_job *job, char *from, char *to, size_t size)
{
	mpol_nodes_format(job->options->from, from, size);
	mpol_nodes_format(job->options->to, to, size);
}

static json_t *job_json(const struct move_job *job)
{
	char from[NODES_MAX * 5], to[NODES_MAX * 5];

	format_job_nodes(job, from, to, sizeof(from));
	return json_pack("{s:i, s:o, s:s, s:s, s:b}", "pid", mpol_process_pid(job->process), "name",
			 json_text(mpol_process_name(job->process)), "from", from, "to", to,
			 "dry_run", job->options->dry_run);
}

/* Returns as a target_fn. */
static int dry_run(const struct move_job *job, json_t **ret_document)
{
	uint64_t bytes = bytes_on(job->process, job->options->from);
	char from[256], to[256], words[32];

	if (job->options->targets.json) {
		*ret_document = job_json(job);
		json_object_set_new(*ret_document, "wanted_bytes", json_integer((json_int_t)bytes));
		return VERB_OK;
	}
	format_job_nodes(job, from, to, sizeof(from));
	print_object(job);
	printf("would move up to %s from node %s to node %s\n",
	       units_format_bytes(bytes, words, sizeof(words)), from, to);
	return VERB_OK;
}

/* ---- The result -------------------------------------------------------------- */

static void print_result(const struct move_job *job, const struct mpol_move_result *result)
{
	char moved[32], wanted[32], longest[32], from[256], to[256];

	format_job_nodes(job, from, to, sizeof(from));
	print_object(job);
	printf("moved %s of %s from node %s to node %s; longest batch %s\n",
	       moving_pages_words(result->moved_pages, moved, sizeof(moved)),
	       moving_pages_words(result->wanted_pages, wanted, sizeof(wanted)), from, to,
	       units_format_duration(result->longest_batch_ns, longest, sizeof(longest)));
	moving_print_failures(result->failed_pages);
}

static json_t *result_json(const struct move_job *job, const struct mpol_move_result *result)
{
	json_t *document = job_json(job);

	json_object_update_new(
		document, json_pack("{s:I, s:I, s:I, s:o, s:I, s:I, s:I}", "examined_bytes",
				    (json_int_t)(result->examined_pages * PAGE_BYTES),
				    "wanted_bytes", (json_int_t)(result->wanted_pages * PAGE_BYTES),
				    "moved_bytes", (json_int_t)(result->moved_pages * PAGE_BYTES),
				    "stayed_bytes", moving_failures_json(result->failed_pages),
				    "batches", (json_int_t)result->batches, "late_batches",
				    (json_int_t)result->late_batches, "longest_batch_ns",
				    (json_int_t)result->longest_batch_ns));
	return document;
}

/* ---- The verb ------------------------------------------------------------------ */

static int show_progress(uint64_t done_pages, uint64_t all_pages, void *user)
{
	moving_show_progress(user, done_pages, all_pages);
	return 0;
}

/* Returns as a target_fn. */
static int move(const struct move_job *job, json_t **ret_document, struct mpol_error *error)
{
	_cleanup_close_ int pidfd = argument_pidfd(job->process, error);
	struct mpol_move_result result = { 0 };
	struct moving_progress progress = { 0 };
	struct mpol_move_options options = {
		.size = sizeof(options),
		.from = job->options->from,
		.to = job->options->to,
		.bandwidth_bytes = job->options->bandwidth_bytes,
		.include_shared = job->options->shared,
		.progress = show_progress,
		.user = &progress,
	};
	int r = pidfd;

	moving_begin_progress(&progress);
	if (r >= 0)
		r = mpol_process_move(pidfd, &options, &result, error);
	moving_end_progress(&progress);
	if (r < 0 && !result.moved_pages)
		return VERB_FAILED;
	if (job->options->targets.json)
		*ret_document = result_json(job, &result);
	else
		print_result(job, &result);
	return r < 0 || moving_incomplete(&result) ? VERB_PARTIAL : VERB_OK;
}

static int move_process(const struct target *target, json_t **ret_document,
			struct mpol_error *error)
{
	const struct move_options *options = target->user;
	_cleanup_(job_free) struct move_job job = { .options = options };

	if (targets_process(target, 0, &job.process, error) < 0)
		return VERB_FAILED;
	if (target->pid != mpol_process_pid(job.process))
		fprintf(stderr,
			"mpol move: %d is a thread of process %d: memory is the process's\n",
			target->pid, mpol_process_pid(job.process));
	return options->dry_run ? dry_run(&job, ret_document) : move(&job, ret_document, error);
}

/* What stands on the command line, as it stands there. */
struct move_words {
	char **targets;
	size_t nr_targets;
	const char *from; /* NULL: every node not in to */
	const char *to;
	const char *rate; /* NULL: no limit */
};

static int parse_options(int argc, char **argv, struct move_options *options,
			 struct move_words *ret_words)
{
	static const struct option longs[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "from", required_argument, NULL, 'f' },
		{ "rate", required_argument, NULL, 'r' },
		{ "shared", no_argument, NULL, 's' },
		{ "to", required_argument, NULL, 't' },
		TARGETS_LONGS,
		{ 0 },
	};
	struct move_words words = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (targets_option(&options->targets, option, optarg))
			continue;
		switch (option) {
		case 'n':
			options->dry_run = true;
			options->targets.once = true;
			break;
		case 'f':
			words.from = optarg;
			break;
		case 'r':
			words.rate = optarg;
			break;
		case 's':
			options->shared = true;
			break;
		case 't':
			words.to = optarg;
			break;
		default:
			return VERB_USAGE;
		}
	}
	words.targets = argv + optind;
	words.nr_targets = argc - optind;
	if ((!words.nr_targets && !targets_selected(&options->targets)) || !words.to) {
		fprintf(stderr, "mpol move: takes processes and --to NODES, as in mpol move "
				"4240 --from 2 --to 0\n  mpol move --help\n");
		return VERB_USAGE;
	}
	*ret_words = words;
	return VERB_OK;
}

/*
 * Where --from is not given: every node with memory but those to move to.
 * Returns whether there is one.
 */
static bool default_from(struct move_options *options, const struct mpol_topology *topology)
{
	struct nodemask from = argument_memory_nodes(topology), to;

	memcpy(to.bits, options->to, sizeof(to.bits));
	from = nodemask_andnot(&from, &to);
	memcpy(options->from, from.bits, sizeof(from.bits));
	return !nodemask_empty(&from);
}

/* Understands the words; nothing has been tried when they are bad. */
static int read_words(const struct move_words *words, struct move_options *options,
		      struct mpol_error *error)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *topology = NULL;
	int r = targets_read(&options->targets, words->targets, words->nr_targets, error);

	if (r >= 0 && words->rate)
		r = argument_bandwidth("--rate", words->rate, &options->bandwidth_bytes, error);
	if (r >= 0)
		r = mpol_topology_new(NULL, &topology, error);
	if (r >= 0)
		r = argument_nodes("--to", words->to, topology, options->to, error);
	if (r >= 0 && words->from)
		r = argument_nodes("--from", words->from, topology, options->from, error);
	if (r < 0)
		return r;
	if (!words->from && !default_from(options, topology)) {
		error_set(error, -EINVAL, "read nodes", "no other node has memory");
		error_on(error, "--to %s", words->to);
		return -EINVAL;
	}
	for (int node = 0; node < NODES_MAX; node++) {
		if (!nodemask_words_test(options->from, node) ||
		    !nodemask_words_test(options->to, node))
			continue;
		error_set(error, -EINVAL, "read nodes", "node %d is in both --from and --to", node);
		return -EINVAL;
	}
	return 0;
}

int cmd_move(int argc, char **argv)
{
	_cleanup_(options_free) struct move_options options = { .targets = { .verb = "move" } };
	struct move_words words;
	struct mpol_error error;
	int r = parse_options(argc, argv, &options, &words);

	if (r != VERB_OK)
		return r;
	if (read_words(&words, &options, &error) < 0) {
		report_error("move", options.targets.json, &error);
		return VERB_USAGE;
	}
	options.targets.user = &options;
	return targets_run(&options.targets, move_process);
}
