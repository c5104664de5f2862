/* SPDX-License-Identifier: MIT */
/*
 * Transparent huge pages: whether they stay whole, or are split, so that their base pages are
 * ranked and moved one by one.  Pure: see ports.h.
 *
 * Whoever asks for splitting asks for it where it tells something.  A huge page that nobody
 * accesses is cold in all its parts, and is known to be so while it is whole.  The kernel may join
 * base pages again (khugepaged); after HUGE_MOST_SPLITS attempts it has its way.
 */
#ifndef POLICY_HUGE_PAGES_H
#define POLICY_HUGE_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "ports.h"

/* Attempts to split the huge pages that are at one place, one after the other. */
#define HUGE_MOST_SPLITS 3

/* In a round, of all processes together; mpold's man page names it. */
#define HUGE_ROUND_SPLITS 64

/* What somebody has said of a process's huge pages. */
enum huge_say {
	HUGE_UNSAID,
	HUGE_WHOLE,
	HUGE_SPLIT,
};

/*
 * What two have said of one process: what was said counts more than what was not, and whole more
 * than split, which cannot be taken back.
 */
enum huge_say huge_say_both(enum huge_say one, enum huge_say other);

/* "whole" or "split".  Returns 0, or -EINVAL: neither of both. */
int huge_say_parse(const char *text, enum huge_say *ret);

/* A huge page, as the last round has left it. */
struct huge_page {
	uint8_t seen; /* port_span */
	enum port_hint hint;
	bool may_move;
	unsigned nr_splits; /* attempts so far, of what is at its place */
};

/* Whether to split it.  One with a hint is to be treated alike in all its parts. */
bool huge_page_is_worth_splitting(const struct huge_page *page);

#endif
