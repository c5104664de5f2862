/* SPDX-License-Identifier: MIT */
/*
 * Targets that are not as others are, through the public calls: each is
 * changed, or there is an error that says why not; and it goes on unharmed.
 * (Stopped, traced and seccomp-filtered ones in every detail: test-remote.c.)
 */
#include "cmocka-all.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <mpol/mpol.h>

#define NR_THREADS 3

/* Shared with the targets. */
static struct shared {
	atomic_long beats[NR_THREADS];
	atomic_int phase;
} * shared;

static int make_shared(void **state)
{
	(void)state;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return shared == MAP_FAILED ? -1 : 0;
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec) { ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static void *beat(void *number)
{
	for (;;) {
		sleep_ms(1);
		shared->beats[(size_t)number]++;
	}
	return NULL;
}

static void start_beating(size_t first)
{
	pthread_t thread;

	for (size_t i = first; i < NR_THREADS; i++)
		if (pthread_create(&thread, NULL, beat, (void *)i))
			_exit(1);
}

static _Noreturn void beat_on_all(void)
{
	start_beating(1);
	beat(NULL);
	_exit(1);
}

/* Forks a target that runs main, which is not to return. */
static pid_t start(void (*main)(void), int *ret_pidfd)
{
	pid_t child;

	memset(shared, 0, sizeof(*shared));
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "mpol-odd");
		main();
		_exit(1);
	}
	*ret_pidfd = (int)syscall(SYS_pidfd_open, child, 0U);
	assert_true(*ret_pidfd >= 0);
	return child;
}

static bool wait_until_beating(size_t first)
{
	long seen[NR_THREADS];

	for (size_t i = first; i < NR_THREADS; i++)
		seen[i] = shared->beats[i];
	for (size_t i = first; i < NR_THREADS; i++)
		for (int tries = 0; shared->beats[i] < seen[i] + 2; tries++) {
			if (tries > 20000)
				return false;
			sleep_ms(1);
		}
	return true;
}

static void wait_for_phase(int phase)
{
	for (int tries = 0; shared->phase < phase; tries++) {
		assert_true(tries < 20000);
		sleep_ms(1);
	}
}

static char state_of(pid_t pid)
{
	char path[64], line[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return '-';
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	return *line ? strrchr(line, ')')[2] : '-';
}

static void wait_for_state(pid_t pid, char state)
{
	for (int tries = 0; state_of(pid) != state; tries++) {
		assert_true(tries < 20000);
		sleep_ms(1);
	}
}

/* Ends it; it must have lived until then. */
static void end(pid_t pid, int pidfd)
{
	int status;

	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(pidfd);
}

static int prefer_local(int pidfd, struct mpol_report *ret_report, struct mpol_error *error)
{
	struct mpol_args args = { .mode = MPOL_MODE_LOCAL, .error = error };

	memset(error, 0, sizeof(*error));
	return mpol_process_apply(pidfd, 0, &args, sizeof(args), ret_report);
}

static void expect(int pidfd, int code, const char *cause)
{
	struct mpol_report report;
	struct mpol_error error;
	int r = prefer_local(pidfd, &report, &error);

	mpol_report_free(&report);
	if (r != code || (cause && !strstr(error.cause, cause)))
		fail_msg("%d instead of %d: %s: %s: %s", r, code, error.step, error.object,
			 error.cause);
}

static int mode_of(int pidfd)
{
	struct mpol_args args = { 0 };

	assert_int_equal(mpol_process_get_mempolicy(pidfd, &args, sizeof(args)), 0);
	return args.mode;
}

/* ---- Threads of which only some can be changed -------------------------------------- */

static void leader_ends(void)
{
	start_beating(1);
	pthread_exit(NULL);
}

static void test_zombie_leader(void **state)
{
	struct mpol_report report;
	struct mpol_error error;
	int pidfd;
	pid_t pid = start(leader_ends, &pidfd);

	(void)state;
	wait_for_state(pid, 'Z');
	assert_true(wait_until_beating(1));
	if (prefer_local(pidfd, &report, &error) < 0)
		fail_msg("%s: %s: %s", error.step, error.object, error.cause);
	assert_true(report.nr_changed >= NR_THREADS - 1);
	for (size_t i = 0; i < report.nr_threads; i++)
		assert_int_not_equal(report.threads[i].tid, pid);
	mpol_report_free(&report);
	assert_int_equal(mode_of(pidfd), MPOL_MODE_LOCAL);
	assert_true(wait_until_beating(1));
	end(pid, pidfd);
}

static void *beat_filtered(void *number)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_set_mempolicy, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(1);
	return beat(number);
}

static void one_is_filtered(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, beat_filtered, (void *)1))
		_exit(1);
	start_beating(2);
	beat(NULL);
}

