/* SPDX-License-Identifier: MIT */
/*
 * Decisions about what is to be put right, and what becomes of policies under a
 * cpuset; the tables follow what the kernel was seen to do.
 */
#include "cmocka-all.h"

#include <stdio.h>
#include <string.h>

#include "correction.h"
#include "policy.h"

static struct mpol_policy policy(const char *text)
{
	struct mpol_policy parsed;

	assert_int_equal(policy_parse(text, NULL, &parsed, NULL), 0);
	return parsed;
}

static struct nodemask nodes(const char *text)
{
	struct nodemask parsed;

	assert_int_equal(nodemask_parse(text, &parsed), 0);
	return parsed;
}

/* What becomes of a policy within allowed; NULL: the kernel refuses it. */
static const struct {
	const char *intended, *allowed, *effective;
} effects[] = {
	{ "default", "0-2", "default" },
	{ "local", "1", "local" },
	{ "bind:0-1", "0-2", "bind:0-1" },
	{ "bind:0-1", "0", "bind:0" },
	{ "bind:0-1", "2", NULL },
	{ "bind:0,3", "0-2", "bind:0" },
	{ "interleave:0-2", "1-2", "interleave:1-2" },
	{ "weighted:0-2", "0,2", "weighted:0,2" },
	{ "prefer:1", "0-2", "prefer:1" },
	{ "prefer:1", "0", NULL },
	{ "prefer-many:0-2", "1", "prefer-many:1" },
	{ "bind:0-1+static", "1-2", "bind:1+static" },
	{ "bind:0-1+balancing", "1-2", "bind:1+balancing" },
	/* Relative: node n is the n-th that is allowed, counting round. */
	{ "bind:0-1+relative", "1-2", "bind:1-2+relative" },
	{ "bind:1+relative", "3,5,9", "bind:5+relative" },
	{ "bind:4+relative", "3,5,9", "bind:5+relative" },
	{ "bind:0-7+relative", "3,5,9", "bind:3,5,9+relative" },
	{ "interleave:2,5+relative", "0,7", "interleave:0,7+relative" },
	{ "prefer:3+relative", "4-5", "prefer:5+relative" },
	{ "bind:1023+relative", "0-1023", "bind:1023+relative" },
};

static void test_effective(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
		struct mpol_policy intended = policy(effects[i].intended), effective = { 0 };
		struct nodemask allowed = nodes(effects[i].allowed);
		bool some = policy_effective(&intended, &allowed, &effective);
		char text[256] = "";

		if (some)
			policy_format(&effective, text, sizeof(text));
		if (strcmp(text, effects[i].effective ? effects[i].effective : "") != 0)
			fail_msg("%s within %s is \"%s\"", effects[i].intended, effects[i].allowed,
				 text);
	}
}

/* What is not shown does not count; everything else does. */
static const struct {
	const char *policy, *shown;
	bool same;
} displays[] = {
	{ "default", "default", true },		 { "default", "local", false },
	{ "bind:0-1,home=1", "bind:0-1", true }, { "weighted:0=3,1=1", "weighted:0-1", true },
	{ "bind:0+balancing", "bind:0", true }, /* old kernels */
	{ "bind:0+static", "bind:0", false },	 { "bind:0+static", "bind:0+relative", false },
	{ "bind:0", "prefer-many:0", false },	 { "bind:0", "bind:0-1", false },
};

static void test_shows_as(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(displays) / sizeof(displays[0]); i++) {
		struct mpol_policy wanted = policy(displays[i].policy);
		struct mpol_policy shown = policy(displays[i].shown);

		if (policy_shows_as(&wanted, &shown) != displays[i].same)
			fail_msg("%s, shown %s", displays[i].policy, displays[i].shown);
	}
}

