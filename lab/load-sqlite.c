/* SPDX-License-Identifier: MIT */
/*
 * sqlite under load: a database in the memory of its shell, customers and their orders.  A
 * record is a customer, whose orders fill a page of the table.  Queries join both tables and
 * sum up the orders of all customers of a batch; a change is an UPDATE of an order's amount.
 */
#include "load.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload.h"

#define ORDERS 8 /* of a customer, their numbers: customer * ORDERS + 0, 1, ... */

/* An order's amount is NUMBER * FACTOR % AMOUNTS at first; its note is its number in 470 digits. */
#define FACTOR	7919
#define AMOUNTS 1000

struct service {
	FILE *in, *out; /* of the shell: what it reads, what it answers */
};

/* Everything up to the line that says so is the answer to what was asked before. */
static const char end[] = "end\n";

static void finish_asking(struct service *service)
{
	if (fputs("SELECT 'end';\n", service->in) < 0 || fflush(service->in) < 0)
		fail("sqlite", "it does not read any more");
}

/* The next line of the answer; false: there is none. */
static bool answer(struct service *service, char *line, int size)
{
	if (!fgets(line, size, service->out))
		fail("sqlite", "it has ended");
	return strcmp(line, end) != 0;
}

static struct service *open_sqlite(const char *where, uint32_t nr_records)
{
	struct service *service = calloc(1, sizeof(*service));
	char in[256], out[256], line[256];

	if (!service || sscanf(where, "%255[^:]:%255s", in, out) != 2)
		fail(where, "give two FIFOs, IN:OUT");
	service->in = fopen(in, "w");
	service->out = fopen(out, "r");
	if (!service->in || !service->out)
		fail(where, "cannot open these FIFOs");
	fprintf(service->in,
		"PRAGMA journal_mode = off;\n"
		"CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);\n"
		"CREATE TABLE orders (id INTEGER PRIMARY KEY, amount INTEGER, note TEXT);\n"
		"INSERT INTO customers SELECT value, 'customer ' || value FROM generate_series(0, "
		"%u);\n"
		"INSERT INTO orders SELECT value, value * %d %% %d, printf('%%0470d', value)"
		" FROM generate_series(0, %u);\n",
		nr_records - 1, FACTOR, AMOUNTS, nr_records * ORDERS - 1);
	finish_asking(service);
	while (answer(service, line, sizeof(line)))
		if (strcmp(line, "off\n") != 0)
			fail("sqlite", line);
	return service;
}

static void expect(uint32_t customer, uint32_t changes, char *line, size_t size)
{
	uint64_t amounts = changes, numbers = 0;

	for (uint64_t order = 0; order < ORDERS; order++) {
		const uint64_t number = (uint64_t)customer * ORDERS + order;

		amounts += number * FACTOR % AMOUNTS;
		numbers += number;
	}
	snprintf(line, size, "customer %u|%d|%" PRIu64 "|%" PRIu64 "\n", customer, ORDERS, amounts,
		 numbers);
}

static int compare(const void *one, const void *other)
{
	const uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

	return (a > b) - (a < b);
}

/* Sorted, each once; returns how many. */
static size_t sort(uint32_t *customers, size_t nr)
{
	size_t kept = 0;

	qsort(customers, nr, sizeof(*customers), compare);
	for (size_t i = 0; i < nr; i++)
		if (kept == 0 || customers[i] != customers[kept - 1])
			customers[kept++] = customers[i];
	return kept;
}

static unsigned ask_sqlite(struct service *service, const uint32_t *accesses, size_t nr,
			   uint32_t *changes)
{
	uint32_t customers[BATCH_MAX];
	char line[256], expected[256];
	size_t nr_customers = 0, nr_lines = 0;
	unsigned wrong = 0;

	for (size_t i = 0; i < nr; i++) {
		const uint32_t customer = accesses[i] & ~ACCESS_WRITE;

		customers[nr_customers++] = customer;
		if (accesses[i] & ACCESS_WRITE) {
			changes[customer]++;
			fprintf(service->in, "UPDATE orders SET amount = amount + 1 WHERE id = %u;",
				customer * ORDERS);
		}
	}
	nr_customers = sort(customers, nr_customers);
	fprintf(service->in,
		"SELECT c.name, count(*), sum(o.amount), sum(CAST(o.note AS INTEGER))"
		" FROM customers c JOIN orders o ON o.id BETWEEN c.id * %d AND c.id * %d + %d"
		" WHERE c.id IN (",
		ORDERS, ORDERS, ORDERS - 1);
	for (size_t i = 0; i < nr_customers; i++)
		fprintf(service->in, "%s%u", i ? "," : "", customers[i]);
	fputs(") GROUP BY c.id ORDER BY c.id;", service->in);
	finish_asking(service);
	for (; answer(service, line, sizeof(line)); nr_lines++) {
		if (nr_lines < nr_customers)
			expect(customers[nr_lines], changes[customers[nr_lines]], expected,
			       sizeof(expected));
		wrong += nr_lines >= nr_customers || strcmp(line, expected) != 0;
	}
	return wrong + (unsigned)(nr_lines < nr_customers ? nr_customers - nr_lines : 0);
}

static void close_sqlite(struct service *service)
{
	fclose(service->in);
	fclose(service->out);
	free(service);
}

const struct service_kind sqlite_service = {
	.name = "sqlite",
	.open = open_sqlite,
	.ask = ask_sqlite,
	.close = close_sqlite,
};
