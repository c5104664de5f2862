/* SPDX-License-Identifier: MIT */
/* What every verb says in the same way: see report.h. */
#include "report.h"

#include <stdio.h>

#include "verbs.h"

int report_error(const char *verb, const struct mpol_error *error)
{
	fprintf(stderr, "mpol %s: %s: ", verb, error->step);
	if (*error->object)
		fprintf(stderr, "%s: ", error->object);
	fprintf(stderr, "%s\n", error->cause);
	if (*error->advice)
		fprintf(stderr, "  %s\n", error->advice);
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
