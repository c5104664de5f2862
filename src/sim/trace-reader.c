/* SPDX-License-Identifier: MIT */
/* Which format a trace has, and the way to its reader. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "trace-block.h"
#include "trace-format.h"

static const struct trace_format *const formats[] = {
	&trace_format_mpol,	 &trace_format_oracle_general, &trace_format_csv,
	&trace_format_ramulator, &trace_format_truth,
};

#define NR_FORMATS (sizeof(formats) / sizeof(*formats))

struct trace_reader {
	const struct trace_format *format;
	struct trace_bytes *bytes;
	void *state; /* NULL: never opened */
	struct trace_info info;
	int ended; /* 0, 1 at the end, negative after a failure */
	struct mpol_error why;
};

/* The format that the text names, before its end or ":". */
static const struct trace_format *format_named(const char *text)
{
	const size_t length = strcspn(text, ":");

	for (size_t i = 0; i < NR_FORMATS; i++) {
		if (strlen(formats[i]->name) == length && !strncmp(formats[i]->name, text, length))
			return formats[i];
	}
	return NULL;
}

static bool name_has(const char *path, const char *part)
{
	const char *slash = strrchr(path, '/');

	return strcasestr(slash ? slash + 1 : path, part);
}

static bool begins_with(const struct trace_bytes *bytes, const char *start)
{
	const size_t length = strlen(start);

	return bytes->length >= length && !memcmp(bytes->data, start, length);
}

/* By what the file begins with; by its name where that could be anything. */
static const struct trace_format *format_of(const struct trace_bytes *bytes)
{
	if (begins_with(bytes, TRACE_MAGIC))
		return &trace_format_mpol;
	if (name_has(bytes->path, "oraclegeneral"))
		return &trace_format_oracle_general;
	if (name_has(bytes->path, ".csv"))
		return &trace_format_csv;
	if (begins_with(bytes, "{\"event\""))
		return &trace_format_truth;
	if (begins_with(bytes, "0x"))
		return &trace_format_ramulator;
	return NULL;
}

static int choose(struct trace_reader *reader, const char *format, struct mpol_error *err)
{
	int r;

	if (format) {
		reader->format = format_named(format);
		if (reader->format)
			return 0;
		error_set(err, -EINVAL, "open trace", "there is no such format of traces");
		error_on(err, "format %s", format);
		error_advise(err, "there are mpol, oracle-general, csv, ramulator and truth");
		return -EINVAL;
	}
	r = trace_bytes_want(reader->bytes, TRACE_MAGIC_BYTES, err);
	if (r < 0)
		return r;
	reader->format = format_of(reader->bytes);
	if (reader->format)
		return 0;
	error_set(err, -EBADMSG, "open trace", "of no format that can be told by its content");
	error_on(err, "trace %s", reader->bytes->path);
	error_advise(err, "name its format: mpol, oracle-general, csv, ramulator or truth");
	return -EBADMSG;
}

int trace_open(const char *path, const char *format, struct trace_reader **ret_reader,
	       struct mpol_error *err)
{
	const char *options = format ? strchr(format, ':') : NULL;
	struct trace_reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return error_errno(err, -ENOMEM, "open trace");
	r = trace_bytes_open(path, &reader->bytes, err);
	if (r >= 0)
		r = choose(reader, format, err);
	if (r >= 0) {
		reader->info.format = reader->format->name;
		reader->info.origin = "";
		r = reader->format->open(reader->bytes, options ? options + 1 : NULL,
					 &reader->state, &reader->info, err);
	}
	if (r < 0)
		trace_close(reader);
	else
		*ret_reader = reader;
	return r;
}

const struct trace_info *trace_info(const struct trace_reader *reader)
{
	return &reader->info;
}

int trace_next(struct trace_reader *reader, struct trace_record *records, size_t nr, size_t *ret_nr,
	       struct mpol_error *err)
{
	size_t got = 0;
	int r = reader->ended;

	if (!r) {
		r = reader->format->next(reader->state, records, nr, &got, &reader->why);
		if (r < 0 || !got)
			reader->ended = r < 0 ? r : 1;
	}
	if (r < 0 && err)
		*err = reader->why;
	if (r < 0)
		return r;
	*ret_nr = got;
	return 0;
}

void trace_close(struct trace_reader *reader)
{
	if (!reader)
		return;
	if (reader->state)
		reader->format->close(reader->state);
	trace_bytes_close(reader->bytes);
	free(reader);
}
