/* SPDX-License-Identifier: MIT */
/* The table of requests: who may ask what, what reaches the daemon, what is answered. */
#include "cmocka-all.h"

#include "fake-world.h"
#include "requests.h"

static const struct ctl_caller root = { .manages = true };
static const struct ctl_caller user = { .uid = 1000, .gid = 1000 };

#define HINT "{\"pid\": 5, \"range\": \"1000-3000\", \"hint\": \"cold\"}"

static json_t *document; /* of the last answer */

static unsigned int ask(const struct ctl_caller *caller, const char *method, const char *path,
			const char *body)
{
	const struct ctl_call call = {
		.world = &fake_world,
		.caller = caller,
		.method = method,
		.path = path,
		.body = body,
		.length = strlen(body),
	};

	json_decref(document);
	document = NULL;
	return ctl_handle(&call, &document);
}

static const char *code(void)
{
	const char *text = NULL;

	json_unpack(document, "{s:{s:s}}", "error", "code", &text);
	return text ? text : "none";
}

static int start(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	return 0;
}

static int end(void **state)
{
	(void)state;
	json_decref(document);
	document = NULL;
	return 0;
}

/* Every row: what it needs, and what callers without that get. */
static void everybody_gets_what_is_his_right(void **state)
{
	unsigned nr = 0;

	(void)state;
	for (const struct ctl_row *row = ctl_rows; row->method; row++, nr++) {
		const char *path = strstr(row->path, "/ID") ? "/v1/targets/1" : row->path;
		const char *body = !strcmp(path, "/v1/targets") ? "{\"pid\": 5}"
				   : !strcmp(path, "/v1/hints") ? HINT
								: "";
		const unsigned int wanted = row->right == CTL_MANAGE ? 403 : 200;

		assert_int_equal(ask(&root, row->method, path, body), 200);
		assert_int_equal(ask(&user, row->method, path, body), wanted);
		assert_string_equal(code(), wanted == 403 ? "EPERM" : "none");
	}
	assert_int_equal(nr, 9);
	assert_int_equal(ask(&root, "GET", "/v1/", ""), 200);
	assert_int_equal(json_array_size(json_object_get(document, "requests")), nr);
}

static void what_is_not_there_is_said(void **state)
{
	static const char *const none[] = { "",
					    "/",
					    "/v1",
					    "/v1/statu",
					    "/v1/status/",
					    "/v1/targets/",
					    "/v1/targets/x",
					    "/v1/targets/-1",
					    "/v1/targets/1/2",
					    "/v1/targets/1\n",
					    "/v1/targets/4294967296",
					    "/v1/targets/ID" };

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		assert_int_equal(ask(&root, "DELETE", none[i], ""), 404);
		assert_string_equal(code(), "ENOENT");
	}
	assert_int_equal(ask(&root, "DELETE", "/v1/status", ""), 405);
	assert_int_equal(ask(&root, "get", "/v1/status", ""), 405);
	assert_int_equal(ask(&root, "GET", "/v1/targets/1", ""), 405);
	assert_int_equal(fake.removed, 0);
	assert_int_equal(ask(&root, "DELETE", "/v1/targets/4294967295", ""), 200);
	assert_int_equal(fake.removed, UINT32_MAX);
}

static void targets_are_added_and_removed(void **state)
{
	json_int_t id = 0;

	(void)state;
	assert_int_equal(ask(&user, "POST", "/v1/targets", "{\"pid\": 42}"), 200);
	assert_int_equal(json_unpack(document, "{s:I}", "id", &id), 0);
	assert_int_equal(id, 1);
	assert_int_equal(fake.pid, 42);
	assert_false(fake.by_manager);
	assert_int_equal(fake.huge_pages, CTL_HUGE_UNSAID);
	assert_int_equal(ask(&root, "POST", "/v1/targets",
			     "{\"match\": \"re.*\", \"huge_pages\": \"split\"}"),
			 200);
	assert_int_equal(fake.huge_pages, CTL_HUGE_SPLIT);
	assert_string_equal(fake.match, "re.*");
	assert_true(fake.by_manager);
	/* Expressions are a manager's only. */
	assert_int_equal(ask(&user, "POST", "/v1/targets", "{\"match\": \"re.*\"}"), 403);
	assert_int_equal(fake.nr_added, 2);
	fake.error = -ESRCH;
	assert_int_equal(ask(&root, "POST", "/v1/targets", "{\"pid\": 42}"), 404);
	assert_string_equal(code(), "ESRCH");
	fake.error = -ENOENT;
	assert_int_equal(ask(&root, "DELETE", "/v1/targets/7", ""), 404);
	assert_int_equal(fake.removed, 7);
}

static void a_bad_body_reaches_nobody(void **state)
{
	(void)state;
	assert_int_equal(ask(&root, "POST", "/v1/targets", ""), 400);
	assert_int_equal(ask(&root, "POST", "/v1/targets", "{}"), 400);
	assert_int_equal(ask(&root, "POST", "/v1/targets", "{\"pid\": 0}"), 400);
	assert_string_equal(code(), "EINVAL");
	assert_int_equal(fake.nr_added, 0);
	assert_int_equal(ask(&root, "POST", "/v1/pause", "{\"reson\": \"x\"}"), 400);
	assert_false(fake.is_paused);
}

