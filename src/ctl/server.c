/* SPDX-License-Identifier: MIT */
/* The table over HTTP: see server.h.  The protocol is libmicrohttpd's. */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "error-json.h"
#include "error.h"
#include "caller.h"
#include "requests.h"
#include "text.h"

#define NS_PER_MS 1000000ULL

/* A connection, as far as their number is concerned. */
struct seat {
	bool is_taken, is_ordinary;
	uid_t uid;
};

struct ctl_server {
	struct MHD_Daemon *daemon;
	const struct ctl_world *world;
	gid_t group;
	int epoll;
	struct seat seats[CTL_CONNECTIONS];
};

/* A request's body, as far as it has come. */
struct upload {
	size_t length, expected;
	char body[]; /* [expected] */
};

static int socket_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/* ---- Who may connect ---------------------------------------------------------------- */

static struct seat *find_seat(struct ctl_server *server, const struct ctl_caller *caller)
{
	struct seat *seat = NULL;
	unsigned ordinary = 0, same = 0;

	for (unsigned i = 0; i < CTL_CONNECTIONS; i++) {
		struct seat *other = &server->seats[i];

		if (!other->is_taken)
			seat = other;
		else if (other->is_ordinary) {
			ordinary++;
			same += other->uid == caller->uid;
		}
	}
	if (!caller->manages &&
	    (ordinary >= CTL_ORDINARY_CONNECTIONS || same >= CTL_USER_CONNECTIONS))
		return NULL;
	return seat;
}

/* Shut down, a connection that finds no seat ends as if the other side had ended it. */
static void connected(void *user, struct MHD_Connection *connection, void **seat_pointer,
		      enum MHD_ConnectionNotificationCode what)
{
	struct ctl_server *server = user;
	struct ctl_caller caller;
	struct seat *seat = *seat_pointer;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (seat)
			seat->is_taken = false;
		return;
	}
	seat = ctl_caller_read(socket_of(connection), server->group, &caller) == 0
		       ? find_seat(server, &caller)
		       : NULL;
	if (!seat) {
		shutdown(socket_of(connection), SHUT_RDWR);
		return;
	}
	*seat = (struct seat) {
		.is_taken = true,
		.is_ordinary = !caller.manages,
		.uid = caller.uid,
	};
	*seat_pointer = seat;
}

/* ---- Answers -------------------------------------------------------------------------- */

static enum MHD_Result send_json(struct MHD_Connection *connection, unsigned int status,
				 json_t *document)
{
	char *text = document ? json_dumps(document, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
	struct MHD_Response *response;
	enum MHD_Result r;

	json_decref(document);
	if (!text)
		return MHD_NO; /* no memory: the connection is closed */
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	r = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result send_error(struct MHD_Connection *connection, unsigned int status,
				  const struct mpol_error *error)
{
	return send_json(connection, status, json_pack("{s:o}", "error", error_to_json(error)));
}

static enum MHD_Result refuse_body(struct MHD_Connection *connection, unsigned int status,
				   const char *cause)
{
	struct mpol_error error;

	error_set(&error, status == MHD_HTTP_CONTENT_TOO_LARGE ? -E2BIG : -EINVAL,
		  "read the request", "%s", cause);
	error_advise(&error, "its header Content-Length must say how long the body is, at most %d",
		     CTL_BODY_BYTES);
	return send_error(connection, status, &error);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Makes room for the body, or answers that it is none that would be read. */
static enum MHD_Result begin(struct MHD_Connection *connection, struct upload **ret)
{
	const char *length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t expected = 0;

	if (header(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING))
		return refuse_body(connection, MHD_HTTP_LENGTH_REQUIRED,
				   "its length is not stated");
	if (length && parse_u64(length, 10, &expected) < 0)
		return refuse_body(connection, MHD_HTTP_BAD_REQUEST, "its length is no number");
	if (expected > CTL_BODY_BYTES)
		return refuse_body(connection, MHD_HTTP_CONTENT_TOO_LARGE, "its body is too long");
	*ret = calloc(1, sizeof(**ret) + expected);
	if (!*ret)
		return MHD_NO;
	(*ret)->expected = expected;
	return MHD_YES;
}

static enum MHD_Result handle(struct ctl_server *server, struct MHD_Connection *connection,
			      const struct ctl_call *request)
{
	struct ctl_call call = *request;
	struct ctl_caller caller;
	struct mpol_error error;
	json_t *document;
	unsigned int status;
	int r = ctl_caller_read(socket_of(connection), server->group, &caller);

	if (r < 0) {
		error_errno(&error, r, "look who asks");
		return send_error(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, &error);
	}
	call.caller = &caller;
	status = ctl_handle(&call, &document);
	return send_json(connection, status, document);
}

/* Called when a request's header has come, for each piece of its body, and at its end. */
static enum MHD_Result answer(void *user, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *length, void **request)
{
	struct ctl_server *server = user;
	struct upload *upload = *request;

	(void)version;
	if (!upload)
		return begin(connection, (struct upload **)request);
	if (*length) {
		if (*length > upload->expected - upload->length)
			return MHD_NO;
		memcpy(upload->body + upload->length, data, *length);
		upload->length += *length;
		*length = 0;
		return MHD_YES;
	}
	return handle(server, connection,
		      &(struct ctl_call) {
			      .world = server->world,
			      .method = method,
			      .path = url,
			      .body = upload->body,
			      .length = upload->length,
		      });
}

static void completed(void *user, struct MHD_Connection *connection, void **request,
		      enum MHD_RequestTerminationCode how)
{
	(void)user;
	(void)connection;
	(void)how;
	free(*request);
	*request = NULL;
}

/* ---- Life ------------------------------------------------------------------------------- */

int ctl_server_new(int socket, gid_t group, const struct ctl_world *world, struct ctl_server **ret,
		   struct mpol_error *err)
{
	_cleanup_(ctl_server_freep) struct ctl_server *server = calloc(1, sizeof(*server));
	const union MHD_DaemonInfo *info;

	if (!server)
		return error_errno(err, -ENOMEM, "serve HTTP");
	server->world = world;
	server->group = group;
	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, answer, server, MHD_OPTION_LISTEN_SOCKET, socket,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CTL_CONNECTIONS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CTL_HEADER_BYTES,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)CTL_TIMEOUT_S,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, connected, server, MHD_OPTION_END);
	info = server->daemon ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)
			      : NULL;
	if (!info)
		return error_set(err, -EIO, "serve HTTP", "libmicrohttpd did not start");
	server->epoll = info->epoll_fd;
	*ret = steal_pointer(&server);
	return 0;
}

void ctl_server_free(struct ctl_server *server)
{
	if (!server)
		return;
	/* It would close the listening socket, which is the caller's. */
	if (server->daemon) {
		MHD_quiesce_daemon(server->daemon);
		MHD_stop_daemon(server->daemon);
	}
	free(server);
}

int ctl_server_fd(const struct ctl_server *server)
{
	return server->epoll;
}

uint64_t ctl_server_rest_ns(const struct ctl_server *server)
{
	MHD_UNSIGNED_LONG_LONG ms;

	return MHD_get_timeout(server->daemon, &ms) == MHD_YES ? ms * NS_PER_MS : UINT64_MAX;
}

void ctl_server_serve(struct ctl_server *server)
{
	MHD_run(server->daemon);
}
