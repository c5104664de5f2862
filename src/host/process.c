/* SPDX-License-Identifier: MIT */
/*
 * Processes and threads below /proc: see process.h.
 *
 * A thread's name may hold anything, also parentheses and newlines: in stat it
 * ends at the last ')', in status the kernel escapes it.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "grow.h"
#include "rootfs.h"
#include "text.h"

/* procfs answers ENOENT for what has ended before open, ESRCH for what ends before read. */
static int gone(int r)
{
	return r == -ENOENT ? -ESRCH : r;
}

/* pid (comm) state ppid … flags … num_threads … starttime, fields 3, 4, 9, 20 and 22 of
 * proc_pid_stat(5). */
int process_parse_stat(const char *text, struct process_thread *thread)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	size_t length;
	int fields;

	thread->cpu = -1;
	if (!open || !close || close < open)
		return -EBADMSG;
	fields = sscanf(close + 1,
			" %c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d "
			"%*d %" SCNu64 " %*u %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u "
			"%*u %*d %d",
			&thread->state, &thread->ppid, &thread->flags, &thread->nr_threads,
			&thread->start_ticks, &thread->cpu);
	if (fields < 5)
		return -EBADMSG;
	length = close - open - 1;
	if (length >= sizeof(thread->name))
		length = sizeof(thread->name) - 1;
	memcpy(thread->name, open + 1, length);
	thread->name[length] = '\0';
	return 0;
}

const char *process_status_field(const char *status, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = status; line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (!strncmp(line, key, length) && line[length] == ':')
			return line + length + 1 + strspn(line + length + 1, "\t ");
	}
	return NULL;
}

static int status_number(const char *text, const char *key, int missing, int *ret)
{
	const char *field = process_status_field(text, key);
	char *end;
	long number;

	if (!field) {
		*ret = missing;
		return missing < 0 ? -EBADMSG : 0;
	}
	number = strtol(field, &end, 10);
	if (end == field || number < 0 || number > INT32_MAX)
		return -EBADMSG;
	*ret = (int)number;
	return 0;
}

static int parse_status(const char *text, struct process_thread *thread)
{
	const char *mems = process_status_field(text, "Mems_allowed_list");
	const char *locked = process_status_field(text, "VmLck");
	char list[8192];
	size_t length;

	if (status_number(text, "Tgid", -1, &thread->tgid) < 0 ||
	    status_number(text, "TracerPid", 0, &thread->tracer) < 0 ||
	    status_number(text, "Seccomp", 0, &thread->seccomp) < 0 || !mems)
		return -EBADMSG;
	thread->locked_kib = locked ? strtoull(locked, NULL, 10) : 0; /* kernel threads: none */
	length = strcspn(mems, "\n");
	if (length >= sizeof(list))
		return -EBADMSG;
	memcpy(list, mems, length);
	list[length] = '\0';
	return nodemask_parse(list, &thread->mems_allowed) < 0 ? -EBADMSG : 0;
}

int process_read_thread(int root, pid_t pid, pid_t tid, struct process_thread *ret)
{
	_cleanup_free_ char *stat = NULL, *status = NULL;
	struct process_thread thread = { .tid = tid };
	ssize_t r;

	r = rootfs_read(root, &stat, "proc/%d/task/%d/stat", pid, tid);
	if (r < 0)
		return gone(r);
	r = rootfs_read(root, &status, "proc/%d/task/%d/status", pid, tid);
	if (r < 0)
		return gone(r);
	r = process_parse_stat(stat, &thread);
	if (r < 0)
		return r;
	r = parse_status(status, &thread);
	if (r < 0)
		return r;
	*ret = thread;
	return 0;
}

int process_read_stat(int root, pid_t pid, struct process_thread *ret)
{
	_cleanup_free_ char *stat = NULL;
	struct process_thread thread = { .tid = pid, .tgid = pid };
	ssize_t r = rootfs_read(root, &stat, "proc/%d/stat", pid);

	if (r >= 0)
		r = process_parse_stat(stat, &thread);
	if (r < 0)
		return gone((int)r);
	*ret = thread;
	return 0;
}

bool process_thread_is_user(const struct process_thread *thread)
{
	return !(thread->flags & (PROCESS_KTHREAD | PROCESS_IO_WORKER | PROCESS_USER_WORKER));
}

bool process_thread_has_ended(const struct process_thread *thread)
{
	return thread->state == 'Z' || thread->state == 'X';
}

static int compare_ids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* The names of a directory of /proc that are ids, ascending. */
static int list_ids(DIR *dir, pid_t **ret_ids, size_t *ret_nr)
{
	_cleanup_free_ pid_t *ids = NULL;
	size_t nr = 0, allocated = 0;
	struct dirent *entry;

	while (errno = 0, (entry = readdir(dir))) {
		pid_t id, *more;

		if (parse_process_id(entry->d_name, &id) < 0)
			continue;
		more = grow(ids, nr, &allocated, sizeof(*ids));
		if (!more)
			return -ENOMEM;
		ids = more;
		ids[nr++] = id;
	}
	if (errno)
		return gone(-errno);
	if (!nr)
		return -ESRCH;
	qsort(ids, nr, sizeof(*ids), compare_ids);
	*ret_ids = steal_pointer(&ids);
	*ret_nr = nr;
	return 0;
}

