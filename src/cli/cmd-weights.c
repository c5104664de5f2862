/* SPDX-License-Identifier: MIT */
/*
 * mpol weights: interleave weights derived from the machine's bandwidths, those of the kernel, and
 * how the one follows from the other.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mpol/mpol.h>

#include "arguments.h"
#include "error.h"
#include "journaling.h"
#include "nodemask.h"
#include "report.h"
#include "text.h"
#include "verbs.h"
#include "units.h"
#include "weights-change.h"
#include "weights-measure.h"
#include "weights-report.h"
#include "weights-watch.h"

#define DEFAULT_READS	2
#define DEFAULT_WRITES	1
#define MIX_MAX		1000
#define DEFAULT_TIME_NS 10000000000ULL
#define MOST_TIME_NS	3600000000000ULL

struct weights_options {
	struct journaling journaling;
	const char *root;    /* NULL: this machine */
	const char *machine; /* whose bandwidths; NULL: those of root */
	const char *from;
	const char *nodes;
	const char *mix;
	const char *time;  /* of measure */
	const char *words; /* of set: 0=3,2=1 */
	bool watch;	   /* auto: and again when nodes change */
	bool stated;	   /* what firmware states, even if something was measured */
	bool dry_run;
	bool json;
};

/* What the options come to. */
struct job {
	struct weights_options *options;
	struct mpol_topology *topology;	  /* whose bandwidths */
	struct mpol_bandwidths *measured; /* of this machine, or NULL */
	unsigned long nodes[MPOL_NODE_WORDS];
	struct mpol_weights_wish wish;
};

static void job_free(struct job *job)
{
	mpol_topology_free(job->topology);
	mpol_bandwidths_free(job->measured);
}

static void options_free(struct weights_options *options)
{
	journaling_free(&options->journaling);
}

/* ---- What the options mean ----------------------------------------------------------- */

static int refuse_mix(const char *text, struct mpol_error *error)
{
	error_set(error, -EINVAL, "read options", "not a mix of reads and writes");
	error_on(error, "--mix %s", text);
	error_advise(error, "bytes read for bytes written, each up to %d, as in 2:1", MIX_MAX);
	return -EINVAL;
}

/* "2:1" */
static int read_mix(const char *text, struct mpol_weights_wish *wish, struct mpol_error *error)
{
	char reads[8] = "";
	const char *colon = strchr(text, ':');
	uint64_t nr_reads, nr_writes;

	if (!colon || (size_t)(colon - text) >= sizeof(reads))
		return refuse_mix(text, error);
	memcpy(reads, text, (size_t)(colon - text));
	if (parse_u64(reads, 10, &nr_reads) < 0 || parse_u64(colon + 1, 10, &nr_writes) < 0 ||
	    nr_reads > MIX_MAX || nr_writes > MIX_MAX || nr_reads + nr_writes == 0)
		return refuse_mix(text, error);
	wish->reads = (uint32_t)nr_reads;
	wish->writes = (uint32_t)nr_writes;
	return 0;
}

static int read_from(const char *text, struct mpol_weights_wish *wish, struct mpol_error *error)
{
	uint64_t node;

	if (parse_u64(text, 10, &node) == 0 && node < MPOL_NODES_MAX) {
		wish->initiator = (int32_t)node;
		return 0;
	}
	error_set(error, -EINVAL, "read options", "not the number of a node");
	error_on(error, "--from %s", text);
	error_advise(error, "one node with CPUs, as in --from 0");
	return -EINVAL;
}

/* Returns 0, or a negative errno after which nothing was done. */
static int read_wish(struct job *job, struct mpol_error *error)
{
	const struct weights_options *options = job->options;
	int r = 0;

	job->wish = (struct mpol_weights_wish) {
		.initiator = -1,
		.reads = DEFAULT_READS,
		.writes = DEFAULT_WRITES,
	};
	/* Only this machine was measured. */
	if (!options->machine && !options->root && !options->stated)
		job->measured = weights_measured(job->topology);
	job->wish.measured = job->measured;
	if (options->mix)
		r = read_mix(options->mix, &job->wish, error);
	if (r >= 0 && options->from)
		r = read_from(options->from, &job->wish, error);
	if (r >= 0 && options->nodes) {
		r = argument_nodes("--nodes", options->nodes, job->topology, job->nodes, error);
		job->wish.nodes = job->nodes;
	}
	return r;
}

static int read_topology(struct job *job, struct mpol_error *error)
{
	const struct weights_options *options = job->options;

	if (options->machine)
		return mpol_topology_new_from_file(options->machine, &job->topology, error);
	return mpol_topology_new(options->root, &job->topology, error);
}

