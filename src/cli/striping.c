/* SPDX-License-Identifier: MIT */
/* Stripes in print, and what they replace: see striping.h. */
#include "striping.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policies.h"
#include "units.h"

static const struct mpol_policy no_policy = { .mode = MPOL_MODE_DEFAULT };

const struct mpol_striped *striping_of(const struct mpol_process *process, size_t index)
{
	const struct mpol_striped *striped;

	for (size_t i = 0; (striped = mpol_process_striped(process, i)); i++)
		if (striped->first_vma <= index && index - striped->first_vma < striped->nr_vmas)
			return striped;
	return NULL;
}

const struct mpol_policy *striping_before(const struct mpol_process *process, size_t index)
{
	const struct mpol_striped *striped = striping_of(process, index);
	const struct mpol_vma *vma = mpol_process_vma(process, index);

	if (striped)
		return striped->policy;
	return vma && vma->has_policy > 0 ? vma->policy : &no_policy;
}

int striping_record(const struct mpol_process *process, const struct mpol_stripes *stripes,
		    struct mpol_replaced **replaced, size_t *nr)
{
	const size_t most = *nr + mpol_process_nr_vmas(process) + mpol_stripes_nr_ranges(stripes);
	struct mpol_replaced *all = reallocarray(*replaced, most + 1, sizeof(*all));
	const struct mpol_stripes_range *range;
	const struct mpol_vma *vma;
	size_t index = 0;

	if (!all)
		return -ENOMEM;
	*replaced = all;
	for (size_t i = 0; (range = mpol_stripes_range(stripes, i)); i++) {
		const size_t first = *nr;

		while (range->stripe_bytes && (vma = mpol_process_vma(process, index)) &&
		       vma->start < range->end) {
			struct mpol_replaced part = {
				.start = vma->start > range->start ? vma->start : range->start,
				.end = vma->end < range->end ? vma->end : range->end,
				.policy = striping_before(process, index),
			};

			if (*nr > first && part.start < part.end &&
			    all[*nr - 1].end == part.start && all[*nr - 1].policy == part.policy)
				all[*nr - 1].end = part.end;
			else if (part.start < part.end)
				all[(*nr)++] = part;
			/* The next range may begin within the same mapping. */
			if (vma->end > range->end)
				break;
			index++;
		}
	}
	return 0;
}

/* What of a plan is cut, and what not. */
struct sums {
	size_t nr_ranges, nr_left;
	uint64_t nr_pieces, bytes, left_bytes;
	uint64_t least_bytes, most_bytes; /* of a stripe */
};

static struct sums sum_up(const struct mpol_stripes *stripes)
{
	const struct mpol_stripes_range *range;
	struct sums sums = { .least_bytes = UINT64_MAX };

	for (size_t i = 0; (range = mpol_stripes_range(stripes, i)); i++) {
		if (!range->stripe_bytes) {
			sums.nr_left++;
			sums.left_bytes += range->end - range->start;
			continue;
		}
		sums.nr_ranges++;
		sums.nr_pieces += range->nr_pieces;
		sums.bytes += range->end - range->start;
		if (range->stripe_bytes < sums.least_bytes)
			sums.least_bytes = range->stripe_bytes;
		if (range->stripe_bytes > sums.most_bytes)
			sums.most_bytes = range->stripe_bytes;
	}
	return sums;
}

static void print_sums(const struct sums *sums)
{
	char bytes[32], least[32], most[32];

	if (!sums->nr_ranges) {
		printf("nothing is large enough for stripes");
		return;
	}
	printf("%s in %zu %s cut into %" PRIu64 " pieces, stripes of %s",
	       units_format_bytes(sums->bytes, bytes, sizeof(bytes)), sums->nr_ranges,
	       sums->nr_ranges == 1 ? "range" : "ranges", sums->nr_pieces,
	       units_format_bytes(sums->least_bytes, least, sizeof(least)));
	if (sums->most_bytes > sums->least_bytes)
		printf(" to %s", units_format_bytes(sums->most_bytes, most, sizeof(most)));
}

