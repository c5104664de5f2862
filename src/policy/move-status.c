/* SPDX-License-Identifier: MIT */
/* Statuses of move_pages(2): see move-status.h. */
#include "move-status.h"

#include <errno.h>

static bool is_written(const int *status, size_t i)
{
	return status[i] != MOVE_STATUS_NOT_WRITTEN;
}

struct move_stop move_status_stop(const int *status, size_t nr)
{
	struct move_stop stop = { .end = nr, .next = nr };
	size_t written = nr; /* and those before it, one more than the last */

	while (written > 0 && !is_written(status, written - 1))
		written--;
	if (written >= 2 && !is_written(status, written - 2)) {
		stop.end = written - 1;
		stop.next = written;
		written = stop.end;
		while (written > 0 && !is_written(status, written - 1))
			written--;
	}
	stop.first = written;
	return stop;
}

enum move_outcome move_status_judge(int status, bool stayed)
{
	switch (status) {
	case -ENOENT:
		return MOVE_GONE;
	case -EACCES:
		return MOVE_NEVER;
	case -ENOMEM:
		return MOVE_NO_ROOM;
	default:
		if (status >= 0)
			return MOVE_DONE;
		return stayed ? MOVE_NEVER : MOVE_LATER;
	}
}
