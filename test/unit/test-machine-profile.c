/* SPDX-License-Identifier: MIT */
/* The machines known by name: all can be read, and nothing about them is odd. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine-file.h"
#include "machine-profile.h"

static void test_each(void **state)
{
	(void)state;
	assert_true(machine_nr_profiles > 0);
	for (size_t i = 0; i < machine_nr_profiles; i++) {
		const struct machine_profile *profile = &machine_profiles[i];
		struct mpol_error err = { 0 };
		struct machine *machine;

		if (i)
			assert_true(strcmp(machine_profiles[i - 1].name, profile->name) < 0);
		assert_ptr_equal(machine_profile_find(profile->name), profile);
		if (machine_from_file(profile->name, &machine, &err) < 0)
			fail_msg("%s: %s", err.object, err.cause);
		assert_string_equal(machine->name, profile->name);
		if (machine->nr_findings)
			fail_msg("%s: node %d: %s", profile->name, machine->findings[0].node,
				 machine->findings[0].text);
		if (!machine->description)
			fail_msg("%s has no description", profile->name);
		machine_free(machine);
	}
}

static void test_others(void **state)
{
	struct mpol_error err = { 0 };
	struct machine *machine = NULL;

	(void)state;
	assert_null(machine_profile_find(""));
	assert_null(machine_profile_find("spr-cx"));
	assert_null(machine_profile_find("spr-cxl.yaml"));
	assert_int_equal(machine_from_file("no-such-machine", &machine, &err), -ENOENT);
	assert_non_null(strstr(err.advice, "--machines"));
	assert_int_equal(machine_from_file("./spr-cxl", &machine, &err), -ENOENT);
	assert_string_equal(err.advice, "");
	assert_null(machine);
}

/* A name means the machine, in a folder with a file of that name too. */
static void test_name_before_file(void **state)
{
	char folder[] = "/tmp/test-machine-profile-XXXXXX";
	struct mpol_error err = { 0 };
	struct machine *machine;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	file = fopen("memtis", "we");
	assert_non_null(file);
	fputs("not a machine\n", file);
	fclose(file);
	assert_int_equal(machine_from_file("memtis", &machine, &err), 0);
	assert_string_equal(machine->name, "memtis");
	machine_free(machine);
	assert_int_equal(machine_from_file("./memtis", &machine, &err), -EBADMSG);
	unlink("memtis");
	assert_int_equal(chdir("/"), 0);
	rmdir(folder);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_name_before_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
