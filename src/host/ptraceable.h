/* SPDX-License-Identifier: MIT */
/*
 * Whether a user could ptrace a process: by the rules of ptrace(2), "Ptrace access mode checking",
 * for a user who has no capability (kernel/ptrace.c, __ptrace_may_access).
 *
 * User ids are those of the user namespace that we are in; ids that it has no name for
 * all look the same, so the answers are worth something only where every user has one.
 */
#ifndef HOST_PTRACEABLE_H
#define HOST_PTRACEABLE_H

#include <sys/types.h>

/*
 * uid and gid are the user's effective ones.  It could if all of the following hold; only the
 * Linux security modules are not asked:
 *   - real, effective and saved user id of the process are uid, and its group ids gid;
 *   - it has no permitted capability (security/commoncap.c, cap_ptrace_access_check);
 *   - it is dumpable: its files in /proc belong to uid (fs/proc/base.c, task_dump_owner).
 * Returns 0; -EPERM: it could not; -ESRCH; -EBADMSG; -ENOMEM.
 */
int ptraceable_by(int root, pid_t pid, uid_t uid, gid_t gid);

/* The first two, from the text of /proc/PID/status.  Returns 0, -EPERM or -EBADMSG. */
int ptraceable_parse(const char *status, uid_t uid, gid_t gid);

#endif
