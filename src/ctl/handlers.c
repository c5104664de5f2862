/* SPDX-License-Identifier: MIT */
/*
 * The rows' handlers: each reads its body, asks the world, and writes the answer down.  Rights
 * that a row needs have been checked; what is the caller's own, the world knows.
 */
#include "handlers.h"

#include <errno.h>
#include <stdlib.h>

#include "bodies.h"
#include "cleanup.h"
#include "documents.h"
#include "error.h"

/* The document, or what its lack means. */
static int give(json_t *document, json_t **ret_document, struct mpol_error *err)
{
	if (!document)
		return error_errno(err, -ENOMEM, "write the answer");
	*ret_document = document;
	return 0;
}

int handle_table(const struct ctl_call *call, json_t **ret_document, struct mpol_error *err)
{
	json_t *requests = json_array();

	(void)call;
	for (const struct ctl_row *row = ctl_rows; row->method; row++)
		json_array_append_new(requests, json_pack("{s:s, s:s, s:s, s:s}", "method",
							  row->method, "path", row->path, "right",
							  ctl_right_name(row->right), "sentence",
							  row->sentence));
	return give(json_pack("{s:o}", "requests", requests), ret_document, err);
}

int handle_status(const struct ctl_call *call, json_t **ret_document, struct mpol_error *err)
{
	_cleanup_free_ struct ctl_status *status = calloc(1, sizeof(*status));

	if (!status)
		return error_errno(err, -ENOMEM, "write the answer");
	call->world->status(call->world->user, status);
	return give(ctl_status_json(status), ret_document, err);
}

static void append_decision(const struct ctl_decision *decision, void *to)
{
	json_array_append_new(to, ctl_decision_json(decision));
}

int handle_decisions(const struct ctl_call *call, json_t **ret_document, struct mpol_error *err)
{
	json_t *decisions = json_array();

	call->world->decisions(call->world->user, append_decision, decisions);
	return give(json_pack("{s:o}", "decisions", decisions), ret_document, err);
}

static void append_target(const struct ctl_target *target, void *to)
{
	json_array_append_new(to, ctl_target_json(target));
}

int handle_list(const struct ctl_call *call, json_t **ret_document, struct mpol_error *err)
{
	json_t *targets = json_array();

	call->world->targets(call->world->user, call->caller, append_target, targets);
	return give(json_pack("{s:o}", "targets", targets), ret_document, err);
}

int handle_add(const struct ctl_call *call, json_t **ret_document, struct mpol_error *err)
{
	_cleanup_free_ struct ctl_target_body *body = malloc(sizeof(*body));
	uint32_t id;
	int r;

	if (!body)
		return error_errno(err, -ENOMEM, "read the request");
	r = ctl_parse_target(call->body, call->length, body, err);
	/* Compiling an expression can be made to cost any time and memory. */
	if (r == 0 && body->wanted.selector.match && !call->caller->manages) {
		r = error_set(err, -EPERM, "check the caller's rights", "user %u may not",
			      call->caller->uid);
		error_on(err, "match %.200s", body->name);
		error_advise(err, "name processes by pid, tree, cgroup or unit; root and members "
				  "of the group mpol may");
	}
	if (r == 0)
		r = call->world->add(call->world->user, call->caller, &body->wanted, &id, err);
	if (r < 0)
		return r;
	return give(json_pack("{s:I}", "id", (json_int_t)id), ret_document, err);
}

int handle_remove(const struct ctl_call *call, json_t **ret_document, struct mpol_error *err)
{
	int r = call->world->remove(call->world->user, call->caller, call->id, err);

	return r < 0 ? r : give(json_object(), ret_document, err);
}

int handle_hint(const struct ctl_call *call, json_t **ret_document, struct mpol_error *err)
{
	struct ctl_hinted_range range;
	int r = ctl_parse_hint(call->body, call->length, &range, err);

	if (r == 0)
		r = call->world->hint(call->world->user, &range, err);
	return r < 0 ? r : give(json_object(), ret_document, err);
}

int handle_pause(const struct ctl_call *call, json_t **ret_document, struct mpol_error *err)
{
	char reason[CTL_REASON_BYTES];
	int r = ctl_parse_reason(call->body, call->length, reason, err);

	if (r < 0)
		return r;
	call->world->pause(call->world->user, reason);
	return give(json_object(), ret_document, err);
}

int handle_resume(const struct ctl_call *call, json_t **ret_document, struct mpol_error *err)
{
	call->world->resume(call->world->user);
	return give(json_object(), ret_document, err);
}
