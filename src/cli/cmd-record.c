/* SPDX-License-Identifier: MIT */
/*
 * mpol record: which pages a process writes, interval by interval, into a trace
 * that mpol sim can run.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "arguments.h"
#include "cleanup.h"
#include "clock.h"
#include "page.h"
#include "report.h"
#include "trace.h"
#include "units.h"
#include "verbs.h"

#define NS_PER_S 1000000000ULL

#define DEFAULT_INTERVAL_NS NS_PER_S
#define LEAST_INTERVAL_NS   10000000ULL

DEFINE_CLEANUP(struct mpol_tracker *, mpol_tracker_free);
DEFINE_CLEANUP(struct trace_writer *, trace_writer_abandon);

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

struct record_options {
	pid_t pid;
	const char *output;
	uint64_t time_ns; /* UINT64_MAX: until it ends */
	uint64_t interval_ns;
	bool json;
};

struct recording {
	struct trace_writer *writer;
	uint64_t began_ns, interval_began_ns; /* by the monotonic clock */
	uint64_t intervals, written_pages;
	struct mpol_error *error;
};

static int put(struct recording *recording, struct trace_record record, uint64_t at_ns)
{
	record.time_ns = at_ns - recording->began_ns;
	return trace_write(recording->writer, &record, 1, recording->error) < 0 ? 1 : 0;
}

/* One access to each page is all that is known. */
static int put_run(uint64_t start, uint64_t end, void *user)
{
	struct recording *recording = user;
	const uint64_t pages = (end - start) / PAGE_BYTES;

	recording->written_pages += pages;
	return put(recording,
		   (struct trace_record) {
			   .page = start / PAGE_BYTES,
			   .nr_pages = pages,
			   .count = pages,
			   .flags = TRACE_WRITE,
		   },
		   recording->interval_began_ns);
}

/* Returns 0 when all is recorded, -ESRCH where the process has ended, or another error. */
static int record_all(const struct record_options *options, struct mpol_tracker *tracker,
		      struct recording *recording)
{
	while (!interrupted) {
		uint64_t next_ns = recording->interval_began_ns + options->interval_ns;
		int r;

		clock_sleep_until(next_ns);
		r = mpol_tracker_sample(tracker, put_run, recording, recording->error);
		if (r < 0)
			return r;
		next_ns = clock_now_ns();
		/* Positive: the trace could not be written, which recording->error says. */
		if (r > 0 ||
		    put(recording,
			(struct trace_record) { .nr_pages = 1, .count = 1, .flags = TRACE_MARK },
			next_ns))
			return -EIO;
		recording->intervals++;
		recording->interval_began_ns = next_ns;
		if (next_ns - recording->began_ns >= options->time_ns)
			break;
	}
	return 0;
}

static int print(const struct record_options *options, const struct recording *recording)
{
	char words[32];

	if (options->json)
		return report_json(json_pack(
			"{s:i, s:s, s:I, s:I, s:I}", "pid", options->pid, "output", options->output,
			"intervals", (json_int_t)recording->intervals, "written_pages",
			(json_int_t)recording->written_pages, "time_ns",
			(json_int_t)(recording->interval_began_ns - recording->began_ns)));
	printf("process %d: %" PRIu64 " intervals, %" PRIu64 " pages written (%s), in %s\n",
	       options->pid, recording->intervals, recording->written_pages,
	       units_format_bytes(recording->written_pages * PAGE_BYTES, words, sizeof(words)),
	       options->output);
	return VERB_OK;
}

static int record(const struct record_options *options, const struct mpol_process *process,
		  struct mpol_error *error)
{
	_cleanup_(trace_writer_abandonp) struct trace_writer *writer = NULL;
	_cleanup_(mpol_tracker_freep) struct mpol_tracker *tracker = NULL;
	_cleanup_close_ int pidfd = argument_pidfd(process, error);
	struct recording recording = { .error = error };
	char origin[128];
	int r;

	if (pidfd < 0)
		return report_error("record", options->json, error);
	snprintf(origin, sizeof(origin), "mpol record %d (%s): writes, by soft-dirty bits",
		 mpol_process_pid(process), mpol_process_name(process));
	r = trace_writer_new(options->output, TRACE_COUNTS, PAGE_BYTES, origin, &writer, error);
	if (r == 0)
		r = mpol_tracker_new(pidfd, &tracker, error);
	if (r < 0)
		return report_error("record", options->json, error);
	recording.writer = writer;
	recording.began_ns = recording.interval_began_ns = clock_now_ns();
	r = record_all(options, tracker, &recording);
	/* A process that ends has told all that it will. */
	if (r < 0 && (r != -ESRCH || recording.intervals == 0))
		return report_error("record", options->json, error);
	r = trace_writer_finish(steal_pointer(&writer), error);
	return r < 0 ? report_error("record", options->json, error) : print(options, &recording);
}

static int parse_duration(const char *option, const char *text, uint64_t least_ns, uint64_t *ret_ns)
{
	char words[32];
	uint64_t ns;

	if (units_parse_duration(text, &ns) < 0) {
		fprintf(stderr, "mpol record: %s: %s: not a duration, such as 10s or 100ms\n",
			option, text);
		return VERB_USAGE;
	}
	if (ns < least_ns) {
		fprintf(stderr, "mpol record: %s: %s: less than %s\n", option, text,
			units_format_duration(least_ns, words, sizeof(words)));
		return VERB_USAGE;
	}
	*ret_ns = ns;
	return VERB_OK;
}

static int parse_options(int argc, char **argv, struct record_options *options)
{
	static const struct option longs[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "json", no_argument, NULL, 'j' },
		{ "output", required_argument, NULL, 'o' },
		{ "time", required_argument, NULL, 't' },
		{ 0 },
	};
	struct mpol_error error = { 0 };
	int option, r = VERB_OK;

	while (r == VERB_OK && (option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 'i':
			r = parse_duration("--interval", optarg, LEAST_INTERVAL_NS,
					   &options->interval_ns);
			break;
		case 'j':
			options->json = true;
			break;
		case 'o':
			options->output = optarg;
			break;
		case 't':
			r = parse_duration("--time", optarg, 1, &options->time_ns);
			break;
		default:
			return VERB_USAGE;
		}
	}
	if (r != VERB_OK)
		return r;
	if (argc - optind != 1 || !options->output) {
		fprintf(stderr, "mpol record: give one process id, and --output FILE\n");
		return VERB_USAGE;
	}
	if (argument_pid(argv[optind], &options->pid, &error) < 0) {
		report_error("record", options->json, &error);
		return VERB_USAGE;
	}
	return VERB_OK;
}

int cmd_record(int argc, char **argv)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	const struct sigaction action = { .sa_handler = interrupt };
	struct record_options options = {
		.time_ns = UINT64_MAX,
		.interval_ns = DEFAULT_INTERVAL_NS,
	};
	struct mpol_error error = { 0 };
	int r = parse_options(argc, argv, &options);

	if (r != VERB_OK)
		return r;
	if (mpol_process_new(NULL, options.pid, 0, &process, &error) < 0)
		return report_error("record", options.json, &error);
	/* Both end the recording; what there is of it is kept. */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return record(&options, process, &error);
}
