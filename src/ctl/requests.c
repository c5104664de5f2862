/* SPDX-License-Identifier: MIT */
/* The table, and how a request finds its row: see requests.h. */
#include "requests.h"

#include <errno.h>
#include <string.h>

#include "error-json.h"
#include "error.h"
#include "handlers.h"
#include "text.h"

#define HTTP_OK			200
#define HTTP_BAD_REQUEST	400
#define HTTP_FORBIDDEN		403
#define HTTP_NOT_FOUND		404
#define HTTP_METHOD_NOT_ALLOWED 405
#define HTTP_CONFLICT		409
#define HTTP_CONTENT_TOO_LARGE	413
#define HTTP_UNPROCESSABLE	422
#define HTTP_TOO_MANY_REQUESTS	429
#define HTTP_INTERNAL_ERROR	500
#define HTTP_NOT_IMPLEMENTED	501
#define HTTP_UNAVAILABLE	503

/* clang-format off */
const struct ctl_row ctl_rows[] = {
	{ "GET", "/v1/", CTL_READ, "this table", handle_table },
	{ "GET", "/v1/status", CTL_READ, "how it is: nodes, processes, pace, counters", handle_status },
	{ "GET", "/v1/decisions", CTL_READ, "the last rounds: what was decided and moved", handle_decisions },
	{ "GET", "/v1/targets", CTL_OWN, "whom it manages, and at which request", handle_list },
	{ "POST", "/v1/targets", CTL_OWN, "manage a process, or those that a selector means", handle_add },
	{ "DELETE", "/v1/targets/ID", CTL_OWN, "let go whom only this request holds", handle_remove },
	{ "POST", "/v1/hints", CTL_MANAGE, "say of a process's memory that it is hot, cold, or to stay", handle_hint },
	{ "POST", "/v1/pause", CTL_MANAGE, "look at nothing and move nothing", handle_pause },
	{ "POST", "/v1/resume", CTL_MANAGE, "go on after a pause", handle_resume },
	{ NULL },
};
/* clang-format on */

const char *ctl_right_name(enum ctl_right right)
{
	switch (right) {
	case CTL_READ:
		return "read";
	case CTL_OWN:
		return "own";
	case CTL_MANAGE:
		break;
	}
	return "manage";
}

unsigned int ctl_http_status(int code)
{
	switch (-code) {
	case EINVAL:
		return HTTP_BAD_REQUEST;
	case EPERM:
	case EACCES:
		return HTTP_FORBIDDEN;
	case ENOENT:
	case ESRCH:
		return HTTP_NOT_FOUND;
	case ENOTTY: /* not a method of what the path names */
		return HTTP_METHOD_NOT_ALLOWED;
	case EEXIST:
	case ENOTUNIQ:
		return HTTP_CONFLICT;
	case E2BIG:
		return HTTP_CONTENT_TOO_LARGE;
	case EOPNOTSUPP:
		return HTTP_UNPROCESSABLE;
	case EDQUOT:
		return HTTP_TOO_MANY_REQUESTS;
	case ENOSYS:
		return HTTP_NOT_IMPLEMENTED;
	case ENOMEM:
	case ENOSPC:
		return HTTP_UNAVAILABLE;
	default:
		return HTTP_INTERNAL_ERROR;
	}
}

/* Whether the path is the pattern's, and of which id. */
static bool matches(const char *pattern, const char *path, uint32_t *ret_id)
{
	const char *part = strstr(pattern, "/ID");
	const size_t length = part ? (size_t)(part - pattern) + 1 : strlen(pattern);
	uint64_t id;

	if (!part)
		return strcmp(pattern, path) == 0;
	/* The form of parse_u64, but for a final newline. */
	if (strncmp(pattern, path, length) != 0 || strchr(path, '\n') ||
	    parse_u64(path + length, 10, &id) < 0 || id > UINT32_MAX)
		return false;
	*ret_id = (uint32_t)id;
	return true;
}

static int no_row(const struct ctl_call *call, bool has_path, struct mpol_error *err)
{
	const int code = has_path ? -ENOTTY : -ENOENT;

	error_set(err, code, "find the request", "%s",
		  has_path ? "this cannot be done with it" : "there is no such thing");
	error_on(err, "%.16s %.200s", call->method, call->path);
	error_advise(err, "GET /v1/ lists all requests");
	return code;
}

static int find_row(struct ctl_call *call, const struct ctl_row **ret, struct mpol_error *err)
{
	bool has_path = false;

	for (const struct ctl_row *row = ctl_rows; row->method; row++) {
		if (!matches(row->path, call->path, &call->id))
			continue;
		has_path = true;
		if (strcmp(row->method, call->method) == 0) {
			*ret = row;
			return 0;
		}
	}
	return no_row(call, has_path, err);
}

static int check_right(const struct ctl_row *row, const struct ctl_caller *caller,
		       struct mpol_error *err)
{
	if (row->right != CTL_MANAGE || caller->manages)
		return 0;
	error_set(err, -EPERM, "check the caller's rights", "user %u may not", caller->uid);
	error_on(err, "%s %s", row->method, row->path);
	error_advise(err, "root and members of the group mpol may");
	return -EPERM;
}

unsigned int ctl_handle(const struct ctl_call *call, json_t **ret_document)
{
	struct ctl_call found = *call;
	struct mpol_error error = { 0 };
	const struct ctl_row *row;
	json_t *document = NULL;
	int r = find_row(&found, &row, &error);

	if (r == 0)
		r = check_right(row, call->caller, &error);
	if (r == 0)
		r = row->handle(&found, &document, &error);
	if (r < 0)
		document = json_pack("{s:o}", "error", error_to_json(&error));
	*ret_document = document;
	return r < 0 ? ctl_http_status(r) : HTTP_OK;
}
