/* SPDX-License-Identifier: MIT */
/* The policy syntax: what it means, that it round-trips, and what its refusals say. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>

#include "policy.h"

/* Nodes 0-3 and 7 exist; 3 has no memory. */
static struct policy_nodes machine(void)
{
	struct policy_nodes nodes;

	assert_int_equal(nodemask_parse("0-3,7", &nodes.online), 0);
	assert_int_equal(nodemask_parse("0-2,7", &nodes.memory), 0);
	return nodes;
}

static struct mpol_policy parsed(const char *text)
{
	struct policy_nodes nodes = machine();
	struct mpol_policy policy;
	struct mpol_error err;
	int r = policy_parse(text, &nodes, &policy, &err);

	if (r < 0)
		fail_msg("%s: %s", text, err.cause);
	return policy;
}

static void assert_nodes(const struct mpol_policy *policy, const char *list)
{
	struct nodemask nodes = policy_nodemask(policy);
	char buffer[64];

	nodemask_format(&nodes, buffer, sizeof(buffer));
	assert_string_equal(buffer, list);
}

static void test_meaning(void **state)
{
	struct mpol_policy policy;

	(void)state;
	policy = parsed("bind:0-1+static,home=3");
	assert_int_equal(policy.mode, MPOL_MODE_BIND);
	assert_int_equal(policy.mode_flags, MPOL_FLAG_STATIC | MPOL_FLAG_HOME_NODE);
	assert_int_equal(policy.home_node, 3);
	assert_nodes(&policy, "0-1");

	policy = parsed("interleave:all");
	assert_int_equal(policy.mode, MPOL_MODE_INTERLEAVE);
	assert_nodes(&policy, "0-2,7");

	policy = parsed("weighted:0-1=3,2,7=255");
	assert_int_equal(policy.mode, MPOL_MODE_WEIGHTED_INTERLEAVE);
	assert_nodes(&policy, "0-2,7");
	assert_int_equal(policy.weights[0], 3);
	assert_int_equal(policy.weights[1], 3);
	assert_int_equal(policy.weights[2], 0);
	assert_int_equal(policy.weights[7], 255);

	policy = parsed("prefer-many:0,1+balancing");
	assert_int_equal(policy.mode, MPOL_MODE_PREFERRED_MANY);
	assert_int_equal(policy_kernel_mode(&policy), 5 | 1 << 13);
}

static void test_round_trips(void **state)
{
	static const char *const texts[] = {
		"default",
		"local",
		"bind:0-1",
		"bind:0-2,7+static,home=0",
		"bind:0+static+balancing",
		"prefer:2",
		"prefer:2+relative",
		"prefer-many:0-1,home=7",
		"interleave:0-2",
		"weighted:0,2",
		"weighted:0=3,2=1",
		"weighted:0-1=3,2,7=1+static",
		NULL,
	};
	char buffer[128];

	(void)state;
	for (int i = 0; texts[i]; i++) {
		struct mpol_policy policy = parsed(texts[i]);

		assert_int_equal(policy_format(&policy, buffer, sizeof(buffer)), strlen(texts[i]));
		assert_string_equal(buffer, texts[i]);
	}
}

static void test_suffixes_come_in_any_order(void **state)
{
	struct mpol_policy a = parsed("bind:0-1,home=0+static"),
			   b = parsed("bind:0-1+static,home=0");

	(void)state;
	assert_true(policy_equal(&a, &b));
}

static void test_relative_nodes_are_positions(void **state)
{
	struct mpol_policy policy = parsed("bind:3,9+relative");

	(void)state;
	assert_nodes(&policy, "3,9");
}

struct refusal {
	const char *text;
	int code;
	const char *cause;
	const char *advice; /* a part of it; NULL: none needed */
};

