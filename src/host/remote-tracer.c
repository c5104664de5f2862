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
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "sanitize.h"
#include "seccomp-filter.h"

/* include/uapi/linux/ptrace.h, since 6.4; not in glibc 2.36. */
#define GET_SYSCALL_USER_DISPATCH_CONFIG 0x4211

struct syscall_user_dispatch_config {
	uint64_t mode, selector, offset, len;
};

/* /proc/TID/status up to its Seccomp line; only the list of groups is unbounded. */
#define STATUS_MAX_BYTES 16384

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

/* The thread's seccomp mode: 0 none, 1 strict, 2 filters; or -errno. */
static int seccomp_mode(const struct tracer_job *job)
{
	static const char name[] = "\nSeccomp:\t";
	char status[STATUS_MAX_BYTES];
	const char *line;
	ssize_t n;

	n = pread(job->status, status, sizeof(status) - 1, 0);
	if (n < 0)
		return -errno;
	status[n] = '\0';
	line = strstr(status, name);
	if (!line)
		return n < (ssize_t)sizeof(status) - 1 ? 0 : -EOVERFLOW;
	return line[sizeof(name) - 1] - '0';
}

/* One filter against one call, wherever in the code it is made from. */
static int judge_call(struct tracer_job *job, const struct sock_filter *filter, size_t length,
		      const struct arch_call *call, const struct arch_code *code)
{
	struct seccomp_data data = { .nr = (int)call->number, .arch = arch_audit() };

	memcpy(data.args, call->args, sizeof(data.args));
	for (size_t i = 0; i < code->nr_call_returns; i++) {
		uint32_t verdict;

		data.instruction_pointer = job->code_address + code->call_returns[i];
		verdict = seccomp_filter_run(filter, length, &data);
		if (!seccomp_lets_pass(verdict)) {
			job->denied_number = call->number;
			job->denied_verdict = verdict;
			return TRACER_DENIED;
		}
	}
	return 0;
}

/*
 * Asks every filter of the thread about every call that the code will make:
 * one that would return an error or kill is never tripped.
 */
static int check_filters(struct tracer_job *job, const struct arch_code *code)
{
	struct sock_filter filter[BPF_MAXINSNS];
	struct arch_call boot_calls[2];
	const struct arch_call *calls = job->calls;
	size_t nr_calls = job->nr_calls;

	if (job->mappings) {
		arch_boot_calls(job->mappings, boot_calls);
		calls = boot_calls;
		nr_calls = 2;
	}
	for (unsigned long index = 0;; index++) {
		long length = ptrace(PTRACE_SECCOMP_GET_FILTER, job->tid, index, NULL);

		if (length < 0 && errno == ENOENT)
			return 0;
		if (length < 0 || length > BPF_MAXINSNS ||
		    ptrace(PTRACE_SECCOMP_GET_FILTER, job->tid, index, filter) != length)
			return TRACER_FILTER_HIDDEN;
		for (size_t i = 0; i < nr_calls; i++) {
			int r = judge_call(job, filter, length, &calls[i], code);

			if (r)
				return r;
		}
	}
}

