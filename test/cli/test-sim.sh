#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol sim: its options and what it refuses, that table and JSON agree, that the same seed
# gives the same bytes everywhere, that it draws, and that it can be interrupted.
mpol=$1
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

# A second or so of a small machine: two nodes of DRAM and two of PMEM, the hot set in neither.
small=(--machine two-dram-two-pmem --memory "0=16MiB" --memory "1=16MiB" --memory "2=64MiB" --memory "3=64MiB")
zipf=(--workload "zipf:size=48MiB,threads=2" --time 100ms)
sim=("$mpol" sim "${small[@]}" "${zipf[@]}")

# json FILTER COMMAND...: what the filter makes of the command's document.
json() {
	local filter=$1
	shift
	"$@" --json </dev/null | jq -r "$filter"
}

# ---- What it says ----
expect 0 'oracle       ' "$mpol" sim --list
same 'names in JSON' "$("$mpol" sim --list | cut -d ' ' -f 1)" "$(json '.[].name' "$mpol" sim --list)"
expect 0 'OF ORACLE' "${sim[@]}"
expect 0 'STALLED' "${sim[@]}" --policy first-touch
[[ $(<"$scratch/stdout") != *ORACLE* ]] || same 'columns beside the oracle' 'none without it' 'there'
same 'default policies' 'mpol numab first-touch oracle' "$(json '[.policies[].policy] | join(" ")' "${sim[@]}")"
"$mpol" sim --list | while read -r peer _; do
	same "policies of --policy $peer" "$peer" "$(json '.policies[].policy' "${sim[@]}" --policy "$peer")"
done
json '[.policies[].policy, "x"] | join(" ")' "${sim[@]}" --policy oracle,demotion >"$scratch/order"
same 'the order asked for' 'oracle demotion x' "$(<"$scratch/order")"

same 'mpol by its rule of that name' mpol "$(json '.policies[].policy' "${sim[@]}" --policy mpol:rule=ranking)"
refused 2 'mpol:rule=hope: no such policy' 'mpol sim --list' "${sim[@]}" --policy mpol:rule=hope

# ---- The table says what the JSON says ----
"${sim[@]}" --json >"$scratch/json"
jq -r '
	def centi($unit): . * $unit + 1e-6 | floor | "\(. / 100 | floor).\(. % 100 | tostring | if length < 2 then "0" + . else . end)";
	.policies[] | "\(.policy) \(.fast_share | centi(10000))% \(.average_access_ps / 100 | floor | "\(. / 10 | floor).\(. % 10)") ns \(.accesses_per_s | centi(0.0001)) \(.of_oracle | centi(10000))%"' \
	"$scratch/json" >"$scratch/from-json"
"${sim[@]}" | tail -n +2 | sed -E 's/^([^ ]+) +([^ ]+) +([^ ]+) ns +([^ ]+) .* ([0-9.]+%) +([0-9.]+ [a-z]+|never) +[0-9.]+ [a-z]+$/\1 \2 \3 ns \4 \5/' >"$scratch/from-table"
same 'the table' "$(<"$scratch/from-json")" "$(<"$scratch/from-table")"

# ---- What the JSON must agree in with itself ----
jq -r '.policies[] | select(
	([.nodes[] | .reads + .writes] | add) != .accesses or
	([.nodes[].pages] | add) != 12288 or
	([.time_line[].promoted_pages] | add) != .moved_pages.promotion or
	([.time_line[].demoted_pages] | add) != .moved_pages.demotion or
	.time_line[-1].time_ns != .ran_ns or .ran_ns != 100000000 or
	.settled_ns == null and .below_ns != .ran_ns) | .policy' "$scratch/json" >"$scratch/odd"
same 'policies that contradict themselves' '' "$(<"$scratch/odd")"
same 'the oracle by itself' '1 0 0' "$(jq -r '.policies[3] | "\(.of_oracle) \(.settled_ns) \(.below_ns)"' "$scratch/json")"
same 'the fastest share' 'oracle' "$(jq -r '.policies | max_by(.fast_share).policy' "$scratch/json")"

# ---- The same seed, the same bytes: in every build, on every machine ----
# So long that all of them have moved something.
reproducible=("$mpol" sim "${small[@]}" --workload "zipf:size=48MiB,threads=2" --time 1500ms
	--policy "mpol,numab,tpp,memtis,damon,home-node,oracle" --seed 7 --json)
