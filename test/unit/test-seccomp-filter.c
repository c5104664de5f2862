/* SPDX-License-Identifier: MIT */
/*
 * The seccomp evaluator against the kernel's own: random filters are loaded by
 * a child, which then makes a call with random arguments; both must agree.
 */
#include "cmocka-all.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp-filter.h"

#define ASKED_CALL SYS_getppid /* takes no arguments, so any will do */
#define NR_CALLS   20
#define MAX_LENGTH 64

static void test_refuses_what_the_kernel_would_not_load(void **state)
{
	const struct sock_filter bad[][2] = {
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), BPF_STMT(BPF_RET | BPF_A, 0) },
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(struct seccomp_data)),
		  BPF_STMT(BPF_RET | BPF_A, 0) },
		{ BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), BPF_STMT(BPF_RET | BPF_A, 0) },
		{ BPF_STMT(BPF_ST, BPF_MEMWORDS), BPF_STMT(BPF_RET | BPF_A, 0) },
		{ BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), BPF_STMT(BPF_RET | BPF_K, 0x7fff0000) },
		{ BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), BPF_STMT(BPF_RET | BPF_K, 0x7fff0000) },
	};
	const struct seccomp_data call = { .nr = 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(seccomp_lets_pass(seccomp_filter_run(bad[i], 2, &call)));
	assert_false(seccomp_lets_pass(seccomp_filter_run(bad[0], 0, &call)));
}

static void test_verdicts(void **state)
{
	(void)state;
	assert_true(seccomp_lets_pass(SECCOMP_RET_ALLOW));
	assert_true(seccomp_lets_pass(SECCOMP_RET_LOG));
	assert_false(seccomp_lets_pass(SECCOMP_RET_ERRNO | EPERM));
	assert_false(seccomp_lets_pass(SECCOMP_RET_TRACE));
	assert_false(seccomp_lets_pass(SECCOMP_RET_TRAP));
	assert_false(seccomp_lets_pass(SECCOMP_RET_USER_NOTIF));
	assert_false(seccomp_lets_pass(SECCOMP_RET_KILL_THREAD));
	assert_false(seccomp_lets_pass(SECCOMP_RET_KILL_PROCESS));
}

/* A random program that the kernel accepts; calls other than ASKED_CALL pass. */
static size_t random_filter(unsigned int *seed, struct sock_filter *filter)
{
	static const uint16_t operations[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,
					       BPF_AND, BPF_XOR, BPF_LSH, BPF_RSH, BPF_NEG };
	static const uint16_t tests[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	size_t length = 0, body = 5 + rand_r(seed) % 40, end;

	filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
	filter[length++] =
		(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ASKED_CALL, 1, 0);
	filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	for (int i = 0; i < 4; i++) { /* scratch memory must be written before it is read */
		filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
								16 + 4 * (rand_r(seed) % 12));
		filter[length++] = (struct sock_filter)BPF_STMT(BPF_ST, i);
	}
	end = length + body;
	while (length < end) {
		uint16_t source = rand_r(seed) % 2 ? BPF_X : BPF_K, operation;
		uint32_t k = rand_r(seed);
		size_t left = end - length - 1;

		switch (rand_r(seed) % 8) {
		case 0:
			filter[length++] = (struct sock_filter)BPF_STMT(
				BPF_LD | BPF_W | BPF_ABS,
				4 * (k % (sizeof(struct seccomp_data) / 4)));
			break;
		case 1:
			filter[length++] = (struct sock_filter)BPF_STMT(
				(k & 1 ? BPF_LD : BPF_LDX) | BPF_MEM, k / 2 % 4);
			break;
		case 2:
			filter[length++] =
				(struct sock_filter)BPF_STMT((k & 1 ? BPF_ST : BPF_STX), k / 2 % 4);
			break;
		case 3:
			filter[length++] = (struct sock_filter)BPF_STMT(
				BPF_MISC | (k & 1 ? BPF_TAX : BPF_TXA), 0);
			break;
		case 4:
			filter[length++] = (struct sock_filter)BPF_STMT(
				(k & 1 ? BPF_LD : BPF_LDX) | BPF_IMM, k % 3 ? k : k % 8);
			break;
		case 5:
			filter[length++] = (struct sock_filter)BPF_JUMP(
				BPF_JMP | tests[k % 4] | source, rand_r(seed) % 16,
				left ? rand_r(seed) % left : 0, left ? rand_r(seed) % left : 0);
			break;
		default:
			operation = operations[k % 10];
			/* The kernel refuses these with a constant of 0 or over 31, or runs them as
			 * 0. */
			if (operation == BPF_DIV || operation == BPF_LSH || operation == BPF_RSH) {
				source = BPF_K;
				k = 1 + k % 31;
			}
			filter[length++] = (struct sock_filter)BPF_STMT(
				BPF_ALU | operation | (operation == BPF_NEG ? 0 : source), k);
			break;
		}
	}
	filter[length++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x3ff);
	filter[length++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1);
	filter[length++] =
		(struct sock_filter)BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO);
	filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	return length;
}

/* Under the filter, makes the calls; the kernel's verdicts go to answers. */
static void ask_kernel(const struct sock_filter *filter, size_t length, uint64_t args[][6],
		       uint32_t *answers)
{
	struct sock_fprog program = { .len = length, .filter = (struct sock_filter *)filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(1);
	for (int i = 0; i < NR_CALLS; i++) {
		uint64_t *a = args[i];

		errno = 0;
		syscall(ASKED_CALL, a[0], a[1], a[2], a[3], a[4], a[5]);
		answers[i] = SECCOMP_RET_ERRNO | errno;
	}
	_exit(0);
}

static uint64_t random_word(unsigned int *seed)
{
	uint64_t word = rand_r(seed);

	word = word << 32 ^ (uint64_t)rand_r(seed) << 1;
	return rand_r(seed) % 4 ? word : word % 16;
}

static void test_agrees_with_the_kernel(void **state)
{
	uint32_t *answers =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int seed = 7;

	(void)state;
	assert_ptr_not_equal(answers, MAP_FAILED);
	for (int round = 0; round < 300; round++) {
		struct sock_filter filter[MAX_LENGTH];
		size_t length = random_filter(&seed, filter);
		uint64_t args[NR_CALLS][6];
		int status;
		pid_t child;

		for (int i = 0; i < NR_CALLS; i++)
			for (int j = 0; j < 6; j++)
				args[i][j] = random_word(&seed);
		child = fork();
		assert_true(child >= 0);
		if (child == 0)
			ask_kernel(filter, length, args, answers);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);

		for (int i = 0; i < NR_CALLS; i++) {
			struct seccomp_data call = { .nr = ASKED_CALL, .arch = AUDIT_ARCH_X86_64 };
			bool uses_pc = false;

			/* Where libc makes the call from is not for us to know. */
			for (size_t j = 0; j < length; j++)
				uses_pc |= filter[j].code == (BPF_LD | BPF_W | BPF_ABS) &&
					   (filter[j].k == 8 || filter[j].k == 12);
			if (uses_pc)
				continue;
			memcpy(call.args, args[i], sizeof(call.args));
			assert_int_equal(seccomp_filter_run(filter, length, &call), answers[i]);
		}
	}
	munmap(answers, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuses_what_the_kernel_would_not_load),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_agrees_with_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