/* Set within nodes 0-2; shown now, within allowed. */
static const struct {
	const char *intended, *shown, *allowed;
	enum correction drift;
} drifts[] = {
	{ "bind:0-1", "bind:0-1", "0-2", CORRECTION_NONE },
	{ "bind:0-1", "bind:0", "0", CORRECTION_NONE },
	/* Narrowed and widened again: the kernel has forgotten. */
	{ "bind:0-1", "bind:0", "0-2", CORRECTION_WANTED },
	/* Moved by position from 0-1 to 1-2, of which only 1 was meant. */
	{ "bind:0-1", "bind:1-2", "1-2", CORRECTION_WANTED },
	{ "bind:0-1", "bind:2", "2", CORRECTION_FOREIGN },
	{ "bind:0-1+static", "bind:1+static", "1-2", CORRECTION_NONE },
	{ "bind:0-1+static", "bind:2+static", "2", CORRECTION_NONE }, /* all that are allowed */
	{ "bind:0-1+static", "bind:1-2+static", "1-2", CORRECTION_WANTED },
	{ "bind:0-1+static", "bind:2+static", "0-2", CORRECTION_WANTED },
	{ "bind:0-1+relative", "bind:1-2+relative", "1-2", CORRECTION_NONE },
	{ "bind:0-1+relative", "bind:0-1+relative", "1-2", CORRECTION_WANTED },
	/* The kernel leaves these alone, also outside of the cpuset. */
	{ "prefer:1", "prefer:1", "0", CORRECTION_NONE },
	{ "prefer-many:0-1", "prefer-many:0-1", "0", CORRECTION_NONE },
	{ "prefer-many:0-1", "prefer-many:0", "0", CORRECTION_NONE },
	{ "prefer-many:0-1", "prefer-many:0", "0-2", CORRECTION_WANTED },
	{ "prefer:1", "prefer:0", "0-2", CORRECTION_WANTED },
	/* Somebody else's. */
	{ "bind:0-1", "default", "0-2", CORRECTION_WANTED },
	{ "default", "local", "0-2", CORRECTION_WANTED },
	{ "default", "local", "2", CORRECTION_WANTED },
	{ "local", "local", "2", CORRECTION_NONE },
};

static void test_drift(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(drifts) / sizeof(drifts[0]); i++) {
		struct mpol_policy intended = policy(drifts[i].intended);
		struct mpol_policy shown = policy(drifts[i].shown);
		const struct seen seen = { &shown, nodes(drifts[i].allowed) };

		if (correction_drift(&intended, &seen) != drifts[i].drift)
			fail_msg("%s, shown %s within %s", drifts[i].intended, drifts[i].shown,
				 drifts[i].allowed);
	}
}

static const struct {
	const char *intended, *replaced, *shown, *allowed;
	enum correction undo;
} undos[] = {
	{ "bind:0", "default", "bind:0", "0-2", CORRECTION_WANTED },
	{ "bind:0", "default", "default", "0-2", CORRECTION_NONE },
	{ "bind:0", "default", "local", "0-2", CORRECTION_FOREIGN },
	{ "bind:0", "local", "bind:0-1", "0-2", CORRECTION_FOREIGN },
	{ "bind:0-1", "default", "bind:0", "0", CORRECTION_WANTED },
	{ "bind:0-1", "default", "bind:0", "0-2", CORRECTION_FOREIGN },
	{ "prefer:1", "default", "prefer:1", "0", CORRECTION_WANTED },
	{ "bind:0+static", "default", "bind:2+static", "2", CORRECTION_WANTED },
	/* Both look alike: nothing to do. */
	{ "bind:0-1", "bind:0", "bind:0", "0", CORRECTION_NONE },
};

static void test_undo(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(undos) / sizeof(undos[0]); i++) {
		struct mpol_policy intended = policy(undos[i].intended);
		struct mpol_policy replaced = policy(undos[i].replaced);
		struct mpol_policy shown = policy(undos[i].shown);
		const struct seen seen = { &shown, nodes(undos[i].allowed) };

		if (correction_undo(&intended, &replaced, &seen) != undos[i].undo)
			fail_msg("%s for %s, shown %s within %s", undos[i].intended,
				 undos[i].replaced, undos[i].shown, undos[i].allowed);
	}
}

/* Its own, if the change knew the thread; what most had, if it was made since. */
static void test_replaced(void **state)
{
	struct mpol_policy local = policy("local"), bind = policy("bind:0");
	const struct mpol_replaced replaced[] = {
		{ .tid = 10, .start_ticks = 5, .policy = &local },
		{ .tid = 11, .start_ticks = 5, .policy = &bind },
		{ .tid = 12, .start_ticks = 6, .policy = &bind },
	};
	struct mpol_change change = { .replaced = replaced, .nr_replaced = 3 };

	(void)state;
	assert_ptr_equal(correction_replaced(&change, 10, 5), &local);
	assert_ptr_equal(correction_replaced(&change, 12, 6), &bind);
	assert_ptr_equal(correction_replaced(&change, 13, 9), &bind);
	/* The number of a thread that has ended, used again. */
	assert_ptr_equal(correction_replaced(&change, 10, 9), &bind);
	change.nr_replaced = 0;
	assert_null(correction_replaced(&change, 10, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_effective), cmocka_unit_test(test_shows_as),
		cmocka_unit_test(test_drift),	  cmocka_unit_test(test_undo),
		cmocka_unit_test(test_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
