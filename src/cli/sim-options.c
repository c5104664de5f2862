/* SPDX-License-Identifier: MIT */
/* The command line of mpol sim: see sim-options.h. */
#include "sim-options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "cleanup.h"
#include "derived-policy.h"
#include "error.h"
#include "machine-file.h"
#include "machine-of-topology.h"
#include "page.h"
#include "policy.h"
#include "report.h"
#include "units.h"
#include "verbs.h"

/* What is compared where nobody says. */
#define DEFAULT_PEERS "mpol,numab,first-touch,oracle"

#define DEFAULT_DURATION_NS 30000000000ULL
#define QUANTUM_NS	    1000000ULL

/* So many points in a time line, where nobody says. */
#define DEFAULT_INTERVALS 300

#define MAX_REGION_POLICIES 16

/* As given, in texts that are looked at when the machine and the workload are known. */
struct texts {
	const char *machine, *workload, *trace, *peers, *policy;
	const char *region_policies[MAX_REGION_POLICIES];
	unsigned nr_region_policies;
};

/* Options that name a node and a size: NODE=SIZE. */
enum size_option { SIZE_MEMORY, SIZE_KERNEL, SIZE_CACHE, NR_SIZE_OPTIONS };

#define MAX_SIZES 64

struct sizes {
	const char *texts[NR_SIZE_OPTIONS][MAX_SIZES];
	unsigned nr[NR_SIZE_OPTIONS];
};

static int usage(const char *option, const char *text, const char *what)
{
	fprintf(stderr, "mpol sim: %s: %s: %s\n", option, text, what);
	return VERB_USAGE;
}

static int parse_start(const char *text, enum scenario_start *ret_start)
{
	static const char *const names[] = {
		[START_TOUCHED] = "touched",
		[START_SLOW] = "slow",
		[START_ABSENT] = "absent",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(text, names[i]) == 0) {
			*ret_start = (enum scenario_start)i;
			return VERB_OK;
		}
	return usage("--start", text, "neither touched nor slow nor absent");
}

static int parse_duration(const char *option, const char *text, uint64_t *ret_ns)
{
	uint64_t ns;

	if (units_parse_duration(text, &ns) < 0)
		return usage(option, text, "not a duration, such as 30s or 100ms");
	if (ns < QUANTUM_NS)
		return usage(option, text, "less than 1 ms");
	*ret_ns = ns;
	return VERB_OK;
}

static int parse_number(const char *option, const char *text, uint64_t least, uint64_t most,
			uint64_t *ret_number)
{
	char *end;
	unsigned long long number;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || number < least || number > most) {
		fprintf(stderr, "mpol sim: %s: %s: not a number from %" PRIu64 " to %" PRIu64 "\n",
			option, text, least, most);
		return VERB_USAGE;
	}
	*ret_number = number;
	return VERB_OK;
}

static int add_size(struct sizes *sizes, enum size_option option, const char *text)
{
	if (sizes->nr[option] == MAX_SIZES)
		return usage("sizes of nodes", text, "too many");
	sizes->texts[option][sizes->nr[option]++] = text;
	return VERB_OK;
}

/* Whether POLICY is given for a region, "NAME=POLICY": no policy's name ends with "=". */
static const char *region_end(const char *text)
{
	const char *equals = strchr(text, '='), *colon = strchr(text, ':');

	return equals && (!colon || equals < colon) ? equals : NULL;
}

static int add_policy(struct texts *texts, const char *text)
{
	if (!region_end(text)) {
		texts->policy = text;
		return VERB_OK;
	}
	if (texts->nr_region_policies == MAX_REGION_POLICIES)
		return usage("--mempolicy", text, "too many regions");
	texts->region_policies[texts->nr_region_policies++] = text;
	return VERB_OK;
}

static const struct option longs[] = {
	{ "cache", required_argument, NULL, 'c' },
	{ "copies", required_argument, NULL, 'C' },
	{ "interval", required_argument, NULL, 'i' },
	{ "json", no_argument, NULL, 'j' },
	{ "kernel", required_argument, NULL, 'k' },
	{ "list", no_argument, NULL, 'l' },
	{ "machine", required_argument, NULL, 'm' },
	{ "memory", required_argument, NULL, 'M' },
	{ "mempolicy", required_argument, NULL, 'p' },
	{ "plot", required_argument, NULL, 'P' },
	{ "policy", required_argument, NULL, 'o' },
	{ "seed", required_argument, NULL, 's' },
	{ "start", required_argument, NULL, 'S' },
	{ "swap", no_argument, NULL, 'w' },
	{ "thp", no_argument, NULL, 'H' },
	{ "time", required_argument, NULL, 't' },
	{ "trace", required_argument, NULL, 'r' },
	{ "workload", required_argument, NULL, 'W' },
	{ 0 },
};

