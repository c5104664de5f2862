/* SPDX-License-Identifier: MIT */
/*
 * libmpol: memory policy for heterogeneous-memory machines on stock Linux.
 *
 * Rules that hold for every call:
 *
 *   - Returns 0 (or a count) on success and a negative errno on failure.
 *     Nothing is printed, no exported variable steers anything, errno is not
 *     part of the interface.
 *   - A struct mpol_error, where one can be passed, is the caller's; NULL is
 *     fine.  It names what was attempted, on what, why it failed and what to do.
 *   - Results come back through the last parameters, named ret_*, and are
 *     untouched on failure.
 *   - Opaque objects have _new and _free; _free takes NULL.  Strings and
 *     arrays that an object hands out live as long as the object.
 *   - Any thread may call; one object must not be used by two threads at once.
 *
 * Words: a *node* is a NUMA node; a *policy* says on which nodes new pages of a
 * thread or of a range are put (set_mempolicy(2), mbind(2)); a thread's own
 * policy applies wherever a range has none.
 */
#ifndef MPOL_MPOL_H
#define MPOL_MPOL_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MPOL_API __attribute__((visibility("default")))

/* Node numbers are 0 to MPOL_NODES_MAX - 1; a full mask is MPOL_NODE_WORDS words. */
#define MPOL_NODES_MAX	1024
#define MPOL_NODE_WORDS (MPOL_NODES_MAX / (sizeof(unsigned long) * CHAR_BIT))

/* ---- Errors -------------------------------------------------------------- */

struct mpol_error {
	int code;	  /* negative errno, 0: no error */
	char step[64];	  /* what was attempted: "set_mempolicy", "attach", "read numa_maps" */
	char object[192]; /* on what: "thread 4243 of process 4240 (redis-server)" */
	char cause[256];  /* why it failed */
	char advice[256]; /* what to do about it; may be empty */
};

/* ---- Policies ------------------------------------------------------------ */

/* The kernel's numbers (include/uapi/linux/mempolicy.h). */
enum mpol_mode {
	MPOL_MODE_DEFAULT = 0,
	MPOL_MODE_PREFERRED = 1,
	MPOL_MODE_BIND = 2,
	MPOL_MODE_INTERLEAVE = 3,
	MPOL_MODE_LOCAL = 4,
	MPOL_MODE_PREFERRED_MANY = 5,
	MPOL_MODE_WEIGHTED_INTERLEAVE = 6,
};

/* Mode flags: the kernel's bits, but kept apart from the mode; and two of ours. */
#define MPOL_FLAG_BALANCING (1U << 13) /* MPOL_F_NUMA_BALANCING */
#define MPOL_FLAG_RELATIVE  (1U << 14) /* MPOL_F_RELATIVE_NODES */
#define MPOL_FLAG_STATIC    (1U << 15) /* MPOL_F_STATIC_NODES */
#define MPOL_FLAG_HOME_NODE (1U << 0)  /* mpol_args.home_node is meant */
#define MPOL_FLAG_EXACT	    (1U << 1)  /* before a get call: see mpol_process_get_mempolicy */

/*
 * Arguments of the set and get calls, after the kernel mailing list's
 * mempolicy2 proposals (29 Nov 2023, struct mpol_args).  Zero every field that
 * is not meant.
 *
 * The struct grows at its end.  Callers pass sizeof(struct mpol_args): a
 * shorter size than the library's means that the missing fields are zero; a
 * longer one is accepted if everything beyond is zero, else -E2BIG, as by
 * copy_struct_from_user() in the kernel.  A size below MPOL_ARGS_SIZE_VER0 is
 * -EINVAL.  A get call fills the fields that fit in the caller's size.
 */
struct mpol_args {
	uint16_t mode;	     /* enum mpol_mode */
	uint16_t mode_flags; /* MPOL_FLAG_*, never or'd into mode */
	int32_t home_node;   /* with MPOL_FLAG_HOME_NODE: the node to allocate nearest to */

	/*
	 * The policy's nodes: policy_maxnode bits, bit n of the array is node n.
	 * (The system calls' maxnode is one more: the library adds it.)
	 * Set: NULL or 0 bits is the empty mask.  Get: written if not NULL; must
	 * then have room for every possible node of the machine, else -EINVAL.
	 * Whole words are read and written, one page of them at most.
	 */
	unsigned long *policy_nodemask;
	uint64_t policy_maxnode;

	/* Get only: the nodes that the cpuset allows, written if not NULL; same size rule. */
	unsigned long *mems_allowed;
	uint64_t mems_maxnode;

	/* Get of a thread's policy only.  The next node of an interleave policy, or -1 where there
	 * is none or it cannot be read. */
	int32_t policy_node;
	/* Get of a range's policy only: the node of the page at addr, or -1 if no page is there. */
	int32_t vma_node;

	/*
	 * Weighted interleave only: policy_maxnode bytes, one per node, or NULL for
	 * the kernel's global weights (/sys/kernel/mm/mempolicy/weighted_interleave).
	 * 0 stands for the global weight of that node, whatever it is at the time.
	 * Others than the kernel's are for ranges and whole processes: see mpol_stripes_new.
	 * Get: written if not NULL, all 0: the kernel has no other weights.
	 */
	uint8_t *interleave_weights;

	struct mpol_error *error; /* the caller's, or NULL */
};

#define MPOL_ARGS_SIZE_VER0 64

/*
 * The calling thread's own policy: set_mempolicy(2), get_mempolicy(2).
 *
 * Set errors; the kernel's own where the kernel decides:
 *   -EINVAL      size below MPOL_ARGS_SIZE_VER0, unknown mode or flag, a flag
 *                that the mode does not take, a mask that the mode does not
 *                take, no node of the mask allowed, weights without weighted
 *                interleave
 *   -EOPNOTSUPP  a home node (the kernel keeps one for ranges only); weights that differ
 *                from the kernel's global ones: memory is the process's, not the thread's
 *   -EFAULT      the mask's words cannot be read
 *   -E2BIG       non-zero fields that this library does not know
 *   -ENOMEM
 * Get errors: -EINVAL, -E2BIG as above; -EINVAL (a mask too small, or longer
 * than a page); -EFAULT (a mask that cannot be written).
 *
 * What mode, flags and mask break by themselves is found first, then what home
 * node and weights do, then what the kernel says to nodes and ranges.
 *
 * Get of one's own shows the nodes as they were given where STATIC, RELATIVE or
 * BALANCING is set, else the effective ones.  A home node cannot be read from
 * the kernel: get calls leave home_node at -1 and never set MPOL_FLAG_HOME_NODE.
 */
MPOL_API int mpol_set_mempolicy(const struct mpol_args *args, size_t size);
MPOL_API int mpol_get_mempolicy(struct mpol_args *args, size_t size);

/*
 * The policy of a range of the calling process: mbind(2) without flags, then
 * set_mempolicy_home_node(2) with MPOL_FLAG_HOME_NODE.  addr must be page
 * aligned; length is rounded up to whole pages, and 0 changes nothing.  Get
 * reports mode default for a range without a policy of its own; it brings no
 * page in.  Errors as above and:
 *   -EINVAL      addr not aligned; no such home node
 *   -EFAULT      part of the range is not mapped (get: nothing at addr)
 *   -EOPNOTSUPP  a home node with a mode other than bind and prefer-many, or
 *                with a kernel older than 5.17
 *
 * Weights that differ from the kernel's are made of stripes (mpol_stripes_new): get then
 * reports prefer.  Errors of that, too: -EOPNOTSUPP, -ENOSPC.
 */
