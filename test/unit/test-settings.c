/* SPDX-License-Identifier: MIT */
/* Settings: which values they take, and targets. */
#include "cmocka-all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "settings.h"

static const struct setting *find(const char *key)
{
	for (size_t i = 0; i < settings_nr_scalars; i++)
		if (strcmp(settings_scalars[i].key, key) == 0)
			return &settings_scalars[i];
	fail_msg("no setting %s", key);
	return NULL;
}

/* What holds where nothing is set: OPTIONS in mpold(8). */
static void test_defaults(void **state)
{
	_cleanup_(settings_end) struct settings settings;

	(void)state;
	settings_begin(&settings);
	assert_int_equal(settings.manager.tiering.budget_ppm, 10000);
	assert_int_equal(settings.manager.tiering.bytes_per_s, 1UL << 30);
	assert_int_equal(settings.manager.tiering.least_period_ns, 100000000);
	assert_int_equal(settings.manager.call_ns, 10000000);
	assert_int_equal(settings.manager.huge_pages, HUGE_WHOLE);
	assert_null(settings.manager.tiering.rule); /* the default, ranking */
	assert_null(settings.manager.tracker);	    /* the best that works */
	assert_false(settings.manager.dry_run);
	assert_false(settings.manager.keeps_kernel_tiering);
	assert_int_equal(settings.nr_targets, 0);
}

static void test_values(void **state)
{
	_cleanup_(settings_end) struct settings settings;

	(void)state;
	settings_begin(&settings);
	assert_int_equal(find("budget")->set(&settings, "0.25%"), 0);
	assert_int_equal(settings.manager.tiering.budget_ppm, 2500);
	assert_int_equal(find("bandwidth")->set(&settings, "500MB/s"), 0);
	assert_int_equal(settings.manager.tiering.bytes_per_s, 500000000);
	assert_int_equal(find("call_time")->set(&settings, "20ms"), 0);
	assert_int_equal(settings.manager.call_ns, 20000000);
	assert_int_equal(find("dry_run")->set(&settings, "true"), 0);
	assert_true(settings.manager.dry_run);
	assert_int_equal(find("kernel_tiering")->set(&settings, "keep"), 0);
	assert_true(settings.manager.keeps_kernel_tiering);
	assert_int_equal(find("kernel_tiering")->set(&settings, "off"), 0);
	assert_false(settings.manager.keeps_kernel_tiering);
	assert_int_equal(find("tracker")->set(&settings, "soft-dirty"), 0);
	assert_string_equal(settings.manager.tracker->name, "soft-dirty");
}

/* What is refused changes nothing. */
static void test_bad_values(void **state)
{
	static const char *const bad[][2] = {
		{ "budget", "1" },	{ "budget", "0%" },	   { "budget", "100.1%" },
		{ "budget", "nan%" },	{ "budget", "" },	   { "bandwidth", "0MB/s" },
		{ "bandwidth", "1GB" }, { "bandwidth", "-1GB/s" }, { "call_time", "2s" },
		{ "call_time", "10" },	{ "dry_run", "1" },	   { "dry_run", "True" },
		{ "tracker", "" },	{ "tracker", "Ptescan" },  { "kernel_tiering", "on" },
	};
	struct settings settings, before;

	(void)state;
	settings_begin(&settings);
	before = settings;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (find(bad[i][0])->set(&settings, bad[i][1]) != -EINVAL)
			fail_msg("%s: \"%s\" is taken", bad[i][0], bad[i][1]);
		assert_memory_equal(&settings, &before, sizeof(settings));
	}
}

static void test_targets(void **state)
{
	_cleanup_(settings_end) struct settings settings;
	const struct mpol_selector *selector;

	(void)state;
	settings_begin(&settings);
	assert_int_equal(settings_add_target(&settings, SETTINGS_PID, "42", HUGE_UNSAID), 0);
	assert_int_equal(settings_add_target(&settings, SETTINGS_TREE, "42", HUGE_UNSAID), 0);
	assert_int_equal(settings_add_target(&settings, SETTINGS_MATCH, "^a b$", HUGE_UNSAID), 0);
	assert_int_equal(settings_add_target(&settings, SETTINGS_PID, "42", HUGE_UNSAID), 0);
	assert_int_equal(settings.nr_targets, 3);
	assert_int_equal(settings.targets[0].request.pid, 42);
	assert_false(settings_same_target(&settings.targets[0], &settings.targets[1]));
	assert_true(settings_same_target(&settings.targets[2], &settings.targets[2]));
	selector = &settings.targets[1].request.selector;
	assert_int_equal(selector->tree, 42);
	assert_null(selector->match);
	selector = &settings.targets[2].request.selector;
	assert_string_equal(selector->match, "^a b$");
	assert_int_equal(selector->size, sizeof(*selector));
	settings_forget_targets(&settings);
	assert_int_equal(settings.nr_targets, 0);
}

static void test_bad_targets(void **state)
{
	static const struct {
		enum settings_kind kind;
		const char *text;
	} bad[] = {
		{ SETTINGS_PID, "" },	 { SETTINGS_PID, "0" },
		{ SETTINGS_PID, "-1" },	 { SETTINGS_PID, "1x" },
		{ SETTINGS_TREE, "x" },	 { SETTINGS_TREE, "99999999999" },
		{ SETTINGS_CGROUP, "" }, { SETTINGS_CGROUP, "//" },
		{ SETTINGS_UNIT, "" },	 { SETTINGS_UNIT, "a/b" },
		{ SETTINGS_MATCH, "" },	 { SETTINGS_MATCH, "((" },
	};
	_cleanup_(settings_end) struct settings settings;

	(void)state;
	settings_begin(&settings);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (settings_add_target(&settings, bad[i].kind, bad[i].text, HUGE_UNSAID) !=
		    -EINVAL)
			fail_msg("%s: \"%s\" is taken", settings_kinds[bad[i].kind], bad[i].text);
	assert_int_equal(settings.nr_targets, 0);
}

static void test_most_targets(void **state)
{
	_cleanup_(settings_end) struct settings settings;
	char text[16];

	(void)state;
	settings_begin(&settings);
	for (int i = 1; i <= SETTINGS_MOST_TARGETS; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(settings_add_target(&settings, SETTINGS_PID, text, HUGE_UNSAID),
				 0);
	}
	assert_int_equal(settings_add_target(&settings, SETTINGS_UNIT, "a", HUGE_UNSAID), -E2BIG);
	assert_int_equal(settings_add_target(&settings, SETTINGS_PID, "7", HUGE_UNSAID), 0);
	assert_int_equal(settings.nr_targets, SETTINGS_MOST_TARGETS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),    cmocka_unit_test(test_values),
		cmocka_unit_test(test_bad_values),  cmocka_unit_test(test_targets),
		cmocka_unit_test(test_bad_targets), cmocka_unit_test(test_most_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
