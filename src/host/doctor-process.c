/* SPDX-License-Identifier: MIT */
/* Symptoms of a process: what would keep its policy from being changed, or from having effect. */
#include <elf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "cleanup.h"
#include "damon-sysfs.h"
#include "doctor.h"
#include "error.h"
#include "process.h"
#include "rootfs.h"
#include "tracker.h"

struct patient {
	int root;
	bool is_recorded;
	pid_t pid;
	struct process_thread leader;
	struct symptoms *symptoms;
};

static void add_state(const struct patient *patient, const struct process_thread *thread)
{
	if (process_thread_has_ended(thread))
		return;
	if (thread->tracer)
		symptom_add(patient->symptoms, MPOL_SEVERITY_ERROR, "tracer",
			    "thread %d is traced by process %d: nobody else can change it\n"
			    "end the debugger or tracer first",
			    thread->tid, thread->tracer);
	if (!process_thread_is_user(thread))
		symptom_add(
			patient->symptoms, MPOL_SEVERITY_WARNING, "worker",
			"thread %d (%s) is a worker of the kernel's: it keeps the policy that it "
			"was made with\nset the policy before it is made",
			thread->tid, thread->name);
	if (thread->state == 'D')
		symptom_add(patient->symptoms, MPOL_SEVERITY_WARNING, "state",
			    "thread %d does not come out of the kernel (state D): it cannot be "
			    "changed meanwhile\nsee /proc/%d/task/%d/stack, or wait",
			    thread->tid, patient->pid, thread->tid);
	if (thread->seccomp == 1)
		symptom_add(patient->symptoms, MPOL_SEVERITY_ERROR, "seccomp",
			    "thread %d is under seccomp's strict mode: it may make no call\n"
			    "set the policy when it is started: mpol run",
			    thread->tid);
}

static void check_threads(const struct patient *patient)
{
	_cleanup_free_ pid_t *tids = NULL;
	size_t nr = 0, nr_living = 0, nr_filtered = 0, nr_stopped = 0;

	if (process_list_threads(patient->root, patient->pid, &tids, &nr) < 0)
		return;
	for (size_t i = 0; i < nr; i++) {
		struct process_thread thread;

		if (process_read_thread(patient->root, patient->pid, tids[i], &thread) < 0)
			continue;
		add_state(patient, &thread);
		nr_living += !process_thread_has_ended(&thread);
		nr_filtered += thread.seccomp == 2;
		nr_stopped += thread.state == 'T';
	}
	if (!nr_living)
		symptom_add(patient->symptoms, MPOL_SEVERITY_ERROR, "state",
			    "it has ended and waits for its parent: there is nothing to change\n"
			    "name a living process");
	if (nr_filtered)
		symptom_add(
			patient->symptoms, MPOL_SEVERITY_NOTE, "seccomp",
			"%zu of %zu threads are under seccomp filters: mpol asks these before it "
			"tries, and refuses where they would\nas root (CAP_SYS_ADMIN) filters can "
			"be read",
			nr_filtered, nr);
	if (nr_stopped)
		symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "state",
			    "it is stopped (job control): it can be changed, pages move, but new "
			    "ones come when it goes on\nkill -CONT %d",
			    patient->pid);
}

/* The process's cgroup, "" where it cannot be read. */
static void read_cgroup(const struct patient *patient, char *ret, size_t size)
{
	_cleanup_free_ char *text = NULL;
	const char *cgroup = NULL;

	if (rootfs_read(patient->root, &text, "proc/%d/cgroup", patient->pid) >= 0)
		cgroup = cgroup_parse_own(text);
	snprintf(ret, size, "%s", cgroup ? cgroup : "");
}

static void check_cpuset(const struct patient *patient)
{
	struct nodemask memory, missing;
	char allowed[96], list[96], cgroup[256];

	if (rootfs_read_nodes(patient->root, &memory, "sys/devices/system/node/has_memory") < 0)
		return;
	missing = nodemask_andnot(&memory, &patient->leader.mems_allowed);
	if (nodemask_empty(&missing))
		return;
	nodemask_format(&patient->leader.mems_allowed, allowed, sizeof(allowed));
	nodemask_format(&missing, list, sizeof(list));
	read_cgroup(patient, cgroup, sizeof(cgroup));
	symptom_add(patient->symptoms, MPOL_SEVERITY_WARNING, "cpuset",
		    "its cpuset allows nodes %s, not %s: policies are cut to them\n"
		    "widen cpuset.mems of cgroup %s or of one above it",
		    allowed, list, *cgroup ? cgroup : "(unknown)");
}

