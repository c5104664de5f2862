/* SPDX-License-Identifier: MIT */
/*
 * Changes that are taken back: see kernel-settings.h.
 *
 * A record's file exists from before the change is made until after it is taken back, under one
 * name, so its creation is what makes a process the holder.  Whoever takes a change back
 * locks the file first, and empties it afterwards: two never do it.  Records are believed that are
 * root's, or this user's own.
 */
#include "kernel-settings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "damon-sysfs.h"
#include "error.h"
#include "process.h"
#include "rootfs.h"
#include "text.h"

static const char step[] = "change a kernel setting";

#define FILE_PREFIX	 "undo-"
#define RECORD_MAX_BYTES 1024

struct kernel_change {
	int root; /* the caller's */
	int fd;	  /* of the record */
	pid_t guard;
	char file[NAME_MAX + sizeof(KERNEL_SETTINGS_DIR) + 1]; /* below root */
	struct kernel_change_record record;
};

/* ---- Taking back ------------------------------------------------------------------- */

/* Only where nobody else has changed it since. */
static int put_back(int root, const struct kernel_change_record *record)
{
	const char *path = record->words[0], *old = record->words[1], *new = record->words[2];
	char now[256];
	int r;

	if ((strncmp(path, "proc/sys/", 9) != 0 && strncmp(path, "sys/", 4) != 0) ||
	    strstr(path, ".."))
		return -EINVAL;
	r = rootfs_read_word(root, now, sizeof(now), "%s", path);
	if (r < 0 || strcmp(now, new) != 0)
		return r == -ENOENT ? 0 : r;
	return rootfs_write(root, old, "%s", path);
}

static int remove_kdamond(int root, const struct kernel_change_record *record)
{
	return damon_sysfs_remove(root, strtoull(record->words[0], NULL, 10));
}

static const struct {
	const char *kind;
	int (*take_back)(int root, const struct kernel_change_record *record);
} kinds[] = {
	{ KERNEL_CHANGE_SETTING, put_back },
	{ KERNEL_CHANGE_KDAMOND, remove_kdamond },
};

/* Whether the file of that name is still this one. */
static bool is_named(int root, const char *file, const struct stat *status)
{
	struct stat named;

	return fstatat(root, file, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       named.st_ino == status->st_ino && named.st_dev == status->st_dev;
}

/* fd and file are the record's.  It stays as it is where the change could not be taken back. */
static int take_back(int root, int fd, const char *file, const struct kernel_change_record *record)
{
	struct stat status;
	int r = -EINVAL;

	if (flock(fd, LOCK_EX) < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size == 0)
		r = 0; /* somebody was faster */
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) && status.st_size; i++)
		if (strcmp(kinds[i].kind, record->kind) == 0)
			r = kinds[i].take_back(root, record);
	if (r == 0 && status.st_size) {
		if (ftruncate(fd, 0) < 0 ||
		    (is_named(root, file, &status) && unlinkat(root, file, 0) < 0))
			r = -errno;
	}
	flock(fd, LOCK_UN);
	return r;
}

/* ---- Records ------------------------------------------------------------------------- */

/* Takes the next word, of less than size bytes, from the text; "" at its end.  False: it is longer.
 */
static bool take_word(const char **text, char *ret, size_t size)
{
	const char *word = *text + strspn(*text, " \n");
	const size_t length = strcspn(word, " \n");

	if (length >= size)
		return false;
	memcpy(ret, word, length);
	ret[length] = '\0';
	*text = word + length;
	return true;
}

int kernel_change_parse(const char *text, struct kernel_change_record *ret)
{
	struct kernel_change_record record = { 0 };
	char holder[24], start_ticks[24];

	if (!take_word(&text, record.kind, sizeof(record.kind)) ||
	    !take_word(&text, holder, sizeof(holder)) ||
	    !take_word(&text, start_ticks, sizeof(start_ticks)))
		return -EBADMSG;
	for (size_t i = 0; i < sizeof(record.words) / sizeof(*record.words); i++)
		if (!take_word(&text, record.words[i], sizeof(record.words[i])))
			return -EBADMSG;
	if (text[strspn(text, " \n")] || !*record.words[0] ||
	    parse_process_id(holder, &record.holder) < 0 ||
	    parse_u64(start_ticks, 10, &record.holder_start_ticks) < 0)
		return -EBADMSG;
	*ret = record;
	return 0;
}

