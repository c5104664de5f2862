/* SPDX-License-Identifier: MIT */
/* mpold: reads the command line, wires, runs, frees. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mpol/mpol.h>

#include "log.h"
#include "manager.h"
#include "units.h"

#define EXIT_USAGE 2

#define MOST_PIDS      1024
#define MOST_SELECTORS 64

struct options {
	struct manager_config manager;
	pid_t pids[MOST_PIDS];
	size_t nr_pids;
	struct mpol_selector selectors[MOST_SELECTORS];
	size_t nr_selectors;
};

static const char usage_text[] =
	"Usage: mpold [--pid PID] [--cgroup PATH] [--match REGEX] [--tree PID] [--unit UNIT]...\n"
	"             [--budget PERCENT] [--bandwidth SPEED] [--tracker NAME] [--rule NAME]\n"
	"             [--dry-run]\n\n"
	"Keeps hot pages of processes in fast memory and cold ones in slow memory.\n\n"
	"  --pid PID           manage this process\n"
	"  --cgroup PATH       those of a cgroup, now and as they come; so, too:\n"
	"  --match REGEX       those whose command line matches\n"
	"  --tree PID          a process and its descendants\n"
	"  --unit UNIT         those of a systemd unit\n"
	"  --budget PERCENT    of a CPU, for looking at memory: 1%\n"
	"  --bandwidth SPEED   move so much per second at most: 1GiB/s\n"
	"  --tracker NAME      see accesses this way: " TRACKER_NAMES "; the best that works\n"
	"  --rule NAME         who is hot enough: " RULE_NAMES "\n"
	"  --dry-run           look and decide, move nothing\n"
	"  --help, --version\n\n"
	"See mpold(8).\n";

static int usage(const char *what, const char *value)
{
	fprintf(stderr, "mpold: %s: %s\n  mpold --help\n", value, what);
	return EXIT_USAGE;
}

static int parse_pid(const char *text, pid_t *ret_pid)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(text, &end, 10);
	if (end == text || *end || errno || pid <= 0 || pid > INT32_MAX)
		return usage("not a process id", text);
	*ret_pid = (pid_t)pid;
	return EXIT_SUCCESS;
}

static int add_pid(struct options *options, const char *text)
{
	if (options->nr_pids == MOST_PIDS)
		return usage("too many processes", text);
	return parse_pid(text, &options->pids[options->nr_pids++]);
}

static int add_selector(struct options *options, int option, const char *text)
{
	struct mpol_selector *selector = &options->selectors[options->nr_selectors];

	if (options->nr_selectors == MOST_SELECTORS)
		return usage("too many selectors", text);
	options->nr_selectors++;
	selector->size = sizeof(*selector);
	switch (option) {
	case 'c':
		selector->cgroup = text;
		break;
	case 'm':
		selector->match = text;
		break;
	case 'u':
		selector->unit = text;
		break;
	default:
		return parse_pid(text, &selector->tree);
	}
	return EXIT_SUCCESS;
}

/* "1%" or "0.25%", in parts per million. */
static int parse_budget(const char *text, uint64_t *ret_ppm)
{
	char *end;
	double percent = strtod(text, &end);

	if (end == text || strcmp(end, "%") != 0 || !(percent >= 0.01 && percent <= 100))
		return usage("not a share of a CPU from 0.01% to 100%", text);
	*ret_ppm = (uint64_t)(percent * 10000);
	return EXIT_SUCCESS;
}

/* Returns EXIT_SUCCESS, EXIT_USAGE, or -1: all is said and done. */
static int parse(int argc, char **argv, struct options *options)
{
	static const struct option longs[] = {
		{ "bandwidth", required_argument, NULL, 'b' },
		{ "budget", required_argument, NULL, 'B' },
		{ "cgroup", required_argument, NULL, 'c' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ "match", required_argument, NULL, 'm' },
		{ "pid", required_argument, NULL, 'p' },
		{ "rule", required_argument, NULL, 'r' },
		{ "tracker", required_argument, NULL, 'T' },
		{ "tree", required_argument, NULL, 't' },
		{ "unit", required_argument, NULL, 'u' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int option, r = EXIT_SUCCESS;

	while (r == EXIT_SUCCESS && (option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 'b':
			if (units_parse_bandwidth(optarg, &options->manager.tiering.bytes_per_s) <
			    0)
				r = usage("not a bandwidth, such as 500MB/s", optarg);
			break;
		case 'B':
			r = parse_budget(optarg, &options->manager.tiering.budget_ppm);
			break;
		case 'c':
		case 'm':
		case 't':
		case 'u':
			r = add_selector(options, option, optarg);
			break;
		case 'n':
			options->manager.dry_run = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return -1;
		case 'p':
			r = add_pid(options, optarg);
			break;
		case 'r':
			options->manager.tiering.rule = rule_find(optarg);
			if (!options->manager.tiering.rule)
				r = usage("no such rule; there are " RULE_NAMES, optarg);
			break;
		case 'T':
			options->manager.tracker = tracker_find(optarg);
			if (!options->manager.tracker)
				r = usage("no such tracker; there are " TRACKER_NAMES, optarg);
			break;
		case 'v':
			printf("mpold %s\n", mpol_version());
			return -1;
		default:
			return EXIT_USAGE;
		}
	}
	if (r == EXIT_SUCCESS && optind < argc)
		return usage("it takes options only", argv[optind]);
	if (r == EXIT_SUCCESS && !options->nr_pids && !options->nr_selectors)
		return usage("whose memory? Name processes, such as --pid PID", argv[0]);
	return r;
}

static void say(const struct mpol_error *error)
{
	log_error("%s%s%s: %s", error->step, *error->object ? ": " : "", error->object,
		  error->cause);
	if (*error->advice)
		log_error("  %s", error->advice);
}

static int run(const struct options *options, struct mpol_error *error)
{
	_cleanup_(manager_freep) struct manager *manager = NULL;
	int r = manager_new(&options->manager, &manager, error);

	for (size_t i = 0; i < options->nr_pids && r == 0; i++) {
		const struct roster_request request = { .pid = options->pids[i] };

		r = manager_add(manager, &request, NULL, error);
	}
	for (size_t i = 0; i < options->nr_selectors && r == 0; i++) {
		const struct roster_request request = { .selector = options->selectors[i] };

		r = manager_add(manager, &request, NULL, error);
	}
	return r < 0 ? r : manager_run(manager, error);
}

int main(int argc, char **argv)
{
	struct options options = {
		.manager = {
			.tiering = {
				.budget_ppm = 10000,
				.least_period_ns = 100000000,
				.bytes_per_s = 1UL << 30,
			},
			.call_ns = 10000000,
		},
	};
	struct mpol_error error = { 0 };
	int r = parse(argc, argv, &options);

	if (r != EXIT_SUCCESS)
		return r < 0 ? EXIT_SUCCESS : r;
	if (run(&options, &error) < 0) {
		say(&error);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
