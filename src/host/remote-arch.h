/* SPDX-License-Identifier: MIT */
/*
 * What remote execution needs from an architecture: the few instructions that
 * a thread runs for us, and where and with which registers it goes on after
 * them.  remote-x86-64.c implements it; another architecture is one more file.
 *
 * The code that is generated uses no stack and no flag, calls and returns
 * nothing, and touches general registers only, which it restores from
 * immediate operands: it needs nothing from us once the thread is let go.
 *
 * A thread that was stopped inside a system call may or may not have to make
 * that call again.  The kernel decides it as the thread leaves the stop: where
 * the call is to be restarted, it moves the program counter back by one system
 * call instruction.  We do not second-guess it: the code has two entries, that
 * distance apart.
 */
#ifndef HOST_REMOTE_ARCH_H
#define HOST_REMOTE_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/* Most bytes of generated code. */
#define ARCH_CODE_BYTES 512

/*
 * Offset of the entry to put a thread on.  If the kernel restarts the
 * interrupted call, the thread starts at offset 0 instead.
 */
#define ARCH_ENTRY_OFFSET 2

typedef struct user_regs_struct arch_registers;

/* One system call as the generated code reads it; result is where it stores. */
struct arch_call {
	uint64_t number;
	uint64_t args[6];
	uint64_t result;
};

/* How a stopped thread goes on: (program counter, return value register) twice. */
struct arch_resume {
	uint64_t pc, result;		     /* not in a call, or the call is over */
	uint64_t restart_pc, restart_result; /* the kernel restarts the call */
};

/* The two mappings that the boot code makes, and the word that says it did. */
struct arch_mappings {
	uint64_t code_address, code_bytes; /* to be readable and executable */
	uint64_t data_address, data_bytes; /* to be readable and writable */
	uint64_t magic;			   /* stored at data_address once both are there */
};

/* Reads a ptrace-stopped thread's registers.  0 or -errno of ptrace(2). */
int arch_get_registers(pid_t tid, arch_registers *ret_registers);

/* True if the registers are those of code that our instructions suit (not 32-bit code). */
bool arch_is_native(const arch_registers *registers);

/* What seccomp sees as the architecture of its calls: AUDIT_ARCH_*. */
uint32_t arch_audit(void);

uint64_t arch_pc(const arch_registers *registers);

/*
 * True for a call that the stop broke off with EINTR though nothing but a
 * signal handler may end it: one that waits without limit and that the kernel
 * does not restart by itself (signal(7), "Interruption of system calls").
 */
bool arch_is_broken_wait(const arch_registers *registers);

/* Makes the kernel restart such a call.  Changes one word of the thread.  0 or -errno. */
int arch_restart_wait(pid_t tid, arch_registers *registers);

/* abort_pc: where a restartable sequence must go on, 0 if the thread is in none. */
struct arch_resume arch_resume(const arch_registers *registers, uint64_t abort_pc);

/* Generated code.  A system call in it returns to one of call_returns (offsets). */
struct arch_code {
	uint8_t bytes[ARCH_CODE_BYTES];
	size_t size;
	size_t call_returns[2];
	size_t nr_call_returns;
};

/*
 * Generates the instructions that make nr_calls system calls, from a table of
 * struct arch_call at table_address, store 1 at done_address and then resume
 * with registers as given.  False if they take more than ARCH_CODE_BYTES.
 */
bool arch_emit_calls(struct arch_code *ret_code, uint64_t table_address, size_t nr_calls,
		     uint64_t done_address, const arch_registers *registers,
		     const struct arch_resume *resume);

/*
 * The same for the two mmap(2) calls that make the mappings; needs no memory but itself.  Where
 * one of them fails, the magic is not stored.
 */
bool arch_emit_boot(struct arch_code *ret_code, const struct arch_mappings *mappings,
		    const arch_registers *registers, const struct arch_resume *resume);

/* Those two calls. */
void arch_boot_calls(const struct arch_mappings *mappings, struct arch_call ret_calls[2]);

/* Puts a stopped thread on pc: the one word that commits.  0 or -errno of ptrace(2). */
int arch_set_pc(pid_t tid, uint64_t pc);

#endif