"${reproducible[@]}" >"$scratch/once"
"${reproducible[@]}" >"$scratch/twice"
same 'the second run' "$(sha256sum <"$scratch/once")" "$(sha256sum <"$scratch/twice")"
wanted=$(<"$(dirname "${BASH_SOURCE[0]}")/test-sim.sha256")
same 'the checksum of a run (test-sim.sha256; new where the simulator changes)' "$wanted" "$(sha256sum <"$scratch/once" | cut -d ' ' -f 1)"
"${sim[@]}" --policy first-touch --seed 8 --json >"$scratch/eight"
"${sim[@]}" --policy first-touch --seed 7 --json >"$scratch/seven"
! cmp -s "$scratch/seven" "$scratch/eight" || same 'another seed' 'another run' 'the same'

# ---- Options that change what happens ----
one=("${sim[@]}" --policy first-touch)
pages='[.policies[0].nodes[].pages] | join(" ")'
same 'pages, touched' 12288 "$(json '[.policies[0].nodes[].pages] | add' "${one[@]}")"
same 'pages of --start slow on DRAM' '0' "$(json '[.policies[0].nodes[0, 1].pages] | add' "${one[@]}" --start slow)"
[ "$(json '.policies[0].faults' "${one[@]}" --start absent)" -gt 1000 ] || same 'faults of --start absent' 'many' 'few'
same 'faults of --start touched' 0 "$(json '.policies[0].faults' "${one[@]}" --start touched)"
same 'pages of bind:2' '0 0 12288 0' "$(json "$pages" "${one[@]}" --mempolicy bind:2)"
same 'pages of weighted:2=3,3=1' '0 0 9216 3072' "$(json "$pages" "${one[@]}" --mempolicy weighted:2=3,3=1)"
same 'pages of weighted:auto, by 5:5:1:1' '5120 5120 1024 1024' "$(json "$pages" "${one[@]}" --memory 0=64MiB --memory 1=64MiB --mempolicy weighted:auto)"
# Who leaves memory alone that somebody has bound, and who does not.
promoted='.policies | map(.moved_pages.promotion > 0) | join(" ")'
same 'who promotes by --mempolicy bind:2' 'false false false' "$(json "$promoted" "${sim[@]}" --time 3s --policy mpol,numab,tpp --mempolicy bind:2)"
same 'who promotes by --mempolicy bind:2+balancing' 'true true' "$(json "$promoted" "${sim[@]}" --time 3s --policy numab,tpp --mempolicy bind:2+balancing)"
same 'who promotes by --mempolicy prefer:2' 'true false' "$(json "$promoted" "${sim[@]}" --time 3s --policy mpol,numab --mempolicy prefer:2)"
regions=("$mpol" sim "${small[@]}" --time 10ms --policy first-touch --workload "stream:size=3MiB,threads=1")
same 'pages of one region' '512 0 256 0' "$(json "$pages" "${regions[@]}" --mempolicy bind:0 --mempolicy b=bind:2)"
same 'pages of two copies' 24576 "$(json '[.policies[0].nodes[].pages] | add' "${one[@]}" --copies 2)"
full=$(json '.policies[0].nodes[0].pages' "${one[@]}")
kernel=$(json '.policies[0].nodes[0].pages' "${one[@]}" --kernel 0=4MiB)
same 'pages that --kernel 0=4MiB takes away' 1024 $((full - kernel))
cache=$(json '.policies[0].nodes[0].pages' "${sim[@]}" --policy demotion --cache 0=4MiB --mempolicy bind:0 --workload zipf:size=12MiB,threads=1)
same 'pages where --cache 0=4MiB gives way' 3072 "$cache"
swap=("${one[@]}" --workload "zipf:size=24MiB,threads=1" --mempolicy bind:0)
refused 1 'no room' 'a smaller workload' "${swap[@]}"
refused 1 'a page found no place' 'or allow swap' "${swap[@]}" --start absent
[ "$(json '.policies[0].swapped_out_pages' "${swap[@]}" --start absent --swap)" -gt 1000 ] || same 'pages swapped out' 'many' 'few'
same 'intervals of 10 ms' '10 10000000 100000000' "$(json '.policies[0].time_line | "\(length) \(.[0].time_ns) \(.[-1].time_ns)"' "${one[@]}" --interval 10ms)"
same 'a last interval that is shorter' '4 90000000 100000000' "$(json '.policies[0].time_line | "\(length) \(.[2].time_ns) \(.[-1].time_ns)"' "${one[@]}" --interval 30ms)"
same 'an interval in whole milliseconds' 2000000 "$(json .interval_ns "${one[@]}" --interval 1100us)"
same 'intervals where nobody says' '1000000 100' "$(json '"\(.interval_ns) \(.policies[0].time_line | length)"' "${one[@]}")"
huge=$(json '.policies[0].faults' "${one[@]}" --start absent --thp --mempolicy bind:2)
[ "$huge" -le 24 ] || same 'faults with --thp' 'one for each huge page' "$huge"
expect 0 'first-touch' "$mpol" sim --workload zipf:size=1MiB,threads=1 --time 1ms --policy first-touch # on this machine
name=$(json .machine "$mpol" topo)
same 'the machine where nobody says' "$name" "$(json .machine "$mpol" sim --workload zipf:size=1MiB,threads=1 --time 1ms --policy first-touch)"

