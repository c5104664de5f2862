/* SPDX-License-Identifier: MIT */
/*
 * Remote execution on x86-64: see remote-arch.h.
 *
 * Instructions used: mov, lea, jrcxz, jmp, syscall.  None of them changes a
 * flag: syscall saves the flags in r11 and the kernel restores them.
 */
#include "remote-arch.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#ifndef __x86_64__
#error "remote execution is written for x86-64 only so far"
#endif

#define USER_64_CS 0x33 /* __USER_CS, arch/x86/include/asm/segment.h */

/* Kernel-internal results of an interrupted call (include/linux/errno.h). */
enum {
	RESTARTSYS = 512,
	RESTARTNOINTR = 513,
	RESTARTNOHAND = 514,
	RESTART_RESTARTBLOCK = 516,
};

#define SYSCALL_INSTRUCTION_BYTES 2

enum gpr { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12 };

/* The call that stopped registers are in. */
static struct arch_wait wait_of(const arch_registers *registers)
{
	return (struct arch_wait) {
		.number = registers->orig_rax,
		.args = { registers->rdi, registers->rsi, registers->rdx, registers->r10,
			  registers->r8, registers->r9 },
	};
}

/* The time limits of calls that end with EINTR at a stop. */
static const struct limit_register {
	uint64_t number;
	unsigned int argument;
	enum gpr gpr;
	bool is_address;
} limit_registers[] = {
	{ SYS_epoll_wait, 3, R10, false },  { SYS_epoll_pwait, 3, R10, false },
	{ SYS_epoll_pwait2, 3, R10, true }, { SYS_rt_sigtimedwait, 2, RDX, true },
	{ SYS_semtimedop, 3, R10, true },   { SYS_io_getevents, 4, R8, true },
};

static const struct limit_register *limit_register(uint64_t number)
{
	for (size_t i = 0; i < sizeof(limit_registers) / sizeof(limit_registers[0]); i++)
		if (limit_registers[i].number == number)
			return &limit_registers[i];
	return NULL;
}

/* Code under construction; overflow is checked once, at the end. */
struct emitter {
	struct arch_code *code;
	uint8_t *at, *end;
	bool overflow;
};

static void emit(struct emitter *out, const void *bytes, size_t size)
{
	if ((size_t)(out->end - out->at) < size) {
		out->overflow = true;
		return;
	}
	memcpy(out->at, bytes, size);
	out->at += size;
}

#define EMIT(out, ...)                                    \
	do {                                              \
		const uint8_t bytes_[] = { __VA_ARGS__ }; \
		emit((out), bytes_, sizeof(bytes_));      \
	} while (0)

/* mov register, value: the shortest of three encodings. */
static void emit_load(struct emitter *out, enum gpr to, uint64_t value)
{
	uint32_t low = (uint32_t)value;
	bool extended = to >= R8;

	if (value == low) {
		if (extended)
			EMIT(out, 0x41);
		EMIT(out, 0xb8 | (to & 7));
		emit(out, &low, sizeof(low));
	} else if ((int64_t)value == (int32_t)low) {
		EMIT(out, extended ? 0x49 : 0x48, 0xc7, 0xc0 | (to & 7));
		emit(out, &low, sizeof(low));
	} else {
		EMIT(out, extended ? 0x49 : 0x48, 0xb8 | (to & 7));
		emit(out, &value, sizeof(value));
	}
}

/* syscall, of which the code's reader is told. */
static void emit_syscall(struct emitter *out)
{
	EMIT(out, 0x0f, 0x05);
	out->code->call_returns[out->code->nr_call_returns++] = out->at - out->code->bytes;
}

/* A short jump whose distance is not known yet: patch_short fills it in. */
static uint8_t *emit_short(struct emitter *out, uint8_t opcode)
{
	EMIT(out, opcode, 0);
	return out->at - 1;
}

static void patch_short(struct emitter *out, uint8_t *distance, const uint8_t *target)
{
	ptrdiff_t bytes = target - (distance + 1);

	if (bytes != (int8_t)bytes)
		out->overflow = true;
	if (!out->overflow)
		*distance = (uint8_t)bytes;
}

