/* SPDX-License-Identifier: MIT */
/*
 * predict.sh's simulator: a workload on a machine under one policy, where the kernel's work takes
 * the time that it took in the guest.  An emulated machine's kernel is slow, and how slow it is
 * decides how much of its work it gets done; mpol sim has the costs of a real one.
 *
 * Usage: predict MACHINE POLICY WORKLOAD MS [NAME=NUMBER]...
 *   managed.NODE, taken.NODE   pages of the node (a position), and what others have of them
 *   idle                       mappings of the program besides the workload's
 *   slow, huge                 1: its memory is all slow at first; is of huge pages
 *   entry_ps, rmap_ps, move_ns, hint_ns   struct world_costs, whose accessed_bit_ns is 0: an
 *              emulated CPU sets it for nothing
 *
 * Output: one JSON object: accesses to the first node and in all, at the end (fast, all) as of
 * every interval's beginning (line) and there with the pages moved so far, and what was moved.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "machine-file.h"
#include "scenario.h"
#include "text.h"

#define ARGUMENTS   5
#define MS_NS	    1000000
#define INTERVAL_MS 100

DEFINE_CLEANUP(struct machine *, machine_free);
DEFINE_CLEANUP(struct workload *, workload_free);
DEFINE_CLEANUP(struct outcome *, outcome_free);

static int set_cost(struct world_costs *costs, const char *name, uint64_t value)
{
	const struct {
		const char *name;
		uint32_t *cost;
	} all[] = {
		{ "entry_ps", &costs->entry_ps },
		{ "rmap_ps", &costs->rmap_ps },
		{ "move_ns", &costs->move_page_ns },
		{ "hint_ns", &costs->hint_fault_ns },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!strcmp(name, all[i].name) && value <= UINT32_MAX) {
			*all[i].cost = (uint32_t)value;
			return 0;
		}
	return -EINVAL;
}

/* NAME=NUMBER; 0 or -EINVAL. */
static int set(struct scenario *scenario, struct machine *machine, const char *text)
{
	char name[32];
	unsigned node;
	uint64_t value;
	const char *equals = strchr(text, '=');

	if (!equals || (size_t)(equals - text) >= sizeof(name) ||
	    parse_u64(equals + 1, 10, &value) < 0)
		return -EINVAL;
	memcpy(name, text, (size_t)(equals - text));
	name[equals - text] = '\0';
	if (sscanf(name, "managed.%u", &node) == 1 && node < (unsigned)machine->nr_nodes)
		machine->nodes[node].capacity_bytes = value * WORKLOAD_PAGE_BYTES;
	else if (sscanf(name, "taken.%u", &node) == 1 && node < MEMORY_MAX_NODES)
		scenario->config.kernel_pages[node] = value;
	else if (!strcmp(name, "idle"))
		scenario->config.idle_mappings = (unsigned)value;
	else if (!strcmp(name, "slow"))
		scenario->start = value ? START_SLOW : START_TOUCHED;
	else if (!strcmp(name, "huge"))
		scenario->huge = value;
	else
		return set_cost(&scenario->config.costs, name, value);
	return 0;
}

static uint64_t accesses(const struct tally *tally)
{
	uint64_t sum = 0;

	for (int node = 0; node < MEMORY_MAX_NODES; node++)
		sum += tally_accesses(tally, node);
	return sum;
}

static void print(const struct outcome *outcome)
{
	const struct tally *all = &outcome->total;

	printf("{\"fast\": %" PRIu64 ", \"all\": %" PRIu64 ", \"hint_faults\": %" PRIu64
	       ", \"promoted\": %" PRIu64 ", \"demoted\": %" PRIu64 ", \"failed\": %" PRIu64
	       ", \"kswapd_ns\": %" PRIu64 ", \"interval_ms\": %d, \"line\": [[0, 0, 0]",
	       tally_accesses(all, 0), accesses(all), all->hint_faults,
	       all->moved_pages[MOVE_PROMOTION], all->moved_pages[MOVE_DEMOTION], all->failed_pages,
	       all->kswapd_ps / 1000, INTERVAL_MS);
	for (size_t i = 0; i + 1 < outcome->nr_intervals; i++)
		printf(", [%" PRIu64 ", %" PRIu64 ", %" PRIu64 "]",
		       tally_accesses(&outcome->line[i], 0), accesses(&outcome->line[i]),
		       outcome->line[i].moved_pages[MOVE_PROMOTION] +
			       outcome->line[i].moved_pages[MOVE_DEMOTION]);
	printf("], \"placed\": %" PRIu64 "}\n", outcome->placed_pages[0]);
}

static int run(char **argv, struct machine *machine, struct scenario *scenario,
	       struct mpol_error *err)
{
	_cleanup_(workload_freep) struct workload *workload = NULL;
	_cleanup_(outcome_freep) struct outcome *outcome = NULL;
	const struct peer *peer = peer_by_name(argv[2]);
	int r;

	for (char **setting = argv + ARGUMENTS; *setting; setting++)
		if (set(scenario, machine, *setting) < 0)
			return error_set(err, -EINVAL, "predict", "%s: no setting", *setting);
	if (!peer)
		return error_set(err, -EINVAL, "predict", "%s: no policy", argv[2]);
	r = workload_new(argv[3], 1, &workload, err);
	if (r < 0)
		return r;
	scenario->machine = machine;
	scenario->workload = workload;
	r = scenario_run(scenario, peer, NULL, NULL, &outcome, err);
	if (r == 0)
		print(outcome);
	return r;
}

int main(int argc, char **argv)
{
	struct scenario scenario = {
		.copies = 1,
		.interval_ns = INTERVAL_MS * MS_NS,
		.config = {
			.quantum_ns = MS_NS,
			.costs = world_default_costs,
			.watermark_scale_factor = 10,
			.khugepaged = true,
			.paced = true, /* as lab/play.c is */
			.seed = 1,
		},
	};
	_cleanup_(machine_freep) struct machine *machine = NULL;
	struct mpol_error err = { 0 };
	uint64_t ms;
	int r;

	if (argc < ARGUMENTS || parse_u64(argv[4], 10, &ms) < 0 || ms < INTERVAL_MS) {
		fprintf(stderr, "Usage: predict MACHINE POLICY WORKLOAD MS [NAME=NUMBER]...\n");
		return 2;
	}
	scenario.config.costs.accessed_bit_ns = 0;
	scenario.duration_ns = ms * MS_NS;
	r = machine_from_file(argv[1], &machine, &err);
	if (r == 0)
		r = run(argv, machine, &scenario, &err);
	if (r < 0)
		fprintf(stderr, "predict: %s: %s: %s\n", err.step, err.object, err.cause);
	return r < 0;
}
