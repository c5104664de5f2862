/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a line of a journal, with a checksum that holds or not: refused,
 * or a record that is the same again after it was written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "journal-file.h"
#include "journal-record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const char *text, size_t length)
{
	struct journal_record record = { 0 }, again = { 0 };
	struct policy_set policies = { 0 };
	_cleanup_free_ char *first = NULL, *second = NULL;
	int r = journal_record_parse(text, length, &policies, &record);

	if (r < 0 && r != -EBADMSG)
		abort();
	if (r == 0) {
		first = journal_record_format(&record);
		if (!first || journal_record_parse(first, strlen(first), &policies, &again) < 0)
			abort();
		second = journal_record_format(&again);
		if (!second || strcmp(first, second) != 0)
			abort();
	}
	journal_record_free(&record);
	journal_record_free(&again);
	policy_set_free(&policies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(text_free) struct text line = { 0 };
	_cleanup_free_ char *bytes = malloc(size + 1);
	size_t length;
	char *text;

	if (!bytes)
		return 0;
	memcpy(bytes, data, size);
	bytes[size] = '\0';
	parse(bytes, size);
	text = journal_file_check(bytes, size, &length);
	if (text && length != strlen(text))
		abort();

	/* What was formatted checks, unless it holds what no line can. */
	journal_file_format(&line, (const char *)data, size);
	text = journal_file_check(line.data, line.length - 1, &length);
	if (!memchr(data, '\0', size) && (!text || length != size || memcmp(text, data, size) != 0))
		abort();
	return 0;
}
