/* SPDX-License-Identifier: MIT */
/* Settings, and what their values may be: see settings.h. */
#include "settings.h"

#include <errno.h>
#include <regex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "grow.h"
#include "rule.h"
#include "text.h"
#include "units.h"

/* ---- One value ------------------------------------------------------------------ */

static int set_bandwidth(struct settings *settings, const char *text)
{
	uint64_t bytes_per_s;

	if (units_parse_bandwidth(text, &bytes_per_s) < 0 || bytes_per_s == 0)
		return -EINVAL;
	settings->manager.tiering.bytes_per_s = bytes_per_s;
	return 0;
}

/* In parts per million. */
static int set_budget(struct settings *settings, const char *text)
{
	char *end;
	double percent = strtod(text, &end);

	if (end == text || strcmp(end, "%") != 0 || !(percent >= 0.01 && percent <= 100))
		return -EINVAL;
	settings->manager.tiering.budget_ppm = (uint64_t)(percent * 10000);
	return 0;
}

static int set_call_time(struct settings *settings, const char *text)
{
	uint64_t ns;

	if (units_parse_duration(text, &ns) < 0 || ns < 1000000 || ns > 1000000000)
		return -EINVAL;
	settings->manager.call_ns = ns;
	return 0;
}

static int set_dry_run(struct settings *settings, const char *text)
{
	const bool dry_run = strcmp(text, "true") == 0;

	if (!dry_run && strcmp(text, "false") != 0)
		return -EINVAL;
	settings->manager.dry_run = dry_run;
	return 0;
}

static int set_huge_pages(struct settings *settings, const char *text)
{
	return huge_say_parse(text, &settings->manager.huge_pages);
}

static int set_kernel_tiering(struct settings *settings, const char *text)
{
	const bool keeps = strcmp(text, "keep") == 0;

	if (!keeps && strcmp(text, "off") != 0)
		return -EINVAL;
	settings->manager.keeps_kernel_tiering = keeps;
	return 0;
}

static int set_rule(struct settings *settings, const char *text)
{
	const struct rule *rule = rule_find(text);

	if (!rule)
		return -EINVAL;
	settings->manager.tiering.rule = rule;
	return 0;
}

static int set_socket(struct settings *settings, const char *text)
{
	if (*text != '/' || strlen(text) >= sizeof(settings->socket))
		return -EINVAL;
	strcpy(settings->socket, text);
	settings->manager.stays = true;
	return 0;
}

static int set_tracker(struct settings *settings, const char *text)
{
	const struct tracker_kind *tracker = tracker_find(text);

	if (!tracker)
		return -EINVAL;
	settings->manager.tracker = tracker;
	return 0;
}

const struct setting settings_scalars[] = {
	{ "bandwidth", "bandwidth", "a bandwidth, such as 500MB/s", set_bandwidth, false },
	{ "budget", "budget", "a share of a CPU from 0.01% to 100%", set_budget, false },
	{ "call_time", "call-time", "a duration from 1ms to 1s", set_call_time, false },
	{ "dry_run", "dry-run", "true or false", set_dry_run, true },
	{ "huge_pages", "huge-pages", "whole or split", set_huge_pages, false },
	{ "kernel_tiering", "kernel-tiering", "off or keep", set_kernel_tiering, false },
	{ "rule", "rule", "one of " RULE_NAMES, set_rule, false },
	{ "socket", "socket", "an absolute path of at most 107 bytes", set_socket, false },
	{ "tracker", "tracker", "one of " TRACKER_NAMES, set_tracker, false },
};

const size_t settings_nr_scalars = sizeof(settings_scalars) / sizeof(*settings_scalars);

/* ---- Targets -------------------------------------------------------------------- */

const char *const settings_kinds[SETTINGS_NR_KINDS] = {
	[SETTINGS_PID] = "pid",	  [SETTINGS_TREE] = "tree",   [SETTINGS_CGROUP] = "cgroup",
	[SETTINGS_UNIT] = "unit", [SETTINGS_MATCH] = "match",
};

