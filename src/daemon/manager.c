/* SPDX-License-Identifier: MIT */
/* The manager's loop: see manager.h. */
#include "manager.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "grow.h"
#include "log.h"
#include "rootfs.h"
#include "tier-nodes.h"
#include "tiered.h"

/* What moving a page costs before it was ever measured. */
#define FIRST_MOVE_PAGE_NS 2000

/* How often selectors are asked again. */
#define SELECT_NS 1000000000ULL

/* A process under management; its id is what tiering calls its target, and is never used again. */
struct target {
	uint32_t id;
	struct tiered *tiered;
};

struct manager {
	struct manager_config config;
	int root;
	struct tier_nodes *nodes;
	struct tiering tiering;
	struct target *targets; /* by id */
	size_t nr_targets, nr_allocated;
	uint32_t next_id;
	struct mpol_selector *selectors;
	size_t nr_selectors, nr_selectors_allocated;
	uint64_t selected_ns; /* when they were asked last */
	/* Selected, but not to be managed: said once. */
	struct mpol_selected *refused;
	size_t nr_refused, nr_refused_allocated;
	struct move_batch *batch;
	struct move_counts counts; /* of all that was ever moved */
	uint64_t decided_pages[2]; /* by port_reason, in this round */
	uint64_t round_cpu_ns;	   /* CPU time of ours when this round began */
	uint64_t deciding_ns;	   /* what the last decision took of it, moves left out */
};

static uint64_t cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

/* ---- Processes ------------------------------------------------------------------------ */

static void drop(struct manager *manager, size_t i, const char *why)
{
	struct target *target = &manager->targets[i];

	log_info("process %d: %s", tiered_pid(target->tiered), why);
	tiered_close(target->tiered);
	memmove(target, target + 1, (--manager->nr_targets - i) * sizeof(*target));
}

static void drop_failed(struct manager *manager, size_t i, int r)
{
	drop(manager, i, r == -ESRCH ? "it has ended" : strerror(-r));
}

static bool is_managed(const struct manager *manager, pid_t pid)
{
	for (size_t i = 0; i < manager->nr_targets; i++)
		if (tiered_pid(manager->targets[i].tiered) == pid)
			return true;
	return false;
}

int manager_add(struct manager *manager, pid_t pid, struct mpol_error *err)
{
	const struct tiered_request request = {
		.root = manager->root,
		.pid = pid,
		.tracker = manager->config.tracker,
		.memory = manager->nodes->memory,
	};
	struct target *targets;
	int r;

	if (is_managed(manager, pid)) {
		error_set(err, -EEXIST, "add a process", "it is managed already");
		error_on(err, "process %d", pid);
		return -EEXIST;
	}
	targets = grow(manager->targets, manager->nr_targets, &manager->nr_allocated,
		       sizeof(*targets));
	if (!targets)
		return error_errno(err, -ENOMEM, "add a process");
	manager->targets = targets;
	r = tiered_open(&request, &targets[manager->nr_targets].tiered, err);
	if (r < 0)
		return r;
	targets[manager->nr_targets++].id = manager->next_id++;
	log_info("process %d: managed", pid);
	return 0;
}

static bool is_refused(const struct manager *manager, const struct mpol_selected *process)
{
	for (size_t i = 0; i < manager->nr_refused; i++)
		if (manager->refused[i].pid == process->pid &&
		    manager->refused[i].start_ticks == process->start_ticks)
			return true;
	return false;
}

static void refuse(struct manager *manager, const struct mpol_selected *process,
		   const struct mpol_error *error)
{
	struct mpol_selected *refused = grow(manager->refused, manager->nr_refused,
					     &manager->nr_refused_allocated, sizeof(*refused));

	log_warning("process %d: %s: %s", process->pid, error->step, error->cause);
	if (!refused)
		return; /* it is said once more */
	manager->refused = refused;
	refused[manager->nr_refused++] = *process;
}

/* Takes in whom a selector means now. */
static int select_now(struct manager *manager, const struct mpol_selector *selector,
		      struct mpol_error *err)
{
	struct mpol_selection selection = { 0 };
	struct mpol_error error = { 0 };
	int r = mpol_select(NULL, selector, &selection, err);

	for (size_t i = 0; i < selection.nr_processes; i++) {
		const struct mpol_selected *process = &selection.processes[i];

		if (is_managed(manager, process->pid) || is_refused(manager, process))
			continue;
		if (manager_add(manager, process->pid, &error) < 0 && error.code != -ESRCH)
			refuse(manager, process, &error);
	}
	mpol_selection_free(&selection);
	return r;
}

