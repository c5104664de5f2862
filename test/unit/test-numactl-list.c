/* SPDX-License-Identifier: MIT */
/* numactl's lists over members with gaps; what is expected was counted by hand. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "numactl-list.h"

#define NR 12

static const bool members[NR] = { [1] = true, [2] = true, [5] = true, [6] = true, [9] = true };
static const struct numactl_domain domain = {
	.noun = "node",
	.which = "nodes that are here",
	.members = members,
	.nr = NR,
};

static void test_lists(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "1", "1" },	      { "9,1", "1 9" },
		{ "1-6", "1 2 5 6" }, { "all", "1 2 5 6 9" },
		{ "+0", "1" },	      { "+4,0", "1 9" },
		{ "+1-3", "2 5 6" },  { "!5", "1 2 6 9" },
		{ "!+0-1", "5 6 9" }, { "+all", "1 2 5 6 9" },
		{ "!2-6", "1 9" },    { "1,1,1-1", "1" },
		{ "009", "9" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char words[64] = "";
		bool list[NR];

		assert_int_equal(numactl_list(&domain, cases[i].text, list, NULL), 0);
		for (size_t n = 0; n < NR; n++)
			if (list[n])
				snprintf(words + strlen(words), sizeof(words) - strlen(words),
					 "%s%zu", *words ? " " : "", n);
		if (strcmp(words, cases[i].expected) != 0)
			fail_msg("\"%s\" is \"%s\", expected \"%s\"", cases[i].text, words,
				 cases[i].expected);
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *cause;
	} cases[] = {
		{ "", -EINVAL, "not a list" },
		{ "1,", -EINVAL, "not a list" },
		{ ",1", -EINVAL, "not a list" },
		{ "1 2", -EINVAL, "not a list" },
		{ "-1", -EINVAL, "not a list" },
		{ "1-", -EINVAL, "not a list" },
		{ "+!1", -EINVAL, "not a list" },
		{ "6-1", -EINVAL, "a range runs backwards" },
		{ "!all", -EINVAL, "it names nothing" },
		{ "all,1", -EINVAL, "names of devices" },
		{ "ip:localhost", -EINVAL, "names of devices" },
		{ "3", -ENODEV, "node 3 is not to be had" },
		{ "1-3", -ENODEV, "node 3 is not to be had" },
		{ "12", -ENODEV, "node 12 is not to be had" },
		{ "99999999999999999999999", -ENODEV, "is not to be had" },
		{ "+5", -ENODEV, "no node at position 5" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mpol_error error = { 0 };
		bool list[NR], untouched[NR];

		memset(list, 1, sizeof(list));
		memcpy(untouched, list, sizeof(list));
		assert_int_equal(numactl_list(&domain, cases[i].text, list, &error), cases[i].code);
		if (!strstr(error.cause, cases[i].cause) ||
		    !strstr(error.advice, "nodes that are here: 1-2,5-6,9"))
			fail_msg("\"%s\": %s (%s)", cases[i].text, error.cause, error.advice);
		assert_memory_equal(list, untouched, sizeof(list));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