# A trace, of Ramulator's kind: it ends, and so does the run.
for i in {0..1999}; do printf '0x%x R\n' $((i % 300 * 4096)); done >"$scratch/ramulator.trace"
same 'accesses of a trace' '2000 300' "$(json '.policies[0] | "\(.accesses) \([.nodes[].pages] | add)"' \
	"$mpol" sim "${small[@]}" --policy first-touch --trace "$scratch/ramulator.trace")"
odd=$scratch/$'not\xffutf-8'
cp "$scratch/ramulator.trace" "$odd"
expect 0 '"workload"' "$mpol" sim "${small[@]}" --policy first-touch --trace "$odd" --json

# What drives bandwidth is interleaved, where that is faster; otherwise all memory stays local.
cat >"$scratch/slow.yaml" <<'END'
name: slow
description: memory that a few threads can fill
nodes:
  - { id: 0, kind: dram, memory: 256MiB, nr_cpus: 4 }
  - { id: 1, kind: cxl, memory: 256MiB }
performance:
  - { initiators: 0, targets: 0, latency: 100ns, bandwidth: 2GB/s }
  - { initiators: 0, targets: 1, latency: 250ns, bandwidth: 1GB/s }
END
# driving WORKLOAD TIME: how much faster, in per cent, and whether anything moved.
driving() {
	json '.policies | "\(100 * .[1].accesses_per_s / .[0].accesses_per_s | floor) \(.[1].moved_pages.balance > 0)"' \
		"$mpol" sim --machine "$scratch/slow.yaml" --workload "$1" --time "$2" --policy first-touch,mpol:driving
}
read -r percent moved <<<"$(driving stream:size=24MiB,threads=4 2500ms)"
[ "$percent" -ge 108 ] || same 'streams that drive bandwidth, in per cent of all local' '108 or more' "$percent"
same 'whether a stream moved' true "$moved"
read -r percent _ <<<"$(driving stream:size=24MiB,threads=4 6s)"
[ "$percent" -ge 130 ] || same 'these, after what was lost by looking' '130 or more' "$percent"
read -r percent _ <<<"$(driving scan:size=24MiB,threads=4 2500ms)"
[ "$percent" -ge 99 ] || same 'a stream that only reads, in per cent of all local' '99 or more' "$percent"
# What stays local loses nothing but what looking has cost: two seconds at 3 %.
same 'one that waits' '97 false' "$(driving zipf:size=24MiB,threads=1,think=100ns 2500ms)"
same 'one that waits, after that' '99 false' "$(driving zipf:size=24MiB,threads=1,think=100ns 20s)"
same 'one that is at random' '97 false' "$(driving uniform:size=24MiB,threads=1,think=50ns 2500ms)"
same 'one that is at random, after that' '99 false' "$(driving uniform:size=24MiB,threads=1,think=50ns 20s)"

