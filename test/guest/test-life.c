/* SPDX-License-Identifier: MIT */
/*
 * What befalls mpold and those that it manages: they run another program, fork, end, are stopped
 * and confined to other nodes; mpold is stopped, killed and started again; the clock is set; the
 * slow node's memory goes away.  Each time memory that is hot goes to fast memory again, where it
 * may, and nobody reads what he has not written.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include <mpol/mpol.h>

#include "check.h"
#include "daemon.h"

#define PAGE_BYTES 4096UL
#define NR_PAGES   1024
#define SLOW_NODE  2
#define LOG	   "/tmp/life.log"
#define SHARED	   "/tmp/life.shared"
#define CGROUP	   "/sys/fs/cgroup/life"
#define PATIENCE   500 /* fifths of a second */

enum command { GO_ON, RUN_AGAIN, FORK };

/* Of the test and its subjects, by place. */
static struct shared {
	struct subject {
		atomic_int pid, command;
		atomic_uint begun; /* how often */
		atomic_ulong rounds;
	} subjects[2];
	atomic_ulong wrong;
} * shared;

/* Of each subject at the same place, so that the test can ask for it. */
static char *const memory = (char *)0x600000000000;

static void share(void)
{
	const int fd = open(SHARED, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(*shared)) < 0)
		die(SHARED);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	close(fd);
}

/* ---- A subject ------------------------------------------------------------------------------ */

