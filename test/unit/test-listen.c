/* SPDX-License-Identifier: MIT */
/* The daemon's socket: made, held by one alone, taken over from one that was killed. */
#include "cmocka-all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "caller.h"
#include "listen.h"

static char folder[64], path[96], lock[112];

static int start(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/test-listen.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/run/s", folder);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	return 0;
}

static int end(void **state)
{
	char inner[80];

	(void)state;
	snprintf(inner, sizeof(inner), "%s/run", folder);
	unlink(path);
	unlink(lock);
	rmdir(inner);
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

static int listen_there(struct ctl_socket *ret)
{
	struct mpol_error error = { 0 };
	const int r = ctl_socket_listen(path, CTL_NO_GROUP, ret, &error);

	assert_int_equal(error.code, r);
	return r;
}

static int try_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int r;

	strcpy(address.sun_path, path);
	r = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static void one_alone(void **state)
{
	struct ctl_socket first, second = { .fd = -7 };
	struct stat status;
	mode_t mask = umask(077);

	(void)state;
	assert_int_equal(listen_there(&first), 0);
	umask(mask);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0666);
	assert_int_equal(try_connect(), 0);
	assert_int_equal(listen_there(&second), -EADDRINUSE);
	assert_int_equal(second.fd, -7);
	assert_int_equal(try_connect(), 0);
	ctl_socket_close(&first);
	assert_int_equal(access(path, F_OK), -1);
	ctl_socket_close(&first); /* empty: nothing */
	assert_int_equal(listen_there(&second), 0);
	ctl_socket_close(&second);
}

static void killed(void **state)
{
	struct ctl_socket mine;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (listen_there(&mine) == 0)
			raise(SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(try_connect(), -ECONNREFUSED);
	assert_int_equal(listen_there(&mine), 0);
	assert_int_equal(try_connect(), 0);
	ctl_socket_close(&mine);
}

static void what_is_no_socket_stays(void **state)
{
	struct ctl_socket mine;
	char inner[80];
	int fd;

	(void)state;
	snprintf(inner, sizeof(inner), "%s/run", folder);
	assert_int_equal(mkdir(inner, 0755), 0);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(listen_there(&mine), -ENOTSOCK);
	assert_int_equal(access(path, F_OK), 0);
}

static void bad_paths(void **state)
{
	struct ctl_socket mine;
	struct mpol_error error;
	char longer[200];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(ctl_socket_listen(longer, CTL_NO_GROUP, &mine, &error), -ENAMETOOLONG);
	assert_int_equal(ctl_socket_listen("", CTL_NO_GROUP, &mine, &error), -EINVAL);
	assert_int_equal(ctl_socket_listen("/none/such/folder", CTL_NO_GROUP, &mine, &error),
			 -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_alone, start, end),
		cmocka_unit_test_setup_teardown(killed, start, end),
		cmocka_unit_test_setup_teardown(what_is_no_socket_stays, start, end),
		cmocka_unit_test(bad_paths),
	};

	return cmocka_run_group_tests_name("listen", tests, NULL, NULL);
}
