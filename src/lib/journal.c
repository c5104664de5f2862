/* SPDX-License-Identifier: MIT */
/*
 * The journal of changes: records read into memory, new ones appended.
 *
 * Changes of other boots are passed over: their processes are gone.  A file
 * that has grown is made anew with the changes of processes that still live.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "grow.h"
#include "journal-file.h"
#include "journal-record.h"
#include "process.h"
#include "rootfs.h"
#include "text.h"

/* A file of more is made anew before something is appended. */
#define COMPACT_ABOVE_BYTES (1L << 20)
/* Of one living process so many changes stay then, besides the first. */
#define KEPT_PER_PROCESS 100

struct mpol_journal {
	struct journal_file file;
	int root;
	char boot[JOURNAL_BOOT_SIZE];
	struct policy_set policies;
	struct journal_record *records; /* changes of this boot */
	size_t nr_records, allocated;
	uint64_t last_id;     /* the highest in the file, of any boot */
	off_t compacted_size; /* of the file when it was made anew */
};

DEFINE_CLEANUP(struct mpol_journal *, mpol_journal_free);

static void forget_records(struct mpol_journal *journal)
{
	for (size_t i = 0; i < journal->nr_records; i++)
		journal_record_free(&journal->records[i]);
	journal->nr_records = 0;
}

void mpol_journal_free(struct mpol_journal *journal)
{
	if (!journal)
		return;
	forget_records(journal);
	free(journal->records);
	policy_set_free(&journal->policies);
	journal_file_close(&journal->file);
	closep(&journal->root);
	free(journal);
}

static struct mpol_change *find_change(struct mpol_journal *journal, uint64_t id)
{
	for (size_t i = journal->nr_records; i-- > 0;)
		if (journal->records[i].change.id == id)
			return &journal->records[i].change;
	return NULL;
}

static int keep_change(struct mpol_journal *journal, struct journal_record *record)
{
	struct journal_record *records =
		grow(journal->records, journal->nr_records, &journal->allocated, sizeof(*records));

	if (!records)
		return -ENOMEM;
	journal->records = records;
	journal->records[journal->nr_records++] = *record;
	*record = (struct journal_record) { 0 };
	return 0;
}

/* An undo counts once it has ended: until then there may be something left of what it undoes. */
static void end_change(struct mpol_journal *journal, const struct mpol_change *end)
{
	struct mpol_change *change = find_change(journal, end->id), *undone = NULL;

	if (!change)
		return;
	change->is_ended = 1;
	change->nr_done = end->nr_done;
	if (change->undoes)
		undone = find_change(journal, change->undoes);
	if (undone)
		undone->is_undone = 1;
}

static int take_line(char *text, size_t length, void *user)
{
	struct mpol_journal *journal = user;
	_cleanup_(journal_record_free) struct journal_record record = { 0 };
	int r = journal_record_parse(text, length, &journal->policies, &record);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (record.change.id > journal->last_id)
		journal->last_id = record.change.id;
	if (record.is_end) {
		end_change(journal, &record.change);
		return 0;
	}
	return strcmp(record.boot, journal->boot) ? 0 : keep_change(journal, &record);
}

/* Takes in what was written since. */
static int refresh(struct mpol_journal *journal, struct mpol_error *error)
{
	int r = journal_file_follow(&journal->file, error);

	if (r < 0)
		return r;
	/* A file that is another one is read from its beginning. */
	if (!journal->file.offset)
		forget_records(journal);
	r = journal_file_read(&journal->file, take_line, journal, error);
	return r == -ENOMEM ? error_errno(error, r, "read journal") : r;
}

int mpol_journal_open(const char *path, int writable, struct mpol_journal **ret_journal,
		      struct mpol_error *error)
{
	_cleanup_(mpol_journal_freep) struct mpol_journal *journal = calloc(1, sizeof(*journal));
	_cleanup_free_ char *boot = NULL;
	ssize_t n;
	int r;

	if (!journal)
		return error_errno(error, -ENOMEM, "open journal");
	journal->file.fd = -1;
	journal->root = rootfs_open(NULL);
	if (journal->root < 0)
		return error_errno(error, journal->root, "open /");
	n = rootfs_read(journal->root, &boot, "proc/sys/kernel/random/boot_id");
	if (n < 0)
		return error_errno(error, (int)n, "read boot_id");
	snprintf(journal->boot, sizeof(journal->boot), "%.*s", (int)strcspn(boot, "\n"), boot);
	r = journal_file_open(&journal->file, path, writable, error);
	if (r >= 0)
		r = refresh(journal, error);
	if (r < 0)
		return r;
	*ret_journal = steal_pointer(&journal);
	return 0;
}

