/* SPDX-License-Identifier: MIT */
/* The journal's file: cut anywhere, damaged, shared, replaced, full, not ours. */
#include "cmocka-all.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal-file.h"
#include "text.h"

static char directory[64];
static char path[128];

static int make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/test-journal-file.XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/journal", directory);
	return 0;
}

static int remove_directory(void **state)
{
	char fresh[160];

	(void)state;
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	unlink(fresh);
	unlink(path);
	return rmdir(directory);
}

/* The lines that a reader gets, each with ";" behind it. */
static int collect(char *text, size_t length, void *user)
{
	text_append(user, text, length);
	text_append(user, ";", 1);
	return 0;
}

/* What a new reader of the file gets; free it. */
static char *read_lines(void)
{
	struct text lines = { 0 };
	struct journal_file file;
	struct mpol_error err;

	text_append(&lines, "", 0);
	assert_int_equal(journal_file_open(&file, path, false, &err), 0);
	assert_int_equal(journal_file_read(&file, collect, &lines, &err), 0);
	journal_file_close(&file);
	return lines.data ? lines.data : strdup("");
}

static void assert_lines(const char *expected)
{
	char *lines = read_lines();

	assert_string_equal(lines, expected);
	free(lines);
}

static void append(struct journal_file *file, const char *text)
{
	struct mpol_error err;

	assert_int_equal(journal_file_lock(file, &err), 0);
	assert_int_equal(journal_file_append(file, text, strlen(text), &err), 0);
	journal_file_unlock(file);
}

