/* SPDX-License-Identifier: MIT */
/* Where files are that outlive a run: see state-file.h. */
#include "state-file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"

#define ROOT_DIRECTORY "/var/lib/mpol"

/* The directory; free(3) it.  NULL: none is to be found, or no memory. */
static char *usual_directory(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *directory = NULL;
	int n = -1;

	if (state && *state == '/')
		n = asprintf(&directory, "%s/mpol", state);
	else if (geteuid() == 0)
		n = asprintf(&directory, "%s", ROOT_DIRECTORY);
	else if (home && *home == '/')
		n = asprintf(&directory, "%s/.local/state/mpol", home);
	return n < 0 ? NULL : directory;
}

/* mkdir -p, for the owner only. */
static int make_directories(char *path)
{
	for (char *slash = path + 1;; slash++) {
		slash = strchrnul(slash, '/');
		char end = *slash;

		*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
		*slash = end;
		if (!end)
			return 0;
	}
}

int state_file(const char *name, bool writable, char **ret_path, struct mpol_error *error)
{
	_cleanup_free_ char *directory = usual_directory();
	int r = 0;

	if (!directory) {
		error_set(error, -ENOENT, "find a place", "there is none: no HOME");
		error_on(error, "%s", name);
		return -ENOENT;
	}
	if (writable)
		r = make_directories(directory);
	if (r < 0) {
		error_errno(error, r, "make directory");
		error_on(error, "%s", directory);
		return r;
	}
	return asprintf(ret_path, "%s/%s", directory, name) < 0
		       ? error_errno(error, -ENOMEM, "find a place")
		       : 0;
}
