/* SPDX-License-Identifier: MIT */
/*
 * Remote execution on a target that notices disturbance: calls are made and
 * answered, by busy and by blocked threads; the controller may be killed at
 * any moment.  MPOL_KILLS sets how many controllers are killed (default 300).
 */
#include "cmocka-all.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "remote-target.h"
#include "remote.h"

/* Machines that run tests may be busy. */
#define PATIENCE_NS 20000000000ULL

static struct target target;

static int start_target(void **state)
{
	(void)state;
	target = target_start();
	return 0;
}

/* Every test ends with an unharmed target. */
static int stop_target(void **state)
{
	bool fine = target_progresses(&target, 3) && target_is_free(&target) &&
		    target_failures(&target) == 0;

	(void)state;
	return target_stop(&target) && fine ? 0 : -1;
}

/* Every test in which nothing but mpol disturbs ends with one that saw no interruption either. */
static int stop_uninterrupted_target(void **state)
{
	bool fine = target_interruptions(&target) == 0;

	return stop_target(state) == 0 && fine ? 0 : -1;
}

/* A test that kills its target. */
static int forget_target(void **state)
{
	(void)state;
	target_stop(&target);
	return 0;
}

static struct remote *opened(void)
{
	struct mpol_error error = { 0 };
	struct remote *remote = NULL;

	if (remote_open(target.pid, PATIENCE_NS, &remote, &error) < 0)
		fail_msg("%s: %s: %s", error.step, error.object, error.cause);
	return remote;
}

static void run(struct remote *remote, pid_t tid, struct remote_batch *batch)
{
	struct mpol_error error = { 0 };

	if (remote_run(remote, tid, batch, &error) < 0)
		fail_msg("%s: %s: %s", error.step, error.object, error.cause);
}

static void test_every_thread_answers(void **state)
{
	struct remote *remote = opened();

	(void)state;
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < target.state->nr_threads; i++) {
			struct remote_call calls[2] = {
				{ .number = SYS_getpid },
				{ .number = SYS_gettid },
			};
			struct remote_batch batch = { .calls = calls, .nr_calls = 2 };

			run(remote, target.state->threads[i].tid, &batch);
			assert_int_equal(calls[0].result, target.pid);
			assert_int_equal(calls[1].result, target.state->threads[i].tid);
			assert_true(batch.stop_ns > 0 && batch.away_ns >= batch.stop_ns);
		}
	}
	remote_close(remote);
}

static void test_largest_batch_and_arguments(void **state)
{
	struct remote *remote = opened();
	struct remote_call calls[REMOTE_MAX_CALLS];
	char arguments[REMOTE_ARGUMENT_BYTES] = { 0 };
	struct remote_batch batch = {
		.calls = calls,
		.nr_calls = REMOTE_MAX_CALLS,
		.arguments = arguments,
		.arguments_bytes = sizeof(arguments),
	};

	(void)state;
	/* access(2) of "/" and of a file that is not there, the names at either end. */
	strcpy(arguments, "/");
	strcpy(arguments + sizeof(arguments) - 16, "/no-such-file");
	for (int i = 0; i < REMOTE_MAX_CALLS; i++)
		calls[i] = (struct remote_call) {
			.number = SYS_access,
			.args = { i % 2 ? sizeof(arguments) - 16 : 0, F_OK },
			.argument_mask = 1,
		};
	for (int round = 0; round < 20; round++) {
		run(remote, target.state->threads[round % target.state->nr_threads].tid, &batch);
		for (int i = 0; i < REMOTE_MAX_CALLS; i++)
			assert_int_equal(calls[i].result, i % 2 ? -ENOENT : 0);
	}
	remote_close(remote);
}

/* What calls write comes back, from a small batch and from one that has a place of its own. */
static void test_written_memory_comes_back(void **state)
{
	struct remote *remote = opened();
	char before[REMOTE_ARGUMENT_BYTES], after[REMOTE_ARGUMENT_BYTES];
	struct remote_call call = {
		.number = SYS_prctl,
		.args = { PR_GET_NAME, 8 },
		.argument_mask = 1U << 1,
	};
	const size_t sizes[] = { 100, sizeof(before) };

	(void)state;
	memset(before, '+', sizeof(before));
	for (int i = 0; i < 2; i++) {
		struct remote_batch batch = {
			.calls = &call,
			.nr_calls = 1,
			.arguments = before,
			.arguments_bytes = sizes[i],
			.arguments_after = after,
		};
		char name[16];

		memset(after, '-', sizeof(after));
		run(remote, target.pid, &batch);
		prctl(PR_GET_NAME, name);
		assert_int_equal(call.result, 0);
		assert_string_equal(after + 8, name);
		assert_int_equal(after[7], '+');
		assert_int_equal(after[sizes[i] - 1], '+');
		if (sizes[i] < sizeof(after))
			assert_int_equal(after[sizes[i]], '-');
	}
	remote_close(remote);
}

