/* SPDX-License-Identifier: MIT */
/*
 * What comes in bodies of requests: JSON objects with known keys only.  Bounded: in length, in
 * depth (one), and in what each value may be.
 */
#ifndef CTL_BODIES_H
#define CTL_BODIES_H

#include <stddef.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "ctl-world.h"

#define CTL_NAME_BYTES	 4096 /* of a cgroup's path, a unit's name, an expression */
#define CTL_REASON_BYTES 256

/* A target; the selector's texts are in name. */
struct ctl_target_body {
	struct ctl_wanted wanted;
	char name[CTL_NAME_BYTES];
};

/* {"pid": 42}, or one of tree, cgroup, unit, match; perhaps with "huge_pages".  Errors: -EINVAL,
 * -E2BIG. */
int ctl_parse_target(const char *body, size_t length, struct ctl_target_body *ret,
		     struct mpol_error *err);

/* {"pid": 42, "range": "7f00-7f10", "hint": "hot"}.  Errors: -EINVAL, -E2BIG. */
int ctl_parse_hint(const char *body, size_t length, struct ctl_hinted_range *ret,
		   struct mpol_error *err);

/* Nothing, or {"reason": "..."}.  Errors: -EINVAL, -E2BIG. */
int ctl_parse_reason(const char *body, size_t length, char ret_reason[CTL_REASON_BYTES],
		     struct mpol_error *err);

#endif
