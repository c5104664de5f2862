/* SPDX-License-Identifier: MIT */
/*
 * Ranges of a process by address or by name: from words to parts of its
 * mappings, none of which crosses from one mapping into the next.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "grow.h"
#include "ranges.h"
#include "remote.h"
#include "text.h"
#include "units.h"

/* More words than anybody writes; each is looked for in every mapping. */
#define MAX_WORDS      64
#define WORD_MAX_BYTES 4096

enum kind {
	RANGE_ADDRESS,
	RANGE_ALL,
	RANGE_ANON,
	RANGE_FILE,
	RANGE_HEAP,
	RANGE_SHM,
	RANGE_STACK,
};

struct word {
	enum kind kind;
	uint64_t start, end; /* of RANGE_ADDRESS */
	const char *pattern; /* of RANGE_FILE */
	const char *text;
	bool found;
};

struct search {
	const struct mpol_process *process;
	char *text; /* owned: the words point into it */
	struct word words[MAX_WORDS];
	size_t nr_words;
	struct iovec *ranges;
	size_t nr_ranges, allocated;
};

static void search_free(struct search *search)
{
	free(search->text);
	free(search->ranges);
}

/* ---- Words ------------------------------------------------------------------------- */

static int refuse(const char *word, struct mpol_error *error, const char *cause)
{
	error_set(error, -EINVAL, "read range", "%s", cause);
	error_on(error, "\"%.128s\"", word);
	error_advise(error, "a range is such as 0x7f0000000000-0x7f0000200000, "
			    "0x7f0000000000+2MiB, heap, stack, anon, shm, file:libc*, all");
	return -EINVAL;
}

static bool parse_address(const char *text, uint64_t *ret)
{
	return !strncmp(text, "0x", 2) && parse_u64(text + 2, 16, ret) == 0;
}

/* 0xSTART-0xEND or 0xSTART+SIZE. */
static int parse_addresses(char *text, struct word *word, struct mpol_error *error)
{
	const uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	char *separator = text + strcspn(text, "-+"), kind = *separator;
	uint64_t size;
	bool valid;

	if (!kind)
		return refuse(text, error, "an address without an end");
	*separator = '\0';
	valid = parse_address(text, &word->start);
	if (kind == '-') {
		valid = valid && parse_address(separator + 1, &word->end);
	} else {
		valid = valid && units_parse_bytes(separator + 1, &size) == 0;
		word->end = valid ? word->start + size : 0;
	}
	*separator = kind;
	if (!valid)
		return refuse(text, error, "not a range of addresses");
	if (word->end <= word->start)
		return refuse(text, error, "it ends before it begins");
	if (word->start % page_bytes || word->end % page_bytes)
		return refuse(text, error, "it does not begin and end at a page");
	return 0;
}

static int parse_word(char *text, struct word *ret_word, struct mpol_error *error)
{
	static const struct {
		const char *name;
		enum kind kind;
	} names[] = {
		{ "all", RANGE_ALL }, { "anon", RANGE_ANON },	{ "heap", RANGE_HEAP },
		{ "shm", RANGE_SHM }, { "stack", RANGE_STACK },
	};

	*ret_word = (struct word) { .text = text };
	if (!strncmp(text, "0x", 2))
		return parse_addresses(text, ret_word, error);
	if (!strncmp(text, "file:", 5) && text[5]) {
		ret_word->kind = RANGE_FILE;
		ret_word->pattern = text + 5;
		return 0;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i].name) != 0)
			continue;
		ret_word->kind = names[i].kind;
		return 0;
	}
	return refuse(text, error, "neither addresses nor the name of a kind of range");
}

static int parse_words(struct search *search, const char *text, struct mpol_error *error)
{
	char *rest, *word;

	if (strlen(text) > WORD_MAX_BYTES)
		return refuse(text, error, "too long");
	search->text = rest = strdup(text);
	if (!rest)
		return error_errno(error, -ENOMEM, "read range");
	while ((word = strsep(&rest, ","))) {
		int r;

		if (search->nr_words == MAX_WORDS)
			return refuse(text, error, "too many ranges");
		r = parse_word(word, &search->words[search->nr_words], error);
		if (r < 0)
			return r;
		search->nr_words++;
	}
	return 0;
}

/* ---- Mappings ---------------------------------------------------------------------- */