static void emit_call_loop(struct emitter *out, uint64_t table_address, size_t nr_calls,
			   uint64_t done_address)
{
	uint8_t *loop, *leave, *again;

	emit_load(out, RBX, table_address);
	emit_load(out, R12, nr_calls);
	loop = out->at;
	EMIT(out, 0x4c, 0x89, 0xe1);	   /* mov rcx, r12 */
	leave = emit_short(out, 0xe3);	   /* jrcxz leave */
	EMIT(out, 0x48, 0x8b, 0x03);	   /* mov rax, [rbx]: number */
	EMIT(out, 0x48, 0x8b, 0x7b, 0x08); /* mov rdi, [rbx+8]: args[0] */
	EMIT(out, 0x48, 0x8b, 0x73, 0x10); /* mov rsi, [rbx+16] */
	EMIT(out, 0x48, 0x8b, 0x53, 0x18); /* mov rdx, [rbx+24] */
	EMIT(out, 0x4c, 0x8b, 0x53, 0x20); /* mov r10, [rbx+32] */
	EMIT(out, 0x4c, 0x8b, 0x43, 0x28); /* mov r8, [rbx+40] */
	EMIT(out, 0x4c, 0x8b, 0x4b, 0x30); /* mov r9, [rbx+48] */
	emit_syscall(out);
	EMIT(out, 0x48, 0x89, 0x43, 0x38);	 /* mov [rbx+56], rax: result */
	EMIT(out, 0x48, 0x8d, 0x5b, 0x40);	 /* lea rbx, [rbx+64]: next call */
	EMIT(out, 0x4d, 0x8d, 0x64, 0x24, 0xff); /* lea r12, [r12-1] */
	again = emit_short(out, 0xeb);		 /* jmp loop */
	patch_short(out, again, loop);
	patch_short(out, leave, out->at);
	emit_load(out, RBX, done_address);
	EMIT(out, 0x48, 0xc7, 0x03, 1, 0, 0, 0); /* mov qword [rbx], 1 */
}

_Static_assert(sizeof(struct arch_call) == 64, "the loop's stride");
_Static_assert(offsetof(struct arch_call, args) == 8, "the loop's offsets");
_Static_assert(offsetof(struct arch_call, result) == 56, "the loop's offsets");

/* Leaves rcx 0 if and only if rax is value; changes no flag. */
static void emit_compare(struct emitter *out, uint64_t value)
{
	emit_load(out, RCX, -value);
	EMIT(out, 0x48, 0x8d, 0x0c, 0x01); /* lea rcx, [rcx+rax] */
}

/* One of the boot's calls, and rcx 0 if the mapping came to be where it should. */
static void emit_mmap(struct emitter *out, const struct arch_call *call)
{
	emit_load(out, RAX, call->number);
	emit_load(out, RDI, call->args[0]);
	emit_load(out, RSI, call->args[1]);
	emit_load(out, RDX, call->args[2]);
	emit_load(out, R10, call->args[3]);
	emit_load(out, R8, call->args[4]);
	emit_load(out, R9, call->args[5]);
	emit_syscall(out);
	emit_compare(out, call->args[0]);
}

void arch_boot_calls(const struct arch_mappings *mappings, struct arch_call ret_calls[2])
{
	const uint64_t flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;

	ret_calls[0] = (struct arch_call) {
		.number = SYS_mmap,
		.args = { mappings->code_address, mappings->code_bytes, PROT_READ | PROT_EXEC,
			  flags, -1ULL, 0 },
	};
	ret_calls[1] = (struct arch_call) {
		.number = SYS_mmap,
		.args = { mappings->data_address, mappings->data_bytes, PROT_READ | PROT_WRITE,
			  flags, -1ULL, 0 },
	};
}

static void emit_boot(struct emitter *out, const struct arch_mappings *mappings)
{
	uint8_t *code_made, *data_made, *code_failed, *data_failed;
	struct arch_call calls[2];

	arch_boot_calls(mappings, calls);
	emit_mmap(out, &calls[0]);
	code_made = emit_short(out, 0xe3);   /* jrcxz: made */
	code_failed = emit_short(out, 0xeb); /* jmp: give up */
	patch_short(out, code_made, out->at);
	emit_mmap(out, &calls[1]);
	data_made = emit_short(out, 0xe3);
	data_failed = emit_short(out, 0xeb);
	patch_short(out, data_made, out->at);
	emit_load(out, RDX, mappings->magic);
	EMIT(out, 0x48, 0x89, 0x10); /* mov [rax], rdx */
	patch_short(out, code_failed, out->at);
	patch_short(out, data_failed, out->at);
}

