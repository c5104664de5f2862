/* SPDX-License-Identifier: MIT */
/* The table of peers: all of them are in it, under names of their own, with an end. */
#include "cmocka-all.h"

#include <string.h>

#include "peers.h"

static void all_are_found_by_name(void **state)
{
	static const struct peer *const known[] = {
		&peer_mpol_hint_latency,
		&peer_mpol_two_touch,
		&peer_mpol,
		&peer_first_touch,
		&peer_demotion,
		&peer_numab,
		&peer_numab_high,
		&peer_numab_boost,
		&peer_tpp,
		&peer_tpp_ungated,
		&peer_memtis,
		&peer_damon,
		&peer_oracle,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_ptr_equal(peer_by_name(known[i]->name), known[i]);
	assert_ptr_equal(peer_by_name("mpol:rule=ranking"), &peer_mpol);
	assert_null(peer_by_name("nobody"));
	assert_null(peer_by_name(""));
}

static void each_has_what_a_table_shows(void **state)
{
	(void)state;
	for (const struct peer *const *peer = peers; *peer; peer++) {
		assert_ptr_equal(peer_by_name((*peer)->name), *peer);
		assert_int_equal(strspn((*peer)->name, "abcdefghijklmnopqrstuvwxyz-:="),
				 strlen((*peer)->name));
		assert_true(*(*peer)->summary);
		assert_null(strchr((*peer)->summary, '\n'));
		assert_true(!(*peer)->start == !(*peer)->stop);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_found_by_name),
		cmocka_unit_test(each_has_what_a_table_shows),
	};

	return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
