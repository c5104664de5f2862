/* SPDX-License-Identifier: MIT */
/* A growing text buffer, and careful number parsing. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Zero-initialise.  data is NULL or terminated; free it with text_free. */
struct text {
	char *data;
	size_t length;
	size_t allocated;
	int error; /* sticky: 0 or -ENOMEM */
};

/* Appends; on lack of memory sets error and leaves the text as it was. */
void text_append(struct text *text, const char *data, size_t length);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

void text_free(struct text *text);

/*
 * The whole of text as a number, in base 10 or 16, nothing before or after it
 * but one final newline.  Returns 0, -EINVAL (no such form) or -ERANGE.
 * *ret is untouched on failure.
 */
int parse_u64(const char *text, int base, uint64_t *ret);

/* The same for an id of a process or thread, which is from 1.  Further case of -ERANGE: it is not.
 */
int parse_process_id(const char *text, pid_t *ret);

/*
 * The decimal number at *at, behind blanks; then *at is behind it.  False: there is none before the
 * line ends, and nothing is changed.  For texts of many lines, of which sscanf would look for the
 * end each time.
 */
bool parse_next_u64(const char **at, uint64_t *ret);

#endif