static void test_six_arguments_arrive(void **state)
{
	struct remote *remote = opened();
	struct remote_call call = {
		.number = SYS_mmap,
		.args = { 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1UL, 0 },
	};
	struct remote_batch batch = { .calls = &call, .nr_calls = 1 };

	(void)state;
	run(remote, target.pid, &batch);
	assert_true(call.result > 0);
	call = (struct remote_call) { .number = SYS_munmap, .args = { call.result, 4096 } };
	run(remote, target.pid, &batch);
	assert_int_equal(call.result, 0);
	call = (struct remote_call) { .number = SYS_mmap, .args = { 0, 4096, 0, 0, 0, 1 } };
	run(remote, target.pid, &batch);
	assert_int_equal(call.result, -EINVAL);
	remote_close(remote);
}

/* More batches than an arena has slots: another arena follows. */
static void test_arenas_follow_each_other(void **state)
{
	struct remote *remote = opened();
	struct remote_call call = { .number = SYS_getppid };
	struct remote_batch batch = { .calls = &call, .nr_calls = 1 };

	(void)state;
	for (int i = 0; i < 2500; i++) {
		call.result = 0;
		run(remote, target.state->threads[i % 3].tid, &batch);
		assert_int_equal(call.result, getpid());
	}
	remote_close(remote);
}

/* Process 2 is the kernel's, but in a pid namespace of its own (a container) it is any process. */
static bool sees_kthreadd(void)
{
	FILE *file = fopen("/proc/2/comm", "re");
	char name[16] = "";

	if (file) {
		if (!fgets(name, sizeof(name), file))
			name[0] = '\0';
		fclose(file);
	}
	return !strcmp(name, "kthreadd\n");
}

static void test_refusals(void **state)
{
	struct remote_call call = { .number = SYS_getpid };
	struct remote_batch batch = { .calls = &call, .nr_calls = 0 };
	struct remote *remote = opened(), *second;
	struct mpol_error error;

	(void)state;
	assert_int_equal(remote_run(remote, target.pid, &batch, &error), -EINVAL);
	batch.nr_calls = 1;
	assert_int_equal(remote_run(remote, 1, &batch, &error), -ESRCH);
	assert_int_equal(remote_open(target.pid, 20000000, &second, &error), -EBUSY);
	assert_non_null(strstr(error.cause, "another program"));
	remote_close(remote);
	if (sees_kthreadd()) {
		assert_int_equal(remote_open(2, 0, &second, &error), -EOPNOTSUPP);
		assert_non_null(strstr(error.cause, "kernel thread"));
	}
	assert_int_equal(remote_open(0x7ffffff0, 0, &second, &error), -ESRCH);
}

/* A thread that somebody else traces is named and left alone. */
static void test_traced(void **state)
{
	struct remote_call call = { .number = SYS_getpid };
	struct remote_batch batch = { .calls = &call, .nr_calls = 1 };
	struct remote *remote = opened();
	struct mpol_error error;

	(void)state;
	assert_int_equal(ptrace(PTRACE_SEIZE, target.pid, NULL, NULL), 0);
	assert_int_equal(remote_run(remote, target.pid, &batch, &error), -EPERM);
	assert_non_null(strstr(error.cause, "traces it already"));
	assert_int_equal(ptrace(PTRACE_INTERRUPT, target.pid, NULL, NULL), 0);
	assert_int_equal(waitpid(target.pid, NULL, __WALL), target.pid);
	assert_int_equal(ptrace(PTRACE_DETACH, target.pid, NULL, NULL), 0);
	run(remote, target.pid, &batch);
	assert_int_equal(call.result, target.pid);
	remote_close(remote);
}

