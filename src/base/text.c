/* SPDX-License-Identifier: MIT */
/* Text buffers and number parsing: see text.h. */
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for length more bytes and a terminator. */
static int text_reserve(struct text *text, size_t length)
{
	size_t needed = text->length + length + 1;
	size_t allocated = text->allocated ? text->allocated : 256;
	char *data;

	if (text->error)
		return text->error;
	if (needed <= text->allocated)
		return 0;
	while (allocated < needed)
		allocated *= 2;
	data = realloc(text->data, allocated);
	if (!data)
		return text->error = -ENOMEM;
	text->data = data;
	text->allocated = allocated;
	return 0;
}

void text_append(struct text *text, const char *data, size_t length)
{
	if (text_reserve(text, length) < 0)
		return;
	memcpy(text->data + text->length, data, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0 || text_reserve(text, length) < 0)
		return;

	va_start(args, format);
	vsnprintf(text->data + text->length, length + 1, format, args);
	va_end(args);
	text->length += length;
}

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text) { 0 };
}

int parse_u64(const char *text, int base, uint64_t *ret)
{
	unsigned long long value;
	char *end;

	if (base == 16 ? !isxdigit((unsigned char)*text) : !isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, base);
	if (errno == ERANGE)
		return -ERANGE;
	if (*end == '\n')
		end++;
	if (*end)
		return -EINVAL;
	*ret = value;
	return 0;
}

int parse_process_id(const char *text, pid_t *ret)
{
	uint64_t number;
	int r = parse_u64(text, 10, &number);

	if (r < 0)
		return r;
	if (number == 0 || number > INT32_MAX)
		return -ERANGE;
	*ret = (pid_t)number;
	return 0;
}

bool parse_next_u64(const char **at, uint64_t *ret)
{
	const char *digits = *at + strspn(*at, " ");
	char *behind;

	if (!isdigit((unsigned char)*digits))
		return false;
	*ret = strtoull(digits, &behind, 10);
	*at = behind;
	return true;
}
