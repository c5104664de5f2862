/* SPDX-License-Identifier: MIT */
/*
 * Giving privileges up: see privileges.h.  Which are needed was found out by leaving out one after
 * the other; test/guest/test-privileges.sh does so with those that some tracker is chosen by.
 */
#include "privileges.h"

#include <cap-ng.h>
#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>

#include "cleanup.h"
#include "error.h"
#include "log.h"
#include "text.h"

/* Whatever the tracker. */
static const struct need {
	int capability;
	const char *without; /* what cannot be done */
} needs[] = {
	{ CAP_SYS_PTRACE, "other users' processes cannot be managed" },
	{ CAP_DAC_OVERRIDE, "other users' processes cannot be managed" },
	{ CAP_SYS_NICE, "pages that several processes share stay where they are" },
};

#define NR_NEEDS (sizeof(needs) / sizeof(*needs))

static uint64_t bit(int capability)
{
	return 1ULL << capability;
}

static uint64_t needed_for(const struct tracker_kind *tracker)
{
	uint64_t needed = tracker->capabilities;

	for (size_t i = 0; i < NR_NEEDS; i++)
		needed |= bit(needs[i].capability);
	return needed;
}

/* "CAP_SYS_NICE" */
static void append_name(struct text *text, int capability)
{
	const char *name = capng_capability_to_name((unsigned)capability);

	text_printf(text, "CAP_");
	for (; name && *name; name++)
		text_printf(text, "%c", toupper((unsigned char)*name));
}

static void say_missing(uint64_t missing)
{
	_cleanup_(text_free) struct text words = { 0 };

	for (int capability = 0; capability <= CAP_LAST_CAP; capability++) {
		const char *without = "the tracker may fail";

		if (!(missing & bit(capability)))
			continue;
		for (size_t i = 0; i < NR_NEEDS; i++)
			if (needs[i].capability == capability)
				without = needs[i].without;
		text_printf(&words, words.length ? "; " : "");
		append_name(&words, capability);
		text_printf(&words, ": %s", without);
	}
	if (words.data)
		log_warning("missing capabilities: %s.  Start it as root, or give them by "
			    "AmbientCapabilities= of its unit",
			    words.data);
}

/* Those of the process that are in the mask. */
static uint64_t permitted(uint64_t mask)
{
	uint64_t there = 0;

	for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
		if (mask & bit(capability) &&
		    capng_have_capability(CAPNG_PERMITTED, (unsigned)capability))
			there |= bit(capability);
	return there;
}

static bool keep_only(uint64_t mask)
{
	capng_select_t what = CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT;

	/* Who may not shrink the bounding set gains nothing from it: no_new_privs. */
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		what |= CAPNG_SELECT_BOUNDS;
	capng_clear(CAPNG_SELECT_ALL);
	for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
		if (mask & bit(capability))
			capng_update(CAPNG_ADD,
				     CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
				     (unsigned)capability);
	return capng_apply(what) == 0;
}

int privileges_reduce(const struct tracker_kind *tracker, struct mpol_error *err)
{
	const uint64_t needed = needed_for(tracker);
	uint64_t kept;

	if (capng_get_caps_process() < 0)
		return error_set(err, -EPERM, "give up capabilities", "they cannot be read");
	kept = permitted(needed);
	say_missing(needed & ~kept);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_errno(err, -errno, "prctl(PR_SET_NO_NEW_PRIVS)");
	if (!keep_only(kept))
		return error_set(err, -EPERM, "give up capabilities", "the kernel refused");
	return 0;
}
