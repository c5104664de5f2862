/* SPDX-License-Identifier: MIT */
/* Written pages: exactly those that a child says it wrote, round after round. */
#include "cmocka-all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "soft-dirty.h"

#define PAGES	   1000
#define PAGE_BYTES 4096
#define ROUNDS	   8

static char *memory;

/* Whether a page of the memory is written in a round. */
static bool is_written(int round, unsigned page)
{
	return (page * 7 + (unsigned)round * 13) % 5 == 0 && page / 100 != (unsigned)round;
}

/* Writes a round's pages whenever it is told to, and says when it is done. */
static void child_main(int orders, int answers)
{
	char round;

	while (read(orders, &round, 1) == 1) {
		for (unsigned page = 0; page < PAGES; page++)
			if (is_written(round, page))
				((volatile char *)memory)[page * PAGE_BYTES] = round;
			else
				(void)((volatile char *)memory)[page * PAGE_BYTES];
		if (write(answers, &round, 1) != 1)
			_exit(1);
	}
	_exit(0);
}

struct child {
	pid_t pid;
	int orders, answers;
};

static struct child start_child(void)
{
	int orders[2], answers[2];
	struct child child;

	memory = mmap(NULL, PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	/* A huge page is written as a whole. */
	madvise(memory, PAGES * PAGE_BYTES, MADV_NOHUGEPAGE);
	memset(memory, 1, PAGES * PAGE_BYTES);
	assert_int_equal(pipe(orders), 0);
	assert_int_equal(pipe(answers), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		close(orders[1]);
		child_main(orders[0], answers[1]);
	}
	close(orders[0]);
	close(answers[1]);
	child.orders = orders[1];
	child.answers = answers[0];
	return child;
}

static void order(const struct child *child, char round)
{
	assert_int_equal(write(child->orders, &round, 1), 1);
	assert_int_equal(read(child->answers, &round, 1), 1);
}

struct seen {
	bool pages[PAGES];
	uint64_t last_end;
};

static int see(uint64_t start, uint64_t end, void *user)
{
	const uint64_t first = (uintptr_t)memory;
	struct seen *seen = user;

	assert_true(start < end && start >= seen->last_end);
	seen->last_end = end;
	for (uint64_t at = start; at < end; at += PAGE_BYTES)
		if (at >= first && at < first + PAGES * PAGE_BYTES)
			seen->pages[(at - first) / PAGE_BYTES] = true;
	return 0;
}

static int stop_at_once(uint64_t start, uint64_t end, void *user)
{
	(void)start;
	(void)end;
	(void)user;
	return 42;
}

static void test_rounds(void **state)
{
	const int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct child child = start_child();
	struct soft_dirty *tracker;
	int r = soft_dirty_open(root, child.pid, &tracker);

	(void)state;
	if (r == -EOPNOTSUPP) {
		print_message("this kernel keeps no soft-dirty bits\n");
		skip();
	}
	assert_int_equal(r, 0);
	for (char round = 0; round < ROUNDS; round++) {
		struct seen seen = { 0 };

		order(&child, round);
		if (round == 3)
			assert_int_equal(soft_dirty_sample(tracker, stop_at_once, NULL), 42);
		assert_int_equal(soft_dirty_sample(tracker, see, &seen), 0);
		for (unsigned page = 0; page < PAGES; page++)
			if (seen.pages[page] != is_written(round, page))
				fail_msg("round %d: page %u: seen as %swritten", round, page,
					 seen.pages[page] ? "" : "not ");
	}
	kill(child.pid, SIGKILL);
	waitpid(child.pid, NULL, 0);
	assert_int_equal(soft_dirty_sample(tracker, see, &(struct seen) { 0 }), -ESRCH);
	soft_dirty_close(tracker);
	assert_int_equal(soft_dirty_open(root, child.pid, &tracker), -ESRCH);
	close(child.orders);
	close(child.answers);
	close(root);
	munmap(memory, PAGES * PAGE_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
