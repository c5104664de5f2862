/* SPDX-License-Identifier: MIT */
/*
 * Which task of the guest each vCPU runs, and what it has counted.
 *
 * The plugin ABI shows neither registers nor page tables, but it shows the
 * addresses of accesses.  Linux on x86-64 switches tasks in one place,
 * __switch_to_asm (arch/x86/entry/entry_64.S, since 4.9):
 *
 *	mov  %rsp, THREAD_SP(%rdi)
 *	mov  THREAD_SP(%rsi), %rsp	loads from the next task's task_struct
 *	...
 *	pop  %r15			loads from the next task's kernel stack
 *	pop  %r14  pop %r13  pop %r12  pop %rbx  pop %rbp
 *
 * The address of the first load, less THREAD_SP, is the task_struct of the next
 * task.  The address of the second tells whether that task runs for the first
 * time: only then is its stack as shallow as copy_thread() left it, one
 * pt_regs and one switch frame (TASK_NEWBORN_BYTES).  A task that blocked has
 * at least the frames of a system call below these.
 *
 * So a *task* here is one incarnation: when the kernel reuses a task_struct for
 * a new thread, that is a new object.  Who owns it (its process) the plugin
 * does not know until the guest's tool, which can read the guest kernel's
 * memory, says so; counts are kept by task and summed afterwards.
 *
 * A task runs on one vCPU at a time, so its counters need no locks.
 */
#ifndef LAB_PLUGIN_TASKS_H
#define LAB_PLUGIN_TASKS_H

#include <stdbool.h>
#include <stdint.h>

#include "nodemap.h"

struct pages;

#define TASK_OWNER_UNKNOWN 0

/* 21 words of pt_regs, 7 of inactive_task_frame, 2 of padding with FRED. */
#define TASK_NEWBORN_BYTES ((21 + 7 + 2) * 8)
#define TASK_STACK_BYTES   16384 /* THREAD_SIZE; stacks are aligned to it */

struct task {
	uint64_t id;	  /* unique in this run of QEMU */
	uint64_t address; /* of its task_struct */
	int owner;	  /* id of its process, or TASK_OWNER_UNKNOWN */
	bool ignored;	  /* known not to be wanted: its accesses are not looked at */
	bool superseded;  /* its task_struct now is another task's */
	bool cut;	  /* has counts in the interval that waits to be emitted */
	struct count cells[CELLS];
	struct pages *pages; /* NULL until the first counted page */
	struct task *next;   /* in the list of all */
	struct task *bucket; /* in the hash of those not superseded */
};

/* Totals since start, for calibration. */
struct tasks_seen {
	uint64_t switches;
	uint64_t births;
};

/*
 * The task at that address, made if it was never seen.  With newborn, any
 * earlier one is superseded.  Called by vCPUs inside the gate.
 * NULL on lack of memory.
 */
struct task *tasks_switch_to(uint64_t address, bool newborn);

/* Head of the list of all, descending by id; the control thread only, in a pause. */
struct task *tasks_first(void);
struct tasks_seen tasks_seen(void);

/* Frees superseded tasks without counts, also cut ones; the control thread only, in a pause. */
void tasks_sweep(void);

/* Whether anything was counted for the task. */
bool task_has_counts(const struct task *task);

#endif
