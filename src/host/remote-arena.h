/* SPDX-License-Identifier: MIT */
/*
 * Memory of ours in a target, for remote execution.
 *
 * The foothold (remote-foothold.h) holds a record of ours and the code that
 * maps the first arena.  An arena is two mappings: code slots, which
 * the target may only execute (we write them through /proc/PID/mem), and data.
 *
 * Invariants:
 *   - A slot is used once.  A thread may be interrupted by a signal between
 *     the last instructions of a slot and be away for as long as the handler
 *     likes: there is no moment at which a slot is known to be left.  A full
 *     arena is followed by another.
 *   - What is handed out is recorded in the target before it is used, so that
 *     a controller that comes after one that was killed cannot hand it out again.
 *   - Nothing read from the target is believed further than it can harm the
 *     target itself.
 *
 * Controllers exclude each other by a lock on the target's /proc/PID/mem,
 * which ends with its holder.
 */
#ifndef HOST_REMOTE_ARENA_H
#define HOST_REMOTE_ARENA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

#include "remote-arch.h"
#include "remote-foothold.h"

struct arena {
	int root;  /* borrowed: the root directory */
	pid_t pid; /* thread group */
	pid_t tid; /* a thread of it that has memory: a leader that has ended has none */
	int mem;   /* borrowed: /proc/PID/mem, writable, locked */
	struct address_range foothold;
	uint64_t address; /* the arena's code, 0 while there is none */
};

/* One batch's place in the target. */
struct arena_slot {
	uint64_t code_address;
	uint64_t table_address;
	uint64_t arguments_address;
	uint64_t armed_address; /* 1: the thread may have been set on the code */
	uint64_t done_address;	/* 1: it has made the calls */
};

/*
 * Finds the foothold and the newest arena, if an earlier controller left one.
 * Errors: those of foothold_find.
 */
int arena_attach(struct arena *arena, struct mpol_error *err);

/* True if a slot can be claimed; else an arena is to be booted first. */
bool arena_has_room(const struct arena *arena);

/* What a thread is to run to map an arena. */
struct arena_boot {
	struct arch_mappings mappings;
	uint64_t code_address;	/* room for ARENA_BOOT_CODE_BYTES */
	uint64_t armed_address; /* 1 is to be stored there before a thread is set on the code */
};

/*
 * Chooses where the next arena goes and where its boot code, and records both
 * in the target.
 * Errors: -ENOMEM (no free range of addresses), -ENOSPC (too many boots failed),
 * -ESRCH (the target has gone).
 */
int arena_plan_boot(struct arena *arena, struct arena_boot *ret_boot, struct mpol_error *err);

/*
 * Takes the arena that the boot code made into use.  0; -EAGAIN: it is not
 * there (yet); -ESRCH: the process has ended or exec'd.
 */
int arena_adopt(struct arena *arena, const struct arch_mappings *mappings);

/*
 * A place for a batch of nr_calls calls with arguments_bytes of memory.
 * Errors: -EBUSY (every place for large batches is held by threads that have
 * not finished theirs: boot another arena), -ESRCH (the target has gone).
 */
int arena_claim(struct arena *arena, pid_t tid, size_t nr_calls, size_t arguments_bytes,
		struct arena_slot *ret_slot, struct mpol_error *err);

/* 1: the slot's calls have been made; 0: not yet; -ESRCH: the target has gone. */
int arena_is_done(const struct arena *arena, const struct arena_slot *slot);

/* pread(2) and pwrite(2) of all of size bytes: 0, or -ESRCH where the target's memory has gone. */
int arena_read(const struct arena *arena, uint64_t address, void *buffer, size_t size);
int arena_write(const struct arena *arena, uint64_t address, const void *buffer, size_t size);

/* Bytes that the boot code of an arena may have. */
#define ARENA_BOOT_CODE_BYTES 416

#endif
