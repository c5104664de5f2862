/* SPDX-License-Identifier: MIT */
/* Memory of ours in a target: see remote-arena.h. */
#include "remote-arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "maps.h"
#include "remote.h"
#include "rootfs.h"

#define FOOTHOLD_MAGIC 0x31746f6f666c706dULL /* "mplfoot1" */
#define ARENA_MAGIC    0x31616e6572616c6dULL /* "mlarena1" */

#define ARENA_SLOTS	 1024
#define ARENA_BOOT_SLOTS 8 /* the last ones: for the boot code of the next arena */
#define ARENA_BATCHES	 8

/* Followed by the boot code of first arenas. */
struct foothold {
	uint64_t magic;
	uint64_t arena_address; /* the newest arena, or where it is to be */
	uint64_t boot_address;	/* its boot code */
	uint64_t boot_armed;	/* 1: a thread may have been set on that */
	uint64_t boots;		/* places for boot code behind this record that are taken */
	uint64_t reserved;
};

/* The first page of an arena's data. */
struct arena_header {
	uint64_t magic; /* stored by the boot code */
	uint32_t next_slot;
	uint32_t next_boot_slot;	    /* counted from the first of the boot slots */
	uint32_t batch_slot[ARENA_BATCHES]; /* slot + 1 that uses the batch area, 0 if free */
};

#define SLOT_CALLS	    4
#define SLOT_ARGUMENT_BYTES 192

struct slot_data {
	uint64_t armed;
	uint64_t done;
	uint32_t tid;
	uint32_t reserved[11];
	struct arch_call calls[SLOT_CALLS];
	uint8_t arguments[SLOT_ARGUMENT_BYTES];
};

/* For a batch that does not fit in its slot. */
struct batch_data {
	struct arch_call calls[REMOTE_MAX_CALLS];
	uint8_t arguments[REMOTE_ARGUMENT_BYTES];
};

struct arena_data {
	union {
		struct arena_header header;
		uint8_t page[4096];
	};
	struct slot_data slots[ARENA_SLOTS];
	struct batch_data batches[ARENA_BATCHES];
};

#define ARENA_CODE_BYTES ((uint64_t)ARENA_SLOTS * ARCH_CODE_BYTES)
#define ARENA_DATA_BYTES ((uint64_t)sizeof(struct arena_data))

_Static_assert(sizeof(struct slot_data) == 512, "slots do not share cache lines");
_Static_assert(ARENA_CODE_BYTES % 4096 == 0 && ARENA_DATA_BYTES % 4096 == 0, "whole pages");

#define ROOM_TO_GROW_BYTES (64ULL << 30)
#define HUGE_PAGE_BYTES	   (2ULL << 20)

/* User addresses of x86-64 without the opt-in to 5-level paging. */
#define ADDRESS_END 0x7ffffffff000ULL

static uint64_t data_address(const struct arena *arena)
{
	return arena->address + ARENA_CODE_BYTES;
}

static uint64_t slot_data_address(const struct arena *arena, uint32_t slot)
{
	return data_address(arena) + offsetof(struct arena_data, slots) +
	       slot * sizeof(struct slot_data);
}

static uint64_t batch_data_address(const struct arena *arena, unsigned int batch)
{
	return data_address(arena) + offsetof(struct arena_data, batches) +
	       batch * sizeof(struct batch_data);
}

static uint64_t slot_code_address(const struct arena *arena, uint32_t slot)
{
	return arena->address + (uint64_t)slot * ARCH_CODE_BYTES;
}

int arena_read(const struct arena *arena, uint64_t address, void *buffer, size_t size)
{
	return pread(arena->mem, buffer, size, (off_t)address) == (ssize_t)size ? 0 : -ESRCH;
}

int arena_write(const struct arena *arena, uint64_t address, const void *buffer, size_t size)
{
	return pwrite(arena->mem, buffer, size, (off_t)address) == (ssize_t)size ? 0 : -ESRCH;
}

/* The arena's header, or -EAGAIN if it is not one of ours. */
static int read_header(const struct arena *arena, struct arena_header *ret)
{
	struct arena_header header;

	if (!arena->address || arena_read(arena, data_address(arena), &header, sizeof(header)) < 0)
		return -EAGAIN;
	if (header.magic != ARENA_MAGIC || header.next_slot > ARENA_SLOTS - ARENA_BOOT_SLOTS ||
	    header.next_boot_slot > ARENA_BOOT_SLOTS)
		return -EAGAIN;
	*ret = header;
	return 0;
}

/* 0 if the foothold is ours or empty. */
static int check_foothold(const struct arena *arena, struct foothold *ret_record,
			  struct mpol_error *err)
{
	static const struct foothold empty;

