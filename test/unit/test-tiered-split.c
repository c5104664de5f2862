/* SPDX-License-Identifier: MIT */
/*
 * Huge pages of a child that are to be split: held back from the decision, then apart, within what
 * a round may cost.  A tracker of the test's own says that all pages are accessed, or none.
 */
#include "cmocka-all.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "huge-child.h"
#include "huge-pages.h"
#include "huge-split.h"
#include "rootfs.h"
#include "tiered-internal.h"

#define NR_HUGE 3

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static char *memory; /* in the child */
static pid_t child;
static int root;
static bool is_busy;
static struct tiered *tiered;

static const struct tracker_kind fake_kind;

static int open_fake(int ignored, pid_t pid, struct tracker **ret, struct mpol_error *err)
{
	static struct tracker fake = { &fake_kind };

	(void)ignored;
	(void)pid;
	(void)err;
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
	return 0;
}

/* Or else it is the test's own, or a sanitizer's. */
static bool is_in_memory(uint64_t address)
{
	return address >= (uintptr_t)memory && address < (uintptr_t)memory + NR_HUGE * HUGE_BYTES;
}

static int scan_fake(struct tracker *tracker, uint64_t start, uint64_t end, uint64_t *bits)
{
	(void)tracker;
	for (uint64_t at = start; is_busy && at < end; at += PAGE_BYTES)
		if (is_in_memory(at))
			bits[(at - start) / PAGE_BYTES / 64] |= 1UL
								<< (at - start) / PAGE_BYTES % 64;
	return 0;
}

static const struct tracker_kind fake_kind = {
	.name = "fake",
	.open = open_fake,
	.close = close_fake,
	.clear = clear_fake,
	.scan = scan_fake,
};

static void look(void)
{
	struct tiering_seen seen;

	assert_int_equal(tiered_clear(tiered), 0);
	assert_int_equal(tiered_scan(tiered, 5, &(struct nodemask) { 0 }, &seen), 0);
	assert_int_equal(seen.pages, tiered_sums(tiered).seen_pages);
	assert_int_equal(seen.all_pages, tiered_sums(tiered).pages);
}

/* Of the memory: whole huge pages, base pages, and how many of these a decision may not move. */
struct found {
	unsigned huge, base, held;
};

static struct found gather(void)
{
	static struct tiering_chunk chunk;
	const uint64_t first = (uintptr_t)memory / PAGE_BYTES, end = first + NR_HUGE * 512;
	struct found found = { 0 };

	for (uint64_t page = first; tiered_gather(tiered, page, &chunk);
	     page = chunk.span.first_page + chunk.span.nr_units * chunk.span.unit_pages)
		for (uint32_t i = 0; i < chunk.span.nr_units; i++) {
			if (chunk.span.first_page + i * chunk.span.unit_pages >= end)
				return found;
			*(chunk.span.unit_pages == 1 ? &found.base : &found.huge) += 1;
			found.held += chunk.nodes[i] < 0;
		}
	return found;
}

/* A child, looked at once. */
static int start(void **state)
{
	struct tiered_request request = { .tracker = &fake_kind };

	(void)state;
	child = start_huge_child(NR_HUGE, &memory);
	root = rootfs_open(NULL);
	request.root = root;
	request.pid = child;
	request.memory = nodemask_of(0);
	assert_int_equal(tiered_open(&request, &tiered, NULL), 0);
	is_busy = true;
	look();
	return 0;
}

static int stop(void **state)
{
	(void)state;
	tiered_close(tiered);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return close(root);
}

/* What a round may do, or skips: the machine has no huge pages, or lets us not split them. */
static struct tiered_splits begin(unsigned left)
{
	struct tiered_splits none = { 0 };

	if (gather().huge != NR_HUGE || tiered_split(tiered, true, &none) < 0)
		skip();
	return (struct tiered_splits) { .left = left, .until_ns = UINT64_MAX };
}

static void test_whole(void **state)
{
	struct tiered_splits splits = begin(NR_HUGE);

	(void)state;
	assert_int_equal(tiered_split(tiered, false, &splits), 0);
	assert_int_equal(splits.left, NR_HUGE);
	assert_int_equal(gather().huge, NR_HUGE);
	assert_int_equal(gather().held, 0);
	assert_int_equal(tiered_sums(tiered).kept_huge_pages, 0);
}

