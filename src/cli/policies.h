/* SPDX-License-Identifier: MIT */
/* Which policies the threads of a process have, counted, and policies in print. */
#ifndef CLI_POLICIES_H
#define CLI_POLICIES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <jansson.h>
#include <mpol/mpol.h>

/* Room for a policy's text on a terminal; longer ones are cut. */
#define POLICY_TEXT_SIZE 256

struct policy_count {
	const struct mpol_policy *policy; /* the process's; NULL: could not be read */
	size_t nr_threads;
};

/* Zero-initialise; free with policies_free. */
struct policies {
	struct policy_count *counts; /* the most frequent first */
	size_t nr;
};

/*
 * Counts the policies of all threads of the process, or of thread tid alone.
 * Returns 0, -ESRCH (no such thread) or -ENOMEM.
 */
int policies_count(const struct mpol_process *process, pid_t tid, struct policies *ret_policies,
		   struct mpol_error *error);
void policies_free(struct policies *policies);

/* [{"policy": "bind:0-1", "threads": 4}, …] */
json_t *policies_json(const struct policies *policies);

/* The policy in mpol-policy(7)'s syntax, "unknown" and null for NULL.  Returns buffer. */
const char *policy_text(const struct mpol_policy *policy, char buffer[POLICY_TEXT_SIZE]);
json_t *policy_json(const struct mpol_policy *policy);

#endif
