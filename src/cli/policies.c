/* SPDX-License-Identifier: MIT */
/* Counting policies and printing them: see policies.h. */
#include "policies.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

static bool same(const struct mpol_policy *a, const struct mpol_policy *b)
{
	/* The whole structs: read from the kernel, they are zero where nothing is said. */
	return a == b || (a && b && !memcmp(a, b, sizeof(*a)));
}

static int compare_counts(const void *a, const void *b)
{
	size_t x = ((const struct policy_count *)a)->nr_threads;
	size_t y = ((const struct policy_count *)b)->nr_threads;

	return (y > x) - (y < x);
}

int policies_count(const struct mpol_process *process, pid_t tid, struct policies *ret_policies,
		   struct mpol_error *error)
{
	struct policies policies = { 0 };

	policies.counts = calloc(mpol_process_nr_threads(process) + 1, sizeof(*policies.counts));
	if (!policies.counts)
		return error_errno(error, -ENOMEM, "count policies");
	for (size_t i = 0; i < mpol_process_nr_threads(process); i++) {
		const struct mpol_thread *thread = mpol_process_thread(process, i);
		size_t j = 0;

		if (tid && thread->tid != tid)
			continue;
		while (j < policies.nr && !same(policies.counts[j].policy, thread->policy))
			j++;
		policies.counts[j].policy = thread->policy;
		policies.counts[j].nr_threads++;
		if (j == policies.nr)
			policies.nr++;
	}
	if (tid && !policies.nr) {
		policies_free(&policies);
		error_set(error, -ESRCH, "read /proc", "it has no thread %d", tid);
		error_on(error, "process %d (%s)", mpol_process_pid(process),
			 mpol_process_name(process));
		error_advise(error, "mpol show %d --threads lists its threads",
			     mpol_process_pid(process));
		return -ESRCH;
	}
	qsort(policies.counts, policies.nr, sizeof(*policies.counts), compare_counts);
	*ret_policies = policies;
	return 0;
}

void policies_free(struct policies *policies)
{
	free(policies->counts);
	*policies = (struct policies) { 0 };
}

json_t *policies_json(const struct policies *policies)
{
	json_t *array = json_array();

	for (size_t i = 0; i < policies->nr; i++)
		json_array_append_new(array,
				      json_pack("{s:o, s:I}", "policy",
						policy_json(policies->counts[i].policy), "threads",
						(json_int_t)policies->counts[i].nr_threads));
	return array;
}

const char *policy_text(const struct mpol_policy *policy, char buffer[POLICY_TEXT_SIZE])
{
	if (!policy)
		return "unknown";
	mpol_policy_format(policy, buffer, POLICY_TEXT_SIZE);
	return buffer;
}

json_t *policy_json(const struct mpol_policy *policy)
{
	_cleanup_free_ char *text = NULL;
	size_t length;

	if (!policy)
		return json_null();
	length = mpol_policy_format(policy, NULL, 0);
	text = malloc(length + 1);
	if (!text)
		return NULL;
	mpol_policy_format(policy, text, length + 1);
	return json_string(text);
}
