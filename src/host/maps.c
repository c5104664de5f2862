/* SPDX-License-Identifier: MIT */
/* Lines of /proc/PID/maps: see maps.h. */
#include "maps.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Reads a hexadecimal number that ends in the character after; steps over both. */
static bool take_number(char **cursor, char after, uint64_t *ret)
{
	char *end;

	if (!isxdigit((unsigned char)**cursor))
		return false;
	*ret = strtoull(*cursor, &end, 16);
	if (*end != after)
		return false;
	*cursor = end + 1;
	return true;
}

/* Steps over a word and the spaces behind it. */
static bool skip_word(char **cursor)
{
	size_t length = strcspn(*cursor, " ");

	*cursor += length;
	*cursor += strspn(*cursor, " ");
	return length > 0;
}

int maps_next(char **cursor, struct maps_entry *ret)
{
	struct maps_entry entry = { 0 };
	char *line = *cursor, *end = strchrnul(line, '\n');

	if (!*line)
		return 0;
	*cursor = *end ? end + 1 : end;
	*end = '\0';

	if (!take_number(&line, '-', &entry.start) || !take_number(&line, ' ', &entry.end) ||
	    entry.end <= entry.start || strlen(line) < 5 || line[4] != ' ')
		return -EBADMSG;
	memcpy(entry.permissions, line, 4);
	line += 5;
	if (!take_number(&line, ' ', &entry.offset) || !skip_word(&line) || !skip_word(&line))
		return -EBADMSG;
	entry.name = line;
	*ret = entry;
	return 1;
}