int process_list_threads(int root, pid_t pid, pid_t **ret_tids, size_t *ret_nr)
{
	_cleanup_closedir_ DIR *dir = NULL;
	int r = rootfs_opendir(root, &dir, "proc/%d/task", pid);

	return r < 0 ? gone(r) : list_ids(dir, ret_tids, ret_nr);
}

int process_read_file(int root, pid_t pid, const char *name, char **ret_text)
{
	_cleanup_free_ char *text = NULL;
	ssize_t length = rootfs_read(root, &text, "proc/%d/%s", pid, name);

	if (length <= 0)
		return length == 0 ? -ESRCH : gone((int)length);
	*ret_text = steal_pointer(&text);
	return 0;
}

int process_open_file(int root, pid_t pid, const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "proc/%d/%s", pid, name);
	fd = openat(root, path, flags | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

bool process_pagemap_is_alive(int pagemap)
{
	uint64_t entry;

	return pread(pagemap, &entry, sizeof(entry), 0) == sizeof(entry);
}

static int open_thread_pagemap(int root, pid_t tid)
{
	_cleanup_close_ int pagemap = process_open_file(root, tid, "pagemap", O_RDONLY);

	return pagemap < 0 || process_pagemap_is_alive(pagemap) ? steal_fd(&pagemap) : -ESRCH;
}

int process_open_pagemap(int root, pid_t pid, pid_t *ret_tid)
{
	_cleanup_free_ pid_t *tids = NULL;
	int pagemap = open_thread_pagemap(root, pid);
	size_t nr = 0;

	*ret_tid = pid;
	if (pagemap != -ESRCH || process_list_threads(root, pid, &tids, &nr) < 0)
		return pagemap;
	for (size_t i = 0; i < nr && pagemap == -ESRCH; i++) {
		pagemap = open_thread_pagemap(root, tids[i]);
		*ret_tid = tids[i];
	}
	return pagemap;
}

/* virt/kvm/kvm_main.c, kvm_dev_ioctl_create_vm. */
int process_runs_guests(int root, pid_t pid)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	char target[32];
	int r = rootfs_opendir(root, &dir, "proc/%d/fd", pid);

	if (r < 0)
		return r;
	while ((entry = readdir(dir)))
		if (rootfs_readlink(root, target, sizeof(target), "proc/%d/fd/%s", pid,
				    entry->d_name) == 0 &&
		    strcmp(target, "anon_inode:kvm-vm") == 0)
			return 1;
	return 0;
}

int process_read_namespace(int root, pid_t pid, const char *name, uint64_t *ret_inode)
{
	char target[32];
	const char *inode;
	int r = rootfs_readlink(root, target, sizeof(target), "proc/%d/ns/%s", pid, name);

	if (r == -ENOENT &&
	    rootfs_readlink(root, target, sizeof(target), "proc/self/ns/%s", name) == -ENOENT) {
		*ret_inode = 0;
		return 0;
	}
	if (r < 0)
		return gone(r);
	inode = strchr(target, '[');
	return inode && parse_next_u64(&(const char *) { inode + 1 }, ret_inode) ? 0 : -EBADMSG;
}

int process_list(int root, pid_t **ret_pids, size_t *ret_nr)
{
	_cleanup_closedir_ DIR *dir = NULL;
	int r = rootfs_opendir(root, &dir, "proc");

	return r < 0 ? r : list_ids(dir, ret_pids, ret_nr);
}

int process_read_command_line(int root, pid_t pid, char **ret)
{
	char *text;
	ssize_t length = rootfs_read(root, &text, "proc/%d/cmdline", pid);

	if (length < 0)
		return gone((int)length);
	while (length > 0 && !text[length - 1])
		length--;
	for (ssize_t i = 0; i < length; i++)
		if (!text[i])
			text[i] = ' ';
	*ret = text;
	return 0;
}

int process_read_vmas(int root, pid_t pid, pid_t tid, struct vma_table *ret)
{
	_cleanup_free_ char *maps = NULL, *numa_maps = NULL;
	ssize_t r;

	r = rootfs_read(root, &maps, "proc/%d/task/%d/maps", pid, tid);
	if (r < 0)
		return gone(r);
	r = rootfs_read(root, &numa_maps, "proc/%d/task/%d/numa_maps", pid, tid);
	if (r < 0)
		return gone(r);
	if (!*maps || !*numa_maps)
		return -ESRCH;
	return vma_table_join(maps, numa_maps, ret);
}

int process_read_locked(int root, pid_t pid, struct vma_table *table)
{
	_cleanup_free_ char *smaps = NULL;
	int r = process_read_file(root, pid, "smaps", &smaps);

	return r < 0 ? r : vma_table_mark_locked(table, smaps);
}
