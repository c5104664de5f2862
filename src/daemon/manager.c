/* SPDX-License-Identifier: MIT */
/* The manager's loop: see manager.h. */
#include "manager-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "accessed-bit.h"
#include "clock.h"
#include "error.h"
#include "kernel-settings.h"
#include "log.h"
#include "notify.h"
#include "rootfs.h"
#include "text.h"

/* What moving a page costs before it was ever measured. */
#define FIRST_MOVE_PAGE_NS 2000

/* So many moved pages tell what one costs. */
#define TELLING_PAGES 64

/* How often memory pressure is asked for while there are moves to be made. */
#define PRESSURE_NS 1000000000ULL

/* How often the roster is looked through. */
#define REFRESH_NS 1000000000ULL

uint64_t manager_cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* ---- Processes ------------------------------------------------------------------------ */

int manager_add(struct manager *manager, const struct roster_request *request, uint32_t *ret_id,
		struct mpol_error *err)
{
	int r = manager_check_huge_pages(manager, request->huge_pages, err);

	return r < 0 ? r : roster_add(&manager->roster, request, ret_id, err);
}

int manager_remove(struct manager *manager, uint32_t id, struct mpol_error *err)
{
	return roster_remove(&manager->roster, id, err);
}

static void say_rule(const struct rule *rule)
{
	log_info("rule %s: %s", rule->name, rule->summary);
}

static void use_rule(struct manager *manager, const struct rule *rule)
{
	if (rule == manager->tiering.rule)
		return;
	tiering_set_rule(&manager->tiering, rule);
	say_rule(rule);
}

/* Whether there is nothing to look at, or nowhere to move it. */
static bool rests(const struct manager *manager)
{
	return manager->is_paused || !manager->roster.nr_processes || manager->nodes->nr_tiers < 2;
}

static void refresh(struct manager *manager)
{
	const uint64_t now_ns = clock_now_ns(), cpu_ns = manager_cpu_ns();

	if (now_ns - manager->refreshed_ns < REFRESH_NS)
		return;
	manager->refreshed_ns = now_ns;
	roster_refresh(&manager->roster);
	manager_refresh_nodes(manager, now_ns); /* not by a decision: it may have to begin anew */
	if (rests(manager))			/* no decision asks */
		tier_nodes_count_free(manager->nodes, manager->root);
	manager->cpu.looking_ns += manager_cpu_ns() - cpu_ns;
}

static struct tiered *tiered_of(const struct manager *manager, uint32_t id)
{
	return roster_find(&manager->roster, id)->tiered;
}

/* ---- What tiering asks for ---------------------------------------------------------------- */

static bool gather(void *user, struct tiering_position from, struct tiering_chunk *chunk)
{
	const struct roster *roster = &((const struct manager *)user)->roster;
	const struct roster_process *process = roster_find(roster, from.target);

	notify_alive(); /* a decision about much memory takes long */
	for (; process && process < roster->processes + roster->nr_processes; process++) {
		if (process->is_lost || /* what is known is of no use */
		    !tiered_gather(process->tiered, process->id == from.target ? from.page : 0,
				   chunk))
			continue;
		chunk->span.target = process->id;
		chunk->span.pressed = process->pressed;
		return true;
	}
	return false;
}

static void keep(void *user, const struct tiering_chunk *chunk)
{
	tiered_keep(tiered_of(user, chunk->span.target), chunk);
}

static void carry_out(void *user, const struct port_move *moves, size_t nr)
{
	struct manager *manager = user;
	struct tiered *tiered = tiered_of(manager, moves[0].target); /* all are one's */
	const uint64_t cpu_ns = manager_cpu_ns();
	int r;

	for (size_t i = 0; i < nr; i++)
		manager->decided_pages[moves[i].reason] += moves[i].nr_pages;
	if (manager->config.dry_run)
		return;
	r = tiered_move(tiered, moves, nr, manager->batch);
	manager->cpu.moving_ns += manager_cpu_ns() - cpu_ns;
	if (r < 0 && r != -ESRCH) /* that one is found out at the next look */
		log_warning("process %d: move_pages: %s", tiered_pid(tiered), strerror(-r));
}

/* What moving a page costs, by the last decisions that moved many. */
static void learn_move_cost(struct manager *manager, uint64_t pages, uint64_t took_ns)
{
	if (pages < TELLING_PAGES)
		return;
	if (manager->move_page_ns == 0)
		manager->move_page_ns = took_ns / pages;
	else
		manager->move_page_ns = (3 * manager->move_page_ns + took_ns / pages) / 4;
}