const char *const settings_kinds_wanted[SETTINGS_NR_KINDS] = {
	[SETTINGS_PID] = "a process id",
	[SETTINGS_TREE] = "a process id",
	[SETTINGS_CGROUP] = "the path of a control group, such as system.slice/cron.service",
	[SETTINGS_UNIT] = "the name of a systemd unit, such as cron.service",
	[SETTINGS_MATCH] = "an extended regular expression (regex(7))",
};

static bool is_expression(const char *text)
{
	regex_t compiled;

	if (regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	regfree(&compiled);
	return true;
}

/* What the text asks for.  Returns whether it is good. */
static bool make_request(enum settings_kind kind, const char *text, struct roster_request *ret)
{
	struct mpol_selector *selector = &ret->selector;

	selector->size = sizeof(*selector);
	switch (kind) {
	case SETTINGS_PID:
		return parse_process_id(text, &ret->pid) == 0;
	case SETTINGS_TREE:
		return parse_process_id(text, &selector->tree) == 0;
	case SETTINGS_CGROUP:
		selector->cgroup = text;
		return text[strspn(text, "/")] != '\0';
	case SETTINGS_UNIT:
		selector->unit = text;
		return *text && !strchr(text, '/');
	case SETTINGS_MATCH:
		selector->match = text;
		return *text && is_expression(text);
	case SETTINGS_NR_KINDS:
		break;
	}
	return false;
}

static bool same_processes(const struct settings_target *one, const struct settings_target *other)
{
	return one->kind == other->kind && strcmp(one->text, other->text) == 0;
}

bool settings_same_target(const struct settings_target *one, const struct settings_target *other)
{
	return same_processes(one, other) && one->request.huge_pages == other->request.huge_pages;
}

/* The one of the same processes; NULL: there is none. */
static struct settings_target *find_target(const struct settings *settings,
					   const struct settings_target *target)
{
	for (size_t i = 0; i < settings->nr_targets; i++)
		if (same_processes(&settings->targets[i], target))
			return &settings->targets[i];
	return NULL;
}

int settings_add_target(struct settings *settings, enum settings_kind kind, const char *text,
			enum huge_say huge_pages)
{
	_cleanup_free_ char *copy = strdup(text);
	struct settings_target target = { .kind = kind, .text = copy }, *targets, *known;

	if (!copy)
		return -ENOMEM;
	if (!make_request(kind, copy, &target.request))
		return -EINVAL;
	known = find_target(settings, &target);
	if (known && huge_pages != HUGE_UNSAID)
		known->request.huge_pages = huge_pages;
	if (known)
		return 0;
	if (settings->nr_targets == SETTINGS_MOST_TARGETS)
		return -E2BIG;
	targets = grow(settings->targets, settings->nr_targets, &settings->nr_allocated,
		       sizeof(*targets));
	if (!targets)
		return -ENOMEM;
	settings->targets = targets;
	target.request.huge_pages = huge_pages;
	targets[settings->nr_targets++] = target;
	steal_pointer(&copy);
	return 0;
}

/* ---- All of them ---------------------------------------------------------------- */

void settings_begin(struct settings *ret)
{
	*ret = (struct settings) {
		.manager = {
			.tiering = {
				.budget_ppm = 10000,
				.least_period_ns = 100000000,
				.peek_ns = 200000000,
				.bytes_per_s = 1UL << 30,
			},
			.call_ns = 10000000,
			.huge_pages = HUGE_WHOLE,
		},
	};
}

void settings_forget_targets(struct settings *settings)
{
	for (size_t i = 0; i < settings->nr_targets; i++)
		free(settings->targets[i].text);
	free(settings->targets);
	settings->targets = NULL;
	settings->nr_targets = settings->nr_allocated = 0;
}

void settings_end(struct settings *settings)
{
	settings_forget_targets(settings);
}
