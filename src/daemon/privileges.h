/* SPDX-License-Identifier: MIT */
/*
 * What mpold may do (capabilities(7)): from the moment on that it works as little as its tracker
 * and moving pages need.  It may be started as root, or as any user with these capabilities
 * in its ambient set.
 */
#ifndef DAEMON_PRIVILEGES_H
#define DAEMON_PRIVILEGES_H

#include <mpol/mpol.h>

#include "tracker.h"

/*
 * Gives up for ever, of this thread, all capabilities but those needed, and the gain of any by
 * running programs (PR_SET_NO_NEW_PRIVS).  The log names those that are missing, what that means,
 * and the way out.
 * Errors: -EPERM: they cannot be read or given up; those of prctl(2).
 */
int privileges_reduce(const struct tracker_kind *tracker, struct mpol_error *err);

#endif
