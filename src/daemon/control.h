/* SPDX-License-Identifier: MIT */
/*
 * mpold's socket: the requests of ctl/requests.h, about a manager, served by the manager's own
 * loop.
 *
 * Users who do not manage everything reach the requests that they have made themselves, and those
 * are about processes that they could ptrace (roster.h, ptraceable.h).
 */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include <mpol/mpol.h>

#include "cleanup.h"
#include "manager.h"

struct control;

/*
 * Listens at the path and has the manager serve what comes.  Free it with control_free, after the
 * manager has run.  Errors: of ctl_socket_listen, ctl_server_new and manager_watch.
 */
int control_new(struct manager *manager, const char *path, struct control **ret,
		struct mpol_error *err);
void control_free(struct control *control);
DEFINE_CLEANUP(struct control *, control_free);

/* Where it listens. */
const char *control_path(const struct control *control);

#endif
