/* SPDX-License-Identifier: MIT */
/* Reading /proc/kcore, an ELF file whose program headers map kernel addresses to offsets. */
#include "kcore.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "error.h"

#define SEGMENTS_MAX	 256
#define TASK_BYTES_MAX	 16384	   /* more than any task_struct of a stock kernel */
#define PID_MAX_POSSIBLE (4 << 20) /* PID_MAX_LIMIT of 64 bits */

struct kcore {
	int fd;
	size_t nr;
	Elf64_Phdr segments[SEGMENTS_MAX];
};

static int read_headers(struct kcore *kcore)
{
	Elf64_Ehdr header;
	size_t length;

	if (pread(kcore->fd, &header, sizeof(header), 0) != sizeof(header) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(Elf64_Phdr) ||
	    header.e_phnum > SEGMENTS_MAX)
		return -EBADMSG;
	length = header.e_phnum * sizeof(Elf64_Phdr);
	if (pread(kcore->fd, kcore->segments, length, (off_t)header.e_phoff) != (ssize_t)length)
		return -EBADMSG;
	kcore->nr = header.e_phnum;
	return 0;
}

int kcore_new(struct kcore **ret, struct mpol_error *error)
{
	struct kcore *kcore = calloc(1, sizeof(*kcore));
	int r;

	if (!kcore)
		return error_errno(error, -ENOMEM, "open /proc/kcore");
	kcore->fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	r = kcore->fd < 0 ? -errno : read_headers(kcore);
	if (r < 0) {
		kcore_free(kcore);
		error_errno(error, r, "open /proc/kcore");
		return error_advise(error, "run this as root, on a kernel with CONFIG_PROC_KCORE"),
		       r;
	}
	*ret = kcore;
	return 0;
}

void kcore_free(struct kcore *kcore)
{
	if (!kcore)
		return;
	if (kcore->fd >= 0)
		close(kcore->fd);
	free(kcore);
}

int kcore_read(const struct kcore *kcore, uint64_t address, void *buffer, size_t length)
{
	for (size_t i = 0; i < kcore->nr; i++) {
		const Elf64_Phdr *segment = &kcore->segments[i];
		uint64_t offset = address - segment->p_vaddr;

		if (segment->p_type != PT_LOAD || address < segment->p_vaddr ||
		    offset >= segment->p_memsz || length > segment->p_memsz - offset)
			continue;
		if (pread(kcore->fd, buffer, length, (off_t)(segment->p_offset + offset)) ==
		    (ssize_t)length)
			return 0;
	}
	return -EFAULT;
}

static bool ids_at(const char *task, size_t offset, const struct task_ids *ids)
{
	return memcmp(task + offset, ids, sizeof(*ids)) == 0;
}

int kcore_find_ids(const struct kcore *kcore, const uint64_t *tasks, const struct task_ids *ids,
		   size_t nr, uint64_t *ret_offset, struct mpol_error *error)
{
	_cleanup_free_ char *memory = malloc(nr * TASK_BYTES_MAX);
	static const char step[] = "find the ids in task_struct";
	size_t found = 0, nr_found = 0;

	if (!memory)
		return error_errno(error, -ENOMEM, step);
	for (size_t i = 0; i < nr; i++) {
		int r = kcore_read(kcore, tasks[i], memory + i * TASK_BYTES_MAX, TASK_BYTES_MAX);

		if (r < 0)
			return error_errno(error, r, step);
	}
	for (size_t at = 0; at + sizeof(*ids) <= TASK_BYTES_MAX; at += sizeof(int32_t)) {
		size_t i = 0;

		while (i < nr && ids_at(memory + i * TASK_BYTES_MAX, at, &ids[i]))
			i++;
		if (i == nr) {
			found = at;
			nr_found++;
		}
	}
	if (nr_found == 0)
		return error_set(error, -ENOENT, step,
				 "what the plugin takes for the running task is not");
	if (nr_found > 1)
		return error_set(error, -ENOTUNIQ, step, "there are %zu candidates", nr_found);
	*ret_offset = found;
	return 0;
}

pid_t kcore_owner(const struct kcore *kcore, uint64_t task, uint64_t offset, pid_t likely_pid)
{
	struct task_ids ids;
	struct stat status;
	char path[64];

	if (kcore_read(kcore, task + offset, &ids, sizeof(ids)) < 0)
		return -ESRCH;
	if (ids.pid <= 0 || ids.pid > PID_MAX_POSSIBLE || ids.tid <= 0 ||
	    ids.tid > PID_MAX_POSSIBLE)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/task/%d", ids.pid, ids.tid);
	if (ids.pid != likely_pid && stat(path, &status) < 0)
		return -ESRCH;
	return ids.pid;
}