MPOL_API int mpol_set_vma_mempolicy(void *addr, size_t length, const struct mpol_args *args,
				    size_t size);
MPOL_API int mpol_get_vma_mempolicy(void *addr, struct mpol_args *args, size_t size);

/*
 * The same for another process, named by a pidfd (pidfd_open(2)).
 *
 * A pidfd opened with PIDFD_THREAD means that one thread.  Any other means the
 * process: set changes every thread, looking again until no new one appears;
 * get reads the thread group leader's (where that has ended, the first living
 * thread's).  The target makes the call itself, briefly stopped (ptrace(2));
 * whatever becomes of the caller meanwhile, the target goes on unharmed.
 * Getting stops nothing; it reads /proc, where the kernel shows effective nodes
 * and no next node of an interleave policy (and old kernels no balancing).  A
 * range without a policy of its own is reported as default where a thread with
 * another policy tells it apart, else with the threads' policy, which applies to it.
 * With MPOL_FLAG_EXACT in mode_flags before the call, the target asks the kernel
 * itself, in a stop as for setting: the answer is the one that it would get about
 * itself, with policy_node.  Other bits of mode_flags are not looked at.
 *
 * A pidfd of the caller's own process works too: the calling thread makes the
 * call as usual, its other threads like those of any process.
 *
 * Further errors:
 *   -EBADF       not a pidfd
 *   -ESRCH       the process or thread has ended
 *   -EPERM       the caller may not trace the target, or somebody else traces it
 *   -EACCES      the caller may not read the target's /proc files
 *   -EBUSY       a thread is stopped (job control) and has signals to handle first
 *   -ETIMEDOUT   a thread does not come out of the kernel (D state, vfork parent,
 *                frozen cgroup)
 *   -EOPNOTSUPP  a 32-bit target, a kernel thread, a target under seccomp
 *   -EAGAIN      the target makes threads faster than they can be changed
 *   -EOVERFLOW   get: the kernel shows only the beginning of so long a list of nodes
 * Weights that differ from the kernel's are for the process as a whole: its threads get the
 * kernel's own interleave, what is mapped is cut into stripes (mpol_stripes_new).  For one
 * thread of several they are refused (-EOPNOTSUPP).
 *
 * When some threads were changed and some could not be, the first failure is
 * returned and args->error says how many of how many were changed.  A policy
 * that the kernel refuses for the first thread is not tried on the others.
 *
 * Ranges are set one after the other.  Each is tried, whatever became of those
 * before it; the first failure is returned.
 */
MPOL_API int mpol_process_set_mempolicy(int pidfd, const struct mpol_args *args, size_t size);
MPOL_API int mpol_process_get_mempolicy(int pidfd, struct mpol_args *args, size_t size);
MPOL_API int mpol_process_set_vma_mempolicy(int pidfd, const struct iovec *ranges, size_t nr_ranges,
					    const struct mpol_args *args, size_t size);
MPOL_API int mpol_process_get_vma_mempolicy(int pidfd, uint64_t addr, struct mpol_args *args,
					    size_t size);

/* ---- Policies as values and as text --------------------------------------- */

struct mpol_policy {
	uint16_t mode;	     /* enum mpol_mode */
	uint16_t mode_flags; /* MPOL_FLAG_* */
	int32_t home_node;   /* with MPOL_FLAG_HOME_NODE */
	unsigned long nodes[MPOL_NODE_WORDS];
	uint8_t weights[MPOL_NODES_MAX]; /* weighted interleave; 0: the kernel's global weight */
};

struct mpol_topology;

/*
 * The one policy syntax of mpol (mpol-policy(7)):
 *
 *   default | local | bind:NODES | prefer:NODE | prefer-many:NODES |
 *   interleave:NODES | weighted:NODES | weighted:NODE=WEIGHT,…
 *
 * followed by any of +static +relative +balancing and ,home=NODE.  NODES is a
 * list such as 0-1,3 or "all": every node of the topology that has memory; a
 * weight may follow a range too (0-1=3).
 *
 * topology may be NULL: then "all" is refused and node numbers are checked
 * only against MPOL_NODES_MAX.  Errors: -EINVAL (not this syntax, a flag the
 * mode does not take, weight outside 1-255), -ENODEV (no such node, or a node
 * without memory), with the offending word in *error.
 */
MPOL_API int mpol_policy_parse(const char *text, const struct mpol_topology *topology,
			       struct mpol_policy *ret_policy, struct mpol_error *error);

/*
 * Writes the policy in that syntax, always terminated, cut if size is too
 * small.  Returns the whole text's length, as snprintf(3) does.
 */
MPOL_API size_t mpol_policy_format(const struct mpol_policy *policy, char *buffer, size_t size);

/* Points args at the policy's own fields; policy must outlive args. */
MPOL_API void mpol_policy_to_args(struct mpol_policy *policy, struct mpol_args *ret_args);

/*
 * "0-1,3" to a mask of MPOL_NODE_WORDS words and back.  parse: -EINVAL (no such form), -ERANGE
 * (number >= MPOL_NODES_MAX).  format: as mpol_policy_format.
 */
MPOL_API int mpol_nodes_parse(const char *text, unsigned long *ret_nodes);
MPOL_API size_t mpol_nodes_format(const unsigned long *nodes, char *buffer, size_t size);

/* ---- Topology -------------------------------------------------------------- */

enum mpol_memory_kind {
	MPOL_MEMORY_UNKNOWN,
	MPOL_MEMORY_DRAM,
	MPOL_MEMORY_HBM,
	MPOL_MEMORY_CXL,
	MPOL_MEMORY_PMEM,
};

/* A memory-side cache in front of a node (Documentation/admin-guide/mm/numaperf.rst). */
struct mpol_memory_cache {
	uint64_t size_bytes;
	uint32_t line_bytes;
	uint32_t level;	       /* 1 is nearest to the memory, higher ones nearer to the CPUs */
	int32_t indexing;      /* 0 direct-mapped, 1 indexed, -1 unknown */
	int32_t write_through; /* 0 write-back, 1 write-through, -1 unknown */
};

struct mpol_node {
	int32_t id;
	int32_t has_memory;
	int32_t has_cpu;
	int32_t tier;	       /* mpol's own: 0 is the fastest, -1: a node without memory */
	int32_t kernel_tier;   /* N of memory_tierN, -1: the kernel names none */
	int32_t kernel_weight; /* weighted interleave weight, -1: kernel without weights */
	enum mpol_memory_kind kind;
	int32_t kind_guessed; /* 1: nobody states the kind, it follows from the performance */
	uint64_t capacity_bytes;
	uint64_t free_bytes;
	const char *cpus; /* list form, "" if none */
	const struct mpol_memory_cache *caches;
	size_t nr_caches;
};

/* What an initiator sees of a target; a field is 0 where the machine does not say. */
struct mpol_performance {
	uint32_t read_latency_ns;
	uint32_t write_latency_ns;
	uint64_t read_bandwidth_bytes;	/* per second */
	uint64_t write_bandwidth_bytes; /* per second */
	int32_t implausible; /* 1: stated, but cannot be true; a finding says why.  Do not use. */
};

/* Something about the machine's description that the user should know. */
struct mpol_finding {
	int32_t node; /* -1: the machine as a whole */
	const char *text;
};

/*
 * Reads the running machine, or the recorded /sys and /proc below root.
 * root: a directory, NULL for "/".
 * Errors: -ENOENT (no such directory, or no NUMA information below it),
 * -EBADMSG (a file that the kernel cannot have written), -EACCES, -EAGAIN
 * (nodes keep coming and going), -ENOMEM.
 */
