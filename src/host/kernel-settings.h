/* SPDX-License-Identifier: MIT */
/*
 * Changes of the kernel that must not outlive this process: they are taken back at its end, also
 * when it is killed.
 *
 * Before a change is made, how to take it back goes into a file below /run/mpold, and a guard is
 * forked: a process that waits until this one has ended, and takes the change back then.  Where the
 * guard was killed too, the next start finds the file (kernel_settings_recover).  A change
 * is held by one process at a time, and what somebody else has changed since is left alone.
 *
 * Root's business: others may neither change the kernel nor write to /run.
 */
#ifndef HOST_KERNEL_SETTINGS_H
#define HOST_KERNEL_SETTINGS_H

#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "cleanup.h"

#define KERNEL_SETTINGS_DIR "run/mpold"

/* Ways of taking a change back, by the first word of its record. */
#define KERNEL_CHANGE_SETTING "setting" /* PATH OLD NEW */
#define KERNEL_CHANGE_KDAMOND "kdamond" /* SIGNATURE: damon-sysfs.h */

struct kernel_change;

/* A record: who made a change, and how it is taken back. */
struct kernel_change_record {
	char kind[16];
	pid_t holder;
	uint64_t holder_start_ticks;
	char words[3][256]; /* "" where there are fewer */
};

/*
 * Makes sure that a change that is about to be made will be taken back.  name distinguishes
 * it from others of its kind, and is made into a file's; words: what the kind wants, without
 * blanks.  End it with kernel_change_end.
 * Errors: -EBUSY (another process holds it), -EACCES, -EROFS, -EINVAL, -ENOMEM, ...
 */
int kernel_change_begin(int root, const char *name, const struct kernel_change_record *change,
			struct kernel_change **ret, struct mpol_error *err);

/* Takes the change back; NULL: there is none.  Returns 0, or the -errno of that: then the guard
 * tries again later. */
int kernel_change_end(struct kernel_change *change);

/*
 * Puts another value into a file of the kernel's, "proc/sys/..." or "sys/...", until *ret is ended.
 * Both values are words.
 * Errors: of kernel_change_begin; -ENOENT: this kernel has none; those of write(2).
 */
int kernel_setting_put(int root, const char *path, const char *value, struct kernel_change **ret,
		       struct mpol_error *err);

/* Takes back what processes have left that were killed together with their guards.  Returns 0, or
 * the first -errno. */
int kernel_settings_recover(int root);

/* Reads the text of such a file.  Returns 0 or -EBADMSG; *ret is untouched then. */
int kernel_change_parse(const char *text, struct kernel_change_record *ret);

#endif