static char thread_state(pid_t tid)
{
	char path[64], line[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", target.pid, tid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	fclose(file);
	return strrchr(line, ')')[2];
}

static bool has_pending_signals(pid_t tid)
{
	char path[64], line[256];
	unsigned long long pending = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", target.pid, tid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "SigPnd: %llx", &pending) == 1)
			break;
	fclose(file);
	return pending != 0;
}

/* Stops all its threads, none of them between a signal's arrival and its delivery. */
static void stop_between_signals(void)
{
	bool pending;

	do {
		pending = false;
		assert_int_equal(kill(target.pid, SIGSTOP), 0);
		for (int i = 0; i < target.state->nr_threads; i++) {
			pid_t tid = target.state->threads[i].tid;

			while (thread_state(tid) != 'T')
				usleep(1000);
			pending = pending || has_pending_signals(tid);
		}
		if (pending)
			assert_int_equal(kill(target.pid, SIGCONT), 0);
	} while (pending);
}

/* A stopped process makes the calls and stays stopped, also when it is asked again and again. */
static void test_stopped(void **state)
{
	struct remote_call calls[3] = { 0 };
	struct remote_batch batch = { .calls = calls, .nr_calls = 3 };
	struct remote *remote = opened();

	(void)state;
	stop_between_signals();
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < target.state->nr_threads; i++) {
			pid_t tid = target.state->threads[i].tid;

			for (int j = 0; j < 3; j++)
				calls[j] = (struct remote_call) { .number = SYS_gettid };
			run(remote, tid, &batch);
			for (int j = 0; j < 3; j++)
				assert_int_equal(calls[j].result, tid);
			while (thread_state(tid) != 'T')
				usleep(100);
		}
	}
	assert_int_equal(kill(target.pid, SIGCONT), 0);
	assert_true(target_progresses(&target, 3));
	remote_close(remote);
}

/* It runs for a moment on its way back into the stop. */
static void assert_stops_again(void)
{
	for (int i = 0; i < 5000 && thread_state(target.pid) != 'T'; i++)
		usleep(1000);
	assert_int_equal(thread_state(target.pid), 'T');
}

/* What would run before our code keeps us from it. */
static void test_stopped_with_signals(void **state)
{
	struct remote_call call = { .number = SYS_getpid };
	struct remote_batch batch = { .calls = &call, .nr_calls = 1 };
	struct remote *remote = opened();
	struct mpol_error error;

	(void)state;
	stop_between_signals();
	assert_int_equal(kill(target.pid, SIGWINCH), 0); /* ignored by default: not in the way */
	run(remote, target.pid, &batch);
	assert_stops_again(); /* or the signal would end it */
	assert_int_equal(kill(target.pid, SIGTERM), 0);
	assert_int_equal(remote_run(remote, target.pid, &batch, &error), -EBUSY);
	assert_non_null(strstr(error.cause, "signals wait"));
	assert_stops_again();
	remote_close(remote);
}

/* A filter that gives system call number the verdict, and lets all others pass. */
static void load_filter(long number, uint32_t verdict)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, verdict),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(1);
}

/* A child that loads two filters, says so, and then waits for ever. */
static pid_t start_filtered(long number, uint32_t verdict)
{
	int ready[2], never[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(never), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (number < 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0)
			_exit(1);
		if (number >= 0) {
			load_filter(number, verdict);
			load_filter(SYS_reboot, SECCOMP_RET_KILL_PROCESS);
		}
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			if (read(never[0], &byte, 1) < 0)
				_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(never[i]);
	}
	return child;
}

/*
 * What the filter would kill or refuse is not tried; what it lets pass works,
 * where filters may be read: that takes CAP_SYS_ADMIN.
 */