# ---- What it refuses ----
expect 2 "unrecognized option '--bogus'" "$mpol" sim --bogus
expect 2 "requires an argument" "$mpol" sim --workload
expect 2 'extra: it takes options only' "${sim[@]}" extra
refused 2 'give one of --workload' 'mpol-workload(5)' "$mpol" sim
refused 2 'give one of --workload' 'mpol-workload(5)' "${sim[@]}" --trace x
refused 1 'no such workload: "nothing"' 'workloads are zipf' "$mpol" sim --workload nothing
refused 1 'open trace' "$scratch/none" "$mpol" sim --trace "$scratch/none"
refused 1 'read machine: none' 'mpol topo --machines' "${sim[@]}" --machine none
refused 2 'nobody: no such policy' 'mpol sim --list' "${sim[@]}" --policy mpol,nobody
refused 2 'no such policy' 'mpol sim --list' "${sim[@]}" --policy ''
refused 2 'mpol: named twice' '--policy' "${sim[@]}" --policy mpol,oracle,mpol
refused 2 '--time: 5: not a duration' '30s' "${sim[@]}" --time 5
refused 2 '--time: 0s: less than' '1 ms' "${sim[@]}" --time 0s
refused 2 '--interval: 1us: less than' '1 ms' "${sim[@]}" --interval 1us
refused 2 '--interval: too short' 'at most' "${sim[@]}" --time 1000h --interval 1ms
refused 2 '--seed: -1: not a number' 'from 0' "${sim[@]}" --seed -1
refused 2 '--copies: 0: not a number' 'from 1 to 1024' "${sim[@]}" --copies 0
refused 2 '--copies: 2x: not a number' 'from 1 to 1024' "${sim[@]}" --copies 2x
refused 1 'no room for all of the workload' 'a larger machine' "${sim[@]}" --copies 40
refused 2 '--start: up' 'touched nor slow nor absent' "${sim[@]}" --start up
for option in --memory --kernel --cache; do
	refused 2 "$option: 1: not NODE=SIZE" '0=16GiB' "${sim[@]}" "$option" 1
	refused 2 "$option: 0=x: not NODE=SIZE" '0=16GiB' "${sim[@]}" "$option" 0=x
	refused 2 "$option: 9=1MiB" 'no such node' "${sim[@]}" "$option" 9=1MiB
done
refused 2 '--memory: 0=1: less than a page' '--memory' "${sim[@]}" --memory 0=1
refused 1 'node 0: the kernel and the page cache would have' 'a larger node' "${sim[@]}" --kernel 0=10MiB --cache 0=10MiB
refused 1 'no such mode: "bogus"' 'bind:0-1' "${sim[@]}" --mempolicy bogus
refused 1 'node 7 does not exist' '0-3' "${sim[@]}" --mempolicy bind:7
refused 1 'none can be given' 'weighted:auto' "${sim[@]}" --mempolicy weighted:auto:0=1
refused 2 'none=bind:0: the workload has no region' '--mempolicy' "${sim[@]}" --mempolicy none=bind:0
expect 1 '"code": "ENOENT"' "${sim[@]}" --machine none --json

# ---- Plots ----
refused_to_draw() {
	expect 1 "$1" "${@:2}"
	grep -q '^first-touch' "$scratch/stdout" || same 'the table' 'there' 'lost for want of a plot'
}
refused_to_draw 'No such file or directory' "${one[@]}" --plot "$scratch/none/p"
ln -s "$(type -P false)" "$scratch/gnuplot"
refused_to_draw 'gnuplot did not draw' env PATH="$scratch" "$(realpath "$mpol")" "${one[@]:1}" --plot "$scratch/p"
refused_to_draw 'apt-get install gnuplot-nox' env PATH="$scratch/none" "$(realpath "$mpol")" "${one[@]:1}" --plot "$scratch/p"
[ -s "$scratch/p.dat" ] || same 'what gnuplot would have drawn' 'there' 'not there'
if command -v gnuplot >/dev/null; then
	expect 0 '' "${sim[@]}" --plot "$scratch/it's"
	same 'what gnuplot said' '' "$(<"$scratch/stderr")"
	for name in share moves heat; do
		same "it's-$name.png" 'PNG' "$(head -c 4 "$scratch/it's-$name.png" | tail -c 3)"
	done
	same 'lines of the data' 400 "$(grep -c '^[0-9]' "$scratch/it's.dat")"
	same 'rows and columns of the heat map' '128 100' \
		"$(awk '{ rows++; columns = NF } END { print rows, columns }' "$scratch/it's-heat.dat")"
else
	[ -z "${MPOL_MUST_RUN-}" ] || same 'gnuplot' 'there' 'not there'
fi

# ---- An interrupt ends it, though no interval has ended ----
set -m # or the shell lets background processes ignore SIGINT
"$mpol" sim "${small[@]}" --workload zipf:size=48MiB,threads=2 --time 100h --interval 50h </dev/null >"$scratch/stdout" 2>"$scratch/stderr" &
running=$!
children+=("$running")
sleep 0.5
kill -INT "$running"
began=$(date +%s%N)
status=0
wait "$running" || status=$?
took_ms=$((($(date +%s%N) - began) / 1000000))
children=()
same 'the status of an interrupted run' 1 "$status"
grep -q 'it was interrupted' "$scratch/stderr" || same 'what it says' 'interrupted' "$(<"$scratch/stderr")"
[ ! -s "$scratch/stdout" ] || same 'what it prints' 'nothing' "$(<"$scratch/stdout")"
[ "$took_ms" -lt 3000 ] || same 'how long an interrupt takes' 'less than 3 s' "$took_ms ms"
finish
