/* SPDX-License-Identifier: MIT */
/* mpol bind: gives ranges of running processes a policy of their own. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "arguments.h"
#include "driving.h"
#include "error-json.h"
#include "error.h"
#include "journaling.h"
#include "moving.h"
#include "policies.h"
#include "report.h"
#include "striping.h"
#include "targets.h"
#include "units.h"
#include "verbs.h"

struct bind_options {
	struct targets targets;
	struct journaling journaling;
	struct driving driving;
	const char *ranges;
	struct mpol_policy policy;
	bool move;
	bool dry_run;
};

static void options_free(struct bind_options *options)
{
	targets_free(&options->targets);
	journaling_free(&options->journaling);
}

/* One process. */
struct bind_job {
	struct bind_options *options;
	struct mpol_process *process;
	struct iovec *ranges;
	size_t nr_ranges;
	struct mpol_traffic *traffic; /* with --driving: why these ranges */
	struct mpol_replaced *before; /* parallel to ranges: each range's own policy */
	const char **names;	      /* parallel too: of the mappings */
	bool *page_cache;	      /* parallel too: whether policies do not place its pages */
	int32_t *codes;		      /* parallel too, once it was tried */
	size_t nr_changed;
	struct mpol_stripes *stripes; /* NULL: none are needed */
	struct mpol_stripes_result striped;
	struct mpol_move_result moved;
};

static void job_free(struct bind_job *job)
{
	mpol_stripes_free(job->stripes);
	mpol_traffic_free(job->traffic);
	mpol_process_free(job->process);
	free(job->ranges);
	free(job->before);
	free(job->names);
	free(job->page_cache);
	free(job->codes);
}

static uint64_t start_of(const struct iovec *range)
{
	return (uint64_t)(uintptr_t)range->iov_base;
}

/*
 * Whether the mapping shows the page cache's own pages, which are put where the
 * thread's policy says that reads them first (mm/filemap.c).  Where the file
 * cannot be looked at: false.
 */
static bool is_page_cache(pid_t pid, const struct mpol_vma *vma)
{
	struct statfs filesystem;
	struct stat status;
	char path[PATH_MAX];

	if (vma->permissions[3] != 's' || *vma->name != '/' ||
	    snprintf(path, sizeof(path), "/proc/%d/root%s", pid, vma->name) >= (int)sizeof(path))
		return false;
	return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
	       statfs(path, &filesystem) == 0 && filesystem.f_type != TMPFS_MAGIC &&
	       filesystem.f_type != HUGETLBFS_MAGIC;
}

/*
 * What each range has now: none of its own where that cannot be told, as then
 * every thread has the policy shown.  Ranges and mappings ascend.
 */
static int look_before(struct bind_job *job, struct mpol_error *error)
{
	size_t vma_index = 0;

	job->before = calloc(job->nr_ranges + 1, sizeof(*job->before));
	job->names = calloc(job->nr_ranges + 1, sizeof(*job->names));
	job->page_cache = calloc(job->nr_ranges + 1, sizeof(*job->page_cache));
	job->codes = calloc(job->nr_ranges + 1, sizeof(*job->codes));
	if (!job->before || !job->names || !job->page_cache || !job->codes)
		return error_errno(error, -ENOMEM, "look up range");
	for (size_t i = 0; i < job->nr_ranges; i++) {
		const struct mpol_vma *vma;

		while ((vma = mpol_process_vma(job->process, vma_index)) &&
		       vma->end <= start_of(&job->ranges[i]))
			vma_index++;
		job->names[i] = vma ? vma->name : "";
		job->page_cache[i] = vma && is_page_cache(mpol_process_pid(job->process), vma);
		job->before[i] = (struct mpol_replaced) {
			.start = start_of(&job->ranges[i]),
			.end = start_of(&job->ranges[i]) + job->ranges[i].iov_len,
			.policy = striping_before(job->process, vma_index),
		};
	}
	return 0;
}

