/* SPDX-License-Identifier: MIT */
/* The command line, over what files have said. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

#define READ(settings, options, err, ...)                                                         \
	options_read((int)(sizeof((const char *[]) { "mpold", __VA_ARGS__ }) / sizeof(char *)),   \
		     (char **)(const char *[]) { "mpold", __VA_ARGS__, NULL }, options, settings, \
		     err)

static void test_settings(void **state)
{
	_cleanup_(settings_end) struct settings settings;
	struct options options;

	(void)state;
	settings_begin(&settings);
	assert_int_equal(READ(&settings, &options, NULL, "--budget", "3%", "--dry-run",
			      "--bandwidth=1MB/s", "--call-time", "5ms", "--tracker", "soft-dirty"),
			 0);
	assert_int_equal(options.action, OPTIONS_RUN);
	assert_null(options.paths.file);
	assert_null(options.paths.folder);
	assert_int_equal(settings.manager.tiering.budget_ppm, 30000);
	assert_int_equal(settings.manager.tiering.bytes_per_s, 1000000);
	assert_int_equal(settings.manager.call_ns, 5000000);
	assert_true(settings.manager.dry_run);
	assert_string_equal(settings.manager.tracker->name, "soft-dirty");
}

static void test_targets(void **state)
{
	_cleanup_(settings_end) struct settings settings;
	struct options options;

	(void)state;
	settings_begin(&settings);
	assert_int_equal(settings_add_target(&settings, SETTINGS_PID, "7", HUGE_UNSAID), 0);
	assert_int_equal(READ(&settings, &options, NULL, "--dry-run"), 0);
	assert_int_equal(settings.nr_targets, 1);
	/* Those of the command line take the place of all others. */
	assert_int_equal(READ(&settings, &options, NULL, "--unit", "a", "--pid", "1", "--tree", "2",
			      "--cgroup", "c", "--match", "m"),
			 0);
	assert_int_equal(settings.nr_targets, 5);
	assert_string_equal(settings.targets[0].text, "a");
	assert_int_equal(settings.targets[1].request.pid, 1);
}

static void test_others(void **state)
{
	_cleanup_(settings_end) struct settings settings;
	struct options options;

	(void)state;
	settings_begin(&settings);
	assert_int_equal(READ(&settings, &options, NULL, "--check-config", "--config", "f",
			      "--config-dir", "d"),
			 0);
	assert_int_equal(options.action, OPTIONS_CHECK_CONFIG);
	assert_string_equal(options.paths.file, "f");
	assert_string_equal(options.paths.folder, "d");
	assert_int_equal(READ(&settings, &options, NULL, "--version", "--bogus"), 0);
	assert_int_equal(options.action, OPTIONS_VERSION);
	assert_int_equal(READ(&settings, &options, NULL, "--help", "extra"), 0);
	assert_int_equal(options.action, OPTIONS_HELP);
}

static void test_refused(void **state)
{
	_cleanup_(settings_end) struct settings settings;
	struct options options = { .action = OPTIONS_HELP };
	struct mpol_error err = { 0 };

	(void)state;
	settings_begin(&settings);
	assert_int_equal(READ(&settings, &options, &err, "--bogus"), -EINVAL);
	assert_string_equal(err.object, "--bogus");
	assert_int_equal(READ(&settings, &options, &err, "--budget"), -EINVAL);
	assert_string_equal(err.cause, "it wants a value");
	assert_int_equal(READ(&settings, &options, &err, "--budget", "1"), -EINVAL);
	assert_string_equal(err.object, "--budget");
	assert_string_equal(err.cause, "\"1\" is not a share of a CPU from 0.01% to 100%");
	assert_int_equal(READ(&settings, &options, &err, "--pid", "x"), -EINVAL);
	assert_string_equal(err.object, "--pid");
	assert_int_equal(READ(&settings, &options, &err, "--dry-run=true"), -EINVAL);
	assert_string_equal(err.cause, "it takes no value");
	assert_int_equal(READ(&settings, &options, &err, "word"), -EINVAL);
	assert_string_equal(err.object, "word");
	assert_string_equal(err.advice, "mpold --help");
	assert_int_equal(options.action, OPTIONS_HELP);
}

/* Each setting and each kind of target is in the help. */
static void test_usage(void **state)
{
	char option[64];

	(void)state;
	for (size_t i = 0; i < settings_nr_scalars + SETTINGS_NR_KINDS; i++) {
		snprintf(option, sizeof(option), "  --%s ",
			 i < settings_nr_scalars ? settings_scalars[i].option
						 : settings_kinds[i - settings_nr_scalars]);
		if (!strstr(OPTIONS_USAGE, option))
			fail_msg("not in the help: %s", option);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings), cmocka_unit_test(test_targets),
		cmocka_unit_test(test_others),	 cmocka_unit_test(test_refused),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
