/* SPDX-License-Identifier: MIT */
/*
 * What tiering knows of a process's pages: a child's memory, looked at by a tracker of the
 * test's own that says what it is told to.
 */
#include "fake-root.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rootfs.h"
#include "tiered-internal.h"

#define NR_PAGES 1500 /* over three blocks, the last one not whole */

static char *memory; /* in the child; aligned to a block */
static pid_t child;
static int root;
static unsigned nr_clears;
static bool every_third; /* page is said to be accessed; else none */

static const struct tracker_kind fake_kind;

static int open_fake(int ignored, pid_t pid, struct tracker **ret, struct mpol_error *err)
{
	static struct tracker fake = { &fake_kind };

	(void)ignored;
	(void)err;
	assert_int_equal(pid, child);
	*ret = &fake;
	return 0;
}

static void close_fake(struct tracker *tracker)
{
	(void)tracker;
}

static int clear_fake(struct tracker *tracker)
{
	(void)tracker;
	nr_clears++;
	return 0;
}

static int scan_fake(struct tracker *tracker, uint64_t start, uint64_t end, uint64_t *bits)
{
	(void)tracker;
	assert_int_equal(start % PAGE_BYTES, 0);
	for (uint64_t page = start / PAGE_BYTES; every_third && page < end / PAGE_BYTES; page++) {
		const uint64_t i = page - start / PAGE_BYTES;

		if (page % 3 == 0)
			bits[i / 64] |= 1ULL << i % 64;
	}
	return 0;
}

static const struct tracker_kind fake_kind = {
	.name = "fake",
	.open = open_fake,
	.close = close_fake,
	.clear = clear_fake,
	.scan = scan_fake,
};

enum order { UNMAP_HALF = 1, END_LEADER, LOCK, UNLOCK };

static int orders[2], answers[2]; /* the child's pipes */

static void *obey_orders(void *unused);

static bool obey(char order)
{
	pthread_t other;

	switch ((enum order)order) {
	case UNMAP_HALF:
		return munmap(memory, 1024 * PAGE_BYTES) == 0;
	case LOCK: /* as it is: nothing is populated */
		return mlock2(memory, NR_PAGES * PAGE_BYTES, MLOCK_ONFAULT) == 0;
	case UNLOCK: /* sanitizers have a munlock of their own, which does nothing */
		return syscall(SYS_munlock, memory, NR_PAGES * PAGE_BYTES) == 0;
	case END_LEADER:
		if (pthread_create(&other, NULL, obey_orders, NULL) == 0)
			pthread_exit(NULL);
		return false;
	}
	return false;
}

/* What the child does, in its leader or another thread. */
static void *obey_orders(void *unused)
{
	bool done = true;
	char order;

	while (write(answers[1], &done, 1) == 1 && read(orders[0], &order, 1) == 1)
		done = obey(order);
	_exit(0);
	return unused;
}

/* A child with NR_PAGES pages but for one in the middle, that does what it is told. */
static int start(void **state)
{
	bool done;
	char *room = mmap(NULL, 6 * BLOCK_BYTES, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_true(room != MAP_FAILED);
	memory = room + BLOCK_BYTES - (uintptr_t)room % BLOCK_BYTES;
	assert_int_equal(pipe2(orders, O_CLOEXEC), 0);
	assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		mprotect(memory, NR_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE);
		madvise(memory, NR_PAGES * PAGE_BYTES, MADV_NOHUGEPAGE);
		memset(memory, 1, NR_PAGES * PAGE_BYTES);
		madvise(memory + 700 * PAGE_BYTES, PAGE_BYTES, MADV_DONTNEED);
		obey_orders(NULL);
	}
	assert_int_equal(read(answers[0], &done, 1), 1);
	root = rootfs_open(NULL);
	(void)state;
	close(orders[0]);
	close(answers[1]);
	munmap(room, 6 * BLOCK_BYTES);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(orders[1]);
	close(answers[0]);
	return close(root);
}