/* ---- Reports ----------------------------------------------------------------------- */

static uint64_t bytes_of(const struct bind_job *job)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < job->nr_ranges; i++)
		bytes += job->ranges[i].iov_len;
	return bytes;
}

static void print_range(const struct bind_job *job, size_t index)
{
	const struct mpol_replaced *before = &job->before[index];
	char policy[POLICY_TEXT_SIZE], name[64];

	report_printable(job->names[index], name, sizeof(name));
	printf("  0x%" PRIx64 "-0x%" PRIx64 " %s%shad %s", before->start, before->end, name,
	       *name ? " " : "", policy_text(before->policy, policy));
	if (job->codes[index])
		printf(": %s", strerror(-job->codes[index]));
	printf("\n");
}

static void print_stripes(const struct bind_job *job)
{
	if (!job->stripes)
		return;
	printf("  ");
	if (!job->options->dry_run) {
		striping_print_result(job->stripes, &job->striped);
		return;
	}
	striping_print_plan(job->stripes);
	printf("\n");
}

/* Every range where little is to be said; of many those that failed. */
static void print_job(const struct bind_job *job)
{
	enum { FEW = 16 };
	const struct bind_options *options = job->options;
	char policy[POLICY_TEXT_SIZE], size[32], name[64];

	printf("process %d (%s): ", mpol_process_pid(job->process),
	       report_printable(mpol_process_name(job->process), name, sizeof(name)));
	units_format_bytes(bytes_of(job), size, sizeof(size));
	if (!job->nr_ranges)
		printf("nothing drives bandwidth, nothing is bound");
	else if (options->dry_run)
		printf("would bind %zu %s (%s)", job->nr_ranges,
		       job->nr_ranges == 1 ? "range" : "ranges", size);
	else
		printf("%zu of %zu %s (%s) bound", job->nr_changed, job->nr_ranges,
		       job->nr_ranges == 1 ? "range" : "ranges", size);
	if (job->nr_ranges)
		printf(" to %s", policy_text(&options->policy, policy));
	if (options->move && !options->dry_run)
		moving_print(&job->moved);
	printf("\n");
	moving_print_stayed(&job->moved);
	if (job->traffic)
		driving_print(job->traffic);
	print_stripes(job);
	for (size_t i = 0; i < job->nr_ranges; i++)
		if (job->nr_ranges <= FEW || job->codes[i])
			print_range(job, i);
}

/* Said once for a process, of the first such range. */
static void warn_of_page_cache(const struct bind_job *job)
{
	char name[64], file[256];
	size_t i = 0;

	while (i < job->nr_ranges && !job->page_cache[i])
		i++;
	if (i == job->nr_ranges)
		return;
	fprintf(stderr,
		"mpol bind: process %d (%s): warning: %s is shared memory of a file, whose pages "
		"are the page cache's: they are not put where this policy says\n"
		"  the policy of the thread that reads them first counts: mpol set\n",
		mpol_process_pid(job->process),
		report_printable(mpol_process_name(job->process), name, sizeof(name)),
		report_printable(job->names[i], file, sizeof(file)));
}

static json_t *range_json(const struct bind_job *job, size_t index)
{
	const struct mpol_replaced *before = &job->before[index];
	int32_t code = job->codes[index];

	return json_pack("{s:o, s:o, s:o, s:o, s:b, s:s?}", "start",
			 json_sprintf("0x%" PRIx64, before->start), "end",
			 json_sprintf("0x%" PRIx64, before->end), "name",
			 json_text(job->names[index]), "before", policy_json(before->policy),
			 "page_cache", job->page_cache[index], "error",
			 code ? strerrorname_np(-code) : NULL);
}

