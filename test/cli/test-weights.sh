#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol weights on described machines and on recorded trees of /sys, which stand for the kernel:
# what is derived and why, what is set, what undo restores, and that wrong input, or a write that
# fails in the middle, changes nothing.
mpol=$1
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=test/cli/expect.sh
. "$here/expect.sh"
fixture=$here/../fixture

# tree NAME: a fresh copy of the recorded machine at $root.  odd NAME: of one that is made up.
tree() {
	root=$scratch/root
	rm -rf "$root"
	mkdir "$root"
	"$fixture/unpack.sh" "$root" <"$fixture/recorded/$1.tree"
	table=$root/sys/kernel/mm/mempolicy/weighted_interleave
}
odd() {
	root=$scratch/root
	rm -rf "$root"
	mkdir "$root"
	"$fixture/make-odd.sh" "$1" | "$fixture/unpack.sh" "$root"
	table=$root/sys/kernel/mm/mempolicy/weighted_interleave
}

# The table as it stands: "node0=1 node1=1 node2=1".
stands() {
	(cd "$table" && for file in *; do printf '%s=%s\n' "$file" "$(cat "$file")"; done) | paste -sd' '
}

# weights ARGUMENT...: on the tree, with a journal.
weights() {
	"$mpol" weights "$@" --root "$root"
}
changing() {
	weights "$@" --journal "$scratch/journal"
}
undo() {
	"$mpol" undo --weights --root "$root" --journal "$scratch/journal" "$@"
}

# bandwidth TARGET MIB [WRITE_MIB]: what firmware states of a node, for its nearest CPUs.
bandwidth() {
	local class
	for class in 0 1; do
		echo "$2" >"$root/sys/devices/system/node/node$1/access$class/initiators/read_bandwidth"
		echo "${3-$2}" >"$root/sys/devices/system/node/node$1/access$class/initiators/write_bandwidth"
	done
}

# derived FILTER: of what explain says as JSON, for all initiators at once.
derived() {
	weights explain --json | jq -r ".derived[0] | $1"
}

# ---- described machines
described() {
	"$mpol" weights explain --machine "$@" --json
}
same "weights for reads alone" "10 10 3" "$(described two-dram-cxl --mix 1:0 | jq -r '[.derived[0].nodes[].weight] | join(" ")')"
same "the same from node 0" "10 6 3" "$(described two-dram-cxl --mix 1:0 --from 0 | jq -r '[.derived[0].nodes[].weight] | join(" ")')"
same "the least weight of each initiator" "1" "$(described eight-nodes-sparse | jq '[.derived[].nodes[].weight] | min')"
same "weights have no divisor in common" "1" "$(described two-dram-cxl --mix 1:0 --nodes 0-1 | jq '[.derived[0].nodes[].weight] | unique | .[]')"
same "shares as given add up" "true" "$(described two-dram-cxl | jq '[.derived[0].nodes[].given_ppm] | add | . > 999990 and . < 1000010')"
same "what is lost is what the total says" "true" "$(described two-dram-cxl | jq '.derived[0] |
	((.optimum_bytes_per_second - .bytes_per_second) / .optimum_bytes_per_second * 1e6 - .loss_ppm) | fabs < 2')"
expect 0 'rounding costs' "$mpol" weights explain --machine two-dram-cxl
expect 0 'a described machine has none' "$mpol" weights show --machine two-dram-cxl
expect 0 'no bandwidth is stated' "$mpol" weights show --machine two-dram
same "machines that state nothing" "null" "$(described two-dram | jq '.derived[0].bytes_per_second')"

# ---- the kernel's table
tree two-dram-cxl
expect 0 'node 0: weight 1 -> 3' changing set 0=3,2=2
same "the table" "node0=3 node1=1 node2=2" "$(stands)"
expect 0 "as they were set" weights show
same "what --json says of it" "0=3 1=1 2=2" "$(weights show --json | jq -r '[.kernel.nodes[] | "\(.node)=\(.weight)"] | join(" ")')"
expect 0 'nothing to change' changing set 0=3
expect 0 'dry run' changing set 0=7 --dry-run
same "the table after a dry run" "node0=3 node1=1 node2=2" "$(stands)"
expect 0 'weights weighted:0=3,2=2' "$mpol" undo --list --journal "$scratch/journal"
same "dry run as JSON" "true null 9" "$(changing set 2=9 --dry-run --json | jq -r '[.dry_run, .change, .nodes[0].to] | map(tostring) | join(" ")')"
expect 0 'node 1: weight 1 -> 255' changing set 1=255
expect 0 'node 1: weight 255 -> 1' undo
same "the table after one undo" "node0=3 node1=1 node2=2" "$(stands)"
expect 0 'node 0: weight 3 -> 1' undo
same "the table after two" "node0=1 node1=1 node2=1" "$(stands)"
refused 1 "no change of the kernel's weights" '--list' undo

