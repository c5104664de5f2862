/* SPDX-License-Identifier: MIT */
/* Weights of a process's own, as the verbs that give and show them need it: stripes in print. */
#ifndef CLI_STRIPING_H
#define CLI_STRIPING_H

#include <stdbool.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "cleanup.h"

DEFINE_CLEANUP(struct mpol_stripes *, mpol_stripes_free);

/* The stripes that range number index of the picture is one of; NULL: it is none. */
const struct mpol_striped *striping_of(const struct mpol_process *process, size_t index);

/* The range's own policy before a change: that of its stripes; default where it has none. */
const struct mpol_policy *striping_before(const struct mpol_process *process, size_t index);

/*
 * What the ranges that are to be cut have now, behind the nr entries of *replaced, which
 * grows; neighbours with one policy are one entry.  Returns 0 or -ENOMEM.
 */
int striping_record(const struct mpol_process *process, const struct mpol_stripes *stripes,
		    struct mpol_replaced **replaced, size_t *nr);

/* "64.00 GiB in 1 range cut into 4096 pieces, stripes of 8.00 MiB" of a plan. */
void striping_print_plan(const struct mpol_stripes *stripes);

/* The same of what was done, with stops; what had gone or was left in lines of their own. */
void striping_print_result(const struct mpol_stripes *stripes,
			   const struct mpol_stripes_result *result);

/* The plan and, unless result is NULL, what was done.  Null where there are no stripes. */
json_t *striping_json(const struct mpol_stripes *stripes, const struct mpol_stripes_result *result);

/* "weighted:0=3,1=1 (striped, 32.00 KiB)"; returns buffer. */
const char *striping_text(const struct mpol_striped *striped, char *buffer, size_t size);

/* [{"start", "end", "policy", "stripe_bytes", "pieces"}, …] of a picture. */
json_t *striping_found_json(const struct mpol_process *process);

#endif
