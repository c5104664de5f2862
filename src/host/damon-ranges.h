/* SPDX-License-Identifier: MIT */
/*
 * Where DAMON is to look: the mappings of a process, joined where they are close, in
 * few ranges.  Pure.  DAMON never joins what two ranges hold, so each is a region at least; and
 * of the three ranges that it makes by itself ("vaddr") one may be a hole of many GiB.
 */
#ifndef HOST_DAMON_RANGES_H
#define HOST_DAMON_RANGES_H

#include <stddef.h>

#include "damon-sysfs.h"

#define DAMON_RANGES_MAX 64

struct damon_ranges {
	size_t nr;
	struct damon_range items[DAMON_RANGES_MAX]; /* ascending, apart, whole pages */
};

/*
 * From the text of /proc/PID/maps, which is written to.  What may not be accessed at all is left
 * out; where there would be too many ranges the smallest gaps are taken in.
 * Returns 0 or -EBADMSG.
 */
int damon_ranges_read(char *maps, struct damon_ranges *ret);

#endif