/* ---- show, explain -------------------------------------------------------------------- */

typedef int show_fn(const struct weights_report *report);

static int show(struct job *job, show_fn *print)
{
	const struct weights_options *options = job->options;
	struct mpol_kernel_weights kernel;
	struct mpol_error error = { 0 };
	struct weights_report report = { .topology = job->topology, .wish = job->wish };
	int r = -EOPNOTSUPP;

	if (options->machine)
		report.no_kernel = "a described machine has none";
	else
		r = mpol_kernel_weights_read(options->root, &kernel, &error);
	if (r < 0 && r != -EOPNOTSUPP)
		return report_error("weights", options->json, &error);
	if (r >= 0)
		report.kernel = &kernel;
	else if (!options->machine)
		report.no_kernel = error.cause;
	return options->json ? weights_report_json(&report) : print(&report);
}

static int run_show(struct job *job, struct mpol_error *error)
{
	(void)error;
	return show(job, weights_report_show);
}

static int run_explain(struct job *job, struct mpol_error *error)
{
	(void)error;
	return show(job, weights_report_explain);
}

/* ---- set, auto ------------------------------------------------------------------------ */

static int change(struct weights_options *options, const struct mpol_kernel_weights *wanted,
		  struct mpol_error *error)
{
	const struct weights_change change = {
		.verb = "weights",
		.root = options->root,
		.journaling = &options->journaling,
		.dry_run = options->dry_run,
		.json = options->json,
	};
	int r = 0;

	if (!options->dry_run)
		r = journaling_open(&options->journaling, true, error);
	return r < 0 ? VERB_FAILED : weights_set(&change, wanted);
}

/* Where the kernel cannot derive weights it is left as a boot leaves it: 1 for all. */
static void wish_default(const struct mpol_kernel_weights *now, struct mpol_kernel_weights *wanted)
{
	wanted->automatic = 1;
	for (int node = 0; node < MPOL_NODES_MAX; node++)
		wanted->weights[node] = now->weights[node] && now->automatic < 0;
}

/* A node without a weight would mean the kernel's own, whatever it is. */
static int check_all_weighted(const struct mpol_policy *policy, const char *words,
			      struct mpol_error *error)
{
	struct nodemask nodes;
	int node;

	memcpy(&nodes, policy->nodes, sizeof(nodes));
	nodemask_for_each (node, &nodes) {
		if (policy->weights[node])
			continue;
		error_set(error, -EINVAL, "read weights", "no weight is given for node %d", node);
		error_on(error, "%s", words);
		error_advise(error, "NODE=WEIGHT,... with weights from 1 to 255, as in 0=3,2=1");
		return -EINVAL;
	}
	return 0;
}

/* The weights as the policy syntax has them, without its modes and flags. */
static int read_weights(const struct job *job, const char *words,
			struct mpol_kernel_weights *wanted, struct mpol_error *error)
{
	_cleanup_free_ char *text = NULL;
	struct mpol_policy policy;
	int r;

	if (strspn(words, "0123456789,-=al") != strlen(words)) {
		error_set(error, -EINVAL, "read weights", "these are no weights");
		error_on(error, "%s", words);
		error_advise(error, "NODE=WEIGHT,... as in 0=3,2=1, or default");
		return -EINVAL;
	}
	if (asprintf(&text, "weighted:%s", words) < 0)
		return error_errno(error, -ENOMEM, "read weights");
	r = mpol_policy_parse(text, job->topology, &policy, error);
	if (r >= 0)
		r = check_all_weighted(&policy, words, error);
	if (r < 0)
		return r;
	memcpy(wanted->weights, policy.weights, sizeof(wanted->weights));
	return 0;
}

static int run_set(struct job *job, struct mpol_error *error)
{
	struct weights_options *options = job->options;
	struct mpol_kernel_weights wanted = { 0 }, now;
	int r = mpol_kernel_weights_read(options->root, &now, error);

	if (r < 0)
		return VERB_FAILED;
	if (!strcmp(options->words, "default"))
		wish_default(&now, &wanted);
	else
		r = read_weights(job, options->words, &wanted, error);
	return r < 0 ? VERB_USAGE : change(options, &wanted, error);
}

static int unknown(const struct mpol_weights_node *node, struct mpol_error *error)
{
	error_set(error, -ENODATA, "derive weights", "%s", node->reason);
	error_on(error, "node %d", node->node);
	error_advise(error,
		     "mpol weights explain shows all; weights can be given (mpol weights set "
		     "NODE=WEIGHT,...), and --nodes leaves nodes out");
	return VERB_FAILED;
}

