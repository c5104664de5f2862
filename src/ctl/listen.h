/* SPDX-License-Identifier: MIT */
/*
 * The Unix socket that a daemon listens on.  Who has it is decided by a lock on PATH.lock, held
 * for life: a socket without a holder was left by one that was killed, and is taken over.
 */
#ifndef CTL_LISTEN_H
#define CTL_LISTEN_H

#include <sys/types.h>

#include <mpol/mpol.h>

/* Where mpold listens unless told otherwise, and where clients look for it. */
#define CTL_SOCKET_PATH "/run/mpold/mpold.sock"

struct ctl_socket {
	char *path;
	int fd;	  /* listening; -1: none */
	int lock; /* of PATH.lock */
};

/*
 * Listens at the path, whose folder is made if only that is missing (mode 755).  Everybody may
 * connect (mode 666; what he may do is decided by request); the group, if there is one (else
 * CTL_NO_GROUP), is the socket's, so that an administrator can narrow it.
 * Close it with ctl_socket_close, which removes the path.
 * Errors: -EADDRINUSE (another process listens there), -ENOTSOCK (something else is there),
 * -ENAMETOOLONG, -EACCES and others of bind(2), -ENOMEM.
 */
int ctl_socket_listen(const char *path, gid_t group, struct ctl_socket *ret,
		      struct mpol_error *err);
void ctl_socket_close(struct ctl_socket *listening);

#endif
