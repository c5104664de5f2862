/* SPDX-License-Identifier: MIT */
/* What systemd is told: nothing where it does not listen, and the watchdog at half of its time. */
#include "cmocka-all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"

static char path[] = "/tmp/test-notify-XXXXXX";
static int heard = -1;

static int listen_there(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	heard = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(heard, (struct sockaddr *)&address, sizeof(address)), 0);
	return 0;
}

static int listen_no_more(void **state)
{
	(void)state;
	close(heard);
	unlink(path);
	return 0;
}

static const char *hear(void)
{
	static char message[300];
	ssize_t length = recv(heard, message, sizeof(message) - 1, 0);

	message[length > 0 ? length : 0] = '\0';
	return message;
}

static void test_told(void **state)
{
	(void)state;
	setenv("NOTIFY_SOCKET", path, 1);
	notify_begin();
	assert_true(notify_listens());
	notify_ready();
	assert_string_equal(hear(), "READY=1");
	notify_status("%d pages", 3);
	assert_string_equal(hear(), "STATUS=3 pages");
	notify_reloading();
	assert_memory_equal(hear(), "RELOADING=1\nMONOTONIC_USEC=", 27);
	notify_stopping();
	assert_string_equal(hear(), "STOPPING=1");
}

static void test_watchdog(void **state)
{
	(void)state;
	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", "100000", 1);
	notify_begin();
	notify_alive();
	assert_string_equal(hear(), ""); /* not yet */
	assert_true(notify_rest_ns() > 0 && notify_rest_ns() <= 50000000);
	usleep(51000);
	assert_int_equal(notify_rest_ns(), 0);
	notify_alive();
	assert_string_equal(hear(), "WATCHDOG=1");
	notify_alive();
	assert_string_equal(hear(), "");
}

static void test_nobody(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	notify_begin();
	assert_false(notify_listens());
	assert_true(notify_rest_ns() == UINT64_MAX);
	notify_ready();
	notify_alive();
	assert_string_equal(hear(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_watchdog),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, listen_there, listen_no_more);
}
