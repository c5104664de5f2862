/* SPDX-License-Identifier: MIT */
/* Who manages everything; and that the kernel's word on the other end is what counts. */
#include "cmocka-all.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "caller.h"

#define OWN   500 /* our user, if we are not root */
#define GROUP 42

static void test_manages(void **state)
{
	const gid_t others[] = { 1, 2 }, member[] = { 1, GROUP };

	(void)state;
	assert_true(ctl_caller_manages(0, OWN, 1, others, 2, GROUP));
	assert_true(ctl_caller_manages(OWN, OWN, 1, others, 2, GROUP));
	assert_true(ctl_caller_manages(1000, OWN, GROUP, others, 2, GROUP));
	assert_true(ctl_caller_manages(1000, OWN, 1, member, 2, GROUP));
	assert_false(ctl_caller_manages(1000, OWN, 1, others, 2, GROUP));
	assert_false(ctl_caller_manages(1000, OWN, 1, member, 1, GROUP));
	/* Without the group nobody is in it. */
	assert_false(ctl_caller_manages(1000, OWN, CTL_NO_GROUP, others, 2, CTL_NO_GROUP));
	assert_false(ctl_caller_manages(1000, 0, 0, NULL, 0, CTL_NO_GROUP));
}

/* A child connects as that user, in that group; what the listener sees of it. */
static struct ctl_caller connect_as(uid_t uid, gid_t group)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	struct ctl_caller caller = { 0 };
	socklen_t length = sizeof(address);
	pid_t pid;
	int fd;

	/* An address of the kernel's choice, without a file: unix(7), autobind. */
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(listen(listener, 1), 0);
	pid = fork();
	if (pid == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (setgroups(group ? 1 : 0, &group) < 0 || setresgid(uid, uid, uid) < 0 ||
		    setresuid(uid, uid, uid) < 0 ||
		    connect(fd, (struct sockaddr *)&address, length) < 0)
			_exit(1);
		pause();
	}
	fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(ctl_caller_read(fd, GROUP, &caller), 0);
	assert_int_equal(caller.pid, pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
	close(listener);
	return caller;
}

static void test_read(void **state)
{
	struct ctl_caller caller;
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_true(ctl_caller_read(pipes[0], GROUP, &caller) < 0);
	if (geteuid() != 0)
		skip();
	caller = connect_as(1000, 0);
	assert_int_equal(caller.uid, 1000);
	assert_int_equal(caller.gid, 1000);
	assert_false(caller.manages);
	caller = connect_as(1000, GROUP);
	assert_true(caller.manages);
	caller = connect_as(1000, GROUP + 1);
	assert_false(caller.manages);
	caller = connect_as(0, 0);
	assert_true(caller.manages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manages),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests_name("caller", tests, NULL, NULL);
}