static void test_seccomp_is_never_tripped(void **state)
{
	const struct {
		long number; /* -1: strict mode */
		uint32_t verdict;
		const char *cause; /* why it is refused, NULL if it works */
	} cases[] = {
		{ SYS_set_mempolicy, SECCOMP_RET_KILL_PROCESS, "kill it" },
		{ SYS_set_mempolicy, SECCOMP_RET_ERRNO | EPERM, "fail" },
		{ SYS_mmap, SECCOMP_RET_KILL_THREAD, "kill it" },
		{ SYS_set_mempolicy, SECCOMP_RET_LOG, NULL },
		{ SYS_getpid, SECCOMP_RET_KILL_PROCESS, NULL },
		{ -1, 0, "strict" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct remote_call call = { .number = SYS_set_mempolicy };
		struct remote_batch batch = { .calls = &call, .nr_calls = 1 };
		bool hidden = cases[i].number >= 0 && geteuid() != 0;
		const char *cause = hidden ? "may not be read" : cases[i].cause;
		pid_t child = start_filtered(cases[i].number, cases[i].verdict);
		struct mpol_error error = { 0 };
		struct remote *remote;
		int r, status;

		assert_int_equal(remote_open(child, 0, &remote, &error), 0);
		r = remote_run(remote, child, &batch, &error);
		assert_int_equal(r, cause ? -EOPNOTSUPP : 0);
		if (cause)
			assert_non_null(strstr(error.cause, cause));
		remote_close(remote);
		assert_int_equal(waitpid(child, &status, WNOHANG), 0);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
	}
}

/* Without its vdso a process finds a place for our code behind its own. */
static void test_without_vdso(void **state)
{
	struct remote_call call = { .number = SYS_getpid };
	struct remote_batch batch = { .calls = &call, .nr_calls = 1 };
	struct mpol_error error;
	struct remote *remote;
	int ready[2], status;
	char byte;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (munmap((void *)getauxval(AT_SYSINFO_EHDR), 8192) < 0 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	for (int i = 0; i < 3; i++) {
		if (remote_open(child, PATIENCE_NS, &remote, &error) < 0)
			fail_msg("%s: %s", error.step, error.cause);
		run(remote, child, &batch);
		assert_int_equal(call.result, child);
		remote_close(remote);
	}
	assert_int_equal(waitpid(child, &status, WNOHANG), 0);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	close(ready[0]);
	close(ready[1]);
}

/*
 * A process whose memory is another one every millisecond comes to its end.
 * It is a shell, as a sanitizer in a program of ours would itself be disturbed.
 */
static void test_execs_meanwhile(void **state)
{
	const char *again = "[ $1 -eq 0 ] || exec sh -c \"$0\" \"$0\" $(($1 - 1))";
	int status;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/bin/sh", "sh", "-c", again, again, "200", NULL);
		_exit(1);
	}
	while (waitpid(child, &status, WNOHANG) == 0) {
		struct remote_call call = { .number = SYS_getpid };
		struct remote_batch batch = { .calls = &call, .nr_calls = 1 };
		struct remote *remote;

		if (remote_open(child, 5000000, &remote, NULL) < 0)
			continue;
		for (int i = 0; i < 3; i++)
			if (remote_run(remote, child, &batch, NULL) == 0)
				assert_int_equal(call.result, child);
		remote_close(remote);
	}
	assert_int_equal(status, 0);
}

/* Runs batches on random threads until it is killed. */
static void control_for_ever(unsigned int seed)
{
	struct remote *remote;

	for (;;) {
		struct mpol_error error;

		if (remote_open(target.pid, PATIENCE_NS, &remote, &error) < 0) {
			fprintf(stderr, "open: %s: %s\n", error.step, error.cause);
			_exit(1);
		}
		for (int i = 0; i < 20; i++) {
			struct remote_call calls[8];
			struct remote_batch batch = {
				.calls = calls,
				.nr_calls = 1 + rand_r(&seed) % 8,
			};
			int thread = rand_r(&seed) % target.state->nr_threads;

			for (size_t j = 0; j < batch.nr_calls; j++)
				calls[j] = (struct remote_call) { .number = SYS_getpid };
			if (remote_run(remote, target.state->threads[thread].tid, &batch, &error) <
				    0 ||
			    calls[0].result != target.pid) {
				fprintf(stderr, "run: %s: %s: %s\n", error.step, error.object,
					error.cause);
				_exit(1);
			}
		}
		remote_close(remote);
	}
}

static void test_controllers_killed(void **state)
{
	const char *setting = getenv("MPOL_KILLS");
	int kills = setting ? atoi(setting) : 300;
	unsigned int seed = 1;

	(void)state;
	for (int i = 0; i < kills; i++) {
		int status;
		pid_t controller = fork();

		assert_true(controller >= 0);
		if (controller == 0) {
			/* A group of its own: its helper is to die with it. */
			setpgid(0, 0);
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			control_for_ever(seed + i);
		}
		setpgid(controller, controller);
		usleep(rand_r(&seed) % 3000);
		kill(-controller, SIGKILL);
		assert_int_equal(waitpid(controller, &status, 0), controller);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		assert_int_equal(target_failures(&target), 0);
		assert_int_equal(waitpid(target.pid, &status, WNOHANG), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_thread_answers, start_target,
						stop_uninterrupted_target),
		cmocka_unit_test_setup_teardown(test_largest_batch_and_arguments, start_target,
						stop_uninterrupted_target),
		cmocka_unit_test_setup_teardown(test_written_memory_comes_back, start_target,
						stop_uninterrupted_target),
		cmocka_unit_test_setup_teardown(test_six_arguments_arrive, start_target,
						stop_uninterrupted_target),
		cmocka_unit_test_setup_teardown(test_arenas_follow_each_other, start_target,
						stop_uninterrupted_target),
		cmocka_unit_test_setup_teardown(test_refusals, start_target,
						stop_uninterrupted_target),
		cmocka_unit_test_setup_teardown(test_traced, start_target, stop_target),
		cmocka_unit_test_setup_teardown(test_stopped, start_target, stop_target),
		cmocka_unit_test_setup_teardown(test_stopped_with_signals, start_target,
						forget_target),
		cmocka_unit_test(test_seccomp_is_never_tripped),
		cmocka_unit_test(test_without_vdso),
		cmocka_unit_test(test_execs_meanwhile),
		cmocka_unit_test_setup_teardown(test_controllers_killed, start_target, stop_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
