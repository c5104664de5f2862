/* SPDX-License-Identifier: MIT */
/*
 * Reading the running kernel's memory (proc_kcore, proc(5)): whose a
 * task_struct is.
 */
#ifndef LAB_PLUGIN_KCORE_H
#define LAB_PLUGIN_KCORE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "cleanup.h"

struct kcore;

/* Errors: -EACCES, -EPERM (needs CAP_SYS_RAWIO), -ENOENT, -EBADMSG. */
int kcore_new(struct kcore **ret, struct mpol_error *error);
void kcore_free(struct kcore *kcore);

DEFINE_CLEANUP(struct kcore *, kcore_free);

/* Reads at a kernel virtual address.  -EFAULT: not mapped, or it cannot be read whole. */
int kcore_read(const struct kcore *kcore, uint64_t address, void *buffer, size_t length);

/* The pair "pid_t pid; pid_t tgid" of task_struct (include/linux/sched.h). */
struct task_ids {
	int32_t tid;
	int32_t pid;
};

/*
 * The offset of that pair in task_struct, found as the only place that holds
 * the right ids in every one of the given tasks.  At least two tasks with
 * different ids.  -ENOENT: none; -ENOTUNIQ: several.
 */
int kcore_find_ids(const struct kcore *kcore, const uint64_t *tasks, const struct task_ids *ids,
		   size_t nr, uint64_t *ret_offset, struct mpol_error *error);

/*
 * The process that owns the task, or -ESRCH if there is no saying: the ids are
 * not those of a live thread, unless they say likely_pid, which a thread that
 * has just ended still does.
 */
pid_t kcore_owner(const struct kcore *kcore, uint64_t task, uint64_t offset, pid_t likely_pid);

#endif
