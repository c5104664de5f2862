/* SPDX-License-Identifier: MIT */
/* What drives bandwidth: see driving.h. */
#include "driving.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "error.h"
#include "grow.h"
#include "units.h"
#include "weights-measure.h"

/* All memory is told of where so little is to be said; else what drives. */
#define FEW 16

#define MOST_TIME_NS 3600000000000U

bool driving_option(struct driving *driving, int option, const char *argument)
{
	switch (option) {
	case DRIVING_WANTED:
		driving->wanted = true;
		return true;
	case DRIVING_TIME:
		driving->time = argument;
		return true;
	case DRIVING_TRACKER:
		driving->tracker = argument;
		return true;
	case DRIVING_TRAFFIC:
		driving->traffic = argument;
		return true;
	default:
		return false;
	}
}

static int refuse(const char *cause, const char *on, const char *advice, struct mpol_error *error)
{
	error_set(error, -EINVAL, "read options", "%s", cause);
	error_on(error, "%s", on);
	error_advise(error, "%s", advice);
	return -EINVAL;
}

int driving_read(struct driving *driving, const struct mpol_policy *policy,
		 struct mpol_error *error)
{
	if (!driving->wanted && (driving->time || driving->tracker || driving->traffic))
		return refuse("only with --driving",
			      driving->time	 ? "--time"
			      : driving->tracker ? "--tracker"
						 : "--traffic",
			      "--driving chooses ranges by what is accessed", error);
	if (!driving->wanted)
		return 0;
	driving->policy = policy;
	if (driving->time && (units_parse_duration(driving->time, &driving->time_ns) < 0 ||
			      !driving->time_ns || driving->time_ns > MOST_TIME_NS))
		return refuse("not a time to look", driving->time,
			      "a duration up to an hour, as in 10s or 500ms", error);
	if (policy->mode != MPOL_MODE_WEIGHTED_INTERLEAVE && policy->mode != MPOL_MODE_INTERLEAVE)
		return refuse("--driving is for policies that interleave", "--driving",
			      "weighted:auto, for instance: mpol-policy(7)", error);
	return driving->traffic ? argument_bandwidth("--traffic", driving->traffic,
						     &driving->traffic_bytes, error)
				: 0;
}

/* ---- Choosing ---------------------------------------------------------------------- */

/* Of one range what drives, behind the nr chosen ones. */
static int add_parts(const struct mpol_traffic *traffic, const struct iovec *range,
		     struct iovec **chosen, size_t *nr, size_t *allocated)
{
	const uint64_t first = (uintptr_t)range->iov_base, behind = first + range->iov_len;
	const struct mpol_traffic_range *part;

	for (size_t i = 0; (part = mpol_traffic_range(traffic, i)); i++) {
		const uint64_t start = part->start > first ? part->start : first;
		const uint64_t end = part->end < behind ? part->end : behind;
		struct iovec *all;

		if (!part->drives || start >= end)
			continue;
		all = grow(*chosen, *nr, allocated, sizeof(**chosen));
		if (!all)
			return -ENOMEM;
		*chosen = all;
		all[(*nr)++] = (struct iovec) { (void *)(uintptr_t)start, end - start };
	}
	return 0;
}

static int keep_driving(const struct mpol_traffic *traffic, struct iovec **ranges,
			size_t *nr_ranges, struct mpol_error *error)
{
	struct iovec *chosen = NULL;
	size_t nr = 0, allocated = 0;

	for (size_t i = 0; i < *nr_ranges; i++)
		if (add_parts(traffic, &(*ranges)[i], &chosen, &nr, &allocated) < 0) {
			free(chosen);
			return error_errno(error, -ENOMEM, "choose ranges");
		}
	free(*ranges);
	*ranges = chosen;
	*nr_ranges = nr;
	return 0;
}