static void select_all(struct manager *manager)
{
	const uint64_t now_ns = clock_now_ns();

	if (now_ns - manager->selected_ns < SELECT_NS)
		return;
	manager->selected_ns = now_ns;
	for (size_t i = 0; i < manager->nr_selectors; i++)
		select_now(manager, &manager->selectors[i], NULL); /* who is not there may come */
}

int manager_follow(struct manager *manager, const struct mpol_selector *selector,
		   struct mpol_error *err)
{
	struct mpol_selector *selectors =
		grow(manager->selectors, manager->nr_selectors, &manager->nr_selectors_allocated,
		     sizeof(*selectors));
	int r;

	if (!selectors)
		return error_errno(err, -ENOMEM, "follow processes");
	manager->selectors = selectors;
	r = select_now(manager, selector, err);
	if (r == -EINVAL || r == -ENOMEM || r == -ENOTUNIQ || r == -EOPNOTSUPP)
		return r;
	selectors[manager->nr_selectors++] = *selector;
	return 0;
}

int manager_set_rule(struct manager *manager, const char *name, struct mpol_error *err)
{
	const struct rule *rule = rule_find(name);

	if (!rule) {
		error_set(err, -ENOENT, "set the rule", "no such rule");
		error_on(err, "%.64s", name);
		error_advise(err, "there are " RULE_NAMES);
		return -ENOENT;
	}
	tiering_set_rule(&manager->tiering, rule);
	log_info("rule %s: %s", rule->name, rule->summary);
	return 0;
}

static struct target *find(const struct manager *manager, uint32_t id)
{
	for (size_t i = 0; i < manager->nr_targets; i++)
		if (manager->targets[i].id >= id)
			return &manager->targets[i];
	return NULL;
}

/* ---- What tiering asks for ---------------------------------------------------------------- */

static bool gather(void *user, struct tiering_position from, struct tiering_chunk *chunk)
{
	const struct manager *manager = user;
	const struct target *target = find(manager, from.target);

	for (; target && target < manager->targets + manager->nr_targets; target++) {
		if (!tiered_gather(target->tiered, target->id == from.target ? from.page : 0,
				   chunk))
			continue;
		chunk->span.target = target->id;
		return true;
	}
	return false;
}

static void keep(void *user, const struct tiering_chunk *chunk)
{
	tiered_keep(find(user, chunk->span.target)->tiered, chunk);
}

static void carry_out(void *user, const struct port_move *moves, size_t nr)
{
	struct manager *manager = user;
	struct tiered *tiered = find(manager, moves[0].target)->tiered; /* all are one's */
	int r;

	for (size_t i = 0; i < nr; i++)
		manager->decided_pages[moves[i].reason] += moves[i].nr_pages;
	if (manager->config.dry_run)
		return;
	r = tiered_move(tiered, moves, nr, manager->batch);
	if (r < 0 && r != -ESRCH) /* that one is found out at the next look */
		log_warning("process %d: move_pages: %s", tiered_pid(tiered), strerror(-r));
}

