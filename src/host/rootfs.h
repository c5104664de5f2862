/* SPDX-License-Identifier: MIT */
/*
 * Files of /proc and /sys below a root directory, so that a recorded
 * tree reads like the running machine.  Paths are relative: "sys/devices/…".
 */
#ifndef HOST_ROOTFS_H
#define HOST_ROOTFS_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "nodemask.h"

/* Opens the directory root (NULL: "/") for the calls below.  Returns a descriptor or -errno. */
int rootfs_open(const char *root);

/*
 * The whole file as terminated text; free(3) it.  At most 64 MiB are accepted
 * (-EFBIG).  Returns its length or -errno of openat(2) or read(2).
 */
ssize_t rootfs_read(int root, char **ret_text, const char *path, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The file's first word, cut at size; "" where it is empty.  Returns 0 or -errno as above.
 */
int rootfs_read_word(int root, char *ret, size_t size, const char *path, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * A file that holds one decimal number, or one list of nodes.
 * Further error: -EBADMSG, not of that form.
 */
int rootfs_read_u64(int root, uint64_t *ret, const char *path, ...)
	__attribute__((format(printf, 3, 4)));
int rootfs_read_nodes(int root, struct nodemask *ret, const char *path, ...)
	__attribute__((format(printf, 3, 4)));

/* Opens a file for reading.  Returns a descriptor or -errno. */
int rootfs_open_file(int root, const char *path, ...) __attribute__((format(printf, 2, 3)));

/* Replaces a file's text by one write(2), as files of /sys want it.  Returns 0 or -errno. */
int rootfs_write(int root, const char *text, const char *path, ...)
	__attribute__((format(printf, 3, 4)));

/* Opens a directory for readdir(3).  Returns 0 or -errno. */
int rootfs_opendir(int root, DIR **ret_dir, const char *path, ...)
	__attribute__((format(printf, 3, 4)));

/* The text of a symbolic link, cut at size.  Returns 0 or -errno of readlinkat(2). */
int rootfs_readlink(int root, char *ret_target, size_t size, const char *path, ...)
	__attribute__((format(printf, 4, 5)));

#endif
