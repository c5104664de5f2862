/* SPDX-License-Identifier: MIT */
/* Who is managed, and who holds whom: children of the test's own, a tracker that sees nothing. */
#include "fake-root.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "ptraceable.h"
#include "rootfs.h"
#include "roster.h"

#define USER	 4711
#define PATIENCE 10000 /* milliseconds */

static int nr_open;
static bool opens; /* else it may not */

static const struct tracker_kind blind;

static int open_blind(int root, pid_t pid, struct tracker **ret, struct mpol_error *err)
{
	static struct tracker tracker = { &blind };

	(void)root;
	(void)pid;
	if (!opens)
		return error_errno(err, -EPERM, "follow accesses");
	nr_open++;
	*ret = &tracker;
	return 0;
}

static void close_blind(struct tracker *tracker)
{
	(void)tracker;
	nr_open--;
}

static int clear_nothing(struct tracker *tracker)
{
	(void)tracker;
	return 0;
}

static const struct tracker_kind blind = {
	.name = "blind",
	.open = open_blind,
	.close = close_blind,
	.clear = clear_nothing,
};

static struct roster roster;
static pid_t children[2];

static void run_another_program(int signal)
{
	(void)signal;
	execlp("sleep", "sleep", "4711", NULL);
}

static void hide(int signal)
{
	(void)signal;
	prctl(PR_SET_DUMPABLE, 0);
}

static int start(void **state)
{
	const struct nodemask memory = nodemask_of(0);

	(void)state;
	nr_open = 0;
	opens = true;
	signal(SIGUSR1, run_another_program); /* the children's */
	signal(SIGUSR2, hide);
	roster_start(&roster, rootfs_open(NULL), &blind, &memory);
	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			pause();
			_exit(0);
		}
	}
	return 0;
}

static void end_child(int i)
{
	kill(children[i], SIGKILL);
	waitpid(children[i], NULL, 0);
}

static int end(void **state)
{
	const int root = roster.root;

	(void)state;
	roster_end(&roster);
	assert_int_equal(nr_open, 0);
	close(root);
	end_child(0);
	end_child(1);
	return 0;
}

static int add_pid(pid_t pid, uint32_t *ret_id)
{
	const struct roster_request request = { .pid = pid };

	return roster_add(&roster, &request, ret_id, NULL);
}

static struct roster_request tree_of(pid_t pid)
{
	return (struct roster_request) {
		.selector = { .size = sizeof(struct mpol_selector), .tree = pid },
	};
}

static void test_one_process(void **state)
{
	uint32_t id = 0;

	(void)state;
	assert_int_equal(add_pid(children[0], &id), 0);
	assert_int_not_equal(id, 0);
	assert_int_equal(roster.nr_processes, 1);
	assert_int_equal(add_pid(children[0], &id), -EEXIST);
	assert_int_equal(add_pid(INT32_MAX, &id), -ESRCH);
	assert_int_equal(roster_remove(&roster, id + 1, NULL), -ENOENT);
	assert_int_equal(roster_remove(&roster, id, NULL), 0);
	assert_int_equal(roster.nr_processes, 0);
	assert_int_equal(roster_remove(&roster, id, NULL), -ENOENT);
	assert_null(roster_entry(&roster, id));
}

static void test_ids_are_new(void **state)
{
	uint32_t first, second;

	(void)state;
	assert_int_equal(add_pid(children[0], &first), 0);
	assert_int_equal(roster_remove(&roster, first, NULL), 0);
	assert_int_equal(add_pid(children[0], &second), 0);
	assert_true(second > first);
	assert_int_equal(roster.processes[0].id, 2);
}

/* What a selector and a request for one both hold stays until neither does. */
static void test_held_twice(void **state)
{
	struct roster_request tree = tree_of(children[0]);
	uint32_t by_tree, by_pid;

	(void)state;
	for (int first = 0; first < 2; first++) {
		assert_int_equal(roster_add(&roster, &tree, &by_tree, NULL), 0);
		assert_int_equal(add_pid(children[0], &by_pid), 0);
		assert_int_equal(roster.nr_processes, 1);
		assert_int_equal(nr_open, 1);
		assert_int_equal(roster_remove(&roster, first ? by_pid : by_tree, NULL), 0);
		assert_int_equal(roster.nr_processes, 1);
		assert_int_equal(roster_remove(&roster, first ? by_tree : by_pid, NULL), 0);
		assert_int_equal(roster.nr_processes, 0);
	}
}

