/* SPDX-License-Identifier: MIT */
/* Home nodes of whole processes: see homing.h. */
#include "homing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "policies.h"
#include "striping.h"
#include "units.h"

int homing_plan(const struct mpol_process *process, const struct mpol_policy *policy,
		struct homing *ret_homing, struct mpol_error *error)
{
	struct homing homing = { .policy = *policy };
	int r = mpol_home_new(process, policy, &homing.home, error);

	if (r < 0 || !homing.home)
		return r;
	homing.codes = calloc(homing.home->nr_ranges + 1, sizeof(*homing.codes));
	if (!homing.codes) {
		homing_free(&homing);
		return error_errno(error, -ENOMEM, "plan a home node");
	}
	*ret_homing = homing;
	return 0;
}

void homing_free(struct homing *homing)
{
	mpol_home_free(homing->home);
	free(homing->codes);
}

int homing_record(const struct homing *homing, const struct mpol_process *process,
		  struct mpol_replaced **replaced, size_t *nr)
{
	const size_t nr_ranges = homing->home->nr_ranges;
	struct mpol_replaced *all = reallocarray(*replaced, *nr + nr_ranges + 1, sizeof(*all));
	size_t index = 0;

	if (!all)
		return -ENOMEM;
	*replaced = all;
	for (size_t i = 0; i < nr_ranges; i++) {
		const struct iovec *range = &homing->home->ranges[i];
		const uint64_t start = (uintptr_t)range->iov_base;
		const struct mpol_vma *vma;

		while ((vma = mpol_process_vma(process, index)) && vma->end <= start)
			index++;
		all[(*nr)++] = (struct mpol_replaced) {
			.start = start,
			.end = start + range->iov_len,
			.policy = striping_before(process, index),
		};
	}
	return 0;
}

int homing_carry_out(struct homing *homing, int pidfd, struct mpol_error *error)
{
	const struct mpol_home *home = homing->home;
	struct mpol_policy policy = homing->policy;
	struct mpol_args args;
	int r;

	if (!home->nr_ranges)
		return 0;
	mpol_policy_to_args(&policy, &args);
	args.error = error;
	r = mpol_process_apply_ranges(pidfd, home->ranges, home->nr_ranges, &args, sizeof(args),
				      homing->codes);
	for (size_t i = 0; i < home->nr_ranges; i++) {
		homing->nr_given += homing->codes[i] == 0;
		homing->nr_gone += homing->codes[i] == -EFAULT;
	}
	homing->nr_failed = home->nr_ranges - homing->nr_given - homing->nr_gone;
	if (homing->nr_failed || !homing->nr_given)
		return r;
	error_clear(error);
	return 0;
}

/* What its threads' policy means for memory that is mapped later. */
static void print_later(const struct mpol_home *home)
{
	char policy[POLICY_TEXT_SIZE];

	printf("%s goes by %s: from ", home->by_kernel ? "what it maps later" : "all memory",
	       policy_text(&home->thread_policy, policy));
	if (home->threads_at_home)
		printf("the home node while it has room, then from the nearest\n");
	else
		printf("the node nearest to the CPU, not to the home node\n");
}

void homing_print(const struct homing *homing, bool is_done)
{
	const struct mpol_home *home = homing->home;
	char policy[POLICY_TEXT_SIZE], bytes[32];

	printf("  %s: ", policy_text(&homing->policy, policy));
	if (home->by_kernel) {
		units_format_bytes(home->bytes, bytes, sizeof(bytes));
		if (is_done)
			printf("%zu of %zu ranges (%s) have it", homing->nr_given, home->nr_ranges,
			       bytes);
		else
			printf("for %zu ranges (%s)", home->nr_ranges, bytes);
		if (homing->nr_gone)
			printf(", %zu are gone", homing->nr_gone);
		printf("; ");
	} else {
		printf("this kernel has no home nodes; ");
	}
	print_later(home);
}

json_t *homing_json(const struct homing *homing, bool is_done)
{
	const struct mpol_home *home = homing->home;
	json_t *document;

	if (!home)
		return json_null();
	document = json_pack("{s:o, s:b, s:b, s:I, s:I}", "thread_policy",
			     policy_json(&home->thread_policy), "threads_at_home",
			     home->threads_at_home, "by_kernel", home->by_kernel, "ranges",
			     (json_int_t)home->nr_ranges, "bytes", (json_int_t)home->bytes);
	if (!is_done)
		return document;
	json_object_set_new(document, "given", json_integer((json_int_t)homing->nr_given));
	json_object_set_new(document, "gone", json_integer((json_int_t)homing->nr_gone));
	json_object_set_new(document, "failed", json_integer((json_int_t)homing->nr_failed));
	return document;
}
