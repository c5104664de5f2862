/* SPDX-License-Identifier: MIT */
/*
 * What load.c wants of a program that it gives work: records that are written once, then read
 * and changed in batches, and every answer checked.  A record takes about a page of its memory.
 */
#ifndef LAB_LOAD_H
#define LAB_LOAD_H

#include <stddef.h>
#include <stdint.h>

#define BATCH_MAX 64

struct service; /* a connection to the program */

struct service_kind {
	const char *name;

	/*
	 * Connects, and writes so many records.  where: as service_open of load.c got it.  Ends
	 * this program with a message where that cannot be: there is nothing else to do then.
	 */
	struct service *(*open)(const char *where, uint32_t nr_records);

	/*
	 * Has the program answer these accesses (src/sim/workload.h: the number of a record, and
	 * ACCESS_WRITE to change it), at most BATCH_MAX.  changes[] tells for each record how
	 * often it has been changed, and is brought up to date.  Returns how many answers were
	 * wrong.
	 */
	unsigned (*ask)(struct service *service, const uint32_t *accesses, size_t nr,
			uint32_t *changes);

	void (*close)(struct service *service);
};

extern const struct service_kind redis_service, sqlite_service;

/* Ends this program with status 2: what was done, and why it did not work. */
__attribute__((noreturn)) void fail(const char *step, const char *cause);

#endif