int driving_choose(const struct driving *driving, const struct mpol_process *process,
		   struct iovec **ranges, size_t *nr_ranges, struct mpol_traffic **ret_traffic,
		   struct mpol_error *error)
{
	_cleanup_(mpol_topology_freep) struct mpol_topology *topology = NULL;
	_cleanup_(mpol_bandwidths_freep) struct mpol_bandwidths *measured = NULL;
	_cleanup_(mpol_traffic_freep) struct mpol_traffic *traffic = NULL;
	_cleanup_close_ int pidfd = argument_pidfd(process, error);
	struct mpol_traffic_options options = {
		.size = sizeof(options),
		.policy = driving->policy,
		.ranges = *ranges,
		.nr_ranges = *nr_ranges,
		.tracker = driving->tracker,
		.time_ns = driving->time_ns,
		.bytes = driving->traffic_bytes,
	};
	int r = pidfd < 0 ? pidfd : mpol_topology_new(NULL, &topology, error);

	if (r < 0)
		return r;
	options.measured = measured = weights_measured(topology);
	r = mpol_traffic_new(process, pidfd, &options, &traffic, error);
	if (r == 0)
		r = keep_driving(traffic, ranges, nr_ranges, error);
	if (r < 0)
		return r;
	*ret_traffic = steal_pointer(&traffic);
	return 0;
}

/* ---- Reports ----------------------------------------------------------------------- */

static void print_range(const struct mpol_traffic_range *range)
{
	char size[32], rate[32];

	units_format_bytes(range->end - range->start, size, sizeof(size));
	units_format_bandwidth(range->streamed_bytes + range->strewn_bytes, rate, sizeof(rate));
	printf("  0x%" PRIx64 "-0x%" PRIx64 " %s, %s: %s\n", range->start, range->end, size, rate,
	       range->reason);
}

void driving_print(const struct mpol_traffic *traffic)
{
	const struct mpol_traffic_total *total = mpol_traffic_total(traffic);
	const struct mpol_traffic_range *range;
	char bytes[32], capacity[32], local[32], chosen[32], all[32];
	size_t nr = 0;

	units_format_bandwidth(total->bytes, bytes, sizeof(bytes));
	units_format_bandwidth(total->capacity_bytes, capacity, sizeof(capacity));
	units_format_bandwidth(total->local_bytes, local, sizeof(local));
	units_format_bandwidth(total->chosen_bytes, chosen, sizeof(chosen));
	units_format_bandwidth(total->all_bytes, all, sizeof(all));
	printf("  traffic %s, of %s that local memory delivers (%s%s, %" PRIu32 " looks)\n", bytes,
	       capacity, total->tracker, total->sees_reads ? "" : ": writes only", total->nr_looks);
	printf("  by the model %s with all of it local, %s as chosen, %s with all interleaved\n",
	       local, chosen, all);
	while (mpol_traffic_range(traffic, nr))
		nr++;
	for (size_t i = 0; (range = mpol_traffic_range(traffic, i)); i++)
		if (nr <= FEW || range->drives)
			print_range(range);
}

static json_t *range_json(const struct mpol_traffic_range *range)
{
	return json_pack(
		"{s:o, s:o, s:I, s:I, s:b, s:s}", "start", json_sprintf("0x%" PRIx64, range->start),
		"end", json_sprintf("0x%" PRIx64, range->end), "streamed_bytes_per_s",
		(json_int_t)range->streamed_bytes, "strewn_bytes_per_s",
		(json_int_t)range->strewn_bytes, "drives", range->drives, "reason", range->reason);
}

json_t *driving_json(const struct mpol_traffic *traffic)
{
	const struct mpol_traffic_total *total = mpol_traffic_total(traffic);
	const struct mpol_traffic_range *range;
	json_t *ranges = json_array();

	for (size_t i = 0; (range = mpol_traffic_range(traffic, i)); i++)
		json_array_append_new(ranges, range_json(range));
	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "tracker", total->tracker,
			 "sees_reads", total->sees_reads, "looks", (json_int_t)total->nr_looks,
			 "bytes_per_s", (json_int_t)total->bytes, "capacity_bytes_per_s",
			 (json_int_t)total->capacity_bytes, "local_bytes_per_s",
			 (json_int_t)total->local_bytes, "chosen_bytes_per_s",
			 (json_int_t)total->chosen_bytes, "all_bytes_per_s",
			 (json_int_t)total->all_bytes, "ranges", ranges);
}