/* Has the child do it. */
static bool order(char what)
{
	bool done;

	assert_int_equal(write(orders[1], &what, 1), 1);
	assert_int_equal(read(answers[0], &done, 1), 1);
	return done;
}

static struct tiered *open_tiered(void)
{
	const struct tiered_request request = {
		.root = root,
		.pid = child,
		.tracker = &fake_kind,
		.memory = nodemask_of(0),
	};
	struct tiered *tiered;

	assert_int_equal(tiered_open(&request, &tiered, NULL), 0);
	return tiered;
}

/* Of the memory's pages: how many there are, and how many have the score. */
struct found {
	unsigned pages, scored;
};

/* Walks the memory; every unit's heat is as given before, and becomes another. */
static struct found walk(struct tiered *tiered, uint8_t score, uint8_t heat, uint8_t new_heat)
{
	static struct tiering_chunk chunk;
	const uint64_t first = (uintptr_t)memory / PAGE_BYTES;
	struct found found = { 0 };

	for (uint64_t page = first;
	     tiered_gather(tiered, page, &chunk) && chunk.span.first_page < first + NR_PAGES;
	     page = chunk.span.first_page + chunk.span.nr_units) {
		assert_true(chunk.span.first_page >= page);
		assert_int_equal(chunk.span.unit_pages, 1);
		assert_int_not_equal(chunk.span.nr_units, 0);
		for (uint32_t i = 0; i < chunk.span.nr_units; i++) {
			if (chunk.nodes[i] < 0 || chunk.span.first_page + i >= first + NR_PAGES)
				continue;
			found.pages++;
			found.scored += chunk.seen[i] == score;
			assert_int_equal(chunk.units[i].heat, heat);
			chunk.units[i].heat = new_heat;
		}
		tiered_keep(tiered, &chunk);
	}
	return found;
}

/* Where node 0 is the fast one. */
static struct tiering_seen scan(struct tiered *tiered, uint8_t score)
{
	const struct nodemask fast = nodemask_of(0);
	struct tiering_seen seen;

	assert_int_equal(tiered_scan(tiered, score, &fast, &seen), 0);
	return seen;
}

static unsigned nr_thirds(void)
{
	unsigned nr = 0;

	for (uint64_t page = 0; page < NR_PAGES; page++)
		nr += page != 700 && ((uintptr_t)memory / PAGE_BYTES + page) % 3 == 0;
	return nr;
}

static void knows_the_pages_that_are_there(void **state)
{
	_cleanup_(tiered_closep) struct tiered *tiered = open_tiered();
	struct found found;

	(void)state;
	assert_int_equal(tiered_pid(tiered), child);
	assert_int_equal(tiered_clear(tiered), 0);
	every_third = true;
	assert_true(scan(tiered, 5).units >= nr_thirds());
	found = walk(tiered, 5, 0, 0);
	assert_int_equal(found.pages, NR_PAGES - 1);
	assert_int_equal(found.scored, nr_thirds());
	assert_true(tiered_sums(tiered).pages >= NR_PAGES - 1);
	assert_true(tiered_sums(tiered).seen_pages >= nr_thirds());
}

static void a_score_is_kept_until_the_clear(void **state)
{
	_cleanup_(tiered_closep) struct tiered *tiered = open_tiered();

	(void)state;
	every_third = true;
	assert_int_equal(tiered_clear(tiered), 0);
	assert_true(scan(tiered, 5).units >= nr_thirds());
	assert_int_equal(scan(tiered, 4).units, 0);
	assert_int_equal(walk(tiered, 5, 0, 0).scored, nr_thirds());
	assert_int_equal(walk(tiered, 4, 0, 0).scored, 0);
	nr_clears = 0;
	assert_int_equal(tiered_clear(tiered), 0);
	assert_int_equal(nr_clears, 1);
	assert_int_equal(walk(tiered, 0, 0, 0).scored, NR_PAGES - 1);
}

