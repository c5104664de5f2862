/* SPDX-License-Identifier: MIT */
/*
 * Which processes a selector means, from a /proc and a cgroup tree made up of what
 * is odd: parents with greater ids, leaders that have ended, threaded cgroups, ids of
 * other pid namespaces, units of the same name.
 */
#include "cmocka-all.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "process.h"

#define CGROUP "sys/fs/cgroup"

static char root[] = "/tmp/mpol-test-select-XXXXXX";

/* Writes a file below root, making the folders before it. */
static void put(const char *path, const char *text, size_t length)
{
	char whole[512];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(whole, 0755);
		*slash = '/';
	}
	file = fopen(whole, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
}

static void put_text(const char *path, const char *text)
{
	put(path, text, strlen(text));
}

struct fake {
	pid_t pid, ppid;
	char state;
	unsigned int flags;
	int nr_threads;
	const char *command; /* arguments separated by '|' */
};

static const struct fake fakes[] = {
	{ 1, 0, 'S', 0, 1, "/sbin/init|" },
	{ 2, 0, 'S', PROCESS_KTHREAD, 1, "" },
	{ 9, 2, 'S', PROCESS_KTHREAD, 1, "" },
	{ 100, 1, 'S', 0, 4, "postgres|-D|/srv/a b|" },
	{ 101, 100, 'S', 0, 1, "postgres: writer|" },
	/* Ids have wrapped around: the parent's is the greater one. */
	{ 50, 101, 'S', 0, 1, "postgres: worker|" },
	{ 102, 100, 'Z', 0, 1, "" },
	{ 103, 100, 'Z', 0, 3, "" }, /* the leader has ended, threads have not */
	{ 200, 1, 'S', 0, 1, "sudo|mpol|set|--match|postgres|local|" },
	{ 201, 200, 'R', 0, 1, "mpol|set|--match|postgres|local|" },
	{ 300, 1, 'S', 0, 1, "redis-server|*:6379|" },
};

static void put_process(const struct fake *fake)
{
	char path[64], text[512], command[256];
	int length;

	length = snprintf(text, sizeof(text),
			  "%d (a) b) %c %d 1 1 0 -1 %u 1 0 0 0 0 0 0 0 20 0 %d 0 %d 0 0\n",
			  fake->pid, fake->state, fake->ppid, fake->flags, fake->nr_threads,
			  1000 + fake->pid);
	snprintf(path, sizeof(path), "proc/%d/stat", fake->pid);
	put(path, text, length);
	snprintf(path, sizeof(path), "proc/%d/task/%d/stat", fake->pid, fake->pid);
	put(path, text, length);
	snprintf(path, sizeof(path), "proc/%d/task/%d/status", fake->pid, fake->pid);
	snprintf(text, sizeof(text), "Name:\ta\nTgid:\t%d\nMems_allowed_list:\t0\n", fake->pid);
	put_text(path, text);
	snprintf(command, sizeof(command), "%s", fake->command);
	for (size_t i = 0; fake->command[i]; i++)
		if (command[i] == '|')
			command[i] = '\0';
	snprintf(path, sizeof(path), "proc/%d/cmdline", fake->pid);
	put(path, command, strlen(fake->command));
}

static int make_tree(void **state)
{
	char link[128];

	(void)state;
	if (!mkdtemp(root))
		return -1;
	for (size_t i = 0; i < sizeof(fakes) / sizeof(fakes[0]); i++)
		put_process(&fakes[i]);
	put_text("proc/77/no-stat-any-more", "");
	/* A thread of process 100. */
	put_text("proc/110/task/110/stat",
		 "110 (t) S 1 1 1 0 -1 0 1 0 0 0 0 0 0 0 20 0 4 0 5 0 0\n");
	put_text("proc/110/task/110/status", "Tgid:\t100\nMems_allowed_list:\t0\n");
	snprintf(link, sizeof(link), "%s/proc/self", root);
	if (symlink("201", link) < 0)
		return -1;

	put_text(CGROUP "/cgroup.controllers", "cpuset memory\n");
	put_text(CGROUP "/cgroup.procs", "2\n9\n");
	put_text(CGROUP "/init.scope/cgroup.procs", "1\n");
	put_text(CGROUP "/system.slice/cgroup.procs", "");
	put_text(CGROUP "/system.slice/pg.service/cgroup.procs", "101\n100\n0\n100\n77\n102\n");
	put_text(CGROUP "/system.slice/pg.service/worker/cgroup.procs", "50\n103\n");
	put_text(CGROUP "/system.slice/idle.service/cgroup.procs", "");
	put_text(CGROUP "/system.slice/_cgroup.odd.service/cgroup.procs", "300\n");
	put_text(CGROUP
		 "/user.slice/user-0.slice/user@0.service/app.slice/twice.service/cgroup.procs",
		 "300\n");
	put_text(CGROUP
		 "/user.slice/user-1.slice/user@1.service/app.slice/twice.service/cgroup.procs",
		 "200\n");
	put_text(CGROUP "/user.slice/session-1.scope/cgroup.procs", "200\n201\n");
	put_text(CGROUP "/broken.slice/cgroup.procs", "100\nx\n");
	return 0;
}

