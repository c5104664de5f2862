/* SPDX-License-Identifier: MIT */
/*
 * The picture of a process, from a /proc made up of what is odd: names with
 * parentheses and newlines, a thread that ends while we look, one that may not
 * be read, a leader that has ended, a kernel thread, lines cut off.
 */
#include "cmocka-all.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "policy.h"
#include "process.h"
#include "rootfs.h"

DEFINE_CLEANUP(struct mpol_process *, mpol_process_free);

#define STAT_REST " 1 4240 4240 0 -1 %u 1 0 0 0 0 0 0 0 20 0 4 0 777 0 0\n"
#define STATUS                                                                 \
	"Name:\t(odd)\\nname\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t%d\n" \
	"TracerPid:\t0\nVmLck:\t      64 "                                     \
	"kB\nSeccomp:\t2\nMems_allowed:\t00000007\nMems_allowed_list:\t0-2\n"
#define MAPS                                                        \
	"1000-3000 r-xp 00000000 08:01 11                 /bin/x\n" \
	"3000-5000 rw-p 00000000 00:00 0                  [heap]\n" \
	"5000-6000 rw-p 00000000 00:00 0 \n"                        \
	"8000-9000 r-xp 00000000 00:00 0                  [vdso]\n" \
	"9000-a000 rw-p 00000000 00:00 0                  [sta"

static char root[] = "/tmp/mpol-test-process-XXXXXX";

static void put(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes a file below root, making the folders before it. */
static void put(const char *path, const char *format, ...)
{
	char whole[512];
	va_list args;
	FILE *file;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(whole, 0755);
		*slash = '/';
	}
	file = fopen(whole, "w");
	assert_non_null(file);
	va_start(args, format);
	vfprintf(file, format, args);
	va_end(args);
	fclose(file);
}

static void put_thread(pid_t pid, pid_t tid, const char *name, char state, unsigned int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "proc/%d/task/%d/stat", pid, tid);
	put(path, "%d (%s) %c" STAT_REST, tid, name, state, flags);
	snprintf(path, sizeof(path), "proc/%d/task/%d/status", pid, tid);
	put(path, STATUS, pid);
}

/* policy: the thread's own, which the ranges without one show. */
static void put_memory(pid_t pid, pid_t tid, const char *policy)
{
	char path[128];

	snprintf(path, sizeof(path), "proc/%d/task/%d/maps", pid, tid);
	put(path, MAPS);
	snprintf(path, sizeof(path), "proc/%d/task/%d/numa_maps", pid, tid);
	put(path,
	    "1000 %s file=/bin/x mapped=2 N0=2 kernelpagesize_kB=4\n"
	    "3000 bind:2 heap anon=2 dirty=2 N0=1 N2=1 kernelpagesize_kB=4\n"
	    "5000 %s\n"
	    "8000 %s\n"
	    "9000 %s stack an",
	    policy, policy, policy, policy);
}

static int make_tree(void **state)
{
	char link[128];

	(void)state;
	if (!mkdtemp(root))
		return -1;
	put("sys/devices/system/node/has_memory", "0,2\n");

	put_thread(4240, 4240, "a) R (b\n", 'S', 0);
	put_memory(4240, 4240, "bind:2");
	put_thread(4240, 4241, "(x) y", 'R', 0);
	put_memory(4240, 4241, "prefer (many)=static:0,2");
	put_thread(4240, 4242, "unreadable", 'S', 0);
	put("proc/4240/task/4243/ended-while-we-look", "%s", "");
	put_thread(4240, 4244, "iou-wrk-4240", 'S', PROCESS_USER_WORKER);
	put_memory(4240, 4244, "bind:2");
	snprintf(link, sizeof(link), "%s/proc/4241", root);
	if (symlink("4240", link) < 0)
		return -1;

	put_thread(2, 2, "kthreadd", 'S', PROCESS_KTHREAD);

	put_thread(50, 50, "gone", 'Z', 0);
	put("proc/50/task/50/maps", "%s", "");
	put("proc/50/task/50/numa_maps", "%s", "");

	put_thread(60, 60, "leader", 'Z', 0);
	put("proc/60/task/60/maps", "%s", "");
	put("proc/60/task/60/numa_maps", "%s", "");
	put_thread(60, 61, "survivor", 'S', 0);
	put_memory(60, 61, "interleave:0,2");

	put("proc/70/task/70/stat", "70 (no end");
	put("proc/70/task/70/status", "Tgid:\t70\n");
	return 0;
}