# ---- auto
expect 0 'node 2: weight 1 -> 3' changing auto --mix 1:0
same "the table" "node0=10 node1=10 node2=3" "$(stands)"
expect 0 'nothing to change' changing auto --mix 1:0
expect 0 'node 0: weight 10 -> 9' changing auto
same "undo --all as JSON" "2 1" "$(undo --all --json | jq -r '[(.weights | length), .weights[1].nodes[0].to] | join(" ")')"
same "the table" "node0=1 node1=1 node2=1" "$(stands)"
expect 0 'node 2: weight 1 -> 3' changing auto --nodes 0,2 --mix 1:0
same "a node that was not to be weighed" "node0=10 node1=1 node2=3" "$(stands)"
expect 0 '' undo

# Another description of the machine, where firmware says nothing of use.
cat >"$scratch/mine.yaml" <<'YAML'
name: mine
nodes:
  - { id: 0, kind: dram, memory: 1GiB, nr_cpus: 1 }
  - { id: 2, kind: cxl, memory: 1GiB }
performance:
  - { initiators: 0, targets: 0, latency: 90ns, bandwidth: 80GB/s }
  - { initiators: 0, targets: 2, latency: 250ns, bandwidth: 20GB/s }
YAML
expect 0 'node 0: weight 1 -> 4' changing auto --machine "$scratch/mine.yaml" --mix 1:0
expect 0 '' undo
refused 1 'node 9 of eight-nodes-sparse: there is no such node here' '--nodes' changing auto --machine eight-nodes-sparse --nodes 0-1,9
same "the table" "node0=1 node1=1 node2=1" "$(stands)"

# ---- somebody else has been there
expect 0 '' changing set 0=3,1=5
echo 8 >"$table/node1"
refused 1 'somebody else has set a weight since (ECANCELED)' '--force' undo
same "the table is left alone" "node0=3 node1=8 node2=1" "$(stands)"
expect 0 'node 1: weight 8 -> 1' undo --force
same "but for --force" "node0=1 node1=1 node2=1" "$(stands)"

# Killed in the middle: one weight is written, the end of the record is not.
expect 0 '' changing set 0=3,1=5
head -c -10 "$scratch/journal" >"$scratch/cut"
chmod 600 "$scratch/cut"
echo 1 >"$table/node1"
expect 0 'node 0: weight 3 -> 1' "$mpol" undo --weights --root "$root" --journal "$scratch/cut"
same "what was cut short is taken back" "node0=1 node1=1 node2=1" "$(stands)"

# ---- a kernel that derives weights itself (6.16)
tree two-dram-cxl
echo true >"$table/auto"
expect 0 'derived by itself' weights show
expect 0 'derived by the kernel -> set by hand' changing set 0=3
same "the table" "auto=false node0=3 node1=1 node2=1" "$(stands)"
expect 0 'set by hand -> derived by the kernel' undo
same "who derives them" true "$(cat "$table/auto")"
expect 0 '' changing set 0=1
same "weights that are these already, by hand" false "$(cat "$table/auto")"
expect 0 'set by hand -> derived by the kernel' changing set default
same "who derives them" true "$(cat "$table/auto")"
expect 0 '' undo
same "who derives them" false "$(cat "$table/auto")"
tree two-dram-cxl
expect 0 '' changing set 0=9,1=9
expect 0 'node 0: weight 9 -> 1' changing set default
same "the default of a kernel that cannot" "node0=1 node1=1 node2=1" "$(stands)"

