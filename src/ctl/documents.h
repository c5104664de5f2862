/* SPDX-License-Identifier: MIT */
/* What the world tells (ctl-world.h), as JSON.  Each returns a document, or NULL: no memory. */
#ifndef CTL_DOCUMENTS_H
#define CTL_DOCUMENTS_H

#include <jansson.h>

#include "ctl-world.h"

json_t *ctl_status_json(const struct ctl_status *status);
json_t *ctl_target_json(const struct ctl_target *target);
json_t *ctl_decision_json(const struct ctl_decision *decision);

/* "whole" or "split", as documents have it.  Returns 0, or -EINVAL: neither of both. */
int ctl_parse_huge(const char *text, enum ctl_huge *ret);

/* Puts into the object whom a target means, by the name that he was asked for with: the process, or
 * where pid is 0 what is set of the selector. */
void ctl_put_target_name(json_t *object, pid_t pid, const struct mpol_selector *selector);

#endif
