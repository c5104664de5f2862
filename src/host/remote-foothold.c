/* SPDX-License-Identifier: MIT */
/*
 * Zero tails of code: see remote-foothold.h.
 *
 * A process may say of itself what it likes: what is read from its memory is
 * used to compute addresses inside its own executable mappings, no more.
 */
#include "remote-foothold.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "maps.h"
#include "rootfs.h"

#define ALIGNMENT 16

/* More segments than any linker makes. */
#define MAX_SEGMENTS 64

struct search {
	int mem;
	const struct foothold_wanted *wanted;
	struct address_range ours;  /* begins with magic */
	struct address_range vdso;  /* room there */
	struct address_range other; /* room elsewhere */
	bool is_32bit;
};

static bool read_memory(const struct search *search, uint64_t address, void *buffer, size_t size)
{
	return pread(search->mem, buffer, size, (off_t)address) == (ssize_t)size;
}

/*
 * The address at which the code of a mapping ends, from the ELF image whose
 * header stands at image; 0 if there is no such header or segment.
 */
static uint64_t code_end(const struct search *search, uint64_t image, const struct maps_entry *code)
{
	Elf64_Phdr segments[MAX_SEGMENTS];
	Elf64_Ehdr elf;

	if (!read_memory(search, image, &elf, sizeof(elf)) ||
	    memcmp(elf.e_ident, ELFMAG, SELFMAG) || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf.e_phentsize != sizeof(segments[0]) || elf.e_phnum > MAX_SEGMENTS ||
	    !read_memory(search, image + elf.e_phoff, segments, elf.e_phnum * sizeof(segments[0])))
		return 0;
	for (int i = 0; i < elf.e_phnum; i++) {
		uint64_t begins = segments[i].p_offset;
		uint64_t ends = begins + segments[i].p_filesz;

		if (segments[i].p_type != PT_LOAD || !(segments[i].p_flags & PF_X) ||
		    begins < code->offset || ends < begins ||
		    ends - code->offset > code->end - code->start)
			continue;
		return code->start + (ends - code->offset);
	}
	return 0;
}

static bool is_32bit(const struct search *search, uint64_t image)
{
	unsigned char ident[EI_NIDENT];

	return read_memory(search, image, ident, sizeof(ident)) && ident[EI_CLASS] == ELFCLASS32;
}

/* The vdso has its section headers behind its one segment. */
static uint64_t vdso_end(const struct search *search, const struct maps_entry *vdso)
{
	uint64_t end = code_end(search, vdso->start, vdso), sections;
	Elf64_Ehdr elf;

	if (!end || !read_memory(search, vdso->start, &elf, sizeof(elf)))
		return 0;
	sections = vdso->start + elf.e_shoff + (uint64_t)elf.e_shnum * elf.e_shentsize;
	return sections > end ? sections : end;
}

static bool is_zero(const struct search *search, uint64_t address)
{
	uint8_t bytes[256];

	for (uint64_t done = 0; done < search->wanted->size; done += sizeof(bytes)) {
		size_t size = search->wanted->size - done < sizeof(bytes)
				      ? search->wanted->size - done
				      : sizeof(bytes);

		if (!read_memory(search, address + done, bytes, size))
			return false;
		for (size_t i = 0; i < size; i++)
			if (bytes[i])
				return false;
	}
	return true;
}

/* What stands behind code that ends at end, in a mapping that ends at limit. */
static void look_behind(struct search *search, uint64_t end, uint64_t limit,
			struct address_range *room)
{
	struct address_range tail = { (end + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1), limit };
	uint64_t first;

	if (!end || tail.start >= limit || limit - tail.start < search->wanted->size ||
	    !read_memory(search, tail.start, &first, sizeof(first)))
		return;
	if (first == search->wanted->magic)
		search->ours = tail;
	else if (!room->end && is_zero(search, tail.start))
		*room = tail;
}

/* One line of maps after the other; image: where the header of the file named last stands. */
static void look_at(struct search *search, const struct maps_entry *entry, uint64_t *image,
		    const char **image_name)
{
	if (!strcmp(entry->name, "[vdso]")) {
		search->is_32bit = is_32bit(search, entry->start);
		look_behind(search, vdso_end(search, entry), entry->end, &search->vdso);
		return;
	}
	if (entry->name[0] != '/' || entry->permissions[3] != 'p')
		return;
	if (entry->offset == 0) {
		*image = entry->start;
		*image_name = entry->name;
	}
	if (entry->permissions[2] == 'x' && entry->permissions[1] != 'w' && *image_name &&
	    !strcmp(entry->name, *image_name))
		look_behind(search, code_end(search, *image, entry), entry->end, &search->other);
}

int foothold_find(int root, pid_t pid, int mem, const struct foothold_wanted *wanted,
		  struct address_range *ret_range, struct mpol_error *err)
{
	struct search search = { .mem = mem, .wanted = wanted };
	_cleanup_free_ char *text = NULL;
	const char *image_name = NULL;
	struct maps_entry entry;
	uint64_t image = 0;
	char *cursor;
	ssize_t n;

	n = rootfs_read(root, &text, "proc/%d/maps", pid);
	if (n == -ENOENT || n == -ESRCH)
		return error_set(err, -ESRCH, "read maps", "the thread has ended");
	if (n < 0)
		return error_errno(err, (int)n, "read maps");
	if (n == 0)
		return error_set(err, -ESRCH, "read maps", "the process has ended");
	cursor = text;
	while (maps_next(&cursor, &entry) > 0)
		look_at(&search, &entry, &image, &image_name);
	if (search.is_32bit)
		return error_set(err, -EOPNOTSUPP, "find a place for code",
				 "it is not a 64-bit process: only those can be changed");
	if (search.ours.end)
		*ret_range = search.ours;
	else if (search.vdso.end)
		*ret_range = search.vdso;
	else if (search.other.end)
		*ret_range = search.other;
	else
		return error_set(err, -EOPNOTSUPP, "find a place for code",
				 "neither the vdso nor any code of the process leaves %llu zero "
				 "bytes free",
				 (unsigned long long)wanted->size);
	return 0;
}