/* A filter is a thread's own: the others are changed, and the report says which was not. */
static void test_filtered_thread(void **state)
{
	struct mpol_report report;
	struct mpol_error error;
	size_t refused = 0;
	int pidfd;
	pid_t pid = start(one_is_filtered, &pidfd);

	(void)state;
	assert_true(wait_until_beating(0));
	assert_int_equal(prefer_local(pidfd, &report, &error), -EOPNOTSUPP);
	assert_non_null(strstr(error.cause, "seccomp filter"));
	assert_non_null(strstr(error.cause, "threads were changed"));
	for (size_t i = 0; i < report.nr_threads; i++)
		refused += report.threads[i].code == -EOPNOTSUPP;
	assert_int_equal(refused, 1);
	assert_int_equal(report.nr_changed, report.nr_threads - 1);
	mpol_report_free(&report);
	assert_true(wait_until_beating(0));
	end(pid, pidfd);
}

/* ---- Stopped, frozen, in the kernel --------------------------------------------------- */

static void test_stopped(void **state)
{
	int pidfd;
	pid_t pid = start(beat_on_all, &pidfd);

	(void)state;
	assert_true(wait_until_beating(0));
	kill(pid, SIGSTOP);
	wait_for_state(pid, 'T');
	expect(pidfd, 0, NULL);
	assert_int_equal(mode_of(pidfd), MPOL_MODE_LOCAL);
	wait_for_state(pid, 'T');
	kill(pid, SIGCONT);
	assert_true(wait_until_beating(0));
	end(pid, pidfd);
}

static void in_vfork(void)
{
	/* As vfork(2) waits, but on memory of the child's own; sanitizers make a fork of vfork. */
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, NULL);
	int status;

	if (child == 0) {
		shared->phase = 1;
		while (shared->phase == 1)
			sleep_ms(1);
		_exit(7);
	}
	if (waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7)
		beat_on_all();
}

/* Its parent is out of reach until the child has gone its own way (D state). */
static void test_vforking(void **state)
{
	int pidfd;
	pid_t pid = start(in_vfork, &pidfd);

	(void)state;
	wait_for_phase(1);
	expect(pidfd, -ETIMEDOUT, "does not come out of the kernel");
	assert_int_equal(mode_of(pidfd), MPOL_MODE_DEFAULT);
	shared->phase = 2;
	assert_true(wait_until_beating(0));
	expect(pidfd, 0, NULL);
	assert_true(wait_until_beating(0));
	end(pid, pidfd);
}

static bool write_text(const char *folder, const char *name, const char *text)
{
	char path[512];
	int fd;
	bool done;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return done;
}

/* A new group in the unified hierarchy; false where we may not make one. */
static bool make_group(char folder[static 400])
{
	char line[512], mount[300];
	FILE *mounts = fopen("/proc/mounts", "re");
	bool found = false;

	while (mounts && !found && fgets(line, sizeof(line), mounts))
		found = sscanf(line, "%*s %299s cgroup2 ", mount) == 1 && strstr(line, " cgroup2 ");
	if (mounts)
		fclose(mounts);
	if (!found)
		return false;
	snprintf(folder, 400, "%s/mpol-test-%d", mount, getpid());
	return mkdir(folder, 0700) == 0;
}

/*
 * A frozen thread may be stopped, and is as frozen as before when it is let go:
 * it makes the call when it thaws.
 */
static void test_frozen(void **state)
{
	struct mpol_report report;
	struct mpol_error error;
	char group[400], text[16];
	int pidfd, r;
	pid_t pid;

	(void)state;
	if (!make_group(group))
		skip();
	pid = start(beat_on_all, &pidfd);
	assert_true(wait_until_beating(0));
	snprintf(text, sizeof(text), "%d", pid);
	assert_true(write_text(group, "cgroup.procs", text));
	assert_true(write_text(group, "cgroup.freeze", "1"));
	sleep_ms(50);
	r = prefer_local(pidfd, &report, &error);
	mpol_report_free(&report);
	assert_true(write_text(group, "cgroup.freeze", "0"));
	assert_true(r == 0 || r == -EBUSY || r == -ETIMEDOUT);
	assert_true(r == 0 || *error.cause);
	assert_true(r == 0 || *error.advice);
	assert_true(wait_until_beating(0));
	expect(pidfd, 0, NULL);
	assert_int_equal(mode_of(pidfd), MPOL_MODE_LOCAL);
	end(pid, pidfd);
	rmdir(group);
}

/* ---- Others' ------------------------------------------------------------------------------ */

/* What the caller sees who is not root, of a process that is root's. */
static void test_other_users(void **state)
{
	int pidfd, status;
	pid_t pid = start(beat_on_all, &pidfd), caller;

	(void)state;
	if (geteuid() != 0) {
		end(pid, pidfd);
		skip();
	}
	assert_true(wait_until_beating(0));
	caller = fork();
	assert_true(caller >= 0);
	if (caller == 0) {
		struct mpol_report report;
		struct mpol_error error;
		int r;

		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(1);
		r = prefer_local(pidfd, &report, &error);
		if (r != -EPERM && r != -EACCES)
			_exit(2);
		_exit(strstr(error.cause, "permitted") && strstr(error.advice, "root") ? 0 : 3);
	}
	assert_int_equal(waitpid(caller, &status, 0), caller);
	assert_int_equal(status, 0);
	assert_int_equal(mode_of(pidfd), MPOL_MODE_DEFAULT);
	assert_true(wait_until_beating(0));
	end(pid, pidfd);
}