MPOL_API int mpol_topology_new(const char *root, struct mpol_topology **ret_topology,
			       struct mpol_error *error);

/*
 * Reads a described machine: the one that mpol_machine_name knows by that name,
 * else a file, YAML (mpol-machine(5)) or, by its content, the XML that
 * hwloc's lstopo(1) writes, versions 2 and 3.  Anybody's may be read.
 * Errors: -ENOENT (neither), -EBADMSG (line in *error), -EINVAL (an impossible
 * machine), -ENOMEM.
 */
MPOL_API int mpol_topology_new_from_file(const char *path_or_name,
					 struct mpol_topology **ret_topology,
					 struct mpol_error *error);

/* The machines known by name, real ones and the lab's, in ascending order; NULL past the last. */
MPOL_API const char *mpol_machine_name(size_t index);

MPOL_API void mpol_topology_free(struct mpol_topology *topology);

/* The machine's host name or its description's name; "" where there is none. */
MPOL_API const char *mpol_topology_name(const struct mpol_topology *topology);

/* A sentence for people, "" where the machine has none. */
MPOL_API const char *mpol_topology_description(const struct mpol_topology *topology);

/*
 * The nodes that exist or may come to exist (hotplug), MPOL_NODE_WORDS words.
 * The kernel's masks have room for the highest of them.
 */
MPOL_API void mpol_topology_possible(const struct mpol_topology *topology,
				     unsigned long *ret_nodes);

/* Nodes in ascending order of id; ids may have gaps.  NULL: no such index, no such node. */
MPOL_API size_t mpol_topology_nr_nodes(const struct mpol_topology *topology);
MPOL_API const struct mpol_node *mpol_topology_node(const struct mpol_topology *topology,
						    size_t index);
MPOL_API const struct mpol_node *mpol_topology_node_by_id(const struct mpol_topology *topology,
							  int id);

/* SLIT distance (10 is local) between two node ids, -1 if unknown. */
MPOL_API int mpol_topology_distance(const struct mpol_topology *topology, int from, int to);

/* What CPUs of node initiator see of node target.  0, or -ENOENT if nothing is stated. */
MPOL_API int mpol_topology_performance(const struct mpol_topology *topology, int initiator,
				       int target, struct mpol_performance *ret_performance);

MPOL_API size_t mpol_topology_nr_findings(const struct mpol_topology *topology);
MPOL_API const struct mpol_finding *mpol_topology_finding(const struct mpol_topology *topology,
							  size_t index);

/* ---- Which processes --------------------------------------------------------- */

/* A set of processes by what they have in common.  Exactly one of the fields after size. */
struct mpol_selector {
	size_t size; /* sizeof(struct mpol_selector) */
	/* The processes of a cgroup (v2) and of those below it: a path as systemd shows it, such as
	 * "system.slice/postgresql.service", with or without "/" or "/sys/fs/cgroup/" before it.
	 * Not the root. */
	const char *cgroup;
	/* The same for a systemd unit, such as "postgresql.service"; without a suffix it may be a
	 * service, a scope or a slice. */
	const char *unit;
	/* Those whose command line, arguments separated by blanks, matches the POSIX extended
	 * regular expression (regex(7)); a part of it is enough. */
	const char *match;
	pid_t tree; /* this process, or that of this thread, and all its descendants */
};

struct mpol_selected {
	pid_t pid;
	uint64_t start_ticks; /* as mpol_process_start_ticks: pids are used again */
};

/* Result of mpol_select; free it with mpol_selection_free. */
struct mpol_selection {
	size_t nr_processes;
	struct mpol_selected *processes; /* in ascending order of pid */
};

/*
 * The processes that the selector means now.  Never kernel threads, processes
 * that have ended and wait for their parent, or the calling process; match never
 * means the caller's ancestors either, whose command lines often quote the
 * expression (sudo, sh -c).  A fork copies policies, so whoever changes them
 * selects again until there is nobody new.
 * root: a directory with a recorded /proc and /sys/fs/cgroup, NULL for "/".
 * Errors: -EINVAL (not exactly one field; no path, unit name or expression), -E2BIG,
 * -ENOENT (no such cgroup or unit), -ENOTUNIQ (several units of that name, listed
 * in the advice), -EOPNOTSUPP (no cgroup v2; a threaded cgroup), -ESRCH (it means
 * nobody, or no such process), -EACCES, -EBADMSG, -ENOMEM.
 */
MPOL_API int mpol_select(const char *root, const struct mpol_selector *selector,
			 struct mpol_selection *ret_selection, struct mpol_error *error);
MPOL_API void mpol_selection_free(struct mpol_selection *selection);

/* ---- Another process, as seen from outside ---------------------------------- */

struct mpol_process;

struct mpol_thread {
	pid_t tid;
	char name[16];
	char state;	      /* proc_pid_stat(5): R, S, D, T, t, Z, … */
	uint64_t start_ticks; /* with tid, names it once and for all */
	/* As the kernel shows it in numa_maps: effective nodes.  NULL: could not be read. */
	const struct mpol_policy *policy;
	unsigned long mems_allowed[MPOL_NODE_WORDS];
};

struct mpol_vma {
	uint64_t start, end; /* addresses, end exclusive */
	char permissions[5]; /* "rw-p" */
	const char *name;    /* file, [heap], [stack], … or "" */
	/* 1: the range has its own policy; 0: the thread's applies; -1: they cannot be told
	 * apart, because every thread's policy is the one shown. */
	int32_t has_policy;
	const struct mpol_policy *policy; /* the one that applies */
	uint64_t page_bytes;	       /* kernel page size of the mapping; 0: nothing is resident */
	const uint64_t *bytes_by_node; /* indexed as mpol_process_nodes, resident bytes */
};

#define MPOL_PROCESS_THREADS (1U << 0)
#define MPOL_PROCESS_VMAS    (1U << 1)

/*
 * Takes a picture of a process: its threads' policies, its ranges, where its
 * memory is.  Stops nothing.  what: MPOL_PROCESS_*; the sums by node are always
 * there.  pid may be any thread's id.  root: a directory with a recorded /proc,
 * NULL for "/".  Cost: one walk of the page tables, with MPOL_PROCESS_THREADS
 * one for each thread.
 * Errors: -ESRCH (none such, or it has ended), -EACCES (may not read it),
 * -EOPNOTSUPP (a kernel thread), -EBADMSG, -ENOMEM.
 */
MPOL_API int mpol_process_new(const char *root, pid_t pid, unsigned int what,
			      struct mpol_process **ret_process, struct mpol_error *error);
MPOL_API void mpol_process_free(struct mpol_process *process);

MPOL_API pid_t mpol_process_pid(const struct mpol_process *process);
MPOL_API const char *mpol_process_name(const struct mpol_process *process);

/* When it started, in clock ticks since boot: with the pid, names it once and for all. */
MPOL_API uint64_t mpol_process_start_ticks(const struct mpol_process *process);

/* The nodes that hold memory of the process or are allowed to: the index of bytes_by_node. */
MPOL_API size_t mpol_process_nr_nodes(const struct mpol_process *process);
MPOL_API int mpol_process_node(const struct mpol_process *process, size_t index);
MPOL_API uint64_t mpol_process_node_bytes(const struct mpol_process *process, size_t index);

MPOL_API size_t mpol_process_nr_threads(const struct mpol_process *process);
MPOL_API const struct mpol_thread *mpol_process_thread(const struct mpol_process *process,
						       size_t index);
