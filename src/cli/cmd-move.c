/* SPDX-License-Identifier: MIT */
/* mpol move: moves the resident pages of a process between nodes. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "arguments.h"
#include "error.h"
#include "nodemask.h"
#include "report.h"
#include "units.h"
#include "verbs.h"

#define PAGE_BYTES 4096U

struct move_options {
	const char *pid;
	const char *from; /* NULL: every node not in to */
	const char *to;
	const char *rate; /* NULL: no limit */
	bool shared;
	bool dry_run;
	bool json;
};

struct move_job {
	const struct move_options *options;
	struct mpol_process *process;
	unsigned long from[MPOL_NODE_WORDS], to[MPOL_NODE_WORDS];
	uint64_t bandwidth_bytes;
};

static const struct {
	const char *key; /* in JSON */
	const char *words;
} failures[MPOL_MOVE_FAILURES] = {
	[MPOL_MOVE_BUSY] = { "busy", "stayed: busy: in use by the kernel, or pinned" },
	[MPOL_MOVE_SHARED] = { "shared",
			       "stayed: shared with other processes: --shared moves them too" },
	[MPOL_MOVE_NO_MEMORY] = { "no_memory", "stayed: no room on the destination" },
	[MPOL_MOVE_GONE] = { "gone", "went: freed meanwhile, or all zero, which needs no memory" },
	[MPOL_MOVE_UNMOVABLE] = { "unmovable", "stayed: of a kind that cannot move" },
	[MPOL_MOVE_OTHER] = { "other", "went elsewhere: moved by others meanwhile" },
};

static void job_free(struct move_job *job)
{
	mpol_process_free(job->process);
}

static bool on(const unsigned long *nodes, int node)
{
	return nodes[node / NODEMASK_WORD_BITS] >> (node % NODEMASK_WORD_BITS) & 1;
}

static uint64_t bytes_on(const struct mpol_process *process, const unsigned long *nodes)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < mpol_process_nr_nodes(process); i++)
		if (on(nodes, mpol_process_node(process, i)))
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
	mpol_nodes_format(job->from, from, size);
	mpol_nodes_format(job->to, to, size);
}

static json_t *job_json(const struct move_job *job)
{
	char from[NODES_MAX * 5], to[NODES_MAX * 5];

	format_job_nodes(job, from, to, sizeof(from));
	return json_pack("{s:i, s:o, s:s, s:s, s:b}", "pid", mpol_process_pid(job->process), "name",
			 report_string(mpol_process_name(job->process)), "from", from, "to", to,
			 "dry_run", job->options->dry_run);
}

static int dry_run(const struct move_job *job)
{
	uint64_t bytes = bytes_on(job->process, job->from);
	char from[256], to[256], words[32];

	if (job->options->json) {
		json_t *document = job_json(job);

		json_object_set_new(document, "wanted_bytes", json_integer((json_int_t)bytes));
		return report_json(document);
	}
	format_job_nodes(job, from, to, sizeof(from));
	print_object(job);
	printf("would move up to %s from node %s to node %s\n",
	       units_format_bytes(bytes, words, sizeof(words)), from, to);
	return VERB_OK;
}

/* ---- The result -------------------------------------------------------------- */

/*
 * Pages that were to move and could have: not those shared with others, those
 * gone, nor those of a kind that never moves, of which every process has some.
 */
static bool incomplete(const struct mpol_move_result *result)
{
	return result->failed_pages[MPOL_MOVE_BUSY] || result->failed_pages[MPOL_MOVE_NO_MEMORY] ||
	       result->failed_pages[MPOL_MOVE_OTHER];
}

static char *pages_words(uint64_t pages, char *buffer, size_t size)
{
	return units_format_bytes(pages * PAGE_BYTES, buffer, size);
}