/* Anything that judges, or diverts, the thread's system calls. */
static int check_calls_pass(struct tracer_job *job, const struct arch_code *code)
{
	struct syscall_user_dispatch_config dispatch = { 0 };
	int mode = seccomp_mode(job);

	/* Kernels before 6.4 do not tell. */
	if (ptrace(GET_SYSCALL_USER_DISPATCH_CONFIG, job->tid, sizeof(dispatch), &dispatch) == 0 &&
	    dispatch.mode != 0)
		return TRACER_DIVERTED;
	switch (mode) {
	case SECCOMP_MODE_DISABLED:
		return 0;
	case SECCOMP_MODE_FILTER:
		return check_filters(job, code);
	default:
		return mode < 0 ? mode : TRACER_STRICT;
	}
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

static bool write_memory(const struct tracer_job *job, uint64_t address, const void *data,
			 size_t size)
{
	return pwrite(job->mem, data, size, (off_t)address) == (ssize_t)size;
}

/*
 * Writes the code and reads it back as the thread itself sees it.  job->mem is
 * the memory that the process had when the session began: it takes nothing any
 * more, without an error, once the process has exec'd.
 */
static int write_code(const struct tracer_job *job, const struct arch_code *code)
{
	uint8_t seen[ARCH_CODE_BYTES];
	struct iovec here = { .iov_base = seen, .iov_len = code->size };
	struct iovec there = {
		.iov_base = (void *)(uintptr_t)job->code_address,
		.iov_len = code->size,
	};
	const uint64_t armed = 1;

	if (!write_memory(job, job->code_address, code->bytes, code->size) ||
	    process_vm_readv(job->tid, &here, 1, &there, 1, 0) != (ssize_t)code->size ||
	    memcmp(seen, code->bytes, code->size) ||
	    !write_memory(job, job->armed_address, &armed, sizeof(armed)))
		return TRACER_OTHER_MEMORY;
	return 0;
}

/* Looks at a stopped thread, and generates the code for it.  0, a TRACER_* reason or -errno. */
static int prepare(struct tracer_job *job, struct arch_code *ret_code)
{
	arch_registers registers;
	struct arch_resume resume;
	bool emitted;
	int r;

	r = arch_get_registers(job->tid, &registers);
	if (r < 0)
		return r;
	if (!arch_is_native(&registers))
		return TRACER_NOT_NATIVE;
	if (in_our_code(job, arch_pc(&registers)))
		return TRACER_IN_OUR_CODE;
	if (arch_is_broken_wait(&registers)) {
		r = arch_restart_wait(job->tid, &registers);
		if (r < 0)
			return r;
	}
	resume = arch_resume(&registers, rseq_abort_pc(job, arch_pc(&registers)));
	if (job->mappings)
		emitted = arch_emit_boot(ret_code, job->mappings, &registers, &resume);
	else
		emitted = arch_emit_calls(ret_code, job->table_address, job->nr_calls,
					  job->done_address, &registers, &resume);
	if (!emitted || ret_code->size > job->code_bytes)
		return -ENOSPC;
	return check_calls_pass(job, ret_code);
}

/* From the stop to the release of a thread that is seized. */
static int trace(struct tracer_job *job)
{
	struct arch_code code;
	int r;

	if (ptrace(PTRACE_INTERRUPT, job->tid, NULL, NULL) < 0)
		return -errno;
	r = wait_for_stop(job->tid);
	if (r)
		return r;

	job->step = TRACER_INSPECT;
	r = prepare(job, &code);
	if (r)
		return r;
	job->step = TRACER_WRITE;
	r = write_code(job, &code);
	if (r)
		return r;
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
	start_ns = clock_now_ns();
	if (ptrace(PTRACE_SEIZE, job->tid, NULL, NULL) < 0) {
		job->result = -errno;
		return 0;
	}
	job->step = TRACER_WAIT;
	result = trace(job);
	/* Where this fails the thread has died, and our end buries it. */
	ptrace(PTRACE_DETACH, job->tid, NULL, NULL);
	job->stop_ns = clock_now_ns() - start_ns;
	job->result = result;
	if (!result)
		job->step = TRACER_DONE;
	return 0;
}

/* clone(2) by glibc's other name: ThreadSanitizer wraps the first, as if it were a fork. */
int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);

int tracer_run(struct tracer_job *job, void *stack)
{
	sigset_t all, before;
	pid_t helper;
	int r;

	job->step = TRACER_SEIZE;
	job->result = -ETIMEDOUT; /* unless the helper lives to say otherwise */
	job->stop_ns = 0;

	/* The deadline may have ended the helper before in the middle of anything. */
	sanitize_reuse_stack(stack, TRACER_STACK_BYTES);
	/* No handler of ours may run in the helper, on memory that is ours. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	helper = __clone(helper_main, (char *)stack + TRACER_STACK_BYTES, CLONE_VM | CLONE_VFORK,
			 job);
	r = helper < 0 ? -errno : 0;
	if (!r)
		while (waitpid(helper, NULL, __WALL) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r ? r : job->result;
}
