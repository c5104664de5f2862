/* SPDX-License-Identifier: MIT */
/* Mappings with MADV_HUGEPAGE: see huge-advice.h. */
#include "huge-advice.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS "VmFlags:"

/* "7f0000000000-7f0000200000 rw-p …" */
static bool is_mapping(const char *line, uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t start, end;
	char *at;

	if (!isxdigit((unsigned char)*line))
		return false;
	start = strtoull(line, &at, 16);
	if (*at != '-' || !isxdigit((unsigned char)at[1]))
		return false;
	end = strtoull(at + 1, &at, 16);
	if (*at != ' ' || end <= start)
		return false;
	*ret_start = start;
	*ret_end = end;
	return true;
}

/* Whether a word of the line is the flag; the line ends at end. */
static bool has_flag(const char *line, const char *end)
{
	for (const char *at = line; at + 3 <= end; at++)
		if (at[0] == ' ' && at[1] == 'h' && at[2] == 'g' && (at + 3 == end || at[3] == ' '))
			return true;
	return false;
}

bool huge_advice_next(const char **cursor, uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t start = 0, end = 0;
	bool known = false;

	while (**cursor) {
		const char *line = *cursor, *line_end = strchrnul(line, '\n');

		*cursor = *line_end ? line_end + 1 : line_end;
		if (is_mapping(line, &start, &end)) {
			known = true;
		} else if (known && !strncmp(line, FLAGS, strlen(FLAGS)) &&
			   has_flag(line + strlen(FLAGS), line_end)) {
			*ret_start = start;
			*ret_end = end;
			return true;
		}
	}
	return false;
}
