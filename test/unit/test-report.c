/* SPDX-License-Identifier: MIT */
/* Names that hold anything: what reaches a terminal and what becomes JSON. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>

#include "error-json.h"
#include "report.h"

static void test_printable(void **state)
{
	char buffer[8];

	(void)state;
	assert_string_equal(report_printable("a\033[m\n\x7f", buffer, sizeof(buffer)), "a?[m??");
	assert_string_equal(report_printable("12345678", buffer, sizeof(buffer)), "1234567");
	assert_string_equal(report_printable("\xc3\xa9", buffer, sizeof(buffer)), "\xc3\xa9");
}

static void test_string(void **state)
{
	json_t *good = json_text("\xc3\xa9"), *bad = json_text("a\xff"
							       "b");

	(void)state;
	assert_string_equal(json_string_value(good), "\xc3\xa9");
	assert_string_equal(json_string_value(bad), "a\xef\xbf\xbd"
						    "b");
	json_decref(good);
	json_decref(bad);
}

static void test_error_json(void **state)
{
	const struct mpol_error error = {
		.code = -EINVAL, .step = "mbind", .cause = "no", .advice = "do"
	};
	json_t *json = error_to_json(&error);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "code")), "EINVAL");
	assert_int_equal(json_integer_value(json_object_get(json, "errno")), EINVAL);
	assert_string_equal(json_string_value(json_object_get(json, "step")), "mbind");
	assert_string_equal(json_string_value(json_object_get(json, "advice")), "do");
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_string),
		cmocka_unit_test(test_error_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
