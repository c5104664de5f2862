/* SPDX-License-Identifier: MIT */
/* What a cleared accessed bit costs: measured here, and what is taken where it cannot be. */
#include "cmocka-all.h"

#include <unistd.h>

#include "accessed-bit.h"
#include "fake-root.h"
#include "rootfs.h"

static void it_is_measured(void **state)
{
	const int root = rootfs_open(NULL);

	(void)state;
	/* Anything from an emulated CPU to one that is interrupted all the time. */
	assert_true(accessed_bit_cost_ns(root) < 100000);
	close(root);
}

static void without_clear_refs_it_is_assumed(void **state)
{
	struct fake_root root;

	(void)state;
	assert_int_equal(fake_root_begin(&root), 0);
	assert_int_equal(accessed_bit_cost_ns(root.fd), ACCESSED_BIT_NS);
	fake_root_end(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_measured),
		cmocka_unit_test(without_clear_refs_it_is_assumed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
