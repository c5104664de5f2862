#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol record: a program that writes known pages, its trace, and the trace simulated.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
trace=/tmp/writes.trace

# A huge page counts as written as a whole.
without_huge_pages

# Writes 400 pages of 4000, the same ones again and again.
perl -e '$| = 1; my $memory = "a" x (4000 * 4096);
	for (my $i = 0;; $i = ($i + 1) % 400) {
		substr($memory, $i * 4096 * 10 + 100, 1) = "b";
		print "ready\n" if $i == 0;
		select(undef, undef, undef, 0.0005);
	}' >/tmp/rounds &
program=$!
until grep -q ready /tmp/rounds; do sleep 0.1; done

"$mpol" record $program --output $trace --interval 2s --time 8s --json >/tmp/recorded || not_ok "mpol record: $(cat /tmp/recorded)"
intervals=$(jq .intervals /tmp/recorded)
pages=$(jq .written_pages /tmp/recorded)
within "$intervals" 2 4 "intervals"
# Each page in every interval that was long enough for a whole round, and perl's own few; not the 4000.
within "$pages" 400 $((intervals * 700)) "pages written"

"$mpol" sim --machine two-dram-cxl --trace $trace --policy first-touch --time 60s --json >/tmp/simulated ||
	not_ok "mpol sim does not take the trace"
is "$(jq '.policies[0].accesses' /tmp/simulated)" "$pages" "every write is simulated"

# Interrupted, it keeps what it has.
"$mpol" record $program --output $trace --interval 1s >/tmp/said 2>&1 &
recorder=$!
sleep 3
kill -INT $recorder
wait $recorder
is $? 0 "an interrupted recording is kept"
like "$(cat /tmp/said)" 'intervals' "and says what it has"

# So it does when the process ends.
"$mpol" record $program --output $trace --interval 1s >/tmp/said 2>&1 &
recorder=$!
sleep 3
kill $program
wait $recorder
is $? 0 "a recording ends with its process"
"$mpol" sim --machine two-dram-cxl --trace $trace --policy first-touch --time 1s >/dev/null || not_ok "its trace is whole"
finish
