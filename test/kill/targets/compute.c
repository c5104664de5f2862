/* SPDX-License-Identifier: MIT */
/*
 * A target that keeps values in what general-purpose register checks leave out:
 * ymm registers, the x87 stack and its control word, mxcsr, the direction flag;
 * and does without a stack for a while.
 */
#include <string.h>

#include "worker.h"

#define REST_US 100

#define DWELL          \
	"	.rept 300\n" \
	"	pause\n"     \
	"	.endr\n"

/* 16 ymm registers, filled from and stored to memory. */
struct vectors {
	uint64_t words[16][4];
};

__attribute__((target("avx"))) static void dwell_with_vectors(const struct vectors *in,
							      struct vectors *out)
{
	__asm__ volatile("	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
			 "	vmovdqu \\n * 32(%0), %%ymm\\n\n"
			 "	.endr\n" DWELL
			 "	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
			 "	vmovdqu %%ymm\\n, \\n * 32(%1)\n"
			 "	.endr\n"
			 "	vzeroupper\n"
			 :
			 : "r"(in), "r"(out)
			 : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
			   "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static void check_vectors(struct worker *worker)
{
	struct vectors in, out = { 0 };

	worker->number++;
	for (int i = 0; i < 16; i++)
		for (int j = 0; j < 4; j++)
			in.words[i][j] = worker->number * 1000003 + (uintptr_t)(i * 4 + j);
	dwell_with_vectors(&in, &out);
	for (int i = 0; i < 16; i++)
		if (memcmp(in.words[i], out.words[i], sizeof(in.words[i])))
			wrong("ymm%d has changed", i);
}

/* The x87 stack full of known values, rounding and precision other than usual. */
static void check_x87(struct worker *worker)
{
	uint16_t control = 0x0c7f, usual, seen = 0;
	double in[8], out[8];

	worker->number++;
	for (int i = 0; i < 8; i++)
		in[i] = out[7 - i] = (double)(worker->number % 100000) + i;
	__asm__ volatile("	fnstcw %[usual]\n"
			 "	fldcw %[control]\n"
			 "	.irp n, 0,1,2,3,4,5,6,7\n"
			 "	fldl \\n * 8(%[in])\n"
			 "	.endr\n" DWELL "	.irp n, 0,1,2,3,4,5,6,7\n"
			 "	fstpl \\n * 8(%[out])\n"
			 "	.endr\n"
			 "	fnstcw %[seen]\n"
			 "	fldcw %[usual]\n"
			 : [usual] "+m"(usual), [seen] "+m"(seen)
			 : [control] "m"(control), [in] "r"(in), [out] "r"(out)
			 : "memory", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)",
			   "st(7)");
	for (int i = 0; i < 8; i++)
		if (out[i] != in[7 - i])
			wrong("st(%d) has changed: %f", i, out[i]);
	if (seen != control)
		wrong("the x87 control word has changed: %x", seen);
}

static void check_mxcsr(struct worker *worker)
{
	const uint32_t ours = 0x7f80; /* towards zero, nothing traps */
	uint32_t usual, seen = 0;

	(void)worker;
	__asm__ volatile("	stmxcsr %[usual]\n"
			 "	ldmxcsr %[ours]\n" DWELL "	stmxcsr %[seen]\n"
			 "	ldmxcsr %[usual]\n"
			 : [usual] "+m"(usual), [seen] "+m"(seen)
			 : [ours] "m"(ours));
	if (seen != ours)
		wrong("mxcsr has changed: %x", seen);
}

/* Direction, carry and sign set, which no compiler leaves so. */
static void check_flags(struct worker *worker)
{
	const uint64_t ours = 0x400 | 0x80 | 0x1, mask = 0x400 | 0x8d5;
	uint64_t seen;

	(void)worker;
	__asm__ volatile("	lea -128(%%rsp), %%rsp\n"
			 "	pushq %[ours]\n"
			 "	popfq\n" DWELL "	pushfq\n"
			 "	popq %[seen]\n"
			 "	cld\n"
			 "	lea 128(%%rsp), %%rsp\n"
			 : [seen] "=&r"(seen)
			 : [ours] "r"(ours)
			 : "cc", "memory");
	if ((seen & mask) != ours)
		wrong("the flags have changed: %llx", (unsigned long long)seen);
}

/* The stack pointer points nowhere; whoever uses it on the thread's behalf kills the process. */
static void check_no_stack(struct worker *worker)
{
	uint64_t seen;

	(void)worker;
	__asm__ volatile("	mov %%rsp, %%r15\n"
			 "	mov $8, %%esp\n" DWELL "	mov %%rsp, %[seen]\n"
			 "	mov %%r15, %%rsp\n"
			 : [seen] "=&r"(seen)
			 :
			 : "r15", "memory");
	if (seen != 8)
		wrong("the stack pointer has changed: %llx", (unsigned long long)seen);
}

int main(void)
{
	static struct worker workers[] = {
		{ check_x87 },	    { check_mxcsr },   { check_flags },
		{ check_no_stack }, { check_vectors },
	};
	size_t nr = sizeof(workers) / sizeof(workers[0]);

	/* Machines without AVX exist, as emulated ones. */
	for (size_t i = 0; i < nr; i++)
		workers[i].rest_us = REST_US;
	workers_run(workers, __builtin_cpu_supports("avx") ? nr : nr - 1);
	return 0;
}