struct arch_call arch_sentinel_call(void)
{
	return (struct arch_call) { .number = SYS_getppid };
}

static void emit_sentinel(struct emitter *out)
{
	emit_load(out, RAX, arch_sentinel_call().number);
	emit_syscall(out);
	out->code->has_sentinel = true;
	out->code->sentinel_return = out->code->call_returns[out->code->nr_call_returns - 1];
}

/* The last instructions: the registers that choosing this way out took, and the jump to pc. */
static void emit_way_out(struct emitter *out, const arch_registers *registers, uint64_t pc)
{
	emit_load(out, RCX, registers->rcx);
	emit_load(out, RBP, registers->rbp);
	EMIT(out, 0xff, 0x25, 0, 0, 0, 0); /* jmp [rip+0]: to the address that follows */
	emit(out, &pc, sizeof(pc));
}

/*
 * Makes the wait that was broken off with the time that is left of it.  The
 * limit is in one register, which is restored; a struct timespec stands in the
 * code itself, which the kernel can read.
 */
static void emit_wait(struct emitter *out, uint64_t address, const arch_registers *registers,
		      uint64_t left_ns)
{
	const uint64_t left[2] = { left_ns / 1000000000, left_ns % 1000000000 };
	struct arch_wait wait = wait_of(registers);
	const struct limit_register *limit = limit_register(wait.number);
	uint64_t value = left_ns / 1000000 + !!(left_ns % 1000000);
	uint64_t before = wait.args[limit->argument];

	if (limit->is_address) {
		uint8_t *over = emit_short(out, 0xeb);

		value = address + (uint64_t)(out->at - out->code->bytes);
		emit(out, left, sizeof(left));
		patch_short(out, over, out->at);
	}
	out->code->has_wait = true;
	out->code->wait.number = wait.number;
	memcpy(out->code->wait.args, wait.args, sizeof(wait.args));
	out->code->wait.args[limit->argument] = value;
	emit_load(out, limit->gpr, value);
	emit_load(out, RAX, wait.number);
	emit_syscall(out);
	emit_load(out, limit->gpr, before);
	emit_load(out, R11, registers->r11);
}

/* Loads every register that was used, and goes on as rbp says: 0 normally, 1 restarting. */
static void emit_resume(struct emitter *out, uint64_t address, const arch_registers *registers,
			const struct arch_resume *resume)
{
	uint8_t *normal;

	emit_load(out, RDX, registers->rdx);
	emit_load(out, RBX, registers->rbx);
	emit_load(out, RSI, registers->rsi);
	emit_load(out, RDI, registers->rdi);
	emit_load(out, R8, registers->r8);
	emit_load(out, R9, registers->r9);
	emit_load(out, R10, registers->r10);
	emit_load(out, R11, registers->r11);
	emit_load(out, R12, registers->r12);
	EMIT(out, 0x48, 0x89, 0xe9);	/* mov rcx, rbp */
	normal = emit_short(out, 0xe3); /* jrcxz normal */
	if (resume->waits)
		emit_wait(out, address, registers, resume->left_ns);
	else
		emit_load(out, RAX, resume->restart_result);
	emit_way_out(out, registers, resume->restart_pc);
	patch_short(out, normal, out->at);
	emit_load(out, RAX, resume->result);
	emit_way_out(out, registers, resume->pc);
}

/*
 * Offset 0 is reached from offset 2 by the kernel's "back by one system call
 * instruction" only:
 *
 *    0: jmp restart
 *    2: mov ebp, 0; jmp body; restart: mov ebp, 1; body: …
 */
bool arch_emit(struct arch_code *ret_code, const struct arch_program *program,
	       const arch_registers *registers, const struct arch_resume *resume)
{
	struct emitter out = { ret_code, ret_code->bytes, ret_code->bytes + sizeof(ret_code->bytes),
			       false };
	uint8_t *to_restart, *to_body;

	ret_code->nr_call_returns = 0;
	ret_code->has_sentinel = ret_code->has_wait = false;
	to_restart = emit_short(&out, 0xeb);
	emit_load(&out, RBP, 0);
	to_body = emit_short(&out, 0xeb);
	patch_short(&out, to_restart, out.at);
	emit_load(&out, RBP, 1);
	patch_short(&out, to_body, out.at);

	if (program->mappings)
		emit_boot(&out, program->mappings);
	else
		emit_call_loop(&out, program->table_address, program->nr_calls,
			       program->done_address);
	if (program->sentinel)
		emit_sentinel(&out);
	emit_resume(&out, program->address, registers, resume);
	ret_code->size = out.at - ret_code->bytes;
	return !out.overflow;
}

