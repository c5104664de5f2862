/* SPDX-License-Identifier: MIT */
/* What every verb says in the same way: see report.h. */
#include "report.h"

#include <stdio.h>

#include "error-json.h"
#include "error.h"
#include "verbs.h"

char *report_printable(const char *text, char *buffer, size_t size)
{
	size_t i;

	for (i = 0; i + 1 < size && text[i]; i++)
		buffer[i] = (unsigned char)text[i] < ' ' || text[i] == 127 ? '?' : text[i];
	buffer[i] = '\0';
	return buffer;
}

static void print_part(const char *text, const char *after)
{
	char printable[sizeof(((struct mpol_error *)0)->cause)];

	if (*text)
		fprintf(stderr, "%s%s", report_printable(text, printable, sizeof(printable)),
			after);
}

void report_error_words(const char *verb, const struct mpol_error *error)
{
	fprintf(stderr, "mpol %s: ", verb);
	print_part(error->step, ": ");
	print_part(error->object, ": ");
	print_part(error->cause, " ");
	fprintf(stderr, "(%s)\n", error_name(error->code));
	if (*error->advice) {
		fputs("  ", stderr);
		print_part(error->advice, "\n");
	}
}

int report_error(const char *verb, bool json, const struct mpol_error *error)
{
	report_error_words(verb, error);
	if (json)
		report_json(json_pack("{s:o}", "error", error_to_json(error)));
	return VERB_FAILED;
}

int report_no_memory(const char *verb)
{
	fprintf(stderr, "mpol %s: out of memory\n", verb);
	return VERB_FAILED;
}

int report_json(json_t *value)
{
	int r = value ? json_dumpf(value, stdout, JSON_INDENT(2) | JSON_SORT_KEYS) : -1;

	json_decref(value);
	if (r == 0 && (putchar('\n') == EOF || fflush(stdout) == EOF))
		r = -1;
	if (r < 0)
		fprintf(stderr, "mpol: JSON could not be written\n");
	return r < 0 ? VERB_FAILED : VERB_OK;
}