static bool is_alive(int root, const struct kernel_change_record *record)
{
	struct process_thread holder;

	return process_read_stat(root, record->holder, &holder) == 0 &&
	       holder.start_ticks == record->holder_start_ticks &&
	       !process_thread_has_ended(&holder);
}

static int open_record(int root, const char *file, struct kernel_change_record *ret)
{
	_cleanup_close_ int fd = openat(root, file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	char text[RECORD_MAX_BYTES] = "";
	struct stat status;
	int r;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (status.st_uid != 0 && status.st_uid != geteuid())
		return -EPERM;
	if (status.st_size == 0)
		return -ENODATA;
	r = pread(fd, text, sizeof(text) - 1, 0) < 0 ? -errno : kernel_change_parse(text, ret);
	return r < 0 ? r : steal_fd(&fd);
}

/* Takes back what the file tells of, if its holder has ended.  -EBUSY: it has not. */
static int recover(int root, const char *file)
{
	struct kernel_change_record record;
	_cleanup_close_ int fd = open_record(root, file, &record);

	/* It was taken back by somebody who ended before the file was gone. */
	if (fd == -ENODATA)
		return unlinkat(root, file, 0) < 0 ? -errno : 0;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	return is_alive(root, &record) ? -EBUSY : take_back(root, fd, file, &record);
}

int kernel_settings_recover(int root)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char file[PATH_MAX];
	struct dirent *entry;
	int first = 0, r = rootfs_opendir(root, &dir, "%s", KERNEL_SETTINGS_DIR);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, FILE_PREFIX, strlen(FILE_PREFIX)) != 0)
			continue;
		snprintf(file, sizeof(file), "%s/%s", KERNEL_SETTINGS_DIR, entry->d_name);
		r = recover(root, file);
		if (r < 0 && r != -EBUSY && first == 0)
			first = r;
	}
	return first;
}