/* Mappings of the kernel's, whose pages have no policy. */
static bool is_special(const struct mpol_vma *vma)
{
	return !strncmp(vma->name, "[v", 2) || !strcmp(vma->name, "[uprobes]");
}

/* Huge pages of no file (mm/hugetlb, HUGETLB_ANON_FILE). */
static bool is_anon_hugetlb(const struct mpol_vma *vma)
{
	return !strncmp(vma->name, "/anon_hugepage", 14);
}

static bool is_anon(const struct mpol_vma *vma)
{
	return vma->permissions[3] == 'p' &&
	       (!*vma->name || !strncmp(vma->name, "[anon:", 6) || is_anon_hugetlb(vma));
}

static bool is_shm(const struct mpol_vma *vma)
{
	return vma->permissions[3] == 's' &&
	       (!*vma->name || !strncmp(vma->name, "/SYSV", 5) ||
		!strncmp(vma->name, "/memfd:", 7) || !strncmp(vma->name, "/dev/shm/", 9) ||
		!strncmp(vma->name, "/dev/zero", 9) || !strncmp(vma->name, "[anon_shmem:", 12) ||
		is_anon_hugetlb(vma));
}

static bool is_file(const struct mpol_vma *vma, const char *pattern)
{
	const char *base = strrchr(vma->name, '/');

	return base && (fnmatch(pattern, vma->name, 0) == 0 || fnmatch(pattern, base + 1, 0) == 0);
}

/* Whether the word names the whole mapping. */
static bool names(const struct word *word, const struct mpol_vma *vma)
{
	switch (word->kind) {
	case RANGE_ALL:
		return true;
	case RANGE_ANON:
		return is_anon(vma);
	case RANGE_FILE:
		return is_file(vma, word->pattern);
	case RANGE_HEAP:
		return !strcmp(vma->name, "[heap]");
	case RANGE_SHM:
		return is_shm(vma);
	case RANGE_STACK:
		return !strncmp(vma->name, "[stack", 6);
	case RANGE_ADDRESS:
	default:
		return false;
	}
}

/* Memory of ours that remote execution left in the process. */
static bool is_ours(const struct mpol_process *process, size_t index)
{
	const struct mpol_vma *vma = mpol_process_vma(process, index);
	const struct mpol_vma *before = index ? mpol_process_vma(process, index - 1) : NULL;
	const struct mpol_vma *after = mpol_process_vma(process, index + 1);

	return (after && remote_left(vma->start, vma->end, after->start, after->end)) ||
	       (before && remote_left(before->start, before->end, vma->start, vma->end));
}

bool range_is_left_out(const struct mpol_process *process, size_t index)
{
	return is_special(mpol_process_vma(process, index)) || is_ours(process, index);
}

bool range_is_private_anonymous(const char *permissions, const char *name)
{
	return permissions[3] == 'p' &&
	       (!*name || !strcmp(name, "[heap]") || !strncmp(name, "[anon:", 6));
}

bool range_is_memory(const struct mpol_vma *vma)
{
	return is_anon(vma) || is_shm(vma) || !strcmp(vma->name, "[heap]") ||
	       !strncmp(vma->name, "[stack", 6);
}

static int add_range(struct search *search, uint64_t start, uint64_t end)
{
	struct iovec *ranges =
		grow(search->ranges, search->nr_ranges, &search->allocated, sizeof(*ranges));

	if (!ranges)
		return -ENOMEM;
	search->ranges = ranges;
	search->ranges[search->nr_ranges++] = (struct iovec) {
		.iov_base = (void *)(uintptr_t)start,
		.iov_len = end - start,
	};
	return 0;
}

static int compare_starts(const void *a, const void *b)
{
	const uintptr_t left = (uintptr_t)((const struct iovec *)a)->iov_base;
	const uintptr_t right = (uintptr_t)((const struct iovec *)b)->iov_base;

	return (left > right) - (left < right);
}

