/* SPDX-License-Identifier: MIT */
/*
 * The state of the one measurement of this QEMU.  Only the control thread calls
 * these functions; what vCPUs share (rules, tasks) changes between gate_pause()
 * and gate_resume().
 *
 * Invariants: entries holds the cut interval's tasks, one each, from
 * session_tick until the next tick, start or stop; tasks are swept only when
 * entries is empty.
 */
#include "session.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "gate.h"
#include "journal.h"
#include "pages.h"

/* What one task counted in the cut interval. */
struct entry {
	struct task *task;
	struct count cells[CELLS];
	struct pages *pages;
	struct entry *next;
};

struct rules rules;

static FILE *journal;
static bool map_proven;
static bool running, rehearsal;
static int target;
static struct range staged[RANGES_MAX];
static unsigned int nr_staged;
static struct entry *entries;
static bool cut; /* an interval is cut and not yet emitted */
static struct interval current, closed, totals;

static uint64_t host_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void session_set_up(FILE *out)
{
	journal = out;
}

bool session_calibrated(void)
{
	return map_proven;
}

bool session_running(void)
{
	return running;
}

static int refuse_while_counting(const char *step, struct mpol_error *error)
{
	if (!running)
		return 0;
	error_set(error, -EBUSY, step, "process %d is being counted", target);
	error_advise(error, "stop that first (truth-ctl stop)");
	return -EBUSY;
}

int session_set_map(const struct nodemap *map, struct mpol_error *error)
{
	int r = refuse_while_counting("set the node map", error);

	if (r < 0)
		return r;
	gate_pause();
	rules.map = map ? *map : (struct nodemap) { 0 };
	gate_resume(gate_before_pause());
	map_proven = false;
	return 0;
}

int session_prove_map(uint64_t guest_ns, struct mpol_error *error)
{
	if (rules.map.nr == 0)
		return error_set(error, -EINVAL, "prove the node map", "there is none");
	map_proven = true;
	journal_calibrated(journal, &rules.map, host_now_ns(), guest_ns);
	return 0;
}

int session_add_range(uint64_t start, uint64_t end, struct mpol_error *error)
{
	if (start >= end)
		return error_set(error, -EINVAL, "add a range", "it is empty");
	if (nr_staged == RANGES_MAX)
		return error_set(error, -ENOSPC, "add a range", "more than %d", RANGES_MAX);
	staged[nr_staged++] = (struct range) { start, end - start };
	return 0;
}

void session_clear_ranges(void)
{
	nr_staged = 0;
}

/* In a pause. */
static void apply_ranges(void)
{
	memcpy(rules.ranges, staged, sizeof(staged));
	rules.nr_ranges = nr_staged;
}

static void drop_entries(void)
{
	while (entries) {
		struct entry *entry = entries;

		entries = entry->next;
		entry->task->cut = false;
		pages_free(entry->pages);
		free(entry);
	}
	cut = false;
	pages_free(closed.pages);
	closed.pages = NULL;
}

static bool unwanted(const struct task *task)
{
	return target && task->owner != TASK_OWNER_UNKNOWN && task->owner != target;
}

/* In a pause: nothing counted, nobody ignored who is wanted. */
static void reset_tasks(void)
{
	for (struct task *task = tasks_first(); task; task = task->next) {
		memset(task->cells, 0, sizeof(task->cells));
		pages_free(task->pages);
		task->pages = NULL;
		task->ignored = unwanted(task);
	}
	tasks_sweep();
}

int session_start(const struct start *start, struct mpol_error *error)
{
	int r = refuse_while_counting("start", error);

	if (r < 0)
		return r;
	if (rules.map.nr == 0 || (!map_proven && !start->rehearsal)) {
		error_set(error, -EINVAL, "start",
			  "it is not known which address is on which node");
		error_advise(error, "run truth-ctl calibrate in the guest");
		return -EINVAL;
	}
	drop_entries();
	gate_pause();
	apply_ranges();
	target = start->target;
	rules.by_page = start->by_page;
	reset_tasks();
	totals = (struct interval) { .start_host_ns = host_now_ns(),
				     .start_guest_ns = start->guest_ns };
	current = totals;
	running = true;
	gate_resume(GATE_OPEN);
	rehearsal = start->rehearsal;
	if (!rehearsal)
		journal_start(journal, &rules, target, current.start_host_ns, start->guest_ns);
	return 0;
}

/* In a pause: moves what the task has counted to a new entry, or leaves it all on lack of memory.
 */
