/* SPDX-License-Identifier: MIT */
/* For guest tests in C: lines "ok" and "not ok". */
#ifndef TEST_GUEST_CHECK_H
#define TEST_GUEST_CHECK_H

#include <stdbool.h>
#include <stdio.h>

/* Sentences that did not hold; the test's status tells of them. */
static int failures;

static inline void check(bool holds, const char *sentence)
{
	printf("%s - %s\n", holds ? "ok" : "not ok", sentence);
	failures += !holds;
}

#endif
