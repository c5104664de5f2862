/* SPDX-License-Identifier: MIT */
/*
 * truth-ctl: the guest-side tool of the ground truth.  Verbs, options, printing;
 * the work is in calibrate.c and watch.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "calibrate.h"
#include "channel.h"
#include "error.h"
#include "memory.h"
#include "text.h"
#include "units.h"
#include "watch.h"

static volatile int stop_signal;

static const char usage_text[] =
	"Usage: truth-ctl VERB [ARGUMENTS]      in a guest started with lab/run --truth FILE\n"
	"\n"
	"  calibrate [--node-map FILE]   learn which address is on which node, and prove it\n"
	"  watch PID [OPTIONS]           count a process until it ends\n"
	"  run [OPTIONS] -- COMMAND...   start a program and count it; its exit status\n"
	"  start PID [OPTIONS]           count until stop; intervals end by tick\n"
	"  tick PID [OPTIONS]            end an interval; options as given to start\n"
	"  stop                          stop counting\n"
	"  mark NAME                     put a name and the time among the results\n"
	"  report [--json]               the sums since the start\n"
	"\n"
	"  --vma NAME        only ranges of that name: heap, stack, anon, or a file's\n"
	"  --range A-B       only addresses A to B (hexadecimal, B exclusive)\n"
	"  --interval TIME   end an interval every TIME (watch, run: 1s)\n"
	"  --for TIME        watch, run: stop counting after TIME\n"
	"  --pages           count each page too\n"
	"  --json            watch, run: print the sums as JSON\n"
	"  --quiet           watch, run: print nothing at the end\n"
	"\n"
	"Results go to FILE on the host, one JSON object per line: mpol-truth(5).\n";

struct options {
	struct watch watch;
	const char *node_map;
	bool json, quiet;
};

enum {
	OPTION_VMA = 256,
	OPTION_RANGE,
	OPTION_INTERVAL,
	OPTION_FOR,
	OPTION_PAGES,
	OPTION_JSON,
	OPTION_QUIET,
	OPTION_NODE_MAP,
	OPTION_HELP
};

static const struct option long_options[] = {
	{ "vma", required_argument, NULL, OPTION_VMA },
	{ "range", required_argument, NULL, OPTION_RANGE },
	{ "interval", required_argument, NULL, OPTION_INTERVAL },
	{ "for", required_argument, NULL, OPTION_FOR },
	{ "pages", no_argument, NULL, OPTION_PAGES },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "quiet", no_argument, NULL, OPTION_QUIET },
	{ "node-map", required_argument, NULL, OPTION_NODE_MAP },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

static int usage(const char *what, const char *word)
{
	fprintf(stderr, "truth-ctl: %s%s%s\n  truth-ctl --help explains.\n", what, word ? ": " : "",
		word ? word : "");
	return 2;
}

static int complain(const struct mpol_error *error)
{
	fprintf(stderr, "truth-ctl: %s%s%s: %s\n", error->step, error->object[0] ? ": " : "",
		error->object, error->cause);
	if (error->advice[0])
		fprintf(stderr, "  %s\n", error->advice);
	return 1;
}

/* ---- Options --------------------------------------------------------------------- */

static int parse_range(struct watch *watch, const char *text)
{
	char start[32];
	const char *dash = strchr(text, '-');
	uint64_t from, to;

	if (!dash || (size_t)(dash - text) >= sizeof(start) || watch->nr_ranges == WATCH_RANGES_MAX)
		return -EINVAL;
	memcpy(start, text, (size_t)(dash - text));
	start[dash - text] = '\0';
	if (parse_u64(start + 2 * (strncmp(start, "0x", 2) == 0), 16, &from) < 0 ||
	    parse_u64(dash + 1 + 2 * (strncmp(dash + 1, "0x", 2) == 0), 16, &to) < 0 || from >= to)
		return -EINVAL;
	watch->ranges[watch->nr_ranges].start = from;
	watch->ranges[watch->nr_ranges++].end = to;
	return 0;
}

static int parse_option(struct options *options, int option, const char *value)
{
	struct watch *watch = &options->watch;

	switch (option) {
	case OPTION_VMA:
		if (watch->nr_names == WATCH_NAMES_MAX)
			return -EINVAL;
		watch->names[watch->nr_names++] = value;
		return 0;
	case OPTION_RANGE:
		return parse_range(watch, value);
	case OPTION_INTERVAL:
		return units_parse_duration(value, &watch->interval_ns);
	case OPTION_FOR:
		return units_parse_duration(value, &watch->duration_ns);
	case OPTION_PAGES:
		watch->by_page = true;
		return 0;
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_QUIET:
		options->quiet = true;
		return 0;
	case OPTION_NODE_MAP:
		options->node_map = value;
		return 0;
	default:
		return -ENOENT;
	}
}