static const struct refusal refusals[] = {
	{ "", -EINVAL, "no such mode: \"\"", "modes are default" },
	{ "bnd:0", -EINVAL, "no such mode: \"bnd\"", "bind" },
	{ "Bind:0", -EINVAL, "no such mode: \"Bind\"", "bind" },
	{ "bind", -EINVAL, "bind needs nodes", "bind:0" },
	{ "bind:", -EINVAL, "node expected, not \"\"", "0-2,7" },
	{ "bind:x", -EINVAL, "node expected, not \"x\"", "0-2,7" },
	{ "bind:0,,1", -EINVAL, "node expected, not \"\"", "0-2,7" },
	{ "bind:0-", -EINVAL, "node expected, not \"\"", "0-2,7" },
	{ "bind:-1", -EINVAL, "node expected, not \"-1\"", "0-2,7" },
	{ "bind:2-1", -EINVAL, "range 2-1 goes backwards", NULL },
	{ "bind:0,0-1", -EINVAL, "node 0 is named twice", NULL },
	{ "bind:all,1", -EINVAL, "node 1 is named twice", NULL },
	{ "bind:1024", -EINVAL, "node 1024 is over 1023", "0-2,7" },
	{ "bind:99999999999999999999", -EINVAL, "node 99999999999999999999 is over 1023", "0-2,7" },
	{ "bind:4", -ENODEV, "node 4 does not exist", "0-2,7" },
	{ "bind:0,3", -ENODEV, "node 3 has no memory", "0-2,7" },
	{ "default:0", -EINVAL, "default takes no nodes", "just \"default\"" },
	{ "local:0", -EINVAL, "local takes no nodes", "just \"local\"" },
	{ "default+static", -EINVAL, "default does not take +static", "bind, prefer" },
	{ "local+relative", -EINVAL, "local does not take +relative", "weighted" },
	{ "interleave:0+balancing", -EINVAL, "interleave does not take +balancing",
	  "bind, prefer-many" },
	{ "bind:0+fast", -EINVAL, "no such flag: \"+fast\"", "+static, +relative, +balancing" },
	{ "bind:0+", -EINVAL, "no such flag: \"+\"", "+static" },
	{ "bind:0+static+relative", -EINVAL, "+static and +relative exclude each other", NULL },
	{ "prefer:0-1", -EINVAL, "prefer takes one node", "prefer-many" },
	{ "prefer:0,home=1", -EINVAL, "prefer does not take home=", "bind, prefer-many" },
	{ "bind:0,home=4", -ENODEV, "home node 4 does not exist", "0-2,7" },
	{ "bind:0,home=", -EINVAL, "home node expected, not \"\"", "0-2,7" },
	{ "bind:0,home=0,home=1", -EINVAL, "home= is given twice", NULL },
	{ "bind:0=2", -EINVAL, "bind takes no weights", "weighted:0=3" },
	{ "weighted:0=0", -EINVAL, "weight 0", "1 to 255" },
	{ "weighted:0=256", -EINVAL, "weight 256 is over 255", "1 to 255" },
	{ "weighted:0=x", -EINVAL, "weight expected, not \"x\"", "1 to 255" },
	{ "weighted:0=-1", -EINVAL, "weight expected, not \"-1\"", "1 to 255" },
	{ "bind:0 ", -EINVAL, "what is \" \"?", "+static" },
	{ "bind:0:1", -EINVAL, "what is \":1\"?", "+static" },
};

static void test_refusals_say_why_and_leave_result_alone(void **state)
{
	struct policy_nodes nodes = machine();
	struct mpol_policy before = parsed("bind:7"), policy = before;

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *refusal = &refusals[i];
		struct mpol_error err;

		assert_int_equal(policy_parse(refusal->text, &nodes, &policy, &err), refusal->code);
		assert_int_equal(err.code, refusal->code);
		assert_string_equal(err.cause, refusal->cause);
		assert_string_equal(err.object, refusal->text);
		if (refusal->advice && !strstr(err.advice, refusal->advice))
			fail_msg("%s: advice is \"%s\"", refusal->text, err.advice);
		assert_memory_equal(&policy, &before, sizeof(policy));
	}
}

static void test_without_a_machine(void **state)
{
	struct mpol_policy policy;
	struct mpol_error err;

	(void)state;
	assert_int_equal(policy_parse("bind:1023", NULL, &policy, NULL), 0);
	assert_int_equal(policy_parse("bind:all", NULL, &policy, &err), -EINVAL);
	assert_string_equal(err.cause, "\"all\" needs a machine to count its nodes");
	assert_int_equal(policy_parse("bind:x", NULL, &policy, &err), -EINVAL);
	assert_non_null(strstr(err.advice, "0 to 1023"));
}

static void test_format_cuts_and_tells_whole_length(void **state)
{
	struct mpol_policy policy = parsed("weighted:0=3,2=1+static");
	char buffer[12];

	(void)state;
	assert_int_equal(policy_format(&policy, buffer, sizeof(buffer)), 23);
	assert_string_equal(buffer, "weighted:0=");
	assert_int_equal(policy_format(&policy, NULL, 0), 23);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meaning),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_suffixes_come_in_any_order),
		cmocka_unit_test(test_relative_nodes_are_positions),
		cmocka_unit_test(test_refusals_say_why_and_leave_result_alone),
		cmocka_unit_test(test_without_a_machine),
		cmocka_unit_test(test_format_cuts_and_tells_whole_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
