/* SPDX-License-Identifier: MIT */
/* DAMON's files in a directory: whose they are, what is written to them, what is read. */
#include "fake-root.h"

#include <errno.h>

#include "damon-sysfs.h"

#define KDAMONDS "sys/kernel/mm/damon/admin/kdamonds"
#define CONTEXT	 KDAMONDS "/0/contexts/0"
#define SCHEME	 CONTEXT "/schemes/0"
#define OURS	 1000000000042ULL

static struct fake_root root;

/* As the kernel would make them as their numbers are written. */
static const char *const files[] = {
	KDAMONDS "/nr_kdamonds",
	KDAMONDS "/0/state",
	KDAMONDS "/0/contexts/nr_contexts",
	CONTEXT "/operations",
	CONTEXT "/monitoring_attrs/intervals/update_us",
	CONTEXT "/monitoring_attrs/intervals/sample_us",
	CONTEXT "/monitoring_attrs/intervals/aggr_us",
	CONTEXT "/monitoring_attrs/nr_regions/min",
	CONTEXT "/monitoring_attrs/nr_regions/max",
	CONTEXT "/targets/nr_targets",
	CONTEXT "/targets/0/pid_target",
	CONTEXT "/targets/0/regions/nr_regions",
	CONTEXT "/targets/0/regions/0/start",
	CONTEXT "/targets/0/regions/0/end",
	CONTEXT "/schemes/nr_schemes",
	SCHEME "/action",
	SCHEME "/apply_interval_us",
	SCHEME "/access_pattern/sz/max",
	SCHEME "/access_pattern/nr_accesses/max",
	SCHEME "/access_pattern/age/max",
	SCHEME "/filters/nr_filters",
	SCHEME "/filters/0/type",
	SCHEME "/filters/0/damon_target_idx",
	SCHEME "/filters/0/matching",
};

