/* SPDX-License-Identifier: MIT */
/*
 * The stop of remote execution: see remote-tracer.h.
 *
 * Everything up to arch_set_pc leaves the thread as it was; arch_set_pc
 * commits; nothing after it is needed.  The helper shares its parent's thread
 * descriptor (errno!), which is sound as the parent is suspended meanwhile.
 * It takes no lock and allocates nothing: it may be killed at any instruction.
 */
#include "remote-tracer.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* include/uapi/linux/ptrace.h, since 6.4; not in glibc 2.36. */
#define GET_SYSCALL_USER_DISPATCH_CONFIG 0x4211

struct syscall_user_dispatch_config {
	uint64_t mode, selector, offset, len;
};

/* /proc/TID/status up to its Seccomp line; only the list of groups is unbounded. */
#define STATUS_MAX_BYTES 16384

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * Waits for the stop that we asked for.  A signal that arrives first is passed
 * on: our request stays pending.  0, TRACER_STOPPED or -errno.
 */
static int wait_for_stop(pid_t tid)
{
	for (;;) {
		int status, event, signal;

		if (waitpid(tid, &status, __WALL) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!WIFSTOPPED(status))
			return -ESRCH;
		event = status >> 16;
		signal = WSTOPSIG(status);
		if (event == PTRACE_EVENT_STOP)
			return signal == SIGTRAP ? 0 : TRACER_STOPPED;
		if (ptrace(PTRACE_CONT, tid, NULL, event ? 0 : signal) < 0)
			return -errno;
	}
}

/* Anything that judges, or diverts, the thread's system calls: 0, TRACER_FILTERED or -errno. */
static int check_filters(const struct tracer_job *job)
{
	struct syscall_user_dispatch_config dispatch = { 0 };
	char status[STATUS_MAX_BYTES];
	const char *seccomp;
	ssize_t n;

	n = pread(job->status, status, sizeof(status) - 1, 0);
	if (n < 0)
		return -errno;
	status[n] = '\0';
	seccomp = strstr(status, "\nSeccomp:\t");
	if (seccomp ? seccomp[strlen("\nSeccomp:\t")] != '0' : n == sizeof(status) - 1)
		return TRACER_FILTERED;

	/* Kernels before 6.4 do not tell. */
	if (ptrace(GET_SYSCALL_USER_DISPATCH_CONFIG, job->tid, sizeof(dispatch), &dispatch) == 0 &&
	    dispatch.mode != 0)
		return TRACER_FILTERED;
	return 0;
}

/*
 * A thread in a restartable sequence (rseq(2)) must not come back into its
 * middle: the kernel can no longer abort it.  It goes on at the abort handler.
 */
static uint64_t rseq_abort_pc(const struct tracer_job *job, uint64_t pc)
{
	struct __ptrace_rseq_configuration rseq = { 0 };
	struct {
		uint32_t version, flags;
		uint64_t start_ip, post_commit_offset, abort_ip;
	} section;
	uint64_t section_address;

	if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, job->tid, sizeof(rseq), &rseq) < 0 ||
	    !rseq.rseq_abi_pointer)
		return 0;
	if (pread(job->mem, &section_address, sizeof(section_address),
		  (off_t)rseq.rseq_abi_pointer + 8) != sizeof(section_address) ||
	    !section_address)
		return 0;
	if (pread(job->mem, &section, sizeof(section), (off_t)section_address) != sizeof(section))
		return 0;
	return pc - section.start_ip < section.post_commit_offset ? section.abort_ip : 0;
}

static bool in_our_code(const struct tracer_job *job, uint64_t pc)
{
	for (size_t i = 0; i < sizeof(job->ours) / sizeof(job->ours[0]); i++)
		if (pc >= job->ours[i].start && pc < job->ours[i].end)
			return true;
	return false;
}

static int inspect(const struct tracer_job *job, arch_registers *registers, uint64_t *ret_abort_pc)
{
	int r;

	r = arch_get_registers(job->tid, registers);
	if (r < 0)
		return r;
	if (!arch_is_native(registers))
		return TRACER_NOT_NATIVE;
	if (in_our_code(job, arch_pc(registers)))
		return TRACER_IN_OUR_CODE;
	r = check_filters(job);
	if (r)
		return r;
	*ret_abort_pc = rseq_abort_pc(job, arch_pc(registers));
	return 0;
}

