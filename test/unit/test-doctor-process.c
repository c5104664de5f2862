/* SPDX-License-Identifier: MIT */
/* What the doctor says of a process with KVM guests: what mpold would follow it by depends on what
 * works here, so that is tried; all else of a process is tested by test/cli/test-doctor.sh. */
#include "fake-root.h"

#include "damon-sysfs.h"
#include "doctor.h"
#include "tracker.h"

#define KDAMONDS "sys/kernel/mm/damon/admin/kdamonds"

static struct fake_root root;

/* This process, with a virtual machine open, on a machine where no tracker works. */
static int set_up(void **state)
{
	char machine[64];

	(void)state;
	if (fake_root_begin(&root) < 0)
		return -1;
	fake_root_link_process(&root, getpid());
	snprintf(machine, sizeof(machine), "proc/%d/fd/9", getpid());
	fake_root_link(&root, machine, "anon_inode:kvm-vm");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_root_end(&root);
	return 0;
}

/* The text about guests. */
static void assert_said(bool is_recorded, enum mpol_severity severity, const char *text)
{
	struct symptoms symptoms = { 0 };
	struct mpol_error error;
	size_t nr = 0;

	assert_int_equal(doctor_check_process(root.fd, is_recorded, getpid(), &symptoms, &error),
			 0);
	for (size_t i = 0; i < symptoms.nr; i++) {
		const struct mpol_symptom *symptom = &symptoms.items[i];

		if (strcmp(symptom->check, "guests") != 0)
			continue;
		nr++;
		assert_int_equal(symptom->severity, severity);
		assert_non_null(strstr(symptom->text, "runs KVM guests"));
		assert_non_null(strstr(symptom->text, text));
		assert_string_not_equal(symptom->advice, "");
	}
	assert_int_equal(nr, 1);
	symptoms_free(&symptoms);
}

static void test_none_works(void **state)
{
	(void)state;
	assert_said(true, MPOL_SEVERITY_NOTE, "or lets it alone");
	/* What needs BPF does not ask below the root, and may work. */
	assert_said(false, MPOL_SEVERITY_WARNING, "would let it alone");
}

static void test_damon_works(void **state)
{
	(void)state;
	fake_root_put(&root, KDAMONDS "/nr_kdamonds", "0");
	assert_said(false, MPOL_SEVERITY_NOTE, "would follow it by damon");
	assert_said(true, MPOL_SEVERITY_NOTE, "or lets it alone");
}

/* That one has it already does not keep it from what it has. */
static void test_mpold_has_damon(void **state)
{
	char signature[32];

	(void)state;
	snprintf(signature, sizeof(signature), "%llu",
		 (unsigned long long)DAMON_SYSFS_SIGNATURES + 4240);
	fake_root_put(&root, KDAMONDS "/nr_kdamonds", "1");
	fake_root_put(&root, KDAMONDS "/0/contexts/0/monitoring_attrs/intervals/update_us",
		      signature);
	assert_said(false, MPOL_SEVERITY_NOTE, "would follow it by damon");
	fake_root_put(&root, KDAMONDS "/0/contexts/0/monitoring_attrs/intervals/update_us",
		      "60000000");
	assert_said(false, MPOL_SEVERITY_WARNING, "would let it alone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_none_works, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damon_works, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mpold_has_damon, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