static void print_result(const struct move_job *job, const struct mpol_move_result *result)
{
	char moved[32], wanted[32], longest[32], from[256], to[256];

	format_job_nodes(job, from, to, sizeof(from));
	print_object(job);
	printf("moved %s of %s from node %s to node %s; longest batch %s\n",
	       pages_words(result->moved_pages, moved, sizeof(moved)),
	       pages_words(result->wanted_pages, wanted, sizeof(wanted)), from, to,
	       units_format_duration(result->longest_batch_ns, longest, sizeof(longest)));
	for (int i = 0; i < MPOL_MOVE_FAILURES; i++)
		if (result->failed_pages[i])
			printf("  %s %s\n",
			       pages_words(result->failed_pages[i], moved, sizeof(moved)),
			       failures[i].words);
}

static json_t *result_json(const struct move_job *job, const struct mpol_move_result *result,
			   const struct mpol_error *error)
{
	json_t *document = job_json(job), *failed = json_object();

	for (int i = 0; i < MPOL_MOVE_FAILURES; i++)
		json_object_set_new(
			failed, failures[i].key,
			json_integer((json_int_t)(result->failed_pages[i] * PAGE_BYTES)));
	json_object_update_new(
		document, json_pack("{s:I, s:I, s:I, s:o, s:I, s:I}", "examined_bytes",
				    (json_int_t)(result->examined_pages * PAGE_BYTES),
				    "wanted_bytes", (json_int_t)(result->wanted_pages * PAGE_BYTES),
				    "moved_bytes", (json_int_t)(result->moved_pages * PAGE_BYTES),
				    "stayed_bytes", failed, "batches", (json_int_t)result->batches,
				    "longest_batch_ns", (json_int_t)result->longest_batch_ns));
	if (error)
		json_object_set_new(document, "error", report_error_json(error));
	return document;
}

/* ---- Progress ------------------------------------------------------------------ */

struct progress {
	struct timespec began;
	struct timespec printed;
	bool any;
};

static double seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

/* Says how far it is, from the second second on, five times a second. */
static int show_progress(uint64_t done_pages, uint64_t all_pages, void *user)
{
	struct progress *progress = user;
	char done[32], all[32];

	if (seconds_since(&progress->began) < 1 || seconds_since(&progress->printed) < 0.2)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &progress->printed);
	progress->any = true;
	fprintf(stderr, "\r%s of %s, %.0f %% \033[K", pages_words(done_pages, done, sizeof(done)),
		pages_words(all_pages, all, sizeof(all)),
		all_pages ? 100.0 * (double)done_pages / (double)all_pages : 100);
	return 0;
}

static void end_progress(const struct progress *progress)
{
	if (progress->any)
		fputs("\r\033[K", stderr);
}

/* ---- The verb ------------------------------------------------------------------ */

static int move(struct move_job *job)
{
	struct mpol_error error = { 0 };
	_cleanup_close_ int pidfd = argument_pidfd(job->process, &error);
	struct mpol_move_result result = { 0 };
	struct progress progress = { 0 };
	struct mpol_move_options options = {
		.size = sizeof(options),
		.from = job->from,
		.to = job->to,
		.bandwidth_bytes = job->bandwidth_bytes,
		.include_shared = job->options->shared,
		.progress = isatty(STDERR_FILENO) ? show_progress : NULL,
		.user = &progress,
	};
	int r = pidfd;

	clock_gettime(CLOCK_MONOTONIC, &progress.began);
	if (r >= 0)
		r = mpol_process_move(pidfd, &options, &result, &error);
	end_progress(&progress);
	if (r < 0 && !result.moved_pages)
		return report_error("move", job->options->json, &error);
	if (r < 0)
		report_error_words("move", &error);
	if (!job->options->json)
		print_result(job, &result);
	else if (report_json(result_json(job, &result, r < 0 ? &error : NULL)) != VERB_OK)
		return VERB_FAILED;
	return r < 0 || incomplete(&result) ? VERB_PARTIAL : VERB_OK;
}

