/* SPDX-License-Identifier: MIT */
/* Which tracker is chosen: one that works, and the reason where it is not the best. */
#include "fake-root.h"

#include <errno.h>
#include <stdbool.h>

#include "tracker.h"

static void test_names(void **state)
{
	const struct tracker_kind *best = tracker_find("ptescan");
	const char names[] = TRACKER_NAMES;

	(void)state;
	assert_null(tracker_find(""));
	assert_null(tracker_find("ptescan, mglru"));
	assert_ptr_equal(tracker_find("soft-dirty"), &tracker_soft_dirty);
	assert_true(!best || best->sees_reads);
	assert_true(!best || strstr(names, best->name) == names);
	for (size_t i = 0; tracker_kind(i); i++) {
		assert_ptr_equal(tracker_find(tracker_kind(i)->name), tracker_kind(i));
		assert_non_null(strstr(names, tracker_kind(i)->name));
		assert_true(*tracker_kind(i)->summary && *tracker_kind(i)->side_effects);
	}
}

static void test_choice(void **state)
{
	const int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct tracker_kind *kind = NULL, *best = tracker_find("ptescan");
	struct mpol_error why = { 0 };
	int r = tracker_choose(root, &kind, &why);

	(void)state;
	if (r < 0) {
		assert_int_equal(r, -EOPNOTSUPP);
		assert_null(kind);
		assert_string_not_equal(why.cause, "");
		print_message("none works here: %s: %s\n", why.step, why.cause);
	} else {
		struct tracker *tracker;

		assert_int_equal(kind->open(root, getpid(), &tracker, &why), 0);
		kind->close(tracker);
		/* A worse one only for a reason. */
		assert_true(why.code != 0 || !best || kind == best);
		assert_true(kind->is_automatic);
		print_message("%s; %s: %s\n", kind->name, why.step, why.cause);
	}
	close(root);
}

/* This process, below the root too. */
static void link_self(const struct fake_root *root)
{
	char file[32], target[32];

	snprintf(file, sizeof(file), "proc/%d", getpid());
	snprintf(target, sizeof(target), "/proc/%d", getpid());
	fake_root_link(root, file, target);
}

/* A process with a virtual machine: only a tracker that sees guests is taken, or none. */
static void test_guests(void **state)
{
	const struct tracker_kind *kind = NULL;
	struct mpol_error error = { 0 };
	struct fake_root root;

	(void)state;
	assert_int_equal(fake_root_begin(&root), 0);
	fake_root_link(&root, "proc/4240/fd/9", "/dev/kvm");
	assert_int_equal(tracker_choose_for(&tracker_soft_dirty, root.fd, 4240, &kind, &error), 0);
	assert_ptr_equal(kind, &tracker_soft_dirty);
	fake_root_link(&root, "proc/4240/fd/10", "anon_inode:kvm-vm");
	assert_int_equal(tracker_choose_for(&tracker_damon, root.fd, 4240, &kind, &error), 0);
	assert_ptr_equal(kind, &tracker_damon);
	if (tracker_find("ptescan")) {
		kind = NULL;
		assert_int_equal(
			tracker_choose_for(tracker_find("ptescan"), root.fd, 4240, &kind, &error),
			-EOPNOTSUPP);
		assert_null(kind);
		assert_non_null(strstr(error.cause, "KVM guests"));
		/* Where DAMON can be used, it is. */
		fake_root_put(&root, "sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds", "0");
		link_self(&root);
		assert_int_equal(
			tracker_choose_for(tracker_find("ptescan"), root.fd, 4240, &kind, &error),
			0);
		assert_ptr_equal(kind, &tracker_damon);
	}
	fake_root_end(&root);
}

/* mpold, for a process with guests, has only the capabilities that its general tracker needs. */
static void test_mpolds(void **state)
{
	const struct tracker_kind *general = NULL;
	struct mpol_error why = { 0 };
	struct fake_root root;

	(void)state;
	assert_int_equal(fake_root_begin(&root), 0);
	link_self(&root);
	fake_root_link(&root, "proc/self", "/proc/self");
	assert_null(tracker_mpolds_for_guests(root.fd));
	fake_root_put(&root, "sys/kernel/mm/page_idle/bitmap", "");
	fake_root_put(&root, "proc/kpageflags", "");
	if (tracker_try(&tracker_idlepage, root.fd, &why) < 0) {
		print_message("idlepage: %s\n", why.cause);
	} else {
		assert_int_equal(tracker_choose(root.fd, &general, &why), 0);
		assert_ptr_equal(tracker_mpolds_for_guests(root.fd),
				 general == &tracker_idlepage ? general : NULL);
	}
	fake_root_put(&root, "sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds", "0");
	if (general != &tracker_idlepage)
		assert_ptr_equal(tracker_mpolds_for_guests(root.fd), &tracker_damon);
	fake_root_end(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_guests),
		cmocka_unit_test(test_mpolds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
