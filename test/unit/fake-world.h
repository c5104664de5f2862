/* SPDX-License-Identifier: MIT */
/* A daemon that requests can be about (ctl-world.h): it does nothing, and remembers what it was
 * asked. */
#ifndef TEST_FAKE_WORLD_H
#define TEST_FAKE_WORLD_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ctl-world.h"
#include "error.h"

static struct {
	bool is_paused;
	struct ctl_hinted_range hinted;
	char reason[256];
	pid_t pid;
	enum ctl_huge huge_pages;
	char match[64];
	bool by_manager;
	unsigned nr_added;
	uint32_t removed;
	int error; /* of add and remove */
} fake;

static void fake_status(void *user, struct ctl_status *ret)
{
	(void)user;
	*ret = (struct ctl_status) {
		.version = "1.2",
		.pid = 7,
		.tracker = "t",
		.tracker_summary = "s",
		.tracker_reason = "r",
		.rule = "u",
		.rule_summary = "m",
		.is_paused = fake.is_paused,
		.is_pressed = true,
		.pause_reason = fake.reason,
		.nodes = { { .id = 3, .tier = 1, .capacity_bytes = 4096, .free_bytes = 10 },
			   { .id = 4, .tier = -1 } },
		.nr_nodes = 2,
		.rounds = 9,
		.scans_ns = { 100, 400 },
		.nr_scans = 2,
		.moves = { .tried_pages = 5,
			   .moved_pages = 3,
			   .failed_pages = { [EBUSY] = 2 },
			   .flows = { { 3, 4, true, 5, 3, 2 }, { -1, -1, false, 1, 1, 0 } },
			   .nr_flows = 2 },
	};
}

static void fake_targets(void *user, const struct ctl_caller *caller,
			 void (*tell)(const struct ctl_target *target, void *to), void *to)
{
	const struct mpol_selector selector = { .unit = "a\xff" };
	const struct ctl_process process = { .pid = 5, .pages = 6, .tracker = "damon" };

	(void)user;
	tell(&(struct ctl_target) { .id = 1,
				    .pid = 5,
				    .is_confined = true,
				    .uid = caller->uid,
				    .processes = &process,
				    .nr_processes = 1 },
	     to);
	if (caller->manages)
		tell(&(struct ctl_target) { .id = 2, .selector = &selector }, to);
}

static int fake_add(void *user, const struct ctl_caller *caller, const struct ctl_wanted *wanted,
		    uint32_t *ret_id, struct mpol_error *err)
{
	const char *match = wanted->selector.match;

	(void)user;
	if (fake.error)
		return error_errno(err, fake.error, "add");
	fake.pid = wanted->pid;
	fake.huge_pages = wanted->huge_pages;
	snprintf(fake.match, sizeof(fake.match), "%s", match ? match : "");
	fake.by_manager = caller->manages;
	*ret_id = ++fake.nr_added;
	return 0;
}

static int fake_remove(void *user, const struct ctl_caller *caller, uint32_t id,
		       struct mpol_error *err)
{
	(void)user;
	(void)caller;
	fake.removed = id;
	return fake.error ? error_errno(err, fake.error, "remove") : 0;
}

static int fake_hint(void *user, const struct ctl_hinted_range *range, struct mpol_error *err)
{
	(void)user;
	(void)err;
	fake.hinted = *range;
	return 0;
}

static void fake_pause(void *user, const char *reason)
{
	(void)user;
	fake.is_paused = true;
	snprintf(fake.reason, sizeof(fake.reason), "%s", reason);
}

static void fake_resume(void *user)
{
	(void)user;
	fake.is_paused = false;
	*fake.reason = '\0';
}

static void fake_decisions(void *user, void (*tell)(const struct ctl_decision *decision, void *to),
			   void *to)
{
	(void)user;
	for (uint64_t round = 0; round < 3; round++)
		tell(&(struct ctl_decision) { .round = round,
					      .promote_pages = 8,
					      .edges = { { 0, 200, 100, 5 } },
					      .nr_edges = 1 },
		     to);
}

static const struct ctl_world fake_world = {
	.status = fake_status,
	.targets = fake_targets,
	.add = fake_add,
	.remove = fake_remove,
	.hint = fake_hint,
	.pause = fake_pause,
	.resume = fake_resume,
	.decisions = fake_decisions,
};

#endif
