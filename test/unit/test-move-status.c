/* SPDX-License-Identifier: MIT */
/* Statuses of move_pages(2), as a model of the kernel's loop leaves them. */
#include "cmocka-all.h"

#include <errno.h>

#include "move-status.h"

#define NR 40

enum page { GOOD, REFUSED /* when collected */, STUCK /* when moved */ };

static unsigned next_random(unsigned *seed)
{
	return *seed = *seed * 1664525 + 1013904223;
}

/* do_pages_move; returns whether it stopped early, and where, but for ret_next: untouched if not.
 */
static int model(const enum page *pages, int *status, struct move_stop *ret_stop)
{
	size_t start = 0, i = 0;

	for (; i <= NR; i++) {
		int failed = 0;

		if (i < NR && pages[i] != REFUSED)
			continue;
		if (i < NR)
			status[i] = -EBUSY;
		for (size_t page = start; page < i; page++)
			failed |= pages[page] == STUCK;
		if (failed) {
			*ret_stop = (struct move_stop) { start, i, i < NR ? i + 1 : NR };
			return 1;
		}
		for (size_t page = start; page < i; page++)
			status[page] = 3;
		start = i + 1;
	}
	return 0;
}

static void where_it_stopped_follows_from_what_is_written(void **state)
{
	unsigned seed = 1, stops = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		enum page pages[NR];
		int status[NR];
		struct move_stop wanted, found;

		for (size_t page = 0; page < NR; page++) {
			const unsigned kind = next_random(&seed) >> 16;

			status[page] = MOVE_STATUS_NOT_WRITTEN;
			pages[page] = kind % 13 == 0 ? REFUSED : kind % 17 == 0 ? STUCK : GOOD;
		}
		if (!model(pages, status, &wanted))
			continue;
		stops++;
		found = move_status_stop(status, NR);
		assert_int_equal(found.first, wanted.first);
		assert_int_equal(found.end, wanted.end);
		assert_int_equal(found.next, wanted.next);
	}
	assert_true(stops > 1000);
}

static void one_alone(void **state)
{
	int status = MOVE_STATUS_NOT_WRITTEN;
	const struct move_stop stop = move_status_stop(&status, 1);

	(void)state;
	assert_int_equal(stop.first, 0);
	assert_int_equal(stop.end, 1);
	assert_int_equal(stop.next, 1);
}

static void errnos_differ(void **state)
{
	(void)state;
	for (int stayed = 0; stayed < 2; stayed++) {
		assert_int_equal(move_status_judge(0, stayed), MOVE_DONE);
		assert_int_equal(move_status_judge(7, stayed), MOVE_DONE);
		assert_int_equal(move_status_judge(-ENOENT, stayed), MOVE_GONE);
		assert_int_equal(move_status_judge(-EACCES, stayed), MOVE_NEVER);
		assert_int_equal(move_status_judge(-ENOMEM, stayed), MOVE_NO_ROOM);
	}
}

static void what_stays_twice_stays_for_ever(void **state)
{
	(void)state;
	assert_int_equal(move_status_judge(-EBUSY, false), MOVE_LATER);
	assert_int_equal(move_status_judge(-EFAULT, false), MOVE_LATER);
	assert_int_equal(move_status_judge(-EBUSY, true), MOVE_NEVER);
	assert_int_equal(move_status_judge(-EFAULT, true), MOVE_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_it_stopped_follows_from_what_is_written),
		cmocka_unit_test(one_alone),
		cmocka_unit_test(errnos_differ),
		cmocka_unit_test(what_stays_twice_stays_for_ever),
	};

	return cmocka_run_group_tests_name("move-status", tests, NULL, NULL);
}
