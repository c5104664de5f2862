/* SPDX-License-Identifier: MIT */
/*
 * HTTP on a Unix socket: a child serves a daemon that does nothing; here are clients, ours and
 * some that know no manners.
 */
#include "cmocka-all.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "caller.h"
#include "client.h"
#include "fake-world.h"
#include "listen.h"
#include "requests.h"
#include "server.h"

static char folder[64], path[96];
static pid_t child;

static void serve(struct ctl_socket *listening)
{
	struct ctl_server *server;

	if (ctl_server_new(listening->fd, CTL_NO_GROUP, &fake_world, &server, NULL) < 0)
		_exit(1);
	for (;;) {
		struct pollfd wait = { .fd = ctl_server_fd(server), .events = POLLIN };
		const uint64_t rest_ns = ctl_server_rest_ns(server);

		poll(&wait, 1, rest_ns == UINT64_MAX ? -1 : (int)(rest_ns / 1000000));
		ctl_server_serve(server);
	}
}

static int start(void **state)
{
	struct ctl_socket listening;

	(void)state;
	strcpy(folder, "/tmp/test-server.XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	snprintf(path, sizeof(path), "%s/s", folder);
	assert_int_equal(ctl_socket_listen(path, CTL_NO_GROUP, &listening, NULL), 0);
	child = fork();
	if (child == 0)
		serve(&listening);
	close(listening.fd);
	close(listening.lock);
	free(listening.path);
	return 0;
}

static int end(void **state)
{
	char lock[112];
	int status;

	(void)state;
	assert_int_equal(waitpid(child, &status, WNOHANG), 0); /* nothing has ended it */
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	unlink(path);
	unlink(lock);
	rmdir(folder);
	return 0;
}

static int connect_raw(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Sends bytes; the status of the answer, 0: the connection was ended without one. */
static int send_raw(const char *bytes, size_t length)
{
	const int fd = connect_raw();
	char answer[64] = "";
	int status = 0;

	(void)!send(fd, bytes, length, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	if (recv(fd, answer, sizeof(answer) - 1, MSG_WAITALL) > 0)
		sscanf(answer, "HTTP/1.1 %d", &status);
	close(fd);
	return status;
}

static int send_text(const char *text)
{
	return send_raw(text, strlen(text));
}

static void our_own_client(void **state)
{
	json_t *document = NULL, *body = json_pack("{s:i}", "pid", 5);
	struct mpol_error error = { 0 };

	(void)state;
	assert_int_equal(ctl_ask(path, "GET", "/v1/status", NULL, &document, &error), 0);
	assert_int_equal(json_integer_value(json_object_get(document, "rounds")), 9);
	json_decref(document);
	assert_int_equal(ctl_ask(path, "POST", "/v1/targets", body, &document, &error), 0);
	assert_int_equal(json_integer_value(json_object_get(document, "id")), 1);
	json_decref(document);
	assert_int_equal(ctl_ask(path, "POST", "/v1/pause", NULL, &document, &error), 0);
	json_decref(document);
	assert_int_equal(ctl_ask(path, "DELETE", "/v1/targets/4", NULL, &document, &error), 0);
	json_decref(document);
	/* An error comes through as it was. */
	assert_int_equal(ctl_ask(path, "GET", "/v1/none", NULL, &document, &error), -ENOENT);
	assert_string_equal(error.step, "find the request");
	assert_string_equal(error.object, "GET /v1/none");
	assert_non_null(strstr(error.advice, "/v1/"));
	json_decref(body);
}

static void nobody_there(void **state)
{
	struct mpol_error error = { 0 };
	json_t *document = NULL;
	char longer[200];

	(void)state;
	assert_int_equal(ctl_ask("/none/such", "GET", "/v1/", NULL, &document, &error),
			 -ECONNREFUSED);
	assert_string_equal(error.object, "/none/such");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(ctl_ask(longer, "GET", "/v1/", NULL, &document, &error), -ENAMETOOLONG);
	assert_null(document);
}

static void bodies(void **state)
{
	char text[CTL_BODY_BYTES + 256];
	int length;

	(void)state;
	assert_int_equal(send_text("POST /v1/targets HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
				   "\r\n{\"pid\":1}"),
			 200);
	assert_int_equal(send_text("POST /v1/targets HTTP/1.1\r\nHost: x\r\n"
				   "Content-Length: 99999\r\n\r\n{\"pid\":1}"),
			 413);
	assert_int_equal(
		send_text("POST /v1/targets HTTP/1.1\r\nHost: x\r\n"
			  "Transfer-Encoding: chunked\r\n\r\n9\r\n{\"pid\":1}\r\n0\r\n\r\n"),
		411);
	/* The longest there may be, and one byte more. */
	for (int more = 0; more < 2; more++) {
		length = snprintf(text, sizeof(text),
				  "POST /v1/targets HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
				  "\r\n{\"pid\":1}",
				  CTL_BODY_BYTES + more);
		memset(text + length, ' ', sizeof(text) - (size_t)length);
		assert_int_equal(send_raw(text, (size_t)length + CTL_BODY_BYTES - 9 + more),
				 more ? 413 : 200);
	}
	/* Half a body is no request, and harms nobody. */
	assert_int_equal(send_text("POST /v1/targets HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
				   "\r\n{\"pi"),
			 0);
	assert_int_equal(send_text("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
}

static void garbage(void **state)
{
	static char bytes[3 * CTL_HEADER_BYTES];

	(void)state;
	assert_in_set(send_text("\r\n\r\n\x01\x02\x03"), ((unsigned long[]) { 0, 400 }), 2);
	assert_int_equal(send_text("GET /v1/status\r\n\r\n") / 100 == 2, 0);
	srandom(1);
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)random();
		assert_int_not_equal(send_raw(bytes, 1000), 200);
	}
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "GET /v1/status HTTP/1.1\r\nX: ", 28);
	assert_in_set(send_raw(bytes, sizeof(bytes)), ((unsigned long[]) { 0, 431 }), 2);
	assert_int_equal(send_text("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
}

/* A user who holds all connections that he gets. */
static pid_t start_hoarder(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (setresgid(4711, 4711, 4711) < 0 || setresuid(4711, 4711, 4711) < 0)
			_exit(1);
		for (int i = 0; i < 2 * CTL_CONNECTIONS; i++)
			connect_raw();
		close(ready[0]);
		close(ready[1]);
		pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	return pid;
}

static void one_user_leaves_room(void **state)
{
	pid_t hoarder;

	(void)state;
	if (geteuid() != 0)
		skip();
	hoarder = start_hoarder();
	assert_int_equal(send_text("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
	kill(hoarder, SIGKILL);
	waitpid(hoarder, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(our_own_client, start, end),
		cmocka_unit_test_setup_teardown(nobody_there, start, end),
		cmocka_unit_test_setup_teardown(bodies, start, end),
		cmocka_unit_test_setup_teardown(garbage, start, end),
		cmocka_unit_test_setup_teardown(one_user_leaves_room, start, end),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