/* Returns 0, 2 after wrong usage, -1 after --help. */
static int parse_options(int argc, char **argv, struct options *options)
{
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "+:", long_options, NULL)) != -1) {
		int r;

		if (option == OPTION_HELP) {
			fputs(usage_text, stdout);
			return -1;
		}
		if (option == ':')
			return usage("an option needs a value", argv[optind - 1]);
		r = parse_option(options, option, optarg);
		if (r == -ENOENT)
			return usage("no such option", argv[optind - 1]);
		if (r < 0)
			return usage("a value that is no good", optarg);
	}
	return 0;
}

static int parse_pid(const char *word, pid_t *ret)
{
	uint64_t pid;

	if (!word || parse_u64(word, 10, &pid) < 0 || pid == 0 || pid > INT32_MAX)
		return -EINVAL;
	*ret = (pid_t)pid;
	return 0;
}

/* ---- Printing ---------------------------------------------------------------------- */

struct row {
	char name[24];
	uint64_t loads, stores;
};

static size_t read_rows(const char *words, struct row *rows, size_t max)
{
	size_t nr = 0;
	int used;

	while (nr < max && sscanf(words, " %23[^:]:%" SCNu64 ":%" SCNu64 "%n", rows[nr].name,
				  &rows[nr].loads, &rows[nr].stores, &used) == 3) {
		words += used;
		nr++;
	}
	return nr;
}

static bool is_node(const struct row *row)
{
	return row->name[0] >= '0' && row->name[0] <= '9';
}

/* The nodes, in an object of their own, come before the other rows. */
static void print_json(const struct row *rows, size_t nr)
{
	fputs("{\"nodes\":{", stdout);
	for (size_t i = 0; i < nr; i++) {
		if (i && !is_node(&rows[i]) && is_node(&rows[i - 1]))
			putchar('}');
		printf("%s\"%s\":{\"loads\":%" PRIu64 ",\"stores\":%" PRIu64 "}", i ? "," : "",
		       rows[i].name, rows[i].loads, rows[i].stores);
	}
	puts("}");
}

static void print_table(const struct row *rows, size_t nr)
{
	uint64_t all = 0;

	for (size_t i = 0; i < nr; i++)
		all += is_node(&rows[i]) ? rows[i].loads + rows[i].stores : 0;
	printf("%-12s %14s %14s %8s\n", "node", "loads", "stores", "share");
	for (size_t i = 0; i < nr; i++) {
		uint64_t sum = rows[i].loads + rows[i].stores;

		if (is_node(&rows[i]))
			printf("%-12s %14" PRIu64 " %14" PRIu64 " %7.2f%%\n", rows[i].name,
			       rows[i].loads, rows[i].stores,
			       all ? 100.0 * (double)sum / (double)all : 0.0);
		else if (sum)
			printf("%-12s %14" PRIu64 " %14" PRIu64 "\n", rows[i].name, rows[i].loads,
			       rows[i].stores);
	}
}

static int print_report(const struct options *options)
{
	_cleanup_(channel_freep) struct channel *channel = NULL;
	struct mpol_error error = { 0 };
	struct row rows[80];
	const char *words;
	size_t nr;

	if (channel_new(&channel, &error) < 0 ||
	    channel_call(channel, &words, &error, "totals") < 0)
		return complain(&error);
	nr = read_rows(words, rows, sizeof(rows) / sizeof(rows[0]));
	if (options->json)
		print_json(rows, nr);
	else
		print_table(rows, nr);
	return 0;
}

/* ---- Verbs ---------------------------------------------------------------------------- */

static int verb_calibrate(struct options *options, char **words)
{
	_cleanup_(channel_freep) struct channel *channel = NULL;
	_cleanup_(memory_map_free) struct memory_map map = { 0 };
	struct mpol_error error = { 0 };
	int r;

	(void)words;
	r = options->node_map ? memory_map_read_file(options->node_map, &map, &error)
			      : memory_map_read(&map, &error);
	if (r == 0)
		r = channel_new(&channel, &error);
	if (r == 0)
		r = calibrate(channel, &map, &error);
	return r < 0 ? complain(&error) : 0;
}

