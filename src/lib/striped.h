/* SPDX-License-Identifier: MIT */
/* Which ranges of a process are stripes: mpol_process_striped's answer. */
#ifndef LIB_STRIPED_H
#define LIB_STRIPED_H

#include <stdbool.h>

#include <mpol/mpol.h>

struct striped_list {
	struct mpol_striped *items;
	struct mpol_policy *policies; /* parallel to items */
	size_t nr;
};

/* Finds them among ranges in ascending order.  Returns 0 or -ENOMEM.  Free with striped_free. */
int striped_find(const struct mpol_vma *vmas, size_t nr, struct striped_list *ret);
void striped_free(struct striped_list *list);

/* The one that range number index is part of, or NULL. */
const struct mpol_striped *striped_of(const struct mpol_process *process, size_t index);

/*
 * Whether range number index, which prefers a node, is where stripes of the policy would be: also
 * where too few of them are left to be known by their looks.
 */
bool striped_follows(const struct mpol_process *process, size_t index,
		     const struct mpol_policy *policy);

#endif