/* Memory on the slow node, which it calls hot. */
static void take_memory(void)
{
	unsigned long slow = 1UL << SLOW_NODE;

	munmap(memory, NR_PAGES * PAGE_BYTES);
	if (mmap(memory, NR_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != memory)
		die("mmap");
	madvise(memory, NR_PAGES * PAGE_BYTES, MADV_NOHUGEPAGE);
	syscall(SYS_set_mempolicy, MPOL_BIND, &slow, 65);
	for (unsigned page = 0; page < NR_PAGES; page++)
		*(volatile unsigned *)(memory + page * PAGE_BYTES) = page;
	syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
	if (mpol_set_vma_hint(memory, NR_PAGES * PAGE_BYTES, MPOL_HINT_HOT, NULL) < 0)
		die("mpol_set_vma_hint");
}

static void begin(int place)
{
	take_memory();
	atomic_store(&shared->subjects[place].pid, getpid());
	atomic_fetch_add(&shared->subjects[place].begun, 1);
}

static void live(int place)
{
	begin(place);
	for (;;) {
		struct subject *self = &shared->subjects[place];
		const int command = atomic_exchange(&self->command, GO_ON);

		for (unsigned page = 0; page < NR_PAGES; page++)
			if (*(volatile unsigned *)(memory + page * PAGE_BYTES) != page)
				atomic_fetch_add(&shared->wrong, 1);
		atomic_fetch_add(&self->rounds, 1);
		if (command == RUN_AGAIN)
			execl("/proc/self/exe", "test-life", "again", NULL);
		if (command == FORK && fork() == 0)
			begin(place = 1);
		usleep(10000);
	}
}

/* ---- The test ----------------------------------------------------------------------------- */

static struct subject *subject_of(int place)
{
	return &shared->subjects[place];
}

static pid_t pid_of(int place)
{
	return atomic_load(&subject_of(place)->pid);
}

static void await_begun(int place, unsigned times)
{
	for (int i = 0; i < PATIENCE && atomic_load(&subject_of(place)->begun) < times; i++)
		usleep(200000);
}

static unsigned count_fast(int place)
{
	return count_off_node(pid_of(place), memory, NR_PAGES, SLOW_NODE);
}

/* Whether what is hot comes to fast memory. */
static bool comes(int place)
{
	for (int i = 0; i < PATIENCE && count_fast(place) < NR_PAGES * 9 / 10; i++)
		usleep(200000);
	printf("# %u of %d pages are in fast memory\n", count_fast(place), NR_PAGES);
	return count_fast(place) >= NR_PAGES * 9 / 10;
}

static void put_on_slow_node(int place)
{
	unsigned long slow = 1UL << SLOW_NODE, all = 7;

	if (syscall(SYS_migrate_pages, pid_of(place), 65UL, &all, &slow) < 0)
		die("migrate_pages");
}

static bool lives(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

static bool goes_on(int place)
{
	const unsigned long rounds = atomic_load(&subject_of(place)->rounds);

	for (int i = 0; i < PATIENCE && atomic_load(&subject_of(place)->rounds) <= rounds; i++)
		usleep(200000);
	return atomic_load(&subject_of(place)->rounds) > rounds;
}

/* Returns whether it could be written. */
static bool write_to(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY);
	const bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

static void run_again(int place)
{
	const unsigned begun = atomic_load(&subject_of(place)->begun);

	atomic_store(&subject_of(place)->command, RUN_AGAIN);
	await_begun(place, begun + 1);
}

/* Of an mpold that knows the process by its id alone, and ends when it has nobody. */
static void check_programs_by_id(void)
{
	const pid_t mpold = start_mpold_for("--pid", pid_of(0), "--budget=50%", LOG);

	check(comes(0), "a process that is named by its id has its hot memory in fast memory");
	for (int i = 0; i < 2; i++) {
		run_again(0);
		check(comes(0) && lives(mpold), "so has the next program that it runs");
	}
	check(says(LOG, "it runs another program") && !says(LOG, "it has ended"), "as is said");
	end(mpold, SIGTERM);
	put_on_slow_node(0);
}

static void check_programs(pid_t mpold)
{
	check(comes(0), "a process's hot memory goes to fast memory");
	run_again(0);
	check(comes(0), "so does that of the next program that it runs");
	atomic_store(&subject_of(0)->command, FORK);
	await_begun(1, 1);
	check(comes(1), "and that of its child");
	kill(pid_of(1), SIGKILL);
	sleep(2);
	check(lives(mpold) && goes_on(0), "the child's end ends nothing else");
}

static void check_cpuset(pid_t mpold)
{
	char pid[16];

	(void)!system(
		"[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 none /sys/fs/cgroup");
	mkdir(CGROUP, 0755);
	snprintf(pid, sizeof(pid), "%d", pid_of(0));
	if (!write_to("/sys/fs/cgroup/cgroup.subtree_control", "+cpuset") ||
	    !write_to(CGROUP "/cpuset.mems", "2") || !write_to(CGROUP "/cgroup.procs", pid))
		die(CGROUP);
	put_on_slow_node(0);
	sleep(5);
	check(count_fast(0) == 0 && lives(mpold), "where its cpuset has no fast node it stays");
	if (!write_to(CGROUP "/cpuset.mems", "0-2"))
		die(CGROUP);
	check(comes(0), "when it has one again it goes there");
}

static void check_stop(pid_t mpold)
{
	kill(pid_of(0), SIGSTOP);
	put_on_slow_node(0);
	sleep(3);
	check(lives(mpold), "a process that is stopped stops nobody else");
	kill(pid_of(0), SIGCONT);
	check(comes(0) && goes_on(0), "and goes on where it was");
}

/* As after a suspend of the machine or a long stall: rounds are late, and what was seen is old. */
static void check_stall(pid_t mpold)
{
	kill(mpold, SIGSTOP);
	waitpid(mpold, NULL, WUNTRACED);
	put_on_slow_node(0);
	sleep(5);
	check(count_fast(0) == 0, "an mpold that is stopped moves nothing");
	kill(mpold, SIGCONT);
	check(comes(0) && lives(mpold), "when it goes on it manages as before");
}

/* The value of a key of /proc/PID/status. */
static long status_of(pid_t pid, const char *key)
{
	char path[64], line[256];
	long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtol(line + strlen(key), NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static pid_t check_restart(pid_t mpold)
{
	end(mpold, SIGKILL);
	check(goes_on(0) && status_of(pid_of(0), "TracerPid:") == 0,
	      "where mpold is killed, those that it managed go on, and nobody traces them");
	put_on_slow_node(0);
	mpold = start_mpold_for("--tree", getpid(), "--budget=50%", LOG);
	check(comes(0), "started again, it finds them");
	return mpold;
}

static void set_clock(long days)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += days * 86400;
	if (clock_settime(CLOCK_REALTIME, &now) < 0)
		die("clock_settime");
}

static void check_clock(pid_t mpold)
{
	set_clock(400);
	put_on_slow_node(0);
	check(comes(0), "the clock is set forward: rounds go on");
	set_clock(-800);
	put_on_slow_node(0);
	check(comes(0) && lives(mpold), "and back");
	set_clock(400);
}

/* Of all memory blocks of the slow node.  Returns how many took it. */
static int put_blocks(const char *state)
{
	DIR *dir = opendir("/sys/devices/system/node/node2");
	struct dirent *entry;
	char path[512];
	int nr = 0;

	while (dir && (entry = readdir(dir)))
		if (strncmp(entry->d_name, "memory", 6) == 0 && entry->d_name[6] >= '0' &&
		    entry->d_name[6] <= '9') {
			snprintf(path, sizeof(path), "/sys/devices/system/node/node2/%s/state",
				 entry->d_name);
			nr += write_to(path, state);
		}
	if (dir)
		closedir(dir);
	return nr;
}

/* What the kernel uses itself does not go; the rest does. */
static void check_offline(pid_t mpold)
{
	const int nr = put_blocks("offline");

	printf("# %d blocks of the slow node's memory went offline\n", nr);
	sleep(3);
	check(lives(mpold) && goes_on(0), "the slow node's memory may go");
	printf("# %d came back\n", put_blocks("online_movable"));
	sleep(3);
	put_on_slow_node(0);
	check(comes(0) && lives(mpold), "and come back");
}

int main(int argc, char **argv)
{
	pid_t mpold;

	(void)argv;
	setvbuf(stdout, NULL, _IOLBF, 0); /* children have what is not written */
	if (argc == 1)
		unlink(SHARED);
	share();
	if (argc > 1)
		live(0);
	stop_numa_balancing();
	if (fork() == 0)
		live(0);
	await_begun(0, 1);
	check_programs_by_id();
	mpold = start_mpold_for("--tree", getpid(), "--budget=50%", LOG);
	check_programs(mpold);
	check_cpuset(mpold);
	check_stop(mpold);
	check_stall(mpold);
	mpold = check_restart(mpold);
	check_clock(mpold);
	check_offline(mpold);
	check(atomic_load(&shared->wrong) == 0, "nobody has read what he had not written");
	end(mpold, SIGTERM);
	if (failures)
		(void)!system("cat " LOG);
	end(pid_of(0), SIGKILL);
	return failures != 0;
}
