/* SPDX-License-Identifier: MIT */
/* Files below a root descriptor: see rootfs.h. */
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"

#define FILE_MAX_BYTES (64UL << 20)

int rootfs_open(const char *root)
{
	int fd = open(root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Writes the path into PATH_MAX bytes.  Returns 0 or -ENAMETOOLONG. */
__attribute__((format(printf, 2, 0))) static int format_path(char *ret_path, const char *format,
							     va_list args)
{
	int length = vsnprintf(ret_path, PATH_MAX, format, args);

	return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

__attribute__((format(printf, 3, 0))) static int open_format(int root, int flags,
							     const char *format, va_list args)
{
	char path[PATH_MAX];
	int fd = format_path(path, format, args);

	if (fd < 0)
		return fd;
	fd = openat(root, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static ssize_t read_all(int fd, char **ret_text)
{
	struct text text = { 0 };
	char chunk[16384];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0)
			text_append(&text, chunk, n);
		else
			text.error = -errno;
		if (!text.error && text.length > FILE_MAX_BYTES)
			text.error = -EFBIG;
		if (text.error)
			break;
	}
	if (!text.error)
		text_append(&text, "", 0);
	if (text.error) {
		int error = text.error;

		text_free(&text);
		return error;
	}
	*ret_text = text.data;
	return text.length;
}

__attribute__((format(printf, 3, 0))) static ssize_t read_format(int root, char **ret_text,
								 const char *format, va_list args)
{
	_cleanup_close_ int fd = open_format(root, O_RDONLY, format, args);

	return fd < 0 ? fd : read_all(fd, ret_text);
}

ssize_t rootfs_read(int root, char **ret_text, const char *path, ...)
{
	va_list args;
	ssize_t r;

	va_start(args, path);
	r = read_format(root, ret_text, path, args);
	va_end(args);
	return r;
}

int rootfs_read_word(int root, char *ret, size_t size, const char *path, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	ssize_t r;

	va_start(args, path);
	r = read_format(root, &text, path, args);
	va_end(args);
	if (r < 0)
		return (int)r;
	snprintf(ret, size, "%.*s", (int)strcspn(text, " \t\n"), text);
	return 0;
}

int rootfs_read_u64(int root, uint64_t *ret, const char *path, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	ssize_t r;

	va_start(args, path);
	r = read_format(root, &text, path, args);
	va_end(args);
	if (r < 0)
		return r;
	return parse_u64(text, 10, ret) < 0 ? -EBADMSG : 0;
}

int rootfs_read_nodes(int root, struct nodemask *ret, const char *path, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	ssize_t r;

	va_start(args, path);
	r = read_format(root, &text, path, args);
	va_end(args);
	if (r < 0)
		return r;
	return nodemask_parse(text, ret) < 0 ? -EBADMSG : 0;
}

int rootfs_write(int root, const char *text, const char *path, ...)
{
	_cleanup_close_ int fd = -1;
	const size_t length = strlen(text);
	va_list args;
	ssize_t n;

	va_start(args, path);
	fd = open_format(root, O_WRONLY | O_TRUNC, path, args);
	va_end(args);
	if (fd < 0)
		return fd;
	n = write(fd, text, length);
	return n < 0 ? -errno : (size_t)n == length ? 0 : -EIO;
}

int rootfs_opendir(int root, DIR **ret_dir, const char *path, ...)
{
	_cleanup_close_ int fd = -1;
	va_list args;

	va_start(args, path);
	fd = open_format(root, O_RDONLY | O_DIRECTORY, path, args);
	va_end(args);
	if (fd < 0)
		return fd;
	*ret_dir = fdopendir(fd);
	if (!*ret_dir)
		return -errno;
	steal_fd(&fd);
	return 0;
}

int rootfs_readlink(int root, char *ret_target, size_t size, const char *path, ...)
{
	char whole[PATH_MAX];
	va_list args;
	ssize_t n;
	int r;

	va_start(args, path);
	r = format_path(whole, path, args);
	va_end(args);
	if (r < 0)
		return r;
	n = readlinkat(root, whole, ret_target, size - 1);
	if (n < 0)
		return -errno;
	ret_target[n] = '\0';
	return 0;
}

int rootfs_open_file(int root, const char *path, ...)
{
	va_list args;
	int fd;

	va_start(args, path);
	fd = open_format(root, O_RDONLY, path, args);
	va_end(args);
	return fd;
}
