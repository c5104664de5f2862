/* SPDX-License-Identifier: MIT */
/* Whether derived weights still fit: see weights-age.h. */
#include "weights-age.h"

static bool is_same(const struct weights_scene *a, const struct weights_scene *b)
{
	return nodemask_equal(&a->memory, &b->memory) && nodemask_equal(&a->cpus, &b->cpus);
}

enum weights_age weights_age(const struct weights_made *made, const struct weights_scene *before,
			     const struct weights_scene *now)
{
	if (is_same(&made->scene, now))
		return WEIGHTS_FRESH;
	return is_same(before, now) ? WEIGHTS_STALE : WEIGHTS_SETTLING;
}

bool weights_foreign(const struct weights_made *made, const struct mpol_kernel_weights *table,
		     int *ret_node)
{
	for (int node = 0; node < MPOL_NODES_MAX; node++) {
		if (!made->weights[node] || !table->weights[node] ||
		    made->weights[node] == table->weights[node])
			continue;
		*ret_node = node;
		return true;
	}
	*ret_node = -1;
	return table->automatic == 1;
}
