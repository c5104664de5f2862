/* SPDX-License-Identifier: MIT */
/* What policies wish for: on a machine of four nodes, the third without memory, weights 5, 3, -, 1.
 */
#include "cmocka-all.h"

#include "policy.h"
#include "wish.h"

static const uint8_t weights[NODES_MAX] = { 5, 3, 9, 0 };

static struct wish wish(const char *text, const char *leaving)
{
	struct wish_nodes nodes = { .weights = weights };
	struct mpol_policy policy;

	assert_int_equal(nodemask_parse("0-1,3", &nodes.usable), 0);
	if (leaving)
		assert_int_equal(nodemask_parse(leaving, &nodes.leaving), 0);
	assert_int_equal(policy_parse(text, NULL, &policy, NULL), 0);
	return wish_of_policy(&policy, &nodes);
}

static void check(const char *text, const char *leaving, enum wish_kind kind, const char *expected)
{
	const struct wish got = wish(text, leaving);
	char words[128];

	assert_int_equal(got.kind, kind);
	if (!expected)
		return;
	policy_format(&got.policy, words, sizeof(words));
	assert_string_equal(words, expected);
}

static void test_shares(void **state)
{
	(void)state;
	check("interleave:0-1", NULL, WISH_SHARES, "weighted:0-1=1");
	check("weighted:0-1", NULL, WISH_SHARES, "weighted:0=5,1=3");
	check("weighted:0=7,1=1", NULL, WISH_SHARES, "weighted:0=7,1=1");
	/* The kernel takes 0 for 1; node 2 has no memory. */
	check("weighted:0-3", NULL, WISH_SHARES, "weighted:0=5,1=3,3=1");
	check("weighted:0-1,3", "0", WISH_SHARES, "weighted:1=3,3=1");
	check("interleave:0", NULL, WISH_SHARES, "weighted:0=1");
}

static void test_keeps(void **state)
{
	(void)state;
	check("bind:0-1", NULL, WISH_KEEPS, "prefer-many:0-1");
	check("prefer-many:1,3", NULL, WISH_KEEPS, "prefer-many:1,3");
	check("prefer:3", NULL, WISH_KEEPS, "prefer-many:3");
	check("bind:0-1", "1", WISH_KEEPS, "prefer-many:0");
}

static void test_none(void **state)
{
	(void)state;
	check("default", NULL, WISH_NONE, NULL);
	check("local", NULL, WISH_NONE, NULL);
	check("bind:2", NULL, WISH_NONE, NULL);
	check("interleave:0-1", "0-1,3", WISH_NONE, NULL);
}

/* Where a policy has nothing left, or says nothing, a node that leaves is emptied all the same. */
static void test_leaving(void **state)
{
	(void)state;
	check("default", "1", WISH_KEEPS, "prefer-many:0,3");
	check("local", "0-1", WISH_KEEPS, "prefer-many:3");
	check("prefer:3", "3", WISH_KEEPS, "prefer-many:0-1");
	check("interleave:0", "0", WISH_KEEPS, "prefer-many:1,3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_keeps),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_leaving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