static void tells_what_was_seen_first_and_where(void **state)
{
	_cleanup_(tiered_closep) struct tiered *tiered = open_tiered();
	const struct nodemask elsewhere = nodemask_of(1);
	struct tiering_seen seen;

	(void)state;
	every_third = true;
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(tiered_clear(tiered), 0);
		seen = scan(tiered, 5);
		assert_true(seen.units >= nr_thirds());
		assert_int_equal(seen.fast_units, seen.units);
		assert_int_equal(seen.pages, seen.units);
		assert_int_equal(seen.all_pages, tiered_sums(tiered).pages);
		assert_int_equal(scan(tiered, 4).units, 0);
	}
	assert_int_equal(tiered_clear(tiered), 0);
	assert_int_equal(tiered_scan(tiered, 5, &elsewhere, &seen), 0);
	assert_true(seen.units >= nr_thirds());
	assert_int_equal(seen.fast_units, 0);
}

/* Of rounds whose last scan gives 4. */
static struct tiering_peek peek(struct tiered *tiered, uint64_t groups, uint64_t number)
{
	const struct tiering_sample sample = { groups, number, 4 };
	struct tiering_peek seen;

	assert_int_equal(tiered_peek(tiered, &sample, &seen), 0);
	return seen;
}

static uint64_t unseen_units(struct tiered *tiered, uint64_t groups, uint64_t number)
{
	return peek(tiered, groups, number).unseen_units;
}

/* Two samples have all of it together, and what a scan has seen is in none. */
static void a_peek_counts_what_no_scan_has_seen(void **state)
{
	_cleanup_(tiered_closep) struct tiered *tiered = open_tiered();
	uint64_t all;

	(void)state;
	every_third = false;
	assert_int_equal(tiered_clear(tiered), 0);
	scan(tiered, 5);
	assert_int_equal(unseen_units(tiered, 1, 0), 0);
	every_third = true;
	all = unseen_units(tiered, 1, 0);
	assert_true(all >= nr_thirds());
	assert_int_equal(unseen_units(tiered, 1, 0), all); /* it gives no score */
	assert_int_equal(unseen_units(tiered, 2, 0) + unseen_units(tiered, 2, 1), all);
	assert_int_equal(unseen_units(tiered, 1000, 999), 0);
	assert_int_equal(scan(tiered, 5).units, all);
	assert_int_equal(unseen_units(tiered, 1, 0), 0);
}

static void a_peek_counts_what_the_last_scan_has_seen(void **state)
{
	_cleanup_(tiered_closep) struct tiered *tiered = open_tiered();
	uint64_t all;

	(void)state;
	every_third = false;
	assert_int_equal(tiered_clear(tiered), 0);
	scan(tiered, 5);
	every_third = true;
	assert_int_equal(peek(tiered, 1, 0).last_units, 0);
	all = scan(tiered, 4).units;
	assert_int_equal(peek(tiered, 1, 0).last_units, all);
	assert_int_equal(peek(tiered, 2, 0).last_units + peek(tiered, 2, 1).last_units, all);
}

static void states_of_units_outlive_rounds_and_ranges_do_not(void **state)
{
	_cleanup_(tiered_closep) struct tiered *tiered = open_tiered();

	(void)state;
	every_third = false;
	assert_int_equal(tiered_clear(tiered), 0);
	assert_int_equal(walk(tiered, 0, 0, 77).pages, NR_PAGES - 1);
	assert_int_equal(tiered_clear(tiered), 0);
	assert_int_equal(walk(tiered, 0, 77, 78).pages, NR_PAGES - 1);
	assert_true(order(UNMAP_HALF));
	assert_int_equal(tiered_clear(tiered), 0);
	assert_int_equal(walk(tiered, 0, 78, 78).pages, NR_PAGES - 1024);
}

