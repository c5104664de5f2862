/* SPDX-License-Identifier: MIT */
/* See naming.h. */
#include "naming.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "control.h"
#include "kcore.h"

struct asked {
	uint64_t id;
	uint64_t task;
};

/* The next page of questions; their number. */
static size_t read_asked(const char *words, struct asked *asked)
{
	size_t nr = 0;
	int used;

	while (nr < UNKNOWN_MAX && sscanf(words, "%" SCNu64 ":%" SCNx64 "%n", &asked[nr].id,
					  &asked[nr].task, &used) == 2) {
		words += used;
		nr++;
	}
	return nr;
}

int naming_pass(struct channel *channel, const struct kcore *kcore, uint64_t task_offset,
		pid_t target, struct mpol_error *error)
{
	uint64_t below_id = UINT64_MAX;
	struct asked asked[UNKNOWN_MAX];
	size_t nr = UNKNOWN_MAX;

	while (nr == UNKNOWN_MAX) {
		const char *words;
		int r = channel_call(channel, &words, error, "unknown %" PRIu64, below_id);

		if (r < 0)
			return r;
		nr = read_asked(words, asked);
		for (size_t i = 0; i < nr; i++) {
			pid_t owner = kcore_owner(kcore, asked[i].task, task_offset, target);

			below_id = asked[i].id;
			/* An error is the plugin's answer that the task has ended: it stays
			 * unnamed. */
			if (owner > 0)
				channel_call(channel, NULL, NULL, "own %" PRIu64 " %d", asked[i].id,
					     owner);
		}
	}
	return 0;
}
