/* SPDX-License-Identifier: MIT */
/* Who could ptrace whom: see ptraceable.h. */
#include "ptraceable.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "process.h"

/* Whether real, effective and saved id (proc(5), Uid) are all that one. */
static int all_are(const char *ids, uint32_t id)
{
	uint32_t real, effective, saved;

	if (!ids || sscanf(ids, "%" SCNu32 " %" SCNu32 " %" SCNu32, &real, &effective, &saved) != 3)
		return -EBADMSG;
	return real == id && effective == id && saved == id ? 0 : -EPERM;
}

int ptraceable_parse(const char *status, uid_t uid, gid_t gid)
{
	const char *permitted = process_status_field(status, "CapPrm");
	uint64_t capabilities;
	int r = all_are(process_status_field(status, "Uid"), uid);

	if (r == 0)
		r = all_are(process_status_field(status, "Gid"), gid);
	if (r < 0)
		return r;
	if (!permitted || sscanf(permitted, "%" SCNx64, &capabilities) != 1)
		return -EBADMSG;
	return capabilities ? -EPERM : 0;
}

int ptraceable_by(int root, pid_t pid, uid_t uid, gid_t gid)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = process_open_file(root, pid, "status", O_RDONLY);
	struct stat status;
	int r;

	if (fd < 0)
		return fd;
	r = process_read_file(root, pid, "status", &text);
	if (r < 0)
		return r;
	if (fstat(fd, &status) < 0)
		return -errno;
	return status.st_uid == uid ? ptraceable_parse(text, uid, gid) : -EPERM;
}