/* Of its huge pages the process is treated as those say who hold it. */
static void test_huge_pages(void **state)
{
	struct roster_request tree = tree_of(children[0]);
	struct roster_request one = { .pid = children[0], .huge_pages = HUGE_WHOLE };
	uint32_t by_tree, by_pid;

	(void)state;
	tree.huge_pages = HUGE_SPLIT;
	assert_int_equal(roster_add(&roster, &tree, &by_tree, NULL), 0);
	assert_int_equal(roster_huge_pages(&roster, roster.processes), HUGE_SPLIT);
	assert_int_equal(roster_add(&roster, &one, &by_pid, NULL), 0);
	assert_int_equal(roster_huge_pages(&roster, roster.processes), HUGE_WHOLE);
	assert_int_equal(roster_remove(&roster, by_pid, NULL), 0);
	assert_int_equal(roster_huge_pages(&roster, roster.processes), HUGE_SPLIT);
	assert_int_equal(add_pid(children[0], NULL), 0);
	assert_int_equal(roster_huge_pages(&roster, roster.processes), HUGE_SPLIT);
	assert_int_equal(roster_remove(&roster, by_tree, NULL), 0);
	assert_int_equal(roster_huge_pages(&roster, roster.processes), HUGE_UNSAID);
}

static void test_ended(void **state)
{
	struct roster_request tree = tree_of(children[1]);

	(void)state;
	assert_int_equal(add_pid(children[0], NULL), 0);
	assert_int_equal(roster_add(&roster, &tree, NULL, NULL), 0);
	assert_int_equal(roster.nr_entries, 2);
	roster_refresh(&roster);
	assert_int_equal(roster.nr_processes, 2);
	end_child(0);
	roster_refresh(&roster);
	assert_int_equal(roster.nr_processes, 1);
	assert_int_equal(roster.nr_entries, 1);
	end_child(1);
	roster_refresh(&roster);
	assert_int_equal(roster.nr_processes, 0);
	assert_int_equal(roster.nr_entries, 0);
	tree = tree_of(children[1]);
	assert_int_equal(roster_add(&roster, &tree, NULL, NULL), -ESRCH);
}

/* Has a managed child run another program, until a look at it fails. */
static void exec_child(int i)
{
	const struct roster_process *process = roster_managed(&roster, children[i]);
	int r = 0;

	assert_int_equal(kill(children[i], SIGUSR1), 0);
	for (int tries = 0; tries < PATIENCE && r == 0; tries++) {
		usleep(1000);
		r = tiered_clear(process->tiered);
	}
	assert_int_equal(r, -ESRCH);
	roster_failed(&roster, (size_t)(process - roster.processes), r);
}

/* It is the same target as before, and nothing of it is forgotten but its memory. */
static void test_another_program(void **state)
{
	const struct roster_process *process;
	uint32_t entry, id;

	(void)state;
	assert_int_equal(add_pid(children[0], NULL), 0);
	assert_int_equal(add_pid(children[1], &entry), 0);
	id = roster_managed(&roster, children[1])->id;
	exec_child(1);
	assert_int_equal(roster.nr_processes, 2);
	process = roster_managed(&roster, children[1]);
	assert_int_equal(tiered_clear(process->tiered), -ESRCH);
	roster_refresh(&roster);
	process = roster_managed(&roster, children[1]);
	assert_int_equal(tiered_clear(process->tiered), 0);
	assert_int_equal(process->id, id);
	assert_true(roster_holds(process, entry));
	assert_non_null(roster_entry(&roster, entry));
	assert_int_equal(nr_open, 2);
	end_child(1);
	roster_failed(&roster, (size_t)(process - roster.processes), -ESRCH);
	assert_int_equal(roster.nr_processes, 1);
	assert_null(roster_entry(&roster, entry));
}

/* Once, and then it is let go. */
static void test_another_program_that_is_refused(void **state)
{
	(void)state;
	assert_int_equal(add_pid(children[0], NULL), 0);
	exec_child(0);
	opens = false;
	roster_refresh(&roster);
	assert_int_equal(roster.nr_processes, 0);
	assert_int_equal(roster.nr_entries, 0);
	opens = true;
	assert_int_equal(add_pid(children[0], NULL), 0);
	roster_failed(&roster, 0, -EBUSY);
	assert_int_equal(roster.nr_processes, 0);
	assert_int_equal(roster.nr_entries, 0);
}

/* An expression means a process by what it runs. */
static void test_another_program_by_expression(void **state)
{
	struct roster_request request = {
		.selector = { .size = sizeof(struct mpol_selector), .match = "test-roster" },
	};

	(void)state;
	assert_int_equal(roster_add(&roster, &request, NULL, NULL), 0);
	assert_non_null(roster_managed(&roster, children[0]));
	exec_child(0);
	roster_refresh(&roster);
	assert_null(roster_managed(&roster, children[0]));
	request.selector.match = "^sleep 4711$";
	for (int tries = 0; tries < PATIENCE && !roster_managed(&roster, children[0]); tries++) {
		usleep(1000); /* it may only begin */
		if (tries == 0)
			assert_int_equal(roster_add(&roster, &request, NULL, NULL), 0);
		roster_refresh(&roster);
	}
	assert_non_null(roster_managed(&roster, children[0]));
}

