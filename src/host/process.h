/* SPDX-License-Identifier: MIT */
/*
 * Processes and threads as /proc shows them, below a root descriptor
 * (rootfs.h), so that a recorded tree reads like the running machine.
 *
 * A process may end, and its threads come and go, between any two reads:
 * -ESRCH then, from every call here.
 */
#ifndef HOST_PROCESS_H
#define HOST_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "nodemask.h"
#include "numa-maps.h"

/* Flags of /proc/PID/stat (include/linux/sched.h, PF_*). */
#define PROCESS_IO_WORKER   0x00000010U /* io_uring's: never reaches user mode */
#define PROCESS_USER_WORKER 0x00004000U /* vhost's: likewise */
#define PROCESS_KTHREAD	    0x00200000U

struct process_thread {
	pid_t tid;
	pid_t tgid;
	pid_t ppid;
	int nr_threads; /* of its process */
	char name[16];
	char state; /* proc_pid_stat(5): R, S, D, T, t, Z, X, I */
	unsigned int flags;
	uint64_t start_ticks; /* since boot: with tid, names a thread once and for all */
	int cpu;	      /* that it ran on last; -1: not told */
	pid_t tracer;	      /* 0: nobody traces it */
	uint64_t locked_kib;  /* of its process: mlock(2), and what drivers count as such */
	int seccomp;	      /* 0 none, 1 strict, 2 filter; 0 where the kernel does not say */
	struct nodemask mems_allowed;
};

/* Whether the thread runs user code, so that it can be made to call the kernel. */
bool process_thread_is_user(const struct process_thread *thread);

/* Whether the thread has ended and only waits to be reaped (states Z and X). */
bool process_thread_has_ended(const struct process_thread *thread);

/*
 * Reads thread tid of process pid.  pid may be the id of any thread of the
 * process, so (tid, tid) reads a thread of which nothing else is known.
 * Errors: -ESRCH, -EACCES, -EBADMSG (not what a kernel writes), -ENOMEM.
 */
int process_read_thread(int root, pid_t pid, pid_t tid, struct process_thread *ret);

/*
 * What /proc/PID/stat alone says of the leader of process pid: everything above but tracer,
 * locked_kib, seccomp and mems_allowed.
 * Errors: -ESRCH, -EACCES, -EBADMSG, -ENOMEM.
 */
int process_read_stat(int root, pid_t pid, struct process_thread *ret);

/* Reads the text of such a file.  Returns 0 or -EBADMSG. */
int process_parse_stat(const char *text, struct process_thread *thread);

/* What follows "KEY:" and blanks at a line's beginning in the text of /proc/PID/status; NULL: there
 * is no such line. */
const char *process_status_field(const char *status, const char *key);

/*
 * The text of /proc/PID/name, which is not empty; free(3) it.  pid may be the id of a thread.
 * Errors: -ESRCH (there is no such file, or nothing in it: what has no memory any more),
 * -EACCES, -EFBIG, -ENOMEM.
 */
int process_read_file(int root, pid_t pid, const char *name, char **ret_text);

/*
 * Opens /proc/PID/name; pid may be the id of a thread.  O_CLOEXEC is added to the flags.
 * Returns a descriptor, -ESRCH where there is no such file, or another errno of openat(2).
 */
int process_open_file(int root, pid_t pid, const char *name, int flags);

/*
 * Whether the memory that an open /proc/PID/pagemap stands for is still somebody's: the process has
 * not ended, and runs the program that it ran then.
 */
bool process_pagemap_is_alive(int pagemap);

/*
 * Opens /proc/TID/pagemap of a thread that has the process's memory, and says whose: the leader's
 * or, where that has ended, the first other's, by whose id all else about the memory is to be read.
 * Returns a descriptor, -ESRCH (nobody has memory: it has ended, or is a kernel thread), or
 * another errno of openat(2).
 */
int process_open_pagemap(int root, pid_t pid, pid_t *ret_tid);

/* 1 where the process has a KVM virtual machine open, whose memory may be its own; else 0.
 * Errors: -ENOENT (no such process), -EACCES, -EMFILE, -ENOMEM. */
int process_runs_guests(int root, pid_t pid);

/* The inode by which /proc/PID/ns/name ("mnt", "ipc", ...) tells the process's namespace from
 * others (namespaces(7)); 0 where the kernel has none of that kind.  Errors: -ESRCH, -EACCES,
 * -EBADMSG, another errno of readlinkat(2). */
int process_read_namespace(int root, pid_t pid, const char *name, uint64_t *ret_inode);

/* The ids of all processes, ascending; free(3) them.  Errors: -ENOENT, -EACCES, -ENOMEM. */
int process_list(int root, pid_t **ret_pids, size_t *ret_nr);

/*
 * The command line: arguments separated by blanks, "" of kernel threads and of
 * processes that have ended; free(3) it.  Errors: -ESRCH, -EACCES, -EFBIG, -ENOMEM.
 */
int process_read_command_line(int root, pid_t pid, char **ret);

/*
 * The ids of all threads of process pid, ascending; free(3) them.
 * Errors: -ESRCH, -EACCES, -ENOMEM.
 */
int process_list_threads(int root, pid_t pid, pid_t **ret_tids, size_t *ret_nr);

/*
 * The ranges of process pid, with the policies as thread tid (of that process)
 * sees them: a range without its own shows that thread's.  Walks the page tables of the whole
 * process; stops nothing.
 * Errors: -ESRCH (also: it has no memory any more), -EACCES, -EBADMSG, -EFBIG, -ENOMEM.
 */
int process_read_vmas(int root, pid_t pid, pid_t tid, struct vma_table *ret);

/*
 * Finds out which of a process's ranges are locked.  Walks page tables once more: for processes
 * that have any (locked_kib).
 * Errors: as of process_read_vmas.
 */
int process_read_locked(int root, pid_t pid, struct vma_table *table);

#endif
