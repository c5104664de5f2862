/* SPDX-License-Identifier: MIT */
/*
 * redis under load: a record is a bitmap of RECORD_BYTES, which together with what redis puts in
 * front of it takes a page.  Its first word says how often it has been changed, all others follow
 * from its number.  Pipelined: SETRANGE changes the first word in place, BITCOUNT has redis read it
 * all and answer by a number, GET hands it out.  What is handed out is copied often, to memory that
 * is always hot; so only one in GET_EVERY accesses asks for that.
 */
#include "load.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "workload.h"

#define RECORD_WORDS 500
#define RECORD_BYTES (RECORD_WORDS * sizeof(uint64_t))
#define GET_EVERY    16

struct service {
	redisContext *redis;
	uint32_t *ones; /* bits that are set in each record but for its first word */
};

/* A word of a record; the constants are odd, so that neighbours differ in all bits. */
static uint64_t word_of(uint32_t record, unsigned word)
{
	return ((uint64_t)record + 1) * 0x9e3779b97f4a7c15ULL + word * 0xbf58476d1ce4e5b9ULL;
}

static redisReply *reply(struct service *service)
{
	void *reply;

	if (redisGetReply(service->redis, &reply) != REDIS_OK)
		fail("redis", service->redis->errstr);
	return reply;
}

static void append_set(struct service *service, uint32_t record)
{
	uint64_t words[RECORD_WORDS] = { 0 };

	for (unsigned i = 1; i < RECORD_WORDS; i++) {
		words[i] = word_of(record, i);
		service->ones[record] += (unsigned)__builtin_popcountll(words[i]);
	}
	redisAppendCommand(service->redis, "SET record:%u %b", record, words, RECORD_BYTES);
}

static struct service *open_redis(const char *where, uint32_t nr_records)
{
	struct service *service = calloc(1, sizeof(*service));

	if (service) {
		service->redis = redisConnectUnix(where);
		service->ones = calloc(nr_records, sizeof(*service->ones));
	}
	if (!service || !service->ones || !service->redis || service->redis->err)
		fail(where, "redis does not answer there, or not enough memory");
	for (uint32_t record = 0; record < nr_records;) {
		unsigned nr = 0;

		while (nr < BATCH_MAX && record < nr_records) {
			append_set(service, record++);
			nr++;
		}
		while (nr--) {
			redisReply *set = reply(service);

			if (set->type != REDIS_REPLY_STATUS)
				fail("SET",
				     set->type == REDIS_REPLY_ERROR ? set->str : "no status");
			freeReplyObject(set);
		}
	}
	return service;
}

static bool is_record(const redisReply *got, uint32_t record, uint64_t changes)
{
	uint64_t words[RECORD_WORDS];

	if (got->type != REDIS_REPLY_STRING || got->len != RECORD_BYTES)
		return false;
	memcpy(words, got->str, RECORD_BYTES);
	if (words[0] != changes)
		return false;
	for (unsigned i = 1; i < RECORD_WORDS; i++)
		if (words[i] != word_of(record, i))
			return false;
	return true;
}

enum command { SETRANGE, BITCOUNT, GET };

static void append(struct service *service, enum command command, uint32_t record, uint64_t changes)
{
	if (command == SETRANGE)
		redisAppendCommand(service->redis, "SETRANGE record:%u 0 %b", record, &changes,
				   sizeof(changes));
	else
		redisAppendCommand(service->redis, "%s record:%u",
				   command == GET ? "GET" : "BITCOUNT", record);
}

static bool is_right(struct service *service, enum command command, uint32_t record,
		     uint64_t changes)
{
	redisReply *got = reply(service);
	bool right;

	if (command == GET) {
		right = is_record(got, record, changes);
	} else {
		const long long number =
			command == SETRANGE ? (long long)RECORD_BYTES
					    : service->ones[record] + __builtin_popcountll(changes);

		right = got->type == REDIS_REPLY_INTEGER && got->integer == number;
	}
	freeReplyObject(got);
	return right;
}

static unsigned ask_redis(struct service *service, const uint32_t *accesses, size_t nr,
			  uint32_t *changes)
{
	enum command commands[BATCH_MAX];
	uint64_t changed[BATCH_MAX];
	unsigned wrong = 0;

	for (size_t i = 0; i < nr; i++) {
		const uint32_t record = accesses[i] & ~ACCESS_WRITE;

		commands[i] = i % GET_EVERY == 0 ? GET : BITCOUNT;
		if (accesses[i] & ACCESS_WRITE) {
			commands[i] = SETRANGE;
			changes[record]++;
		}
		changed[i] = changes[record];
		append(service, commands[i], record, changed[i]);
	}
	for (size_t i = 0; i < nr; i++)
		wrong += !is_right(service, commands[i], accesses[i] & ~ACCESS_WRITE, changed[i]);
	return wrong;
}

static void close_redis(struct service *service)
{
	redisFree(service->redis);
	free(service->ones);
	free(service);
}

const struct service_kind redis_service = {
	.name = "redis",
	.open = open_redis,
	.ask = ask_redis,
	.close = close_redis,
};