static void hints_reach_the_daemon(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"{\"pid\": 5, \"range\": \"1000-3000\"}",
		"{\"pid\": 5, \"range\": \"1000-3000\", \"hint\": \"warm\"}",
		"{\"pid\": 5, \"range\": \"1000-3000\", \"hint\": 1}",
		"{\"pid\": 5, \"range\": \"1000-3000\", \"hunt\": \"hot\"}",
		"{\"pid\": 5, \"range\": \"3000-1000\", \"hint\": \"hot\"}",
		"{\"pid\": 5, \"range\": \"1000\", \"hint\": \"hot\"}",
		"{\"pid\": 5, \"range\": \"-1000\", \"hint\": \"hot\"}",
		"{\"pid\": 5, \"range\": \"1000-10000000000000000\", \"hint\": \"hot\"}",
		"{\"pid\": 0, \"range\": \"1000-3000\", \"hint\": \"hot\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(ask(&root, "POST", "/v1/hints", bad[i]), 400);
	assert_int_equal(fake.hinted.pid, 0);
	assert_int_equal(ask(&root, "POST", "/v1/hints", HINT), 200);
	assert_int_equal(fake.hinted.pid, 5);
	assert_int_equal(fake.hinted.start, 0x1000);
	assert_int_equal(fake.hinted.end, 0x3000);
	assert_int_equal(fake.hinted.hint, CTL_HINT_COLD);
}

static void a_pause_has_a_reason(void **state)
{
	const char *reason = NULL;
	int paused = 0;

	(void)state;
	assert_int_equal(ask(&root, "POST", "/v1/pause", "{\"reason\": \"backup\"}"), 200);
	assert_int_equal(ask(&user, "GET", "/v1/status", ""), 200);
	assert_int_equal(
		json_unpack(document, "{s:b, s:s}", "paused", &paused, "pause_reason", &reason), 0);
	assert_true(paused);
	assert_string_equal(reason, "backup");
	assert_int_equal(ask(&root, "POST", "/v1/pause", ""), 200);
	assert_int_equal(ask(&root, "GET", "/v1/status", ""), 200);
	assert_true(json_is_null(json_object_get(document, "pause_reason")));
	assert_int_equal(ask(&root, "POST", "/v1/resume", ""), 200);
	assert_false(fake.is_paused);
}

static void the_status_is_whole(void **state)
{
	json_int_t failed, moved, scan, tier;
	json_t *other_tier, *from;

	(void)state;
	assert_int_equal(ask(&user, "GET", "/v1/status", ""), 200);
	assert_int_equal(json_unpack(document,
				     "{s:{s:{s:I}, s:[{s:I, s:s}, {s:o, s:s}]}, s:[{s:I}, {s:o}],"
				     " s:[i, I]}",
				     "moves", "failed_pages", "EBUSY", &failed, "flows",
				     "moved_pages", &moved, "reason", &(const char *) { NULL },
				     "from", &from, "reason", &(const char *) { NULL }, "nodes",
				     "tier", &tier, "tier", &other_tier, "scans_ns", &(int) { 0 },
				     &scan),
			 0);
	assert_true(json_is_true(json_object_get(document, "pressed")));
	assert_true(json_is_false(json_object_get(document, "dry_run")));
	assert_int_equal(failed, 2);
	assert_int_equal(moved, 3);
	assert_int_equal(scan, 400);
	assert_int_equal(tier, 1);
	assert_true(json_is_null(other_tier));
	assert_true(json_is_null(from));
}

static void lists_are_whole(void **state)
{
	const char *unit = NULL, *tracker = NULL;
	json_int_t pid, heat;

	(void)state;
	assert_int_equal(ask(&user, "GET", "/v1/targets", ""), 200);
	assert_int_equal(json_array_size(json_object_get(document, "targets")), 1);
	assert_int_equal(ask(&root, "GET", "/v1/targets", ""), 200);
	assert_int_equal(json_unpack(document, "{s:[{s:I, s:[{s:s}]}, {s:s}]}", "targets", "pid",
				     &pid, "processes", "tracker", &tracker, "unit", &unit),
			 0);
	assert_string_equal(tracker, "damon");
	assert_int_equal(pid, 5);
	assert_string_equal(unit, "a\xef\xbf\xbd"); /* whatever it is called, it is JSON */
	assert_int_equal(ask(&user, "GET", "/v1/decisions", ""), 200);
	assert_int_equal(json_array_size(json_object_get(document, "decisions")), 3);
	assert_int_equal(json_unpack(json_array_get(json_object_get(document, "decisions"), 2),
				     "{s:[{s:I}]}", "edges", "promote_heat", &heat),
			 0);
	assert_int_equal(heat, 200);
}

static void errors_have_a_status(void **state)
{
	static const struct {
		int code;
		unsigned int status;
	} all[] = { { -EINVAL, 400 },	  { -EPERM, 403 },  { -EACCES, 403 }, { -ENOENT, 404 },
		    { -ESRCH, 404 },	  { -ENOTTY, 405 }, { -EEXIST, 409 }, { -E2BIG, 413 },
		    { -EOPNOTSUPP, 422 }, { -EDQUOT, 429 }, { -EIO, 500 },    { -ENOMEM, 503 } };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		assert_int_equal(ctl_http_status(all[i].code), all[i].status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everybody_gets_what_is_his_right, start, end),
		cmocka_unit_test_setup_teardown(what_is_not_there_is_said, start, end),
		cmocka_unit_test_setup_teardown(targets_are_added_and_removed, start, end),
		cmocka_unit_test_setup_teardown(a_bad_body_reaches_nobody, start, end),
		cmocka_unit_test_setup_teardown(hints_reach_the_daemon, start, end),
		cmocka_unit_test_setup_teardown(a_pause_has_a_reason, start, end),
		cmocka_unit_test_setup_teardown(the_status_is_whole, start, end),
		cmocka_unit_test_setup_teardown(lists_are_whole, start, end),
		cmocka_unit_test(errors_have_a_status),
	};

	return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
