/* SPDX-License-Identifier: MIT */
/* Plans in print: see corrections.h. */
#include "corrections.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "policies.h"
#include "units.h"

size_t corrections_count(const struct mpol_plan *plan)
{
	size_t count = 0;

	for (size_t i = 0; i < mpol_plan_nr_corrections(plan); i++)
		count += mpol_plan_correction(plan, i)->code == 0;
	return count;
}

/* Whether an earlier correction without an error is of the same kind and policy. */
static bool was_counted(const struct mpol_plan *plan, size_t index)
{
	const struct mpol_correction *this = mpol_plan_correction(plan, index);

	for (size_t i = 0; i < index; i++) {
		const struct mpol_correction *other = mpol_plan_correction(plan, i);

		if (!other->code && !other->tid == !this->tid && other->wanted == this->wanted)
			return true;
	}
	return false;
}

/* "3 threads to default": all that are like the one at index. */
static void print_group(const struct mpol_plan *plan, size_t index)
{
	const struct mpol_correction *first = mpol_plan_correction(plan, index);
	char policy[POLICY_TEXT_SIZE], size[32];
	uint64_t bytes = 0;
	size_t count = 0;

	for (size_t i = index; i < mpol_plan_nr_corrections(plan); i++) {
		const struct mpol_correction *other = mpol_plan_correction(plan, i);

		if (other->code || !other->tid != !first->tid || other->wanted != first->wanted)
			continue;
		count++;
		bytes += other->end - other->start;
	}
	if (first->tid)
		printf("%zu %s", count, count > 1 ? "threads" : "thread");
	else
		printf("%zu %s (%s)", count, count > 1 ? "ranges" : "range",
		       units_format_bytes(bytes, size, sizeof(size)));
	printf(" to %s", policy_text(first->wanted, policy));
}

void corrections_print(const struct mpol_plan *plan)
{
	bool any = false;

	for (size_t i = 0; i < mpol_plan_nr_corrections(plan); i++) {
		if (mpol_plan_correction(plan, i)->code || was_counted(plan, i))
			continue;
		printf("%s", any ? ", " : "");
		print_group(plan, i);
		any = true;
	}
	if (!any)
		printf("nothing");
}

static const char *reason(int code)
{
	switch (code) {
	case -ECANCELED:
		return "somebody else has changed it since: left alone";
	case -EACCES:
		return "its cpuset allows none of the nodes";
	default:
		return strerror(-code);
	}
}

void corrections_print_others(const struct mpol_plan *plan)
{
	for (size_t i = 0; i < mpol_plan_nr_corrections(plan); i++) {
		const struct mpol_correction *correction = mpol_plan_correction(plan, i);
		char shown[POLICY_TEXT_SIZE], wanted[POLICY_TEXT_SIZE];

		if (!correction->code)
			continue;
		if (correction->tid)
			printf("  thread %d", correction->tid);
		else
			printf("  range 0x%" PRIx64 "-0x%" PRIx64, correction->start,
			       correction->end);
		printf(" has %s, not %s: %s\n", policy_text(correction->shown, shown),
		       policy_text(correction->wanted, wanted), reason(correction->code));
	}
}

static json_t *address_json(const struct mpol_correction *correction, uint64_t address)
{
	return correction->tid ? json_null() : json_sprintf("0x%" PRIx64, address);
}

json_t *corrections_json(const struct mpol_plan *plan)
{
	json_t *array = json_array();

	for (size_t i = 0; i < mpol_plan_nr_corrections(plan); i++) {
		const struct mpol_correction *correction = mpol_plan_correction(plan, i);
		json_t *thread = correction->tid ? json_integer(correction->tid) : json_null();

		json_array_append_new(
			array,
			json_pack("{s:o, s:o, s:o, s:I, s:o, s:o, s:s?}", "thread", thread, "start",
				  address_json(correction, correction->start), "end",
				  address_json(correction, correction->end), "change",
				  (json_int_t)correction->change_id, "shown",
				  policy_json(correction->shown), "policy",
				  policy_json(correction->wanted), "error",
				  correction->code ? strerrorname_np(-correction->code) : NULL));
	}
	return array;
}
