/* SPDX-License-Identifier: MIT */
/* Any bytes as a request's body: refused with an error, or exactly one way to name processes. */
#include <stdlib.h>
#include <string.h>

#include "bodies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_target(const struct ctl_target_body *target)
{
	const struct mpol_selector *selector = &target->wanted.selector;
	const char *text = selector->cgroup ? selector->cgroup
			   : selector->unit ? selector->unit
					    : selector->match;

	if ((target->wanted.pid != 0) + (selector->tree != 0) + (text != NULL) != 1)
		abort();
	if (target->wanted.pid < 0 || selector->tree < 0 || (text && !*text))
		abort();
	if (text && strnlen(text, CTL_NAME_BYTES) == CTL_NAME_BYTES)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ctl_target_body target;
	struct mpol_error error = { 0 };
	char reason[CTL_REASON_BYTES];
	struct ctl_hinted_range range;

	if (ctl_parse_target((const char *)data, size, &target, &error) == 0)
		check_target(&target);
	else if (!error.code || !*error.cause)
		abort();
	if (ctl_parse_reason((const char *)data, size, reason, &error) == 0 &&
	    strnlen(reason, sizeof(reason)) == sizeof(reason))
		abort();
	if (ctl_parse_hint((const char *)data, size, &range, &error) == 0 &&
	    (range.pid <= 0 || range.start >= range.end || range.hint > CTL_HINT_PINNED))
		abort();
	return 0;
}
