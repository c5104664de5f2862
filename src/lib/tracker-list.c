/* SPDX-License-Identifier: MIT */
/* mpol_tracker_list: the trackers that mpold has, and which of them work here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "rootfs.h"
#include "tracker.h"

struct listed {
	struct mpol_tracker_kind kind;
	struct mpol_error missing;
};

struct mpol_tracker_list {
	size_t nr;
	struct listed items[];
};

DEFINE_CLEANUP(struct mpol_tracker_list *, mpol_tracker_list_free);

/* Tries it; what it lacks is the errors' business, and no error of the list's. */
static void fill_in(struct listed *listed, const struct tracker_kind *kind, int root)
{
	listed->kind = (struct mpol_tracker_kind) {
		.name = kind->name,
		.summary = kind->summary,
		.side_effects = kind->side_effects,
		.granularity_pages = kind->granularity_pages,
		.clear_ns = kind->clear_ns,
		.scan_ns = kind->scan_ns,
		.fault_ns = kind->target_fault_ns,
		.flags = (kind->is_automatic ? MPOL_TRACKER_AUTOMATIC : 0) |
			 (kind->sees_reads ? MPOL_TRACKER_READS : 0) |
			 (kind->sees_guests ? MPOL_TRACKER_GUESTS : 0),
		.missing = &listed->missing,
	};
	if (tracker_try(kind, root, &listed->missing) == 0)
		listed->kind.flags |= MPOL_TRACKER_WORKS;
}

/* As tracker_choose does, which would try them once more. */
static void choose(struct mpol_tracker_list *list, int root)
{
	const unsigned int wanted = MPOL_TRACKER_AUTOMATIC | MPOL_TRACKER_WORKS;
	const struct tracker_kind *fallback = NULL;
	struct mpol_error why;

	for (size_t i = 0; i < list->nr; i++)
		if ((list->items[i].kind.flags & wanted) == wanted) {
			list->items[i].kind.flags |= MPOL_TRACKER_CHOSEN;
			return;
		}
	tracker_choose(root, &fallback, &why);
	for (size_t i = 0; i < list->nr; i++)
		if (tracker_kind(i) == fallback)
			list->items[i].kind.flags |= MPOL_TRACKER_CHOSEN;
}

int mpol_tracker_list_new(struct mpol_tracker_list **ret_list, struct mpol_error *error)
{
	_cleanup_(mpol_tracker_list_freep) struct mpol_tracker_list *list = NULL;
	_cleanup_close_ int root = rootfs_open(NULL);
	size_t nr = 0;

	error_clear(error);
	if (root < 0)
		return error_errno(error, root, "open /");
	while (tracker_kind(nr))
		nr++;
	list = calloc(1, sizeof(*list) + nr * sizeof(*list->items));
	if (!list)
		return error_errno(error, -ENOMEM, "list trackers");
	for (; list->nr < nr; list->nr++)
		fill_in(&list->items[list->nr], tracker_kind(list->nr), root);
	choose(list, root);
	*ret_list = steal_pointer(&list);
	return 0;
}

void mpol_tracker_list_free(struct mpol_tracker_list *list)
{
	free(list);
}

size_t mpol_tracker_list_nr(const struct mpol_tracker_list *list)
{
	return list->nr;
}

const struct mpol_tracker_kind *mpol_tracker_list_at(const struct mpol_tracker_list *list,
						     size_t index)
{
	return index < list->nr ? &list->items[index].kind : NULL;
}
