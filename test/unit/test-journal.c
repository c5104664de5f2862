/* SPDX-License-Identifier: MIT */
/* The journal by its public calls: what counts after ends, undos, kills, other boots, growth. */
#include "cmocka-all.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpol/mpol.h>

static char directory[64];
static char path[128];
static const struct mpol_policy local = { .mode = MPOL_MODE_LOCAL };
static const struct mpol_policy none = { .mode = MPOL_MODE_DEFAULT };

static int make_directory(void **state)
{
	(void)state;
	/* In memory, where there is such a place: thousands of lines are synced. */
	snprintf(directory, sizeof(directory), "%s/test-journal.XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	snprintf(path, sizeof(path), "%s/journal", mkdtemp(directory));
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static int remove_directory(void **state)
{
	remove_file(state);
	return rmdir(directory);
}

static struct mpol_journal *open_journal(int writable)
{
	struct mpol_journal *journal;
	struct mpol_error error;

	assert_int_equal(mpol_journal_open(path, writable, &journal, &error), 0);
	return journal;
}

/* The process itself, as the one that is changed. */
static struct mpol_change about_self(struct mpol_replaced *replaced)
{
	struct mpol_process *process;

	assert_int_equal(mpol_process_new(NULL, getpid(), 0, &process, NULL), 0);
	*replaced = (struct mpol_replaced) {
		.tid = getpid(),
		.start_ticks = mpol_process_start_ticks(process),
		.policy = &none,
	};
	mpol_process_free(process);
	return (struct mpol_change) {
		.verb = "set",
		.pid = getpid(),
		.start_ticks = replaced->start_ticks,
		.name = "test",
		.intended = &local,
		.replaced = replaced,
		.nr_replaced = 1,
	};
}

static uint64_t begin(struct mpol_journal *journal, const struct mpol_change *change)
{
	struct mpol_error error;
	uint64_t id = 0;

	assert_int_equal(mpol_journal_begin(journal, change, &id, &error), 0);
	assert_true(id > 0);
	return id;
}

static void end(struct mpol_journal *journal, uint64_t id, uint64_t nr_done)
{
	assert_int_equal(mpol_journal_end(journal, id, nr_done, NULL), 0);
}

static void test_a_change_and_its_end(void **state)
{
	struct mpol_journal *writer = open_journal(1), *reader = open_journal(0);
	struct mpol_replaced replaced;
	struct mpol_change change = about_self(&replaced);
	const struct mpol_change *read;
	uint64_t id = begin(writer, &change), second;

	(void)state;
	/* Its own changes a writer sees at once, a reader those there when it opened. */
	assert_int_equal(mpol_journal_nr_changes(writer), 1);
	assert_int_equal(mpol_journal_nr_changes(reader), 0);
	mpol_journal_free(reader);
	read = mpol_journal_change(writer, 0);
	assert_int_equal(read->id, id);
	assert_int_equal(read->uid, getuid());
	assert_int_equal(read->pid, getpid());
	assert_int_equal(read->is_ended, 0);
	assert_int_equal(read->replaced[0].policy->mode, MPOL_MODE_DEFAULT);
	end(writer, id, 1);
	reader = open_journal(0);
	read = mpol_journal_change(reader, 0);
	assert_int_equal(read->is_ended, 1);
	assert_int_equal(read->nr_done, 1);
	assert_null(mpol_journal_change(reader, 1));

	second = begin(writer, &change);
	assert_true(second > id);
	assert_int_equal(mpol_journal_begin(reader, &change, &id, NULL), -EBADF);
	mpol_journal_free(reader);
	mpol_journal_free(writer);
}

/* One that was killed half-way has not taken back what it was to take back. */
static void test_an_undo_counts_once_it_has_ended(void **state)
{
	struct mpol_journal *journal = open_journal(1);
	struct mpol_replaced replaced;
	struct mpol_change change = about_self(&replaced), undo = change;
	uint64_t id;

	(void)state;
	undo.undoes = begin(journal, &change);
	end(journal, undo.undoes, 1);
	undo.verb = "undo";
	begin(journal, &undo);
	mpol_journal_free(journal);

	journal = open_journal(1);
	assert_int_equal(mpol_journal_change(journal, 0)->is_undone, 0);
	id = begin(journal, &undo);
	end(journal, id, 1);
	assert_int_equal(mpol_journal_change(journal, 0)->is_undone, 1);
	mpol_journal_free(journal);
	journal = open_journal(0);
	assert_int_equal(mpol_journal_change(journal, 0)->is_undone, 1);
	mpol_journal_free(journal);
}

/* Killed at a random moment, over and over: each change is there whole or not at all. */
static void test_killed_writers(void **state)
{
	struct mpol_replaced replaced;
	struct mpol_change change = about_self(&replaced);
	struct mpol_journal *journal;
	uint64_t last = 0;

	(void)state;
	for (int i = 0; i < 30; i++) {
		pid_t pid = fork();

		if (!pid) {
			journal = open_journal(1);
			for (;;)
				end(journal, begin(journal, &change), 1);
		}
		usleep(500 * (i % 10));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		journal = open_journal(1);
		end(journal, begin(journal, &change), 1);
		mpol_journal_free(journal);
	}
	journal = open_journal(0);
	assert_true(mpol_journal_nr_changes(journal) >= 30);
	for (size_t i = 0; i < mpol_journal_nr_changes(journal); i++) {
		const struct mpol_change *read = mpol_journal_change(journal, i);

		assert_true(read->id > last);
		assert_int_equal(read->nr_replaced, 1);
		last = read->id;
	}
	mpol_journal_free(journal);
}

/* Puts the lines of another boot before those of this one. */
static void test_other_boots_are_passed_over(void **state)
{
	struct mpol_journal *journal = open_journal(1);
	struct mpol_replaced replaced;
	struct mpol_change change = about_self(&replaced);
	char command[2048];

	(void)state;
	begin(journal, &change);
	mpol_journal_free(journal);
	/* With another boot's id the checksum would not hold: the line is made again. */
	snprintf(command, sizeof(command),
		 "cut -c10- %s | sed 's/\"boot\":\"[0-9a-f]*/\"boot\":\"0/' | tr -d '\\n' >%s.text "
		 "&& "
		 "{ gzip -c %s.text | tail -c8 | head -c4 | od -An -tx4 | tr -d ' \\n'; echo -n ' "
		 "'; "
		 "cat %s.text; echo; } >%s && rm %s.text",
		 path, path, path, path, path, path);
	assert_int_equal(system(command), 0);
	journal = open_journal(1);
	assert_int_equal(mpol_journal_nr_changes(journal), 0);
	/* Its number is known, so the line was read. */
	assert_int_equal(begin(journal, &change), 2);
	mpol_journal_free(journal);
}

static off_t file_size(void)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_size;
}

/* Enough ranges that a few changes fill a file. */
#define NR_MANY 4000

static struct mpol_replaced *many_replaced(void)
{
	struct mpol_replaced *many = calloc(NR_MANY, sizeof(*many));

	assert_non_null(many);
	for (size_t i = 0; i < NR_MANY; i++)
		many[i] = (struct mpol_replaced) {
			.start = (i + 1) << 20,
			.end = ((i + 1) << 20) + 4096,
			.policy = &none,
		};
	return many;
}

static void test_changes_of_dead_processes_go(void **state)
{
	struct mpol_journal *journal = open_journal(1), *other = open_journal(1);
	struct mpol_replaced replaced, *many = many_replaced();
	struct mpol_change living = about_self(&replaced), dead = living;
	uint64_t first = begin(journal, &living);
	const struct mpol_change *change;

	(void)state;
	end(journal, first, 1);
	dead.start_ticks++;
	dead.replaced = many;
	dead.nr_replaced = NR_MANY;
	for (int i = 0; i < 20; i++)
		end(journal, begin(journal, &dead), 1);
	assert_true(file_size() < 3 << 20);
	/* A writer that had the old file goes on in the new one. */
	end(other, begin(other, &living), 1);
	mpol_journal_free(other);
	mpol_journal_free(journal);

	journal = open_journal(0);
	change = mpol_journal_change(journal, 0);
	assert_int_equal(change->id, first);
	assert_int_equal(change->is_ended, 1);
	change = mpol_journal_change(journal, mpol_journal_nr_changes(journal) - 1);
	assert_int_equal(change->start_ticks, living.start_ticks);
	assert_int_equal(change->id, 22);
	mpol_journal_free(journal);
	free(many);
}

/* A process may be changed for years: the first change and the last ones are what is needed. */
static void test_a_living_process_has_its_limit(void **state)
{
	struct mpol_journal *journal = open_journal(1);
	struct mpol_replaced replaced, *many = many_replaced();
	struct mpol_change change = about_self(&replaced);
	uint64_t id = 0;
	size_t nr;

	(void)state;
	change.replaced = many;
	change.nr_replaced = NR_MANY / 4;
	for (int i = 0; i < 400; i++) {
		id = begin(journal, &change);
		end(journal, id, 1);
	}
	assert_int_equal(id, 400);
	assert_true(file_size() < 16 << 20);
	mpol_journal_free(journal);
	journal = open_journal(0);
	nr = mpol_journal_nr_changes(journal);
	assert_true(nr > 100 && nr < 330);
	assert_int_equal(mpol_journal_change(journal, 0)->id, 1);
	for (size_t i = 1; i <= 100; i++)
		assert_int_equal(mpol_journal_change(journal, nr - i)->id, 401 - i);
	mpol_journal_free(journal);
	free(many);
}

static void test_a_file_that_is_not_there(void **state)
{
	struct mpol_journal *journal = open_journal(0);
	struct mpol_error error;

	(void)state;
	assert_int_equal(mpol_journal_nr_changes(journal), 0);
	mpol_journal_free(journal);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(mpol_journal_open("/proc/none/journal", 1, &journal, &error), -ENOENT);
	assert_non_null(strstr(error.object, "/proc/none/journal"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_a_change_and_its_end, remove_file),
		cmocka_unit_test_teardown(test_an_undo_counts_once_it_has_ended, remove_file),
		cmocka_unit_test_teardown(test_killed_writers, remove_file),
		cmocka_unit_test_teardown(test_other_boots_are_passed_over, remove_file),
		cmocka_unit_test_teardown(test_changes_of_dead_processes_go, remove_file),
		cmocka_unit_test_teardown(test_a_living_process_has_its_limit, remove_file),
		cmocka_unit_test_teardown(test_a_file_that_is_not_there, remove_file),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