/* Which /proc/PID/maps does not tell. */
static void locked_memory_is_let_alone(void **state)
{
	_cleanup_(tiered_closep) struct tiered *tiered = open_tiered();

	(void)state;
	every_third = false;
	assert_int_equal(tiered_clear(tiered), 0);
	assert_int_equal(walk(tiered, 0, 0, 77).pages, NR_PAGES - 1);
	if (!order(LOCK))
		skip(); /* more than RLIMIT_MEMLOCK */
	assert_int_equal(tiered_clear(tiered), 0);
	assert_int_equal(walk(tiered, 0, 0, 0).pages, 0);
	assert_true(order(UNLOCK));
	assert_int_equal(tiered_clear(tiered), 0);
	assert_int_equal(walk(tiered, 0, 0, 0).pages, NR_PAGES - 1);
}

/* Of a page of the memory. */
static uint64_t address_of(unsigned page)
{
	return (uintptr_t)memory + page * PAGE_BYTES;
}

static void spans_have_one_hint_each(void **state)
{
	static struct tiering_chunk chunk;
	_cleanup_(tiered_closep) struct tiered *tiered = open_tiered();
	const uint64_t first = (uintptr_t)memory / PAGE_BYTES;
	unsigned nr[4] = { 0 };

	(void)state;
	assert_int_equal(tiered_hint(tiered, address_of(100), address_of(600), PORT_HINT_HOT), 0);
	assert_int_equal(tiered_hint(tiered, address_of(600), address_of(601), PORT_HINT_PINNED),
			 0);
	assert_int_equal(tiered_hint(tiered, address_of(900), address_of(1000), PORT_HINT_COLD), 0);
	assert_int_equal(tiered_hint(tiered, address_of(950), address_of(960), PORT_HINT_NONE), 0);
	assert_int_equal(tiered_hint(tiered, address_of(1), address_of(1), PORT_HINT_HOT), -EINVAL);
	assert_int_equal(tiered_hint(tiered, address_of(1) + 1, address_of(2), PORT_HINT_HOT),
			 -EINVAL);
	assert_int_equal(tiered_clear(tiered), 0);
	assert_null(tiered_hints_refused(tiered));
	for (uint64_t page = first;
	     tiered_gather(tiered, page, &chunk) && chunk.span.first_page < first + NR_PAGES;
	     page = chunk.span.first_page + chunk.span.nr_units)
		nr[chunk.span.hint] += chunk.span.nr_units;
	assert_int_equal(nr[PORT_HINT_HOT], 500);
	assert_int_equal(nr[PORT_HINT_PINNED], 1);
	assert_int_equal(nr[PORT_HINT_COLD], 90);
	assert_true(nr[PORT_HINT_NONE] >= NR_PAGES - 591);
}

/* Other threads still have the memory. */
static void the_end_of_the_leader_is_not_the_process_s(void **state)
{
	_cleanup_(tiered_closep) struct tiered *by_leader = open_tiered(), *tiered = NULL;
	struct pollfd end = { .fd = tiered_pidfd(by_leader), .events = POLLIN };
	int r = tiered_clear(by_leader);

	(void)state;
	assert_int_equal(r, 0);
	assert_true(order(END_LEADER));
	for (int tries = 0; tries < 10000 && r == 0; tries++) {
		usleep(1000);
		r = tiered_clear(by_leader);
	}
	assert_int_equal(r, -ESRCH);
	assert_int_equal(poll(&end, 1, 0), 0);
	tiered = open_tiered();
	assert_int_equal(tiered_pid(tiered), child);
	assert_int_equal(tiered_clear(tiered), 0);
	every_third = true;
	assert_true(scan(tiered, 5).units >= nr_thirds());
	assert_int_equal(walk(tiered, 5, 0, 0).pages, NR_PAGES - 1);
}

/* What the batch says became of a page of the memory that was to go to a node. */
static void tell(struct tiered *tiered, unsigned page, int node, int status)
{
	tiered->process.became(address_of(page), node, status, tiered->process.user);
}

