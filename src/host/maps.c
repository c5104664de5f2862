/* SPDX-License-Identifier: MIT */
/* Lines of /proc/PID/maps: see maps.h. */
#include "maps.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Reads a number that ends in the character after; steps over both. */
static bool take_number_to(char **cursor, int base, char after, uint64_t *ret)
{
	char *end;

	if (!isxdigit((unsigned char)**cursor))
		return false;
	*ret = strtoull(*cursor, &end, base);
	if (*end != after)
		return false;
	*cursor = end + 1;
	return true;
}

static bool take_number(char **cursor, char after, uint64_t *ret)
{
	return take_number_to(cursor, 16, after, ret);
}

/* "08:01 1234", and the spaces behind it. */
static bool take_file(char **cursor, struct maps_entry *entry)
{
	uint64_t major, minor;

	if (!take_number(cursor, ':', &major) || !take_number(cursor, ' ', &minor) ||
	    !take_number_to(cursor, 10, ' ', &entry->inode))
		return false;
	entry->device = major << 32 | minor;
	*cursor += strspn(*cursor, " ");
	return true;
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
	if (!take_number(&line, ' ', &entry.offset) || !take_file(&line, &entry))
		return -EBADMSG;
	entry.name = line;
	*ret = entry;
	return 1;
}
