/* SPDX-License-Identifier: MIT */
/* Who is at the other end: see caller.h. */
#include "caller.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"

gid_t ctl_group(void)
{
	const struct group *group = getgrnam(CTL_GROUP);

	return group ? group->gr_gid : CTL_NO_GROUP;
}

bool ctl_caller_manages(uid_t uid, uid_t own, gid_t gid, const gid_t *groups, size_t nr_groups,
			gid_t group)
{
	if (uid == 0 || uid == own)
		return true;
	if (group == CTL_NO_GROUP)
		return false;
	for (size_t i = 0; i < nr_groups; i++)
		if (groups[i] == group)
			return true;
	return gid == group;
}

/* Returns how many; free(3) them. */
static ssize_t read_groups(int socket, gid_t **ret_groups)
{
	_cleanup_free_ gid_t *groups = NULL;
	socklen_t bytes = 0;

	/* The first call says how much room is needed. */
	if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, NULL, &bytes) < 0 && errno != ERANGE)
		return -errno;
	groups = malloc(bytes + 1);
	if (!groups)
		return -ENOMEM;
	if (bytes && getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes) < 0)
		return -errno;
	*ret_groups = steal_pointer(&groups);
	return (ssize_t)(bytes / sizeof(**ret_groups));
}

int ctl_caller_read(int socket, gid_t group, struct ctl_caller *ret)
{
	_cleanup_free_ gid_t *groups = NULL;
	struct ucred peer;
	socklen_t bytes = sizeof(peer);
	ssize_t nr_groups;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0)
		return -errno;
	nr_groups = read_groups(socket, &groups);
	if (nr_groups < 0)
		return (int)nr_groups;
	*ret = (struct ctl_caller) {
		.pid = peer.pid,
		.uid = peer.uid,
		.gid = peer.gid,
		.manages = ctl_caller_manages(peer.uid, geteuid(), peer.gid, groups,
					      (size_t)nr_groups, group),
	};
	return 0;
}
