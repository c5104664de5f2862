/* SPDX-License-Identifier: MIT */
/* The wish, and stripes for fresh memory: see striper.h. */
#include "striper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "error.h"
#include "ledger.h"
#include "next.h"
#include "nodemask.h"
#include "page.h"
#include "policy.h"
#include "stripes.h"

#define PAGE_SHIFT 12
#define HUGE_PAGES (1UL << STRIPES_HUGE_SHIFT) /* base pages of a huge one */
/* Ranges of the kernel's beyond those that there would be anyway. */
#define BUDGET_RUNS 4096
#define THP_FILE    "/sys/kernel/mm/transparent_hugepage/enabled"
#define MAPS_FILE   "/proc/sys/vm/max_map_count"

enum state {
	STATE_UNREAD,
	STATE_READING,
	STATE_AWAKE,
	STATE_ASLEEP,
};

static struct {
	enum state state;
	struct shares shares;
	bool huge_always;    /* huge pages come unasked */
	uint64_t most_pages; /* larger ranges are address space, not memory */
} striper;

/* ---- The wish ------------------------------------------------------------------------ */

/* One line, by whoever can be told nothing else: the program goes on as if we were not there. */
static void complain(const char *text, const struct mpol_error *error)
{
	char line[512];
	const int length = snprintf(line, sizeof(line),
				    "libmpol-preload: MPOL_PRELOAD=%.64s: %s; memory is not "
				    "striped\n",
				    text, error->cause);
	ssize_t written = write(STDERR_FILENO, line,
				length < (int)sizeof(line) ? (size_t)length : sizeof(line) - 1);

	(void)written;
}

/* The beginning of a small file; "" if it cannot be read. */
static void read_line(const char *path, char *buffer, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, buffer, size - 1);

	buffer[length > 0 ? length : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

static uint64_t budget_runs(void)
{
	char line[32];
	uint64_t quarter;

	read_line(MAPS_FILE, line, sizeof(line));
	quarter = strtoul(line, NULL, 10) / 4;
	return quarter < BUDGET_RUNS ? quarter : BUDGET_RUNS;
}

static bool read_wish(void)
{
	const char *text = secure_getenv("MPOL_PRELOAD");
	struct mpol_error error = { 0 };
	struct mpol_policy policy;
	struct sysinfo info;
	char line[64];

	if (!text)
		return false;
	if (policy_parse(text, NULL, &policy, &error) < 0) {
		complain(text, &error);
		return false;
	}
	if (shares_of(&policy, &striper.shares) < 0) {
		error_set(&error, -EINVAL, "read policy",
			  "not weighted:NODE=WEIGHT,... with a weight for each node, and no flags");
		complain(text, &error);
		return false;
	}
	read_line(THP_FILE, line, sizeof(line));
	striper.huge_always =
		strstr(line, "[always]") && prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) <= 0;
	striper.most_pages =
		sysinfo(&info) < 0 ? UINT64_MAX : info.totalram / PAGE_BYTES * info.mem_unit;
	ledger_open(&striper.shares, budget_runs());
	return true;
}

static enum state state(void)
{
	return __atomic_load_n(&striper.state, __ATOMIC_ACQUIRE);
}