static int parse_options(int argc, char **argv, struct move_options *ret_options)
{
	static const struct option longs[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "from", required_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "rate", required_argument, NULL, 'r' },
		{ "shared", no_argument, NULL, 's' },
		{ "to", required_argument, NULL, 't' },
		{ 0 },
	};
	struct move_options options = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 'n':
			options.dry_run = true;
			break;
		case 'f':
			options.from = optarg;
			break;
		case 'j':
			options.json = true;
			break;
		case 'r':
			options.rate = optarg;
			break;
		case 's':
			options.shared = true;
			break;
		case 't':
			options.to = optarg;
			break;
		default:
			return VERB_USAGE;
		}
	}
	if (argc - optind != 1 || !options.to) {
		fprintf(stderr, "mpol move: takes a process id and --to NODES, as in mpol move "
				"4240 --from 2 --to 0\n  mpol move --help\n");
		return VERB_USAGE;
	}
	options.pid = argv[optind];
	*ret_options = options;
	return VERB_OK;
}

static int read_rate(const char *text, uint64_t *ret_bytes, struct mpol_error *error)
{
	if (!units_parse_bandwidth(text, ret_bytes) && *ret_bytes)
		return 0;
	error_set(error, -EINVAL, "read rate", "not a bandwidth");
	error_on(error, "--rate %s", text);
	error_advise(error, "a bandwidth has a unit, as in 200MB/s or 1GiB/s");
	return -EINVAL;
}

/*
 * Where --from is not given: every node with memory but those to move to.
 * Returns whether there is one.
 */
static bool default_from(struct move_job *job, const struct mpol_topology *topology)
{
	bool any = false;

	for (size_t i = 0; i < mpol_topology_nr_nodes(topology); i++) {
		const struct mpol_node *node = mpol_topology_node(topology, i);

		if (!node->has_memory || on(job->to, node->id))
			continue;
		job->from[node->id / NODEMASK_WORD_BITS] |= 1UL << (node->id % NODEMASK_WORD_BITS);
		any = true;
	}
	return any;
}

static int read_arguments(struct move_job *job, pid_t *ret_pid, struct mpol_error *error)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *topology = NULL;
	const struct move_options *options = job->options;
	int r = argument_pid(options->pid, ret_pid, error);

	if (r >= 0 && options->rate)
		r = read_rate(options->rate, &job->bandwidth_bytes, error);
	if (r >= 0)
		r = mpol_topology_new(NULL, &topology, error);
	if (r >= 0)
		r = argument_nodes("--to", options->to, topology, job->to, error);
	if (r >= 0 && options->from)
		r = argument_nodes("--from", options->from, topology, job->from, error);
	if (r < 0)
		return r;
	if (!options->from && !default_from(job, topology)) {
		error_set(error, -EINVAL, "read nodes", "no other node has memory");
		error_on(error, "--to %s", options->to);
		return -EINVAL;
	}
	for (int node = 0; node < NODES_MAX; node++) {
		if (!on(job->from, node) || !on(job->to, node))
			continue;
		error_set(error, -EINVAL, "read nodes", "node %d is in both --from and --to", node);
		return -EINVAL;
	}
	return 0;
}

int cmd_move(int argc, char **argv)
{
	struct move_options options;
	_cleanup_(job_free) struct move_job job = { .options = &options };
	struct mpol_error error;
	pid_t pid;
	int r = parse_options(argc, argv, &options);

	if (r != VERB_OK)
		return r;
	if (read_arguments(&job, &pid, &error) < 0) {
		report_error("move", options.json, &error);
		return VERB_USAGE;
	}
	if (mpol_process_new(NULL, pid, 0, &job.process, &error) < 0)
		return report_error("move", options.json, &error);
	if (pid != mpol_process_pid(job.process))
		fprintf(stderr,
			"mpol move: %d is a thread of process %d: memory is the process's\n", pid,
			mpol_process_pid(job.process));
	return options.dry_run ? dry_run(&job) : move(&job);
}
