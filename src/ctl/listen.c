/* SPDX-License-Identifier: MIT */
/* Listening on a Unix socket: see listen.h. */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "caller.h"

#define BACKLOG 64

static int fail(struct mpol_error *err, int code, const char *step, const char *path)
{
	error_errno(err, code, step);
	error_on(err, "%s", path);
	if (code == -EACCES || code == -EPERM)
		error_advise(err, "run as root, or name another place: --socket PATH");
	return code;
}

static int make_folder(const char *path)
{
	_cleanup_free_ char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;

	if (!folder)
		return -ENOMEM;
	if (!slash || slash == folder)
		return 0;
	*slash = '\0';
	return mkdir(folder, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

/* Returns a descriptor. */
static int lock(const char *path, struct mpol_error *err)
{
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&name, "%s.lock", path) < 0)
		return fail(err, -ENOMEM, "lock the socket", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(err, -errno, "lock the socket", name);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return steal_fd(&fd);
	if (errno != EWOULDBLOCK)
		return fail(err, -errno, "lock the socket", name);
	error_set(err, -EADDRINUSE, "listen", "another mpold has that socket");
	error_on(err, "%s", path);
	error_advise(err, "stop it first, or name another place: --socket PATH");
	return -EADDRINUSE;
}

/* What one that was killed has left. */
static int remove_stale(const char *path, struct mpol_error *err)
{
	struct stat status;

	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0 : fail(err, -errno, "look for a socket", path);
	if (!S_ISSOCK(status.st_mode)) {
		error_set(err, -ENOTSOCK, "listen", "something that is no socket is there");
		error_on(err, "%s", path);
		error_advise(err, "name another place: --socket PATH");
		return -ENOTSOCK;
	}
	return unlink(path) == 0 ? 0 : fail(err, -errno, "remove an old socket", path);
}

static int open_socket(const char *path, gid_t group, struct mpol_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, path); /* the caller has looked at its length */
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return fail(err, -errno, "listen", path);
	/* Nobody can connect before listen(2).  Only root may give a group that is not his. */
	if ((group != CTL_NO_GROUP && chown(path, (uid_t)-1, group) < 0 && errno != EPERM) ||
	    chmod(path, 0666) < 0 || listen(fd, BACKLOG) < 0) {
		const int r = fail(err, -errno, "listen", path);

		unlink(path);
		return r;
	}
	return steal_fd(&fd);
}

int ctl_socket_listen(const char *path, gid_t group, struct ctl_socket *ret, struct mpol_error *err)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int held = -1, fd = -1;
	int r;

	if (!copy)
		return fail(err, -ENOMEM, "listen", path);
	if (!*path || strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return fail(err, *path ? -ENAMETOOLONG : -EINVAL, "listen", path);
	r = make_folder(path);
	if (r < 0)
		return fail(err, r, "make a folder for the socket", path);
	held = lock(path, err);
	if (held < 0)
		return held;
	r = remove_stale(path, err);
	if (r < 0)
		return r;
	fd = open_socket(path, group, err);
	if (fd < 0)
		return fd;
	*ret = (struct ctl_socket) {
		.path = steal_pointer(&copy),
		.fd = steal_fd(&fd),
		.lock = steal_fd(&held),
	};
	return 0;
}

void ctl_socket_close(struct ctl_socket *listening)
{
	if (!listening->path)
		return;
	unlink(listening->path);
	close(listening->fd);
	close(listening->lock);
	free(listening->path);
	*listening = (struct ctl_socket) { .fd = -1, .lock = -1 };
}
