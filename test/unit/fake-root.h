/* SPDX-License-Identifier: MIT */
/* A directory that stands for "/", with files as the kernel would have them; for tests. */
#ifndef TEST_UNIT_FAKE_ROOT_H
#define TEST_UNIT_FAKE_ROOT_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka-all.h"

struct fake_root {
	char path[64];
	int fd;
};

static inline int fake_root_begin(struct fake_root *ret)
{
	snprintf(ret->path, sizeof(ret->path), "/tmp/mpol-fake-root.XXXXXX");
	assert_non_null(mkdtemp(ret->path));
	ret->fd = open(ret->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return ret->fd < 0 ? -1 : 0;
}

static inline int fake_root_remove(const char *path, const struct stat *status, int type,
				   struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void fake_root_end(struct fake_root *root)
{
	close(root->fd);
	nftw(root->path, fake_root_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes the file with its directories, and replaces what it held. */
static inline void fake_root_put_bytes(const struct fake_root *root, const char *file,
				       const void *bytes, size_t nr)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root->path, file);
	for (char *slash = path + strlen(root->path) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, nr), nr);
	close(fd);
}

static inline void fake_root_put(const struct fake_root *root, const char *file, const char *text)
{
	fake_root_put_bytes(root, file, text, strlen(text));
}

static inline void fake_root_link(const struct fake_root *root, const char *file,
				  const char *target)
{
	unlinkat(root->fd, file, 0); /* of which the target would be written otherwise */
	fake_root_put(root, file, "");
	unlinkat(root->fd, file, 0);
	assert_int_equal(symlinkat(target, root->fd, file), 0);
}

/* The process as it is, but for its descriptors. */
static inline void fake_root_link_process(const struct fake_root *root, pid_t pid)
{
	char from[320], to[320];
	const struct dirent *entry;
	DIR *dir;

	snprintf(to, sizeof(to), "/proc/%d", pid);
	dir = opendir(to);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "fd") == 0)
			continue;
		snprintf(from, sizeof(from), "proc/%d/%s", pid, entry->d_name);
		snprintf(to, sizeof(to), "/proc/%d/%s", pid, entry->d_name);
		fake_root_link(root, from, to);
	}
	closedir(dir);
}

/* Whether the file holds that text, but for a newline. */
static inline int fake_root_holds(const struct fake_root *root, const char *file, const char *text)
{
	char now[256] = "";
	int fd = openat(root->fd, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, now, sizeof(now) - 1);

	close(fd);
	now[strcspn(now, "\n")] = '\0';
	return n >= 0 && strcmp(now, text) == 0;
}

#endif