static void on_signal(int number)
{
	stop_signal = number;
}

static int follow(struct options *options)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct mpol_error error = { 0 };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (watch_follow(&options->watch, &stop_signal, &error) < 0)
		return complain(&error);
	return options->quiet ? 0 : print_report(options);
}

static int verb_watch(struct options *options, char **words)
{
	struct mpol_error error = { 0 };

	(void)words;
	if (options->watch.interval_ns == 0)
		options->watch.interval_ns = 1000000000;
	if (watch_start(&options->watch, &error) < 0)
		return complain(&error);
	return follow(options);
}

/* The child waits for the end of the pipe before it becomes the command. */
static pid_t spawn_waiting(char **command, int *ret_go)
{
	int pipe_fds[2];
	char byte;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close(pipe_fds[1]);
		if (read(pipe_fds[0], &byte, 1) != 0)
			_exit(125);
		execvp(command[0], command);
		fprintf(stderr, "truth-ctl: run %s: %s\n", command[0], strerror(errno));
		_exit(127);
	}
	close(pipe_fds[0]);
	*ret_go = pipe_fds[1];
	return pid;
}

static int verb_run(struct options *options, char **words)
{
	struct mpol_error error = { 0 };
	int go = -1, status, r;
	pid_t pid;

	if (!words[0])
		return usage("run needs a command", NULL);
	if (options->watch.nr_names)
		return usage("--vma needs a process that runs already; use --range, or watch",
			     NULL);
	pid = spawn_waiting(words, &go);
	if (pid < 0)
		return complain((error_errno(&error, pid, "fork"), &error));
	options->watch.pid = pid;
	if (options->watch.interval_ns == 0)
		options->watch.interval_ns = 1000000000;
	r = watch_start(&options->watch, &error);
	if (r < 0)
		kill(pid, SIGKILL);
	close(go);
	r = r < 0 ? complain(&error) : follow(options);
	if (waitpid(pid, &status, 0) < 0 || r != 0)
		return r ? r : 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int verb_start(struct options *options, char **words)
{
	struct mpol_error error = { 0 };

	(void)words;
	return watch_start(&options->watch, &error) < 0 ? complain(&error) : 0;
}

static int verb_tick(struct options *options, char **words)
{
	struct mpol_error error = { 0 };

	(void)words;
	return watch_tick(&options->watch, &error) < 0 ? complain(&error) : 0;
}

static int verb_stop(struct options *options, char **words)
{
	struct mpol_error error = { 0 };

	(void)options;
	(void)words;
	return watch_stop(&error) < 0 ? complain(&error) : 0;
}

static int verb_mark(struct options *options, char **words)
{
	_cleanup_(channel_freep) struct channel *channel = NULL;
	struct mpol_error error = { 0 };

	(void)options;
	if (!words[0] || words[1] || strlen(words[0]) > 64)
		return usage("mark needs one name of up to 64 letters", NULL);
	if (channel_new(&channel, &error) < 0 ||
	    channel_call(channel, NULL, &error, "mark %s %" PRIu64, words[0], guest_now_ns()) < 0)
		return complain(&error);
	return 0;
}

static int verb_report(struct options *options, char **words)
{
	(void)words;
	return print_report(options);
}

static const struct verb {
	const char *name;
	bool needs_pid;
	int (*run)(struct options *options, char **words);
} verbs[] = {
	{ "calibrate", false, verb_calibrate },
	{ "watch", true, verb_watch },
	{ "run", false, verb_run },
	{ "start", true, verb_start },
	{ "tick", true, verb_tick },
	{ "stop", false, verb_stop },
	{ "mark", false, verb_mark },
	{ "report", false, verb_report },
};

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	struct options options = { 0 };
	int r;

	if (verb->needs_pid) {
		if (parse_pid(argv[1], &options.watch.pid) < 0)
			return usage("a process id is needed after", verb->name);
		argv++;
		argc--;
	}
	r = parse_options(argc, argv, &options);
	if (r != 0)
		return r > 0 ? r : 0;
	return verb->run(&options, argv + optind);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return usage("which verb?", NULL);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		fputs(usage_text, stdout);
		return 0;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[1], verbs[i].name) == 0)
			return run_verb(&verbs[i], argc - 1, argv + 1);
	}
	return usage("no such verb", argv[1]);
}
