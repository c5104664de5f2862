/* SPDX-License-Identifier: MIT */
/* Pressure stall information: what kernels write, what they do not, and recorded trees. */
#include "fake-root.h"

#include <errno.h>

#include "cgroup.h"
#include "pressure.h"
#include "psi.h"

#define SOME "some avg10=99.00 avg60=1.02 avg300=0.30 total=1234\n"

static void what_kernels_write_is_read(void **state)
{
	uint32_t permyriad = 7;

	(void)state;
	assert_int_equal(
		psi_parse_full(SOME "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", &permyriad),
		0);
	assert_int_equal(permyriad, 0);
	assert_int_equal(psi_parse_full(SOME "full avg10=12.05 avg60=0.00 avg300=0.00 total=9\n",
					&permyriad),
			 0);
	assert_int_equal(permyriad, 1205);
	assert_int_equal(psi_parse_full("full avg10=100.00 avg60=0.00\n", &permyriad), 0);
	assert_int_equal(permyriad, 10000);
}

static void what_they_do_not_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		SOME,
		"full",
		"full avg10=",
		"full avg10=1",
		"full avg10=1.",
		"full avg10=1.5 avg60=0.00\n",
		"full avg10=1.50",
		"full avg10=-1.50 avg60=0.00\n",
		"full avg10=100.01 avg60=0.00\n",
		"full avg10=4294967297.00 avg60=0.00\n",
		"full avg10=1.500 avg60=0.00\n",
		" full avg10=1.50 avg60=0.00\n",
	};
	uint32_t permyriad = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (psi_parse_full(texts[i], &permyriad) != -EBADMSG)
			fail_msg("taken: \"%s\"", texts[i]);
	assert_int_equal(permyriad, 7);
}

static void the_unified_hierarchy_is_found(void **state)
{
	char mixed[] = "12:memory:/a\n0::/user.slice/x y\n", alone[] = "0::/\n",
	     none[] = "3:cpu:/b\n";

	(void)state;
	assert_string_equal(cgroup_parse_own(mixed), "/user.slice/x y");
	assert_string_equal(cgroup_parse_own(alone), "/");
	assert_null(cgroup_parse_own(none));
}

static void files_are_found_below_a_root(void **state)
{
	struct fake_root root;
	uint32_t permyriad = 7;

	(void)state;
	assert_int_equal(fake_root_begin(&root), 0);
	assert_int_equal(psi_read_system(root.fd, &permyriad), -ENOENT);
	assert_int_equal(psi_read_process(root.fd, 4, &permyriad), -ESRCH);
	fake_root_put(&root, "proc/pressure/memory", SOME "full avg10=3.00 avg60=0.00\n");
	assert_int_equal(psi_read_system(root.fd, &permyriad), 0);
	assert_int_equal(permyriad, 300);
	fake_root_put(&root, "proc/5/cgroup", "0::/\n");
	assert_int_equal(psi_read_process(root.fd, 5, &permyriad), 0);
	assert_int_equal(permyriad, 0);
	fake_root_put(&root, "proc/5/cgroup", "0::/a/b\n");
	fake_root_put(&root, "sys/fs/cgroup/cgroup.controllers", "memory\n");
	fake_root_put(&root, "sys/fs/cgroup/a/b/cgroup.procs", "5\n");
	assert_true(psi_read_process(root.fd, 5, &permyriad) < 0);
	fake_root_put(&root, "sys/fs/cgroup/a/b/memory.pressure",
		      SOME "full avg10=4.50 avg60=0.00\n");
	assert_int_equal(psi_read_process(root.fd, 5, &permyriad), 0);
	assert_int_equal(permyriad, 450);
	fake_root_end(&root);
}

static void it_is_high_until_it_is_clearly_low(void **state)
{
	bool high = false;

	(void)state;
	assert_false(high = pressure_is_high(high, 0));
	assert_false(high = pressure_is_high(high, PRESSURE_HIGH_PERMYRIAD - 1));
	assert_true(high = pressure_is_high(high, PRESSURE_HIGH_PERMYRIAD));
	assert_true(high = pressure_is_high(high, PRESSURE_HIGH_NO_LONGER_PERMYRIAD));
	assert_false(high = pressure_is_high(high, PRESSURE_HIGH_NO_LONGER_PERMYRIAD - 1));
	assert_false(pressure_is_high(high, PRESSURE_HIGH_PERMYRIAD - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_kernels_write_is_read),
		cmocka_unit_test(what_they_do_not_is_refused),
		cmocka_unit_test(the_unified_hierarchy_is_found),
		cmocka_unit_test(files_are_found_below_a_root),
		cmocka_unit_test(it_is_high_until_it_is_clearly_low),
	};

	return cmocka_run_group_tests_name("psi", tests, NULL, NULL);
}