MPOL_API size_t mpol_process_nr_vmas(const struct mpol_process *process);
MPOL_API const struct mpol_vma *mpol_process_vma(const struct mpol_process *process, size_t index);

/* Neighbouring pages of one range, all on one node. */
struct mpol_page_run {
	uint64_t start, end; /* addresses, end exclusive */
	int32_t node;
	/* The run is made of pieces of this size, each of which the kernel keeps and moves as a
	 * whole: base pages, transparent huge pages, pages of hugetlbfs.  A caller who may not
	 * see physical page numbers is told of transparent huge pages from Linux 6.7 on. */
	uint64_t unit_bytes;
	const struct mpol_vma *vma; /* the range; lives as long as the mpol_process */
};

/*
 * Tells where each page between two addresses is now, as move_pages(2) would
 * answer, several times faster for who has CAP_SYS_ADMIN.  The ranges are those
 * of the picture, which was taken with MPOL_PROCESS_VMAS; all of it: 0 and
 * UINT64_MAX.  run is called in the order of addresses; a result other than 0
 * ends the walk.  Stops nothing: pages that move meanwhile may be told of
 * where they were.
 *
 * Returns 0, or what run returned if that was not 0 (let it be positive, to
 * tell it from an error).  Errors: -ESRCH (it has ended, runs another program,
 * or was read from a recorded tree), -EACCES, -EPERM (may not look into it), -ENOMEM.
 */
MPOL_API int mpol_process_pages(const struct mpol_process *process, uint64_t start, uint64_t end,
				int (*run)(const struct mpol_page_run *run, void *user), void *user,
				struct mpol_error *error);

/* What a way of seeing accesses does, and whether it is there. */
#define MPOL_TRACKER_WORKS     (1U << 0) /* here and now, for the caller */
#define MPOL_TRACKER_CHOSEN    (1U << 1) /* what mpold would take, run by the caller */
#define MPOL_TRACKER_AUTOMATIC (1U << 2) /* mpold takes it without being asked for it */
#define MPOL_TRACKER_READS     (1U << 3) /* sees reads; all see writes */
#define MPOL_TRACKER_GUESTS    (1U << 4) /* sees what KVM guests of a process access */

/* A way in which mpold can see which pages are accessed: mpold(8), TRACKERS. */
struct mpol_tracker_kind {
	const char *name;	  /* as mpold --tracker takes it */
	const char *summary;	  /* one line */
	const char *side_effects; /* what else changes while it is at work */
	unsigned int flags;	  /* MPOL_TRACKER_* */
	/* Seen apart, in base pages; 0: regions of any size. */
	uint32_t granularity_pages;
	/* About, per page: to clear, to scan, and for the process at its next access. */
	uint32_t clear_ns, scan_ns, fault_ns;
	/* Without MPOL_TRACKER_WORKS: what is missing, and what to do about it. */
	const struct mpol_error *missing;
};

struct mpol_tracker_list;

/*
 * All of them, the best first, tried on the calling process; free it with
 * mpol_tracker_list_free.  Changes no setting of the kernel's.  Errors: -ENOMEM, and those of
 * open(2).
 */
MPOL_API int mpol_tracker_list_new(struct mpol_tracker_list **ret_list, struct mpol_error *error);
MPOL_API void mpol_tracker_list_free(struct mpol_tracker_list *list);
MPOL_API size_t mpol_tracker_list_nr(const struct mpol_tracker_list *list);
MPOL_API const struct mpol_tracker_kind *mpol_tracker_list_at(const struct mpol_tracker_list *list,
							      size_t index);

struct mpol_tracker;

/*
 * Follows which pages a process writes, from now on; free it with
 * mpol_tracker_free.  It sees what the kernel's soft-dirty bits show (kernel
 * documentation, admin-guide/mm/soft-dirty.rst): writes, not reads; a huge page as a whole.
 * Every sample makes the process's next write to each page take a minor fault.
 * Another user of the bits (CRIU) and this one disturb each other.
 *
 * pidfd stays the caller's and may be closed.  Errors: -EBADF, -ESRCH, -EACCES,
 * -EPERM (may not look into it), -EOPNOTSUPP (a kernel thread, or a kernel built without
 * CONFIG_MEM_SOFT_DIRTY), -ENOMEM.
 */
MPOL_API int mpol_tracker_new(int pidfd, struct mpol_tracker **ret_tracker,
			      struct mpol_error *error);
MPOL_API void mpol_tracker_free(struct mpol_tracker *tracker);

/*
 * Calls run for what was written since the last sample: addresses of whole base
 * pages, end exclusive, in their order.  A result other than 0 ends the walk, and the next sample
 * tells of the same pages again.
 *
 * Returns 0, or what run returned if that was not 0 (let it be positive).
 * Errors: -ESRCH (it has ended or runs another program), -EACCES, -EPERM, -ENOMEM.
 */
MPOL_API int mpol_tracker_sample(struct mpol_tracker *tracker,
				 int (*run)(uint64_t start, uint64_t end, void *user), void *user,
				 struct mpol_error *error);

/*
 * Ranges of a process (with MPOL_PROCESS_VMAS) by address or by name, separated
 * by commas:
 *
 *   0xSTART-0xEND | 0xSTART+SIZE | heap | stack | anon | shm | file:PATTERN | all
 *
 * heap and stack are the kernel's [heap] and [stack]; anon is private memory of
 * no file; shm is shared memory of tmpfs, memfd and System V; a file's PATTERN
 * (glob(7)) is compared with its path and with its base name.  Mappings of the
 * kernel ([vdso] and so on) and what mpol itself left there are never meant.
 * *ret_ranges: ascending parts of mappings, each within one; free(3) it.
 * Errors: -EINVAL (not of that form, not whole pages), -EFAULT (addresses that
 * are not mapped), -ENOENT (nothing of that name; at addresses only mappings
 * that are never meant), -ENOMEM.
 */
MPOL_API int mpol_process_ranges(const struct mpol_process *process, const char *text,
				 struct iovec **ret_ranges, size_t *ret_nr,
				 struct mpol_error *error);

/* Whether text has that form: 0, or -EINVAL. */
MPOL_API int mpol_ranges_check(const char *text, struct mpol_error *error);

/* ---- Weights of a process's own: stripes ---------------------------------------- */

/*
 * The kernel interleaves by one table of weights.  Others are made of stripes: private anonymous
 * memory is cut where the kernel's formula with these weights would go on to another node, and
 * each piece prefers its node.  Pages allocated afterwards are where a kernel with these weights
 * would put them, those of one stripe together, as if they were one page (mpol-policy(7)).  A
 * process gets 4,096 more ranges at most, and no more than a quarter of what vm.max_map_count
 * leaves; so larger ranges get coarser stripes.
 */
struct mpol_stripes;

/* What is to become of one range, and what became of it. */
struct mpol_stripes_range {
	uint64_t start, end;
	uint64_t stripe_bytes; /* 0: too small for its share of them, left as it is */
	uint64_t nr_pieces;    /* that prefer one node each */
	int32_t code;	       /* once carried out: 0, or negative errno; -EFAULT: it had gone */
};

struct mpol_stripes_result {
	uint64_t nr_ranges;	 /* that were cut */
	uint64_t nr_pieces;	 /* into so many, with a node each */
	uint64_t bytes;		 /* of these */
	uint64_t left_bytes;	 /* too small to be cut */
	uint64_t vanished_bytes; /* unmapped, or made something else, before it was their turn */
	uint64_t nr_stops;
	uint64_t longest_stop_ns, total_stop_ns; /* until the calls were seen to be done */
};

