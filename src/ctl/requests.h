/* SPDX-License-Identifier: MIT */
/*
 * The table of requests: everything that may be asked of a running daemon, one row each.  What
 * HTTP carries comes here as text, and what is to be answered goes back as JSON; the
 * daemon itself is behind struct ctl_world.
 *
 * To add a request: a row in requests.c, its handler in handlers.c, its line in man/mpold.8.scd.
 * Rows are only added: what clients know stays.
 */
#ifndef CTL_REQUESTS_H
#define CTL_REQUESTS_H

#include <stddef.h>

#include <jansson.h>
#include <mpol/mpol.h>

#include "ctl-world.h"

/* Longest body of a request. */
#define CTL_BODY_BYTES 16384

/* What a caller needs. */
enum ctl_right {
	CTL_READ,   /* nothing: everybody may */
	CTL_OWN,    /* nothing, but it reaches the caller's own processes only, unless he manages */
	CTL_MANAGE, /* to manage everything (caller.h) */
};

struct ctl_call {
	const struct ctl_world *world;
	const struct ctl_caller *caller;
	const char *method, *path; /* "GET", "/v1/status" */
	const char *body;	   /* length bytes; may hold anything */
	size_t length;
	uint32_t id; /* of a path that ends in ID, set by ctl_handle */
};

/*
 * Does what is asked.  Returns 0 and the document (NULL: none), or a negative errno with err
 * filled in.
 */
typedef int ctl_handler(const struct ctl_call *call, json_t **ret_document, struct mpol_error *err);

struct ctl_row {
	const char *method;
	const char *path; /* a last part "ID" stands for a number */
	enum ctl_right right;
	const char *sentence;
	ctl_handler *handle;
};

/* All of them; the last one's method is NULL. */
extern const struct ctl_row ctl_rows[];

/* "read", "own", "manage". */
const char *ctl_right_name(enum ctl_right right);

/*
 * Answers a request: *ret_document is its JSON, the caller's to release, perhaps NULL; of an error
 * {"error": …} (error-json.h).  Returns the status of HTTP (RFC 9110, 15).
 */
unsigned int ctl_handle(const struct ctl_call *call, json_t **ret_document);

/* The status of HTTP that an error has. */
unsigned int ctl_http_status(int code);

#endif