# ---- nodes that come and go under a watcher
# until_same WHAT WANTED COMMAND...: what the command prints becomes that, within a minute.
until_same() {
	local what=$1 wanted=$2 got=''
	shift 2
	for _ in {1..600}; do
		got=$("$@" || true)
		[ "$got" != "$wanted" ] || return 0
		sleep 0.1
	done
	same "$what" "$wanted" "$got"
}
nodes_are() {
	local kib=0
	[[ $1 != *2 ]] || kib=2097152
	sed -i "s/MemTotal: .*/MemTotal: $kib kB/" "$root/sys/devices/system/node/node2/meminfo"
	echo "$1" >"$root/sys/devices/system/node/has_memory"
}
tree two-dram-cxl
rm -f "$scratch/journal"
"$mpol" weights auto --watch --mix 1:0 --root "$root" --journal "$scratch/journal" >"$scratch/watched" 2>"$scratch/complained" &
watcher=$!
children+=("$watcher")
until_same "the table when the watch begins" "node0=10 node1=10 node2=3" stands
nodes_are 0-1
until_same "the table when node 2 has gone" "node0=1 node1=1 node2=3" stands
bandwidth 2 28610
nodes_are 0-2
until_same "the table when it is back" "node0=10 node1=10 node2=3" stands
expect 0 'nodes have changed; with memory: 0-1' cat "$scratch/watched"
# What firmware says of a node that comes is nonsense: said, and the weights stay.
nodes_are 0-1
until_same "the table when node 2 has gone again" "node0=1 node1=1 node2=3" stands
bandwidth 2 50
nodes_are 0-2
until_same "what is complained of" 1 grep -c 'node 2: not used: what is stated cannot be true' "$scratch/complained"
same "the table then" "node0=1 node1=1 node2=3" "$(stands)"
expect 0 'stay as they are until nodes change again' cat "$scratch/complained"
bandwidth 2 28610
kill -TERM "$watcher"
status=0
wait "$watcher" || status=$?
same "how a watch ends that is told to" 0 "$status"
# Undo takes back one derivation after the other.
expect 0 'node 0: weight 1 -> 10' undo
expect 0 '' undo --all
same "the table after undo" "node0=1 node1=1 node2=1" "$(stands)"
# Somebody else's weights are not touched, and end it.
"$mpol" weights auto --watch --mix 1:0 --root "$root" --journal "$scratch/journal" >"$scratch/watched" 2>"$scratch/complained" &
watcher=$!
children+=("$watcher")
until_same "the table when the watch begins" "node0=10 node1=10 node2=3" stands
echo 5 >"$table/node1"
nodes_are 0-1
status=0
wait "$watcher" || status=$?
same "how it ends where somebody has set weights" 1 "$status"
expect 0 'somebody else has set the weight of node 1 to 5 since, which was 10' cat "$scratch/complained"
same "the table" "node0=10 node1=5 node2=3" "$(stands)"

# ---- a write that fails: those before it are taken back
tree two-dram-cxl
rm "$table/node2" "$scratch/journal"
ln -s /proc/sys/kernel/cap_last_cap "$table/node2" # a weight to read, but nobody may write it
before=$(stands)
refused 1 'node2' 'nothing is changed' changing set 0=3,1=4,2=5
same "the table after a write that failed" "$before" "$(stands)"
refused 1 'node2' 'nothing is changed' changing auto
same "the table after auto that failed" "$before" "$(stands)"
refused 1 "no change of the kernel's weights" '--list' undo
if [ "$(id -u)" = 0 ]; then
	tree two-dram-cxl
	chmod 755 "$root"
	refused 1 'Permission denied' "root's to write" as_nobody "$mpol" weights set 0=3 --root "$root" --no-journal
fi

# ---- wrong input: nothing is changed
tree two-dram-cxl
wrong() {
	refused 2 "$@"
}
wrong 'weight 0' '1 to 255' changing set 0=3,1=0
wrong 'is over 255' '1 to 255' changing set 0=256
wrong 'node 7 does not exist' 'nodes with memory on this machine: 0-2' changing set 0=3,7=1
wrong 'node 0 is named twice' '' changing set 0=3,0=4
wrong 'no weight is given for node 1' '0=3,2=1' changing set 0=3,1
wrong 'these are no weights' '0=3,2=1' changing set 0=3,2=1+static
wrong 'these are no weights' '0=3,2=1' changing set three
wrong 'no weight is given' '0=3,2=1' changing set all
wrong 'weight expected' '1 to 255' changing set 0=
wrong 'takes show' '--help' changing set
wrong 'takes show' '--help' changing set 0=1 2=1
wrong 'takes show' '--help' weights
wrong 'takes show' '--help' weights guess
wrong 'are for what is derived' '--help' changing set 0=1 --from 0
wrong 'are for auto and set' '--help' weights show --dry-run
wrong '--watch is for auto' '--help' weights show --watch
wrong '--watch is for auto' '--help' changing set 0=1 --watch
wrong '--watch is for auto' '--help' changing auto --watch --dry-run
wrong '--watch is for auto' '--help' changing auto --watch --machine two-dram-cxl
wrong 'not a mix' '2:1' weights explain --mix 2
wrong 'not a mix' '2:1' weights explain --mix 0:0
wrong 'not a mix' '2:1' weights explain --mix 1001:1
wrong 'not the number of a node' '--from 0' weights explain --from x
wrong '--nodes' 'nodes with memory' weights explain --nodes 9
refused 1 'node 2: it has no CPUs' 'mpol topo' weights explain --from 2
refused 1 'node 9: there is no such node' 'mpol topo' weights explain --from 9
wrong '--root goes with' '--root' "$mpol" undo --weights --root "$root"
wrong 'of no process' 'process' "$mpol" undo --weights 1
refused 1 'No such file' '' "$mpol" weights show --machine "$scratch/none.yaml"
same "the table after wrong input" "node0=1 node1=1 node2=1" "$(stands)"
odd memoryless
mkdir -p "$table"
for node in 0 1 2; do echo 1 >"$table/node$node"; done
memoryless=$("$mpol" topo --root "$root" --json | jq '[.nodes[] | select(.kind == null).id][0]')
wrong "node $memoryless has no memory" 'nodes with memory' changing set "$memoryless=3"

