/* SPDX-License-Identifier: MIT */
/*
 * A second node for bench/weights-preload.c on a machine with one: stands before syscall(3), by
 * which libmpol-preload.so asks the kernel.  Ranges that are to prefer the second node get another
 * policy that leads to the first one, so that they are ranges of their own all the same.
 */
#include <dlfcn.h>
#include <linux/mempolicy.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NODES_BYTES 128

/* The two lowest nodes of a mask that has one. */
static void add_second(unsigned long *nodes)
{
	nodes[0] |= nodes[0] << 1;
}

__attribute__((visibility("default"))) long syscall(long number, ...)
{
	static long (*next)(long number, ...);
	static unsigned long first;
	unsigned long nodes[NODES_BYTES / sizeof(unsigned long)] = { 0 };
	long words[6], r;
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		words[i] = va_arg(args, long);
	va_end(args);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "syscall");
	if (number == SYS_mbind && words[2] == MPOL_PREFERRED) {
		if (!first)
			next(SYS_get_mempolicy, NULL, nodes, 1025UL, NULL,
			     (unsigned long)MPOL_F_MEMS_ALLOWED);
		first |= nodes[0];
		memcpy(nodes, (void *)words[3], sizeof(nodes));
		if (nodes[0] != first)
			return next(number, words[0], words[1], (long)MPOL_PREFERRED_MANY, &first,
				    65UL, words[5]);
	}
	r = next(number, words[0], words[1], words[2], words[3], words[4], words[5]);
	if (r == 0 && number == SYS_get_mempolicy && words[1] && !words[4])
		add_second((unsigned long *)words[1]);
	return r;
}