static int take(int option, struct sim_options *options, struct texts *texts, struct sizes *sizes)
{
	struct scenario *scenario = &options->scenario;
	uint64_t number = 0;
	int r = VERB_OK;

	switch (option) {
	case 'c':
		return add_size(sizes, SIZE_CACHE, optarg);
	case 'C':
		r = parse_number("--copies", optarg, 1, 1024, &number);
		scenario->copies = (unsigned)number;
		return r;
	case 'i':
		return parse_duration("--interval", optarg, &scenario->interval_ns);
	case 'j':
		options->json = true;
		return r;
	case 'k':
		return add_size(sizes, SIZE_KERNEL, optarg);
	case 'l':
		options->list = true;
		return r;
	case 'm':
		texts->machine = optarg;
		return r;
	case 'M':
		return add_size(sizes, SIZE_MEMORY, optarg);
	case 'p':
		return add_policy(texts, optarg);
	case 'P':
		options->plot = optarg;
		return r;
	case 'o':
		texts->peers = optarg;
		return r;
	case 's':
		return parse_number("--seed", optarg, 0, UINT64_MAX, &scenario->config.seed);
	case 'S':
		return parse_start(optarg, &scenario->start);
	case 'w':
		scenario->config.swap = true;
		return r;
	case 'H':
		scenario->huge = true;
		return r;
	case 't':
		return parse_duration("--time", optarg, &scenario->duration_ns);
	case 'r':
		texts->trace = optarg;
		return r;
	case 'W':
		texts->workload = optarg;
		return r;
	default:
		return VERB_USAGE;
	}
}

static int read_peers(const char *text, struct sim_options *options)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *name;

	if (!copy)
		return usage("--policy", text, "out of memory");
	while ((name = strsep(&rest, ","))) {
		const struct peer *peer = peer_by_name(name);

		if (!peer)
			return usage("--policy", name, "no such policy; mpol sim --list has them");
		for (unsigned i = 0; i < options->nr_peers; i++)
			if (options->peers[i] == peer)
				return usage("--policy", name, "named twice");
		if (options->nr_peers == SIM_MAX_PEERS)
			return usage("--policy", text, "too many");
		options->peers[options->nr_peers++] = peer;
	}
	return VERB_OK;
}

static int read_machine(const char *text, struct sim_options *options)
{
	struct mpol_error error = { 0 };
	int r = text ? machine_from_file(text, &options->machine, &error)
		     : machine_of_this(&options->machine, &error);

	if (r < 0)
		return report_error("sim", options->json, &error);
	options->scenario.machine = options->machine;
	return VERB_OK;
}

static int apply_size(struct sim_options *options, enum size_option option, const char *text)
{
	static const char *const names[] = { "--memory", "--kernel", "--cache" };
	struct machine *machine = options->machine;
	struct world_config *config = &options->scenario.config;
	uint64_t bytes;
	char *end;
	long id = strtol(text, &end, 10);
	int node;

	if (end == text || *end != '=' || units_parse_bytes(end + 1, &bytes) < 0)
		return usage(names[option], text, "not NODE=SIZE, such as 0=16GiB");
	node = id >= 0 && id < NODES_MAX ? machine_index(machine, (int)id) : -1;
	if (node < 0 || node >= MEMORY_MAX_NODES || !machine->nodes[node].capacity_bytes)
		return usage(names[option], text, "the machine has no such node with memory");
	if (option == SIZE_MEMORY)
		machine->nodes[node].capacity_bytes = bytes;
	else if (option == SIZE_KERNEL)
		config->kernel_pages[node] = bytes / PAGE_BYTES;
	else
		config->cache_pages[node] = bytes / PAGE_BYTES;
	if (option == SIZE_MEMORY && bytes < PAGE_BYTES)
		return usage(names[option], text, "less than a page");
	return VERB_OK;
}

static int apply_sizes(struct sim_options *options, const struct sizes *sizes)
{
	for (enum size_option option = 0; option < NR_SIZE_OPTIONS; option++)
		for (unsigned i = 0; i < sizes->nr[option]; i++) {
			int r = apply_size(options, option, sizes->texts[option][i]);

			if (r != VERB_OK)
				return r;
		}
	return VERB_OK;
}

static int read_workload(const struct texts *texts, struct sim_options *options)
{
	const uint64_t seed = options->scenario.config.seed;
	struct mpol_error error = { 0 };
	int r;

	if (!texts->workload == !texts->trace) {
		fprintf(stderr,
			"mpol sim: give one of --workload, such as zipf:size=8GiB, and --trace\n"
			"  mpol-workload(5) has the workloads\n");
		return VERB_USAGE;
	}
	r = texts->trace ? workload_from_trace(texts->trace, seed, &options->workload, &error)
			 : workload_new(texts->workload, seed, &options->workload, &error);
	if (r < 0)
		return report_error("sim", options->json, &error);
	options->workload_text = texts->trace ? texts->trace : texts->workload;
	options->scenario.workload = options->workload;
	return VERB_OK;
}

