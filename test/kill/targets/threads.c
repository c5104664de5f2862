/* SPDX-License-Identifier: MIT */
/*
 * A target of 64 threads: half of them hand a token around a ring under a
 * mutex and a condition variable, the others fill memory, free it, and check
 * what they sum up.
 */
#include <stdlib.h>

#include "worker.h"

#define NR_THREADS 64
#define NR_RING	   (NR_THREADS / 2)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t passed[NR_RING];
static uintptr_t token; /* whose turn it is: token modulo NR_RING */

static void pass_token(struct worker *worker)
{
	pthread_mutex_lock(&lock);
	while (token % NR_RING != worker->number % NR_RING)
		pthread_cond_wait(&passed[worker->number % NR_RING], &lock);
	if (token != worker->number)
		wrong("token %lu came instead of %lu", token, worker->number);
	token++;
	worker->number += NR_RING;
	pthread_cond_signal(&passed[token % NR_RING]);
	pthread_mutex_unlock(&lock);
}

static void sum_memory(struct worker *worker)
{
	size_t nr = 64 + worker->number % 4000;
	uint64_t *words = malloc(nr * sizeof(*words)), sum = 0, expected;
	uint64_t first = worker->number++ * 1000003;

	if (!words)
		return;
	for (size_t i = 0; i < nr; i++)
		words[i] = first + i;
	for (size_t i = 0; i < nr; i++)
		sum += words[i];
	expected = nr * first + nr * (nr - 1) / 2;
	if (sum != expected)
		wrong("the sum is %llu instead of %llu", (unsigned long long)sum,
		      (unsigned long long)expected);
	free(words);
}

int main(void)
{
	static struct worker workers[NR_THREADS];

	for (int i = 0; i < NR_RING; i++)
		pthread_cond_init(&passed[i], NULL);
	for (uintptr_t i = 0; i < NR_THREADS; i++)
		workers[i] = (struct worker) {
			.once = i < NR_RING ? pass_token : sum_memory,
			.number = i,
			.rest_us = i < NR_RING ? 0 : 1000,
		};
	workers_run(workers, NR_THREADS);
	return 0;
}
