/* SPDX-License-Identifier: MIT */
/*
 * Remote execution: sessions and batches.  See remote.h for what it promises;
 * remote-arena for memory in the target, remote-tracer for the stop,
 * remote-x86-64 for the instructions.
 */
#include "remote.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "error.h"
#include "process.h"
#include "remote-arch.h"
#include "remote-arena.h"
#include "remote-tracer.h"
#include "rootfs.h"

#define DEFAULT_DEADLINE_NS 3000000000ULL
#define SPIN_NS		    20000  /* of looking at a flag in the target without a pause */
#define POLL_NS		    4000   /* between looks at it afterwards */
#define MAX_ATTACHES	    20	   /* to a process that execs again and again */
#define RETRY_NS	    200000 /* before another try at what is soon free */
#define MAX_SEIZES	    50	   /* of a thread that is traced: 10 ms in all */

struct remote {
	int root;
	int mem; /* locked while the session lasts */
	pid_t pid;
	pid_t tid; /* the thread whose memory was opened */
	uint64_t deadline_ns;
	struct arena arena;
	void *stack; /* TRACER_STACK_BYTES above a page that faults */
	size_t stack_bytes;
};

DEFINE_CLEANUP(struct remote *, remote_close);

static void sleep_ns(long ns)
{
	nanosleep(&(struct timespec) { .tv_nsec = ns }, NULL);
}

/* Opens the memory of the process through one of its threads that still has some. */
static int open_memory(struct remote *remote, struct mpol_error *err)
{
	_cleanup_free_ pid_t *tids = NULL;
	bool is_kernel = false;
	int denied = 0;
	size_t nr = 0;

	if (process_list_threads(remote->root, remote->pid, &tids, &nr) < 0)
		return error_set(err, -ESRCH, "open the process's memory", "it has ended");
	for (size_t i = 0; i < nr; i++) {
		struct process_thread thread;
		char path[64];

		if (process_read_thread(remote->root, remote->pid, tids[i], &thread) < 0)
			continue;
		is_kernel = is_kernel || thread.flags & PROCESS_KTHREAD;
		if ((thread.flags & PROCESS_KTHREAD) || process_thread_has_ended(&thread))
			continue;
		snprintf(path, sizeof(path), "proc/%d/task/%d/mem", remote->pid, tids[i]);
		remote->mem = openat(remote->root, path, O_RDWR | O_CLOEXEC);
		remote->tid = tids[i];
		if (remote->mem >= 0)
			return 0;
		/* A thread that ends has none any more. */
		denied = errno == ESRCH || errno == ENOENT ? denied : errno;
	}
	if (denied) {
		error_set(err, -EPERM, "open the process's memory", "not permitted (%s)",
			  strerrorname_np(denied));
		error_advise(err, "run as root or as the process's own user");
		return -EPERM;
	}
	if (!is_kernel)
		return error_set(err, -ESRCH, "open the process's memory", "it has ended");
	return error_set(err, -EOPNOTSUPP, "open the process's memory",
			 "it has none: it is a kernel thread");
}