static int remove_tree(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

/* The ids, "50 100"; or the error's code and cause. */
static const char *selected(struct mpol_selector selector)
{
	static char words[1024];
	struct mpol_selection selection = { 0 };
	struct mpol_error error = { 0 };
	size_t length = 0;

	selector.size = sizeof(selector);
	if (mpol_select(root, &selector, &selection, &error) < 0) {
		assert_int_equal(selection.nr_processes, 0);
		snprintf(words, sizeof(words), "%s: %s: %s (%s)", strerrorname_np(-error.code),
			 error.object, error.cause, error.advice);
		return words;
	}
	words[0] = '\0';
	for (size_t i = 0; i < selection.nr_processes; i++) {
		const struct mpol_selected *process = &selection.processes[i];

		assert_int_equal(process->start_ticks, 1000 + process->pid);
		length += snprintf(words + length, sizeof(words) - length, "%s%d", i ? " " : "",
				   process->pid);
	}
	mpol_selection_free(&selection);
	assert_null(selection.processes);
	return words;
}

#define assert_selected(expected, ...) \
	assert_string_equal(selected((struct mpol_selector) { __VA_ARGS__ }), expected)

static void assert_refused(struct mpol_selector selector, const char *code, const char *words)
{
	const char *said = selected(selector);

	if (strncmp(said, code, strlen(code)) || said[strlen(code)] != ':' || !strstr(said, words))
		fail_msg("\"%s\", expected %s and \"%s\"", said, code, words);
}

#define assert_error(code, words, ...) \
	assert_refused((struct mpol_selector) { __VA_ARGS__ }, code, words)

static void test_cgroup(void **state)
{
	(void)state;
	assert_selected("50 100 101 103", .cgroup = "system.slice/pg.service");
	assert_selected("50 100 101 103", .cgroup = "/system.slice/pg.service/");
	assert_selected("50 100 101 103", .cgroup = "/sys/fs/cgroup/system.slice/pg.service");
	assert_selected("50 103", .cgroup = "system.slice/pg.service/worker");
	assert_selected("50 100 101 103 300", .cgroup = "system.slice");
	assert_selected("200", .cgroup = "user.slice/session-1.scope"); /* 201 is the caller */
}

static void test_cgroup_refusals(void **state)
{
	(void)state;
	assert_error("ENOENT", "no such cgroup below /sys/fs/cgroup", .cgroup = "nope");
	assert_error("ENOENT", "no such cgroup", .cgroup = "cgroup.procs");
	assert_error("ESRCH", "no process is in it", .cgroup = "system.slice/idle.service");
	assert_error("EBADMSG", "not what a kernel writes", .cgroup = "broken.slice");
	assert_error("EINVAL", "not a path of a cgroup", .cgroup = "system.slice/../..");
	assert_error("EINVAL", "not a path of a cgroup", .cgroup = ".");
	/* The root, however it is written, would be every process of the machine. */
	assert_error("EINVAL", "every process of the machine", .cgroup = "");
	assert_error("EINVAL", "every process of the machine", .cgroup = "/");
	assert_error("EINVAL", "every process of the machine", .cgroup = "/sys/fs/cgroup/");
}

static void test_unit(void **state)
{
	(void)state;
	assert_selected("50 100 101 103", .unit = "pg.service");
	assert_selected("50 100 101 103", .unit = "pg");
	assert_selected("1", .unit = "init");
	assert_selected("200", .unit = "session-1.scope");
	assert_selected("300", .unit = "cgroup.odd");
	assert_error("ENOENT", "does not run, or does not exist", .unit = "p");
	assert_error("ENOENT", "does not run, or does not exist", .unit = "worker");
	assert_error("EINVAL", "not a unit's name", .unit = "system.slice/pg");
	assert_error("EINVAL", "not a unit's name", .unit = "");
	assert_error("ESRCH", "no process is in it", .unit = "idle");
}

/* Two users' managers have such a unit: both are named, neither is taken. */
static void test_unit_ambiguous(void **state)
{
	const char *said;

	(void)state;
	assert_error("ENOTUNIQ", "2 cgroups have that name", .unit = "twice");
	said = selected((struct mpol_selector) { .unit = "twice.service" });
	assert_non_null(strstr(said, "user@0.service/app.slice/twice.service"));
	assert_non_null(strstr(said, "user@1.service/app.slice/twice.service"));
}

static void test_tree(void **state)
{
	(void)state;
	assert_selected("50 100 101 103", .tree = 100);
	assert_selected("50 100 101 103", .tree = 110); /* a thread of 100 */
	assert_selected("50 101", .tree = 101);
	assert_selected("1 50 100 101 103 200 300", .tree = 1);
	assert_error("ESRCH", "no such process", .tree = 4711);
	assert_error("ESRCH", "no such process", .tree = -5);
	assert_error("ESRCH", "nobody but the caller, kernel threads", .tree = 2);
}

static void test_match(void **state)
{
	(void)state;
	/* Neither the caller (201) nor the sudo above it, though both quote the word. */
	assert_selected("50 100 101", .match = "postgres");
	assert_selected("100", .match = "^postgres -D /srv/a b$");
	assert_selected("50 101", .match = "postgres: (writer|worker)");
	assert_selected("300", .match = "\\*:[0-9]+$");
	assert_error("ESRCH", "no process has such a command line", .match = "^nobody$");
	assert_error("ESRCH", "no process has such a command line", .match = "^$");
}

/* Where the expression is wrong, counted by hand. */
static void test_match_places(void **state)
{
	static const struct {
		const char *expression, *words;
	} cases[] = {
		{ "(a", "at character 1 " },	 { "a(b(c)", "at character 2 " },
		{ "(a\\)b", "at character 1 " }, { "x[a]y[b", "at character 6 " },
		{ "[b-a]x", "at character 4 " }, { "ab{2,1}c", "at character 7 " },
		{ "abc\\", "at character 4 " },	 { "[[:nix:]]", "at character " },
	};
	char longest[1100];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_error("EINVAL", cases[i].words, .match = cases[i].expression);
	assert_error("EINVAL", "it is empty", .match = "");
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_error("EINVAL", "longer than 1024", .match = longest);
}

static void test_selectors(void **state)
{
	struct mpol_selector selector = { .size = sizeof(selector) };
	struct mpol_selection selection;
	struct {
		struct mpol_selector known;
		unsigned long unknown;
	} longer = { .known = { .size = sizeof(longer), .tree = 101 } };

	(void)state;
	assert_int_equal(mpol_select(root, &selector, &selection, NULL), -EINVAL);
	selector.match = "a";
	selector.unit = "b";
	assert_int_equal(mpol_select(root, &selector, &selection, NULL), -EINVAL);
	selector.unit = NULL;
	selector.size = 8;
	assert_int_equal(mpol_select(root, &selector, &selection, NULL), -EINVAL);
	selector.size = sizeof(selector);
	assert_int_equal(mpol_select("/nowhere", &selector, &selection, NULL), -ENOENT);
	longer.unknown = 1;
	assert_int_equal(mpol_select(root, &longer.known, &selection, NULL), -E2BIG);
	longer.unknown = 0;
	assert_int_equal(mpol_select(root, &longer.known, &selection, NULL), 0);
	assert_int_equal(selection.nr_processes, 2);
	mpol_selection_free(&selection);
}

/* Machines with version 1 too have version 2 beside it; others have none. */
static void test_mounts(void **state)
{
	char from[64], to[64];

	(void)state;
	snprintf(from, sizeof(from), "%s/" CGROUP "/cgroup.controllers", root);
	snprintf(to, sizeof(to), "%s/" CGROUP "/elsewhere", root);
	assert_int_equal(rename(from, to), 0);
	assert_error("EOPNOTSUPP", "no cgroup v2 is mounted", .cgroup = "system.slice");
	assert_error("EOPNOTSUPP", "no cgroup v2 is mounted", .unit = "pg");
	put_text(CGROUP "/unified/cgroup.controllers", "\n");
	put_text(CGROUP "/unified/own.slice/cgroup.procs", "300\n");
	assert_selected("300", .cgroup = "own.slice");
	assert_selected("300", .cgroup = "/sys/fs/cgroup/unified/own.slice");
	assert_selected("300", .unit = "own");
	assert_error("EINVAL", "every process", .cgroup = "/sys/fs/cgroup/unified");
	assert_int_equal(rename(to, from), 0);
}

/* The running machine: a child of ours and its child, and nobody else. */
static void test_the_running_machine(void **state)
{
	struct mpol_selector selector = { .size = sizeof(selector) };
	struct mpol_selection selection = { 0 };
	struct mpol_error error = { 0 };
	int pipes[2];
	pid_t child, grandchild;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	if (child == 0) {
		grandchild = fork();
		if (grandchild == 0)
			for (;;)
				pause();
		(void)!write(pipes[1], &grandchild, sizeof(grandchild));
		for (;;)
			pause();
	}
	assert_int_equal(read(pipes[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	selector.tree = child;
	assert_int_equal(mpol_select(NULL, &selector, &selection, &error), 0);
	assert_int_equal(selection.nr_processes, 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(selection.processes[i].pid == child ||
			    selection.processes[i].pid == grandchild);
	mpol_selection_free(&selection);
	kill(grandchild, SIGKILL);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(mpol_select(NULL, &selector, &selection, &error), -ESRCH);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cgroup),	     cmocka_unit_test(test_cgroup_refusals),
		cmocka_unit_test(test_unit),	     cmocka_unit_test(test_unit_ambiguous),
		cmocka_unit_test(test_tree),	     cmocka_unit_test(test_match),
		cmocka_unit_test(test_match_places), cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_mounts),	     cmocka_unit_test(test_the_running_machine),
	};

	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