static bool subject_lives(const struct mpol_journal *journal, const struct mpol_change *change)
{
	struct process_thread leader;

	/* The kernel itself: it lives as long as the boot. */
	if (!change->pid)
		return true;
	return process_read_thread(journal->root, change->pid, change->pid, &leader) == 0 &&
	       leader.start_ticks == change->start_ticks;
}

static void append_record(struct text *lines, const struct journal_record *record)
{
	_cleanup_free_ char *text = journal_record_format(record);

	if (text)
		journal_file_format(lines, text, strlen(text));
	else
		lines->error = -ENOMEM;
}

/*
 * Whether a change is to stay in a file made anew.  Of what was taken back
 * nothing is left; of a process that is changed all the time the first change
 * knows what was there before any, and the last ones what is intended; changes
 * made again know neither, and push none of them out.
 */
static bool is_needed(const struct mpol_journal *journal, size_t index)
{
	const struct mpol_change *change = &journal->records[index].change;
	size_t nr_older = 0, nr_newer = 0;

	if (change->is_undone || (change->undoes && change->is_ended) ||
	    !subject_lives(journal, change))
		return false;
	for (size_t i = 0; i < journal->nr_records; i++) {
		const struct mpol_change *other = &journal->records[i].change;

		if (i == index || other->pid != change->pid ||
		    other->start_ticks != change->start_ticks || other->is_undone ||
		    other->undoes || (other->reapplies && !change->reapplies))
			continue;
		if (i < index)
			nr_older++;
		else
			nr_newer++;
	}
	return !nr_older || nr_newer < KEPT_PER_PROCESS;
}

/* Makes the file anew with the changes of living processes.  It is locked. */
static int compact(struct mpol_journal *journal, struct mpol_error *error)
{
	_cleanup_(text_free) struct text lines = { 0 };
	int r;

	for (size_t i = 0; i < journal->nr_records; i++) {
		const struct journal_record *record = &journal->records[i];
		struct journal_record end = { .is_end = true, .change = record->change };

		if (!is_needed(journal, i))
			continue;
		append_record(&lines, record);
		if (record->change.is_ended)
			append_record(&lines, &end);
	}
	if (lines.error)
		return error_errno(error, lines.error, "replace journal");
	r = journal_file_replace(&journal->file, lines.data ? lines.data : "", lines.length, error);
	if (r < 0)
		return r;
	journal->compacted_size = journal->file.offset;
	return 0;
}

static bool has_grown(const struct mpol_journal *journal)
{
	return journal->file.offset > COMPACT_ABOVE_BYTES &&
	       journal->file.offset > 2 * journal->compacted_size;
}

static int append(struct mpol_journal *journal, const struct journal_record *record,
		  struct mpol_error *error)
{
	_cleanup_free_ char *text = journal_record_format(record);

	if (!text)
		return error_errno(error, -ENOMEM, "write journal");
	return journal_file_append(&journal->file, text, strlen(text), error);
}

static int begin(struct mpol_journal *journal, struct journal_record *record,
		 struct mpol_error *error)
{
	int r = refresh(journal, error);

	if (r >= 0 && has_grown(journal))
		r = compact(journal, error);
	if (r < 0)
		return r;
	record->change.id = journal->last_id + 1;
	r = append(journal, record, error);
	return r < 0 ? r : refresh(journal, error);
}

int mpol_journal_begin(struct mpol_journal *journal, const struct mpol_change *change,
		       uint64_t *ret_id, struct mpol_error *error)
{
	struct journal_record record = { .change = *change };
	int r;

	if (!journal->file.writable)
		return error_errno(error, -EBADF, "write journal");
	record.change.time_s = time(NULL);
	record.change.uid = getuid();
	strcpy(record.boot, journal->boot);
	r = journal_file_lock(&journal->file, error);
	if (r < 0)
		return r;
	r = begin(journal, &record, error);
	journal_file_unlock(&journal->file);
	if (r < 0)
		return r;
	*ret_id = record.change.id;
	return 0;
}

int mpol_journal_end(struct mpol_journal *journal, uint64_t id, uint64_t nr_done,
		     struct mpol_error *error)
{
	const struct journal_record record = {
		.is_end = true,
		.change = { .id = id, .nr_done = nr_done },
	};
	int r = journal_file_lock(&journal->file, error);

	if (r < 0)
		return r;
	r = append(journal, &record, error);
	if (r >= 0)
		r = refresh(journal, error);
	journal_file_unlock(&journal->file);
	return r;
}

size_t mpol_journal_nr_changes(const struct mpol_journal *journal)
{
	return journal->nr_records;
}

const struct mpol_change *mpol_journal_change(const struct mpol_journal *journal, size_t index)
{
	return index < journal->nr_records ? &journal->records[index].change : NULL;
}