/* Weights are derived from what the machine was described with; of this one also from measurements.
 */
static int derive_policy(const char *machine, const char *text, struct mpol_policy *ret_policy,
			 struct mpol_error *error)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *topology = NULL;
	int r;

	if (!machine)
		return argument_policy(text, ret_policy, error);
	r = mpol_topology_new_from_file(machine, &topology, error);
	return r < 0 ? r : derived_policy(text, topology, NULL, ret_policy, error);
}

static int read_policy(const struct texts *texts, struct sim_options *options, const char *text,
		       struct mpol_policy *ret_policy)
{
	struct policy_nodes nodes = { .memory = machine_memory_nodes(options->machine) };
	struct mpol_error error = { 0 };
	int r;

	for (int i = 0; i < options->machine->nr_nodes; i++)
		nodemask_set(&nodes.online, options->machine->nodes[i].id);
	r = derived_policy_meant(text) ? derive_policy(texts->machine, text, ret_policy, &error)
				       : policy_parse(text, &nodes, ret_policy, &error);
	return r < 0 ? report_error("sim", options->json, &error) : VERB_OK;
}

/* The workload's region of that name, or -1. */
static int find_region(const struct workload_info *info, const char *name, size_t length)
{
	for (unsigned i = 0; i < info->nr_regions; i++)
		if (strlen(info->regions[i].name) == length &&
		    strncmp(info->regions[i].name, name, length) == 0)
			return (int)i;
	return -1;
}

static int read_policies(const struct texts *texts, struct sim_options *options)
{
	const struct workload_info *info = workload_info(options->workload);
	int r = VERB_OK;

	options->region_policies = calloc(MAX_REGION_POLICIES, sizeof(*options->region_policies));
	options->by_region = calloc(info->nr_regions, sizeof(*options->by_region));
	if (!options->region_policies || !options->by_region)
		return usage("--mempolicy", "", "out of memory");
	if (texts->policy)
		r = read_policy(texts, options, texts->policy, &options->scenario.policy);
	for (unsigned i = 0; i < texts->nr_region_policies && r == VERB_OK; i++) {
		const char *text = texts->region_policies[i], *end = region_end(text);
		const int region = find_region(info, text, (size_t)(end - text));

		if (region < 0)
			return usage("--mempolicy", text,
				     "the workload has no region of that name");
		r = read_policy(texts, options, end + 1, &options->region_policies[i]);
		options->by_region[region] = &options->region_policies[i];
	}
	options->scenario.region_policies = options->by_region;
	return r;
}

/* Intervals are whole quanta: a time line shows what was at their ends. */
static int resolve_interval(struct scenario *scenario)
{
	uint64_t interval_ns = scenario->interval_ns;

	if (!interval_ns)
		interval_ns = (scenario->duration_ns + DEFAULT_INTERVALS - 1) / DEFAULT_INTERVALS;
	interval_ns = (interval_ns + QUANTUM_NS - 1) / QUANTUM_NS * QUANTUM_NS;
	if (scenario->duration_ns / interval_ns >= SCENARIO_MAX_INTERVALS) {
		fprintf(stderr,
			"mpol sim: --interval: too short for so long a time: %d intervals at "
			"most\n",
			SCENARIO_MAX_INTERVALS - 1);
		return VERB_USAGE;
	}
	scenario->interval_ns = interval_ns;
	return VERB_OK;
}

int sim_options_read(int argc, char **argv, struct sim_options *options)
{
	struct texts texts = { .peers = DEFAULT_PEERS };
	struct sizes sizes = { 0 };
	int option, r;

	*options = (struct sim_options){
		.scenario = {
			.copies = 1,
			.duration_ns = DEFAULT_DURATION_NS,
			.config = {
				.quantum_ns = QUANTUM_NS,
				.costs = world_default_costs,
				.watermark_scale_factor = 10,
				.khugepaged = true,
				.seed = 1,
			},
		},
	};
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		r = take(option, options, &texts, &sizes);
		if (r != VERB_OK)
			return r;
	}
	if (optind < argc)
		return usage("arguments", argv[optind], "it takes options only");
	if (options->list)
		return VERB_OK;
	r = resolve_interval(&options->scenario);
	if (r == VERB_OK)
		r = read_peers(texts.peers, options);
	if (r == VERB_OK)
		r = read_machine(texts.machine, options);
	if (r == VERB_OK)
		r = apply_sizes(options, &sizes);
	if (r == VERB_OK)
		r = read_workload(&texts, options);
	return r == VERB_OK ? read_policies(&texts, options) : r;
}

void sim_options_done(struct sim_options *options)
{
	machine_free(options->machine);
	workload_free(options->workload);
	free(options->region_policies);
	free(options->by_region);
}