/* The first process of a pid namespace in a user namespace of its own, as containers have them. */
static void in_container(void)
{
	pid_t first;

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) < 0) {
		shared->phase = -1;
		for (;;)
			pause();
	}
	first = fork();
	if (first == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		beat_on_all();
	}
	shared->phase = first;
	for (;;)
		pause();
}

static void test_container(void **state)
{
	int pidfd, outer_pidfd;
	pid_t outer = start(in_container, &outer_pidfd), pid;

	(void)state;
	while (!shared->phase)
		sleep_ms(1);
	pid = shared->phase;
	if (pid < 0) {
		end(outer, outer_pidfd);
		skip();
	}
	assert_true(wait_until_beating(0));
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0U);
	assert_true(pidfd >= 0);
	expect(pidfd, 0, NULL);
	assert_int_equal(mode_of(pidfd), MPOL_MODE_LOCAL);
	assert_true(wait_until_beating(0));
	close(pidfd);
	end(outer, outer_pidfd);
}

/* Process 2 is the kernel's, unless this is a container. */
static void test_kernel_thread(void **state)
{
	int pidfd = (int)syscall(SYS_pidfd_open, 2, 0U), comm = open("/proc/2/comm", O_RDONLY);
	char name[16] = "";

	(void)state;
	if (comm < 0 || read(comm, name, sizeof(name) - 1) <= 0 || strcmp(name, "kthreadd\n"))
		skip();
	close(comm);
	expect(pidfd, -EOPNOTSUPP, "kernel thread");
	close(pidfd);
}

/* ---- Programs of another kind ------------------------------------------------------------- */

/* A static program for i386: it tells the address given in ebx, waits, and ends if waiting does. */
static const unsigned char program_32[] = {
	/* ELF header: 32 bits, executable, i386, entry 0x8048054, one program header at 52 */
	0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 1, 0, 0, 0, 0x54, 0x80,
	0x04, 0x08, 52, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0,
	/* PT_LOAD of the whole file at 0x8048000, readable and executable */
	1, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x80, 0x04, 0x08, 0x00, 0x80, 0x04, 0x08, 0x66, 0, 0, 0, 0x66,
	0, 0, 0, 5, 0, 0, 0, 0, 0x10, 0, 0,
	/* mov $29 (pause), %eax; int $0x80; mov $1 (exit), %eax; mov $1, %ebx; int $0x80 */
	0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xb8, 1, 0, 0, 0, 0xbb, 1, 0, 0, 0, 0xcd, 0x80
};

static void exec_32(void)
{
	int fd = memfd_create("program-32", 0);
	char *nothing[] = { NULL };

	if (fd < 0 || write(fd, program_32, sizeof(program_32)) != sizeof(program_32))
		_exit(1);
	fexecve(fd, nothing, nothing);
	_exit(77);
}

static void test_32_bit(void **state)
{
	int pidfd, status;
	pid_t pid = start(exec_32, &pidfd);
	char path[64], exe[64] = "";

	(void)state;
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	for (int tries = 0; tries < 20000 && !strstr(exe, "program-32"); tries++) {
		sleep_ms(1);
		if (waitpid(pid, &status, WNOHANG) == pid) {
			close(pidfd);
			skip(); /* a kernel without 32-bit programs */
		}
		memset(exe, 0, sizeof(exe));
		if (readlink(path, exe, sizeof(exe) - 1) < 0)
			exe[0] = '\0';
	}
	wait_for_state(pid, 'S');
	expect(pidfd, -EOPNOTSUPP, "64-bit");
	sleep_ms(20);
	assert_int_equal(state_of(pid), 'S');
	end(pid, pidfd);
}

/* ---- Ending meanwhile ------------------------------------------------------------------------ */

static void end_soon(void)
{
	start_beating(1);
	sleep_ms(2);
	_exit(3);
}

static void test_exits_meanwhile(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) {
		struct mpol_report report;
		struct mpol_error error;
		int pidfd, status, r = 0;
		pid_t pid = start(end_soon, &pidfd);

		/* Under the thread sanitizer an exit takes a second. */
		for (int tries = 0; tries < 20000 && r == 0; tries++) {
			r = prefer_local(pidfd, &report, &error);
			mpol_report_free(&report);
		}
		if (r != -ESRCH || !strstr(error.cause, "ended"))
			fail_msg("%d: %s: %s: %s", r, error.step, error.object, error.cause);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
		close(pidfd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zombie_leader), cmocka_unit_test(test_filtered_thread),
		cmocka_unit_test(test_stopped),	      cmocka_unit_test(test_vforking),
		cmocka_unit_test(test_frozen),	      cmocka_unit_test(test_other_users),
		cmocka_unit_test(test_container),     cmocka_unit_test(test_kernel_thread),
		cmocka_unit_test(test_32_bit),	      cmocka_unit_test(test_exits_meanwhile),
	};

	return cmocka_run_group_tests(tests, make_shared, NULL);
}
