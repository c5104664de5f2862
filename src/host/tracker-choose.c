/* SPDX-License-Identifier: MIT */
/* Which tracker: see tracker.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "tracker.h"
#ifdef HOST_HAVE_BPF
#include "tracker-ptescan.h"
#endif

/* The best first; their names are TRACKER_NAMES. */
static const struct tracker_kind *const kinds[] = {
#ifdef HOST_HAVE_BPF
	&tracker_ptescan,
#endif
	&tracker_soft_dirty,
};

#define NR_KINDS (sizeof(kinds) / sizeof(*kinds))

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
