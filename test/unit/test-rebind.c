/* SPDX-License-Identifier: MIT */
/* Policies whose cpuset changes: what the kernel was seen to do, and what its code says. */
#include "cmocka-all.h"

#include <stdio.h>

#include "policy.h"
#include "rebind.h"

/* A policy over some nodes, and its nodes after each change of the cpuset. */
static const struct {
	const char *policy, *allowed[4], *nodes[4];
} changes[] = {
	{ "bind:0-1", { "0-2", "1-2", "2", "0-2" }, { "0-1", "1-2", "2", "0" } },
	{ "interleave:0-1", { "0-2", "1-2", "2", "0-2" }, { "0-1", "1-2", "2", "0" } },
	{ "weighted:0,2", { "0-2", "0-1", "1", "0-2" }, { "0,2", "0", "1", "0" } },
	{ "bind:0,3", { "0-3", "4-6", "0-3", "1" }, { "0,3", "4", "0", "1" } },
	{ "bind:0-1+static", { "0-2", "1-2", "2", "0-2" }, { "0-1", "1", "2", "0-1" } },
	{ "interleave:0-1+static", { "0-2", "2,4", "1", "0-2" }, { "0-1", "2,4", "1", "0-1" } },
	{ "bind:0-1+relative", { "0-2", "1-2", "2", "0-2" }, { "0-1", "1-2", "2", "0-1" } },
	{ "weighted:1,3+relative", { "0-2", "4-7", "5,9", "0" }, { "0-1", "5,7", "9", "0" } },
	/* Positions within {0,1}, not within {0,1,2}; from then on as without a flag. */
	{ "bind:0-1+balancing", { "0-2", "1-2", "2", "0-2" }, { "0-1", "1-2", "2", "0" } },
	{ "bind:1-2+balancing", { "0-2", "3-5", "0-2", "0-2" }, { "1-2", "3-4", "0-1", "0-1" } },
	{ "bind:1-2", { "0-2", "3-5", "0-2", "0-2" }, { "1-2", "4-5", "1-2", "1-2" } },
	{ "prefer:1", { "0-2", "2", "0", "0-2" }, { "1", "1", "1", "1" } },
	{ "prefer:1+static", { "0-2", "2", "0", "0-2" }, { "1", "1", "1", "1" } },
	{ "prefer-many:0-1", { "0-2", "2", "0", "0-2" }, { "0-1", "0-1", "0-1", "0-1" } },
	{ "prefer-many:0-1+relative", { "1-2", "2", "0", "0-2" }, { "1-2", "1-2", "1-2", "1-2" } },
	{ "local", { "0-2", "2", "0", "0-2" }, { "", "", "", "" } },
	{ "default", { "0-2", "2", "0", "0-2" }, { "", "", "", "" } },
};

static struct nodemask mask(const char *list)
{
	struct nodemask parsed;

	assert_int_equal(nodemask_parse(list, &parsed), 0);
	return parsed;
}

static void assert_nodes(const struct mpol_policy *policy, const char *expected)
{
	const struct nodemask nodes = policy_nodemask(policy);
	char text[64];

	nodemask_format(&nodes, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void test_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct nodemask allowed = mask(changes[i].allowed[0]);
		struct mpol_policy policy;
		struct rebind rebind;

		assert_int_equal(policy_parse(changes[i].policy, NULL, &policy, NULL), 0);
		assert_true(rebind_start(&policy, &allowed, &rebind));
		assert_nodes(&rebind.policy, changes[i].nodes[0]);
		for (int step = 1; step < 4; step++) {
			allowed = mask(changes[i].allowed[step]);
			rebind_allowed(&rebind, &allowed);
			assert_nodes(&rebind.policy, changes[i].nodes[step]);
		}
		assert_int_equal(rebind.policy.mode, policy.mode);
		assert_int_equal(rebind.policy.mode_flags, policy.mode_flags);
	}
}

static void test_refused(void **state)
{
	const struct nodemask allowed = mask("0-2");
	struct mpol_policy policy;
	struct rebind rebind = { .remembered = mask("7") };
	const struct nodemask before = rebind.remembered;

	(void)state;
	assert_int_equal(policy_parse("bind:3-4", NULL, &policy, NULL), 0);
	assert_false(rebind_start(&policy, &allowed, &rebind));
	assert_true(nodemask_equal(&rebind.remembered, &before));
}

static void test_remap(void **state)
{
	const struct nodemask nodes = mask("0,4,6,9"), old = mask("4-7"), none = mask("");
	const struct nodemask three = mask("10,20,1023"), one = mask("3");
	struct nodemask mapped = rebind_remap(&nodes, &old, &three), expected = mask("0,9-10,1023");

	(void)state;
	assert_true(nodemask_equal(&mapped, &expected));
	mapped = rebind_remap(&nodes, &old, &one);
	expected = mask("0,3,9");
	assert_true(nodemask_equal(&mapped, &expected));
	mapped = rebind_remap(&nodes, &old, &none);
	assert_true(nodemask_equal(&mapped, &nodes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_remap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
