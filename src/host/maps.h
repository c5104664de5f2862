/* SPDX-License-Identifier: MIT */
/* Reading the lines of /proc/PID/maps (proc_pid_maps(5)). */
#ifndef HOST_MAPS_H
#define HOST_MAPS_H

#include <stdint.h>

struct maps_entry {
	uint64_t start, end; /* addresses, end exclusive */
	uint64_t offset;     /* into the file, in bytes */
	uint64_t device;     /* of the file: major << 32 | minor */
	uint64_t inode;	     /* there; 0: no file */
	char permissions[5]; /* "rw-p" */
	const char *name;    /* file or "[heap]", "" if none; points into the text */
};

/*
 * Reads the line at *cursor, cuts its name off in place and moves *cursor to
 * the next.  Returns 1, 0 at the end of the text, or -EBADMSG for a line that
 * is not of the file's form; *ret is untouched then.
 */
int maps_next(char **cursor, struct maps_entry *ret);

#endif