static int set_up(void **state)
{
	(void)state;
	if (fake_root_begin(&root) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		fake_root_put(&root, files[i], "0\n");
	fake_root_put(&root, KDAMONDS "/0/state", "off\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_root_end(&root);
	return 0;
}

/* One kdamond, signed so, in that state. */
static void put_kdamond(const char *signature, const char *state)
{
	fake_root_put(&root, KDAMONDS "/nr_kdamonds", "1\n");
	fake_root_put(&root, KDAMONDS "/0/state", state);
	fake_root_put(&root, KDAMONDS "/0/contexts/nr_contexts", "1\n");
	fake_root_put(&root, CONTEXT "/targets/nr_targets", "1\n");
	fake_root_put(&root, CONTEXT "/monitoring_attrs/intervals/update_us", signature);
}

static void test_check(void **state)
{
	struct mpol_error error = { 0 };
	struct fake_root none;

	(void)state;
	assert_int_equal(damon_sysfs_check(root.fd, OURS, &error), 0);
	put_kdamond("60000000\n", "off\n");
	assert_int_equal(damon_sysfs_check(root.fd, OURS, &error), -EBUSY);
	assert_non_null(strstr(error.cause, "somebody else"));
	put_kdamond("1000000000042\n", "on\n");
	assert_int_equal(damon_sysfs_check(root.fd, OURS, &error), 0);
	assert_int_equal(damon_sysfs_check(root.fd, OURS + 1, &error), -EBUSY);
	fake_root_put(&root, KDAMONDS "/nr_kdamonds", "2\n");
	assert_int_equal(damon_sysfs_check(root.fd, OURS, &error), -EBUSY);
	assert_int_equal(fake_root_begin(&none), 0);
	assert_int_equal(damon_sysfs_check(none.fd, OURS, &error), -EOPNOTSUPP);
	assert_non_null(strstr(error.advice, "CONFIG_DAMON_SYSFS"));
	fake_root_end(&none);
}

static void test_remove(void **state)
{
	(void)state;
	put_kdamond("60000000\n", "on\n");
	assert_int_equal(damon_sysfs_remove(root.fd, OURS), 0);
	assert_true(fake_root_holds(&root, KDAMONDS "/nr_kdamonds", "1"));
	assert_true(fake_root_holds(&root, KDAMONDS "/0/state", "on"));
	put_kdamond("1000000000042\n", "on\n");
	assert_int_equal(damon_sysfs_remove(root.fd, OURS), 0);
	assert_true(fake_root_holds(&root, KDAMONDS "/nr_kdamonds", "0"));
	assert_true(fake_root_holds(&root, KDAMONDS "/0/state", "off"));
	/* Killed before it was signed. */
	put_kdamond("60000000\n", "off\n");
	fake_root_put(&root, CONTEXT "/targets/nr_targets", "0\n");
	assert_int_equal(damon_sysfs_remove(root.fd, OURS), 0);
	assert_true(fake_root_holds(&root, KDAMONDS "/nr_kdamonds", "0"));
}

static void test_start(void **state)
{
	const struct damon_range range = { 0x10000, 0x20000 };
	const struct damon_target target = { 77, &range, 1 };
	const struct damon_setup setup = {
		.signature = OURS,
		.sample_us = 1000,
		.aggregate_us = 20000,
		.least_regions = 10,
		.most_regions = 100,
		.targets = &target,
		.nr_targets = 1,
	};
	struct mpol_error error = { 0 };

	(void)state;
	put_kdamond("60000000\n", "on\n");
	assert_int_equal(damon_sysfs_start(root.fd, &setup, &error), -EBUSY);
	assert_true(fake_root_holds(&root, CONTEXT "/operations", "0"));
	put_kdamond("60000000\n", "off\n");
	fake_root_put(&root, KDAMONDS "/nr_kdamonds", "0\n");
	assert_int_equal(damon_sysfs_start(root.fd, &setup, &error), 0);
	assert_true(fake_root_holds(&root, KDAMONDS "/nr_kdamonds", "1"));
	assert_true(fake_root_holds(&root, KDAMONDS "/0/state", "on"));
	assert_true(fake_root_holds(&root, CONTEXT "/operations", "fvaddr"));
	assert_true(fake_root_holds(&root, CONTEXT "/monitoring_attrs/intervals/update_us",
				    "1000000000042"));
	assert_true(fake_root_holds(&root, CONTEXT "/monitoring_attrs/nr_regions/max", "100"));
	assert_true(fake_root_holds(&root, CONTEXT "/targets/0/pid_target", "77"));
	assert_true(fake_root_holds(&root, CONTEXT "/targets/0/regions/0/end", "131072"));
	assert_true(fake_root_holds(&root, SCHEME "/action", "stat"));
	assert_true(fake_root_holds(&root, SCHEME "/access_pattern/age/max", "4294967295"));
	assert_true(fake_root_holds(&root, SCHEME "/filters/0/matching", "N"));
	/* What cannot be set up does not stay half done. */
	unlinkat(root.fd, SCHEME "/action", 0);
	assert_int_equal(damon_sysfs_start(root.fd, &setup, &error), -ENOENT);
	assert_true(fake_root_holds(&root, KDAMONDS "/nr_kdamonds", "0"));
}

static void put_region(const char *name, const char *start, const char *end, const char *accesses)
{
	char path[256];

	snprintf(path, sizeof(path), SCHEME "/tried_regions/%s/start", name);
	fake_root_put(&root, path, start);
	snprintf(path, sizeof(path), SCHEME "/tried_regions/%s/end", name);
	fake_root_put(&root, path, end);
	snprintf(path, sizeof(path), SCHEME "/tried_regions/%s/nr_accesses", name);
	fake_root_put(&root, path, accesses);
}

static void test_read(void **state)
{
	struct damon_region *regions = NULL;
	size_t nr = 0;

	(void)state;
	fake_root_put(&root, SCHEME "/tried_regions/total_bytes", "1\n");
	put_region("10", "8192\n", "12288\n", "7\n");
	put_region("9", "4096\n", "8192\n", "20\n");
	assert_int_equal(damon_sysfs_read(root.fd, 0, &regions, &nr), 0);
	assert_int_equal(nr, 2);
	assert_int_equal(regions[0].start, 4096);
	assert_int_equal(regions[0].accesses, 20);
	assert_int_equal(regions[1].accesses, 7);
	free(regions);
	put_region("11", "8192\n", "4096\n", "7\n");
	assert_int_equal(damon_sysfs_read(root.fd, 0, &regions, &nr), -EBADMSG);
	assert_int_equal(damon_sysfs_read(root.fd, 1, &regions, &nr), -ENOENT);
	assert_int_equal(damon_sysfs_update(root.fd), -ESRCH); /* it is off */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_check, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_remove, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
