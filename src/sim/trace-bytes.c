/* SPDX-License-Identifier: MIT */
/*
 * A window on the bytes of a file: see trace-bytes.h.  The window lies in a buffer
 * of ours that grows up to what was wanted; what zstd compressed is decompressed
 * into it from a second, fixed one.
 */
#include "trace-bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "cleanup.h"
#include "error.h"

/* Small enough to stay in a core's cache while it is read. */
#define BUFFER_BYTES (256u << 10)

#define STEP "read trace"

struct source {
	struct trace_bytes window; /* first, so that one is the other */
	char *path;
	int fd;
	bool ended;
	unsigned char *buffer;
	size_t allocated;

	ZSTD_DCtx *zstd; /* NULL: not compressed */
	unsigned char *raw;
	size_t raw_start, raw_end;
	bool in_frame;
};

static struct source *source_of(struct trace_bytes *bytes)
{
	return (struct source *)bytes;
}

static int fail(const struct trace_bytes *bytes, struct mpol_error *err, int code, const char *step)
{
	error_errno(err, code, step);
	error_on(err, "trace %s", bytes->path);
	return code;
}

static int fault(const struct trace_bytes *bytes, struct mpol_error *err, const char *where,
		 const char *cause, va_list args) __attribute__((format(printf, 4, 0)));

static int fault(const struct trace_bytes *bytes, struct mpol_error *err, const char *where,
		 const char *cause, va_list args)
{
	char words[160];

	vsnprintf(words, sizeof(words), cause, args);
	error_set(err, -EBADMSG, STEP, "%s: %s", where, words);
	error_on(err, "trace %s", bytes->path);
	return -EBADMSG;
}

int trace_bytes_fault(const struct trace_bytes *bytes, uint64_t offset, struct mpol_error *err,
		      const char *cause, ...)
{
	const struct source *source = (const struct source *)bytes;
	char where[64];
	va_list args;
	int r;

	snprintf(where, sizeof(where), "byte %llu%s", (unsigned long long)offset,
		 source->zstd ? " (decompressed)" : "");
	va_start(args, cause);
	r = fault(bytes, err, where, cause, args);
	va_end(args);
	return r;
}

int trace_bytes_line_fault(const struct trace_bytes *bytes, struct mpol_error *err,
			   const char *cause, ...)
{
	char where[64];
	va_list args;
	int r;

	snprintf(where, sizeof(where), "line %llu", (unsigned long long)bytes->line);
	va_start(args, cause);
	r = fault(bytes, err, where, cause, args);
	va_end(args);
	return r;
}

/* Up to size bytes of the file as it is.  Returns how many, 0 at its end, or negative errno. */
static ssize_t read_raw(const struct source *source, unsigned char *to, size_t size,
			struct mpol_error *err)
{
	ssize_t nr;

	do
		nr = read(source->fd, to, size);
	while (nr < 0 && errno == EINTR);
	return nr < 0 ? fail(&source->window, err, -errno, STEP) : nr;
}

/* Up to size decompressed bytes, 0 at the end of the file. */
static ssize_t read_zstd(struct source *source, unsigned char *to, size_t size,
			 struct mpol_error *err)
{
	ZSTD_outBuffer out = { to, size, 0 };

	while (!out.pos) {
		ZSTD_inBuffer in = { source->raw, source->raw_end, source->raw_start };
		size_t left;

		if (in.pos == in.size) {
			const ssize_t nr = read_raw(source, source->raw, BUFFER_BYTES, err);

			if (nr < 0)
				return nr;
			if (!nr && source->in_frame)
				return trace_bytes_fault(&source->window,
							 source->window.offset +
								 source->window.length,
							 err, "the compressed file is cut off");
			if (!nr)
				return 0;
			in.size = nr;
			in.pos = 0;
		}
		left = ZSTD_decompressStream(source->zstd, &out, &in);
		if (ZSTD_isError(left))
			return trace_bytes_fault(&source->window,
						 source->window.offset + source->window.length, err,
						 "zstd: %s", ZSTD_getErrorName(left));
		source->in_frame = left != 0;
		source->raw_start = in.pos;
		source->raw_end = in.size;
	}
	return out.pos;
}

