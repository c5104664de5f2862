/* SPDX-License-Identifier: MIT */
/* Waits that a stop breaks off: see remote-wait.h. */
#include "remote-wait.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "least.h"

#define NS_PER_MS 1000000

/* Enough for /proc/TID/sched of any kernel with all its statistics. */
#define FILE_MAX_BYTES 8192

/* A thread that just wakes or falls asleep does so but for a moment. */
#define MAX_LOOKS 8

/* By how much the scheduler's clock may have fallen behind where it is none to rely on: ticks that
 * were late. */
#define LATE_TICKS_NS 50000000U

#define CLOCK_SOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

/* The place of the CPU in /proc/TID/stat, counted from the field after the name. */
#define STAT_CPU_FIELD 36

static bool read_file(int directory, const char *name, char buffer[FILE_MAX_BYTES])
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, buffer, FILE_MAX_BYTES - 1);
	close(fd);
	if (n <= 0)
		return false;
	buffer[n] = '\0';
	return true;
}

bool wait_parse_syscall(const char *text, struct arch_wait *ret_wait, uint64_t *ret_stack)
{
	struct arch_wait wait;
	uint64_t values[8]; /* number, arguments, stack pointer */
	char *end;

	for (int i = 0; i < 8; i++) {
		values[i] = strtoull(text, &end, 0);
		if (end == text || *text == '-')
			return false;
		text = *end == ' ' ? end + 1 : end;
	}
	wait.number = values[0];
	memcpy(wait.args, values + 1, sizeof(wait.args));
	*ret_wait = wait;
	*ret_stack = values[7];
	return true;
}

/* What follows the colon of the line that begins with name. */
static const char *find_value(const char *text, const char *name)
{
	const char *line = strstr(text, name);
	const char *colon = line ? strchr(line, ':') : NULL;

	return colon ? colon + 1 : NULL;
}

bool wait_parse_sched(const char *text, uint64_t *ret_exec_start_ns, uint64_t *ret_switches)
{
	const char *start = find_value(text, "\nse.exec_start");
	const char *switches = find_value(text, "\nnr_voluntary_switches");
	uint64_t ms, ns;
	char *end;

	if (!start || !switches)
		return false;
	/* Milliseconds with exactly six digits behind the point. */
	ms = strtoull(start, &end, 10);
	if (*end != '.' || strspn(end + 1, "0123456789") != 6 || ms > UINT64_MAX / NS_PER_MS - 1)
		return false;
	ns = strtoull(end + 1, NULL, 10);
	*ret_exec_start_ns = ms * NS_PER_MS + ns;
	*ret_switches = strtoull(switches, NULL, 10);
	return true;
}

/* State and CPU out of /proc/TID/stat (proc(5)). */
static bool parse_stat(const char *stat, char *ret_state, int *ret_cpu)
{
	const char *name_end = strrchr(stat, ')'), *at = name_end;

	for (int field = 0; at && field <= STAT_CPU_FIELD; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return false;
	*ret_state = name_end[2];
	*ret_cpu = atoi(at);
	return true;
}

/* When the thread last began to run, and how often it has given up its CPU. */
static bool read_sched(int task, uint64_t *ret_started_ns, uint64_t *ret_switches)
{
	char text[FILE_MAX_BYTES];

	return read_file(task, "sched", text) &&
	       wait_parse_sched(text, ret_started_ns, ret_switches);
}

bool wait_clocks_agree(const char *source)
{
	static const char *const others[] = { "hpet", "acpi_pm", "jiffies", "refined-jiffies" };

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (strncmp(source, others[i], strlen(others[i])) == 0)
			return false;
	return true;
}

/* Asked before the stop, which it would make longer. */
static bool read_clocks_agree(void)
{
	char source[FILE_MAX_BYTES];

	return read_file(AT_FDCWD, CLOCK_SOURCE, source) && wait_clocks_agree(source);
}

/* One look; false: the thread ran meanwhile, so what was read may not belong together. */
static bool look_once(int task, struct wait_look *look)
{
	uint64_t started_ns = 0, switches = 0, limit;
	char text[FILE_MAX_BYTES], state = '?';

	*look = (struct wait_look) { 0 };
	look->known = read_sched(task, &look->started_ns, &look->switches);
	look->asleep = read_file(task, "syscall", text) &&
		       wait_parse_syscall(text, &look->wait, &look->stack);
	if (!look->asleep || arch_wait_limit(&look->wait, &limit) <= ARCH_UNLIMITED)
		return true;
	look->clocks_agree = read_clocks_agree();
	look->looked_ns = clock_now_ns();
	look->known = look->known && read_file(task, "stat", text) &&
		      parse_stat(text, &state, &look->cpu) &&
		      read_sched(task, &started_ns, &switches);
	if (!look->known)
		return true;
	/*
	 * On its way out of an earlier stop, perhaps on another CPU, where it has not
	 * begun yet (its start is 0 then): the wait that it will be found in is still to come.
	 */
	if (started_ns == 0 || state == 'R' || state == 't')
		look->asleep = false;
	return !look->asleep || (started_ns == look->started_ns && switches == look->switches);
}

void wait_look(int task, struct wait_look *ret_look)
{
	for (int i = 0; i < MAX_LOOKS; i++)
		if (look_once(task, ret_look))
			return;
	ret_look->known = false;
}

/* The scheduler's clock of a CPU, which is noted as this process gives it up. */
static bool read_clock(int cpu, uint64_t *ret_ns)
{
	char text[FILE_MAX_BYTES];
	uint64_t switches;
	cpu_set_t only;

	CPU_ZERO(&only);
	CPU_SET(cpu, &only);
	if (cpu < 0 || cpu >= CPU_SETSIZE || sched_setaffinity(0, sizeof(only), &only) < 0)
		return false;
	sched_yield();
	return read_file(AT_FDCWD, "/proc/self/sched", text) &&
	       wait_parse_sched(text, ret_ns, &switches);
}

/* Of what the scheduler's clock says, as much as is certain. */
static uint64_t certain_ns(uint64_t elapsed_ns, const struct wait_look *look)
{
	const uint64_t since_look_ns = clock_now_ns() - look->looked_ns;

	if (look->clocks_agree)
		return elapsed_ns;
	elapsed_ns -= least(elapsed_ns, LATE_TICKS_NS);
	return elapsed_ns > since_look_ns ? elapsed_ns : since_look_ns;
}

bool wait_elapsed(int task, const struct wait_look *look, const struct arch_wait *wait,
		  uint64_t stack, uint64_t *ret_elapsed_ns)
{
	uint64_t started_ns, now_ns, switches;

	if (!look->asleep || look->stack != stack ||
	    memcmp(&look->wait, wait, sizeof(*wait)) != 0) {
		/* It has come into the call since: no time has passed. */
		*ret_elapsed_ns = 0;
		return true;
	}
	/* Only the switch away from it at the stop: it has slept in this one call. */
	if (!look->known || !read_sched(task, &started_ns, &switches) ||
	    switches != look->switches + 1)
		return false;
	if (!read_clock(look->cpu, &now_ns) || now_ns < look->started_ns)
		return false;
	*ret_elapsed_ns = certain_ns(now_ns - look->started_ns, look);
	return true;
}
