/* SPDX-License-Identifier: MIT */
/* For the tests of described machines: one text, one expectation. */
#ifndef TEST_MACHINE_TEXT_H
#define TEST_MACHINE_TEXT_H

#include "cmocka-all.h"

#include <stdio.h>
#include <string.h>

#include "machine-yaml.h"

/* The machine that a text describes; the caller frees it.  Fails the test on an error. */
static inline struct machine *read_machine(const char *text)
{
	struct machine *machine = NULL;
	struct mpol_error err = { 0 };

	if (machine_from_yaml_text("m.yaml", text, strlen(text), &machine, &err) < 0)
		fail_msg("%s: %s", err.object, err.cause);
	return machine;
}

/* Fails the test unless the text is refused with this code, place ("line 3, nodes[0].id") and a
 * cause that contains these words. */
static inline void assert_refused(const char *text, int code, const char *place, const char *cause)
{
	struct machine *machine = NULL;
	struct mpol_error err = { 0 };
	char object[192];

	snprintf(object, sizeof(object), "m.yaml%s%s", *place ? ", " : "", place);
	assert_int_equal(machine_from_yaml_text("m.yaml", text, strlen(text), &machine, &err),
			 code);
	assert_null(machine);
	assert_int_equal(err.code, code);
	assert_string_equal(err.object, object);
	if (!strstr(err.cause, cause))
		fail_msg("cause is \"%s\", should contain \"%s\"", err.cause, cause);
	assert_true(*err.advice);
}

#endif
