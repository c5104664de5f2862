/* SPDX-License-Identifier: MIT */
/* Sets of CPUs: see cpumask.h. */
#include "cpumask.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BITS   32
#define WORD_DIGITS 8

/* One word of length characters: nothing, or 0x and up to eight digits. */
static int parse_word(const char *text, size_t length, uint32_t *ret_word)
{
	uint32_t word = 0;

	if (length && (length < 3 || length > 2 + WORD_DIGITS || strncmp(text, "0x", 2) != 0))
		return -EINVAL;
	for (size_t i = 2; i < length; i++) {
		int c = tolower((unsigned char)text[i]);

		if (!isxdigit(c))
			return -EINVAL;
		word = word << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*ret_word = word;
	return 0;
}

int cpumask_parse(const char *text, struct cpumask *ret_mask)
{
	static const char endless[] = "0xf...f";
	struct cpumask mask = { NULL, 1 };
	int r = 0;

	if (!*text)
		return -EINVAL;
	if (!strncmp(text, endless, strlen(endless)))
		return -ERANGE;
	for (const char *comma = text; (comma = strchr(comma, ',')); comma++)
		mask.nr_words++;
	if (mask.nr_words > CPUMASK_MAX_CPUS / WORD_BITS)
		return -ERANGE;
	mask.words = calloc(mask.nr_words, sizeof(*mask.words));
	if (!mask.words)
		return -ENOMEM;
	for (size_t i = mask.nr_words; r == 0 && i-- > 0;) {
		size_t length = strcspn(text, ",");

		r = parse_word(text, length, &mask.words[i]);
		text += length + 1;
	}
	if (r < 0) {
		cpumask_free(&mask);
		return r;
	}
	*ret_mask = mask;
	return 0;
}

void cpumask_free(struct cpumask *mask)
{
	free(mask->words);
	*mask = (struct cpumask) { 0 };
}

int cpumask_next(const struct cpumask *mask, int from)
{
	size_t i = from / WORD_BITS;
	uint32_t word;

	if (i >= mask->nr_words)
		return -1;
	word = mask->words[i] & UINT32_MAX << from % WORD_BITS;
	while (!word && ++i < mask->nr_words)
		word = mask->words[i];
	return word ? (int)(i * WORD_BITS) + __builtin_ctz(word) : -1;
}

int cpumask_weight(const struct cpumask *mask)
{
	int weight = 0;

	for (size_t i = 0; i < mask->nr_words; i++)
		weight += __builtin_popcount(mask->words[i]);
	return weight;
}