static void add_frozen(const struct patient *patient, const char *cgroup, const char *frozen)
{
	symptom_add(patient->symptoms, MPOL_SEVERITY_ERROR, "freezer",
		    "its cgroup %s is frozen%s%s: it makes no calls\n"
		    "echo 0 >/sys/fs/cgroup%s/cgroup.freeze",
		    cgroup, strcmp(cgroup, frozen) ? " by " : "",
		    strcmp(cgroup, frozen) ? frozen : "", frozen);
}

/*
 * A cgroup is frozen when it or one above it is told to be (cgroup-v2.rst,
 * cgroup.freeze); each that is must be thawed.
 */
static void check_freezer(const struct patient *patient)
{
	_cleanup_free_ char *events = NULL;
	char cgroup[256], above[256], *slash;
	bool found = false;
	uint64_t freeze;

	read_cgroup(patient, cgroup, sizeof(cgroup));
	if (!*cgroup ||
	    rootfs_read(patient->root, &events, "sys/fs/cgroup%s/cgroup.events", cgroup) <= 0 ||
	    !strstr(events, "frozen 1"))
		return;
	strcpy(above, cgroup);
	while (above[1] && (slash = strrchr(above, '/'))) {
		if (rootfs_read_u64(patient->root, &freeze, "sys/fs/cgroup%s/cgroup.freeze",
				    above) == 0 &&
		    freeze) {
			add_frozen(patient, cgroup, above);
			found = true;
		}
		*slash = '\0';
	}
	if (!found)
		add_frozen(patient, cgroup, cgroup);
}

/*
 * The auxiliary vector of a program: entries of two words (getauxval(3)).  A 32-bit
 * one has two of its words in the first, so that the upper half is not zero.
 */
static void check_auxv(const struct patient *patient)
{
	_cleanup_free_ char *auxv = NULL;
	ssize_t n = rootfs_read(patient->root, &auxv, "proc/%d/auxv", patient->pid);
	uint64_t type = 0;

	if (n < 16)
		return;
	memcpy(&type, auxv, sizeof(type));
	if (type >> 32) {
		symptom_add(patient->symptoms, MPOL_SEVERITY_ERROR, "32-bit",
			    "it is a 32-bit program: mpol can change 64-bit ones only\n"
			    "set the policy when it is started: mpol run");
		return;
	}
	for (ssize_t i = 0; i + 16 <= n; i += 16) {
		memcpy(&type, auxv + i, sizeof(type));
		if (type == AT_SYSINFO_EHDR)
			return;
	}
	symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "vdso",
		    "it has no vdso: mpol's calls go into what its code leaves free, and fail "
		    "where that is nothing\nboot without vdso=0");
}

/* Real, effective and saved user id of "self" or a process; false where they cannot be read. */
static bool read_ids(const struct patient *patient, const char *process, unsigned int ret_ids[3],
		     uint64_t *ret_capabilities)
{
	_cleanup_free_ char *status = NULL;
	const char *ids, *capabilities;

	if (rootfs_read(patient->root, &status, "proc/%s/status", process) < 0 ||
	    !(ids = strstr(status, "\nUid:")) ||
	    sscanf(ids + 5, "%u %u %u", &ret_ids[0], &ret_ids[1], &ret_ids[2]) != 3)
		return false;
	capabilities = strstr(status, "\nCapEff:");
	*ret_capabilities = capabilities ? strtoull(capabilities + 8, NULL, 16) : 0;
	return true;
}

/* The user's name as /etc/passwd has it, "" where it does not. */
static void read_user(const struct patient *patient, unsigned int uid, char *ret, size_t size)
{
	_cleanup_free_ char *text = NULL;
	char *cursor, *line;

	*ret = '\0';
	if (rootfs_read(patient->root, &text, "etc/passwd") < 0)
		return;
	cursor = text;
	while ((line = strsep(&cursor, "\n"))) {
		const char *id = strchr(line, ':');

		id = id ? strchr(id + 1, ':') : NULL;
		if (!id || strtoul(id + 1, NULL, 10) != uid)
			continue;
		snprintf(ret, size, " (%.*s)", (int)strcspn(line, ":"), line);
		return;
	}
}