static json_t *job_json(const struct bind_job *job)
{
	const struct bind_options *options = job->options;
	json_t *ranges = json_array(), *document;

	for (size_t i = 0; i < job->nr_ranges; i++)
		json_array_append_new(ranges, range_json(job, i));
	document = json_pack("{s:i, s:o, s:o, s:b, s:o}", "pid", mpol_process_pid(job->process),
			     "name", json_text(mpol_process_name(job->process)), "policy",
			     policy_json(&options->policy), "dry_run", options->dry_run, "ranges",
			     ranges);
	if (job->traffic)
		json_object_set_new(document, "driving", driving_json(job->traffic));
	json_object_set_new(document, "stripes",
			    striping_json(job->stripes, options->dry_run ? NULL : &job->striped));
	if (options->dry_run)
		return document;
	json_object_set_new(document, "changed", json_integer((json_int_t)job->nr_changed));
	if (options->move)
		moving_add_json(document, &job->moved);
	return document;
}

/* ---- Work -------------------------------------------------------------------------- */

/* What became of the range that was cut with others that it touches. */
static int32_t code_of(const struct bind_job *job, const struct iovec *range)
{
	const struct mpol_stripes_range *cut;

	for (size_t i = 0; (cut = mpol_stripes_range(job->stripes, i)); i++)
		if (cut->start <= start_of(range) && start_of(range) < cut->end)
			return cut->code;
	return -ECANCELED;
}

static int cut_into_stripes(struct bind_job *job, int pidfd, struct mpol_error *error)
{
	int r = mpol_stripes_carry_out(job->stripes, pidfd, &job->striped, error);

	for (size_t i = 0; i < job->nr_ranges; i++)
		job->codes[i] = code_of(job, &job->ranges[i]);
	return r;
}

static int bind_ranges(struct bind_job *job, int pidfd, struct mpol_error *error)
{
	struct mpol_policy policy = job->options->policy;
	struct mpol_args args;

	mpol_policy_to_args(&policy, &args);
	args.error = error;
	return mpol_process_apply_ranges(pidfd, job->ranges, job->nr_ranges, &args, sizeof(args),
					 job->codes);
}

static int apply(struct bind_job *job, int pidfd, struct mpol_error *error)
{
	int r = job->stripes ? cut_into_stripes(job, pidfd, error) : bind_ranges(job, pidfd, error);

	for (size_t i = 0; i < job->nr_ranges; i++)
		job->nr_changed += job->codes[i] == 0;
	return r;
}

/*
 * Moves the pages of the ranges that have the policy now: of those that touch at
 * once, as each call reads all of the process's mappings.
 */
static int move(struct bind_job *job, int pidfd, struct mpol_error *error)
{
	int r = 0;

	for (size_t i = 0, next; r == 0 && job->options->move && i < job->nr_ranges; i = next) {
		struct iovec run = job->ranges[i];

		next = i + 1;
		if (job->codes[i])
			continue;
		for (; next < job->nr_ranges && !job->codes[next] &&
		       start_of(&job->ranges[next]) == start_of(&run) + run.iov_len;
		     next++)
			run.iov_len += job->ranges[next].iov_len;
		r = moving_follow(pidfd, &job->options->policy, &run, &job->moved, error);
	}
	return r;
}

static int carry_out(struct bind_job *job, struct mpol_error *error)
{
	struct journaling *journaling = &job->options->journaling;
	_cleanup_close_ int pidfd = argument_pidfd(job->process, error);
	struct mpol_change change = journaling_change("bind", job->process, &job->options->policy);
	uint64_t id = 0;
	int r;

	change.replaced = job->before;
	change.nr_replaced = job->nr_ranges;
	if (pidfd < 0 || journaling_begin(journaling, &change, &id, error) < 0)
		return VERB_FAILED;
	r = apply(job, pidfd, error);
	journaling_end(journaling, "bind", id, job->nr_changed);
	if (!job->nr_changed)
		return VERB_FAILED;
	if (r == 0)
		r = move(job, pidfd, error);
	return r < 0 || moving_incomplete(&job->moved) ? VERB_PARTIAL : VERB_OK;
}

