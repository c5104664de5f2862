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
#include <fcntl.h>
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
#include "remote-wait.h"
#include "sanitize.h"
#include "seccomp-filter.h"

/* include/uapi/linux/ptrace.h, since 6.4; not in glibc 2.36. */
#define GET_SYSCALL_USER_DISPATCH_CONFIG 0x4211

struct syscall_user_dispatch_config {
	uint64_t mode, selector, offset, len;
};

/* How long to look for a stop before sleeping until it comes. */
#define SPIN_NS 30000

/* A wait of no more may be made to last up to twice as long, rather than end with EINTR. */
#define SHORT_WAIT_NS 1000000000

/* /proc/TID/status up to its Seccomp line; only the list of groups is unbounded. */
#define STATUS_MAX_BYTES 16384

/*
 * Waits for a traced thread's next stop: signal | event << 8, or -errno
 * (-ESRCH: it has ended).  It looks for a moment before it sleeps: what we wait
 * for takes another CPU some microseconds, and to wake one that idles takes
 * longer.  The stop is looked at and not taken (WNOWAIT): a signal that was
 * taken and not yet passed on would be lost if we were killed, one that was
 * not is delivered then.
 */
static int next_stop(pid_t tid)
{
	const int any = WEXITED | WSTOPPED | __WALL | WNOWAIT;
	const uint64_t end_ns = clock_now_ns() + SPIN_NS;
	siginfo_t info = { 0 };

	while (info.si_pid == 0)
		if (waitid(P_PID, (id_t)tid, &info, clock_now_ns() < end_ns ? any | WNOHANG : any) <
		    0)
			return -errno;
	return info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED ? info.si_status : -ESRCH;
}

/* The signal of a stop that is to be passed on: none for the stops that only ptrace(2) knows. */
static int signal_of(int next)
{
	return next >> 8 ? 0 : next;
}

/*
 * Waits for the stop that we asked for.  A signal that arrives first is passed
 * on: our request stays pending.  0, with *ret_halted true for a thread in a
 * group stop (job control), or -errno.
 */
static int wait_for_stop(pid_t tid, bool *ret_halted)
{
	for (;;) {
		int next = next_stop(tid);

		if (next < 0)
			return next;
		if (next >> 8 == PTRACE_EVENT_STOP) {
			*ret_halted = (next & 0xff) != SIGTRAP;
			return 0;
		}
		if (ptrace(PTRACE_CONT, tid, NULL, signal_of(next)) < 0)
			return -errno;
	}
}

/* A number of a line of /proc/TID/status, where the kernel writes that line. */
static uint64_t status_number(const char *status, const char *name, int base)
{
	const char *line = strstr(status, name);

	return line ? strtoull(line + strlen(name), NULL, base) : 0;
}

