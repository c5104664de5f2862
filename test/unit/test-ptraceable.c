/* SPDX-License-Identifier: MIT */
/* Who could ptrace whom: by what /proc/PID/status says, and of children that are not dumpable. */
#include "cmocka-all.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptraceable.h"
#include "rootfs.h"

#define USER 4711

/* Its answer to uid 1000 and gid 1000. */
static int parse(const char *uids, const char *gids, const char *capabilities)
{
	char text[256];

	snprintf(text, sizeof(text), "Name:\tx\nUid:\t%s\nGid:\t%s\nCapInh:\t0\nCapPrm:\t%s\n",
		 uids, gids, capabilities);
	return ptraceable_parse(text, 1000, 1000);
}

static void test_parse(void **state)
{
	static const char own[] = "1000\t1000\t1000\t1000", none[] = "0000000000000000";

	(void)state;
	assert_int_equal(parse(own, own, none), 0);
	assert_int_equal(parse("1000\t1000\t1000\t0", own, none), 0); /* of files: no matter */
	assert_int_equal(parse("1001\t1000\t1000\t1000", own, none), -EPERM);
	assert_int_equal(parse("1000\t0\t1000\t1000", own, none), -EPERM);
	assert_int_equal(parse("1000\t1000\t0\t1000", own, none), -EPERM);
	assert_int_equal(parse(own, "1001\t1000\t1000\t1000", none), -EPERM);
	assert_int_equal(parse(own, "1000\t1001\t1000\t1000", none), -EPERM);
	assert_int_equal(parse(own, "1000\t1000\t1001\t1000", none), -EPERM);
	assert_int_equal(parse(own, own, "0000000000000400"), -EPERM);
	assert_int_equal(parse("1000\t1000", own, none), -EBADMSG);
	assert_int_equal(parse(own, "", none), -EBADMSG);
	assert_int_equal(parse(own, own, ""), -EBADMSG);
	assert_int_equal(ptraceable_parse("", 1000, 1000), -EBADMSG);
	assert_int_equal(ptraceable_parse("XUid:\t1000\t1000\t1000\n", 1000, 1000), -EBADMSG);
}

/* A child of that user, which sleeps.  It is ready when its pipe is closed. */
static pid_t start_child(int dumpable)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0 ||
		    prctl(PR_SET_DUMPABLE, dumpable) < 0)
			_exit(1);
		close(ready[0]);
		close(ready[1]);
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	return pid;
}

static void test_children(void **state)
{
	const int root = rootfs_open(NULL);

	(void)state;
	if (geteuid() != 0)
		skip();
	for (int dumpable = 0; dumpable < 2; dumpable++) {
		const pid_t pid = start_child(dumpable);

		assert_int_equal(ptraceable_by(root, pid, USER, USER), dumpable ? 0 : -EPERM);
		assert_int_equal(ptraceable_by(root, pid, USER + 1, USER), -EPERM);
		assert_int_equal(ptraceable_by(root, pid, USER, USER + 1), -EPERM);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		assert_int_equal(ptraceable_by(root, pid, USER, USER), -ESRCH);
	}
	assert_int_equal(ptraceable_by(root, getpid(), USER, USER), -EPERM);
	close(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_children),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
