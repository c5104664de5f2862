/* SPDX-License-Identifier: MIT */
/* A file of checksummed lines: see journal-file.h. */
#include "journal-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "cleanup.h"
#include "error.h"
#include "text.h"

#define CHECKSUM_DIGITS 8
#define HEADER_BYTES	(CHECKSUM_DIGITS + 1)

/* A journal of more than this is not one of ours. */
#define FILE_MAX_BYTES (256L << 20)

static int fail(const struct journal_file *file, struct mpol_error *err, int code, const char *step)
{
	error_errno(err, code, step);
	error_on(err, "journal %s", file->path);
	return code;
}

static int check_owner(const struct journal_file *file, const struct stat *status,
		       struct mpol_error *err)
{
	const char *cause = "others may have written it";

	/* Root, too, is not to do what is written in the file of a user. */
	if (!S_ISREG(status->st_mode))
		cause = "not a regular file";
	else if (status->st_uid != geteuid() && status->st_uid != 0)
		cause = "it belongs to another user";
	else if (!(status->st_mode & 022))
		return 0;
	error_set(err, -EPERM, "open journal", "%s", cause);
	error_on(err, "journal %s", file->path);
	error_advise(err, "it must belong to you and be writable for nobody else");
	return -EPERM;
}

/* Makes the name of a new file as durable as what is in it. */
static int sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *directory = slash ? strndup(path, slash - path + 1) : strdup(".");
	_cleanup_close_ int fd = -1;

	if (!directory)
		return -ENOMEM;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Opens what is at the path now. */
static int open_again(struct journal_file *file, struct mpol_error *err)
{
	const int flags = file->writable ? O_RDWR | O_CREAT | O_APPEND : O_RDONLY;
	/* Not to wait for the other end of a FIFO. */
	const int always = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	_cleanup_close_ int fd = open(file->path, flags | always, 0600);
	struct stat status;
	int r;

	if (fd < 0 && errno == ENOENT && !file->writable)
		return 0;
	if (fd < 0 || fstat(fd, &status) < 0)
		return fail(file, err, -errno, "open journal");
	r = check_owner(file, &status, err);
	if (r < 0)
		return r;
	r = file->writable && !status.st_size ? sync_directory(file->path) : 0;
	if (r < 0)
		return fail(file, err, r, "sync directory of journal");
	closep(&file->fd);
	file->fd = steal_fd(&fd);
	file->device = status.st_dev;
	file->inode = status.st_ino;
	file->offset = 0;
	return 0;
}

/* Whether the path leads to another file by now; to none: a writer makes it again. */
static bool is_replaced(const struct journal_file *file)
{
	struct stat status;

	if (file->fd < 0)
		return true;
	if (stat(file->path, &status) < 0)
		return file->writable && errno == ENOENT;
	return status.st_dev != file->device || status.st_ino != file->inode;
}

int journal_file_follow(struct journal_file *file, struct mpol_error *err)
{
	return is_replaced(file) ? open_again(file, err) : 0;
}

int journal_file_open(struct journal_file *file, const char *path, bool writable,
		      struct mpol_error *err)
{
	int r;

	*file = (struct journal_file) { .fd = -1, .writable = writable };
	file->path = strdup(path);
	if (!file->path)
		return error_errno(err, -ENOMEM, "open journal");
	r = open_again(file, err);
	if (r < 0)
		journal_file_close(file);
	return r;
}

void journal_file_close(struct journal_file *file)
{
	closep(&file->fd);
	free(file->path);
	*file = (struct journal_file) { .fd = -1 };
}

int journal_file_lock(struct journal_file *file, struct mpol_error *err)
{
	for (;;) {
		int r;

		if (flock(file->fd, LOCK_EX) == 0) {
			if (!is_replaced(file))
				return 0;
			r = open_again(file, err);
			if (r < 0)
				return r;
		} else if (errno != EINTR) {
			return fail(file, err, -errno, "lock journal");
		}
	}
}

void journal_file_unlock(struct journal_file *file)
{
	flock(file->fd, LOCK_UN);
}

char *journal_file_check(char *line, size_t length, size_t *ret_length)
{
	char *text = line + HEADER_BYTES;
	char digits[CHECKSUM_DIGITS + 1] = "";
	uint64_t sum;

	if (length < HEADER_BYTES || length - HEADER_BYTES > JOURNAL_LINE_MAX_BYTES ||
	    line[CHECKSUM_DIGITS] != ' ' || memchr(line, '\0', length))
		return NULL;
	memcpy(digits, line, CHECKSUM_DIGITS);
	if (parse_u64(digits, 16, &sum) < 0 ||
	    sum != crc32(0, (const unsigned char *)text, (unsigned int)(length - HEADER_BYTES)))
		return NULL;
	line[length] = '\0';
	*ret_length = length - HEADER_BYTES;
	return text;
}