static void write_file(const char *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

/* The bytes of a file with the lines one, two and three. */
static size_t three_lines(char *bytes, size_t size)
{
	struct journal_file file;
	struct mpol_error err;
	ssize_t n;
	int fd;

	unlink(path);
	assert_int_equal(journal_file_open(&file, path, true, &err), 0);
	append(&file, "one");
	append(&file, "two");
	append(&file, "three");
	journal_file_close(&file);
	fd = open(path, O_RDONLY);
	n = read(fd, bytes, size);
	close(fd);
	assert_true(n > 0);
	return (size_t)n;
}

/* Whatever is left of the file, whole lines are read, and the next one is added whole. */
static void test_cut_at_every_byte(void **state)
{
	static const char *const left[] = { "", "one;", "one;two;", "one;two;three;" };
	struct journal_file file;
	struct mpol_error err;
	char bytes[256], after[64];
	size_t length = three_lines(bytes, sizeof(bytes));

	(void)state;
	for (size_t cut = 0; cut <= length; cut++) {
		int whole = 0;

		for (size_t i = 0; i < cut; i++)
			whole += bytes[i] == '\n';
		write_file(bytes, cut);
		assert_lines(left[whole]);
		assert_int_equal(journal_file_open(&file, path, true, &err), 0);
		append(&file, "more");
		journal_file_close(&file);
		/* A line that lacks its newline alone is whole again with it. */
		if (whole < 3 && cut < length && bytes[cut] == '\n')
			whole++;
		snprintf(after, sizeof(after), "%smore;", left[whole]);
		assert_lines(after);
	}
}

/* Any one byte changed costs the line that it is in, at most that and its neighbour. */
static void test_every_byte_damaged(void **state)
{
	char bytes[256];
	size_t length = three_lines(bytes, sizeof(bytes));

	(void)state;
	for (size_t i = 0; i < length; i++) {
		char damaged[256], *lines;
		int missing = 0;

		memcpy(damaged, bytes, length);
		damaged[i] ^= 0x5b;
		write_file(damaged, length);
		lines = read_lines();
		missing += !strstr(lines, "one;");
		missing += !strstr(lines, "two;");
		missing += !strstr(lines, "three;");
		assert_true(missing >= 1 && missing <= 2);
		assert_true(bytes[i] == '\n' || missing == 1);
		free(lines);
	}
}

static void test_garbage_at_the_end(void **state)
{
	struct journal_file file;
	struct mpol_error err;
	char bytes[8192];
	size_t length = three_lines(bytes, 256);

	(void)state;
	for (size_t i = length; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7919 >> 3);
	write_file(bytes, sizeof(bytes));
	assert_lines("one;two;three;");
	assert_int_equal(journal_file_open(&file, path, true, &err), 0);
	append(&file, "more");
	journal_file_close(&file);
	assert_lines("one;two;three;more;");
}

#define NR_WRITERS 4
#define NR_LINES   50

/* Appends lines, and makes the file anew every now and then with what is in it. */
static _Noreturn void run_writer(int writer)
{
	struct journal_file file;
	struct mpol_error err;

	if (journal_file_open(&file, path, true, &err) < 0)
		_exit(1);
	for (int i = 0; i < NR_LINES; i++) {
		struct text all = { 0 }, lines = { 0 };
		char line[32], *at, *end;
		int length = snprintf(line, sizeof(line), "%d-%d", writer, i);

		if (journal_file_lock(&file, &err) < 0 ||
		    journal_file_append(&file, line, (size_t)length, &err) < 0)
			_exit(1);
		if (i % 10 == 9) {
			file.offset = 0;
			if (journal_file_read(&file, collect, &all, &err) < 0)
				_exit(1);
			for (at = all.data; at && (end = strchr(at, ';')); at = end + 1)
				journal_file_format(&lines, at, (size_t)(end - at));
			if (journal_file_replace(&file, lines.data, lines.length, &err) < 0)
				_exit(1);
		}
		journal_file_unlock(&file);
		text_free(&all);
		text_free(&lines);
	}
	_exit(0);
}

static void test_several_writers_lose_nothing(void **state)
{
	char expected[32], *lines;
	int status, count = 0;

	(void)state;
	unlink(path);
	for (int i = 0; i < NR_WRITERS; i++)
		if (fork() == 0)
			run_writer(i);
	for (int i = 0; i < NR_WRITERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	lines = read_lines();
	for (int i = 0; i < NR_WRITERS * NR_LINES; i++) {
		snprintf(expected, sizeof(expected), "%d-%d;", i / NR_LINES, i % NR_LINES);
		assert_non_null(strstr(lines, expected));
	}
	for (char *at = lines; (at = strchr(at, ';')); at++)
		count++;
	assert_int_equal(count, NR_WRITERS * NR_LINES);
	free(lines);
}

/* A reader that has the old file open follows to the new one, and reads it from its beginning. */
static void test_reader_follows_a_replaced_file(void **state)
{
	struct journal_file reader, writer;
	struct text lines = { 0 };
	struct mpol_error err;
	char bytes[256];

	(void)state;
	three_lines(bytes, sizeof(bytes));
	assert_int_equal(journal_file_open(&reader, path, false, &err), 0);
	assert_int_equal(journal_file_read(&reader, collect, &lines, &err), 0);
	assert_string_equal(lines.data, "one;two;three;");
	text_free(&lines);

	journal_file_format(&lines, "three", 5);
	assert_int_equal(journal_file_open(&writer, path, true, &err), 0);
	assert_int_equal(journal_file_lock(&writer, &err), 0);
	assert_int_equal(journal_file_replace(&writer, lines.data, lines.length, &err), 0);
	assert_int_equal(journal_file_append(&writer, "four", 4, &err), 0);
	journal_file_unlock(&writer);
	text_free(&lines);

	assert_int_equal(journal_file_follow(&reader, &err), 0);
	lines = (struct text) { 0 };
	assert_int_equal(journal_file_read(&reader, collect, &lines, &err), 0);
	assert_string_equal(lines.data, "three;four;");
	text_free(&lines);
	journal_file_close(&reader);
	journal_file_close(&writer);
}

/* Nobody would ever read what is written to a file without a name. */
static void test_a_removed_file_is_made_again(void **state)
{
	struct journal_file writer;
	struct mpol_error err;
	char bytes[256];

	(void)state;
	three_lines(bytes, sizeof(bytes));
	assert_int_equal(journal_file_open(&writer, path, true, &err), 0);
	unlink(path);
	append(&writer, "again");
	journal_file_close(&writer);
	assert_lines("again;");
}

/* In a mount namespace of its own: a file system of a few pages that fills up. */
static _Noreturn void fill_disk(void)
{
	struct journal_file file;
	struct mpol_error err = { 0 };
	struct stat before, after;
	char line[3000];
	int r = 0;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", directory, "tmpfs", 0, "size=16k") < 0)
		_exit(77);
	memset(line, 'x', sizeof(line));
	if (journal_file_open(&file, path, true, &err) < 0 || journal_file_lock(&file, &err) < 0)
		_exit(1);
	for (int i = 0; i < 100 && r == 0; i++) {
		stat(path, &before);
		r = journal_file_append(&file, line, sizeof(line), &err);
	}
	stat(path, &after);
	/* As it was before the line that had no room, and said in words. */
	if (r != -ENOSPC || err.code != -ENOSPC || !strstr(err.advice, "--journal") ||
	    before.st_size != after.st_size || after.st_size < (off_t)sizeof(line))
		_exit(2);
	_exit(0);
}

static void test_full_disk(void **state)
{
	int status;

	(void)state;
	if (fork() == 0)
		fill_disk();
	assert_true(wait(&status) > 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static void assert_refused(bool writable, int code)
{
	struct journal_file file;
	struct mpol_error err = { 0 };

	assert_int_equal(journal_file_open(&file, path, writable, &err), code);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.object, path));
	assert_int_equal(file.fd, -1);
}

static void test_whose_file_it_is(void **state)
{
	char bytes[256];

	(void)state;
	three_lines(bytes, sizeof(bytes));
	chmod(path, 0620);
	assert_refused(false, -EPERM);
	assert_refused(true, -EPERM);
	chmod(path, 0600);
	assert_lines("one;two;three;");
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_refused(false, -EPERM);
		assert_refused(true, -EPERM);
	}
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_refused(true, -ELOOP);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(false, -EPERM);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused(true, -EISDIR);
	rmdir(path);
	/* A reader finds no file, and that is no error: nothing was recorded yet. */
	assert_lines("");
	assert_int_not_equal(access(path, F_OK), 0);
}

static void test_line_without_limits(void **state)
{
	char *text = calloc(1, JOURNAL_LINE_MAX_BYTES + 1);
	struct journal_file file;
	struct mpol_error err;
	struct stat status;

	(void)state;
	assert_non_null(text);
	unlink(path);
	assert_int_equal(journal_file_open(&file, path, true, &err), 0);
	assert_int_equal(journal_file_lock(&file, &err), 0);
	assert_int_equal(journal_file_append(&file, text, JOURNAL_LINE_MAX_BYTES + 1, &err),
			 -E2BIG);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, 0);
	journal_file_close(&file);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_every_byte_damaged),
		cmocka_unit_test(test_garbage_at_the_end),
		cmocka_unit_test(test_several_writers_lose_nothing),
		cmocka_unit_test(test_reader_follows_a_replaced_file),
		cmocka_unit_test(test_a_removed_file_is_made_again),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_whose_file_it_is),
		cmocka_unit_test(test_line_without_limits),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
