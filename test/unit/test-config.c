/* SPDX-License-Identifier: MIT */
/* Configuration files: every setting has a key, and which files are read.  What is refused, and in
 * which words, is in test/cli/test-mpold.sh. */
#include "fake-root.h"

#include <errno.h>

#include "config.h"

/* A value that each setting takes. */
static const char *const values[][2] = {
	{ "bandwidth", "7MB/s" },    { "budget", "7%" },	   { "call_time", "7ms" },
	{ "dry_run", "true" },	     { "rule", "two-touch" },	   { "socket", "/run/s" },
	{ "tracker", "soft-dirty" }, { "kernel_tiering", "keep" }, { "huge_pages", "split" },
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

static void test_huge_pages(void **state)
{
	static const char one[] = "targets: [ { pid: 1, huge_pages: split }, { pid: 2 } ]",
			  two[] = "targets: [ { pid: 2, huge_pages: whole }, { pid: 1 } ]",
			  bad[] = "targets: [ { pid: 3, huge_pages: both } ]";
	_cleanup_(settings_end) struct settings settings;

	(void)state;
	settings_begin(&settings);
	assert_int_equal(settings.manager.huge_pages, HUGE_WHOLE);
	assert_int_equal(config_read_text("c", one, strlen(one), &settings, NULL), 0);
	assert_int_equal(settings.targets[0].request.huge_pages, HUGE_SPLIT);
	assert_int_equal(settings.targets[1].request.huge_pages, HUGE_UNSAID);
	assert_int_equal(config_read_text("c", two, strlen(two), &settings, NULL), 0);
	assert_int_equal(settings.nr_targets, 2);
	assert_int_equal(settings.targets[0].request.huge_pages, HUGE_SPLIT);
	assert_int_equal(settings.targets[1].request.huge_pages, HUGE_WHOLE);
	assert_int_equal(config_read_text("c", bad, strlen(bad), &settings, NULL), -EINVAL);
}

static void test_order(void **state)
{
	static const char *const names[] = { "b.yaml", "B.yaml", "a.yaml" };
	_cleanup_(settings_end) struct settings settings;
	struct fake_root folder;
	const struct config_paths paths = { .folder = folder.path };

	(void)state;
	assert_int_equal(fake_root_begin(&folder), 0);
	for (int i = 0; i < 3; i++) {
		char text[64];

		snprintf(text, sizeof(text), "budget: %d%%\n", i + 1);
		fake_root_put(&folder, names[i], text);
	}
	settings_begin(&settings);
	assert_int_equal(config_read(&paths, &settings, NULL), 0);
	assert_int_equal(settings.manager.tiering.budget_ppm, 10000); /* "b" is behind "B" */
	fake_root_end(&folder);
	assert_int_equal(config_read(&paths, &settings, NULL), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_targets_add_up),
		cmocka_unit_test(test_huge_pages),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
