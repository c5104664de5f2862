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
	bool waits;	  /* restarting: the generated code makes the call itself, */
	uint64_t left_ns; /* with this instead of its time limit, and goes on at restart_pc */
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
uint64_t arch_stack(const arch_registers *registers);

/* A system call with its arguments, as registers or /proc/PID/syscall show it. */
struct arch_wait {
	uint64_t number;
	uint64_t args[6];
};

/* Where a call keeps its time limit. */
enum arch_limit {
	ARCH_NOT_A_WAIT,    /* not a call that a stop ends with EINTR */
	ARCH_UNLIMITED,	    /* it waits for ever */
	ARCH_LIMIT_MS,	    /* *ret_limit: milliseconds */
	ARCH_LIMIT_ADDRESS, /* *ret_limit: the address of a struct timespec in the target */
};

/*
 * Tells the calls that a stop breaks off with EINTR, which the kernel does not
 * restart by itself (signal(7), "Interruption of system calls"), from others.
 */
enum arch_limit arch_wait_limit(const struct arch_wait *wait, uint64_t *ret_limit);

/* True if a stop has just broken off the system call that *ret_wait then is. */
bool arch_is_broken_off(const arch_registers *registers, struct arch_wait *ret_wait);

/*
 * Has the kernel decide about such a call as about one that restarts unless a
 * signal handler runs.  Changes one word of the thread.  0 or -errno.
 */
int arch_restart_wait(pid_t tid, arch_registers *registers);

/* abort_pc: where a restartable sequence must go on, 0 if the thread is in none. */
struct arch_resume arch_resume(const arch_registers *registers, uint64_t abort_pc);

/* The same for a wait (arch_restart_wait was called) that is to last for left_ns more. */
struct arch_resume arch_resume_wait(const arch_registers *registers, uint64_t left_ns);

/* What generated code is to do before the thread goes on. */
struct arch_program {
	uint64_t address; /* where the code will stand */
	/* The boot if set: make these mappings.  Where one fails, the magic is not stored. */
	const struct arch_mappings *mappings;
	/* Else: make nr_calls calls, from a table of struct arch_call, then store 1. */
	uint64_t table_address, done_address;
	size_t nr_calls;
	bool sentinel; /* make one more call, of no effect, when all that is done */
};

/* Most places in generated code from which system calls are made. */
#define ARCH_CALL_SITES 4

/* Generated code.  A system call in it returns to one of call_returns (offsets). */
struct arch_code {
	uint8_t bytes[ARCH_CODE_BYTES];
	size_t size;
	size_t call_returns[ARCH_CALL_SITES];
	size_t nr_call_returns;
	bool has_sentinel, has_wait;
	size_t sentinel_return; /* one of those */
	struct arch_call wait;	/* the call that arch_resume.waits asks for */
};

/*
 * Generates the instructions for the program, after which the thread goes on
 * with registers as given.  Boot code needs no memory but itself.  False if
 * they take more than ARCH_CODE_BYTES.
 */
bool arch_emit(struct arch_code *ret_code, const struct arch_program *program,
	       const arch_registers *registers, const struct arch_resume *resume);

/* The two mmap(2) calls of the boot. */
void arch_boot_calls(const struct arch_mappings *mappings, struct arch_call ret_calls[2]);

/* The sentinel. */
struct arch_call arch_sentinel_call(void);

/* Puts a stopped thread on pc: the one word that commits.  0 or -errno of ptrace(2). */
int arch_set_pc(pid_t tid, uint64_t pc);

#endif