/* ptrace(2), access mode checking: all ids of the target must be the caller's. */
static void check_owner(const struct patient *patient)
{
	unsigned int own[3], uids[3];
	uint64_t capabilities, ignored;
	char pid[16], user[64];

	snprintf(pid, sizeof(pid), "%d", patient->pid);
	if (!read_ids(patient, "self", own, &capabilities) ||
	    !read_ids(patient, pid, uids, &ignored) || (capabilities >> CAP_SYS_PTRACE & 1) ||
	    (own[1] == uids[0] && own[1] == uids[1] && own[1] == uids[2]))
		return;
	read_user(patient, uids[0], user, sizeof(user));
	symptom_add(patient->symptoms, MPOL_SEVERITY_ERROR, "owner",
		    "it belongs to user %u%s, and mpol runs as user %u: it cannot be changed\n"
		    "run mpol as that user, or as root (CAP_SYS_PTRACE)",
		    uids[0], user, own[1]);
}

static void check_namespace(const struct patient *patient, const char *name, const char *words)
{
	char own[64], other[64];

	if (rootfs_readlink(patient->root, own, sizeof(own), "proc/self/ns/%s", name) < 0 ||
	    rootfs_readlink(patient->root, other, sizeof(other), "proc/%d/ns/%s", patient->pid,
			    name) < 0 ||
	    !strcmp(own, other))
		return;
	symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "namespace",
		    "it is in another %s namespace (a container)\n%s", name, words);
}

static void check_locked(const struct patient *patient)
{
	static const char name[] = "\nVmLck:\t";
	_cleanup_free_ char *status = NULL;
	const char *line;

	if (rootfs_read(patient->root, &status, "proc/%d/status", patient->pid) < 0)
		return;
	line = strstr(status, name);
	if (line && strtoull(line + strlen(name), NULL, 10))
		symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "mlock",
			    "it has locked memory (%llu KiB), which the kernel does not reclaim\n"
			    "mpol move moves it like any other; mpold lets it alone",
			    strtoull(line + strlen(name), NULL, 10));
}

/* Page tables of the process do not show what its guests access (tracker.h, sees_guests). */
static void check_guests(const struct patient *patient)
{
	static const char words[] = "it runs KVM guests, whose accesses page tables do not show: "
				    "their memory looks idle to most trackers";
	const struct tracker_kind *kind;

	if (process_runs_guests(patient->root, patient->pid) <= 0)
		return;
	if (patient->is_recorded) {
		symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "guests",
			    "%s; mpold follows it by one that sees them, or lets it alone\n"
			    "ask on that machine, where mpol can try which works",
			    words);
		return;
	}
	kind = tracker_mpolds_for_guests(patient->root);
	/* Of two that want DAMON the second does not get it. */
	if (!kind && damon_sysfs_is_mpolds(patient->root, 0))
		kind = &tracker_damon;
	if (kind)
		symptom_add(patient->symptoms, MPOL_SEVERITY_NOTE, "guests",
			    "%s; mpold would follow it by %s\n"
			    "mpold chooses that by itself: there is nothing to do",
			    words, kind->name);
	else
		symptom_add(patient->symptoms, MPOL_SEVERITY_WARNING, "guests",
			    "%s; none that sees them works here: mpold would let it alone\n"
			    "see below what damon is missing",
			    words);
}

int doctor_check_process(int root, bool is_recorded, pid_t pid, struct symptoms *symptoms,
			 struct mpol_error *err)
{
	struct patient patient = {
		.root = root,
		.is_recorded = is_recorded,
		.symptoms = symptoms,
	};
	int r = process_read_thread(root, pid, pid, &patient.leader);

	if (r < 0) {
		error_set(err, r, "read /proc", "%s",
			  r == -ESRCH ? "no such process, or it has ended" : strerror(-r));
		error_on(err, "process %d", pid);
		return r;
	}
	patient.pid = patient.leader.tgid;
	if (patient.leader.flags & PROCESS_KTHREAD) {
		symptom_add(symptoms, MPOL_SEVERITY_ERROR, "kernel thread",
			    "it is a kernel thread: it has no memory of its own\nname a program");
		return symptoms->error;
	}
	check_threads(&patient);
	check_cpuset(&patient);
	check_freezer(&patient);
	check_auxv(&patient);
	check_owner(&patient);
	check_namespace(&patient, "user",
			"mpol must have CAP_SYS_PTRACE in that namespace: root has");
	check_namespace(&patient, "pid", "name it by the id that it has here");
	check_locked(&patient);
	check_guests(&patient);
	return symptoms->error;
}
