/* SPDX-License-Identifier: MIT */
/*
 * A file of checksummed lines that is only appended to.
 *
 * A line is the CRC-32 of its text in eight hexadecimal digits, a space, the
 * text, a newline.  What does not check is passed over: the end of a file that
 * was cut, or of a write that was.  A writer that finds a line without its end
 * begins a new one.  Writers exclude each other by flock(2); the file may be
 * replaced by a shorter one meanwhile, which both sides notice.
 */
#ifndef HOST_JOURNAL_FILE_H
#define HOST_JOURNAL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "text.h"

/* Longest text of a line. */
#define JOURNAL_LINE_MAX_BYTES (16UL << 20)

struct journal_file {
	char *path; /* owned */
	bool writable;
	int fd; /* -1: there is no file yet (reading only) */
	uint64_t device, inode;
	off_t offset; /* what was read so far */
};

/*
 * Opens the file; makes it, for its owner only, if it is to be written.
 * Errors: -errno of open(2); -EPERM: somebody else's, or others may write it.
 */
int journal_file_open(struct journal_file *file, const char *path, bool writable,
		      struct mpol_error *err);
void journal_file_close(struct journal_file *file);

/* Until journal_file_unlock nobody else appends.  Opens the file anew if it was replaced. */
int journal_file_lock(struct journal_file *file, struct mpol_error *err);
void journal_file_unlock(struct journal_file *file);

/*
 * Calls fn with the text of each line since the last call; text is terminated
 * and fn's to change.  Returns 0, -errno of reading, or what fn returned if negative.
 */
typedef int journal_line_fn(char *text, size_t length, void *user);
int journal_file_read(struct journal_file *file, journal_line_fn *fn, void *user,
		      struct mpol_error *err);

/* Opens the file anew if the path leads to another one by now: offset is 0 then. */
int journal_file_follow(struct journal_file *file, struct mpol_error *err);

/*
 * Appends a line, on the disk when this returns.  The file is locked.
 * Errors: -E2BIG; -errno of write(2), fsync(2): nothing that counts was written.
 */
int journal_file_append(struct journal_file *file, const char *text, size_t length,
			struct mpol_error *err);

/*
 * Replaces the file by one of these lines (as journal_file_format makes them).
 * The file is locked, and stays so.
 */
int journal_file_replace(struct journal_file *file, const char *lines, size_t length,
			 struct mpol_error *err);

void journal_file_format(struct text *out, const char *text, size_t length);

/*
 * The text of a line, which it terminates and whose checksum it has compared;
 * NULL for any other bytes.
 */
char *journal_file_check(char *line, size_t length, size_t *ret_length);

#endif
