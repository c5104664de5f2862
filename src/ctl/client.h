/* SPDX-License-Identifier: MIT */
/* Asking a running daemon (requests.h) over its Unix socket. */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <jansson.h>
#include <mpol/mpol.h>

/* How long an answer may take: the daemon may be in the middle of a look at much memory. */
#define CTL_ANSWER_S 60

/*
 * body: NULL, or what goes along; the caller's.  *ret_document: the caller's to release.
 * Errors: what the daemon says; -ECONNREFUSED: none listens there; -EACCES: it may not be reached;
 * -ETIMEDOUT; -ENAMETOOLONG; -EBADMSG: it is no mpold that answers; -EIO, -ENOMEM.
 */
int ctl_ask(const char *socket, const char *method, const char *path, const json_t *body,
	    json_t **ret_document, struct mpol_error *err);

#endif