/* A page of the memory as a decision is shown it. */
struct shown {
	int node;
	unsigned seen, rest;
};

static struct shown show(const struct tiered *tiered, unsigned page)
{
	static struct tiering_chunk chunk;

	assert_true(tiered_gather(tiered, address_of(page) / PAGE_BYTES, &chunk));
	assert_int_equal(chunk.span.first_page, address_of(page) / PAGE_BYTES);
	return (struct shown) { chunk.nodes[0], chunk.seen[0], chunk.units[0].rest };
}

/* So many that all pages are counted anew among them. */
static void go_rounds(struct tiered *tiered)
{
	for (unsigned round = 0; round < 20; round++)
		assert_int_equal(tiered_clear(tiered), 0);
}

static void what_is_busy_is_tried_once_again(void **state)
{
	_cleanup_(tiered_closep) struct tiered *tiered = open_tiered();
	const unsigned page = 3;

	(void)state;
	every_third = false;
	assert_int_equal(tiered_clear(tiered), 0);
	tell(tiered, page, 1, -EBUSY);
	assert_int_equal(show(tiered, page).node, 0);
	assert_int_equal(show(tiered, page).rest, RANKING_MOST_REST);
	go_rounds(tiered);
	assert_int_equal(show(tiered, page).node, 0);
	assert_int_equal(show(tiered, page).seen, 0);
	tell(tiered, page, 1, -EBUSY);
	assert_int_equal(show(tiered, page).node, -1);
	go_rounds(tiered);
	assert_int_equal(show(tiered, page).node, -1);
	assert_int_equal(show(tiered, page - 1).node, 0);
	assert_int_equal(show(tiered, page + 1).node, 0);
	assert_int_equal(show(tiered, page + 1).rest, 0);
}

static void what_moves_may_be_busy_again(void **state)
{
	_cleanup_(tiered_closep) struct tiered *tiered = open_tiered();
	const unsigned page = 800;

	(void)state;
	assert_int_equal(tiered_clear(tiered), 0);
	tell(tiered, page, 1, -EBUSY);
	tell(tiered, page, 1, 0);
	assert_int_equal(show(tiered, page).node, 1);
	tell(tiered, page, 0, -EBUSY);
	assert_int_equal(show(tiered, page).node, 1);
	tell(tiered, page, 0, -ENOMEM);
	assert_int_equal(show(tiered, page).node, 1);
	tell(tiered, page, 0, -EBUSY);
	assert_int_equal(show(tiered, page).node, -1);
}

static void what_has_gone_is_forgotten(void **state)
{
	_cleanup_(tiered_closep) struct tiered *tiered = open_tiered();
	const unsigned page = 5, busy_page = 6;

	(void)state;
	assert_int_equal(tiered_clear(tiered), 0);
	tell(tiered, page, 1, -EBUSY);
	tell(tiered, page, 1, -ENOENT);
	tell(tiered, busy_page, 1, -EBUSY);
	tell(tiered, busy_page, 1, -EBUSY);
	tell(tiered, busy_page, 1, -ENOENT);
	assert_int_equal(show(tiered, page).node, -1);
	go_rounds(tiered); /* it is another page that is there then */
	assert_int_equal(show(tiered, busy_page).node, 0);
	assert_int_equal(show(tiered, page).node, 0);
	tell(tiered, page, 1, -EBUSY);
	assert_int_equal(show(tiered, page).node, 0);
}

static void what_is_not_ours_to_move_is_tried_once(void **state)
{
	_cleanup_(tiered_closep) struct tiered *tiered = open_tiered();

	(void)state;
	assert_int_equal(tiered_clear(tiered), 0);
	tell(tiered, 7, 1, -EACCES);
	tell(tiered, 8, 1, -ENOMEM);
	assert_int_equal(show(tiered, 7).node, -1);
	assert_int_equal(show(tiered, 8).node, 0);
	assert_int_equal(show(tiered, 8).rest, 0);
}

