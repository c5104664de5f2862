/* SPDX-License-Identifier: MIT */
/*
 * The classic BPF machine as seccomp has it: 32-bit loads from struct
 * seccomp_data at aligned offsets, no packet instructions (kernel/seccomp.c,
 * seccomp_check_filter).  Jumps only lead forward, so every run ends.
 */
#include "seccomp-filter.h"

#include <string.h>

struct machine_state {
	uint32_t accumulator, index;
	uint32_t memory[BPF_MEMWORDS];
};

static bool load_word(const struct seccomp_data *call, uint32_t offset, uint32_t *ret)
{
	if (offset % 4 || offset > sizeof(*call) - 4)
		return false;
	memcpy(ret, (const char *)call + offset, sizeof(*ret));
	return true;
}

static bool load(struct machine_state *state, const struct sock_filter *instruction,
		 const struct seccomp_data *call)
{
	uint32_t *to = BPF_CLASS(instruction->code) == BPF_LD ? &state->accumulator : &state->index;

	switch (BPF_MODE(instruction->code)) {
	case BPF_ABS:
		return load_word(call, instruction->k, to);
	case BPF_IMM:
		*to = instruction->k;
		return true;
	case BPF_LEN:
		*to = sizeof(*call);
		return true;
	case BPF_MEM:
		if (instruction->k >= BPF_MEMWORDS)
			return false;
		*to = state->memory[instruction->k];
		return true;
	default:
		return false;
	}
}

static bool store(struct machine_state *state, const struct sock_filter *instruction)
{
	if (instruction->k >= BPF_MEMWORDS)
		return false;
	state->memory[instruction->k] =
		BPF_CLASS(instruction->code) == BPF_ST ? state->accumulator : state->index;
	return true;
}

static bool compute(struct machine_state *state, const struct sock_filter *instruction)
{
	uint32_t operand = BPF_SRC(instruction->code) == BPF_X ? state->index : instruction->k;
	uint32_t *a = &state->accumulator;

	switch (BPF_OP(instruction->code)) {
	case BPF_ADD:
		*a += operand;
		return true;
	case BPF_SUB:
		*a -= operand;
		return true;
	case BPF_MUL:
		*a *= operand;
		return true;
	case BPF_DIV:
		*a = operand ? *a / operand : 0;
		return operand != 0;
	case BPF_OR:
		*a |= operand;
		return true;
	case BPF_AND:
		*a &= operand;
		return true;
	case BPF_XOR:
		*a ^= operand;
		return true;
	case BPF_LSH:
		*a <<= operand & 31;
		return true;
	case BPF_RSH:
		*a >>= operand & 31;
		return true;
	case BPF_NEG:
		*a = -*a;
		return true;
	default:
		return false;
	}
}

/* How many instructions a jump skips, or -1 for one that is not of the machine. */
static int64_t jump_distance(const struct machine_state *state,
			     const struct sock_filter *instruction)
{
	uint32_t operand = BPF_SRC(instruction->code) == BPF_X ? state->index : instruction->k;
	uint32_t a = state->accumulator;
	bool taken;

	switch (BPF_OP(instruction->code)) {
	case BPF_JA:
		return instruction->k;
	case BPF_JEQ:
		taken = a == operand;
		break;
	case BPF_JGT:
		taken = a > operand;
		break;
	case BPF_JGE:
		taken = a >= operand;
		break;
	case BPF_JSET:
		taken = a & operand;
		break;
	default:
		return -1;
	}
	return taken ? instruction->jt : instruction->jf;
}

/* Runs one instruction that does not end the program; false if it is not of the machine. */
static bool step(struct machine_state *state, const struct sock_filter *instruction,
		 const struct seccomp_data *call, size_t *at)
{
	int64_t distance;

	switch (BPF_CLASS(instruction->code)) {
	case BPF_LD:
	case BPF_LDX:
		return load(state, instruction, call);
	case BPF_ST:
	case BPF_STX:
		return store(state, instruction);
	case BPF_ALU:
		return compute(state, instruction);
	case BPF_JMP:
		distance = jump_distance(state, instruction);
		*at += distance;
		return distance >= 0;
	case BPF_MISC:
		if (BPF_MISCOP(instruction->code) == BPF_TAX)
			state->index = state->accumulator;
		else
			state->accumulator = state->index;
		return true;
	default:
		return false;
	}
}

uint32_t seccomp_filter_run(const struct sock_filter *filter, size_t length,
			    const struct seccomp_data *call)
{
	struct machine_state state = { 0 };

	for (size_t at = 0; at < length; at++) {
		const struct sock_filter *instruction = &filter[at];

		if (BPF_CLASS(instruction->code) == BPF_RET)
			return BPF_RVAL(instruction->code) == BPF_A ? state.accumulator
								    : instruction->k;
		if (!step(&state, instruction, call, &at))
			break;
	}
	return SECCOMP_RET_KILL_PROCESS;
}

bool seccomp_lets_pass(uint32_t verdict)
{
	uint32_t action = verdict & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}