static void say_decided(const struct manager *manager, uint64_t moved_pages)
{
	const uint64_t up = manager->decided_pages[PORT_PROMOTE],
		       down = manager->decided_pages[PORT_DEMOTE];

	if (up + down == 0)
		return;
	if (manager->config.dry_run)
		log_info("would promote %" PRIu64 " pages and demote %" PRIu64, up, down);
	else
		log_info("promote %" PRIu64 " pages, demote %" PRIu64 ": %" PRIu64 " moved", up,
			 down, moved_pages);
}

/* Of our own: what goes by the budget. */
static uint64_t budgeted_ns(const struct manager *manager)
{
	return manager->cpu.looking_ns + manager->cpu.deciding_ns;
}

/* What processes share is judged, and counted, once. */
static void join_shared(const struct manager *manager)
{
	const struct roster *roster = &manager->roster;
	_cleanup_free_ struct tiered **tiereds = calloc(roster->nr_processes + 1, sizeof(*tiereds));
	size_t nr = 0;

	for (size_t i = 0; tiereds && i < roster->nr_processes; i++)
		if (!roster->processes[i].is_lost)
			tiereds[nr++] = roster->processes[i].tiered;
	if (!tiereds || tiered_join_shared(tiereds, nr, notify_alive) < 0)
		log_warning("whose shared memory is is not asked anew: %s", strerror(ENOMEM));
}

static void decide(struct manager *manager)
{
	const uint64_t now_ns = clock_now_ns(), cpu_ns = manager_cpu_ns();
	struct tiering_time time = {
		.now_ns = now_ns,
		.spent_ns = budgeted_ns(manager) - manager->paced_ns,
		.move_page_ns = manager->move_page_ns ? manager->move_page_ns : FIRST_MOVE_PAGE_NS,
	};
	const struct port_nodes nodes = { manager->nodes->nodes, manager->nodes->nr };
	const struct tiering_world world = { manager, gather, keep, carry_out };

	manager->paced_ns += time.spent_ns;
	tier_nodes_count_free(manager->nodes, manager->root);
	manager_ask_pressure(manager);
	time.pressed = manager->pressed;
	join_shared(manager);
	manager->decided_pages[PORT_PROMOTE] = manager->decided_pages[PORT_DEMOTE] = 0;
	manager->moved_before_pages = manager->counts.moved_pages;
	manager->calls_before_ns = manager->counts.all_calls_ns;
	tiering_decide(&manager->tiering, &time, &nodes, &world);
	if (manager->tiering.rounds > 1 && manager->tiering.round.calm_ns == 0)
		log_info("other memory is in use than before: what is hot is learnt anew");
	manager->cpu.deciding_ns += manager_cpu_ns() - cpu_ns;
	manager->cpu.targets_ns += manager->tiering.lost_ns;
}

/* What the last decision moves has been moved. */
static void settle(struct manager *manager)
{
	const struct port_nodes nodes = { manager->nodes->nodes, manager->nodes->nr };
	const uint64_t moved_pages = manager->counts.moved_pages - manager->moved_before_pages;

	tier_nodes_count_free(manager->nodes, manager->root);
	tiering_settled(&manager->tiering, clock_now_ns(), &nodes);
	learn_move_cost(manager, moved_pages,
			manager->counts.all_calls_ns - manager->calls_before_ns);
	manager_note_decision(manager, moved_pages);
	say_decided(manager, moved_pages);
}

/* Moves may take long.  What presses one process is asked for when it is gathered. */
static void mind_pressure(struct manager *manager)
{
	if (clock_now_ns() - manager->pressure_ns < PRESSURE_NS)
		return;
	manager_ask_pressure(manager);
	if (manager->pressed)
		tiering_press(&manager->tiering);
}

/* A turn of moves.  A process may be gone after it: nothing stays in the batch. */
static void move(struct manager *manager)
{
	const struct tiering_world world = { manager, gather, keep, carry_out };
	const uint64_t until_ns = clock_now_ns() + TIERING_TURN_NS;
	const uint64_t cpu_ns = manager_cpu_ns(), moving_ns = manager->cpu.moving_ns;
	uint64_t sending_ns;
	bool more;

	mind_pressure(manager);
	do
		more = tiering_move(&manager->tiering, &world);
	while (more && clock_now_ns() < until_ns);
	manager->cpu.deciding_ns +=
		manager_cpu_ns() - cpu_ns - (manager->cpu.moving_ns - moving_ns);
	sending_ns = manager_cpu_ns();
	if (more)
		move_batch_send(manager->batch);
	else
		move_batch_flush(manager->batch);
	manager->cpu.moving_ns += manager_cpu_ns() - sending_ns;
	if (!more)
		settle(manager);
}