static int take(struct task *task)
{
	struct entry *entry;

	if (!task_has_counts(task))
		return 0;
	entry = malloc(sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	*entry = (struct entry) { .task = task, .pages = task->pages, .next = entries };
	memcpy(entry->cells, task->cells, sizeof(entry->cells));
	memset(task->cells, 0, sizeof(task->cells));
	task->pages = NULL;
	task->cut = true;
	entries = entry;
	return 0;
}

int session_tick(uint64_t guest_ns, struct mpol_error *error)
{
	int r = 0;

	if (!running)
		return error_set(error, -EINVAL, "tick", "nothing is being counted");
	if (cut)
		return error_set(error, -EBUSY, "tick", "the last interval was not emitted");
	drop_entries();
	gate_pause();
	tasks_sweep();
	for (struct task *task = tasks_first(); task && r == 0; task = task->next)
		r = take(task);
	apply_ranges();
	current.end_host_ns = host_now_ns();
	gate_resume(GATE_OPEN);
	if (r < 0) {
		drop_entries();
		return error_errno(error, r, "tick");
	}
	current.end_guest_ns = guest_ns;
	closed = current;
	current = (struct interval) { .number = closed.number + 1,
				      .start_host_ns = closed.end_host_ns,
				      .start_guest_ns = guest_ns };
	cut = true;
	return 0;
}

const struct task *session_unknown(uint64_t below_id)
{
	if (!running || target == 0)
		return NULL;
	for (const struct task *task = tasks_first(); task; task = task->next) {
		if (task->id < below_id && task->owner == TASK_OWNER_UNKNOWN && !task->superseded &&
		    (task->cut || task_has_counts(task)))
			return task;
	}
	return NULL;
}

int session_own(uint64_t id, int owner, struct mpol_error *error)
{
	struct task *task;

	gate_pause();
	task = tasks_first();
	while (task && task->id != id)
		task = task->next;
	/* What the tool read may already be about the task that came after this one. */
	if (task && task->superseded)
		task = NULL;
	if (task) {
		task->owner = owner;
		task->ignored = unwanted(task);
	}
	gate_resume(gate_before_pause());
	return task ? 0 : error_set(error, -ENOENT, "own", "that task has ended");
}

static void add_page(const struct page_count *count, void *data)
{
	pages_add(data, count);
}

static void add_count(struct count *sum, const struct count *count)
{
	sum->loads += count->loads;
	sum->stores += count->stores;
}

/* Adds an entry to the closed interval; its pages are handed over or freed with the entry. */
static void sum_entry(struct entry *entry)
{
	bool ours = target == 0 || entry->task->owner == target;

	if (!ours && entry->task->owner != TASK_OWNER_UNKNOWN)
		return;
	for (int i = 0; i < CELLS; i++)
		add_count(ours ? &closed.cells[i] : &closed.unattributed, &entry->cells[i]);
	if (!ours || !entry->pages)
		return;
	if (closed.pages) {
		pages_for_each(entry->pages, add_page, closed.pages);
		return;
	}
	closed.pages = entry->pages;
	entry->pages = NULL;
}

int session_emit(const struct interval **ret, struct mpol_error *error)
{
	if (!cut)
		return error_set(error, -EINVAL, "emit", "no interval was cut");
	for (struct entry *entry = entries; entry; entry = entry->next)
		sum_entry(entry);
	cut = false;
	for (int i = 0; i < CELLS; i++)
		add_count(&totals.cells[i], &closed.cells[i]);
	add_count(&totals.unattributed, &closed.unattributed);
	totals.number = closed.number + 1;
	totals.end_host_ns = closed.end_host_ns;
	totals.end_guest_ns = closed.end_guest_ns;
	if (!rehearsal)
		journal_interval(journal, &closed, &rules.map);
	*ret = &closed;
	return 0;
}

const struct interval *session_totals(void)
{
	return &totals;
}

void session_stop(uint64_t guest_ns)
{
	if (!running)
		return;
	gate_pause();
	running = false;
	gate_resume(GATE_CLOSED);
	drop_entries();
	if (!rehearsal)
		journal_stop(journal, host_now_ns(), guest_ns);
}

int session_mark(const char *name, uint64_t guest_ns, struct mpol_error *error)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.:+", name[i]))
			length = 0;
	}
	if (length == 0 || length > 64) {
		error_set(error, -EINVAL, "mark", "not a plain name");
		error_advise(error, "use up to 64 letters, digits and -_.:+");
		return -EINVAL;
	}
	journal_mark(journal, name, current.number, host_now_ns(), guest_ns);
	return 0;
}

int session_probe(uint64_t start, uint64_t length_bytes, struct mpol_error *error)
{
	int r = refuse_while_counting("probe", error);

	if (r < 0)
		return r;
	gate_pause();
	rules.probed = (struct range) { start, length_bytes };
	atomic_store(&rules.nr_probes, 0);
	gate_resume(GATE_PROBE);
	return 0;
}

void session_probe_end(void)
{
	if (running)
		return;
	gate_pause();
	gate_resume(GATE_CLOSED);
}