	if (arena_read(arena, arena->foothold.start, ret_record, sizeof(*ret_record)) < 0)
		return error_set(err, -ESRCH, "read the foothold", "the process has ended");
	if (ret_record->magic == FOOTHOLD_MAGIC || !memcmp(ret_record, &empty, sizeof(empty)))
		return 0;
	return error_set(err, -EOPNOTSUPP, "find a place for code", "another program uses it too");
}

int arena_attach(struct arena *arena, struct mpol_error *err)
{
	static const struct foothold_wanted wanted = {
		.magic = FOOTHOLD_MAGIC,
		.size = sizeof(struct foothold) + ARENA_BOOT_CODE_BYTES,
	};
	struct foothold record;
	struct arena_header header;
	int r;

	r = foothold_find(arena->root, arena->tid, arena->mem, &wanted, &arena->foothold, err);
	if (r < 0)
		return r;
	r = check_foothold(arena, &record, err);
	if (r < 0)
		return r;
	arena->address = record.arena_address;
	if (arena->address % 4096 || arena->address >= ADDRESS_END ||
	    read_header(arena, &header) < 0)
		arena->address = 0;
	return 0;
}

bool arena_has_room(const struct arena *arena)
{
	struct arena_header header;

	return read_header(arena, &header) == 0 &&
	       header.next_slot < ARENA_SLOTS - ARENA_BOOT_SLOTS;
}

/*
 * In the largest free range, well below where new mappings and the stack grow
 * down from above it, and no further: a sanitizer that starts up later takes
 * only addresses near those that the kernel gives for memory of the program.
 */
static int choose_address(const struct arena *arena, uint64_t *ret_address, struct mpol_error *err)
{
	_cleanup_free_ char *text = NULL;
	uint64_t end = 1 << 20, gap_end = 0, gap_bytes = 0, below;
	struct maps_entry entry = { 0 };
	char *cursor;
	ssize_t n;

	n = rootfs_read(arena->root, &text, "proc/%d/maps", arena->tid);
	if (n == -ENOENT || n == -ESRCH)
		return error_set(err, -ESRCH, "read maps", "the thread has ended");
	if (n < 0)
		return error_errno(err, (int)n, "read maps");
	cursor = text;
	while (maps_next(&cursor, &entry) > 0 && entry.end <= ADDRESS_END) {
		if (entry.start > end && entry.start - end > gap_bytes) {
			gap_end = entry.start;
			gap_bytes = entry.start - end;
		}
		end = entry.end;
	}
	if (!entry.end)
		return error_set(err, -ESRCH, "read maps", "the process has ended or exec'd");
	if (gap_bytes < 4 * (ARENA_CODE_BYTES + ARENA_DATA_BYTES))
		return error_set(err, -ENOMEM, "find a place for code",
				 "the process's address space has no free range");
	below = gap_bytes / 2 < ROOM_TO_GROW_BYTES ? gap_bytes / 2 : ROOM_TO_GROW_BYTES;
	*ret_address = (gap_end - below) & ~(HUGE_PAGE_BYTES - 1);
	return 0;
}

/* A place for boot code: at the end of a full arena, else behind the foothold's record. */
static int claim_boot_place(struct arena *arena, struct foothold *record, uint64_t *ret_address)
{
	struct arena_header header;
	uint64_t address;

	if (read_header(arena, &header) == 0) {
		if (header.next_boot_slot == ARENA_BOOT_SLOTS)
			return -ENOSPC;
		*ret_address = slot_code_address(arena, ARENA_SLOTS - ARENA_BOOT_SLOTS +
								header.next_boot_slot++);
		return arena_write(arena, data_address(arena), &header, sizeof(header));
	}
	address = arena->foothold.start + sizeof(*record) + record->boots * ARENA_BOOT_CODE_BYTES;
	if (record->boots > 64 || address + ARENA_BOOT_CODE_BYTES > arena->foothold.end)
		return -ENOSPC;
	record->boots++;
	*ret_address = address;
	return 0;
}

/* True for an address at which boot code of ours may be written. */
static bool is_boot_place(const struct arena *arena, uint64_t address)
{
	const struct address_range ranges[2] = {
		arena->foothold,
		{ arena->address, arena->address ? data_address(arena) : 0 },
	};

	for (int i = 0; i < 2; i++)
		if (address > ranges[i].start && address < ranges[i].end &&
		    ranges[i].end - address >= ARENA_BOOT_CODE_BYTES)
			return true;
	return false;
}

