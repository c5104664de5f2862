/* SPDX-License-Identifier: MIT */
/* --driving: of the ranges that were named, only what drives memory's bandwidth. */
#ifndef CLI_DRIVING_H
#define CLI_DRIVING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "cleanup.h"

DEFINE_CLEANUP(struct mpol_traffic *, mpol_traffic_free);

enum {
	DRIVING_WANTED = 0x1300,
	DRIVING_TIME,
	DRIVING_TRACKER,
	DRIVING_TRAFFIC,
};

/* clang-format off */
#define DRIVING_LONGS                                              \
	{ "driving", no_argument, NULL, DRIVING_WANTED },          \
	{ "time", required_argument, NULL, DRIVING_TIME },         \
	{ "tracker", required_argument, NULL, DRIVING_TRACKER },   \
	{ "traffic", required_argument, NULL, DRIVING_TRAFFIC }
/* clang-format on */

#define DRIVING_SYNOPSIS " [--driving [--time DURATION] [--tracker NAME] [--traffic RATE]]"
#define DRIVING_OPTIONS                                                             \
	"  --driving       of these ranges, those only that drive bandwidth\n"      \
	"  --time D        look for so long which do, as in 10s; 2s unless given\n" \
	"  --tracker NAME  by this tracker, not the best one that works here\n"     \
	"  --traffic RATE  what the process reads and writes, where that is known\n"

/* Zero-initialise. */
struct driving {
	bool wanted;
	const char *time, *tracker, *traffic; /* as on the command line; NULL: not given */
	/* Once they are read. */
	uint64_t time_ns, traffic_bytes;
	const struct mpol_policy *policy; /* the caller's */
};

/* Takes an option if it is one of these.  Returns whether it is. */
bool driving_option(struct driving *driving, int option, const char *argument);

/*
 * Understands what was given.  Errors: -EINVAL (not a duration, not a bandwidth, --driving missing;
 * a policy that does not interleave).
 */
int driving_read(struct driving *driving, const struct mpol_policy *policy,
		 struct mpol_error *error);

/*
 * Looks at the process, and leaves of the ranges what drives bandwidth: perhaps none.  Each is
 * still within one mapping.  *ret_traffic is the reasons.  Errors: those of mpol_traffic_new.
 */
int driving_choose(const struct driving *driving, const struct mpol_process *process,
		   struct iovec **ranges, size_t *nr_ranges, struct mpol_traffic **ret_traffic,
		   struct mpol_error *error);

/* What was seen, what would flow, and what is said of which memory; lines of their own. */
void driving_print(const struct mpol_traffic *traffic);
json_t *driving_json(const struct mpol_traffic *traffic);

#endif