/*
 * Plans stripes for a process, of which the picture was taken on this machine with
 * MPOL_PROCESS_VMAS, and must outlive the plan: changes nothing.  ranges: these, which are private
 * anonymous memory from end to end; NULL: all of the process's but stacks, what may not be
 * accessed, and ranges with a policy of their own that is not stripes.
 *
 * *ret_stripes is NULL where none are needed: another mode, or the weights are the kernel's own.
 * Errors: -EINVAL (no node that the cpuset allows has memory), -EFAULT (a range, or part of it, is
 * not mapped), -EOPNOTSUPP (a range is not private anonymous memory; flags of the policy; a
 * weight of 0 where the kernel has none), -ENOSPC (the process has so many ranges already that
 * these could not be cut), -ENOMEM.
 */
MPOL_API int mpol_stripes_new(const struct mpol_process *process, const struct mpol_policy *policy,
			      const struct iovec *ranges, size_t nr_ranges,
			      struct mpol_stripes **ret_stripes, struct mpol_error *error);
MPOL_API void mpol_stripes_free(struct mpol_stripes *stripes);

/* Neighbours are one range, in ascending order; NULL past the last. */
MPOL_API size_t mpol_stripes_nr_ranges(const struct mpol_stripes *stripes);
MPOL_API const struct mpol_stripes_range *mpol_stripes_range(const struct mpol_stripes *stripes,
							     size_t index);

/* For the threads, and the rest of the memory: the kernel's own interleave over these nodes. */
MPOL_API const struct mpol_policy *mpol_stripes_thread_policy(const struct mpol_stripes *stripes);

/*
 * Cuts the ranges, in calls that take the target a few milliseconds each.  Of a range that is no
 * longer mapped, or is no private anonymous memory any more, nothing is changed; of those that
 * are left in part, that part is cut.
 * Returns 0 also where ranges had gone.  Errors: those of mpol_process_set_vma_mempolicy; what was
 * cut before is told in *ret_result, which is always filled.
 */
MPOL_API int mpol_stripes_carry_out(struct mpol_stripes *stripes, int pidfd,
				    struct mpol_stripes_result *ret_result,
				    struct mpol_error *error);

/* Ranges of a picture that are stripes of one policy, known by their looks. */
struct mpol_striped {
	size_t first_vma, nr_vmas; /* as mpol_process_vma counts them */
	uint64_t start, end;
	uint64_t stripe_bytes;
	/* The smallest weights that cut so: 6:2 in stripes of 4 KiB are 3:1 in stripes of 8 KiB. */
	const struct mpol_policy *policy;
};

/* In ascending order; NULL past the last. */
MPOL_API const struct mpol_striped *mpol_process_striped(const struct mpol_process *process,
							 size_t index);

/* ---- A home node for a process --------------------------------------------------- */

/*
 * The kernel keeps a home node for ranges alone, not for threads.  So a policy with one, for a
 * whole process, is given to the ranges that it has, and its threads get what is nearest to it, by
 * which goes the memory that it maps later.
 */
struct mpol_home {
	struct mpol_policy thread_policy;
	/* 1: it is prefer:HOME, so later memory comes from the home node too, while that has room;
	 * after it from what is nearest, of the policy's nodes or not.  0: it is the policy without
	 * the home node, so later memory comes from the policy's node nearest to the CPU. */
	int32_t threads_at_home;
	/* 1: ranges get the home node.  0: this kernel has none (before Linux 5.17), and the
	 * threads' policy serves all. */
	int32_t by_kernel;
	/* Those that get it: all private memory of the process, writable or anonymous, without a
	 * policy of its own, or with this one, of whatever home. */
	struct iovec *ranges;
	size_t nr_ranges;
	uint64_t bytes; /* of these */
};

/*
 * Plans that for a process, of which the picture was taken on this machine with MPOL_PROCESS_VMAS:
 * changes nothing.  mpol_process_apply with thread_policy, and mpol_process_apply_ranges with
 * ranges, unless there are none, and the policy carry it out.
 *
 * *ret_home is NULL where the policy has no home node; free it with mpol_home_free.
 * Errors: those of mpol_set_vma_mempolicy for the policy, -ENOMEM.
 */
MPOL_API int mpol_home_new(const struct mpol_process *process, const struct mpol_policy *policy,
			   struct mpol_home **ret_home, struct mpol_error *error);
MPOL_API void mpol_home_free(struct mpol_home *home);

/* ---- Changing the policy of every thread, with a report ---------------------- */

struct mpol_thread_result {
	pid_t tid;
	int32_t code;	  /* 0 or negative errno */
	uint64_t stop_ns; /* from asking it to stop until it ran again; 0: was never stopped */
};

/* Result of mpol_process_apply; free it with mpol_report_free. */
struct mpol_report {
	size_t nr_threads;
	size_t nr_changed;
	uint64_t longest_stop_ns;
	struct mpol_thread_result *threads;
	struct mpol_stripes_result stripes; /* all 0: none were needed */
};

/*
 * mpol_process_set_mempolicy with a result per thread.  tid: only that thread
 * of the process; 0: those that the pidfd means.  Returns 0 if every thread was
 * changed, else the first failure; *ret_report is filled whenever the target
 * could be looked at (also on such a failure), else it is zeroed.  Threads that
 * ended meanwhile are not in it.
 */
MPOL_API int mpol_process_apply(int pidfd, pid_t tid, const struct mpol_args *args, size_t size,
				struct mpol_report *ret_report);
MPOL_API void mpol_report_free(struct mpol_report *report);

/*
 * mpol_process_set_vma_mempolicy with a result per range: 0 or negative errno,
 * where it was tried; -ECANCELED where it was not.
 */
MPOL_API int mpol_process_apply_ranges(int pidfd, const struct iovec *ranges, size_t nr_ranges,
				       const struct mpol_args *args, size_t size,
				       int32_t *ret_codes);

/* ---- Interleave weights ------------------------------------------------------------ */

/* What the CPUs of one node were measured to get, in bytes per second. */
struct mpol_bandwidth {
	int32_t initiator;
	int32_t target; /* -1: all nodes with memory at once, pages going round */
	uint64_t read_bytes;
	uint64_t write_bytes; /* past the caches */
	uint64_t mixed_bytes; /* two bytes read for one written, together */
};

/* Measured bandwidths of the running machine. */
struct mpol_bandwidths;

typedef void mpol_progress_fn(size_t nr_done, size_t nr_all, void *user);

/*
 * Measures them: from each node with CPUs that the caller may run on, to each node with memory and
 * to all together, with a thread on each CPU, in about time_ns besides what making memory ready
 * takes. topology is the running machine's.  progress, if not NULL, hears of each that is done.
 * Errors: -ENOMEM (too little is free: a quarter of that must do, and not fit into the caches),
 * -ENODEV (no CPUs, no memory), those of mbind(2) and sched_setaffinity(2).
 */
MPOL_API int mpol_bandwidths_measure(const struct mpol_topology *topology, uint64_t time_ns,
				     mpol_progress_fn *progress, void *user,
				     struct mpol_bandwidths **ret_bandwidths,
				     struct mpol_error *error);
MPOL_API void mpol_bandwidths_free(struct mpol_bandwidths *bandwidths);

/*
 * Keeps them in a file, with the machine's identity; reads them again.
 * Errors: those of open(2), write(2), rename(2); loading: -ENOENT (none were kept), -EBADMSG,
 * -ESTALE (of another machine, or this one has been changed since), -ENOMEM.
 */
MPOL_API int mpol_bandwidths_save(const struct mpol_bandwidths *bandwidths, const char *path,
				  struct mpol_error *error);