/* One session on a process at a time; the lock ends with its holder. */
static int lock_memory(struct remote *remote, struct mpol_error *err)
{
	uint64_t end_ns = clock_now_ns() + remote->deadline_ns;

	while (flock(remote->mem, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_errno(err, -errno, "lock the process");
		if (clock_now_ns() > end_ns)
			return error_set(err, -EBUSY, "lock the process",
					 "another program is changing it and does not finish");
		sleep_ns(RETRY_NS);
	}
	return 0;
}

static int make_stack(struct remote *remote, struct mpol_error *err)
{
	const size_t page_bytes = sysconf(_SC_PAGESIZE);

	remote->stack_bytes = page_bytes + TRACER_STACK_BYTES;
	remote->stack = mmap(NULL, remote->stack_bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (remote->stack == MAP_FAILED)
		return error_errno(err, -ENOMEM, "make a stack");
	if (mprotect(remote->stack, page_bytes, PROT_NONE) < 0)
		return error_errno(err, -errno, "make a stack");
	return 0;
}

/* Whether the thread does whose memory was opened. */
static bool still_lives(const struct remote *remote)
{
	struct process_thread thread;

	return process_read_thread(remote->root, remote->pid, remote->tid, &thread) == 0 &&
	       !process_thread_has_ended(&thread);
}

/*
 * Finds our memory in the process, or where some can be made.  A process that
 * execs meanwhile has other memory from then on, and for a moment no vdso in
 * it: hence several looks.
 */
static int attach(struct remote *remote, struct mpol_error *err)
{
	int r = -ESRCH;

	for (int i = 0; i < MAX_ATTACHES && (r == -ESRCH || r == -EOPNOTSUPP); i++) {
		if (i && !still_lives(remote))
			return error_set(err, -ESRCH, "find a place for code", "it has ended");
		if (i)
			sleep_ns(RETRY_NS);
		closep(&remote->mem);
		remote->mem = -1;
		r = open_memory(remote, err);
		if (r == 0)
			r = lock_memory(remote, err);
		if (r < 0)
			return r;
		remote->arena = (struct arena) {
			.root = remote->root,
			.pid = remote->pid,
			.tid = remote->tid,
			.mem = remote->mem,
		};
		r = arena_attach(&remote->arena, err);
	}
	return r;
}

static int open_session(struct remote *remote, pid_t pid, struct mpol_error *err)
{
	struct process_thread thread;
	int r;

	remote->root = rootfs_open(NULL);
	if (remote->root < 0)
		return error_errno(err, remote->root, "open /");
	r = process_read_thread(remote->root, pid, pid, &thread);
	if (r < 0)
		return error_set(err, r, "find the process", "there is none of that number");
	remote->pid = thread.tgid;
	r = make_stack(remote, err);
	return r < 0 ? r : attach(remote, err);
}

int remote_open(pid_t pid, uint64_t deadline_ns, struct remote **ret_remote, struct mpol_error *err)
{
	_cleanup_(remote_closep) struct remote *remote = calloc(1, sizeof(*remote));
	int r;

	if (!remote)
		return error_errno(err, -ENOMEM, "open a session");
	remote->root = remote->mem = -1;
	remote->stack = MAP_FAILED;
	remote->deadline_ns = deadline_ns ? deadline_ns : DEFAULT_DEADLINE_NS;
	r = open_session(remote, pid, err);
	if (r < 0) {
		error_on(err, "process %d", pid);
		return r;
	}
	*ret_remote = steal_pointer(&remote);
	return 0;
}

void remote_close(struct remote *remote)
{
	if (!remote)
		return;
	if (remote->stack != MAP_FAILED)
		munmap(remote->stack, remote->stack_bytes);
	closep(&remote->mem);
	closep(&remote->root);
	free(remote);
}

/* Why PTRACE_SEIZE was refused. */
static int explain_refusal(const struct remote *remote, pid_t tid, struct mpol_error *err)
{
	_cleanup_free_ char *scope = NULL;
	struct process_thread thread;

	if (process_read_thread(remote->root, remote->pid, tid, &thread) < 0 ||
	    process_thread_has_ended(&thread))
		return error_set(err, -ESRCH, "attach", "the thread has ended");
	if (thread.tracer) {
		error_set(err, -EPERM, "attach", "process %d traces it already", thread.tracer);
		error_advise(err, "end the debugger or tracer first");
		return -EPERM;
	}
	error_set(err, -EPERM, "attach", "tracing it is not permitted");
	if (rootfs_read(remote->root, &scope, "proc/sys/kernel/yama/ptrace_scope") > 0 &&
	    *scope != '0')
		error_advise(err, "kernel.yama.ptrace_scope is %c: run as root, or set it to 0",
			     *scope);
	else
		error_advise(err, "run as root or as the process's own user");
	return -EPERM;
}

/* What a seccomp filter would do to the target if the call were made. */
static int explain_denial(const struct tracer_job *job, struct mpol_error *err)
{
	uint32_t verdict = job->denied_verdict;
	const char *what;

	switch (verdict & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ERRNO:
		what = "fail";
		break;
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_KILL_PROCESS:
		what = "kill it";
		break;
	default:
		what = "not let it pass";
		break;
	}
	error_set(err, -EOPNOTSUPP, "inspect the thread",
		  "its seccomp filter would %s at system call %llu: nothing was tried", what,
		  (unsigned long long)job->denied_number);
	error_advise(err,
		     "allow mmap, mbind and set_mempolicy in the filter, or set the policy when "
		     "the program is started: mpol run POLICY -- …");
	return -EOPNOTSUPP;
}

/* Turns the outcome of a stop into an error. */
static int explain_stop(const struct remote *remote, const struct tracer_job *job, int result,
			struct mpol_error *err)
{
	switch (result) {
	case TRACER_SIGNALLED:
		error_set(err, -EBUSY, "inspect the thread",
			  "it is stopped (job control), and signals wait for it that come first");
		error_advise(err, "let it continue: kill -CONT %d", remote->pid);
		return -EBUSY;
	case TRACER_NOT_NATIVE:
		return error_set(err, -EOPNOTSUPP, "inspect the thread", "it runs 32-bit code");
	case TRACER_STRICT:
		return error_set(err, -EOPNOTSUPP, "inspect the thread",
				 "it is under seccomp's strict mode: any other call would kill it");
	case TRACER_DENIED:
		return explain_denial(job, err);
	case TRACER_FILTER_HIDDEN:
		error_set(err, -EOPNOTSUPP, "inspect the thread",
			  "it is under a seccomp filter that may not be read");
		error_advise(err, "run as root (CAP_SYS_ADMIN), outside any seccomp filter");
		return -EOPNOTSUPP;
	case TRACER_DIVERTED:
		return error_set(err, -EOPNOTSUPP, "inspect the thread",
				 "its system calls are diverted (syscall user dispatch)");
	case TRACER_OTHER_MEMORY:
		return error_set(err, -ESRCH, "inspect the thread", "the process has exec'd");
	case -ETIMEDOUT:
		error_set(err, result, "stop the thread",
			  "it does not come out of the kernel "
			  "(uninterruptible sleep, vfork, frozen)");
		error_advise(err, "nothing was changed; see /proc/%d/task/%d/stack and try again",
			     remote->pid, job->tid);
		return result;
	case -ESRCH:
		return error_set(err, result, "stop the thread", "it has ended");
	case -EPERM:
	case -EACCES:
		if (job->step == TRACER_SEIZE)
			return explain_refusal(remote, job->tid, err);
		/* fall through */
	default:
		return error_errno(err, result, "stop the thread");
	}
}

/* By a debugger, or for a moment still by the helper of a controller that was killed. */
static bool is_traced(const struct remote *remote, pid_t tid)
{
	struct process_thread thread;

	return process_read_thread(remote->root, remote->pid, tid, &thread) == 0 && thread.tracer;
}

/* Stops the thread and sets it on the job's code. */
static int stop_thread(struct remote *remote, struct tracer_job *job, struct mpol_error *err)
{
	char path[64];
	int result = 0;

	snprintf(path, sizeof(path), "proc/%d/task/%d", remote->pid, job->tid);
	job->task = openat(remote->root, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (job->task < 0)
		return error_set(err, -ESRCH, "stop the thread", "it has ended");
	job->mem = remote->mem;
	job->timeout_ns = remote->deadline_ns;
	for (int i = 0; i < MAX_SEIZES; i++) {
		result = tracer_run(job, (uint8_t *)remote->stack + remote->stack_bytes -
						 TRACER_STACK_BYTES);
		if (result != -EPERM || job->step != TRACER_SEIZE || !is_traced(remote, job->tid))
			break;
		sleep_ns(RETRY_NS);
	}
	close(job->task);
	/* Whether a helper that died here had let the thread go cannot be known: look for its work.
	 */
	if (result && job->step != TRACER_COMMIT)
		return explain_stop(remote, job, result, err);
	return 0;
}

/* Polls until is_done says otherwise than 0 or the deadline has passed. */
static int poll_target(const struct remote *remote, int (*is_done)(struct remote *, const void *),
		       const void *what)
{
	const uint64_t start_ns = clock_now_ns();
	int slack_ns, r;

	do
		r = is_done((struct remote *)remote, what);
	while (r == 0 && clock_now_ns() - start_ns < SPIN_NS);
	if (r)
		return r < 0 ? r : 0;
	slack_ns = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	while ((r = is_done((struct remote *)remote, what)) == 0) {
		if (clock_now_ns() - start_ns > remote->deadline_ns) {
			r = -ETIMEDOUT;
			break;
		}
		sleep_ns(POLL_NS);
	}
	prctl(PR_SET_TIMERSLACK, slack_ns, 0, 0, 0);
	return r < 0 ? r : 0;
}

static int arena_is_there(struct remote *remote, const void *mappings)
{
	int r = arena_adopt(&remote->arena, mappings);

	return r == -EAGAIN ? 0 : r < 0 ? r : 1;
}

static int slot_is_done(struct remote *remote, const void *slot)
{
	return arena_is_done(&remote->arena, slot);
}

/* Has the thread map an arena. */
static int boot_arena(struct remote *remote, pid_t tid, struct mpol_error *err)
{
	struct arena_boot boot;
	struct tracer_job job = { .tid = tid, .code_bytes = ARENA_BOOT_CODE_BYTES };
	int r;

	r = arena_plan_boot(&remote->arena, &boot, err);
	if (r < 0)
		return r;
	job.mappings = &boot.mappings;
	job.code_address = boot.code_address;
	job.armed_address = boot.armed_address;
	r = stop_thread(remote, &job, err);
	if (r < 0)
		return r;
	r = poll_target(remote, arena_is_there, &boot.mappings);
	if (r == -ETIMEDOUT) {
		error_set(err, r, "map memory in the process", "the thread did not map it in time");
		error_advise(err, "it may be short of address space or memory (RLIMIT_AS, "
				  "mlockall, overcommit), or very busy");
	} else if (r < 0) {
		error_set(err, r, "map memory in the process", "it has ended or exec'd");
	}
	return r;
}

/* Copies the batch into its place in the target.  calls: becomes the table as it is there. */
static int fill_slot(const struct remote *remote, const struct arena_slot *slot,
		     const struct remote_batch *batch, struct arch_call *calls,
		     struct mpol_error *err)
{
	int r;

	for (size_t i = 0; i < batch->nr_calls; i++) {
		const struct remote_call *call = &batch->calls[i];

		calls[i] = (struct arch_call) { .number = (uint64_t)call->number };
		for (unsigned int j = 0; j < 6; j++) {
			calls[i].args[j] = call->args[j];
			if (call->argument_mask >> j & 1)
				calls[i].args[j] += slot->arguments_address;
		}
	}
	r = arena_write(&remote->arena, slot->table_address, calls,
			batch->nr_calls * sizeof(calls[0]));
	if (r == 0 && batch->arguments_bytes)
		r = arena_write(&remote->arena, slot->arguments_address, batch->arguments,
				batch->arguments_bytes);
	if (r < 0)
		return error_set(err, r, "write the calls", "the process has ended or exec'd");
	return 0;
}

static int collect_results(const struct remote *remote, const struct arena_slot *slot,
			   struct remote_batch *batch, struct mpol_error *err)
{
	struct arch_call calls[REMOTE_MAX_CALLS];
	int r;

	r = arena_read(&remote->arena, slot->table_address, calls,
		       batch->nr_calls * sizeof(calls[0]));
	if (r == 0 && batch->arguments_after)
		r = arena_read(&remote->arena, slot->arguments_address, batch->arguments_after,
			       batch->arguments_bytes);
	if (r < 0)
		return error_set(err, r, "read the results", "the process has ended or exec'd");
	for (size_t i = 0; i < batch->nr_calls; i++)
		batch->calls[i].result = (long)calls[i].result;
	return 0;
}

static int wait_for_calls(const struct remote *remote, const struct arena_slot *slot,
			  struct mpol_error *err)
{
	int r = poll_target(remote, slot_is_done, slot);

	if (r == -ETIMEDOUT) {
		error_set(err, r, "wait for the calls",
			  "the thread was let go to make them but has not come to it");
		error_advise(err, "it makes them when it runs again; look at the result later");
	} else if (r < 0) {
		error_set(err, r, "wait for the calls", "the process has ended or exec'd");
	}
	return r;
}

/* A place for the batch; maps another arena if this one is full. */
static int claim_slot(struct remote *remote, pid_t tid, const struct remote_batch *batch,
		      struct arena_slot *ret_slot, struct mpol_error *err)
{
	int r = -EBUSY;

	if (arena_has_room(&remote->arena))
		r = arena_claim(&remote->arena, tid, batch->nr_calls, batch->arguments_bytes,
				ret_slot, err);
	if (r != -EBUSY)
		return r;
	r = boot_arena(remote, tid, err);
	if (r < 0)
		return r;
	return arena_claim(&remote->arena, tid, batch->nr_calls, batch->arguments_bytes, ret_slot,
			   err);
}

static int run_batch(struct remote *remote, pid_t tid, struct remote_batch *batch,
		     struct mpol_error *err)
{
	struct tracer_job job = {
		.tid = tid,
		.nr_calls = batch->nr_calls,
		.code_bytes = ARCH_CODE_BYTES,
	};
	struct arch_call calls[REMOTE_MAX_CALLS];
	struct arena_slot slot;
	uint64_t start_ns;
	int r;

	r = claim_slot(remote, tid, batch, &slot, err);
	if (r == 0)
		r = fill_slot(remote, &slot, batch, calls, err);
	if (r < 0)
		return r;

	job.calls = calls;
	job.code_address = slot.code_address;
	job.table_address = slot.table_address;
	job.armed_address = slot.armed_address;
	job.done_address = slot.done_address;
	start_ns = clock_now_ns();
	r = stop_thread(remote, &job, err);
	if (r == 0)
		r = wait_for_calls(remote, &slot, err);
	batch->stop_ns = job.stop_ns;
	batch->away_ns = clock_now_ns() - start_ns;
	return r < 0 ? r : collect_results(remote, &slot, batch, err);
}

int remote_run(struct remote *remote, pid_t tid, struct remote_batch *batch, struct mpol_error *err)
{
	int r;

	if (!batch->nr_calls || batch->nr_calls > REMOTE_MAX_CALLS ||
	    batch->arguments_bytes > REMOTE_ARGUMENT_BYTES)
		return error_set(err, -EINVAL, "run calls", "0 or over %d calls in a batch",
				 REMOTE_MAX_CALLS);
	r = run_batch(remote, tid, batch, err);
	if (r < 0)
		error_on(err, "thread %d of process %d", tid, remote->pid);
	return r;
}