static int remove_tree(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static void assert_policy(const struct mpol_policy *policy, const char *expected)
{
	char text[128];

	assert_non_null(policy);
	mpol_policy_format(policy, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void test_read_thread(void **state)
{
	_cleanup_close_ int fd = rootfs_open(root);
	struct process_thread thread;

	(void)state;
	assert_int_equal(process_read_thread(fd, 4240, 4240, &thread), 0);
	assert_string_equal(thread.name, "a) R (b\n");
	assert_int_equal(thread.state, 'S');
	assert_int_equal(thread.start_ticks, 777);
	assert_int_equal(thread.seccomp, 2);
	assert_int_equal(thread.tracer, 0);
	assert_int_equal(thread.locked_kib, 64);
	assert_int_equal(nodemask_weight(&thread.mems_allowed), 3);
	assert_true(process_thread_is_user(&thread));
	assert_int_equal(process_read_thread(fd, 4240, 4244, &thread), 0);
	assert_false(process_thread_is_user(&thread));
	assert_int_equal(process_read_thread(fd, 4240, 4243, &thread), -ESRCH);
	assert_int_equal(process_read_thread(fd, 70, 70, &thread), -EBADMSG);
}

static void test_threads(void **state)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;

	(void)state;
	assert_int_equal(mpol_process_new(root, 4241, MPOL_PROCESS_THREADS, &process, NULL), 0);
	assert_int_equal(mpol_process_pid(process), 4240);
	assert_string_equal(mpol_process_name(process), "a) R (b\n");
	assert_int_equal(mpol_process_nr_threads(process), 4);
	assert_policy(mpol_process_thread(process, 0)->policy, "bind:2");
	assert_policy(mpol_process_thread(process, 1)->policy, "prefer-many:0,2+static");
	assert_string_equal(mpol_process_thread(process, 1)->name, "(x) y");
	assert_null(mpol_process_thread(process, 2)->policy);
	assert_null(mpol_process_thread(process, 4));
	assert_int_equal(mpol_process_nr_vmas(process), 0);
}

/* All ranges show bind:2 to the leader; the second thread tells which have it of their own. */
static void test_vmas(void **state)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	const struct mpol_vma *heap;

	(void)state;
	assert_int_equal(mpol_process_new(root, 4240, MPOL_PROCESS_VMAS, &process, NULL), 0);
	assert_int_equal(mpol_process_nr_vmas(process), 4);
	assert_int_equal(mpol_process_vma(process, 0)->has_policy, 0);
	assert_int_equal(mpol_process_vma(process, 2)->has_policy, 0);
	heap = mpol_process_vma(process, 1);
	assert_string_equal(heap->name, "[heap]");
	assert_int_equal(heap->has_policy, 1);
	assert_policy(heap->policy, "bind:2");

	assert_int_equal(mpol_process_nr_nodes(process), 2);
	assert_int_equal(mpol_process_node(process, 1), 2);
	assert_int_equal(mpol_process_node_bytes(process, 0), 3 * 4096);
	assert_int_equal(mpol_process_node_bytes(process, 1), 4096);
	assert_int_equal(heap->bytes_by_node[0], 4096);
	assert_int_equal(heap->bytes_by_node[1], 4096);
	assert_int_equal(heap->page_bytes, 4096);
	assert_int_equal(mpol_process_vma(process, 2)->page_bytes, 0);
}

/* Where nobody can tell the range's policy from the thread's, that is what is said. */
static void test_vmas_of_one_thread(void **state)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;

	(void)state;
	assert_int_equal(mpol_process_new(root, 60, MPOL_PROCESS_VMAS, &process, NULL), 0);
	assert_int_equal(mpol_process_vma(process, 0)->has_policy, -1);
	assert_int_equal(mpol_process_vma(process, 1)->has_policy, 1);
}

