/* SPDX-License-Identifier: MIT */
/* Whole huge pages, or split ones: see huge-pages.h. */
#include "huge-pages.h"

#include <errno.h>
#include <string.h>

enum huge_say huge_say_both(enum huge_say one, enum huge_say other)
{
	if (one == HUGE_UNSAID || other == HUGE_UNSAID)
		return one == HUGE_UNSAID ? other : one;
	return one == HUGE_WHOLE ? one : other;
}

int huge_say_parse(const char *text, enum huge_say *ret)
{
	static const char *const names[] = {
		[HUGE_WHOLE] = "whole",
		[HUGE_SPLIT] = "split",
	};

	for (enum huge_say say = HUGE_WHOLE; say <= HUGE_SPLIT; say++)
		if (strcmp(text, names[say]) == 0) {
			*ret = say;
			return 0;
		}
	return -EINVAL;
}

bool huge_page_is_worth_splitting(const struct huge_page *page)
{
	return page->seen && page->may_move && page->hint == PORT_HINT_NONE &&
	       page->nr_splits < HUGE_MOST_SPLITS;
}
