/* SPDX-License-Identifier: MIT */
/* Lines of the log: with their level only where the journal reads them. */
#include "cmocka-all.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

/* What a line becomes where stderr is a file, and JOURNAL_STREAM names it or one other. */
static void say(bool names_it, char *ret, size_t size)
{
	FILE *file = tmpfile();
	int before = dup(STDERR_FILENO);
	char stream[64];
	struct stat status;
	ssize_t length;

	assert_non_null(file);
	assert_true(before >= 0);
	assert_int_equal(fstat(fileno(file), &status), 0);
	snprintf(stream, sizeof(stream), "%lu:%lu", (unsigned long)status.st_dev,
		 (unsigned long)status.st_ino + !names_it);
	setenv("JOURNAL_STREAM", stream, 1);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	log_warning("%d pages", 3);
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	close(before);
	length = pread(fileno(file), ret, size - 1, 0);
	assert_true(length >= 0);
	ret[length] = '\0';
	fclose(file);
	unsetenv("JOURNAL_STREAM");
}

static void test_journal(void **state)
{
	char line[100];

	(void)state;
	say(true, line, sizeof(line));
	assert_string_equal(line, "<4>3 pages\n");
}

/* Inherited from a service that was told about another stderr. */
static void test_other(void **state)
{
	char line[100];

	(void)state;
	say(false, line, sizeof(line));
	assert_string_equal(line, "mpold: 3 pages\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