static bool wake_up(void)
{
	const int kept_errno = errno;
	enum state unread = STATE_UNREAD;
	bool awake;

	/* The dynamic loader allocates before there is an environment, and looking up what stands
	 * behind the library may allocate, too. */
	if (!environ || !next()->syscall ||
	    !__atomic_compare_exchange_n(&striper.state, &unread, STATE_READING, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	awake = read_wish();
	__atomic_store_n(&striper.state, awake ? STATE_AWAKE : STATE_ASLEEP, __ATOMIC_RELEASE);
	errno = kept_errno;
	return awake;
}

bool striper_awake(void)
{
	const enum state now = state();

	return now == STATE_AWAKE || (now == STATE_UNREAD && wake_up());
}

void striper_sleep(void)
{
	__atomic_store_n(&striper.state, STATE_ASLEEP, __ATOMIC_RELEASE);
}

bool striper_asleep(void)
{
	return state() == STATE_ASLEEP;
}

__attribute__((constructor)) static void begin(void)
{
	next();
	if (striper_awake())
		pthread_atfork(NULL, NULL, ledger_after_fork);
}

/* ---- Policies ------------------------------------------------------------------------ */

/* The calling thread's policy is the one that stands in for the wish. */
static bool thread_wants(void)
{
	const struct nodemask wanted = policy_nodemask(&striper.shares.policy);
	struct nodemask nodes = { { 0 } };
	int mode = 0;

	if (syscall(SYS_get_mempolicy, &mode, nodes.bits, (unsigned long)NODEMASK_KERNEL_MAXNODE,
		    NULL, 0UL) < 0)
		return false;
	return (mode == MPOL_MODE_INTERLEAVE || mode == MPOL_MODE_WEIGHTED_INTERLEAVE) &&
	       nodemask_equal(&nodes, &wanted);
}

static int prefer(uint64_t page, uint64_t nr_pages, int node)
{
	const struct nodemask nodes = nodemask_of(node);

	return (int)syscall(SYS_mbind, page << PAGE_SHIFT, nr_pages << PAGE_SHIFT,
			    (long)MPOL_MODE_PREFERRED, nodes.bits,
			    (unsigned long)NODEMASK_KERNEL_MAXNODE, 0UL);
}

static int prefer_none(uint64_t page, uint64_t nr_pages)
{
	return (int)syscall(SYS_mbind, page << PAGE_SHIFT, nr_pages << PAGE_SHIFT,
			    (long)MPOL_MODE_DEFAULT, NULL, 0UL, 0UL);
}

/* All of it to the node with the most first: then only the others' runs are left. */
static int bind(const struct striped *range)
{
	const struct stripes_range pages = {
		.page = range->page,
		.nr_pages = range->end - range->page,
	};
	struct stripes_run run = { 0 };
	int r;

	/* With one run alone, its node may be any. */
	if (stripes_next(&pages, &striper.shares.policy, range->shift, &run) &&
	    run.nr_pages == pages.nr_pages)
		return prefer(run.page, run.nr_pages, run.node);
	r = prefer(pages.page, pages.nr_pages, striper.shares.base);
	run = (struct stripes_run) { 0 };
	while (r == 0 && stripes_next(&pages, &striper.shares.policy, range->shift, &run))
		if (run.node != striper.shares.base)
			r = prefer(run.page, run.nr_pages, run.node);
	return r;
}

/* Binds what was entered; all or nothing: half of the stripes would be worse than none. */
static void fulfil(const struct striped *range)
{
	if (bind(range) == 0)
		return;
	if (errno == EPERM || errno == ENOSYS)
		striper_sleep();
	prefer_none(range->page, range->end - range->page);
	ledger_leave(range->page, range->end);
}

/* ---- For the hooks ------------------------------------------------------------------- */

static struct striped pages_of(const void *memory, size_t bytes)
{
	const uintptr_t start = (uintptr_t)memory;

	return (struct striped) {
		.page = start >> PAGE_SHIFT,
		.end = (start + bytes + PAGE_BYTES - 1) >> PAGE_SHIFT,
	};
}

/* Where huge pages may come: what is whole of them within the range; else nothing at its end. */
static struct striped huge_part(const struct striped *range)
{
	struct striped part = {
		.page = (range->page + HUGE_PAGES - 1) & ~(HUGE_PAGES - 1),
		.end = range->end & ~(HUGE_PAGES - 1),
	};

	if (part.page >= part.end)
		part.page = part.end = range->end;
	return part;
}

static void stripe(unsigned int least_shift, struct striped range)
{
	if (ledger_enter(least_shift, &range))
		fulfil(&range);
}

void striper_fresh(void *memory, size_t bytes, bool huge)
{
	const int kept_errno = errno;
	const struct striped range = pages_of(memory, bytes);
	struct striped part = { .page = range.end, .end = range.end };

	if (huge || striper.huge_always)
		part = huge_part(&range);
	/* What lies before and behind huge pages has finer stripes, and makes up for them. */
	if (range.end - range.page <= striper.most_pages && striper_awake() && thread_wants()) {
		stripe(STRIPES_HUGE_SHIFT, part);
		stripe(0, (struct striped) { .page = range.page, .end = part.page });
		stripe(0, (struct striped) { .page = part.end, .end = range.end });
	}
	errno = kept_errno;
}

void striper_heap_grown(const struct striper_heap *heap, uintptr_t new_end, bool huge)
{
	const int kept_errno = errno;
	struct striped range = {
		.page = heap->end >> PAGE_SHIFT,
		.end = new_end >> PAGE_SHIFT,
		.shift = heap_shift(&striper.shares, (new_end - heap->start) >> PAGE_SHIFT,
				    heap->rounds),
	};

	if (huge && striper.huge_always && range.shift < STRIPES_HUGE_SHIFT)
		range.shift = STRIPES_HUGE_SHIFT;
	if (thread_wants() && ledger_enter_from(&range))
		fulfil(&range);
	errno = kept_errno;
}

void striper_gone(const void *memory, size_t bytes)
{
	const int kept_errno = errno;
	const struct striped range = pages_of(memory, bytes);

	if (state() == STATE_AWAKE)
		ledger_leave(range.page, range.end);
	errno = kept_errno;
}

bool striper_knows(const void *memory, size_t bytes)
{
	const struct striped range = pages_of(memory, bytes);

	return ledger_knows(range.page, range.end);
}

void striper_loosen(void *memory, size_t bytes)
{
	const int kept_errno = errno;
	const struct striped range = pages_of(memory, bytes);

	prefer_none(range.page, range.end - range.page);
	ledger_leave(range.page, range.end);
	errno = kept_errno;
}

/* The mode of the range's own policy, or a negative errno. */
static int policy_of(const void *memory, struct nodemask *ret_nodes)
{
	const int kept_errno = errno;
	int mode = 0;

	*ret_nodes = (struct nodemask) { { 0 } };
	if (syscall(SYS_get_mempolicy, &mode, ret_nodes->bits,
		    (unsigned long)NODEMASK_KERNEL_MAXNODE, memory, (unsigned long)MPOL_F_ADDR) < 0)
		mode = -errno;
	errno = kept_errno;
	return mode;
}

bool striper_has_policy(const void *memory)
{
	struct nodemask nodes;

	return policy_of(memory, &nodes) != MPOL_MODE_DEFAULT;
}

/* Asked first: a call that may move waits for every CPU, even if there is nothing to be moved. */
void striper_settle(void *touched)
{
	const int kept_errno = errno;
	struct nodemask nodes;
	int node, is;

	if (striper.huge_always && policy_of(touched, &nodes) == MPOL_MODE_PREFERRED &&
	    !syscall(SYS_move_pages, 0, 1UL, &touched, NULL, &is, 0)) {
		node = nodemask_next(&nodes, 0);
		if (is >= 0 && is != node)
			syscall(SYS_move_pages, 0, 1UL, &touched, &node, &is, MPOL_MF_MOVE);
	}
	errno = kept_errno;
}

void striper_wants_huge(void *memory, size_t bytes)
{
	struct nodemask nodes;

	if (!striper.huge_always && striper_knows(memory, bytes) &&
	    policy_of(memory, &nodes) == MPOL_MODE_PREFERRED)
		striper_fresh(memory, bytes, true);
}