/* Gives the file a name, complete as it is.  -EEXIST: the name is taken. */
static int publish(int root, int fd, const char *file)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, root, file, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int write_record(struct kernel_change *change)
{
	const struct kernel_change_record *record = &change->record;
	char text[RECORD_MAX_BYTES];
	int length, r;

	length = snprintf(text, sizeof(text), "%s %d %llu %s %s %s\n", record->kind, record->holder,
			  (unsigned long long)record->holder_start_ticks, record->words[0],
			  record->words[1], record->words[2]);
	if (length >= (int)sizeof(text))
		return -ENAMETOOLONG;
	if (mkdirat(change->root, "run", 0755) < 0 && errno != EEXIST)
		return -errno;
	if (mkdirat(change->root, KERNEL_SETTINGS_DIR, 0755) < 0 && errno != EEXIST)
		return -errno;
	change->fd =
		openat(change->root, KERNEL_SETTINGS_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (change->fd < 0 || write(change->fd, text, (size_t)length) != length)
		return -errno;
	r = publish(change->root, change->fd, change->file);
	if (r != -EEXIST)
		return r;
	r = recover(change->root, change->file);
	return r < 0 ? r : publish(change->root, change->fd, change->file);
}

/* ---- The guard ------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes all descriptors but these: what others wait to see closed must not stay open. */
static void close_others(int *kept, size_t nr)
{
	unsigned first = 0;

	qsort(kept, nr, sizeof(*kept), by_number);
	for (size_t i = 0; i < nr; first = (unsigned)kept[i++] + 1)
		if ((unsigned)kept[i] > first)
			close_range(first, (unsigned)kept[i] - 1, 0);
	close_range(first, ~0U, 0);
}

/* In the forked process, with all signals blocked: waits until the holder has ended. */
static void keep_guard(const struct kernel_change *change, int holder)
{
	struct pollfd wait = { .fd = holder, .events = POLLIN };

	setsid();
	prctl(PR_SET_NAME, "mpold-guard");
	close_others((int[]) { change->root, change->fd, holder }, 3);
	while (poll(&wait, 1, -1) < 0)
		;
	_exit(take_back(change->root, change->fd, change->file, &change->record) < 0);
}

static int fork_guard(struct kernel_change *change)
{
	_cleanup_close_ int holder = (int)syscall(SYS_pidfd_open, getpid(), 0);
	sigset_t all, before;
	int r = 0;

	if (holder < 0)
		return -errno;
	/* From its first moment on the guard must not end by what ends the holder. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	change->guard = fork();
	if (change->guard == 0)
		keep_guard(change, holder);
	if (change->guard < 0)
		r = -errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

/* ---- Changes ----------------------------------------------------------------------------- */

static void forget(struct kernel_change *change)
{
	if (change->guard > 0) {
		kill(change->guard, SIGKILL);
		waitpid(change->guard, NULL, 0);
	}
	closep(&change->fd);
	free(change);
}

DEFINE_CLEANUP(struct kernel_change *, forget);

static int name_file(struct kernel_change *change, const char *name)
{
	const int length = snprintf(change->file, sizeof(change->file), "%s/%s%s-%s",
				    KERNEL_SETTINGS_DIR, FILE_PREFIX, change->record.kind, name);

	for (char *c = change->file + sizeof(KERNEL_SETTINGS_DIR); *c; c++)
		if (*c == '/')
			*c = '_';
	return length >= (int)sizeof(change->file) ? -ENAMETOOLONG : 0;
}

static int begin(struct kernel_change *change, const char *name)
{
	struct process_thread self;
	int r = process_read_stat(change->root, getpid(), &self);

	if (r < 0)
		return r;
	change->record.holder = getpid();
	change->record.holder_start_ticks = self.start_ticks;
	for (size_t i = 0; i < sizeof(change->record.words) / sizeof(*change->record.words); i++)
		if (strpbrk(change->record.words[i], " \t\n"))
			return -EINVAL;
	r = name_file(change, name);
	if (r == 0)
		r = write_record(change);
	if (r < 0)
		return r;
	r = fork_guard(change);
	if (r < 0)
		unlinkat(change->root, change->file, 0);
	return r;
}

int kernel_change_begin(int root, const char *name, const struct kernel_change_record *record,
			struct kernel_change **ret, struct mpol_error *err)
{
	_cleanup_(forgetp) struct kernel_change *change = calloc(1, sizeof(*change));
	int r;

	if (!change)
		return error_errno(err, -ENOMEM, step);
	*change = (struct kernel_change) { .root = root, .fd = -1, .record = *record };
	r = begin(change, name);
	if (r == -EBUSY)
		error_set(err, r, step, "another process of mpol's has changed it, and lives");
	else if (r < 0)
		error_errno(err, r, step);
	if (r < 0) {
		error_on(err, "%s", name);
		error_advise(err, r == -EBUSY ? "see /%s" : "needs to be root, and /%s",
			     KERNEL_SETTINGS_DIR);
		return r;
	}
	*ret = steal_pointer(&change);
	return 0;
}

int kernel_change_end(struct kernel_change *change)
{
	int r;

	if (!change)
		return 0;
	r = take_back(change->root, change->fd, change->file, &change->record);
	if (r < 0)
		change->guard = -1; /* lives on, and tries again when this process has ended */
	forget(change);
	return r;
}

int kernel_setting_put(int root, const char *path, const char *value, struct kernel_change **ret,
		       struct mpol_error *err)
{
	struct kernel_change_record record = { .kind = KERNEL_CHANGE_SETTING };
	struct kernel_change *change = NULL;
	int r;

	snprintf(record.words[0], sizeof(record.words[0]), "%s", path);
	snprintf(record.words[2], sizeof(record.words[2]), "%s", value);
	kernel_settings_recover(root); /* what was left is not what was there before */
	r = rootfs_read_word(root, record.words[1], sizeof(record.words[1]), "%s", path);
	if (r == 0) {
		r = kernel_change_begin(root, path, &record, &change, err);
		if (r < 0)
			return r;
		r = rootfs_write(root, value, "%s", path);
	}
	if (r < 0) {
		kernel_change_end(change);
		error_errno(err, r, step);
		error_on(err, "/%s", path);
		return r;
	}
	*ret = change;
	return 0;
}