static int read_status(const struct tracer_job *job, char status[STATUS_MAX_BYTES])
{
	int fd = openat(job->task, "status", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, status, STATUS_MAX_BYTES - 1);
	close(fd);
	if (n < 0)
		return -errno;
	status[n] = '\0';
	return n == STATUS_MAX_BYTES - 1 ? -EOVERFLOW : 0;
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

/* Every call that the code will make, against one filter. */
static int judge_calls(struct tracer_job *job, const struct sock_filter *filter, size_t length,
		       const struct arch_code *code)
{
	const struct arch_call sentinel = arch_sentinel_call();
	struct arch_call boot_calls[2];
	const struct arch_call *calls = job->calls;
	size_t nr_calls = job->nr_calls;
	int r = 0;

	if (job->mappings) {
		arch_boot_calls(job->mappings, boot_calls);
		calls = boot_calls;
		nr_calls = 2;
	}
	for (size_t i = 0; r == 0 && i < nr_calls; i++)
		r = judge_call(job, filter, length, &calls[i], code);
	if (r == 0 && code->has_sentinel)
		r = judge_call(job, filter, length, &sentinel, code);
	if (r == 0 && code->has_wait)
		r = judge_call(job, filter, length, &code->wait, code);
	return r;
}

/*
 * Asks every filter of the thread about every call that the code will make:
 * one that would return an error or kill is never tripped.
 */
static int check_filters(struct tracer_job *job, const struct arch_code *code)
{
	struct sock_filter filter[BPF_MAXINSNS];

	for (unsigned long index = 0;; index++) {
		long length = ptrace(PTRACE_SECCOMP_GET_FILTER, job->tid, index, NULL);
		int r;

		if (length < 0 && errno == ENOENT)
			return 0;
		if (length < 0 || length > BPF_MAXINSNS ||
		    ptrace(PTRACE_SECCOMP_GET_FILTER, job->tid, index, filter) != length)
			return TRACER_FILTER_HIDDEN;
		r = judge_calls(job, filter, length, code);
		if (r)
			return r;
	}
}

/* Anything that judges, or diverts, the thread's system calls. */
static int check_calls_pass(struct tracer_job *job, const struct arch_code *code,
			    const char *status)
{
	struct syscall_user_dispatch_config dispatch = { 0 };

	/* Kernels before 6.4 do not tell. */
	if (ptrace(GET_SYSCALL_USER_DISPATCH_CONFIG, job->tid, sizeof(dispatch), &dispatch) == 0 &&
	    dispatch.mode != 0)
		return TRACER_DIVERTED;
	switch (status_number(status, "\nSeccomp:\t", 10)) {
	case SECCOMP_MODE_DISABLED:
		return 0;
	case SECCOMP_MODE_FILTER:
		return check_filters(job, code);
	default:
		return TRACER_STRICT;
	}
}

/* Whether the thread would run a handler, or die, before it came to our code. */
static bool signals_wait(const char *status)
{
	uint64_t pending =
		status_number(status, "\nSigPnd:\t", 16) | status_number(status, "\nShdPnd:\t", 16);

	return pending & ~status_number(status, "\nSigBlk:\t", 16) &
	       ~status_number(status, "\nSigIgn:\t", 16);
}

#define SIGNAL_BIT(signal) (1ULL << ((signal)-1))

/* Whether it has been stopped between a fault of its own and the signal about that. */
static bool fault_waits(const char *status)
{
	const uint64_t faults = SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) |
				SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGSYS);

	return status_number(status, "\nSigPnd:\t", 16) & faults &
	       ~status_number(status, "\nSigBlk:\t", 16);
}

/* Lets a stopped thread run until the next signal has its handler set up.  0 or -errno. */
static int deliver_signal(pid_t tid)
{
	int next;

	if (ptrace(PTRACE_CONT, tid, NULL, NULL) < 0)
		return -errno;
	next = next_stop(tid);
	if (next < 0)
		return next;
	return ptrace(PTRACE_CONT, tid, NULL, signal_of(next)) < 0 ? -errno : 0;
}

/*
 * Stops a seized thread where the place of its program counter is nobody's
 * business: a handler for a fault (a virtual machine's safepoint, a garbage
 * collector's barrier) looks up the instruction, and must not find ours.
 * Returns as wait_for_stop; status: /proc/TID/status of the stopped thread.
 */