/* What is known of moves, and a round's score, leave each other alone. */
static void scores_of_what_was_busy_are_told(void **state)
{
	_cleanup_(tiered_closep) struct tiered *tiered = open_tiered();
	const unsigned page = (3 - address_of(0) / PAGE_BYTES % 3) % 3;

	(void)state;
	every_third = true;
	assert_int_equal(tiered_clear(tiered), 0);
	tell(tiered, page, 1, -EBUSY);
	tell(tiered, page + 3, 1, -EACCES);
	scan(tiered, PORT_MAX_SCANS);
	assert_int_equal(show(tiered, page).seen, PORT_MAX_SCANS);
	assert_int_equal(show(tiered, page + 3).seen, PORT_MAX_SCANS);
	assert_int_equal(walk(tiered, PORT_MAX_SCANS, 0, 0).scored, nr_thirds() - 1);
	every_third = false;
	assert_int_equal(tiered_clear(tiered), 0);
	assert_int_equal(tiered_sums(tiered).seen_pages, 0);
	assert_int_equal(show(tiered, page).seen, 0);
	tell(tiered, page, 1, -EBUSY);
	assert_int_equal(show(tiered, page).node, -1);
}

static struct port_move move_of(unsigned page, unsigned nr_pages, int to)
{
	return (struct port_move) {
		.first_page = address_of(page) / PAGE_BYTES,
		.nr_pages = nr_pages,
		.to = to,
		.reason = PORT_PROMOTE,
	};
}

/* From node 0 to itself: all that is there has come. */
static void the_kernel_is_asked_to_move(void **state)
{
	static struct move_counts counts;
	_cleanup_(tiered_closep) struct tiered *tiered = open_tiered();
	_cleanup_(move_batch_freep) struct move_batch *batch =
		move_batch_new(root, 1000000000, &counts);
	const struct port_move moves[] = {
		move_of(0, 64, 0), move_of(64, 64, NODES_MAX - 1), /* no cpuset allows that one */
		move_of(690, 20, 0),				   /* page 700 is not there */
	};

	(void)state;
	assert_non_null(batch);
	assert_int_equal(tiered_clear(tiered), 0);
	tell(tiered, 2, 1, 0);
	assert_int_equal(show(tiered, 2).node, 1);
	assert_int_equal(tiered_move(tiered, moves, 3, batch), 0);
	assert_int_equal(move_batch_flush(batch), 0);
	assert_int_equal(counts.asked_pages, 64 + 20);
	assert_int_equal(counts.moved_pages, 64 + 19);
	assert_int_equal(counts.failed_pages[ENOENT], 1);
	assert_int_equal(show(tiered, 2).node, 0);
	assert_int_equal(show(tiered, 700).node, -1);
	assert_int_equal(show(tiered, 701).node, 0);
}