MPOL_API int mpol_bandwidths_load(const char *path, const struct mpol_topology *topology,
				  struct mpol_bandwidths **ret_bandwidths,
				  struct mpol_error *error);

MPOL_API size_t mpol_bandwidths_nr(const struct mpol_bandwidths *bandwidths);
MPOL_API const struct mpol_bandwidth *mpol_bandwidths_at(const struct mpol_bandwidths *bandwidths,
							 size_t index);
/* When they were measured, in seconds since 1970. */
MPOL_API int64_t mpol_bandwidths_time(const struct mpol_bandwidths *bandwidths);

/* What weights are to be derived for.  Zero-initialise; all zero but initiator is the usual. */
struct mpol_weights_wish {
	int32_t initiator;	    /* the node of CPUs that ask; -1: those of all nodes */
	uint32_t reads, writes;	    /* the mix of bytes that reach memory; both 0: two to one */
	const unsigned long *nodes; /* MPOL_NODE_WORDS words: only these; NULL: all with memory */
	const struct mpol_bandwidths *measured; /* instead of what is stated; NULL: none were */
};

/* A node with memory, and what became of it. */
struct mpol_weights_node {
	int32_t node;
	int32_t initiator; /* whose CPUs see these bandwidths; -1: none is believed */
	uint32_t weight;   /* 1 to 255; 0: left out */
	uint64_t read_bytes, write_bytes; /* per second, as used; 0: none is believed */
	uint64_t capacity_bytes;	  /* per second, of the mix */
	uint32_t wanted_ppm;		  /* its share of the pages, by bandwidth alone */
	uint32_t given_ppm;		  /* and by the weights */
	const char *reason;
};

/* All of them together. */
struct mpol_weights_total {
	uint64_t bytes;		/* per second, what an interleave with the weights delivers */
	uint64_t optimum_bytes; /* what no weights, of any size, exceed */
	uint32_t loss_ppm;	/* what rounding to small weights costs of that */
	uint32_t nr_unknown;	/* nodes without a believed bandwidth */
};

struct mpol_weights;

/*
 * Weights for weighted interleave from the bandwidths that the topology states: small, with no
 * common divisor, and none that slows down the whole.  Where firmware states nonsense, it is not
 * used, and the node's reason says so: such nodes have weight 0, as have those that are too
 * slow for a weight of 1.
 *
 * Of one initiator, or of all: then each node counts with what the CPUs nearest to it see.
 *
 * Returns 0 also where nothing is known of some nodes, or of all (nr_unknown): see their reasons.
 * Errors: -ENODEV (no such initiator, or one without CPUs; a node of wish->nodes that has
 * no memory), -ENOMEM.
 */
MPOL_API int mpol_weights_derive(const struct mpol_topology *topology,
				 const struct mpol_weights_wish *wish,
				 struct mpol_weights **ret_weights, struct mpol_error *error);
MPOL_API void mpol_weights_free(struct mpol_weights *weights);

/* In ascending order of node ids; NULL past the last.  Theirs as long as the weights live. */
MPOL_API size_t mpol_weights_nr_nodes(const struct mpol_weights *weights);
MPOL_API const struct mpol_weights_node *mpol_weights_node(const struct mpol_weights *weights,
							   size_t index);
MPOL_API const struct mpol_weights_total *mpol_weights_total(const struct mpol_weights *weights);

/* The kernel's one table of weights, which weighted:NODES goes by. */
struct mpol_kernel_weights {
	uint8_t weights[MPOL_NODES_MAX]; /* 0: the kernel has none for the node */
	int32_t automatic; /* 1: the kernel derives them (Linux 6.16); 0: not; -1: it cannot */
};

/*
 * Reads the table, of the running kernel or below root.
 * Errors: -EOPNOTSUPP (a kernel before 6.9), -EBADMSG (not what the kernel writes), -ENOENT (no
 * such root), -ENOMEM, or another errno of openat(2) or read(2).
 */
MPOL_API int mpol_kernel_weights_read(const char *root, struct mpol_kernel_weights *ret_weights,
				      struct mpol_error *error);

/*
 * Writes the weights that are not 0, and automatic 0; or, where weights->automatic is 1, lets the
 * kernel derive them (one that cannot gets the weights).  All or nothing: what was written before
 * a write that fails is taken back.
 * Errors: as for reading; -ENODEV (a node that the kernel has no weight for), -EACCES, those of
 * write(2), -EIO (the kernel shows another weight afterwards).
 */
MPOL_API int mpol_kernel_weights_write(const char *root, const struct mpol_kernel_weights *weights,
				       struct mpol_error *error);

/* ---- Which ranges drive bandwidth --------------------------------------------------- */

/* What to look at, and how.  Zero-initialise, then set size, policy and ranges. */
struct mpol_traffic_options {
	size_t size;			  /* sizeof(struct mpol_traffic_options) */
	const struct mpol_policy *policy; /* an interleave */
	/* Whole pages, ascending: mpol_process_ranges. */
	const struct iovec *ranges;
	size_t nr_ranges;
	const char *tracker; /* by name; NULL: the one that mpold would take */
	uint64_t time_ns;    /* for so long; 0: two seconds */
	/* All of its traffic per second, where something has counted it (a performance counter,
	 * resctrl); 0: what is seen. */
	uint64_t bytes;
	const struct mpol_bandwidths *measured; /* instead of what is stated; NULL: none were */
};

/* Memory of the ranges, and what it is worth to interleave it. */
struct mpol_traffic_range {
	uint64_t start, end;
	/* Per second: of runs of neighbouring pages accessed within moments, all of them; and a
	 * cache line of each other page. */
	uint64_t streamed_bytes, strewn_bytes;
	int32_t drives;	    /* 1: interleaving it makes the process faster */
	const char *reason; /* why, or why not */
};

/* All ranges together; bytes per second.  What would flow is the simulator's model. */
struct mpol_traffic_total {
	uint64_t bytes;		 /* traffic, as seen or as told */
	uint64_t capacity_bytes; /* what local memory delivers */
	uint64_t local_bytes;	 /* would flow with all ranges in local memory */
	uint64_t chosen_bytes;	 /* with those interleaved that drive; never less */
	uint64_t all_bytes;	 /* with all interleaved */
	uint64_t nr_driving;
	uint32_t nr_looks;
	const char *tracker;
	int32_t sees_reads; /* 0: only what is written was seen */
};

struct mpol_traffic;

/*
 * Watches for a while which pages of the ranges are accessed, and finds those for which an
 * interleave by the policy, over several nodes, brings more bandwidth than local memory has; for
 * all others it would only make each access slower (mpol-bind(1), WHAT DRIVES BANDWIDTH).  Local is
 * the memory nearest to the CPUs that the threads ran on last.  Changes nothing but what the
 * tracker's side effects are.
 *
 * process is a picture with MPOL_PROCESS_THREADS, pidfd is its process.  Blocks for as long as it
 * watches.
 * *ret_traffic: free it with mpol_traffic_free.
 *
 * Errors: -EINVAL (a policy that does not interleave; no such tracker; ranges that are not whole
 * pages), -E2BIG (options of a newer libmpol), -ENODATA (of a node no bandwidth is known and
 * believed), -EOPNOTSUPP (no tracker works here, or not the one named, or not for a process with
 * KVM guests), -ESRCH, -EACCES, -EPERM, -ENOMEM.
 */
MPOL_API int mpol_traffic_new(const struct mpol_process *process, int pidfd,
			      const struct mpol_traffic_options *options,
			      struct mpol_traffic **ret_traffic, struct mpol_error *error);