static int stop_thread(const struct tracer_job *job, char status[STATUS_MAX_BYTES],
		       bool *ret_halted)
{
	for (;;) {
		int r;

		if (ptrace(PTRACE_INTERRUPT, job->tid, NULL, NULL) < 0)
			return -errno;
		r = wait_for_stop(job->tid, ret_halted);
		if (r == 0)
			r = read_status(job, status);
		if (r < 0 || *ret_halted || !fault_waits(status))
			return r;
		r = deliver_signal(job->tid);
		if (r < 0)
			return r;
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

/* The time limit of a wait that was broken off.  False: unlimited, or not to be known. */
static bool read_limit(const struct tracer_job *job, const struct arch_wait *wait,
		       uint64_t *ret_limit_ns)
{
	struct timespec limit;
	uint64_t where = 0;

	switch (arch_wait_limit(wait, &where)) {
	case ARCH_LIMIT_MS:
		*ret_limit_ns = where * 1000000;
		return true;
	case ARCH_LIMIT_ADDRESS:
		if (pread(job->mem, &limit, sizeof(limit), (off_t)where) != sizeof(limit) ||
		    limit.tv_sec < 0 || limit.tv_sec > INT32_MAX || limit.tv_nsec < 0)
			return false;
		*ret_limit_ns = limit.tv_sec * 1000000000ULL + limit.tv_nsec;
		return true;
	case ARCH_NOT_A_WAIT:
	case ARCH_UNLIMITED:
	default:
		return false;
	}
}

/*
 * A wait that the stop broke off is resumed as if nothing had been: for ever,
 * or for what is left of its time.  Where that is not to be known, a short one
 * begins again and a long one ends with EINTR, as signal(7) says it may.
 * 0 or -errno.
 */
static int resume_wait(const struct tracer_job *job, const struct wait_look *look,
		       const struct arch_wait *wait, arch_registers *registers,
		       struct arch_resume *ret_resume)
{
	uint64_t where, limit_ns = 0, elapsed_ns = 0, left_ns;
	bool limited = read_limit(job, wait, &limit_ns);
	int r;

	if (!limited && arch_wait_limit(wait, &where) != ARCH_UNLIMITED)
		return 0;
	if (limited && !wait_elapsed(job->task, look, wait, arch_stack(registers), &elapsed_ns) &&
	    limit_ns > SHORT_WAIT_NS)
		return 0;
	r = arch_restart_wait(job->tid, registers);
	if (r < 0)
		return r;
	left_ns = elapsed_ns < limit_ns ? limit_ns - elapsed_ns : 0;
	*ret_resume = limited ? arch_resume_wait(registers, left_ns) : arch_resume(registers, 0);
	return 0;
}

/* Where a stopped thread goes on when our code is done.  0 or -errno. */
static int choose_resume(const struct tracer_job *job, const struct wait_look *look,
			 arch_registers *registers, struct arch_resume *ret_resume)
{
	struct arch_wait wait;

	*ret_resume = arch_resume(registers, rseq_abort_pc(job, arch_pc(registers)));
	if (!arch_is_broken_off(registers, &wait))
		return 0;
	return resume_wait(job, look, &wait, registers, ret_resume);
}

/* Looks at a stopped thread, and generates the code for it.  0, a TRACER_* reason or -errno. */
static int prepare(struct tracer_job *job, const struct wait_look *look, const char *status,
		   bool halted, struct arch_code *ret_code)
{
	struct arch_program program = {
		.address = job->code_address,
		.mappings = job->mappings,
		.table_address = job->table_address,
		.done_address = job->done_address,
		.nr_calls = job->nr_calls,
		.sentinel = halted,
	};
	arch_registers registers;
	struct arch_resume resume;
	int r;

	r = arch_get_registers(job->tid, &registers);
	if (r < 0)
		return r;
	if (!arch_is_native(&registers))
		return TRACER_NOT_NATIVE;
	if (halted && signals_wait(status))
		return TRACER_SIGNALLED;
	r = choose_resume(job, look, &registers, &resume);
	if (r < 0)
		return r;
	if (!arch_emit(ret_code, &program, &registers, &resume) || ret_code->size > job->code_bytes)
		return -ENOSPC;
	return check_calls_pass(job, ret_code, status);
}

/*
 * Lets a thread in a group stop run the code as far as its sentinel; from
 * there it goes back into its stop when it is let go, as it does wherever it is
 * should this helper end.  A signal that comes meanwhile is its own to deal with.
 */
static int run_halted(const struct tracer_job *job, const struct arch_code *code)
{
	uint64_t end = job->code_address + code->sentinel_return;
	arch_registers registers;
	int next;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, job->tid, NULL, NULL) < 0)
			return -errno;
		next = next_stop(job->tid);
		if (next < 0)
			return next;
		if (next != (SIGTRAP | 0x80) && next >> 8 != PTRACE_EVENT_STOP)
			return ptrace(PTRACE_DETACH, job->tid, NULL, signal_of(next)) < 0 ? -errno
											  : 0;
		if (arch_get_registers(job->tid, &registers) < 0)
			return -errno;
		if (arch_pc(&registers) == end)
			return 0;
	}
}

/* From the stop to the release of a thread that is seized. */
static int trace(struct tracer_job *job)
{
	char status[STATUS_MAX_BYTES];
	struct wait_look look;
	struct arch_code code;
	bool halted = false;
	int r;

	wait_look(job->task, &look);
	r = stop_thread(job, status, &halted);
	if (r)
		return r;

	job->step = TRACER_INSPECT;
	r = prepare(job, &look, status, halted, &code);
	if (r)
		return r;
	job->step = TRACER_WRITE;
	r = write_code(job, &code);
	if (r)
		return r;
	job->step = TRACER_COMMIT;
	r = arch_set_pc(job->tid, job->code_address + ARCH_ENTRY_OFFSET);
	return r == 0 && halted ? run_halted(job, &code) : r;
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
	if (ptrace(PTRACE_SEIZE, job->tid, NULL, PTRACE_O_TRACESYSGOOD) < 0) {
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
