/* SPDX-License-Identifier: MIT */
/* Arrays that grow. */
#include "cmocka-all.h"

#include <stdlib.h>

#include "grow.h"

static void test_items_stay(void **state)
{
	size_t nr = 0, allocated = 0;
	size_t *items = NULL;

	(void)state;
	while (nr < 1000) {
		size_t *more = grow(items, nr, &allocated, sizeof(*items));

		assert_non_null(more);
		assert_true(allocated > nr);
		items = more;
		items[nr] = nr;
		nr++;
	}
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(items[i], i);
	/* Nothing moves while there is room. */
	nr = allocated - 1;
	assert_ptr_equal(grow(items, nr, &allocated, sizeof(*items)), items);
	free(items);
}

static void test_no_memory(void **state)
{
	size_t allocated = SIZE_MAX / 32, before = allocated;

	(void)state;
	assert_null(grow(NULL, allocated, &allocated, 64));
	assert_int_equal(allocated, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items_stay),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
