/* SPDX-License-Identifier: MIT */
/*
 * naive MODE SEED PID: what controller does, done the usual way: attach, set
 * the registers, step over a system call, set them back.  A target whose
 * controller dies in between is left in the middle of something foreign.  It
 * is here to show that the harness notices.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* An address in the vdso at which "syscall" stands. */
static unsigned long find_gadget(pid_t pid)
{
	char path[64], line[512];
	unsigned long start = 0, end;
	unsigned char code[8192];
	FILE *file;
	ssize_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, "[vdso]") && sscanf(line, "%lx-%lx", &start, &end) == 2)
			break;
	if (file)
		fclose(file);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	file = fopen(path, "re");
	if (file) {
		n = pread(fileno(file), code, sizeof(code), (off_t)start);
		fclose(file);
	}
	for (ssize_t i = 0; i + 1 < n; i++)
		if (code[i] == 0x0f && code[i + 1] == 0x05)
			return start + (unsigned long)i;
	return 0;
}

static int control(pid_t tid, unsigned long gadget)
{
	struct user_regs_struct before, ours;
	int status;

	if (ptrace(PTRACE_ATTACH, tid, NULL, NULL) < 0)
		return -errno;
	if (waitpid(tid, &status, __WALL) < 0 || !WIFSTOPPED(status))
		return -ESRCH;
	if (ptrace(PTRACE_GETREGS, tid, NULL, &before) < 0)
		return -errno;
	ours = before;
	ours.rip = gadget;
	ours.rax = SYS_set_mempolicy;
	ours.orig_rax = -1UL;
	ours.rdi = ours.rsi = ours.rdx = 0;
	ptrace(PTRACE_SETREGS, tid, NULL, &ours);
	ptrace(PTRACE_SINGLESTEP, tid, NULL, NULL);
	waitpid(tid, &status, __WALL);
	ptrace(PTRACE_SETREGS, tid, NULL, &before);
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
	return 0;
}

int main(int argc, char *argv[])
{
	unsigned long gadget;
	pid_t pid;

	if (argc != 4) {
		fprintf(stderr, "Usage: naive loop|once|verify SEED PID\n");
		return 2;
	}
	pid = atoi(argv[3]);
	gadget = find_gadget(pid);
	if (!gadget) {
		fprintf(stderr, "naive: process %d: no vdso to be found\n", pid);
		return 1;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!strcmp(argv[1], "verify"))
		return control(pid, gadget) < 0;
	raise(SIGSTOP);
	if (!strcmp(argv[1], "once"))
		return control(pid, gadget) < 0;
	for (;;)
		control(pid, gadget);
}
