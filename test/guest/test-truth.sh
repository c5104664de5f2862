#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The ground truth counts what lab/plugin/pattern is known to do, in a guest
# started with lab/run --truth.  Counts are compared exactly wherever the number
# of accesses is exact, which is stricter than the 0.5 % that is promised.
set -euo pipefail
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command -v truth-ctl >/dev/null || skip "not started with lab/run --truth"
pattern=$(dirname "$(command -v truth-ctl)")/pattern
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

address=100000000000
nodes=()
for folder in /sys/devices/system/node/node*; do
	if compgen -G "$folder/memory[0-9]*" >/dev/null; then
		nodes+=("${folder##*/node}")
	fi
done
mapfile -t nodes < <(printf '%s\n' "${nodes[@]}" | sort -n)
first=${nodes[0]}
last=${nodes[-1]}

# range PAGES: the addresses of that many pages of the pattern.
range() {
	printf '%s-%x' "$address" $((16#$address + $1 * 4096))
}

# counts TEXT NODE: "LOADS STORES" of a node in a report.
counts() {
	awk -v node="$2" '$1 == node { print $2, $3 }' <<<"$1"
}

# others TEXT NODE...: the sum of all other rows of a report.
others() {
	local text=$1
	shift
	awk -v nodes=" $* " 'NR > 1 && NF >= 3 && !index(nodes, " " $1 " ") { sum += $2 + $3 } END { print sum + 0 }' <<<"$text"
}

# count PAGES SETTING...: runs the pattern on so many pages under truth-ctl and prints the report.
count() {
	local pages=$1
	shift
	truth-ctl run --range "$(range "$((pages * threads))")" "${options[@]}" -- "$pattern" "pages=$pages" "threads=$threads" "$@"
}
threads=1 options=()

each_node() {
	local node report
	for node in "${nodes[@]}"; do
		report=$(count 512 "node=$node" loads=200000 stores=50000 locked=1000)
		is "$(counts "$report" "$node")" "201000 51512" "node $node: every load, store and locked instruction, once"
		is "$(others "$report" "$node")" 0 "node $node: nothing on another node"
	done
}

moved_pages() {
	local report
	report=$(count 512 "node=$first" "move-to=$last" loads=200000 stores=50000)
	is "$(counts "$report" "$first")" "100000 25512" "pages moved half way: the first half on the old node"
	is "$(counts "$report" "$last")" "100000 25000" "pages moved half way: the second half on the new node"
	is "$(others "$report" "$first" "$last")" 0 "pages moved half way: nothing elsewhere"
}

# Another process does the same at the same addresses, all the time.
same_addresses() {
	local report other
	"$pattern" "node=$last" pages=512 loads=2000000000 >/dev/null &
	other=$!
	report=$(count 512 "node=$first" loads=200000 stores=50000)
	if kill -0 "$other"; then
		ok "the other process ran until the end"
	else
		not_ok "the other process ran until the end"
	fi
	kill "$other"
	wait "$other" || true
	is "$(counts "$report" "$first")" "200000 50512" "another process at the same addresses: ours, exactly"
	is "$(others "$report" "$first")" 0 "another process at the same addresses is not counted"
}

many_threads() {
	local report
	threads=2
	report=$(count 512 "node=$last" loads=1000000 stores=50000)
	is "$(counts "$report" "$last")" "2000000 101024" "two threads: both, exactly"
	# Threads that end before anybody could ask whose they are may stay unattributed, never lost.
	threads=20
	report=$(count 16 "node=$last" loads=1000)
	within "$(counts "$report" "$last" | cut -d ' ' -f 1)" 0 20000 "twenty brief threads: no more than they made"
	is "$(awk -v node="$last" '$1 == node || $1 == "unattributed" { sum += $2 } END { print sum }' <<<"$report")" \
		20000 "twenty brief threads: none lost"
	threads=1
}

huge_pages() {
	local report
	report=$(count 1024 "node=$last" loads=200000 stores=50000 huge=1)
	is "$(counts "$report" "$last")" "200000 51024" "huge pages: every load and store, once"
	is "$(others "$report" "$last")" 0 "huge pages: nothing on another node"
}

# The counts of a run in intervals add up; pages are listed with their own counts.
intervals_and_pages() {
	local report
	options=(--interval 50ms --pages)
	report=$(count 64 "node=$last" loads=6400000 stores=640)
	options=()
	is "$(counts "$report" "$last")" "6400000 704" "intervals of 50 ms: their sum is exact"
	truth-ctl mark after-pages
	# The file is on the host: what the guest sees of it was not read before.
	awk '/"event":"start"/ { lines = "" } { lines = lines $0 "\n" } END { printf "%s", lines }' \
		"$LAB_TRUTH" >"$scratch/lines"
	within "$(grep -c '"event":"interval"' "$scratch/lines")" 2 1000 "there are several intervals"
	is "$(grep -o '"name":"after-pages"' "$scratch/lines")" '"name":"after-pages"' "a mark is among the lines"
	grep -o '\["0x[0-9a-f]*",-*[0-9]*,[0-9]*,[0-9]*\]' "$scratch/lines" | tr -d '[]"' >"$scratch/pages"
	is "$(awk -F , -v node="$last" '$2 == node { loads[$1] += $3; stores[$1] += $4 }
		END { for (page in loads) { pages++; if (loads[page] != 100000 || stores[page] != 11) wrong++ }
			print pages + 0, wrong + 0 }' "$scratch/pages")" "64 0" "every page has its own counts"
}

wrong_map() {
	local size status=0
	size=$(</sys/devices/system/memory/block_size_bytes)
	# All memory is said to be the last node's, or of a node that is not there.
	if [ "$first" = "$last" ]; then
		printf '%d 0 %x\n' $((last + 1)) $((1 << 40)) >"$scratch/map"
	else
		printf '%d 0 %s\n%d %s %x\n' "$last" "$size" "$first" "$size" $((1 << 40)) >"$scratch/map"
	fi
	truth-ctl calibrate --node-map "$scratch/map" 2>"$scratch/error" || status=$?
	is "$status" 1 "a wrong node map: calibration refuses"
	like "$(<"$scratch/error")" "node [0-9]+" "a wrong node map: the error names a node"
	status=0
	truth-ctl start $$ 2>"$scratch/error" || status=$?
	is "$status" 1 "not calibrated: counting refuses"
	like "$(<"$scratch/error")" "truth-ctl calibrate" "not calibrated: the error says what to do"
	truth-ctl calibrate
	ok "calibration succeeds again with the kernel's own map"
}

# refused STATUS REGEXP SENTENCE ARGUMENT...
refused() {
	local expected=$1 text=$2 sentence=$3 status=0
	shift 3
	truth-ctl "$@" >"$scratch/output" 2>"$scratch/error" || status=$?
	is "$status" "$expected" "$sentence: exit status"
	like "$(<"$scratch/error")" "$text" "$sentence: the error says so"
}

bad_input() {
	refused 1 "process 4194000" "a process that is not there" watch 4194000
	refused 1 "none of that name" "a range that is not there" watch $$ --vma nothing.so
	refused 2 "no such verb: fly" "an unknown verb" fly
	refused 2 "no such option: --fly" "an unknown option" watch $$ --fly
	refused 2 "no good: 9-1" "a range that ends before it starts" watch $$ --range 9-1
	refused 2 "no good: 5" "an interval without a unit" watch $$ --interval 5
	refused 1 "plain name" "a mark with a quote" mark 'a"b'
	truth-ctl start $$
	refused 1 "is being counted" "a second measurement" start 1
	truth-ctl stop
	refused 1 "nothing is being counted" "a tick without a start" tick $$
}

each_node
[ "$first" = "$last" ] || moved_pages
same_addresses
many_threads
huge_pages
intervals_and_pages
bad_input
wrong_map
finish