static uint64_t move_page_ns(const struct manager *manager)
{
	const struct move_counts *counts = &manager->counts;

	return counts->moved_pages ? counts->all_calls_ns / counts->moved_pages
				   : FIRST_MOVE_PAGE_NS;
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

static void decide(struct manager *manager)
{
	const struct move_counts before = manager->counts;
	const uint64_t now_ns = clock_now_ns();
	const uint64_t began_cpu_ns = cpu_ns();
	const struct tiering_time time = {
		.now_ns = now_ns,
		.spent_ns = began_cpu_ns - manager->round_cpu_ns + manager->deciding_ns,
		.move_page_ns = move_page_ns(manager),
	};
	const struct port_nodes nodes = { manager->nodes->nodes, manager->nodes->nr };
	const struct tiering_world world = { manager, gather, keep, carry_out };
	uint64_t took_ns, moving_ns;

	tier_nodes_refresh(manager->nodes, manager->root);
	manager->decided_pages[PORT_PROMOTE] = manager->decided_pages[PORT_DEMOTE] = 0;
	tiering_decide(&manager->tiering, &time, &nodes, &world);
	move_batch_flush(manager->batch);
	took_ns = cpu_ns() - began_cpu_ns;
	moving_ns = manager->counts.all_calls_ns - before.all_calls_ns;
	manager->deciding_ns = took_ns > moving_ns ? took_ns - moving_ns : 0;
	say_decided(manager, manager->counts.moved_pages - before.moved_pages);
}

/* ---- The loop -------------------------------------------------------------------------------- */

static void clear(struct manager *manager)
{
	manager->round_cpu_ns = cpu_ns();
	select_all(manager);
	for (size_t i = manager->nr_targets; i-- > 0;) {
		const int r = tiered_clear(manager->targets[i].tiered);

		if (r < 0)
			drop_failed(manager, i, r);
	}
	tiering_cleared(&manager->tiering, clock_now_ns());
}

static void scan(struct manager *manager)
{
	for (size_t i = manager->nr_targets; i-- > 0;) {
		const int r =
			tiered_scan(manager->targets[i].tiered, tiering_score(&manager->tiering));

		if (r < 0)
			drop_failed(manager, i, r);
	}
	tiering_scanned(&manager->tiering);
}

/* Does what is due.  Returns for how long nothing is. */
static uint64_t work(struct manager *manager)
{
	for (;;) {
		const uint64_t now_ns = clock_now_ns();
		uint64_t when_ns;
		const enum tiering_step step = tiering_next(&manager->tiering, &when_ns);

		if (when_ns > now_ns)
			return when_ns - now_ns;
		switch (step) {
		case TIERING_CLEAR:
			clear(manager);
			break;
		case TIERING_SCAN:
			scan(manager);
			break;
		case TIERING_DECIDE:
			decide(manager);
			break;
		case TIERING_NOTHING:
			break;
		}
	}
}

/* Sleeps until then, or a signal comes.  Returns whether one came. */
static bool rest(int signals, uint64_t ns)
{
	const struct timespec time = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };
	struct pollfd wait = { .fd = signals, .events = POLLIN };

	return ppoll(&wait, 1, &time, NULL) > 0;
}

int manager_run(struct manager *manager, struct mpol_error *err)
{
	_cleanup_close_ int signals = -1;
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	if (sigprocmask(SIG_BLOCK, &ending, NULL) < 0 ||
	    (signals = signalfd(-1, &ending, SFD_CLOEXEC)) < 0)
		return error_errno(err, -errno, "await signals");
	while ((manager->nr_targets || manager->nr_selectors) && !rest(signals, work(manager)))
		;
	return 0;
}

/* The one that was asked for, or the best that works here. */
static int choose_tracker(struct manager *manager, struct mpol_error *err)
{
	const struct tracker_kind **tracker = &manager->config.tracker;
	struct mpol_error why = { 0 };
	int r = *tracker ? 0 : tracker_choose(manager->root, tracker, &why);

	if (r < 0) {
		error_set(err, r, "see accesses", "no tracker works here; %s: %s", why.step,
			  why.cause);
		error_advise(err, "%s", why.advice);
		return r;
	}
	if (why.code != 0)
		log_info("tracker %s: %s: %s%s%s", why.step, why.object, why.cause,
			 *why.advice ? "; " : "", why.advice);
	log_info("tracker %s: %s", (*tracker)->name, (*tracker)->summary);
	return 0;
}

int manager_new(const struct manager_config *config, struct manager **ret, struct mpol_error *err)
{
	_cleanup_(manager_freep) struct manager *manager = calloc(1, sizeof(*manager));
	int r;

	if (!manager)
		return error_errno(err, -ENOMEM, "start");
	manager->config = *config;
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
	r = choose_tracker(manager, err);
	if (r < 0)
		return r;
	manager->batch = move_batch_new(manager->root, config->call_ns, &manager->counts);
	if (!manager->batch)
		return error_errno(err, -ENOMEM, "start");
	tiering_start(&manager->tiering, &config->tiering, manager->nodes->nr_tiers);
	if (config->tiering.rule)
		log_info("rule %s: %s", config->tiering.rule->name, config->tiering.rule->summary);
	*ret = steal_pointer(&manager);
	return 0;
}

void manager_free(struct manager *manager)
{
	if (!manager)
		return;
	for (size_t i = 0; i < manager->nr_targets; i++)
		tiered_close(manager->targets[i].tiered);
	free(manager->targets);
	free(manager->selectors);
	free(manager->refused);
	move_batch_free(manager->batch);
	tier_nodes_free(manager->nodes);
	closep(&manager->root);
	free(manager);
}