/* The ranges that were named, and with --driving what of them drives: perhaps nothing. */
static int find_ranges(struct bind_job *job, struct mpol_error *error)
{
	const struct bind_options *options = job->options;
	int r = mpol_process_ranges(job->process, options->ranges, &job->ranges, &job->nr_ranges,
				    error);

	if (r >= 0 && options->driving.wanted)
		r = driving_choose(&options->driving, job->process, &job->ranges, &job->nr_ranges,
				   &job->traffic, error);
	return r;
}

static int bind_process(const struct target *target, json_t **ret_document,
			struct mpol_error *error)
{
	struct bind_options *options = target->user;
	_cleanup_(job_free) struct bind_job job = { .options = options };
	int status = VERB_OK;

	if (targets_process(target,
			    MPOL_PROCESS_VMAS |
				    (options->driving.wanted ? MPOL_PROCESS_THREADS : 0),
			    &job.process, error) < 0 ||
	    find_ranges(&job, error) < 0 || look_before(&job, error) < 0)
		return VERB_FAILED;
	if (job.nr_ranges && mpol_stripes_new(job.process, &options->policy, job.ranges,
					      job.nr_ranges, &job.stripes, error) < 0)
		return VERB_FAILED;
	if (!options->dry_run && job.nr_ranges)
		status = carry_out(&job, error);
	if (status == VERB_FAILED)
		return status;
	warn_of_page_cache(&job);
	if (options->targets.json)
		*ret_document = job_json(&job);
	else
		print_job(&job);
	return status;
}

static int parse_options(int argc, char **argv, struct bind_options *options)
{
	static const struct option longs[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "move", no_argument, NULL, 'm' },
		DRIVING_LONGS,
		JOURNALING_LONGS,
		TARGETS_LONGS,
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (targets_option(&options->targets, option, optarg) ||
		    journaling_option(&options->journaling, option, optarg) ||
		    driving_option(&options->driving, option, optarg))
			continue;
		switch (option) {
		case 'n':
			options->dry_run = true;
			options->targets.once = true;
			break;
		case 'm':
			options->move = true;
			break;
		default:
			return VERB_USAGE;
		}
	}
	if (argc - optind >= (targets_selected(&options->targets) ? 2 : 3))
		return VERB_OK;
	fprintf(stderr, "mpol bind: takes processes, ranges and a policy, as in mpol bind 4240 "
			"heap bind:0-1\n  mpol bind --help\n");
	return VERB_USAGE;
}

/* Understands the words; nothing has been tried when they are bad. */
static int read_words(char **words, size_t nr_words, struct bind_options *options,
		      struct mpol_error *error)
{
	int r = targets_read(&options->targets, words, nr_words - 2, error);

	options->ranges = words[nr_words - 2];
	if (r >= 0)
		r = argument_policy(words[nr_words - 1], &options->policy, error);
	if (r >= 0)
		r = mpol_ranges_check(options->ranges, error);
	if (r >= 0)
		r = driving_read(&options->driving, &options->policy, error);
	if (r >= 0 && options->move)
		r = moving_check(&options->policy, error);
	return r;
}

int cmd_bind(int argc, char **argv)
{
	_cleanup_(options_free) struct bind_options options = { .targets = { .verb = "bind" } };
	struct mpol_error error = { 0 };
	int r = parse_options(argc, argv, &options);

	if (r != VERB_OK)
		return r;
	if (read_words(argv + optind, argc - optind, &options, &error) < 0) {
		report_error("bind", options.targets.json, &error);
		return VERB_USAGE;
	}
	if (!options.dry_run && journaling_open(&options.journaling, true, &error) < 0)
		return report_error("bind", options.targets.json, &error);
	options.targets.user = &options;
	return targets_run(&options.targets, bind_process);
}
