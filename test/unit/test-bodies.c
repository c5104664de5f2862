/* SPDX-License-Identifier: MIT */
/* Bodies of requests: which are taken, and that all others are refused with a reason. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "requests.h"

static struct ctl_target_body target;

static int parse(const char *text)
{
	struct mpol_error error = { 0 };
	const int r = ctl_parse_target(text, strlen(text), &target, &error);

	assert_int_equal(error.code, r);
	if (r < 0)
		assert_true(*error.cause && *error.advice);
	return r;
}

static void good_ones(void **state)
{
	(void)state;
	assert_int_equal(parse(" {\"pid\": 42} \n"), 0);
	assert_int_equal(target.wanted.pid, 42);
	assert_int_equal(parse("{\"tree\": 2147483647}"), 0);
	assert_int_equal(target.wanted.pid, 0);
	assert_int_equal(target.wanted.selector.tree, INT32_MAX);
	assert_int_equal(target.wanted.selector.size, sizeof(target.wanted.selector));
	assert_int_equal(parse("{\"cgroup\": \"a.slice/b\"}"), 0);
	assert_string_equal(target.wanted.selector.cgroup, "a.slice/b");
	assert_null(target.wanted.selector.unit);
	assert_int_equal(target.wanted.selector.tree, 0);
	assert_int_equal(parse("{\"unit\": \"\\u00e9\"}"), 0);
	assert_string_equal(target.wanted.selector.unit, "\xc3\xa9");
	assert_int_equal(parse("{\"match\": \"^x\"}"), 0);
	assert_string_equal(target.wanted.selector.match, "^x");
	assert_int_equal(target.wanted.huge_pages, CTL_HUGE_UNSAID);
	assert_int_equal(parse("{\"huge_pages\": \"split\", \"tree\": 5}"), 0);
	assert_int_equal(target.wanted.selector.tree, 5);
	assert_int_equal(target.wanted.huge_pages, CTL_HUGE_SPLIT);
	assert_int_equal(parse("{\"pid\": 5, \"huge_pages\": \"whole\"}"), 0);
	assert_int_equal(target.wanted.huge_pages, CTL_HUGE_WHOLE);
}

static void bad_ones(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"42",
		"null",
		"{}",
		"{\"pid\": 42}x",
		"{\"pid\": 0}",
		"{\"pid\": -1}",
		"{\"pid\": 1.5}",
		"{\"pid\": \"1\"}",
		"{\"pid\": true}",
		"{\"pid\": null}",
		"{\"pid\": [1]}",
		"{\"pid\": {\"pid\": 1}}",
		"{\"pid\": 2147483648}",
		"{\"pid\": 99999999999999999999}",
		"{\"pid\": 1, \"pid\": 1}",
		"{\"pid\": 1, \"tree\": 1}",
		"{\"pit\": 1}",
		"{\"huge_pages\": \"split\"}",
		"{\"pid\": 1, \"huge_pages\": \"both\"}",
		"{\"pid\": 1, \"huge_pages\": true}",
		"{\"pid\": \"1\", \"huge_pages\": \"split\"}",
		"{\"pid\": 1, \"tree\": 1, \"huge_pages\": \"split\"}",
		"{\"cgroup\": \"\"}",
		"{\"cgroup\": 1}",
		"{\"unit\": \"a\\u0000b\"}",
		"{\"match\": \"\xff\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse(bad[i]), -EINVAL);
}

static void lengths(void **state)
{
	static char text[CTL_BODY_BYTES + 2];
	struct mpol_error error;

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "{\"pid\": 1}", 10);
	assert_int_equal(ctl_parse_target(text, CTL_BODY_BYTES, &target, &error), 0);
	assert_int_equal(ctl_parse_target(text, CTL_BODY_BYTES + 1, &target, &error), -E2BIG);
	for (size_t length = CTL_NAME_BYTES - 1; length <= CTL_NAME_BYTES; length++) {
		memcpy(text, "{\"unit\":\"", 9);
		memset(text + 9, 'x', length);
		memcpy(text + 9 + length, "\"}", 3);
		assert_int_equal(ctl_parse_target(text, strlen(text), &target, &error),
				 length < CTL_NAME_BYTES ? 0 : -EINVAL);
	}
}

static void reasons(void **state)
{
	static const char *const bad[] = { "x",
					   "[]",
					   "{\"reason\": 1}",
					   "{\"why\": \"x\"}",
					   "{\"reason\": \"\"}",
					   "{\"reason\": {}}" };
	char reason[CTL_REASON_BYTES], text[CTL_REASON_BYTES + 32];
	struct mpol_error error;

	(void)state;
	strcpy(reason, "old");
	assert_int_equal(ctl_parse_reason(NULL, 0, reason, &error), 0);
	assert_string_equal(reason, "");
	assert_int_equal(ctl_parse_reason("{}", 2, reason, &error), 0);
	assert_string_equal(reason, "");
	assert_int_equal(ctl_parse_reason("{\"reason\":\"x\"}", 14, reason, &error), 0);
	assert_string_equal(reason, "x");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(ctl_parse_reason(bad[i], strlen(bad[i]), reason, &error), -EINVAL);
	snprintf(text, sizeof(text), "{\"reason\":\"%0*d\"}", CTL_REASON_BYTES - 1, 0);
	assert_int_equal(ctl_parse_reason(text, strlen(text), reason, &error), 0);
	snprintf(text, sizeof(text), "{\"reason\":\"%0*d\"}", CTL_REASON_BYTES, 0);
	assert_int_equal(ctl_parse_reason(text, strlen(text), reason, &error), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones),
		cmocka_unit_test(bad_ones),
		cmocka_unit_test(lengths),
		cmocka_unit_test(reasons),
	};

	return cmocka_run_group_tests_name("bodies", tests, NULL, NULL);
}