/* A cgroup that is not there may come; an expression that is none never will. */
static void test_selectors(void **state)
{
	struct roster_request request = {
		.selector = { .size = sizeof(struct mpol_selector), .unit = "none-such.service" },
	};
	struct mpol_error error;

	(void)state;
	/* The machine of the test may have no cgroups. */
	if (roster_add(&roster, &request, NULL, &error) != -EOPNOTSUPP)
		assert_int_equal(roster.nr_entries, 1);
	request.selector.unit = NULL;
	request.selector.match = "(";
	assert_int_equal(roster_add(&roster, &request, NULL, &error), -EINVAL);
	request.selector.match = NULL;
	assert_int_equal(roster_add(&roster, &request, NULL, &error), -EINVAL);
}

/* A user who may not: neither by id, nor as one of those that a selector means. */
static void test_confined(void **state)
{
	struct roster_request request = { .pid = children[0] };
	struct mpol_error error = { 0 };

	(void)state;
	request.owner = (struct roster_owner) { .confined = true, .uid = USER, .gid = USER };
	assert_int_equal(roster_add(&roster, &request, NULL, &error), -EPERM);
	assert_non_null(*error.advice ? &error : NULL);
	request.pid = 0;
	request.selector = tree_of(children[0]).selector;
	assert_int_equal(roster_add(&roster, &request, NULL, NULL), -EPERM);
	request.selector =
		(struct mpol_selector) { .size = sizeof(request.selector), .match = "test-roster" };
	assert_int_equal(roster_add(&roster, &request, NULL, NULL), 0);
	assert_int_equal(roster.nr_processes, 0);
	assert_int_equal(nr_open, 0);
}