/* Writes the code and reads it back through the thread: 0, TRACER_OTHER_MEMORY or -errno. */
static int write_code(const struct tracer_job *job, const arch_registers *registers,
		      const struct arch_resume *resume)
{
	uint8_t code[ARCH_CODE_BYTES];
	size_t size;
	long word;

	if (job->mappings)
		size = arch_emit_boot(code, job->code_bytes, job->mappings, registers, resume);
	else
		size = arch_emit_calls(code, job->code_bytes, job->table_address, job->nr_calls,
				       job->done_address, registers, resume);
	if (!size)
		return -ENOSPC;
	if (pwrite(job->mem, code, size, (off_t)job->code_address) != (ssize_t)size)
		return errno == EIO ? TRACER_OTHER_MEMORY : -errno;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, job->tid, job->code_address, NULL);
	if (errno || memcmp(&word, code, sizeof(word)))
		return TRACER_OTHER_MEMORY;
	return 0;
}

/* From the stop to the release of a thread that is seized. */
static int trace(struct tracer_job *job)
{
	arch_registers registers;
	struct arch_resume resume;
	const uint64_t armed = 1;
	uint64_t abort_pc = 0;
	int r;

	if (ptrace(PTRACE_INTERRUPT, job->tid, NULL, NULL) < 0)
		return -errno;
	r = wait_for_stop(job->tid);
	if (r)
		return r;

	job->step = TRACER_INSPECT;
	r = inspect(job, &registers, &abort_pc);
	if (r)
		return r;

	job->step = TRACER_WRITE;
	if (arch_is_broken_wait(&registers)) {
		r = arch_restart_wait(job->tid, &registers);
		if (r < 0)
			return r;
	}
	resume = arch_resume(&registers, abort_pc);
	r = write_code(job, &registers, &resume);
	if (r)
		return r;
	if (job->armed_address &&
	    pwrite(job->mem, &armed, sizeof(armed), (off_t)job->armed_address) != sizeof(armed))
		return -errno;

	job->step = TRACER_COMMIT;
	return arch_set_pc(job->tid, job->code_address + ARCH_ENTRY_OFFSET);
}

/* Lets the deadline end this process, and with it the trace. */
static void arm_deadline(uint64_t timeout_ns)
{
	struct sigaction fatal = { .sa_handler = SIG_DFL };
	struct itimerval timer = {
		.it_value = {
			.tv_sec = (time_t)(timeout_ns / 1000000000),
			.tv_usec = (suseconds_t)(timeout_ns % 1000000000 / 1000 + 1),
		},
	};
	sigset_t alarm_only;

	sigaction(SIGALRM, &fatal, NULL);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static int helper_main(void *argument)
{
	struct tracer_job *job = argument;
	uint64_t start_ns;
	int result;

	arm_deadline(job->timeout_ns);
	job->step = TRACER_SEIZE;
	start_ns = now_ns();
	if (ptrace(PTRACE_SEIZE, job->tid, NULL, NULL) < 0) {
		job->result = -errno;
		return 0;
	}
	job->step = TRACER_WAIT;
	result = trace(job);
	/* Where this fails the thread has died, and our end buries it. */
	ptrace(PTRACE_DETACH, job->tid, NULL, NULL);
	job->stop_ns = now_ns() - start_ns;
	job->result = result;
	if (!result)
		job->step = TRACER_DONE;
	return 0;
}

int tracer_run(struct tracer_job *job, void *stack)
{
	sigset_t all, before;
	pid_t helper;
	int r;

	job->step = TRACER_SEIZE;
	job->result = -ETIMEDOUT; /* unless the helper lives to say otherwise */
	job->stop_ns = 0;

	/* No handler of ours may run in the helper, on memory that is ours. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	helper =
		clone(helper_main, (char *)stack + TRACER_STACK_BYTES, CLONE_VM | CLONE_VFORK, job);
	r = helper < 0 ? -errno : 0;
	if (!r)
		while (waitpid(helper, NULL, __WALL) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r ? r : job->result;
}