static void one_that_has_ended_is_said_to_have(void **state)
{
	_cleanup_(tiered_closep) struct tiered *tiered = open_tiered();

	(void)state;
	assert_int_equal(tiered_clear(tiered), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(tiered_clear(tiered), -ESRCH);
}

static void nobody_is_not_opened(void **state)
{
	const struct tiered_request request = {
		.root = root,
		.pid = INT32_MAX,
		.tracker = &fake_kind,
		.memory = nodemask_of(0),
	};
	struct tiered *tiered = NULL;
	struct mpol_error error = { 0 };

	(void)state;
	assert_int_equal(tiered_open(&request, &tiered, &error), -ESRCH);
	assert_null(tiered);
	assert_string_equal(error.object, "process 2147483647");
}

/* Rounds without a change of ranges, until all is asked for anew; the last one's result. */
static int clear_until_renewed(struct tiered *tiered)
{
	int r = 0;

	for (int i = 0; i < 16 && r == 0; i++)
		r = tiered_clear(tiered);
	return r;
}

static void guests_that_come_and_go_change_the_tracker(void **state)
{
	_cleanup_(tiered_closep) struct tiered *tiered = NULL;
	struct fake_root fake;
	char machine[64];

	(void)state;
	assert_int_equal(fake_root_begin(&fake), 0);
	fake_root_link_process(&fake, child);
	fake_root_link_process(&fake, getpid()); /* on which trackers are tried */
	snprintf(machine, sizeof(machine), "proc/%d/fd/10", child);
	fake_root_link(&fake, machine, "/dev/kvm");
	close(root);
	root = fake.fd;
	tiered = open_tiered();
	assert_int_equal(tiered_clear(tiered), 0);
	assert_int_equal(walk(tiered, 0, 0, 77).pages, NR_PAGES - 1);
	assert_ptr_equal(tiered_tracker(tiered), &fake_kind);
	assert_false(tiered_follows_guests(tiered));

	fake_root_put(&fake, "sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds", "0");
	fake_root_link(&fake, machine, "anon_inode:kvm-vm");
	assert_int_equal(clear_until_renewed(tiered), 0);
	assert_ptr_equal(tiered_tracker(tiered), &tracker_damon);
	assert_true(tiered_follows_guests(tiered));
	assert_int_equal(walk(tiered, 0, 77, 78).pages, NR_PAGES - 1);
	fake_root_link(&fake, machine, "/dev/null");
	assert_int_equal(clear_until_renewed(tiered), 0);
	assert_ptr_equal(tiered_tracker(tiered), &fake_kind);
	assert_int_equal(walk(tiered, 0, 78, 78).pages, NR_PAGES - 1);

	/* Where nothing sees guests, it is let alone. */
	fake_root_link(&fake, machine, "anon_inode:kvm-vm");
	unlinkat(fake.fd, "sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds", 0);
	assert_int_equal(clear_until_renewed(tiered), -EOPNOTSUPP);
	assert_non_null(strstr(tiered_failure(tiered, -EOPNOTSUPP), "KVM guests"));
	root = rootfs_open(NULL);
	fake_root_end(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(knows_the_pages_that_are_there, start, stop),
		cmocka_unit_test_setup_teardown(a_score_is_kept_until_the_clear, start, stop),
		cmocka_unit_test_setup_teardown(tells_what_was_seen_first_and_where, start, stop),
		cmocka_unit_test_setup_teardown(a_peek_counts_what_no_scan_has_seen, start, stop),
		cmocka_unit_test_setup_teardown(a_peek_counts_what_the_last_scan_has_seen, start,
						stop),
		cmocka_unit_test_setup_teardown(states_of_units_outlive_rounds_and_ranges_do_not,
						start, stop),
		cmocka_unit_test_setup_teardown(locked_memory_is_let_alone, start, stop),
		cmocka_unit_test_setup_teardown(spans_have_one_hint_each, start, stop),
		cmocka_unit_test_setup_teardown(the_end_of_the_leader_is_not_the_process_s, start,
						stop),
		cmocka_unit_test_setup_teardown(what_is_busy_is_tried_once_again, start, stop),
		cmocka_unit_test_setup_teardown(what_moves_may_be_busy_again, start, stop),
		cmocka_unit_test_setup_teardown(what_has_gone_is_forgotten, start, stop),
		cmocka_unit_test_setup_teardown(what_is_not_ours_to_move_is_tried_once, start,
						stop),
		cmocka_unit_test_setup_teardown(scores_of_what_was_busy_are_told, start, stop),
		cmocka_unit_test_setup_teardown(the_kernel_is_asked_to_move, start, stop),
		cmocka_unit_test_setup_teardown(guests_that_come_and_go_change_the_tracker, start,
						stop),
		cmocka_unit_test_setup_teardown(one_that_has_ended_is_said_to_have, start, stop),
		cmocka_unit_test_setup_teardown(nobody_is_not_opened, start, stop),
	};

	return cmocka_run_group_tests_name("tiered", tests, NULL, NULL);
}
