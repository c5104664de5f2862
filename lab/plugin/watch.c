/* SPDX-License-Identifier: MIT */
/*
 * Driving a measurement.  The channel is opened for each step and closed again,
 * so that marks and other tools get their turn meanwhile.
 */
#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "channel.h"
#include "error.h"
#include "kcore.h"
#include "naming.h"

/* Tasks are named this often, so that few can end before they are. */
#define NAMING_NS 100000000

/* ---- Ranges -------------------------------------------------------------------- */

/* Whether a name of /proc/PID/maps is the one meant. */
static bool is_named(const char *path, const char *name)
{
	const char *last = strrchr(path, '/');

	if (strcmp(name, "heap") == 0)
		return strcmp(path, "[heap]") == 0;
	if (strcmp(name, "stack") == 0)
		return strcmp(path, "[stack]") == 0;
	if (strcmp(name, "anon") == 0)
		return path[0] == '\0';
	return strcmp(path, name) == 0 || (last && strcmp(last + 1, name) == 0);
}

static bool is_wanted(const struct watch *watch, const char *path)
{
	for (size_t i = 0; i < watch->nr_names; i++) {
		if (is_named(path, watch->names[i]))
			return true;
	}
	return false;
}

static int add_range(struct channel *channel, uint64_t start, uint64_t end,
		     struct mpol_error *error)
{
	return channel_call(channel, NULL, error, "range-add %" PRIx64 " %" PRIx64, start, end);
}

/* Adds the named ranges, neighbours as one; their number, or an error. */
static int add_named(const struct watch *watch, struct channel *channel, struct mpol_error *error)
{
	uint64_t start, end, open_start = 0, open_end = 0;
	char path[64], line[4352];
	_cleanup_fclose_ FILE *maps = NULL;
	int r = 0, nr = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", watch->pid);
	maps = fopen(path, "re");
	while (maps && r == 0 && fgets(line, sizeof(line), maps)) {
		int at = 0;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s %n", &start, &end, &at) !=
			    2 ||
		    !is_wanted(watch, line + at))
			continue;
		if (nr && start == open_end) {
			open_end = end;
			continue;
		}
		if (nr++)
			r = add_range(channel, open_start, open_end, error);
		open_start = start;
		open_end = end;
	}
	if (r == 0 && nr)
		r = add_range(channel, open_start, open_end, error);
	return r < 0 ? r : nr;
}

/* Stages what watch asks for. */
static int stage_ranges(const struct watch *watch, struct channel *channel,
			struct mpol_error *error)
{
	int r = channel_call(channel, NULL, error, "range-clear");

	for (size_t i = 0; i < watch->nr_ranges && r == 0; i++)
		r = add_range(channel, watch->ranges[i].start, watch->ranges[i].end, error);
	if (r < 0 || watch->nr_names == 0)
		return r;
	r = add_named(watch, channel, error);
	if (r == 0 && watch->nr_ranges == 0) {
		error_set(error, -ENOENT, "look up ranges", "it has none of that name");
		error_on(error, "process %d", watch->pid);
		error_advise(error, "its ranges are in /proc/%d/maps", watch->pid);
		return -ENOENT;
	}
	return r < 0 ? r : 0;
}

/* ---- Steps ---------------------------------------------------------------------- */

int watch_start(const struct watch *watch, struct mpol_error *error)
{
	_cleanup_(channel_freep) struct channel *channel = NULL;
	int r;

	if (watch->pid > 0 && kill(watch->pid, 0) < 0 && errno == ESRCH) {
		error_errno(error, -ESRCH, "start counting");
		error_on(error, "process %d", watch->pid);
		return -ESRCH;
	}
	r = channel_new(&channel, error);
	if (r == 0)
		r = stage_ranges(watch, channel, error);
	if (r == 0)
		r = channel_call(channel, NULL, error, "start %d %d %" PRIu64, watch->pid,
				 watch->by_page, guest_now_ns());
	return r;
}

static int read_task_offset(struct channel *channel, uint64_t *ret, struct mpol_error *error)
{
	const char *words;
	int r = channel_call(channel, &words, error, "hello");

	if (r == 0 && sscanf(words, "%*u %*u %" SCNu64, ret) != 1)
		return error_set(error, -EBADMSG, "ask the ground truth plugin", "a wrong answer");
	return r;
}

static int name_tasks(const struct watch *watch, struct channel *channel, struct mpol_error *error)
{
	_cleanup_(kcore_freep) struct kcore *kcore = NULL;
	uint64_t offset;
	int r = read_task_offset(channel, &offset, error);

	if (r == 0)
		r = kcore_new(&kcore, error);
	return r < 0 ? r : naming_pass(channel, kcore, offset, watch->pid, error);
}

static int name_now(const struct watch *watch, struct mpol_error *error)
{
	_cleanup_(channel_freep) struct channel *channel = NULL;
	int r = channel_new(&channel, error);

	return r < 0 ? r : name_tasks(watch, channel, error);
}

int watch_tick(const struct watch *watch, struct mpol_error *error)
{
	_cleanup_(channel_freep) struct channel *channel = NULL;
	int r = channel_new(&channel, error);

	if (r < 0)
		return r;
	/* A process without such a range any more keeps the ranges it had. */
	if (watch->nr_names)
		stage_ranges(watch, channel, NULL);
	r = channel_call(channel, NULL, error, "tick %" PRIu64, guest_now_ns());
	if (r == 0)
		r = name_tasks(watch, channel, error);
	return r < 0 ? r : channel_call(channel, NULL, error, "emit");
}

int watch_stop(struct mpol_error *error)
{
	_cleanup_(channel_freep) struct channel *channel = NULL;
	int r = channel_new(&channel, error);

	return r < 0 ? r : channel_call(channel, NULL, error, "stop %" PRIu64, guest_now_ns());
}

/* ---- Following -------------------------------------------------------------------- */

/* Sleeps until then; true if the process has ended or a signal came. */
static bool sleep_until(int pidfd, uint64_t then_ns, const volatile int *stop)
{
	for (;;) {
		struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
		uint64_t now = guest_now_ns();
		struct timespec left;
		int n;

		if (*stop)
			return true;
		if (now >= then_ns)
			return false;
		left.tv_sec = (time_t)((then_ns - now) / 1000000000);
		left.tv_nsec = (long)((then_ns - now) % 1000000000);
		n = ppoll(&poll_fd, 1, &left, NULL);
		if (n > 0)
			return true;
	}
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int watch_follow(const struct watch *watch, const volatile int *stop, struct mpol_error *error)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, watch->pid, 0);
	uint64_t now = guest_now_ns(), end = UINT64_MAX, tick = UINT64_MAX;
	bool over = false;
	int r = 0, stopped;

	if (watch->duration_ns)
		end = now + watch->duration_ns;
	if (watch->interval_ns)
		tick = now + watch->interval_ns;
	while (r == 0 && !over && now < end) {
		over = sleep_until(pidfd, earlier(now + NAMING_NS, earlier(tick, end)), stop);
		now = guest_now_ns();
		if (over || now >= end)
			break;
		if (now < tick) {
			r = name_now(watch, error);
			continue;
		}
		r = watch_tick(watch, error);
		/* Late by whole intervals: leave them out rather than hurry after them. */
		while (tick <= now)
			tick += watch->interval_ns;
	}
	if (r == 0)
		r = watch_tick(watch, error);
	stopped = watch_stop(r < 0 ? NULL : error);
	return r < 0 ? r : stopped;
}
