/* SPDX-License-Identifier: MIT */
/* Bodies of requests: see bodies.h. */
#include "bodies.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <jansson.h>

#include "cleanup.h"
#include "documents.h"
#include "error.h"
#include "requests.h"
#include "text.h"

static int refuse(struct mpol_error *err, const char *key, const char *cause)
{
	error_set(err, -EINVAL, "read the request", "%s", cause);
	if (*key)
		error_on(err, "key \"%.64s\"", key);
	return -EINVAL;
}

/* The body as an object of one level; -EINVAL, -E2BIG. */
static int parse_object(const char *body, size_t length, json_t **ret, struct mpol_error *err)
{
	_cleanup_(json_decrefp) json_t *object = NULL;
	json_error_t why;
	const char *key;
	json_t *value;

	if (length > CTL_BODY_BYTES) {
		error_set(err, -E2BIG, "read the request", "its body is longer than %d bytes",
			  CTL_BODY_BYTES);
		return -E2BIG;
	}
	object = json_loadb(body, length, JSON_REJECT_DUPLICATES, &why);
	if (!object) {
		error_set(err, -EINVAL, "read the request", "not JSON: line %d, column %d: %s",
			  why.line, why.column, why.text);
		return -EINVAL;
	}
	if (!json_is_object(object))
		return refuse(err, "", "not a JSON object");
	json_object_foreach(
		object, key,
		value) if (json_is_object(value) ||
			   json_is_array(value)) return refuse(err, key,
							       "takes a number or a string");
	*ret = steal_pointer(&object);
	return 0;
}

static int parse_pid(const char *key, const json_t *value, pid_t *ret, struct mpol_error *err)
{
	if (!json_is_integer(value) || json_integer_value(value) <= 0 ||
	    json_integer_value(value) > INT32_MAX)
		return refuse(err, key, "not a process id");
	*ret = (pid_t)json_integer_value(value);
	return 0;
}

/* jansson takes no U+0000 in strings, so length and text agree. */
static int parse_string(const char *key, const json_t *value, char *ret, size_t size,
			struct mpol_error *err)
{
	if (!json_is_string(value))
		return refuse(err, key, "not a string");
	if (json_string_length(value) == 0)
		return refuse(err, key, "is empty");
	if (json_string_length(value) >= size)
		return refuse(err, key, "is too long");
	memcpy(ret, json_string_value(value), json_string_length(value) + 1);
	return 0;
}

static int parse_huge(const char *key, const json_t *value, enum ctl_huge *ret,
		      struct mpol_error *err)
{
	if (json_is_string(value) && ctl_parse_huge(json_string_value(value), ret) == 0)
		return 0;
	return refuse(err, key, "not whole or split");
}

static int parse_target_key(const char *key, const json_t *value, struct ctl_target_body *ret,
			    struct mpol_error *err)
{
	struct mpol_selector *selector = &ret->wanted.selector;

	if (!strcmp(key, "huge_pages"))
		return parse_huge(key, value, &ret->wanted.huge_pages, err);
	if (!strcmp(key, "pid"))
		return parse_pid(key, value, &ret->wanted.pid, err);
	if (!strcmp(key, "tree"))
		return parse_pid(key, value, &selector->tree, err);
	if (!strcmp(key, "cgroup"))
		selector->cgroup = ret->name;
	else if (!strcmp(key, "unit"))
		selector->unit = ret->name;
	else if (!strcmp(key, "match"))
		selector->match = ret->name;
	else
		return refuse(err, key, "there is no such key");
	return parse_string(key, value, ret->name, sizeof(ret->name), err);
}

int ctl_parse_target(const char *body, size_t length, struct ctl_target_body *ret,
		     struct mpol_error *err)
{
	_cleanup_(json_decrefp) json_t *object = NULL;
	const char *key;
	json_t *value;
	int r = parse_object(body, length, &object, err);

	ret->wanted = (struct ctl_wanted) { .selector.size = sizeof(ret->wanted.selector) };
	if (r == 0 && json_object_size(object) - !!json_object_get(object, "huge_pages") != 1)
		r = refuse(err, "", "it must say whom, in one way");
	if (r == 0)
		json_object_foreach(object, key, value)
		{
			if (r == 0)
				r = parse_target_key(key, value, ret, err);
		}
	if (r == -EINVAL)
		error_advise(err,
			     "one of {\"pid\": 42}, {\"tree\": 42}, {\"cgroup\": \"PATH\"}, "
			     "{\"unit\": \"NAME\"}, {\"match\": \"REGEXP\"}; beside it perhaps "
			     "\"huge_pages\": \"split\"");
	return r;
}

/* Of /proc/PID/maps: "START-END", hexadecimal. */
static int parse_range(const char *key, const json_t *value, struct ctl_hinted_range *ret,
		       struct mpol_error *err)
{
	char text[40], *dash;
	int r = parse_string(key, value, text, sizeof(text), err);

	if (r < 0)
		return r;
	dash = strchr(text, '-');
	if (!dash)
		return refuse(err, key, "not a range of addresses");
	*dash = '\0';
	if (parse_u64(text, 16, &ret->start) < 0 || parse_u64(dash + 1, 16, &ret->end) < 0 ||
	    ret->start >= ret->end)
		return refuse(err, key, "not a range of addresses");
	return 0;
}

static int parse_hint(const char *key, const json_t *value, enum ctl_hint *ret,
		      struct mpol_error *err)
{
	static const char *const names[] = {
		[CTL_HINT_NONE] = "none",
		[CTL_HINT_HOT] = "hot",
		[CTL_HINT_COLD] = "cold",
		[CTL_HINT_PINNED] = "pinned",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (json_is_string(value) && !strcmp(json_string_value(value), names[i])) {
			*ret = (enum ctl_hint)i;
			return 0;
		}
	return refuse(err, key, "not hot, cold, pinned or none");
}

int ctl_parse_hint(const char *body, size_t length, struct ctl_hinted_range *ret,
		   struct mpol_error *err)
{
	_cleanup_(json_decrefp) json_t *object = NULL;
	struct ctl_hinted_range range = { 0 };
	int r = parse_object(body, length, &object, err);

	if (r == 0 && json_object_size(object) != 3)
		r = refuse(err, "", "it must say of what memory, and what");
	if (r == 0)
		r = parse_pid("pid", json_object_get(object, "pid"), &range.pid, err);
	if (r == 0)
		r = parse_range("range", json_object_get(object, "range"), &range, err);
	if (r == 0)
		r = parse_hint("hint", json_object_get(object, "hint"), &range.hint, err);
	if (r == 0)
		*ret = range;
	if (r == -EINVAL)
		error_advise(err, "{\"pid\": 42, \"range\": \"START-END\", \"hint\": "
				  "\"hot\"}, addresses as in /proc/PID/maps");
	return r;
}

int ctl_parse_reason(const char *body, size_t length, char ret_reason[CTL_REASON_BYTES],
		     struct mpol_error *err)
{
	_cleanup_(json_decrefp) json_t *object = NULL;
	const char *key;
	json_t *value;
	int r;

	*ret_reason = '\0';
	if (length == 0)
		return 0;
	r = parse_object(body, length, &object, err);
	if (r == 0)
		json_object_foreach(object, key, value) if (r == 0) r =
			strcmp(key, "reason")
				? refuse(err, key, "there is no such key")
				: parse_string(key, value, ret_reason, CTL_REASON_BYTES, err);
	if (r == -EINVAL)
		error_advise(err, "nothing, or {\"reason\": \"TEXT\"} of less than %d bytes",
			     CTL_REASON_BYTES);
	return r;
}
