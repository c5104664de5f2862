/* SPDX-License-Identifier: MIT */
/*
 * mpold as a service: what it tells systemd, and when; the watchdog also while much is to be
 * done; settings read again on SIGHUP, or left as they are where a file is wrong; privileges
 * that it gives up.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "daemon.h"

#define PATIENCE_MS  60000
#define WATCHDOG_US  "10000000"
#define TARGET_BYTES (128UL << 20)
#define TOO_LONG_NS  10000000000 /* WATCHDOG_US */
#define NR_WATCHDOGS 3

static char folder[] = "/tmp/test-service-XXXXXX";
static char config[64], logged[64];

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- The socket that systemd would have -------------------------------------------------- */

static int listen_as_systemd(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

/* The next message that begins with a word, terminated; "" where none comes in time. */
static const char *await_message(int fd, const char *word)
{
	static char message[512];
	const uint64_t began_ns = now_ns();

	for (;;) {
		const int left_ms = PATIENCE_MS - (int)((now_ns() - began_ns) / 1000000);
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		ssize_t length;

		if (left_ms <= 0 || poll(&wait, 1, left_ms) <= 0)
			return "";
		length = recv(fd, message, sizeof(message) - 1, 0);
		if (length < 0)
			return "";
		message[length] = '\0';
		if (strncmp(message, word, strlen(word)) == 0)
			return message;
	}
}

static bool comes(int fd, const char *word)
{
	return *await_message(fd, word);
}

/* ---- What is managed, and who manages it ---------------------------------------------------- */

/* A process that uses its memory; of another user. */
static pid_t start_target(void)
{
	pid_t pid = fork();
	char *memory;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (setgid(1000) < 0 || setuid(1000) < 0)
		_exit(1);
	prctl(PR_SET_DUMPABLE, 1);
	memory = mmap(NULL, TARGET_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	madvise(memory, TARGET_BYTES, MADV_NOHUGEPAGE);
	for (;;) {
		for (size_t i = 0; i < TARGET_BYTES; i += 4096)
			memory[i]++;
		usleep(10000);
	}
}

static void write_config(const char *text)
{
	FILE *file = fopen(config, "w");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
		perror(config);
		exit(1);
	}
}

static void configure(pid_t pid, const char *more)
{
	char text[256];

	snprintf(text, sizeof(text), "targets:\n- pid: %d\n%s", pid, more);
	write_config(text);
}

static pid_t start_service(const char *socket)
{
	pid_t pid = fork();
	int log;

	if (pid != 0)
		return pid;
	log = open(logged, O_WRONLY | O_CREAT | O_APPEND, 0644);
	dup2(log, STDERR_FILENO);
	setenv("NOTIFY_SOCKET", socket, 1);
	setenv("WATCHDOG_USEC", WATCHDOG_US, 1);
	unsetenv("WATCHDOG_PID");
	become_mpold((const char *const[]) { "mpold", "--config", config, NULL });
}

/* Whether the log has such a line, counting from an offset. */
static bool says_since(const char *words, long from)
{
	return says_from(logged, words, from);
}

static long log_end(void)
{
	FILE *file = fopen(logged, "r");
	long end;

	if (!file)
		return 0;
	fseek(file, 0, SEEK_END);
	end = ftell(file);
	fclose(file);
	return end;
}

static void print_log(void)
{
	FILE *file = fopen(logged, "r");
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		printf("# %s", line);
	if (file)
		fclose(file);
}

static bool says_of(const char *words, pid_t pid, long from)
{
	char line[128];

	snprintf(line, sizeof(line), "process %d: %s", pid, words);
	return says_since(line, from);
}

/* ---- What is promised ------------------------------------------------------------------------ */

static void check_watchdog(int fd)
{
	uint64_t before_ns = now_ns(), longest_ns = 0;

	for (int i = 0; i < NR_WATCHDOGS; i++) {
		const bool came = comes(fd, "WATCHDOG=1");

		if (!came) {
			check(false, "the watchdog is told");
			return;
		}
		if (now_ns() - before_ns > longest_ns)
			longest_ns = now_ns() - before_ns;
		before_ns = now_ns();
	}
	printf("# the longest pause was %lu ms\n", (unsigned long)(longest_ns / 1000000));
	check(longest_ns < TOO_LONG_NS, "the watchdog is told in time");
}

/* SIGHUP; it is told that this is at work, and then that it is done. */
static bool reload(int fd, pid_t mpold)
{
	const char *message, *when;
	uint64_t before_us = now_ns() / 1000, us;

	kill(mpold, SIGHUP);
	message = await_message(fd, "RELOADING=1");
	when = strstr(message, "MONOTONIC_USEC=");
	us = when ? strtoull(when + strlen("MONOTONIC_USEC="), NULL, 10) : 0;
	return us >= before_us && us <= now_ns() / 1000 && comes(fd, "READY=1");
}

static void check_reload(int fd, pid_t mpold, pid_t first, pid_t second)
{
	char text[256];
	long from = log_end();

	write_config("budget: 2%\nbudgett: 3%\n");
	check(reload(fd, mpold) && says_since("the settings stay as they were", from) &&
		      says_since(config, from) &&
		      says_since("line 2, budgett: Unexpected key", from) &&
		      !says_of("no longer managed", first, from),
	      "a wrong file changes nothing, and the log says which line and key");

	from = log_end();
	snprintf(text, sizeof(text), "targets: [ { pid: %d }, { pid: %d } ]\nbudget: 50%%\n", first,
		 second);
	write_config(text);
	check(reload(fd, mpold) && says_of("managed", second, from) &&
		      !says_of("managed", first, from) && !says_of("no longer", first, from),
	      "a target that comes is taken in, one that stays is left alone");

	from = log_end();
	configure(second, "tracker: soft-dirty\n");
	check(reload(fd, mpold) && says_of("no longer managed", first, from) &&
		      !says_of("no longer managed", second, from),
	      "a target that is not named any more is let go");
	check(says_since("tracker: ptescan stays until mpold is started again", from),
	      "what cannot be changed is said");

	from = log_end();
	write_config("targets: []\n");
	check(reload(fd, mpold) && says_since("whose memory?", from) &&
		      !says_of("no longer managed", second, from),
	      "settings that name nobody are no settings");

	from = log_end();
	snprintf(text, sizeof(text), "targets: [ { pid: %d }, { pid: %d } ]\n", second, INT32_MAX);
	write_config(text);
	check(reload(fd, mpold) && says_of("No such process", INT32_MAX, from) &&
		      says_since("settings were read again", from),
	      "a target that is not there is said, and keeps nothing else");
}

/* A line of /proc/PID/status as a hexadecimal number. */
static uint64_t status_of(pid_t pid, const char *key)
{
	char path[64], line[256];
	uint64_t value = UINT64_MAX;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtoull(line + strlen(key), NULL, 16);
	if (file)
		fclose(file);
	return value;
}

static void check_privileges(pid_t mpold)
{
	const uint64_t wanted = 1ULL << CAP_SYS_PTRACE | 1ULL << CAP_DAC_OVERRIDE |
				1ULL << CAP_SYS_NICE | 1ULL << CAP_BPF | 1ULL << CAP_PERFMON |
				1ULL << CAP_SYSLOG;
	const uint64_t effective = status_of(mpold, "CapEff:\t");

	printf("# capabilities %#lx\n", (unsigned long)effective);
	check(effective == wanted && status_of(mpold, "CapPrm:\t") == wanted &&
		      status_of(mpold, "CapBnd:\t") == wanted &&
		      status_of(mpold, "CapInh:\t") == 0 && status_of(mpold, "CapAmb:\t") == 0,
	      "it keeps the capabilities that it needs, and no other");
	check(status_of(mpold, "NoNewPrivs:\t") == 1, "and can gain none");
}

static bool ends(pid_t pid)
{
	int status = -1;

	for (int i = 0; i < PATIENCE_MS / 100; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		usleep(100000);
	}
	return false;
}

int main(void)
{
	const char *status;
	char socket[64];
	pid_t first = start_target(), second = start_target(), mpold;
	int fd;

	if (!mkdtemp(folder))
		return 1;
	snprintf(config, sizeof(config), "%s/mpold.yaml", folder);
	snprintf(logged, sizeof(logged), "%s/log", folder);
	snprintf(socket, sizeof(socket), "%s/notify", folder);
	fd = listen_as_systemd(socket);
	configure(first, "budget: 90%\n");

	mpold = start_service(socket);
	check(comes(fd, "READY=1") && says_of("managed", first, 0), "it is ready when it manages");
	check_privileges(mpold);
	status = await_message(fd, "STATUS=");
	printf("# %s\n", status);
	check(strstr(status, "1 process, ") && strstr(status, "by ptescan"),
	      "it says what it is at");
	check_watchdog(fd);
	check_reload(fd, mpold, first, second);
	kill(mpold, SIGTERM);
	check(comes(fd, "STOPPING=1"), "it says that it stops");
	check(ends(mpold), "and does");
	if (failures)
		print_log();
	kill(first, SIGKILL);
	kill(second, SIGKILL);
	return failures != 0;
}