/* ---- The loop -------------------------------------------------------------------------------- */

/* Does what is due.  Returns for how long nothing is; 0: something may be. */
static uint64_t work(struct manager *manager)
{
	const uint64_t now_ns = clock_now_ns(), cpu_ns = manager_cpu_ns();
	uint64_t when_ns;
	const enum tiering_step step = tiering_next(&manager->tiering, now_ns, &when_ns);

	if (rests(manager)) {
		tiering_abandon(&manager->tiering, now_ns);
		manager->paced_ns = budgeted_ns(manager);
		return REFRESH_NS;
	}
	if (when_ns > now_ns)
		return when_ns - now_ns;
	switch (step) {
	case TIERING_CLEAR:
		manager_clear(manager);
		break;
	case TIERING_SCAN:
		manager_scan(manager);
		break;
	case TIERING_DECIDE:
		decide(manager);
		return 0;
	case TIERING_PEEK:
		manager_peek(manager);
		break;
	case TIERING_MOVE:
		move(manager);
		return 0;
	case TIERING_NOTHING:
		return REFRESH_NS;
	}
	manager->cpu.looking_ns += manager_cpu_ns() - cpu_ns;
	return 0;
}

int manager_watch(struct manager *manager, const struct manager_watch *watch,
		  struct mpol_error *err)
{
	if (manager->nr_watches == MANAGER_WATCHES)
		return error_errno(err, -ENOSPC, "watch a descriptor");
	manager->watches[manager->nr_watches++] = *watch;
	return 0;
}

/* Rests for so long at most, and serves who is watched.  Returns whether a signal came. */
static bool attend(struct manager *manager, int signals, uint64_t ns)
{
	struct pollfd waits[MANAGER_WATCHES + 1] = { { .fd = signals, .events = POLLIN } };
	uint64_t rests_ns[MANAGER_WATCHES];
	const uint64_t began_ns = clock_now_ns();
	uint64_t took_ns;

	for (unsigned i = 0; i < manager->nr_watches; i++) {
		const struct manager_watch *watch = &manager->watches[i];

		waits[i + 1] = (struct pollfd) { .fd = watch->fd, .events = POLLIN };
		rests_ns[i] = watch->rest_ns ? watch->rest_ns(watch->user) : UINT64_MAX;
		if (rests_ns[i] < ns)
			ns = rests_ns[i];
	}
	if (ppoll(waits, manager->nr_watches + 1,
		  &(struct timespec) { (time_t)(ns / 1000000000), (long)(ns % 1000000000) },
		  NULL) < 0)
		return false;
	took_ns = clock_now_ns() - began_ns;
	for (unsigned i = 0; i < manager->nr_watches; i++)
		if (waits[i + 1].revents || rests_ns[i] <= took_ns)
			manager->watches[i].serve(manager->watches[i].user);
	return waits[0].revents;
}

static bool has_somebody(const struct manager *manager)
{
	return manager->config.stays || manager->roster.nr_entries || manager->roster.nr_processes;
}

static sigset_t ending_signals(void)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	return ending;
}

int manager_await_end(struct mpol_error *err)
{
	const sigset_t ending = ending_signals();

	return sigprocmask(SIG_BLOCK, &ending, NULL) < 0 ? error_errno(err, -errno, "await signals")
							 : 0;
}

int manager_run(struct manager *manager, struct mpol_error *err)
{
	_cleanup_close_ int signals = -1;
	const sigset_t ending = ending_signals();

	signals = signalfd(-1, &ending, SFD_CLOEXEC);
	if (signals < 0)
		return error_errno(err, -errno, "await signals");
	while (has_somebody(manager)) {
		refresh(manager);
		if (attend(manager, signals, work(manager)))
			break;
	}
	return 0;
}

void manager_pause(struct manager *manager, const char *reason)
{
	log_info("paused%s%s", *reason ? ": " : "", reason);
	manager->is_paused = true;
	snprintf(manager->pause_reason, sizeof(manager->pause_reason), "%s", reason);
}

void manager_resume(struct manager *manager)
{
	if (!manager->is_paused)
		return;
	log_info("resumed");
	manager->is_paused = false;
	*manager->pause_reason = '\0';
}

/* ---- How to see accesses ------------------------------------------------------------------- */

/* The one that was asked for, or the best that works here; and why. */
static int choose_tracker(const struct manager *manager, const struct manager_config *config,
			  const struct tracker_kind **ret, struct text *ret_reason,
			  struct mpol_error *err)
{
	struct mpol_error why = { 0 };
	int r;

