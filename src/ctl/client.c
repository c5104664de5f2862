/* SPDX-License-Identifier: MIT */
/* A client of the daemon: see client.h.  The protocol is libcurl's. */
#include "client.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include <curl/curl.h>

#include "cleanup.h"
#include "error-json.h"
#include "error.h"
#include "text.h"

/* More than any answer: a status of a machine with thousands of targets. */
#define MOST_BYTES (64UL << 20)

DEFINE_CLEANUP(CURL *, curl_easy_cleanup);
DEFINE_CLEANUP(struct curl_slist *, curl_slist_free_all);

static size_t take(char *data, size_t one, size_t length, void *user)
{
	struct text *answer = user;

	(void)one;
	if (answer->length + length > MOST_BYTES)
		return 0;
	text_append(answer, data, length);
	return answer->error ? 0 : length;
}

static int cannot_reach(CURL *curl, CURLcode code, const char *socket, struct mpol_error *err)
{
	long cause = 0;
	int r;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &cause);
	if (code == CURLE_OPERATION_TIMEDOUT) {
		r = error_errno(err, -ETIMEDOUT, "ask mpold");
		error_advise(err, "its log says what it is doing");
	} else if (code == CURLE_COULDNT_CONNECT && cause == EACCES) {
		r = error_errno(err, -EACCES, "reach mpold");
		error_advise(err, "be root, or a member of the group that has the socket");
	} else if (code == CURLE_COULDNT_CONNECT) {
		r = error_set(err, -ECONNREFUSED, "reach mpold", "none listens there");
		error_advise(
			err,
			"start mpold --socket %s; or name the socket that it has: --socket PATH",
			socket);
	} else {
		r = error_set(err, -EIO, "ask mpold", "%s", curl_easy_strerror(code));
	}
	error_on(err, "%s", socket);
	return r;
}

static int read_answer(const struct text *answer, long status, const char *socket,
		       json_t **ret_document, struct mpol_error *err)
{
	json_t *document = json_loadb(answer->data ? answer->data : "", answer->length, 0, NULL);
	struct mpol_error said;

	if (document && status / 100 == 2) {
		*ret_document = document;
		return 0;
	}
	if (document && error_from_json(json_object_get(document, "error"), &said)) {
		if (err)
			*err = said;
	} else {
		said.code = -EBADMSG;
		error_set(err, -EBADMSG, "ask mpold", "the answer is not what mpold would say");
		error_on(err, "%s", socket);
	}
	json_decref(document);
	return said.code;
}

int ctl_ask(const char *socket, const char *method, const char *path, const json_t *body,
	    json_t **ret_document, struct mpol_error *err)
{
	_cleanup_(curl_easy_cleanupp) CURL *curl = curl_easy_init();
	_cleanup_(curl_slist_free_allp) struct curl_slist *headers =
		curl_slist_append(NULL, "Content-Type: application/json");
	_cleanup_(text_free) struct text answer = { 0 }, url = { 0 };
	_cleanup_free_ char *sent = body ? json_dumps(body, JSON_COMPACT) : NULL;
	long status = 0;
	CURLcode code;

	text_printf(&url, "http://mpold%s", path);
	if (strlen(socket) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		error_errno(err, -ENAMETOOLONG, "reach mpold");
		error_on(err, "%s", socket);
		return -ENAMETOOLONG;
	}
	if (!curl || !headers || url.error || (body && !sent))
		return error_errno(err, -ENOMEM, "ask mpold");
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(curl, CURLOPT_URL, url.data);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)CTL_ANSWER_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	if (sent) {
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, sent);
	}
	code = curl_easy_perform(curl);
	if (answer.error)
		return error_errno(err, -ENOMEM, "ask mpold");
	if (code != CURLE_OK)
		return cannot_reach(curl, code, socket, err);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return read_answer(&answer, status, socket, ret_document, err);
}