/* The kernel's table has no 0: what is too slow for a weight gets the least. */
static void leave_out(const struct mpol_weights_node *node, struct mpol_kernel_weights *wanted)
{
	wanted->weights[node->node] = 1;
	fprintf(stderr,
		"mpol weights: node %d: %s\n"
		"  the kernel knows no weight of 0, so it gets 1: leave it out of policies\n",
		node->node, node->reason);
}

/* A description may be of another machine. */
static int check_here(const struct weights_options *options,
		      const struct mpol_kernel_weights *wanted, struct mpol_error *error)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *here = NULL;
	int r = mpol_topology_new(options->root, &here, error);

	for (int node = 0; r == 0 && node < MPOL_NODES_MAX; node++) {
		const struct mpol_node *found = mpol_topology_node_by_id(here, node);

		if (!wanted->weights[node] || (found && found->has_memory))
			continue;
		r = error_set(error, -ENODEV, "set weights", "%s",
			      found ? "it has no memory here" : "there is no such node here");
		error_on(error, "node %d of %s", node, options->machine);
		error_advise(error, "describe this machine, or choose with --nodes; mpol topo "
				    "shows what is here");
	}
	return r;
}

static int derive_and_set(struct job *job, struct mpol_error *error)
{
	_cleanup_(mpol_weights_freep) struct mpol_weights *weights = NULL;
	struct weights_options *options = job->options;
	struct mpol_kernel_weights wanted = { 0 };

	/* First: without a table nothing else matters. */
	if (mpol_kernel_weights_read(options->root, &wanted, error) < 0 ||
	    mpol_weights_derive(job->topology, &job->wish, &weights, error) < 0)
		return VERB_FAILED;
	wanted = (struct mpol_kernel_weights) { 0 };
	for (size_t i = 0; i < mpol_weights_nr_nodes(weights); i++) {
		const struct mpol_weights_node *node = mpol_weights_node(weights, i);

		if (node->initiator < 0)
			return unknown(node, error);
		wanted.weights[node->node] = (uint8_t)node->weight;
	}
	for (size_t i = 0; i < mpol_weights_nr_nodes(weights); i++)
		if (!mpol_weights_node(weights, i)->weight)
			leave_out(mpol_weights_node(weights, i), &wanted);
	if (options->machine && check_here(options, &wanted, error) < 0)
		return VERB_FAILED;
	return change(options, &wanted, error);
}

static int look_of_watch(void *user, struct weights_scene *ret_scene, struct mpol_error *error)
{
	const struct job *job = user;

	return weights_watch_look(job->options->root, ret_scene, error);
}

static int read_of_watch(void *user, struct mpol_kernel_weights *ret_table,
			 struct mpol_error *error)
{
	const struct job *job = user;

	return mpol_kernel_weights_read(job->options->root, ret_table, error);
}

/* As at first, with what is there now. */
static void derive_of_watch(void *user, const struct weights_scene *now)
{
	const struct job *first = user;
	_cleanup_(job_free) struct job job = { .options = first->options };
	struct mpol_error error = { 0 };
	char nodes[96];

	nodemask_format(&now->memory, nodes, sizeof(nodes));
	printf("nodes have changed; with memory: %s\n", nodes);
	journaling_free(&job.options->journaling);
	if (read_topology(&job, &error) >= 0 && read_wish(&job, &error) >= 0)
		derive_and_set(&job, &error);
	if (error.code < 0) {
		report_error_words("weights", &error);
		fprintf(stderr,
			"  the kernel's weights stay as they are until nodes change again\n");
	}
	fflush(stdout);
}

static int run_auto(struct job *job, struct mpol_error *error)
{
	const struct weights_watch watch = {
		.look = look_of_watch,
		.read = read_of_watch,
		.derive = derive_of_watch,
		.wait = weights_watch_wait,
		.user = job,
	};
	int status = derive_and_set(job, error);

	if (status != VERB_OK || !job->options->watch)
		return status;
	fflush(stdout);
	return weights_watch(&watch, error) < 0 ? VERB_FAILED : VERB_OK;
}

/* ---- measure -------------------------------------------------------------------------- */

static int run_measure(struct job *job, struct mpol_error *error)
{
	const char *text = job->options->time;
	uint64_t time_ns = DEFAULT_TIME_NS;

	if (!text ||
	    (units_parse_duration(text, &time_ns) == 0 && time_ns && time_ns <= MOST_TIME_NS))
		return weights_measure(job->topology, time_ns, job->options->json);
	error_set(error, -EINVAL, "read options", "not a time to measure for");
	error_on(error, "--time %s", text);
	error_advise(error, "a number with its unit, up to an hour, as in 10s");
	return VERB_USAGE;
}