/* All bytes from the offset; terminated. */
static ssize_t read_rest(const struct journal_file *file, char **ret_bytes)
{
	_cleanup_free_ char *bytes = NULL;
	struct stat status;
	size_t size, done = 0;

	if (fstat(file->fd, &status) < 0)
		return -errno;
	if (status.st_size > FILE_MAX_BYTES)
		return -EFBIG;
	size = status.st_size > file->offset ? status.st_size - file->offset : 0;
	bytes = malloc(size + 1);
	if (!bytes)
		return -ENOMEM;
	while (done < size) {
		ssize_t n = pread(file->fd, bytes + done, size - done, file->offset + (off_t)done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		done += n > 0 ? n : 0;
	}
	bytes[done] = '\0';
	*ret_bytes = steal_pointer(&bytes);
	return (ssize_t)done;
}

int journal_file_read(struct journal_file *file, journal_line_fn *fn, void *user,
		      struct mpol_error *err)
{
	_cleanup_free_ char *bytes = NULL;
	char *line, *end, *newline;
	ssize_t n;
	int r = 0;

	if (file->fd < 0)
		return 0;
	n = read_rest(file, &bytes);
	if (n < 0)
		return fail(file, err, (int)n, "read journal");
	line = bytes;
	end = bytes + n;
	while (r >= 0 && (newline = memchr(line, '\n', end - line))) {
		size_t length;
		char *text = journal_file_check(line, newline - line, &length);

		if (text)
			r = fn(text, length, user);
		file->offset += newline + 1 - line;
		line = newline + 1;
	}
	return r < 0 ? r : 0;
}

void journal_file_format(struct text *out, const char *text, size_t length)
{
	text_printf(out, "%08lx ", crc32(0, (const unsigned char *)text, (unsigned int)length));
	text_append(out, text, length);
	text_append(out, "\n", 1);
}

static int write_all(int fd, const char *bytes, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = write(fd, bytes + done, length - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? n : 0;
	}
	return 0;
}

int journal_file_append(struct journal_file *file, const char *text, size_t length,
			struct mpol_error *err)
{
	_cleanup_(text_free) struct text line = { 0 };
	off_t end = lseek(file->fd, 0, SEEK_END);
	char last = '\n';
	int r;

	if (length > JOURNAL_LINE_MAX_BYTES)
		return fail(file, err, -E2BIG, "write journal");
	if (end < 0 || (end > 0 && pread(file->fd, &last, 1, end - 1) != 1))
		return fail(file, err, -EIO, "read journal");
	if (last != '\n')
		text_append(&line, "\n", 1);
	journal_file_format(&line, text, length);
	r = line.error ? line.error : write_all(file->fd, line.data, line.length);
	if (r == 0 && fsync(file->fd) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	/* Better without half a line; if it stays, the next writer begins a new one. */
	if (ftruncate(file->fd, end) < 0)
		error_clear(err);
	fail(file, err, r, "write journal");
	if (r == -ENOSPC || r == -EDQUOT)
		error_advise(err, "make room, name another file with --journal FILE, or do without "
				  "undo: --no-journal");
	return r;
}

int journal_file_replace(struct journal_file *file, const char *lines, size_t length,
			 struct mpol_error *err)
{
	_cleanup_free_ char *fresh = NULL;
	_cleanup_close_ int fd = -1;
	struct stat status;
	int r;

	if (asprintf(&fresh, "%s.new", file->path) < 0)
		return error_errno(err, -ENOMEM, "replace journal");
	fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	/* Locked before it has the name: whoever opens it waits as for the old one. */
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return fail(file, err, -errno, "replace journal");
	r = write_all(fd, lines, length);
	if (r == 0 && (fsync(fd) < 0 || rename(fresh, file->path) < 0))
		r = -errno;
	if (r < 0) {
		unlink(fresh);
		return fail(file, err, r, "replace journal");
	}
	r = sync_directory(file->path);
	if (r < 0)
		return fail(file, err, r, "sync directory of journal");
	closep(&file->fd);
	file->fd = steal_fd(&fd);
	if (fstat(file->fd, &status) < 0)
		return fail(file, err, -errno, "replace journal");
	file->device = status.st_dev;
	file->inode = status.st_ino;
	file->offset = (off_t)length;
	return 0;
}
