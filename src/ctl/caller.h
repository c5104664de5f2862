/* SPDX-License-Identifier: MIT */
/*
 * Who is at the other end of a Unix socket, and whether he manages everything: root, our own user,
 * and members of a group.  By the credentials that the kernel kept when the connection was made
 * (unix(7), SO_PEERCRED and SO_PEERGROUPS); nothing that the peer says is believed.
 */
#ifndef CTL_CALLER_H
#define CTL_CALLER_H

#include <stdbool.h>
#include <sys/types.h>

#include "ctl-world.h"

/* The group whose members manage everything. */
#define CTL_GROUP "mpol"

#define CTL_NO_GROUP ((gid_t)-1)

/* Its id, or CTL_NO_GROUP: there is none. */
gid_t ctl_group(void);

/*
 * Errors: those of getsockopt(2).  group: its id, or CTL_NO_GROUP.
 */
int ctl_caller_read(int socket, gid_t group, struct ctl_caller *ret);

/* Whether a user manages everything; own: our user; groups: his supplementary ones. */
bool ctl_caller_manages(uid_t uid, uid_t own, gid_t gid, const gid_t *groups, size_t nr_groups,
			gid_t group);

#endif
