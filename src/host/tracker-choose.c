/* SPDX-License-Identifier: MIT */
/* Which tracker: see tracker.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "process.h"
#include "tracker.h"

/*
 * The best first; their names are TRACKER_NAMES.  Exact bits of single pages that are read cheaply;
 * the same with more cost to others, then to us; regions, which miss what is scattered;
 * writes alone, which make what is only read look idle.  What changes the whole machine is last,
 * and is never chosen unasked.
 */
static const struct tracker_kind *const kinds[] = {
#ifdef HOST_HAVE_BPF
	&tracker_ptescan,   &tracker_mglru,
#endif
	&tracker_idlepage,  &tracker_damon, &tracker_soft_dirty,
#ifdef HOST_HAVE_BPF
	&tracker_hintfault,
#endif
};

#define NR_KINDS (sizeof(kinds) / sizeof(*kinds))

const struct tracker_kind *tracker_kind(size_t index)
{
	return index < NR_KINDS ? kinds[index] : NULL;
}

const struct tracker_kind *tracker_find(const char *name)
{
	for (size_t i = 0; i < NR_KINDS; i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

/* Whether it can be opened, on this process. */
static int try(const struct tracker_kind *kind, int root, struct mpol_error *err)
{
	struct tracker *tracker;
	int r = kind->open(root, getpid(), &tracker, err);

	if (r == 0)
		kind->close(tracker);
	return r;
}

int tracker_try(const struct tracker_kind *kind, int root, struct mpol_error *err)
{
	int r = try(kind, root, err);

	return r == 0 && kind->check ? kind->check(root, err) : r;
}

static void tell(const struct tracker_kind *kind, const struct mpol_error *why,
		 struct mpol_error *ret_why)
{
	if (ret_why->code != 0)
		return;
	error_set(ret_why, why->code, kind->name, "%s", why->cause);
	error_on(ret_why, "%s", why->step);
	error_advise(ret_why, "%s", why->advice);
}

int tracker_choose(int root, const struct tracker_kind **ret, struct mpol_error *ret_why)
{
	const struct tracker_kind *fallback = NULL;

	error_clear(ret_why);
	for (size_t i = 0; i < NR_KINDS; i++) {
		const struct tracker_kind *kind = kinds[i];
		struct mpol_error why = { 0 };

		if (!kind->is_automatic)
			continue;
		if (try(kind, root, &why) == 0) {
			if (!kind->check || kind->check(root, &why) == 0) {
				*ret = kind;
				return 0;
			}
			if (!fallback)
				fallback = kind;
		}
		tell(kind, &why, ret_why);
	}
	if (!fallback)
		return -EOPNOTSUPP;
	*ret = fallback;
	return 0;
}

/* The best that sees guests, works here, and needs no more than these capabilities; NULL: none. */
static const struct tracker_kind *find_for_guests(int root, uint64_t capabilities)
{
	for (size_t i = 0; i < NR_KINDS; i++)
		if (kinds[i]->is_automatic && kinds[i]->sees_guests && kinds[i]->sees_reads &&
		    !(kinds[i]->capabilities & ~capabilities) &&
		    tracker_try(kinds[i], root, NULL) == 0)
			return kinds[i];
	return NULL;
}

const struct tracker_kind *tracker_mpolds_for_guests(int root)
{
	const struct tracker_kind *general;
	struct mpol_error why;

	if (tracker_choose(root, &general, &why) < 0)
		return NULL;
	return general->sees_guests ? general : find_for_guests(root, general->capabilities);
}

int tracker_choose_for(const struct tracker_kind *kind, int root, pid_t pid,
		       const struct tracker_kind **ret, struct mpol_error *err)
{
	const struct tracker_kind *found;
	int r;

	if (kind->sees_guests || process_runs_guests(root, pid) <= 0) {
		*ret = kind;
		return 0;
	}
	found = find_for_guests(root, UINT64_MAX);
	if (found) {
		*ret = found;
		return 0;
	}
	r = error_set(err, -EOPNOTSUPP, "follow accesses",
		      "it runs KVM guests, whose memory looks idle to %s, and no tracker that sees "
		      "them works here",
		      kind->name);
	error_on(err, "process %d", pid);
	error_advise(err, "mpol doctor says what those that do (idlepage, damon) are missing");
	return r;
}