/* A child of that user's, in place of the first. */
static void give_child_to_user(void)
{
	end_child(0);
	children[0] = fork();
	if (children[0] == 0) {
		if (setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0 ||
		    prctl(PR_SET_DUMPABLE, 1) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	for (int i = 0; i < PATIENCE && ptraceable_by(roster.root, children[0], USER, USER) < 0;
	     i++)
		usleep(1000);
}

/* A program that its user may not look into is nobody's who has only his rights. */
static void test_confined_another_program(void **state)
{
	struct roster_request tree, own;
	uint32_t by_tree, by_user;

	(void)state;
	if (geteuid() != 0)
		skip();
	give_child_to_user();
	tree = tree_of(children[0]);
	own = (struct roster_request) { .pid = children[0] };
	own.owner = (struct roster_owner) { .confined = true, .uid = USER, .gid = USER };
	assert_int_equal(roster_add(&roster, &own, &by_user, NULL), 0);
	assert_int_equal(roster_add(&roster, &tree, &by_tree, NULL), 0);
	roster_failed(&roster, 0, -ESRCH);
	roster_refresh(&roster);
	assert_true(roster_holds(roster.processes, by_user));
	kill(children[0], SIGUSR2);
	while (ptraceable_by(roster.root, children[0], USER, USER) == 0)
		usleep(1000);
	roster_failed(&roster, 0, -ESRCH);
	roster_refresh(&roster);
	assert_int_equal(roster.nr_processes, 1);
	assert_false(roster_holds(roster.processes, by_user));
	assert_true(roster_holds(roster.processes, by_tree));
	assert_null(roster_entry(&roster, by_user));
}

static void test_too_many(void **state)
{
	struct roster_request request = { .owner = { .confined = true, .uid = USER } };
	char expression[32];

	(void)state;
	for (int i = 0; i < ROSTER_USER_ENTRIES; i++) {
		snprintf(expression, sizeof(expression), "none such %d$", i);
		request.selector = (struct mpol_selector) { .size = sizeof(request.selector),
							    .match = expression };
		assert_int_equal(roster_add(&roster, &request, NULL, NULL), 0);
	}
	request.selector.match = "one more";
	assert_int_equal(roster_add(&roster, &request, NULL, NULL), -EDQUOT);
	request.owner.uid++;
	assert_int_equal(roster_add(&roster, &request, NULL, NULL), 0);
	assert_int_equal(add_pid(children[0], NULL), 0);
}

/* A user with more processes than he may have managed. */
static void test_too_many_processes(void **state)
{
	struct roster_request request;
	int ready[2];
	char byte;
	pid_t tree;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe(ready), 0);
	tree = fork();
	if (tree == 0) {
		if (setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0 ||
		    prctl(PR_SET_DUMPABLE, 1) < 0)
			_exit(1);
		for (int i = 0; i < ROSTER_USER_PROCESSES + 3; i++)
			if (fork() == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
			    prctl(PR_SET_DUMPABLE, 1) == 0)
				break;
		close(ready[0]);
		close(ready[1]);
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0); /* all are there */
	close(ready[0]);
	request = tree_of(tree);
	request.owner = (struct roster_owner) { .confined = true, .uid = USER, .gid = USER };
	assert_int_equal(roster_add(&roster, &request, NULL, NULL), 0);
	assert_int_equal(roster.nr_processes, ROSTER_USER_PROCESSES);
	assert_int_equal(add_pid(children[0], NULL), 0);
	kill(tree, SIGKILL);
	waitpid(tree, NULL, 0);
}

/* Memory is looked through again only when what is known of it is old. */
static void test_sums(void **state)
{
	struct roster_process *process;
	uint64_t pages;

	(void)state;
	assert_int_equal(add_pid(children[0], NULL), 0);
	process = roster_managed(&roster, children[0]);
	assert_int_equal(roster_sums(process).pages, 0);
	assert_int_equal(tiered_clear(process->tiered), 0);
	pages = tiered_sums(process->tiered).pages;
	assert_true(pages > 0);
	assert_int_equal(roster_sums(process).pages, 0);
	process->summed_ns -= 500000000;
	assert_int_equal(roster_sums(process).pages, pages);
}

/* What is written to stderr since the last time. */
static void assert_said(FILE *log, const char *text)
{
	char said[512] = "";
	size_t n;

	rewind(log);
	n = fread(said, 1, sizeof(said) - 1, log);
	assert_true(n == 0 ? !*text : *text && strstr(said, text));
	rewind(log);
	assert_int_equal(ftruncate(fileno(log), 0), 0);
}

/* That one is followed otherwise, for its KVM guests, is said when it begins and when it ends. */
static void test_guests(void **state)
{
	const int real = roster.root, errors = dup(STDERR_FILENO);
	FILE *log = tmpfile();
	struct fake_root fake;
	char machine[64];
	uint32_t id = 0;

	(void)state;
	assert_int_equal(fake_root_begin(&fake), 0);
	fake_root_link_process(&fake, children[0]);
	fake_root_link_process(&fake, getpid()); /* on which trackers are tried */
	fake_root_put(&fake, "sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds", "0");
	snprintf(machine, sizeof(machine), "proc/%d/fd/10", children[0]);
	fake_root_link(&fake, machine, "anon_inode:kvm-vm");
	roster.root = fake.fd;
	assert_true(log && dup2(fileno(log), STDERR_FILENO) >= 0);
	assert_int_equal(add_pid(children[0], &id), 0);
	assert_said(log, "it runs KVM guests, whose accesses page tables do not show: tracker "
			 "damon");
	roster_say_tracker(&roster.processes[0]);
	assert_said(log, "");
	fake_root_link(&fake, machine, "/dev/null");
	assert_int_equal(tiered_clear(roster.processes[0].tiered), 0);
	roster_say_tracker(&roster.processes[0]);
	assert_said(log, "tracker blind");
	assert_int_equal(roster_remove(&roster, id, NULL), 0);
	dup2(errors, STDERR_FILENO);
	close(errors);
	fclose(log);
	roster.root = real;
	fake_root_end(&fake);
}

/* Of who is there, and of who comes; which pages there are is then asked anew. */
static void test_other_memory(void **state)
{
	struct nodemask memory = nodemask_of(0);

	(void)state;
	assert_int_equal(add_pid(children[0], NULL), 0);
	assert_int_equal(tiered_clear(roster.processes[0].tiered), 0);
	nodemask_set(&memory, 1);
	roster_use_memory(&roster, &memory);
	assert_true(nodemask_equal(&roster.memory, &memory));
	assert_int_equal(tiered_clear(roster.processes[0].tiered), 0);
	assert_true(tiered_sums(roster.processes[0].tiered).pages > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_process, start, end),
		cmocka_unit_test_setup_teardown(test_ids_are_new, start, end),
		cmocka_unit_test_setup_teardown(test_held_twice, start, end),
		cmocka_unit_test_setup_teardown(test_huge_pages, start, end),
		cmocka_unit_test_setup_teardown(test_ended, start, end),
		cmocka_unit_test_setup_teardown(test_another_program, start, end),
		cmocka_unit_test_setup_teardown(test_another_program_that_is_refused, start, end),
		cmocka_unit_test_setup_teardown(test_another_program_by_expression, start, end),
		cmocka_unit_test_setup_teardown(test_confined_another_program, start, end),
		cmocka_unit_test_setup_teardown(test_selectors, start, end),
		cmocka_unit_test_setup_teardown(test_confined, start, end),
		cmocka_unit_test_setup_teardown(test_sums, start, end),
		cmocka_unit_test_setup_teardown(test_guests, start, end),
		cmocka_unit_test_setup_teardown(test_other_memory, start, end),
		cmocka_unit_test_setup_teardown(test_too_many, start, end),
		cmocka_unit_test_setup_teardown(test_too_many_processes, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
