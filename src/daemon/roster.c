/* SPDX-License-Identifier: MIT */
/* Who is managed, and at whose request: see roster.h. */
#include "roster.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "grow.h"
#include "log.h"
#include "ptraceable.h"

/* So many are remembered as refused; then all are forgotten, and may be said once more. */
#define MOST_REFUSED 4096

/* How old sums over a process's memory may be. */
#define SUMS_NS 500000000ULL

void roster_start(struct roster *roster, int root, const struct tracker_kind *tracker,
		  const struct nodemask *memory)
{
	*roster = (struct roster) { .root = root, .tracker = tracker, .memory = *memory };
}

/* ---- Requests --------------------------------------------------------------------- */

static void free_texts(struct mpol_selector *selector)
{
	free((char *)selector->cgroup);
	free((char *)selector->unit);
	free((char *)selector->match);
}

/* Returns 0 or -ENOMEM; of that nothing is left. */
static int copy_texts(const struct mpol_selector *from, struct mpol_selector *ret)
{
	struct mpol_selector copy = *from;

	copy.cgroup = from->cgroup ? strdup(from->cgroup) : NULL;
	copy.unit = from->unit ? strdup(from->unit) : NULL;
	copy.match = from->match ? strdup(from->match) : NULL;
	if (!copy.cgroup != !from->cgroup || !copy.unit != !from->unit ||
	    !copy.match != !from->match) {
		free_texts(&copy);
		return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_request(const struct roster_request *a, const struct roster_request *b)
{
	return a->pid == b->pid && a->selector.tree == b->selector.tree &&
	       same_text(a->selector.cgroup, b->selector.cgroup) &&
	       same_text(a->selector.unit, b->selector.unit) &&
	       same_text(a->selector.match, b->selector.match) &&
	       a->owner.confined == b->owner.confined &&
	       (!a->owner.confined || a->owner.uid == b->owner.uid);
}

/* "process 42", "cgroup a.slice" and so on, as the object of an error. */
static void name_request(const struct roster_request *request, struct mpol_error *err)
{
	const struct mpol_selector *selector = &request->selector;

	if (request->pid)
		error_on(err, "process %d", request->pid);
	else if (selector->tree)
		error_on(err, "tree %d", selector->tree);
	else if (selector->cgroup)
		error_on(err, "cgroup %s", selector->cgroup);
	else if (selector->unit)
		error_on(err, "unit %s", selector->unit);
	else if (selector->match)
		error_on(err, "match %s", selector->match);
}

/* ---- Processes -------------------------------------------------------------------- */

static void free_process(struct roster_process *process)
{
	tiered_close(process->tiered);
	free(process->holders);
}

bool roster_holds(const struct roster_process *process, uint32_t entry)
{
	for (size_t i = 0; i < process->nr_holders; i++)
		if (process->holders[i] == entry)
			return true;
	return false;
}

static int hold(struct roster_process *process, uint32_t entry)
{
	uint32_t *holders;

	if (roster_holds(process, entry))
		return 0;
	holders = grow(process->holders, process->nr_holders, &process->nr_allocated,
		       sizeof(*holders));
	if (!holders)
		return -ENOMEM;
	process->holders = holders;
	holders[process->nr_holders++] = entry;
	return 0;
}

static void release(struct roster_process *process, uint32_t entry)
{
	size_t nr = 0;

	for (size_t i = 0; i < process->nr_holders; i++)
		if (process->holders[i] != entry)
			process->holders[nr++] = process->holders[i];
	process->nr_holders = nr;
}

static size_t place_of(const struct roster *roster, uint32_t id)
{
	size_t i = 0;

	while (i < roster->nr_entries && roster->entries[i].id != id)
		i++;
	return i;
}

static void remove_entry(struct roster *roster, size_t i)
{
	struct roster_entry *entry = &roster->entries[i];

	free_texts(&entry->request.selector);
	memmove(entry, entry + 1, (--roster->nr_entries - i) * sizeof(*entry));
}

/* Lets a process go, at its place among processes, and says why. */
static void drop(struct roster *roster, size_t i, const char *why)
{
	struct roster_process *process = &roster->processes[i];
	const pid_t pid = tiered_pid(process->tiered);

	log_info("process %d: %s", pid, why);
	for (size_t entry = roster->nr_entries; entry-- > 0;)
		if (roster->entries[entry].request.pid == pid)
			remove_entry(roster, entry);
	free_process(process);
	memmove(process, process + 1, (--roster->nr_processes - i) * sizeof(*process));
}

struct roster_process *roster_find(const struct roster *roster, uint32_t id)
{
	for (size_t i = 0; i < roster->nr_processes; i++)
		if (roster->processes[i].id >= id)
			return &roster->processes[i];
	return NULL;
}

struct roster_process *roster_managed(const struct roster *roster, pid_t pid)
{
	for (size_t i = 0; i < roster->nr_processes; i++)
		if (tiered_pid(roster->processes[i].tiered) == pid)
			return &roster->processes[i];
	return NULL;
}

struct tiered_sums roster_sums(struct roster_process *process)
{
	const uint64_t now_ns = clock_now_ns();

	if (process->summed_ns == 0 || now_ns - process->summed_ns >= SUMS_NS) {
		process->sums = tiered_sums(process->tiered);
		process->summed_ns = now_ns;
	}
	return process->sums;
}

void roster_say_tracker(struct roster_process *process)
{
	const bool follows = tiered_follows_guests(process->tiered);

	if (follows == process->follows_guests)
		return;
	process->follows_guests = follows;
	log_info("process %d: %s: tracker %s", tiered_pid(process->tiered),
		 follows ? "it runs KVM guests, whose accesses page tables do not show"
			 : "it is followed as the others are",
		 tiered_tracker(process->tiered)->name);
}

static bool has_ended(int pidfd)
{
	struct pollfd end = { .fd = pidfd, .events = POLLIN };

	return poll(&end, 1, 0) != 0;
}

/* Whether the owner may bring one more. */
static int check_many(const struct roster *roster, const struct roster_owner *owner,
		      struct mpol_error *err)
{
	size_t nr = 0;

	for (size_t i = 0; owner->confined && i < roster->nr_processes; i++)
		nr += roster->processes[i].owner.confined &&
		      roster->processes[i].owner.uid == owner->uid;
	if (nr < ROSTER_USER_PROCESSES)
		return 0;
	error_set(err, -EDQUOT, "manage a process", "there are %d of that user already",
		  ROSTER_USER_PROCESSES);
	error_advise(err, "let root, or a member of the group mpol, add more");
	return -EDQUOT;
}

static int open_tiered(const struct roster *roster, pid_t pid, struct tiered **ret,
		       struct mpol_error *err)
{
	const struct tiered_request request = {
		.root = roster->root,
		.pid = pid,
		.tracker = roster->tracker,
		.memory = roster->memory,
	};

	return tiered_open(&request, ret, err);
}

static int take_in(struct roster *roster, pid_t pid, const struct roster_entry *entry,
		   struct mpol_error *err)
{
	struct roster_process *processes =
				      grow(roster->processes, roster->nr_processes,
					   &roster->nr_processes_allocated, sizeof(*processes)),
			      *process;
	int r;

	if (!processes)
		return error_errno(err, -ENOMEM, "manage a process");
	roster->processes = processes;
	process = &processes[roster->nr_processes];
	*process = (struct roster_process) {
		.id = roster->last_process + 1,
		.owner = entry->request.owner,
	};
	r = hold(process, entry->id);
	if (r < 0)
		return error_errno(err, r, "manage a process");
	r = open_tiered(roster, pid, &process->tiered, err);
	if (r < 0) {
		free(process->holders);
		return r;
	}
	roster->last_process++;
	roster->nr_processes++;
	log_info("process %d: managed", pid);
	roster_say_tracker(process);
	return 0;
}

static int may_have(const struct roster *roster, pid_t pid, const struct roster_owner *owner,
		    struct mpol_error *err)
{
	int r = owner->confined ? ptraceable_by(roster->root, pid, owner->uid, owner->gid) : 0;

	if (r == 0)
		return 0;
	error_errno(err, r, "manage a process");
	error_on(err, "process %d", pid);
	if (r == -EPERM)
		error_advise(err, "only one's own processes, and those that ptrace(2) would allow; "
				  "root and the group mpol manage all");
	return r;
}

/* Manages the process for the entry, if its owner may have that. */
static int manage(struct roster *roster, pid_t pid, const struct roster_entry *entry,
		  struct mpol_error *err)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct roster_process *process = roster_managed(roster, pid);
	int r = pidfd < 0 ? -errno : 0;

	if (process && has_ended(tiered_pidfd(process->tiered))) {
		drop(roster, (size_t)(process - roster->processes), "it has ended");
		process = NULL;
	}
	if (r < 0)
		error_errno(err, r, "manage a process");
	else
		r = may_have(roster, pid, &entry->request.owner, err);
	if (r == 0 && !process)
		r = check_many(roster, &entry->request.owner, err);
	if (r == 0)
		r = process ? hold(process, entry->id) : take_in(roster, pid, entry, err);
	/* Its id might have become another's before it was taken in. */
	if (r == 0 && has_ended(pidfd)) {
		drop(roster, (size_t)(roster_managed(roster, pid) - roster->processes),
		     "it has ended");
		r = error_errno(err, -ESRCH, "manage a process");
	}
	if (r < 0)
		error_on(err, "process %d", pid);
	return r;
}

/* ---- Other programs ------------------------------------------------------------------ */

void roster_failed(struct roster *roster, size_t i, int r)
{
	struct roster_process *process = &roster->processes[i];

	if (r == -ESRCH && !has_ended(tiered_pidfd(process->tiered)))
		process->is_lost = true;
	else
		drop(roster, i, tiered_failure(process->tiered, r));
}

/* Whoever may not have the program that it runs now, which may be another user's, holds it no
 * longer; nor does an expression, which may mean it again.  Returns 0, or -ESRCH: it ends. */
static int release_program(struct roster *roster, struct roster_process *process)
{
	const pid_t pid = tiered_pid(process->tiered);

	for (size_t i = process->nr_holders; i-- > 0;) {
		const uint32_t id = process->holders[i];
		const size_t entry = place_of(roster, id);
		const struct roster_request *request = &roster->entries[entry].request;
		const int r = may_have(roster, pid, &request->owner, NULL);

		if (r == -ESRCH)
			return r;
		if (r == 0 && !request->selector.match)
			continue;
		if (r < 0)
			log_info("process %d: no longer of target %u, whose user may not have the "
				 "program that it runs now",
				 pid, id);
		release(process, id);
		if (request->pid)
			remove_entry(roster, entry);
	}
	return 0;
}

/* Begins with the memory that a process has now, by a thread that has it; all else stays. */
static void begin_anew(struct roster *roster, size_t i)
{
	struct roster_process *process = &roster->processes[i];
	struct mpol_error why = { 0 };
	struct tiered *tiered;
	int r = release_program(roster, process);

	if (r == 0 && !process->nr_holders) {
		drop(roster, i, "it runs another program");
		return;
	}
	if (r == 0)
		r = open_tiered(roster, tiered_pid(process->tiered), &tiered, &why);
	if (r == -ESRCH) /* it ends, which is seen the next time */
		return;
	if (r < 0) {
		log_warning("process %d: it runs another program, which cannot be managed: %s: %s",
			    tiered_pid(process->tiered), why.step, why.cause);
		drop(roster, i, "no longer managed");
		return;
	}
	if (has_ended(tiered_pidfd(process->tiered))) { /* and another may have its id */
		tiered_close(tiered);
		return;
	}
	tiered_close(process->tiered);
	process->tiered = tiered;
	process->hints_refused = NULL;
	process->split_error = 0;
	process->summed_ns = 0;
	process->is_lost = false;
	process->follows_guests = false;
	log_info("process %d: it runs another program, or its first thread has ended: managed anew",
		 tiered_pid(tiered));
	roster_say_tracker(process);
}

/* ---- Selectors ---------------------------------------------------------------------- */

static bool is_refused(const struct roster *roster, const struct mpol_selected *process)
{
	for (size_t i = 0; i < roster->nr_refused; i++)
		if (roster->refused[i].pid == process->pid &&
		    roster->refused[i].start_ticks == process->start_ticks)
			return true;
	return false;
}

static void refuse(struct roster *roster, const struct mpol_selected *process,
		   const struct mpol_error *error)
{
	struct mpol_selected *refused;

	if (roster->nr_refused == MOST_REFUSED)
		roster->nr_refused = 0;
	log_warning("process %d: %s: %s", process->pid, error->step, error->cause);
	refused = grow(roster->refused, roster->nr_refused, &roster->nr_refused_allocated,
		       sizeof(*refused));
	if (!refused)
		return; /* it is said once more */
	roster->refused = refused;
	refused[roster->nr_refused++] = *process;
}

/* Takes in whom the entry's selector means now.  Errors: of mpol_select. */
static int select_now(struct roster *roster, const struct roster_entry *entry,
		      struct mpol_error *err)
{
	const bool confined = entry->request.owner.confined;
	struct mpol_selection selection = { 0 };
	struct mpol_error error = { 0 };
	int r = mpol_select(NULL, &entry->request.selector, &selection, err);

	for (size_t i = 0; i < selection.nr_processes; i++) {
		const struct mpol_selected *process = &selection.processes[i];
		const struct roster_process *known = roster_managed(roster, process->pid);

		if ((known && roster_holds(known, entry->id)) || is_refused(roster, process))
			continue;
		if (manage(roster, process->pid, entry, &error) < 0 && error.code != -ESRCH &&
		    !confined)
			refuse(roster, process, &error);
	}
	mpol_selection_free(&selection);
	return r;
}

static bool holds_any(const struct roster *roster, uint32_t entry)
{
	for (size_t i = 0; i < roster->nr_processes; i++)
		if (roster_holds(&roster->processes[i], entry))
			return true;
	return false;
}

void roster_refresh(struct roster *roster)
{
	for (size_t i = roster->nr_processes; i-- > 0;)
		if (has_ended(tiered_pidfd(roster->processes[i].tiered)))
			drop(roster, i, "it has ended");
		else if (roster->processes[i].is_lost)
			begin_anew(roster, i);
	for (size_t i = roster->nr_entries; i-- > 0;) {
		const struct roster_entry *entry = &roster->entries[i];
		int r;

		if (entry->request.pid)
			continue;
		r = select_now(roster, entry, NULL); /* who is not there may come */
		if (r == -ESRCH && entry->request.selector.tree && !holds_any(roster, entry->id)) {
			log_info("tree %d: it has ended", entry->request.selector.tree);
			remove_entry(roster, i);
		}
	}
}

void roster_use_memory(struct roster *roster, const struct nodemask *memory)
{
	roster->memory = *memory;
	for (size_t i = 0; i < roster->nr_processes; i++)
		tiered_use_memory(roster->processes[i].tiered, memory);
}

/* ---- Entries ------------------------------------------------------------------------- */

const struct roster_entry *roster_entry(const struct roster *roster, uint32_t id)
{
	const size_t i = place_of(roster, id);

	return i < roster->nr_entries ? &roster->entries[i] : NULL;
}

enum huge_say roster_huge_pages(const struct roster *roster, const struct roster_process *process)
{
	enum huge_say say = HUGE_UNSAID;

	for (size_t i = 0; i < process->nr_holders; i++) {
		const struct roster_entry *entry = roster_entry(roster, process->holders[i]);

		if (entry)
			say = huge_say_both(say, entry->request.huge_pages);
	}
	return say;
}

static int check_new(const struct roster *roster, const struct roster_request *request,
		     struct mpol_error *err)
{
	const struct roster_owner *owner = &request->owner;
	size_t nr = 0;

	for (size_t i = 0; i < roster->nr_entries; i++) {
		const struct roster_request *other = &roster->entries[i].request;

		if (same_request(request, other)) {
			error_set(err, -EEXIST, "add a target", "it is target %u already",
				  roster->entries[i].id);
			return -EEXIST;
		}
		nr += other->owner.confined && other->owner.uid == owner->uid;
	}
	if (roster->nr_entries < ROSTER_ENTRIES && (!owner->confined || nr < ROSTER_USER_ENTRIES))
		return 0;
	error_set(err, -EDQUOT, "add a target", "there are too many");
	error_advise(err, "remove others, or name many processes by one target");
	return -EDQUOT;
}

/* What the entry means, for the first time. */
static int enter(struct roster *roster, const struct roster_entry *entry, struct mpol_error *err)
{
	const pid_t tree = entry->request.selector.tree;
	int r;

	if (entry->request.pid)
		return manage(roster, entry->request.pid, entry, err);
	r = tree ? may_have(roster, tree, &entry->request.owner, err) : 0;
	if (r < 0)
		return r;
	r = select_now(roster, entry, err);
	if ((r == -ESRCH && !tree) || r == -ENOENT) {
		error_clear(err);
		return 0;
	}
	return r;
}

int roster_add(struct roster *roster, const struct roster_request *request, uint32_t *ret_id,
	       struct mpol_error *err)
{
	struct roster_entry entry = { .id = roster->last_entry + 1, .request = *request };
	struct roster_entry *entries;
	int r = check_new(roster, request, err);

	if (r < 0) {
		name_request(request, err);
		return r;
	}
	entries = grow(roster->entries, roster->nr_entries, &roster->nr_entries_allocated,
		       sizeof(*entries));
	if (!entries || copy_texts(&request->selector, &entry.request.selector) < 0)
		return error_errno(err, -ENOMEM, "add a target");
	roster->entries = entries;
	r = enter(roster, &entry, err);
	if (r < 0) {
		free_texts(&entry.request.selector);
		return r;
	}
	entries[roster->nr_entries++] = entry;
	roster->last_entry = entry.id;
	if (ret_id)
		*ret_id = entry.id;
	return 0;
}

int roster_remove(struct roster *roster, uint32_t id, struct mpol_error *err)
{
	const size_t entry = place_of(roster, id);

	if (entry == roster->nr_entries) {
		error_set(err, -ENOENT, "remove a target", "there is none of that id");
		error_on(err, "target %u", id);
		error_advise(err, "mpol tier list shows all");
		return -ENOENT;
	}
	remove_entry(roster, entry);
	for (size_t i = roster->nr_processes; i-- > 0;) {
		struct roster_process *process = &roster->processes[i];

		if (!roster_holds(process, id))
			continue;
		release(process, id);
		if (!process->nr_holders)
			drop(roster, i, "no longer managed");
	}
	return 0;
}

void roster_end(struct roster *roster)
{
	for (size_t i = 0; i < roster->nr_processes; i++)
		free_process(&roster->processes[i]);
	for (size_t i = 0; i < roster->nr_entries; i++)
		free_texts(&roster->entries[i].request.selector);
	free(roster->processes);
	free(roster->entries);
	free(roster->refused);
	*roster = (struct roster) { .root = -1 };
}