/* Parts of one mapping, from range first on: each address once, ascending. */
static void join_parts(struct search *search, size_t first)
{
	const size_t nr = search->nr_ranges - first;
	struct iovec *parts, *last;

	if (nr < 2)
		return;
	parts = last = search->ranges + first;
	qsort(parts, nr, sizeof(*parts), compare_starts);
	for (size_t i = 1; i < nr; i++) {
		size_t offset = (uintptr_t)parts[i].iov_base - (uintptr_t)last->iov_base;

		if (offset > last->iov_len)
			*++last = parts[i];
		else if (offset + parts[i].iov_len > last->iov_len)
			last->iov_len = offset + parts[i].iov_len;
	}
	search->nr_ranges = (size_t)(last - search->ranges) + 1;
}

/* The parts of one mapping that the words mean; the whole of it, if one names it. */
static int look_at(struct search *search, size_t index)
{
	const struct mpol_vma *vma = mpol_process_vma(search->process, index);
	const size_t first = search->nr_ranges;
	bool whole = false;
	int r = 0;

	if (range_is_left_out(search->process, index))
		return 0;
	for (size_t i = 0; i < search->nr_words; i++) {
		if (!names(&search->words[i], vma))
			continue;
		search->words[i].found = true;
		whole = true;
	}
	if (whole)
		return add_range(search, vma->start, vma->end);
	for (size_t i = 0; r == 0 && i < search->nr_words; i++) {
		const struct word *word = &search->words[i];
		uint64_t start = word->start > vma->start ? word->start : vma->start;
		uint64_t end = word->end < vma->end ? word->end : vma->end;

		if (word->kind == RANGE_ADDRESS && start < end)
			r = add_range(search, start, end);
	}
	join_parts(search, first);
	return r;
}

static int refuse_range(const struct search *search, const struct word *word, int code,
			struct mpol_error *error)
{
	error_on(error, "range %s of process %d (%s)", word->text,
		 mpol_process_pid(search->process), mpol_process_name(search->process));
	error_advise(error, "mpol show %d --vmas lists its ranges",
		     mpol_process_pid(search->process));
	return code;
}

/* Addresses must be mapped from their beginning to their end, as for mbind(2). */
static int check_holes(const struct search *search, const struct word *word,
		       struct mpol_error *error)
{
	uint64_t at = word->start;
	const struct mpol_vma *vma;

	for (size_t i = 0; at < word->end && (vma = mpol_process_vma(search->process, i)); i++)
		if (vma->start <= at && vma->end > at)
			at = vma->end;
	if (at >= word->end)
		return 0;
	error_set(error, -EFAULT, "look up range", "nothing is mapped at 0x%llx",
		  (unsigned long long)at);
	return refuse_range(search, word, -EFAULT, error);
}

/* Mapped, but only by mappings that are never meant. */
static int check_any(const struct search *search, const struct word *word, struct mpol_error *error)
{
	for (size_t i = 0; i < search->nr_ranges; i++) {
		const uint64_t start = (uintptr_t)search->ranges[i].iov_base;

		if (start < word->end && start + search->ranges[i].iov_len > word->start)
			return 0;
	}
	error_set(error, -ENOENT, "look up range",
		  "only mappings of the kernel's or of mpol's own are there");
	return refuse_range(search, word, -ENOENT, error);
}

static int check_found(const struct search *search, struct mpol_error *error)
{
	for (size_t i = 0; i < search->nr_words; i++) {
		const struct word *word = &search->words[i];
		int r;

		if (word->kind == RANGE_ADDRESS) {
			r = check_holes(search, word, error);
			if (r == 0)
				r = check_any(search, word, error);
			if (r < 0)
				return r;
		} else if (!word->found) {
			error_set(error, -ENOENT, "look up range", "it has none of that name");
			return refuse_range(search, word, -ENOENT, error);
		}
	}
	return 0;
}

int mpol_process_ranges(const struct mpol_process *process, const char *text,
			struct iovec **ret_ranges, size_t *ret_nr, struct mpol_error *error)
{
	_cleanup_(search_free) struct search search = { .process = process };
	int r = parse_words(&search, text, error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < mpol_process_nr_vmas(process); i++)
		if (look_at(&search, i) < 0)
			return error_errno(error, -ENOMEM, "look up range");
	r = check_found(&search, error);
	if (r < 0)
		return r;
	*ret_nr = search.nr_ranges;
	*ret_ranges = steal_pointer(&search.ranges);
	return 0;
}

int mpol_ranges_check(const char *text, struct mpol_error *error)
{
	_cleanup_(search_free) struct search search = { 0 };

	return parse_words(&search, text, error);
}