int arena_plan_boot(struct arena *arena, struct arena_boot *ret_boot, struct mpol_error *err)
{
	struct foothold record;
	uint64_t address = 0;
	int r;

	r = check_foothold(arena, &record, err);
	if (r < 0)
		return r;
	r = choose_address(arena, &address, err);
	if (r < 0)
		return r;
	/* A place that no thread was ever set on, by a controller that was killed, serves again. */
	if (!record.boot_address || record.boot_armed || !is_boot_place(arena, record.boot_address))
		r = claim_boot_place(arena, &record, &record.boot_address);
	if (r == -ENOSPC)
		return error_set(err, r, "map memory in the process",
				 "earlier attempts did not come to an end");
	record.magic = FOOTHOLD_MAGIC;
	record.arena_address = address;
	record.boot_armed = 0;
	if (r == 0)
		r = arena_write(arena, arena->foothold.start, &record, sizeof(record));
	if (r < 0)
		return error_set(err, r, "write the foothold", "the process has ended");

	*ret_boot = (struct arena_boot){
		.mappings = {
			.code_address = address,
			.code_bytes = ARENA_CODE_BYTES,
			.data_address = address + ARENA_CODE_BYTES,
			.data_bytes = ARENA_DATA_BYTES,
			.magic = ARENA_MAGIC,
		},
		.code_address = record.boot_address,
		.armed_address = arena->foothold.start + offsetof(struct foothold, boot_armed),
	};
	return 0;
}

int arena_adopt(struct arena *arena, const struct arch_mappings *mappings)
{
	struct arena fresh = *arena;
	struct arena_header header;
	struct foothold record;
	int r;

	fresh.address = mappings->code_address;
	r = read_header(&fresh, &header);
	if (r < 0)
		return check_foothold(arena, &record, NULL) < 0 ? -ESRCH : r;
	arena->address = fresh.address;
	return 0;
}

/* False only if the target surely has no such thread any more. */
static bool thread_exists(const struct arena *arena, uint32_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "proc/%d/task/%u", arena->pid, tid);
	return faccessat(arena->root, path, F_OK, 0) == 0 || errno != ENOENT;
}

/* The number of a batch area that nobody reads any more, or -EBUSY. */
static int free_batch(const struct arena *arena, const struct arena_header *header)
{
	for (int i = 0; i < ARENA_BATCHES; i++) {
		struct slot_data slot;
		uint32_t user = header->batch_slot[i];

		if (!user || user > ARENA_SLOTS)
			return i;
		if (arena_read(arena, slot_data_address(arena, user - 1), &slot, sizeof(slot)) < 0)
			return -ESRCH;
		/* Done is stored when the last call is over: only then is the table free. */
		if (!slot.armed || slot.done || !thread_exists(arena, slot.tid))
			return i;
	}
	return -EBUSY;
}

int arena_claim(struct arena *arena, pid_t tid, size_t nr_calls, size_t arguments_bytes,
		struct arena_slot *ret_slot, struct mpol_error *err)
{
	struct slot_data slot = { .tid = (uint32_t)tid };
	struct arena_header header;
	struct arena_slot place;
	uint64_t address;
	uint32_t number;
	int r;

	r = read_header(arena, &header);
	if (r < 0)
		return error_set(err, -ESRCH, "read the arena", "the process has ended or exec'd");
	number = header.next_slot++;
	address = slot_data_address(arena, number);
	place.code_address = slot_code_address(arena, number);
	place.armed_address = address + offsetof(struct slot_data, armed);
	place.done_address = address + offsetof(struct slot_data, done);
	place.table_address = address + offsetof(struct slot_data, calls);
	place.arguments_address = address + offsetof(struct slot_data, arguments);
	if (nr_calls > SLOT_CALLS || arguments_bytes > SLOT_ARGUMENT_BYTES) {
		r = free_batch(arena, &header);
		if (r < 0)
			return error_set(err, r, "find room for the calls",
					 "threads have not finished earlier batches");
		header.batch_slot[r] = number + 1;
		address = batch_data_address(arena, r);
		place.table_address = address + offsetof(struct batch_data, calls);
		place.arguments_address = address + offsetof(struct batch_data, arguments);
	}

	r = arena_write(arena, slot_data_address(arena, number), &slot, sizeof(slot));
	if (r == 0)
		r = arena_write(arena, data_address(arena), &header, sizeof(header));
	if (r < 0)
		return error_set(err, r, "write the arena", "the process has ended or exec'd");
	*ret_slot = place;
	return 0;
}

int arena_is_done(const struct arena *arena, const struct arena_slot *slot)
{
	uint64_t done;
	int r = arena_read(arena, slot->done_address, &done, sizeof(done));

	return r < 0 ? r : done == 1;
}

bool remote_left(uint64_t start, uint64_t end, uint64_t next_start, uint64_t next_end)
{
	return start % HUGE_PAGE_BYTES == 0 && end - start == ARENA_CODE_BYTES &&
	       next_start == end && next_end - next_start == ARENA_DATA_BYTES;
}
