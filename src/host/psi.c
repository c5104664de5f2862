/* SPDX-License-Identifier: MIT */
/* Reading PSI: see psi.h. */
#include "psi.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cgroup.h"
#include "cleanup.h"
#include "rootfs.h"

#define MOST_PERMYRIAD 10000

int psi_parse_full(const char *text, uint32_t *ret_permyriad)
{
	const char *line = strncmp(text, "full ", 5) == 0 ? text : strstr(text, "\nfull ");
	unsigned percent, hundredths;
	int length = 0;

	if (!line)
		return -EBADMSG;
	line += *line == '\n';
	if (sscanf(line, "full avg10=%3u.%2u%n", &percent, &hundredths, &length) != 2 ||
	    line[length] != ' ' || length == 0 || line[length - 3] != '.')
		return -EBADMSG;
	if (percent * 100 + hundredths > MOST_PERMYRIAD)
		return -EBADMSG;
	*ret_permyriad = percent * 100 + hundredths;
	return 0;
}

int psi_read_system(int root, uint32_t *ret_permyriad)
{
	_cleanup_free_ char *text = NULL;
	const ssize_t r = rootfs_read(root, &text, "proc/pressure/memory");

	return r < 0 ? (int)r : psi_parse_full(text, ret_permyriad);
}

int psi_read_process(int root, pid_t pid, uint32_t *ret_permyriad)
{
	_cleanup_free_ char *cgroups = NULL, *text = NULL;
	char path[PATH_MAX];
	const char *name;
	ssize_t r = rootfs_read(root, &cgroups, "proc/%d/cgroup", pid);

	if (r < 0)
		return r == -ENOENT ? -ESRCH : (int)r;
	name = cgroup_parse_own(cgroups);
	if (!name || strcmp(name, "/") == 0) {
		*ret_permyriad = 0;
		return 0;
	}
	r = cgroup_find(root, name, path, NULL);
	if (r == 0)
		r = rootfs_read(root, &text, "%s/memory.pressure", path);
	return r < 0 ? (int)r : psi_parse_full(text, ret_permyriad);
}
