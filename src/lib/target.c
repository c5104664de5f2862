/* SPDX-License-Identifier: MIT */
/* From pidfds and ids to processes: see target.h. */
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "rootfs.h"

/* The number behind a pidfd, in fdinfo since Linux 5.4: -1 once it was reaped. */
static int pidfd_number(int root, int pidfd, pid_t *ret)
{
	_cleanup_free_ char *text = NULL;
	const char *line;
	ssize_t r;
	long pid;

	r = rootfs_read(root, &text, "proc/self/fdinfo/%d", pidfd);
	if (r < 0)
		return r == -ENOENT ? -EBADF : r;
	line = strstr(text, "\nPid:");
	if (!line)
		return -EBADF;
	pid = strtol(line + strlen("\nPid:"), NULL, 10);
	if (pid <= 0)
		return -ESRCH;
	*ret = (pid_t)pid;
	return 0;
}

/* PIDFD_THREAD is O_EXCL and shows among the file's flags (Linux 6.9). */
static bool pidfd_is_thread(int pidfd)
{
	int flags = fcntl(pidfd, F_GETFL);

	return flags >= 0 && (flags & O_EXCL);
}

int target_open(int pidfd, struct target *ret, struct mpol_error *err)
{
	_cleanup_close_ int root = rootfs_open(NULL);
	struct target target = { .pidfd = pidfd };
	pid_t number = 0;
	int r;

	if (root < 0)
		return error_errno(err, root, "open /");
	r = pidfd_number(root, pidfd, &number);
	if (r < 0) {
		error_set(err, r, "read pidfd",
			  r == -ESRCH	? "its process has ended"
			  : r == -EBADF ? "not a pidfd"
					: "cannot read its fdinfo");
		error_on(err, "descriptor %d", pidfd);
		return r;
	}
	r = target_find_leader(root, number, &target.leader, err);
	if (r < 0)
		return r;
	if (pidfd_is_thread(pidfd))
		target.tid = number;
	r = target_check_alive(&target, err);
	if (r < 0)
		return r;
	target.root = steal_fd(&root);
	*ret = target;
	return 0;
}

void target_close(struct target *target)
{
	if (target->root > 0)
		close(target->root);
	target->root = -1;
}

int target_check_alive(const struct target *target, struct mpol_error *err)
{
	struct pollfd poll_pidfd = { .fd = target->pidfd, .events = POLLIN };

	if (poll(&poll_pidfd, 1, 0) == 0)
		return 0;
	return target_error(err, -ESRCH, "poll pidfd", &target->leader);
}

bool target_is_own_process(const struct target *target)
{
	return target->leader.tid == getpid();
}

bool target_is_caller(const struct target *target)
{
	_cleanup_free_ pid_t *tids = NULL;
	size_t nr = 0;

	if (!target_is_own_process(target))
		return false;
	if (target->tid)
		return target->tid == gettid();
	return process_list_threads(target->root, target->leader.tid, &tids, &nr) == 0 && nr == 1;
}

int target_error(struct mpol_error *err, int code, const char *step,
		 const struct process_thread *leader)
{
	switch (code) {
	case -ESRCH:
		error_set(err, code, step, "no such process, or it has ended");
		break;
	case -EACCES:
		error_set(err, code, step, "not allowed to look into it");
		error_advise(err, "run as the process's owner, or as root");
		break;
	case -EBADMSG:
		error_set(err, code, step, "what /proc says is not what a kernel writes");
		break;
	default:
		error_errno(err, code, step);
		break;
	}
	if (leader->name[0])
		error_on(err, "process %d (%s)", leader->tid, leader->name);
	else
		error_on(err, "process %d", leader->tid);
	return code;
}

int target_find_leader(int root, pid_t any, struct process_thread *ret_leader,
		       struct mpol_error *err)
{
	struct process_thread thread = { .tid = any }, leader = { .tid = any };
	int r;

	r = any > 0 ? process_read_thread(root, any, any, &thread) : -ESRCH;
	if (r < 0)
		return target_error(err, r, "read /proc", &leader);
	leader.tid = thread.tgid;
	r = process_read_thread(root, thread.tgid, thread.tgid, &leader);
	if (r < 0)
		return target_error(err, r, "read /proc", &leader);
	if (leader.flags & PROCESS_KTHREAD) {
		error_set(err, -EOPNOTSUPP, "read /proc",
			  "a kernel thread has no memory of its own");
		error_on(err, "process %d (%s)", leader.tid, leader.name);
		return -EOPNOTSUPP;
	}
	*ret_leader = leader;
	return 0;
}

int target_read_vmas(int root, const struct process_thread *leader, pid_t *ret_viewer,
		     struct vma_table *ret_table, struct mpol_error *err)
{
	_cleanup_free_ pid_t *tids = NULL;
	size_t nr = 0;
	int r;

	r = process_list_threads(root, leader->tid, &tids, &nr);
	if (r < 0)
		return target_error(err, r, "read /proc", leader);
	r = -ESRCH;
	for (size_t i = 0; i <= nr && r == -ESRCH; i++) {
		*ret_viewer = i ? tids[i - 1] : leader->tid;
		r = process_read_vmas(root, leader->tid, *ret_viewer, ret_table);
	}
	if (r == -ESRCH && leader->state == 'Z') {
		error_set(err, r, "read numa_maps", "it has ended and waits for its parent");
		error_on(err, "process %d (%s)", leader->tid, leader->name);
		return r;
	}
	return r < 0 ? target_error(err, r, "read numa_maps", leader) : 0;
}
