/* SPDX-License-Identifier: MIT */
/*
 * Hints about one's own memory: what mpold would read of them; wrong arguments; threads at once;
 * and that a child has none of its parent's, nor the parent any of the child's, whatever
 * happens at the moment of the fork.
 */
#include "cmocka-all.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "hint-table.h"
#include "maps.h"

#define PAGE 4096UL

static struct hint_ranges ranges;

/* Reads this process's table as mpold does.  Returns how many mappings look like one. */
static unsigned read_table(void)
{
	static char text[1 << 20];
	FILE *stream = fopen("/proc/self/maps", "r");
	struct maps_entry entry;
	const char *why = NULL;
	char *cursor = text;
	unsigned nr = 0;

	assert_non_null(stream);
	text[fread(text, 1, sizeof(text) - 1, stream)] = '\0';
	fclose(stream);
	ranges.nr = 0;
	while (maps_next(&cursor, &entry) > 0) {
		if (strcmp(entry.name, HINT_TABLE_MAPPING) != 0)
			continue;
		nr++;
		assert_int_equal(hint_table_read(getpid(), entry.start, entry.end, &ranges, &why),
				 0);
	}
	return nr;
}

static void *at(uintptr_t page)
{
	return (void *)(page * PAGE);
}

static int take_all_back(void **state)
{
	(void)state;
	return mpol_clear_vma_hint(at(0), 1UL << 40, NULL);
}

/* First, so that nothing has been declared before. */
static void there_is_no_table_before_there_is_a_hint(void **state)
{
	(void)state;
	assert_int_equal(mpol_clear_vma_hint(at(1), PAGE, NULL), 0);
	assert_int_equal(mpol_set_vma_hint(at(1), 1, (enum mpol_hint)9, NULL), -EINVAL);
	assert_int_equal(read_table(), 0);
}

static void what_is_declared_can_be_read(void **state)
{
	(void)state;
	assert_int_equal(mpol_set_vma_hint(at(10), 10 * PAGE, MPOL_HINT_HOT, NULL), 0);
	assert_int_equal(mpol_set_vma_hint(at(12), PAGE + 1, MPOL_HINT_COLD, NULL), 0);
	assert_int_equal(mpol_set_vma_hint(at(30), 1, MPOL_HINT_PINNED, NULL), 0);
	assert_int_equal(mpol_set_vma_hint(at(40), 0, MPOL_HINT_PINNED, NULL), 0);
	assert_int_equal(read_table(), 1);
	assert_int_equal(ranges.nr, 4);
	assert_int_equal(ranges.ranges[1].start, 12 * PAGE);
	assert_int_equal(ranges.ranges[1].end, 14 * PAGE);
	assert_int_equal(ranges.ranges[0].hint, PORT_HINT_HOT);
	assert_int_equal(ranges.ranges[1].hint, PORT_HINT_COLD);
	assert_int_equal(ranges.ranges[3].hint, PORT_HINT_PINNED);
	assert_int_equal(mpol_clear_vma_hint(at(10), 10 * PAGE, NULL), 0);
	assert_int_equal(read_table(), 1);
	assert_int_equal(ranges.nr, 1);
}

static void wrong_arguments_change_nothing(void **state)
{
	struct mpol_error error = { 0 };

	(void)state;
	assert_int_equal(mpol_set_vma_hint((char *)at(1) + 1, PAGE, MPOL_HINT_HOT, &error),
			 -EINVAL);
	assert_string_equal(error.step, "set a hint");
	assert_int_equal(mpol_set_vma_hint(at(1), SIZE_MAX, MPOL_HINT_HOT, &error), -EINVAL);
	assert_int_equal(mpol_set_vma_hint(at(9), SIZE_MAX - 9 * PAGE + 2, MPOL_HINT_HOT, &error),
			 -EINVAL);
	assert_int_equal(mpol_set_vma_hint(at(1), PAGE, (enum mpol_hint)0, &error), -EINVAL);
	assert_int_equal(mpol_set_vma_hint(at(1), PAGE, (enum mpol_hint)4, &error), -EINVAL);
	assert_string_equal(error.cause, "4 is no hint");
	for (unsigned i = 0; i < HINT_RANGES_MOST; i++)
		assert_int_equal(mpol_set_vma_hint(at(2 * i), PAGE, MPOL_HINT_HOT, &error), 0);
	assert_int_equal(mpol_set_vma_hint(at(9000), PAGE, MPOL_HINT_HOT, &error), -ENOSPC);
	assert_true(*error.advice);
	read_table();
	assert_int_equal(ranges.nr, HINT_RANGES_MOST);
}

static atomic_bool ending;

/* Declares and takes back ranges of its own. */
static void *declare_and_take_back(void *first)
{
	while (!atomic_load(&ending)) {
		assert_int_equal(mpol_set_vma_hint(first, PAGE, MPOL_HINT_HOT, NULL), 0);
		assert_int_equal(mpol_clear_vma_hint(first, PAGE, NULL), 0);
	}
	assert_int_equal(mpol_set_vma_hint(first, PAGE, MPOL_HINT_COLD, NULL), 0);
	return NULL;
}

static void child(uintptr_t page)
{
	if (read_table() != 0)
		_exit(1);
	if (mpol_set_vma_hint(at(page), PAGE, MPOL_HINT_PINNED, NULL) != 0)
		_exit(2);
	if (read_table() != 1 || ranges.nr != 1 || ranges.ranges[0].start != page * PAGE)
		_exit(3);
	_exit(0);
}

/* Forks while other threads may be holding the lock. */
static void threads_and_forks_do_not_disturb_each_other(void **state)
{
	pthread_t threads[4];

	(void)state;
	atomic_store(&ending, false);
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, declare_and_take_back, at(100 + 2 * i));
	for (unsigned i = 0; i < 200; i++) {
		const pid_t pid = fork();
		int status = -1;

		if (pid == 0) {
			alarm(20); /* one that waits for ever for the lock */
			child(500 + i);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	atomic_store(&ending, true);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(read_table(), 1);
	assert_int_equal(ranges.nr, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ranges.ranges[i].start, (100 + 2 * i) * PAGE);
		assert_int_equal(ranges.ranges[i].hint, PORT_HINT_COLD);
	}
}

/* A child's child has none of either. */
static void a_child_of_a_child_begins_anew_too(void **state)
{
	int status = -1;
	pid_t pid;

	(void)state;
	assert_int_equal(mpol_set_vma_hint(at(1), PAGE, MPOL_HINT_HOT, NULL), 0);
	pid = fork();
	if (pid == 0) {
		if (mpol_set_vma_hint(at(2), PAGE, MPOL_HINT_HOT, NULL) != 0)
			_exit(4);
		pid = fork();
		if (pid == 0)
			child(3);
		if (waitpid(pid, &status, 0) != pid || status != 0)
			_exit(5);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	read_table();
	assert_int_equal(ranges.nr, 1);
	assert_int_equal(ranges.ranges[0].start, PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_no_table_before_there_is_a_hint),
		cmocka_unit_test_teardown(what_is_declared_can_be_read, take_all_back),
		cmocka_unit_test_teardown(wrong_arguments_change_nothing, take_all_back),
		cmocka_unit_test_teardown(threads_and_forks_do_not_disturb_each_other,
					  take_all_back),
		cmocka_unit_test_teardown(a_child_of_a_child_begins_anew_too, take_all_back),
	};

	return cmocka_run_group_tests_name("hint", tests, NULL, NULL);
}