_Static_assert(ARCH_ENTRY_OFFSET == SYSCALL_INSTRUCTION_BYTES, "the kernel steps back this far");

uint32_t arch_audit(void)
{
	return AUDIT_ARCH_X86_64;
}

int arch_get_registers(pid_t tid, arch_registers *ret_registers)
{
	return ptrace(PTRACE_GETREGS, tid, NULL, ret_registers) < 0 ? -errno : 0;
}

bool arch_is_native(const arch_registers *registers)
{
	return registers->cs == USER_64_CS;
}

uint64_t arch_pc(const arch_registers *registers)
{
	return registers->rip;
}

uint64_t arch_stack(const arch_registers *registers)
{
	return registers->rsp;
}

static bool in_system_call(const arch_registers *registers)
{
	return (int64_t)registers->orig_rax >= 0;
}

bool arch_is_broken_off(const arch_registers *registers, struct arch_wait *ret_wait)
{
	if (!in_system_call(registers) || (int64_t)registers->rax != -EINTR)
		return false;
	*ret_wait = wait_of(registers);
	return true;
}

enum arch_limit arch_wait_limit(const struct arch_wait *wait, uint64_t *ret_limit)
{
	const struct limit_register *limit = limit_register(wait->number);
	uint64_t value;

	if (wait->number == SYS_semop || wait->number == SYS_msgsnd)
		return ARCH_UNLIMITED;
	/* EINTR means that it has submitted nothing: it may be made again as it was. */
	if (wait->number == SYS_io_uring_enter && !(wait->args[3] & IORING_ENTER_EXT_ARG))
		return ARCH_UNLIMITED;
	if (!limit)
		return ARCH_NOT_A_WAIT;
	value = wait->args[limit->argument];
	if (limit->is_address ? value == 0 : (int32_t)value < 0)
		return ARCH_UNLIMITED;
	*ret_limit = limit->is_address ? value : (uint32_t)value;
	return limit->is_address ? ARCH_LIMIT_ADDRESS : ARCH_LIMIT_MS;
}

int arch_restart_wait(pid_t tid, arch_registers *registers)
{
	uint64_t result = -(uint64_t)RESTARTNOHAND;

	if (ptrace(PTRACE_POKEUSER, tid, offsetof(struct user, regs.rax), result) < 0)
		return -errno;
	registers->rax = result;
	return 0;
}

struct arch_resume arch_resume(const arch_registers *registers, uint64_t abort_pc)
{
	struct arch_resume resume = {
		.pc = abort_pc ? abort_pc : registers->rip,
		.result = registers->rax,
		.restart_pc = registers->rip - SYSCALL_INSTRUCTION_BYTES,
		.restart_result = registers->orig_rax,
	};

	if (!in_system_call(registers)) {
		/* The kernel restarts nothing; both entries lead the same way. */
		resume.restart_pc = resume.pc;
		resume.restart_result = resume.result;
		return resume;
	}
	switch (-(int64_t)registers->rax) {
	case RESTART_RESTARTBLOCK:
		resume.restart_result = SYS_restart_syscall;
		/* fall through */
	case RESTARTSYS:
	case RESTARTNOINTR:
	case RESTARTNOHAND:
		/* At the normal entry only if a handler ran: the kernel has made it EINTR. */
		resume.result = -(uint64_t)EINTR;
		break;
	default:
		resume.restart_pc = resume.pc;
		resume.restart_result = resume.result;
		break;
	}
	return resume;
}

struct arch_resume arch_resume_wait(const arch_registers *registers, uint64_t left_ns)
{
	return (struct arch_resume) {
		.pc = registers->rip,
		.result = -(uint64_t)EINTR,
		.restart_pc = registers->rip,
		.waits = true,
		.left_ns = left_ns,
	};
}

int arch_set_pc(pid_t tid, uint64_t pc)
{
	if (ptrace(PTRACE_POKEUSER, tid, offsetof(struct user, regs.rip), pc) < 0)
		return -errno;
	return 0;
}