int trace_bytes_want(struct trace_bytes *bytes, size_t nr, struct mpol_error *err)
{
	struct source *source = source_of(bytes);

	if (bytes->length >= nr || source->ended)
		return 0;
	if (bytes->data != source->buffer && bytes->length)
		memmove(source->buffer, bytes->data, bytes->length);
	bytes->data = source->buffer;
	if (nr > source->allocated) {
		unsigned char *larger = realloc(source->buffer, nr);

		if (!larger)
			return fail(bytes, err, -ENOMEM, STEP);
		bytes->data = source->buffer = larger;
		source->allocated = nr;
	}
	while (bytes->length < nr && !source->ended) {
		unsigned char *to = source->buffer + bytes->length;
		const size_t room = source->allocated - bytes->length;
		const ssize_t got = source->zstd ? read_zstd(source, to, room, err)
						 : read_raw(source, to, room, err);

		if (got < 0)
			return got;
		source->ended = !got;
		bytes->length += got;
	}
	return 0;
}

/* What was read is the beginning of compressed bytes: the window's come from it. */
static int begin_zstd(struct source *source, struct mpol_error *err)
{
	source->zstd = ZSTD_createDCtx();
	source->raw = source->buffer;
	source->raw_end = source->window.length;
	source->buffer = malloc(BUFFER_BYTES);
	source->allocated = BUFFER_BYTES;
	source->window.data = source->buffer;
	source->window.length = 0;
	source->ended = false;
	if (!source->zstd || !source->buffer)
		return fail(&source->window, err, -ENOMEM, STEP);
	return 0;
}

static int source_open(struct source *source, struct mpol_error *err)
{
	int r;

	if (source->fd < 0)
		return fail(&source->window, err, -errno, "open trace");
	source->buffer = malloc(BUFFER_BYTES);
	source->allocated = BUFFER_BYTES;
	source->window.data = source->buffer;
	if (!source->buffer)
		return fail(&source->window, err, -ENOMEM, STEP);
	r = trace_bytes_want(&source->window, 4, err);
	if (r < 0)
		return r;
	if (source->window.length >= 4 && !memcmp(source->window.data, "\x28\xb5\x2f\xfd", 4))
		r = begin_zstd(source, err);
	return r;
}

int trace_bytes_open(const char *path, struct trace_bytes **ret_bytes, struct mpol_error *err)
{
	struct source *source = calloc(1, sizeof(*source));
	int r;

	if (!source || !(source->path = strdup(path))) {
		free(source);
		return error_errno(err, -ENOMEM, "open trace");
	}
	source->window.path = source->path;
	source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	r = source_open(source, err);
	if (r < 0) {
		trace_bytes_close(&source->window);
		return r;
	}
	*ret_bytes = &source->window;
	return 0;
}

/* Ends the line that is length long, its newline not counted, at start. */
static int end_line(const struct trace_bytes *bytes, char *start, size_t length,
		    struct mpol_error *err)
{
	if (length && start[length - 1] == '\r')
		length--;
	if (memchr(start, '\0', length))
		return trace_bytes_line_fault(bytes, err, "not text");
	start[length] = '\0';
	return 0;
}

int trace_bytes_line(struct trace_bytes *bytes, char **ret_line, struct mpol_error *err)
{
	const unsigned char *newline = memchr(bytes->data, '\n', bytes->length);
	size_t length, behind = 1;
	char *start;
	int r;

	bytes->line++;
	if (!newline) {
		/* And one more byte, for the end of a last line without newline. */
		r = trace_bytes_want(bytes, TRACE_LINE_MAX_BYTES + 1, err);
		if (r < 0)
			return r;
		newline = memchr(bytes->data, '\n', bytes->length);
	}
	start = (char *)source_of(bytes)->buffer + (bytes->data - source_of(bytes)->buffer);
	length = newline ? (size_t)(newline - bytes->data) : bytes->length;
	if (length >= TRACE_LINE_MAX_BYTES)
		return trace_bytes_line_fault(bytes, err, "longer than %u bytes",
					      TRACE_LINE_MAX_BYTES);
	if (!newline && !length) {
		*ret_line = NULL;
		return 0;
	}
	if (!newline)
		behind = 0;
	r = end_line(bytes, start, length, err);
	if (r < 0)
		return r;
	trace_bytes_skip(bytes, length + behind);
	*ret_line = start;
	return 0;
}

void trace_bytes_close(struct trace_bytes *bytes)
{
	struct source *source = source_of(bytes);

	if (!source)
		return;
	if (source->fd >= 0)
		close(source->fd);
	ZSTD_freeDCtx(source->zstd);
	free(source->raw);
	free(source->buffer);
	free(source->path);
	free(source);
}
