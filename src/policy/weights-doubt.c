/* SPDX-License-Identifier: MIT */
/* Which stated bandwidths to believe: see weights-doubt.h. */
#include "weights-doubt.h"

/* One direction stands for both where the other is not stated. */
static uint64_t reads_of(const struct weights_statement *statement)
{
	return statement->read_bytes ? statement->read_bytes : statement->write_bytes;
}

static uint64_t writes_of(const struct weights_statement *statement)
{
	return statement->write_bytes ? statement->write_bytes : statement->read_bytes;
}

static enum weights_doubt doubt_alone(const struct weights_statement *statement)
{
	const uint64_t reads = reads_of(statement), writes = writes_of(statement);

	if (!reads)
		return WEIGHTS_UNSTATED;
	if (statement->implausible)
		return WEIGHTS_IMPLAUSIBLE;
	if (reads / WEIGHTS_READS_TO_WRITES > writes || writes / WEIGHTS_WRITES_TO_READS > reads)
		return WEIGHTS_DIRECTIONS;
	return WEIGHTS_BELIEVED;
}

/* HBM may well be faster than the CPUs' own DRAM; nothing else may. */
static bool far_may_be_faster(const struct weights_statement *own,
			      const struct weights_statement *far)
{
	return far->kind == MPOL_MEMORY_HBM && own->kind != MPOL_MEMORY_HBM;
}

static void doubt_own(const struct weights_statement *statements, size_t nr, size_t own,
		      enum weights_doubt *doubts)
{
	bool contradicted = false;

	for (size_t i = 0; i < nr; i++) {
		if (i == own || doubts[i] != WEIGHTS_BELIEVED ||
		    far_may_be_faster(&statements[own], &statements[i]) ||
		    reads_of(&statements[i]) / WEIGHTS_FAR_TO_OWN <= reads_of(&statements[own]))
			continue;
		doubts[i] = WEIGHTS_OWN_SLOWER;
		contradicted = true;
	}
	if (contradicted)
		doubts[own] = WEIGHTS_OWN_SLOWER;
}

/* Whether all that is believed is the same number for memory of different kinds. */
static bool is_placeholder(const struct weights_statement *statements, size_t nr,
			   const enum weights_doubt *doubts)
{
	const struct weights_statement *first = NULL;
	bool kinds_differ = false;

	for (size_t i = 0; i < nr; i++) {
		if (doubts[i] != WEIGHTS_BELIEVED)
			continue;
		if (!first)
			first = &statements[i];
		if (reads_of(&statements[i]) != reads_of(first) ||
		    writes_of(&statements[i]) != writes_of(first))
			return false;
		kinds_differ = kinds_differ || statements[i].kind != first->kind;
	}
	return kinds_differ;
}

void weights_doubt(const struct weights_statement *statements, size_t nr,
		   enum weights_doubt *ret_doubts)
{
	for (size_t i = 0; i < nr; i++)
		ret_doubts[i] = doubt_alone(&statements[i]);
	for (size_t i = 0; i < nr; i++)
		if (statements[i].is_own && ret_doubts[i] == WEIGHTS_BELIEVED)
			doubt_own(statements, nr, i, ret_doubts);
}

void weights_doubt_equals(const struct weights_statement *statements, size_t nr,
			  enum weights_doubt *doubts)
{
	if (!is_placeholder(statements, nr, doubts))
		return;
	for (size_t i = 0; i < nr; i++)
		if (doubts[i] == WEIGHTS_BELIEVED)
			doubts[i] = WEIGHTS_ALL_EQUAL;
}

const char *weights_doubt_text(enum weights_doubt doubt)
{
	switch (doubt) {
	case WEIGHTS_BELIEVED:
		return "as stated";
	case WEIGHTS_UNSTATED:
		return "no bandwidth is stated or measured";
	case WEIGHTS_IMPLAUSIBLE:
		return "not used: what is stated cannot be true (mpol topo says why)";
	case WEIGHTS_DIRECTIONS:
		return "not used: no memory has such a read bandwidth beside such a write "
		       "bandwidth";
	case WEIGHTS_OWN_SLOWER:
		return "not used: CPUs' own memory is stated at less than half of what memory "
		       "further away delivers";
	case WEIGHTS_ALL_EQUAL:
		return "not used: memory of different kinds is all stated at the same bandwidth";
	}
	return "";
}