	if (config->tracker) {
		*ret = config->tracker;
		text_printf(ret_reason, "it was asked for");
		return 0;
	}
	r = tracker_choose(manager->root, ret, &why);
	if (r < 0) {
		error_set(err, r, "see accesses", "no tracker works here; %s: %s", why.step,
			  why.cause);
		error_advise(err, "%s", why.advice);
		return r;
	}
	if (why.code != 0)
		text_printf(ret_reason, "the best that works here; not %s: %s: %s%s%s", why.step,
			    why.object, why.cause, *why.advice ? "; " : "", why.advice);
	else
		text_printf(ret_reason, "it is the best, and works here");
	return 0;
}

static int use_tracker(struct manager *manager, const struct manager_config *config,
		       struct mpol_error *err)
{
	_cleanup_(text_free) struct text reason = { 0 };
	const struct tracker_kind *tracker;
	struct mpol_error why = { 0 };
	int r = choose_tracker(manager, config, &tracker, &reason, err);

	if (r < 0)
		return r;
	snprintf(manager->tracker_reason, sizeof(manager->tracker_reason), "%s",
		 reason.data ? reason.data : "");
	log_info("tracker %s: %s; %s", tracker->name, manager->tracker_reason, tracker->summary);
	for (size_t i = 0; tracker != manager->roster.tracker && i < manager->roster.nr_processes;
	     i++) {
		struct tiered *tiered = manager->roster.processes[i].tiered;

		if (tiered_use(tiered, tracker, &why) < 0)
			log_warning("process %d: tracker %s: %s", tiered_pid(tiered), tracker->name,
				    why.cause);
	}
	manager->roster.tracker = tracker;
	return 0;
}

int manager_reconfigure(struct manager *manager, const struct manager_config *config,
			struct mpol_error *err)
{
	_cleanup_(move_batch_freep) struct move_batch *batch =
		move_batch_new(manager->root, config->call_ns, &manager->counts);
	int r;

	if (!batch)
		return error_errno(err, -ENOMEM, "use another configuration");
	r = manager_check_huge_pages(manager, config->huge_pages, err);
	if (r == 0 && !(config->tracker && config->tracker == manager->roster.tracker))
		r = use_tracker(manager, config, err);
	if (r < 0)
		return r;
	manager->config = *config;
	manager->config.tracker = manager->roster.tracker;
	manager->tiering.config = config->tiering;
	use_rule(manager, config->tiering.rule ? config->tiering.rule : &rule_ranking);
	tiering_abandon(&manager->tiering, clock_now_ns());
	move_batch_free(manager->batch);
	manager->batch = steal_pointer(&batch);
	return 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* Each process takes some descriptors; we use no select(2), for which there may be too many. */
static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int manager_new(const struct manager_config *config, struct manager **ret, struct mpol_error *err)
{
	_cleanup_(manager_freep) struct manager *manager = calloc(1, sizeof(*manager));
	int r;

	if (!manager)
		return error_errno(err, -ENOMEM, "start");
	allow_many_files();
	manager->began_ns = clock_now_ns();
	manager->root = rootfs_open(NULL);
	if (manager->root < 0)
		return error_errno(err, manager->root, "open /");
	r = tier_nodes_read(manager->root, &manager->nodes, err);
	if (r < 0)
		return r;
	if (manager->nodes->nr_tiers < 2) {
		error_set(err, -ENODEV, "start", "all memory of this machine is of one tier");
		error_advise(err, "mpol topo shows the nodes and their tiers");
		return -ENODEV;
	}
	manager_leave_fast_memory(manager);
	manager->accessed_bit_ns = accessed_bit_cost_ns(manager->root);
	log_info("a cleared accessed bit costs its process %" PRIu32 " ns",
		 manager->accessed_bit_ns);
	kernel_settings_recover(manager->root); /* of an mpold that was killed, with its guards */
	roster_start(&manager->roster, manager->root, NULL, &manager->nodes->memory);
	tiering_start(&manager->tiering, &config->tiering, manager->nodes->nr_tiers);
	if (config->tiering.rule)
		say_rule(config->tiering.rule);
	r = manager_reconfigure(manager, config, err);
	if (r < 0)
		return r;
	if (!config->keeps_kernel_tiering && !config->dry_run)
		kernel_tiering_hold(&manager->kernel_tiering, manager->root,
				    manager->roster.tracker != &tracker_hintfault);
	*ret = steal_pointer(&manager);
	return 0;
}

void manager_free(struct manager *manager)
{
	if (!manager)
		return;
	roster_end(&manager->roster);
	kernel_tiering_release(&manager->kernel_tiering);
	move_batch_free(manager->batch);
	tier_nodes_free(manager->nodes);
	closep(&manager->root);
	free(manager);
}
