/* SPDX-License-Identifier: MIT */
/* Stripes in the picture of a process: see striped.h; their looks are judged in policy/stripes. */
#include "striped.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "grow.h"
#include "page.h"
#include "policy.h"
#include "ranges.h"
#include "stripes.h"

/* A range as a piece of something striped; false: it cannot be one. */
static bool as_piece(const struct mpol_vma *vma, struct stripes_run *ret)
{
	struct nodemask nodes;

	if (!vma->has_policy || vma->policy->mode != MPOL_MODE_PREFERRED ||
	    vma->policy->mode_flags || !range_is_private_anonymous(vma->permissions, vma->name))
		return false;
	nodes = policy_nodemask(vma->policy);
	*ret = (struct stripes_run) {
		.page = vma->start / PAGE_BYTES,
		.nr_pages = (vma->end - vma->start) / PAGE_BYTES,
		.node = nodemask_next(&nodes, 0),
	};
	return ret->node >= 0;
}

static int add_striped(struct striped_list *list, size_t *allocated,
		       const struct mpol_striped *striped, const struct mpol_policy *policy)
{
	struct mpol_striped *items;
	struct mpol_policy *policies;
	size_t room = *allocated;

	items = grow(list->items, list->nr, &room, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	policies = grow(list->policies, list->nr, allocated, sizeof(*policies));
	if (!policies)
		return -ENOMEM;
	list->policies = policies;
	list->items[list->nr] = *striped;
	list->policies[list->nr++] = *policy;
	return 0;
}

/* The stripes among pieces that follow each other; pieces[0] is range number first. */
static int find_among(const struct mpol_vma *vmas, size_t first, const struct stripes_run *pieces,
		      size_t nr, struct striped_list *list, size_t *allocated)
{
	size_t at = 0;

	while (at < nr) {
		struct mpol_policy policy;
		unsigned int shift;
		const size_t length = stripes_recognise(pieces + at, nr - at, &policy, &shift);
		const struct mpol_striped striped = {
			.first_vma = first + at,
			.nr_vmas = length,
			.start = vmas[first + at].start,
			.end = length ? vmas[first + at + length - 1].end : 0,
			.stripe_bytes = length ? PAGE_BYTES << shift : 0,
		};

		if (length && add_striped(list, allocated, &striped, &policy) < 0)
			return -ENOMEM;
		at += length ? length : 1;
	}
	return 0;
}

int striped_find(const struct mpol_vma *vmas, size_t nr, struct striped_list *ret)
{
	_cleanup_free_ struct stripes_run *pieces = calloc(nr + 1, sizeof(*pieces));
	_cleanup_(striped_free) struct striped_list list = { 0 };
	size_t allocated = 0;

	if (!pieces)
		return -ENOMEM;
	for (size_t first = 0, nr_pieces; first < nr; first += nr_pieces ? nr_pieces : 1) {
		nr_pieces = 0;
		while (first + nr_pieces < nr &&
		       as_piece(&vmas[first + nr_pieces], &pieces[nr_pieces]) &&
		       (!nr_pieces ||
			vmas[first + nr_pieces].start == vmas[first + nr_pieces - 1].end))
			nr_pieces++;
		if (find_among(vmas, first, pieces, nr_pieces, &list, &allocated) < 0)
			return -ENOMEM;
	}
	/* Only now, as they do not move any more. */
	for (size_t i = 0; i < list.nr; i++)
		list.items[i].policy = &list.policies[i];
	*ret = list;
	list = (struct striped_list) { 0 };
	return 0;
}

void striped_free(struct striped_list *list)
{
	free(list->items);
	free(list->policies);
	*list = (struct striped_list) { 0 };
}

const struct mpol_striped *striped_of(const struct mpol_process *process, size_t index)
{
	const struct mpol_striped *striped;

	for (size_t i = 0; (striped = mpol_process_striped(process, i)); i++)
		if (striped->first_vma <= index && index - striped->first_vma < striped->nr_vmas)
			return striped;
	return NULL;
}

bool striped_follows(const struct mpol_process *process, size_t index,
		     const struct mpol_policy *policy)
{
	const struct mpol_vma *vma = mpol_process_vma(process, index);
	struct stripes_range range;
	struct stripes_run piece, run = { 0 };

	if (!as_piece(vma, &piece))
		return false;
	range = (struct stripes_range) { .page = piece.page, .nr_pages = piece.nr_pages };
	return stripes_next(&range, policy, 0, &run) && run.node == piece.node &&
	       run.nr_pages == piece.nr_pages;
}