void striping_print_plan(const struct mpol_stripes *stripes)
{
	const struct sums sums = sum_up(stripes);

	print_sums(&sums);
}

void striping_print_result(const struct mpol_stripes *stripes,
			   const struct mpol_stripes_result *result)
{
	struct sums sums = sum_up(stripes);
	char bytes[32], longest[32], total[32];

	sums.nr_ranges = result->nr_ranges;
	sums.nr_pieces = result->nr_pieces;
	sums.bytes = result->bytes;
	print_sums(&sums);
	printf("; %" PRIu64 " %s, longest %s, %s in all\n", result->nr_stops,
	       result->nr_stops == 1 ? "stop" : "stops",
	       units_format_duration(result->longest_stop_ns, longest, sizeof(longest)),
	       units_format_duration(result->total_stop_ns, total, sizeof(total)));
	if (result->left_bytes)
		printf("  %s in %zu %s too small for stripes: placed by the threads' policy\n",
		       units_format_bytes(result->left_bytes, bytes, sizeof(bytes)), sums.nr_left,
		       sums.nr_left == 1 ? "range" : "ranges");
	if (result->vanished_bytes)
		printf("  %s had gone before it could be cut\n",
		       units_format_bytes(result->vanished_bytes, bytes, sizeof(bytes)));
}

static json_t *range_json(const struct mpol_stripes_range *range)
{
	return json_pack("{s:o, s:o, s:I, s:I, s:s?}", "start",
			 json_sprintf("0x%" PRIx64, range->start), "end",
			 json_sprintf("0x%" PRIx64, range->end), "stripe_bytes",
			 (json_int_t)range->stripe_bytes, "pieces", (json_int_t)range->nr_pieces,
			 "error", range->code ? strerrorname_np(-range->code) : NULL);
}

json_t *striping_json(const struct mpol_stripes *stripes, const struct mpol_stripes_result *result)
{
	json_t *ranges = json_array(), *document;

	if (!stripes) {
		json_decref(ranges);
		return json_null();
	}
	for (size_t i = 0; i < mpol_stripes_nr_ranges(stripes); i++)
		json_array_append_new(ranges, range_json(mpol_stripes_range(stripes, i)));
	document = json_pack("{s:o, s:o}", "thread_policy",
			     policy_json(mpol_stripes_thread_policy(stripes)), "ranges", ranges);
	if (!result)
		return document;
	json_object_set_new(
		document, "done",
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "ranges",
			  (json_int_t)result->nr_ranges, "pieces", (json_int_t)result->nr_pieces,
			  "bytes", (json_int_t)result->bytes, "left_bytes",
			  (json_int_t)result->left_bytes, "vanished_bytes",
			  (json_int_t)result->vanished_bytes, "stops", (json_int_t)result->nr_stops,
			  "longest_stop_ns", (json_int_t)result->longest_stop_ns, "total_stop_ns",
			  (json_int_t)result->total_stop_ns));
	return document;
}

const char *striping_text(const struct mpol_striped *striped, char *buffer, size_t size)
{
	char policy[POLICY_TEXT_SIZE], stripe[32];

	snprintf(buffer, size, "%s (striped, %s)", policy_text(striped->policy, policy),
		 units_format_bytes(striped->stripe_bytes, stripe, sizeof(stripe)));
	return buffer;
}

json_t *striping_found_json(const struct mpol_process *process)
{
	const struct mpol_striped *striped;
	json_t *array = json_array();

	for (size_t i = 0; (striped = mpol_process_striped(process, i)); i++)
		json_array_append_new(array,
				      json_pack("{s:o, s:o, s:o, s:I, s:I}", "start",
						json_sprintf("0x%" PRIx64, striped->start), "end",
						json_sprintf("0x%" PRIx64, striped->end), "policy",
						policy_json(striped->policy), "stripe_bytes",
						(json_int_t)striped->stripe_bytes, "pieces",
						(json_int_t)striped->nr_vmas));
	return array;
}
