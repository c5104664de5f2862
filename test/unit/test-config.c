/* SPDX-License-Identifier: MIT */
/* Configuration files: every setting has a key, and which files are read.  What is refused, and in
 * which words, is in test/cli/test-mpold.sh. */
#include "cmocka-all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"

/* A value that each setting takes. */
static const char *const values[][2] = {
	{ "bandwidth", "7MB/s" },    { "budget", "7%" },	   { "call_time", "7ms" },
	{ "dry_run", "true" },	     { "rule", "two-touch" },	   { "socket", "/run/s" },
	{ "tracker", "soft-dirty" }, { "kernel_tiering", "keep" },
};

static void test_every_key(void **state)
{
	_cleanup_(settings_end) struct settings settings;
	char text[100];

	(void)state;
	settings_begin(&settings);
	assert_int_equal(sizeof(values) / sizeof(*values), settings_nr_scalars);
	for (size_t i = 0; i < settings_nr_scalars; i++) {
		struct settings before = settings;

		snprintf(text, sizeof(text), "%s: %s\n", values[i][0], values[i][1]);
		assert_int_equal(config_read_text("c", text, strlen(text), &settings, NULL), 0);
		assert_memory_not_equal(&settings, &before, sizeof(settings));
	}
}

static void test_targets_add_up(void **state)
{
	static const char one[] = "targets: [ { pid: 1 }, { match: a } ]",
			  two[] = "targets: [ { pid: 2 } ]";
	_cleanup_(settings_end) struct settings settings;

	(void)state;
	settings_begin(&settings);
	assert_int_equal(config_read_text("c", one, strlen(one), &settings, NULL), 0);
	assert_int_equal(config_read_text("c", two, strlen(two), &settings, NULL), 0);
	assert_int_equal(settings.nr_targets, 3);
	assert_string_equal(settings.targets[1].text, "a");
	assert_int_equal(settings.targets[2].request.pid, 2);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void test_order(void **state)
{
	char folder[] = "/tmp/test-config-XXXXXX", path[64];
	static const char *const names[] = { "b.yaml", "B.yaml", "a.yaml" };
	const struct config_paths paths = { .folder = folder };
	_cleanup_(settings_end) struct settings settings;

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (int i = 0; i < 3; i++) {
		char text[64];

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		snprintf(text, sizeof(text), "budget: %d%%\n", i + 1);
		write_file(path, text);
	}
	settings_begin(&settings);
	assert_int_equal(config_read(&paths, &settings, NULL), 0);
	assert_int_equal(settings.manager.tiering.budget_ppm, 10000); /* "b" is behind "B" */
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
	assert_int_equal(config_read(&paths, &settings, NULL), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_targets_add_up),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