MPOL_API void mpol_traffic_free(struct mpol_traffic *traffic);

/*
 * Pieces of the ranges of which the same is said, ascending; they need not end where ranges do that
 * touch.  NULL past the last.  Theirs as long as the traffic lives.
 */
MPOL_API const struct mpol_traffic_range *mpol_traffic_range(const struct mpol_traffic *traffic,
							     size_t index);
MPOL_API const struct mpol_traffic_total *mpol_traffic_total(const struct mpol_traffic *traffic);

/* ---- The journal of changes, taking back, putting right ------------------------- */

/*
 * A journal keeps what was intended and what it replaced, on disk before the
 * change is made, so that it can be taken back whatever is killed when
 * (mpol-journal(5)).  Changes are those of processes of this boot, and of the
 * kernel's interleave weights.
 */
struct mpol_journal;

/*
 * What a change replaced for one thread (tid not 0) or one range; or, in a change of the kernel's
 * weights, the weights, and after them "default" if the kernel had derived them itself.
 */
struct mpol_replaced {
	pid_t tid;
	uint64_t start_ticks;		  /* of the thread, as in struct mpol_thread */
	uint64_t start, end;		  /* of the range: addresses, end exclusive */
	const struct mpol_policy *policy; /* a range without its own: default */
};

struct mpol_change {
	uint64_t id;	 /* from 1; given by the journal */
	int64_t time_s;	 /* since 1970; given by the journal */
	uid_t uid;	 /* whose doing; given by the journal */
	uint64_t undoes; /* the id of the change that this one took back, or 0 */
	/* The id of the change that this one made again, or 0.  It intends nothing of its own. */
	uint64_t reapplies;
	int32_t is_undone; /* given by the journal */
	int32_t is_ended;  /* 0: whoever made it was stopped in the middle; given by the journal */
	uint64_t nr_done;  /* threads or ranges changed, once it is ended */
	const char *verb;
	pid_t pid;	      /* 0: the kernel's weights were changed, to those of intended */
	uint64_t start_ticks; /* mpol_process_start_ticks */
	const char *name;     /* of the process */
	pid_t tid;	      /* the one thread that was meant, or 0: all, or ranges */
	const struct mpol_policy *intended;
	const struct mpol_replaced *replaced;
	size_t nr_replaced;
};

/*
 * Opens a journal; writable: makes the file unless it is there.  Changes can be
 * looked at in either case.  A file that is not there is an empty journal.
 * Errors: those of open(2) and read(2), -EPERM (the file belongs to somebody
 * else or others may write it), -ENOMEM.  What is damaged is passed over.
 */
MPOL_API int mpol_journal_open(const char *path, int writable, struct mpol_journal **ret_journal,
			       struct mpol_error *error);
MPOL_API void mpol_journal_free(struct mpol_journal *journal);

/*
 * Records a change that is about to be made: on disk when this returns.
 * The fields given by the journal are ignored.  Where it fails nothing is
 * recorded, and the change should not be made.
 * Errors: -errno of write(2) and fsync(2), -EBADF (not writable), -E2BIG, -ENOMEM.
 */
MPOL_API int mpol_journal_begin(struct mpol_journal *journal, const struct mpol_change *change,
				uint64_t *ret_id, struct mpol_error *error);

/* Records that it was made, for nr_done threads or ranges. */
MPOL_API int mpol_journal_end(struct mpol_journal *journal, uint64_t id, uint64_t nr_done,
			      struct mpol_error *error);

/* Oldest first.  Valid until the next mpol_journal_begin or _end. */
MPOL_API size_t mpol_journal_nr_changes(const struct mpol_journal *journal);
MPOL_API const struct mpol_change *mpol_journal_change(const struct mpol_journal *journal,
						       size_t index);

/* One thread or range that is to get another policy. */
struct mpol_correction {
	uint64_t change_id; /* whose policy it is */
	pid_t tid;	    /* 0: a range */
	uint64_t start_ticks;
	uint64_t start, end;
	const struct mpol_policy *shown;  /* what it has, as the kernel shows it */
	const struct mpol_policy *wanted; /* what it is to get */
	/* 0: it is to be corrected, or was; -ECANCELED: it is left alone, because somebody else
	 * has changed it since; -EACCES: the cpuset allows none of its nodes; else the negative
	 * errno of trying. */
	int32_t code;
};

/* What is to be done to a process.  The change and the process must outlive it. */
struct mpol_plan;

#define MPOL_PLAN_FORCE (1U << 0) /* undo: also what somebody else has changed since */

/*
 * What taking the change back means for the process as it is now (with
 * MPOL_PROCESS_THREADS and MPOL_PROCESS_VMAS).  A thread made since gets what
 * most of the threads had; what is not there any more is passed over.
 * Errors: -ESRCH (another process), -ENOMEM.
 */
MPOL_API int mpol_plan_undo(const struct mpol_change *change, const struct mpol_process *process,
			    unsigned int flags, struct mpol_plan **ret_plan,
			    struct mpol_error *error);

/*
 * Where the process's policies are not, any more, what the changes in the
 * journal intended: a cpuset was narrowed and widened, somebody else has set
 * them, threads were made by others.
 */
MPOL_API int mpol_plan_reapply(const struct mpol_journal *journal,
			       const struct mpol_process *process, struct mpol_plan **ret_plan,
			       struct mpol_error *error);

MPOL_API size_t mpol_plan_nr_corrections(const struct mpol_plan *plan);
MPOL_API const struct mpol_correction *mpol_plan_correction(const struct mpol_plan *plan,
							    size_t index);

/*
 * Makes the corrections with code 0 and leaves in code what became of each.
 * Returns how many were made; the first failure is in *error.
 */
MPOL_API size_t mpol_plan_carry_out(struct mpol_plan *plan, int pidfd, struct mpol_error *error);

MPOL_API void mpol_plan_free(struct mpol_plan *plan);

/* ---- What is in the way --------------------------------------------------------------- */

enum mpol_severity {
	MPOL_SEVERITY_NOTE,    /* worth knowing */
	MPOL_SEVERITY_WARNING, /* policies will not have the effect that one expects */
	MPOL_SEVERITY_ERROR,   /* mpol cannot do what it is for */
};

struct mpol_symptom {
	enum mpol_severity severity;
	const char *check;  /* what was looked at: "numa_balancing", "cpuset", … */
	const char *text;   /* what is there, and what it means */
	const char *advice; /* what to do about it */
};

struct mpol_diagnosis;

/*
 * Looks for what stands in the way of memory policy: on the machine, for the
 * rights of the calling process and, with a pid, for that process.  Changes and
 * stops nothing.  root: a directory with recorded /sys and /proc, NULL for "/".
 * Errors: those of mpol_topology_new; -ESRCH, -EACCES (pid).
 */
MPOL_API int mpol_diagnosis_new(const char *root, pid_t pid, struct mpol_diagnosis **ret_diagnosis,
				struct mpol_error *error);
MPOL_API void mpol_diagnosis_free(struct mpol_diagnosis *diagnosis);

MPOL_API size_t mpol_diagnosis_nr_symptoms(const struct mpol_diagnosis *diagnosis);
MPOL_API const struct mpol_symptom *mpol_diagnosis_symptom(const struct mpol_diagnosis *diagnosis,
							   size_t index);

/* ---- Names ---------------------------------------------------------------------- */

MPOL_API const char *mpol_version(void);
MPOL_API const char *mpol_memory_kind_name(enum mpol_memory_kind kind);

/* ---- Moving pages -------------------------------------------------------------- */

