/* SPDX-License-Identifier: MIT */
/*
 * The table (requests.h) over HTTP/1.1, on a listening Unix socket.  It has no thread of its own:
 * who owns it waits for its descriptor, and serves it.
 *
 * Bounded: so many connections, few of them of one user and some always left for those who
 * manage; so many bytes of header and of body; so long without a byte.  Nothing is kept from one
 * request to the next: who asks is looked up for each (caller.h).
 */
#ifndef CTL_SERVER_H
#define CTL_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "cleanup.h"
#include "ctl-world.h"

#define CTL_CONNECTIONS		 64
#define CTL_ORDINARY_CONNECTIONS 48 /* of those who do not manage */
#define CTL_USER_CONNECTIONS	 8  /* of one of those */
#define CTL_HEADER_BYTES	 16384
#define CTL_TIMEOUT_S		 10

struct ctl_server;

/*
 * socket: listening, not blocking; it and the world are the caller's.  group: see caller.h.  Free
 * it with ctl_server_free.  Errors: -ENOMEM; -EIO: the library did not say.
 */
int ctl_server_new(int socket, gid_t group, const struct ctl_world *world, struct ctl_server **ret,
		   struct mpol_error *err);
void ctl_server_free(struct ctl_server *server);
DEFINE_CLEANUP(struct ctl_server *, ctl_server_free);

/* Readable when there is something to serve. */
int ctl_server_fd(const struct ctl_server *server);

/* For how long, in ns, it need not be served otherwise; UINT64_MAX: for ever. */
uint64_t ctl_server_rest_ns(const struct ctl_server *server);

/* Does what can be done without waiting. */
void ctl_server_serve(struct ctl_server *server);

#endif