static void test_leader_has_ended(void **state)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;

	(void)state;
	assert_int_equal(mpol_process_new(root, 60, MPOL_PROCESS_THREADS, &process, NULL), 0);
	assert_int_equal(mpol_process_nr_threads(process), 2);
	assert_null(mpol_process_thread(process, 0)->policy);
	assert_policy(mpol_process_thread(process, 1)->policy, "interleave:0,2");
	assert_int_equal(mpol_process_node_bytes(process, 0), 3 * 4096);
}

static void test_refusals(void **state)
{
	static const struct {
		pid_t pid;
		int code;
		const char *cause;
	} cases[] = {
		{ 0, -ESRCH, "no such process" },
		{ -1, -ESRCH, "no such process" },
		{ 99, -ESRCH, "no such process" },
		{ 2, -EOPNOTSUPP, "a kernel thread has no memory of its own" },
		{ 50, -ESRCH, "it has ended and waits for its parent" },
		{ 70, -EBADMSG, "not what a kernel writes" },
	};
	struct mpol_process *process = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mpol_error error = { 0 };

		assert_int_equal(mpol_process_new(root, cases[i].pid, 0, &process, &error),
				 cases[i].code);
		if (!strstr(error.cause, cases[i].cause))
			fail_msg("pid %d: \"%s\"", cases[i].pid, error.cause);
		assert_null(process);
	}
	assert_int_equal(mpol_process_new("/nowhere", 1, 0, &process, NULL), -ENOENT);
}

static void test_read_file(void **state)
{
	_cleanup_close_ int fd = rootfs_open(root);
	_cleanup_free_ char *text = NULL;

	(void)state;
	put("proc/80/maps", MAPS);
	put("proc/81/maps", "%s", "");
	assert_int_equal(process_read_file(fd, 80, "maps", &text), 0);
	assert_string_equal(text, MAPS);
	assert_int_equal(process_read_file(fd, 81, "maps", NULL), -ESRCH);
	assert_int_equal(process_read_file(fd, 82, "maps", NULL), -ESRCH);
}

static void test_the_running_machine(void **state)
{
	_cleanup_(mpol_process_freep) struct mpol_process *process = NULL;
	uint64_t bytes = 0;

	(void)state;
	assert_int_equal(mpol_process_new(NULL, getpid(), MPOL_PROCESS_THREADS | MPOL_PROCESS_VMAS,
					  &process, NULL),
			 0);
	assert_int_equal(mpol_process_nr_threads(process), 1);
	assert_policy(mpol_process_thread(process, 0)->policy, "default");
	for (size_t i = 0; i < mpol_process_nr_nodes(process); i++)
		bytes += mpol_process_node_bytes(process, i);
	assert_true(bytes > 100000);
	assert_true(mpol_process_nr_vmas(process) > 5);
}

/* That of a process whose leader has ended is test-tiered's. */
static void test_open_pagemap(void **state)
{
	_cleanup_close_ int machine = rootfs_open(NULL), own = -1;
	siginfo_t ended;
	pid_t tid = 0, child;

	(void)state;
	own = process_open_pagemap(machine, getpid(), &tid);
	assert_true(own >= 0);
	assert_int_equal(tid, getpid());
	child = fork();
	if (child == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT), 0);
	assert_int_equal(process_open_pagemap(machine, child, &tid), -ESRCH);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(process_open_pagemap(machine, child, &tid), -ESRCH);
}

static void test_read_namespace(void **state)
{
	_cleanup_close_ int machine = rootfs_open(NULL);
	struct stat status;
	uint64_t inode = 0;

	(void)state;
	assert_int_equal(stat("/proc/self/ns/mnt", &status), 0);
	assert_int_equal(process_read_namespace(machine, getpid(), "mnt", &inode), 0);
	assert_int_equal(inode, status.st_ino);
	assert_int_equal(process_read_namespace(machine, 0x7fffffff, "mnt", &inode), -ESRCH);
	assert_int_equal(inode, status.st_ino);
	/* As IPC namespaces are, where a kernel is without them. */
	assert_int_equal(process_read_namespace(machine, getpid(), "none-such", &inode), 0);
	assert_int_equal(inode, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_thread),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_vmas),
		cmocka_unit_test(test_vmas_of_one_thread),
		cmocka_unit_test(test_leader_has_ended),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_read_file),
		cmocka_unit_test(test_the_running_machine),
		cmocka_unit_test(test_open_pagemap),
		cmocka_unit_test(test_read_namespace),
	};

	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
