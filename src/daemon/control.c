/* SPDX-License-Identifier: MIT */
/* The manager as requests see it: see control.h. */
#include "control.h"

#include <errno.h>
#include <stdlib.h>

#include "error.h"
#include "grow.h"
#include "listen.h"
#include "log.h"
#include "caller.h"
#include "server.h"

struct control {
	struct manager *manager;
	struct ctl_socket socket;
	struct ctl_world world;
	struct ctl_server *server;
};

/* ---- The world of ctl ----------------------------------------------------------------- */

static void status(void *user, struct ctl_status *ret)
{
	manager_status(user, ret);
}

/* Whether the entry is one that the caller has made, or he manages all. */
static bool is_own(const struct roster_entry *entry, const struct ctl_caller *caller)
{
	const struct roster_owner *owner = &entry->request.owner;

	return caller->manages || (owner->confined && owner->uid == caller->uid);
}

/* free(3) them; NULL where there is none, or no memory. */
static struct ctl_process *processes_of(const struct roster *roster, uint32_t entry, size_t *ret_nr)
{
	struct ctl_process *processes = NULL;
	size_t nr = 0, nr_allocated = 0;

	for (size_t i = 0; i < roster->nr_processes; i++) {
		struct roster_process *process = &roster->processes[i];
		struct ctl_process *more;
		struct tiered_sums sums;

		if (!roster_holds(process, entry))
			continue;
		more = grow(processes, nr, &nr_allocated, sizeof(*more));
		if (!more)
			break;
		processes = more;
		sums = roster_sums(process);
		processes[nr++] = (struct ctl_process) {
			.pid = tiered_pid(process->tiered),
			.pages = sums.pages,
			.seen_pages = sums.seen_pages,
			.state_bytes = sums.state_bytes,
			.huge_pages = sums.huge_pages,
			.tracker = tiered_tracker(process->tiered)->name,
		};
	}
	*ret_nr = nr;
	return processes;
}

static void targets(void *user, const struct ctl_caller *caller,
		    void (*tell)(const struct ctl_target *target, void *to), void *to)
{
	const struct roster *roster = manager_roster(user);

	for (size_t i = 0; i < roster->nr_entries; i++) {
		const struct roster_entry *entry = &roster->entries[i];
		_cleanup_free_ struct ctl_process *processes = NULL;
		size_t nr;

		if (!is_own(entry, caller))
			continue;
		processes = processes_of(roster, entry->id, &nr);
		tell(
			&(struct ctl_target) {
				.id = entry->id,
				.pid = entry->request.pid,
				.selector = &entry->request.selector,
				.is_confined = entry->request.owner.confined,
				.uid = entry->request.owner.uid,
				.huge_pages = (enum ctl_huge)entry->request.huge_pages,
				.processes = processes,
				.nr_processes = nr,
			},
			to);
	}
}

static int add(void *user, const struct ctl_caller *caller, const struct ctl_wanted *wanted,
	       uint32_t *ret_id, struct mpol_error *err)
{
	const struct roster_request request = {
		.pid = wanted->pid,
		.selector = wanted->selector,
		.huge_pages = (enum huge_say)wanted->huge_pages,
		.owner = {
			.confined = !caller->manages,
			.uid = caller->uid,
			.gid = caller->gid,
		},
	};

	return manager_add(user, &request, ret_id, err);
}

/* Of others' he learns no more than of those that there never were. */
static int remove_own(void *user, const struct ctl_caller *caller, uint32_t id,
		      struct mpol_error *err)
{
	const struct roster_entry *entry = roster_entry(manager_roster(user), id);

	const int r = manager_remove(user, entry && is_own(entry, caller) ? id : 0, err);

	if (r < 0)
		error_on(err, "target %u", id);
	return r;
}

static int hint(void *user, const struct ctl_hinted_range *range, struct mpol_error *err)
{
	static const enum port_hint hints[] = {
		[CTL_HINT_NONE] = PORT_HINT_NONE,
		[CTL_HINT_HOT] = PORT_HINT_HOT,
		[CTL_HINT_COLD] = PORT_HINT_COLD,
		[CTL_HINT_PINNED] = PORT_HINT_PINNED,
	};
	const struct hint_range hinted = { range->start, range->end, hints[range->hint] };

	return manager_hint(user, range->pid, &hinted, err);
}

static void pause_all(void *user, const char *reason)
{
	manager_pause(user, reason);
}

static void resume_all(void *user)
{
	manager_resume(user);
}

static void decisions(void *user, void (*tell)(const struct ctl_decision *decision, void *to),
		      void *to)
{
	manager_decisions(user, tell, to);
}

/* ---- Life -------------------------------------------------------------------------------- */

static void serve(void *user)
{
	ctl_server_serve(((struct control *)user)->server);
}

static uint64_t rest_ns(void *user)
{
	return ctl_server_rest_ns(((struct control *)user)->server);
}

int control_new(struct manager *manager, const char *path, struct control **ret,
		struct mpol_error *err)
{
	_cleanup_(control_freep) struct control *control = calloc(1, sizeof(*control));
	const gid_t group = ctl_group();
	int r;

	if (!control)
		return error_errno(err, -ENOMEM, "listen");
	control->world = (struct ctl_world) {
		.user = manager,
		.status = status,
		.targets = targets,
		.add = add,
		.remove = remove_own,
		.hint = hint,
		.pause = pause_all,
		.resume = resume_all,
		.decisions = decisions,
	};
	r = ctl_socket_listen(path, group, &control->socket, err);
	if (r == 0)
		r = ctl_server_new(control->socket.fd, group, &control->world, &control->server,
				   err);
	if (r == 0)
		r = manager_watch(manager,
				  &(struct manager_watch) {
					  .fd = ctl_server_fd(control->server),
					  .serve = serve,
					  .rest_ns = rest_ns,
					  .user = control,
				  },
				  err);
	if (r < 0)
		return r;
	log_info("requests are taken at %s", path);
	*ret = steal_pointer(&control);
	return 0;
}

const char *control_path(const struct control *control)
{
	return control->socket.path;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	ctl_server_free(control->server);
	ctl_socket_close(&control->socket);
	free(control);
}