/* ---- The verb --------------------------------------------------------------------------- */

struct action {
	const char *name;
	int (*run)(struct job *job, struct mpol_error *error); /* a verb's status */
	bool derives;					       /* takes --from and so on */
	bool changes;					       /* takes --dry-run and so on */
	bool takes_words;
	bool measures; /* takes --time */
};

static const struct action actions[] = {
	{ .name = "show", .run = run_show, .derives = true },
	{ .name = "explain", .run = run_explain, .derives = true },
	{ .name = "auto", .run = run_auto, .derives = true, .changes = true },
	{ .name = "measure", .run = run_measure, .measures = true },
	{ .name = "set", .run = run_set, .changes = true, .takes_words = true },
};

#define ACTION_NAMES "show, explain, auto, measure or set"

static int parse_options(int argc, char **argv, struct weights_options *options)
{
	static const struct option longs[] = {
		{ "dry-run", no_argument, NULL, 'd' },
		{ "from", required_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "machine", required_argument, NULL, 'm' },
		{ "mix", required_argument, NULL, 'x' },
		{ "nodes", required_argument, NULL, 'n' },
		{ "root", required_argument, NULL, 'r' },
		{ "stated", no_argument, NULL, 's' },
		{ "time", required_argument, NULL, 't' },
		{ "watch", no_argument, NULL, 'w' },
		JOURNALING_LONGS,
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (journaling_option(&options->journaling, option, optarg))
			continue;
		switch (option) {
		case 'd':
			options->dry_run = true;
			break;
		case 'f':
			options->from = optarg;
			break;
		case 'j':
			options->json = true;
			break;
		case 'm':
			options->machine = optarg;
			break;
		case 'x':
			options->mix = optarg;
			break;
		case 'n':
			options->nodes = optarg;
			break;
		case 'r':
			options->root = optarg;
			break;
		case 's':
			options->stated = true;
			break;
		case 't':
			options->time = optarg;
			break;
		case 'w':
			options->watch = true;
			break;
		default:
			return VERB_USAGE;
		}
	}
	return VERB_OK;
}

static int usage(const char *words)
{
	fprintf(stderr, "mpol weights: %s\n  mpol weights --help\n", words);
	return VERB_USAGE;
}

static int check_options(const struct action *action, const struct weights_options *options)
{
	if (!action->derives && (options->machine || options->from || options->nodes ||
				 options->mix || options->stated))
		return usage("--machine, --from, --nodes, --mix and --stated are for what is "
			     "derived");
	if (!action->measures && options->time)
		return usage("--time is for measure");
	if (action->measures && options->root)
		return usage("measure is for this machine, not for a --root");
	if (options->watch && (!action->derives || !action->changes || options->machine ||
			       options->nodes || options->dry_run || options->json))
		return usage(
			"--watch is for auto, without --machine, --nodes, --dry-run and --json");
	if (!action->changes &&
	    (options->dry_run || options->journaling.path || options->journaling.off))
		return usage("--dry-run, --journal and --no-journal are for auto and set");
	return VERB_OK;
}

/* The action that the words name, and its argument. */
static const struct action *read_action(char **words, int nr_words, struct weights_options *options)
{
	for (size_t i = 0; nr_words && i < sizeof(actions) / sizeof(actions[0]); i++) {
		const struct action *action = &actions[i];

		if (strcmp(words[0], action->name))
			continue;
		if (nr_words != 1 + action->takes_words)
			return NULL;
		options->words = words[1];
		return action;
	}
	return NULL;
}

static int run_action(const struct action *action, struct weights_options *options)
{
	_cleanup_(job_free) struct job job = { .options = options };
	struct mpol_error error = { 0 };
	int status;

	/* What is changed below another root is nobody's business here. */
	if (options->root && !options->journaling.path)
		options->journaling.off = true;
	if (read_topology(&job, &error) < 0)
		return report_error("weights", options->json, &error);
	if (action->derives && read_wish(&job, &error) < 0) {
		report_error("weights", options->json, &error);
		return VERB_USAGE;
	}
	status = action->run(&job, &error);
	/* What failed further in has been reported there. */
	if (error.code < 0)
		report_error("weights", options->json, &error);
	return status;
}

int cmd_weights(int argc, char **argv)
{
	_cleanup_(options_free) struct weights_options options = { 0 };
	const struct action *action;
	int r = parse_options(argc, argv, &options);

	if (r != VERB_OK)
		return r;
	action = read_action(argv + optind, argc - optind, &options);
	if (!action)
		return usage("takes " ACTION_NAMES " NODE=WEIGHT,...");
	r = check_options(action, &options);
	return r != VERB_OK ? r : run_action(action, &options);
}
