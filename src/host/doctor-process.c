/* SPDX-License-Identifier: MIT */
/* Symptoms of a process: what would keep its policy from being changed, or from having effect. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "doctor.h"
#include "error.h"
#include "process.h"
#include "rootfs.h"

struct patient {
	int root;
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
	const char *line;

	*ret = '\0';
	if (rootfs_read(patient->root, &text, "proc/%d/cgroup", patient->pid) < 0)
		return;
	line = strncmp(text, "0::", 3) ? strstr(text, "\n0::") : text;
	if (line)
		line = strchr(line, '/');
	if (line)
		snprintf(ret, size, "%.*s", (int)strcspn(line, "\n"), line);
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

static void check_freezer(const struct patient *patient)
{
	_cleanup_free_ char *events = NULL;
	char cgroup[256];

	read_cgroup(patient, cgroup, sizeof(cgroup));
	if (*cgroup &&
	    rootfs_read(patient->root, &events, "sys/fs/cgroup%s/cgroup.events", cgroup) > 0 &&
	    strstr(events, "frozen 1"))
		symptom_add(patient->symptoms, MPOL_SEVERITY_ERROR, "freezer",
			    "its cgroup %s is frozen: it makes no calls\n"
			    "echo 0 >/sys/fs/cgroup%s/cgroup.freeze",
			    cgroup, cgroup);
}

/* The class byte of an ELF file: 1 is 32-bit. */
static void check_class(const struct patient *patient)
{
	_cleanup_free_ char *auxv = NULL;
	ssize_t n = rootfs_read(patient->root, &auxv, "proc/%d/auxv", patient->pid);
	uint64_t first;

	/* Entries are two words each: AT_SYSINFO_EHDR (33), or of a 32-bit program AT_SYSINFO (32).
	 */
	if (n < 16)
		return;
	memcpy(&first, auxv, sizeof(first));
	if (first >> 32)
		symptom_add(patient->symptoms, MPOL_SEVERITY_ERROR, "32-bit",
			    "it is a 32-bit program: mpol can change 64-bit ones only\n"
			    "set the policy when it is started: mpol run");
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
			    "mpol move moves it like any other",
			    strtoull(line + strlen(name), NULL, 10));
}

int doctor_check_process(int root, pid_t pid, struct symptoms *symptoms, struct mpol_error *err)
{
	struct patient patient = { .root = root, .symptoms = symptoms };
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
	check_class(&patient);
	check_namespace(&patient, "user",
			"mpol must have CAP_SYS_PTRACE in that namespace: root has");
	check_namespace(&patient, "pid", "name it by the id that it has here");
	check_locked(&patient);
	return symptoms->error;
}
