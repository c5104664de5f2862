/* SPDX-License-Identifier: MIT */
/* A home node for a whole process, as mpol set gives it: ranges, what they had, what is said. */
#ifndef CLI_HOMING_H
#define CLI_HOMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <mpol/mpol.h>

/* Zero-initialise; free with homing_free. */
struct homing {
	struct mpol_home *home; /* NULL: the policy has no home node */
	struct mpol_policy policy;
	int32_t *codes; /* parallel to home->ranges, once it was tried */
	size_t nr_given, nr_gone, nr_failed;
};

/* Plans it for a policy that has a home node; nothing for others.  Errors: of mpol_home_new. */
int homing_plan(const struct mpol_process *process, const struct mpol_policy *policy,
		struct homing *ret_homing, struct mpol_error *error);
void homing_free(struct homing *homing);

/*
 * What the ranges that are to get it have now, behind the nr entries of *replaced, which grows.
 * Returns 0 or -ENOMEM.
 */
int homing_record(const struct homing *homing, const struct mpol_process *process,
		  struct mpol_replaced **replaced, size_t *nr);

/* Gives it to the ranges, if any; those that are gone meanwhile are no failure. */
int homing_carry_out(struct homing *homing, int pidfd, struct mpol_error *error);

/* A line that says which memory is served how: as planned, or as done. */
void homing_print(const struct homing *homing, bool is_done);

/* The same; null where there is none. */
json_t *homing_json(const struct homing *homing, bool is_done);

#endif