static void test_split(void **state)
{
	struct tiered_splits splits = begin(1);
	struct found found;

	(void)state;
	/* Nothing is left of the round for the others: they stay as they are meanwhile. */
	assert_int_equal(tiered_split(tiered, true, &splits), 0);
	found = gather();
	if (splits.huge_pages == 0)
		skip(); /* somebody has it pinned, or so */
	assert_int_equal(splits.left, 0);
	assert_int_equal(found.huge, NR_HUGE - 1);
	assert_int_equal(found.base, 512);
	assert_int_equal(found.held, NR_HUGE - 1);
	splits = (struct tiered_splits) { .left = 9, .until_ns = 1 };
	assert_int_equal(tiered_split(tiered, true, &splits), 0);
	assert_int_equal(splits.left, 9);
	splits.until_ns = UINT64_MAX;
	look();
	assert_int_equal(tiered_split(tiered, true, &splits), 0);
	look();
	found = gather();
	assert_int_equal(found.base, NR_HUGE * 512);
	assert_int_equal(found.held, 0);
	assert_true(tiered_sums(tiered).pages >= NR_HUGE * 512);
}

/* As khugepaged does; skips where the kernel cannot, or does not want to. */
static void join(void)
{
	struct iovec range = { memory, HUGE_BYTES };
	const int pidfd = tiered_pidfd(tiered);

	if (syscall(SYS_process_madvise, pidfd, &range, 1, MADV_COLLAPSE, 0) != (long)HUGE_BYTES)
		skip();
	for (int round = 0; round < 17 && gather().huge == 0; round++)
		look();
	assert_int_equal(gather().huge, 1);
}

/* The first units' heat, of which the next ones are made. */
static uint16_t heat(uint16_t next)
{
	static struct tiering_chunk chunk;
	uint16_t before;

	assert_true(tiered_gather(tiered, (uintptr_t)memory / PAGE_BYTES, &chunk));
	before = chunk.units[0].heat;
	chunk.units[0].heat = next;
	tiered_keep(tiered, &chunk);
	return before;
}

/* What became of a move of the memory's first unit. */
static void tell_first(int status)
{
	tiered->process.became((uintptr_t)memory, 1, status, tiered->process.user);
}

/* By somebody else: what must not move as a whole must not in pieces. */
static void test_apart(void **state)
{
	begin(0);
	(void)state;
	is_busy = false;
	look();
	tell_first(-EBUSY);
	tell_first(-EBUSY);
	assert_int_equal(gather().held, 1);
	if (huge_split(tiered_pidfd(tiered), (uintptr_t)memory) < 0)
		skip();
	for (int round = 0; round < 17; round++)
		look();
	if (gather().huge != NR_HUGE - 1)
		skip(); /* somebody has it pinned, or so */
	assert_int_equal(gather().base, 512);
	assert_int_equal(gather().held, 512);
}

/* What is joined again is new, is split again, and at last let alone. */
static void test_joined(void **state)
{
	struct tiered_splits splits = begin(NR_HUGE);

	(void)state;
	heat(70);
	assert_int_equal(tiered_split(tiered, true, &splits), 0);
	if (splits.huge_pages != NR_HUGE)
		skip();
	assert_int_equal(heat(77), 0);
	tell_first(-EACCES);
	for (int i = 1; i < HUGE_MOST_SPLITS; i++) {
		join();
		assert_int_equal(heat(0), 0);
		assert_int_equal(gather().held, 1);
		splits.left = 1;
		splits.huge_pages = 0;
		assert_int_equal(tiered_split(tiered, true, &splits), 0);
		assert_int_equal(splits.huge_pages, 1);
		assert_int_equal(heat(77), 0);
	}
	join();
	assert_int_equal(tiered_sums(tiered).kept_huge_pages, 1);
	assert_int_equal(gather().held, 0);
	splits.left = 1;
	assert_int_equal(tiered_split(tiered, true, &splits), 0);
	assert_int_equal(splits.left, 1);
}

/* One with a hint, and those that nobody accesses. */
static void test_not_worth_it(void **state)
{
	struct tiered_splits splits = begin(9);
	const uint64_t second = (uintptr_t)memory + HUGE_BYTES;

	(void)state;
	assert_int_equal(tiered_hint(tiered, second, second + HUGE_BYTES, PORT_HINT_HOT), 0);
	assert_int_equal(gather().held, NR_HUGE - 1);
	is_busy = false;
	look();
	assert_int_equal(gather().held, 0);
	assert_int_equal(tiered_split(tiered, true, &splits), 0);
	assert_int_equal(splits.left, 9);
}

static void test_ended(void **state)
{
	struct tiered_splits splits = begin(9);

	(void)state;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(tiered_split(tiered, true, &splits), -ESRCH);
	assert_int_equal(gather().held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, start, stop),
		cmocka_unit_test_setup_teardown(test_split, start, stop),
		cmocka_unit_test_setup_teardown(test_apart, start, stop),
		cmocka_unit_test_setup_teardown(test_joined, start, stop),
		cmocka_unit_test_setup_teardown(test_not_worth_it, start, stop),
		cmocka_unit_test_setup_teardown(test_ended, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