struct mpol_move_options {
	size_t size;		   /* sizeof(struct mpol_move_options) */
	const unsigned long *from; /* MPOL_NODE_WORDS words; NULL: every node not in to */
	const unsigned long *to;   /* several nodes: batches go to them in turn; one without room
				    * is left out */
	uint64_t start, end;	   /* addresses; both 0: the whole process */
	uint64_t batch_ns;	   /* time aimed at per move_pages(2) call; 0: 10 ms */
	uint64_t batch_bytes;	   /* most bytes per call, but for one huge page; 0: 64 MiB, which
				    * is the most */
	uint64_t bandwidth_bytes;  /* most bytes per second; 0: no limit */
	int include_shared;	   /* 1: also pages mapped by others (MPOL_MF_MOVE_ALL) */
	int (*progress)(uint64_t done_pages, uint64_t all_pages, void *user); /* != 0 stops; NULL */
	void *user;
};

/* Why pages stayed, from move_pages(2)'s status of each. */
enum mpol_move_failure {
	MPOL_MOVE_BUSY,	     /* EBUSY: isolated by somebody else, or pinned */
	MPOL_MOVE_SHARED,    /* EACCES: mapped by other processes too */
	MPOL_MOVE_NO_MEMORY, /* ENOMEM: no room on the target node */
	MPOL_MOVE_GONE,	     /* no longer there: freed, swapped out, or all zero and dropped as its
			      * huge page was split */
	MPOL_MOVE_UNMOVABLE, /* EFAULT: a kind of page that cannot move; before Linux 6.12 also
			      * what may not be accessed (PROT_NONE) */
	MPOL_MOVE_OTHER,
	MPOL_MOVE_FAILURES,
};

struct mpol_move_result {
	uint64_t examined_pages; /* resident pages looked at, in base pages */
	uint64_t wanted_pages;	 /* of those, on a from node */
	uint64_t moved_pages;
	uint64_t failed_pages[MPOL_MOVE_FAILURES];
	uint64_t longest_batch_ns;
	uint64_t batches;
	uint64_t late_batches; /* of those, the ones that took more than twice batch_ns */
};

/*
 * Moves resident pages of a process between nodes with move_pages(2), in
 * batches, and looks afterwards where each page is.  Huge pages move as a
 * whole, a batch of one at least.  Policies stay as they are.  Nodes that the
 * target's cpuset does not allow are left out of to.
 * Errors: -EINVAL (empty to, from and to overlap), -ENODEV (a node without
 * memory), -EACCES (no node of to is in the target's cpuset), -EPERM, -ESRCH,
 * -ECANCELED (progress asked to stop), -ENOMEM.  On an error *ret_result says
 * what was done before it.
 */
MPOL_API int mpol_process_move(int pidfd, const struct mpol_move_options *options,
			       struct mpol_move_result *ret_result, struct mpol_error *error);

/* ---- Redistributing pages ------------------------------------------------------------ */

struct mpol_rebalance_options {
	size_t size; /* sizeof(struct mpol_rebalance_options) */
	/* For memory that has no policy of its own, instead of what most threads have; a weight of
	 * 0 is the kernel's global one.  NULL: what they have. */
	const struct mpol_policy *policy;
	const unsigned long *leaving; /* MPOL_NODE_WORDS words: to be emptied; NULL: none */
	/* Addresses; both 0: memory of the process's own (heap, stack, anonymous, shared memory).
	 * Else all between them, mapped files too. */
	uint64_t start, end;
	uint64_t batch_ns;	  /* as in struct mpol_move_options */
	uint64_t bandwidth_bytes; /* most bytes per second; 0: no limit */
	int include_shared;	  /* 1: also pages mapped by others (MPOL_MF_MOVE_ALL) */
	int dry_run;		  /* 1: only look, and count */
	int (*progress)(uint64_t done_pages, uint64_t all_pages, void *user); /* != 0 stops; NULL */
	void *user;
};

/* Base pages of what a policy wishes something for, as far as it was looked at. */
struct mpol_rebalance_result {
	uint64_t ranges;
	uint64_t examined_pages;
	uint64_t least_pages; /* that have to move: over ranges and nodes, what is too many there */
	uint64_t moved_pages;
	uint64_t failed_pages[MPOL_MOVE_FAILURES];
	uint64_t batches;
	uint64_t longest_batch_ns;
	/* By node id; after is what is there once least_pages have moved, or as many as could. */
	uint64_t before_pages[MPOL_NODES_MAX];
	uint64_t wanted_pages[MPOL_NODES_MAX];
	uint64_t after_pages[MPOL_NODES_MAX];
};

/*
 * Moves pages that are there already to where policies say that new ones go: the fewest possible,
 * spread evenly over each range.
 *
 *   - Where the policy interleaves, each node gets its share of each range by the weights: those
 *     of options->policy, or the kernel's global ones; equal ones for plain interleaving.  Of what
 *     could move, that goes first which the kernel's formula would put where pages are missing.
 *   - Under bind and the preferring policies, pages elsewhere come to their nodes.
 *   - Memory under default or local policy is left alone, but for nodes that leave.
 *
 * Nodes that the process's cpuset does not allow, or that leave, want no pages.  Nodes without room
 * take none in, and the others share.  What is in use for a moment is tried again, a few times; a
 * page that another was moved in the place of does not count as failed.  Policies stay as they are.
 * It keeps nothing: who stops it and calls it again goes on where it was.
 *
 * Errors: -EINVAL (no size; every node that the process may use is to leave; a policy
 * that says nothing of where pages are to be), -ENODEV (a node to leave that has no memory),
 * -EACCES (the cpuset allows no node of options->policy), -E2BIG, -EPERM, -ESRCH, -ECANCELED
 * (progress asked to stop), -ENOMEM.  On an error *ret_result says what was done before it.
 */
MPOL_API int mpol_process_rebalance(int pidfd, const struct mpol_rebalance_options *options,
				    struct mpol_rebalance_result *ret_result,
				    struct mpol_error *error);

/* ---- Hints to mpold --------------------------------------------------------------------- */

/* What a process knows about its own memory, and mpold(8) should (the kernel has no such advice).
 */
enum mpol_hint {
	MPOL_HINT_HOT = 1,    /* in fast memory before all that has no hint, as far as it fits */
	MPOL_HINT_COLD = 2,   /* as if never accessed: the first to make room, never promoted */
	MPOL_HINT_PINNED = 3, /* stays on the nodes where it is */
};

/*
 * Declares a range of the calling process's memory, whatever was declared of parts of it before;
 * or takes that back.  addr must be page aligned; length is rounded up to whole pages, and 0
 * changes nothing.  The addresses are meant, not what is mapped there: they may be mapped
 * later, and unmapping takes nothing back.
 *
 * mpold, where it manages the process, obeys from its next round on, whether it was started before
 * or after; without it nothing happens.  What whoever steers mpold says of the range goes before
 * it.  A child has none of its parent's hints after fork(2), nor has a program after exec(2).
 * Threads may call at once; signal handlers may not.
 *
 * Errors:
 *   -EINVAL      addr not aligned, the range wraps around, no such hint
 *   -ENOSPC      more than 1024 ranges; nothing is changed
 *   -ENOMEM, -EMFILE, -ENFILE and other errors of memfd_create(2) and mmap(2), at the first call
 */
MPOL_API int mpol_set_vma_hint(void *addr, size_t length, enum mpol_hint hint,
			       struct mpol_error *error);
MPOL_API int mpol_clear_vma_hint(void *addr, size_t length, struct mpol_error *error);

#ifdef __cplusplus
}
#endif

#endif