# A file that the kernel cannot have written.
tree two-dram-cxl
echo 0 >"$table/node1"
refused 1 'the kernel writes no such thing' '' changing set 0=3
same "the table" "node0=1 node1=0 node2=1" "$(stands)"

# ---- firmware's nonsense is not used, and auto says so
auto_refuses() {
	refused 1 "$1" 'mpol weights explain' changing auto
	expect 0 "${1#node ?: }" weights explain
	same "the table" "node0=1 node1=1 node2=1" "$(stands)"
}
tree two-dram-cxl
bandwidth 1 0
auto_refuses 'node 1: no bandwidth is stated'
tree two-dram-cxl
bandwidth 2 50
auto_refuses 'node 2: not used: what is stated cannot be true'
tree two-dram-cxl
bandwidth 2 90000 200
auto_refuses 'node 2: not used: no memory has such a read bandwidth'
tree two-dram-cxl
bandwidth 0 4000
auto_refuses "node 0: not used: CPUs' own memory"
tree two-dram-cxl
for node in 0 1 2; do bandwidth $node 10000; done
auto_refuses 'node 0: not used: memory of different kinds is all stated at the same bandwidth'
same "what is believed then" "0 3" "$(derived '[([.nodes[].weight] | add), .unknown_nodes] | join(" ")')"
odd hmat-nonsense
expect 0 'not used: what is stated cannot be true' weights explain

# One direction stands for both.
tree two-dram-cxl
bandwidth 2 28610 0
same "what is used for writes" "true" "$(derived '.nodes[2] | .read_bytes_per_second == .write_bytes_per_second')"

# ---- measuring this machine: that it works and is used, not how fast memory is
kept=$XDG_STATE_HOME/mpol/bandwidths.json
source_of() {
	"$mpol" weights explain --json "$@" | jq -r .source
}
same "what is used before anything was measured" stated "$(source_of)"
expect 0 "kept in $kept" "$mpol" weights measure --time 50ms
same "the file that it makes" 600 "$(stat -c %a "$kept")"
initiators=$("$mpol" topo --json | jq '[.nodes[] | select(.cpus != "")] | length')
memory=$("$mpol" topo --json | jq '[.nodes[] | select(.capacity_bytes > 0)] | length')
same "what is measured" "$((initiators * (memory + (memory > 1 ? 1 : 0))))" "$(jq '.bytes_per_second | length' "$kept")"
same "nothing delivers nothing" true "$("$mpol" weights measure --time 50ms --json |
	jq '[.bandwidths[] | .read_bytes_per_second, .write_bytes_per_second, .mixed_bytes_per_second] | min > 0')"
same "what is used then" "measured stated" "$(source_of) $(source_of --stated)"
same "what is used for other machines" "stated stated" "$(source_of --machine two-dram-cxl) $(source_of --root "$root")"
sed -i 's/"read": [0-9]*/"read": 1000000000/; s/"write": [0-9]*/"write": 3000000000/' "$kept"
expect 0 'not used: no memory has such a read bandwidth' "$mpol" weights explain
sed -i 's/"machine": "................"/"machine": "0123456789abcdef"/' "$kept"
expect 0 'measured on another machine' "$mpol" weights explain
same "what is used then" stated "$(source_of)"
head -c 50 /dev/urandom >"$kept"
expect 0 'Bad message' "$mpol" weights explain
same "what is used then" stated "$(source_of)"
wrong 'not a time' '10s' "$mpol" weights measure --time 0s
wrong 'not a time' '10s' "$mpol" weights measure --time soon
wrong 'not a time' '10s' "$mpol" weights measure --time 2h
wrong 'not for a --root' '--help' weights measure
wrong '--time is for measure' '--help' "$mpol" weights show --time 1s
wrong 'for what is derived' '--help' "$mpol" weights measure --stated
wrong 'for auto and set' '--help' "$mpol" weights measure --dry-run
rm "$kept"
mkdir "$kept"
refused 1 'write bandwidths' '' "$mpol" weights measure --time 5ms
same "what is left then" "" "$(find "$XDG_STATE_HOME/mpol" -name '*.new')"
rmdir "$kept"

# ---- a kernel before 6.9
tree two-dram-cxl-6.1
refused 1 'they came with Linux 6.9' 'interleave:NODES' changing set 0=3
refused 1 'they came with Linux 6.9' 'interleave:NODES' changing auto
same "what is derived there" "9 9 4" "$(derived '[.nodes[].weight] | join(" ")')"
expect 0 'they came with Linux 6.9' weights show
finish
