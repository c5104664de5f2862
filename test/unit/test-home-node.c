/* SPDX-License-Identifier: MIT */
/* What serves a home node, mode by mode, with a kernel that has home nodes and one that has not. */
#include "cmocka-all.h"

#include <errno.h>

#include "home-node.h"
#include "policy.h"

static int serve(const char *text, bool kernel_has, struct home_service *ret_service, char *got,
		 size_t size)
{
	struct mpol_policy policy;
	int r;

	assert_int_equal(policy_parse(text, NULL, &policy, NULL), 0);
	r = home_serve(&policy, kernel_has, ret_service);
	if (r == 0)
		policy_format(&ret_service->thread_policy, got, size);
	return r;
}

static void test_kernel_has(void **state)
{
	static const struct {
		const char *policy, *threads;
		bool at_home;
	} cases[] = {
		{ "bind:0-1,home=1", "bind:0-1", false },
		{ "bind:0-1,home=2", "bind:0-1", false },
		{ "bind:0-1+static,home=1", "bind:0-1+static", false },
		{ "bind:0-1+balancing,home=1", "bind:0-1+balancing", false },
		{ "prefer-many:0-1,home=1", "prefer:1", true },
		{ "prefer-many:0-1+static,home=1", "prefer:1+static", true },
		{ "prefer-many:0-1,home=2", "prefer-many:0-1", false },
		{ "prefer-many:0-1+relative,home=1", "prefer-many:0-1+relative", false },
		{ "prefer-many:0-1+balancing,home=1", "prefer-many:0-1+balancing", false },
	};
	struct home_service service;
	char got[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(serve(cases[i].policy, true, &service, got, sizeof(got)), 0);
		assert_string_equal(got, cases[i].threads);
		assert_int_equal(service.threads_at_home, cases[i].at_home);
		assert_true(service.for_ranges);
	}
}

/* Before Linux 5.17: by policy order, or not at all. */
static void test_kernel_has_not(void **state)
{
	static const char *const refused[] = {
		"bind:0-1,home=1",
		"prefer-many:0-1,home=2",
		"prefer-many:0-1+balancing,home=1",
	};
	struct home_service service = { .threads_at_home = true };
	char got[64];

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(serve(refused[i], false, &service, got, sizeof(got)), -EOPNOTSUPP);
	assert_true(service.threads_at_home);
	assert_int_equal(serve("prefer-many:0,3,home=3", false, &service, got, sizeof(got)), 0);
	assert_string_equal(got, "prefer:3");
	assert_true(service.threads_at_home);
	assert_false(service.for_ranges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_has),
		cmocka_unit_test(test_kernel_has_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
