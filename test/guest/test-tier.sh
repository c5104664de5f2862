#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpold steered while it runs, the whole way: mpol tier and curl, on a machine with a slow node.
# Processes come and go, a pause holds pages where they are, other users reach what is theirs only,
# nonsense is refused, and a socket that a killed mpold has left is taken over.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
mpold=$MPOL_BUILD/src/daemon/mpold
[ "$(cat /sys/devices/system/node/has_memory)" = 0-2 ] || skip "needs nodes 0-2 with memory"
echo 0 >/proc/sys/kernel/numa_balancing
socket=/run/mpold/mpold.sock
work=$(mktemp -d)
chmod 755 "$work"

# ask METHOD PATH [CURL OPTION...]: the answer to $work/answer, its status of HTTP to $status.
ask() {
	local method=$1 path=$2
	shift 2
	status=$(curl -s -m 30 --unix-socket $socket -o "$work/answer" -w '%{http_code}' -X "$method" "$@" "http://mpold$path") || status="curl $?"
}

# answer FILTER: jq's on the answer.
answer() {
	jq -rc "$1" "$work/answer" 2>&1
}

nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
as_nobody() {
	"${nobody[@]}" "$@"
}

start_mpold() {
	start_daemon $socket "$work/log" "$@"
}

# on_fast PID: how many MiB of it are on nodes 0 and 1.
on_fast() {
	"$mpol" show "$1" --json --no-journal | jq '[.nodes[] | select(.node < 2) | .bytes] | add / 1048576 | floor'
}

# fast_pages PID START END: how many pages there are on nodes 0 and 1.
fast_pages() {
	# shellcheck disable=SC2016 # perl's
	perl -e 'my ($pid, $at, $end) = @ARGV; my @pages; for (; $at < $end; $at += 4096) { push @pages, $at }
		my ($addresses, $nodes) = (pack("Q*", @pages), pack("l*", (-1) x @pages));
		syscall(279, $pid + 0, scalar @pages, $addresses, 0, $nodes, 0) == 0 or die "move_pages: $!";
		print scalar(grep { $_ == 0 || $_ == 1 } unpack("l*", $nodes)), "\n"' "$@"
}

# shellcheck disable=SC2317 # called by within_seconds
gone_up() {
	[ "$(on_fast "$1")" -ge $(($2 + 2)) ]
}

moved() {
	"$mpol" tier status --json | jq .moves.moved_pages
}

# ---- nobody listens yet
like "$("$mpol" tier status 2>&1)" 'reach mpold: /run/mpold/mpold.sock: none listens there .ECONNREFUSED' "without mpold, it is said"
start_mpold
is "$(stat -c %a-%U $socket)" 666-root "the socket is everybody's, and root's"
like "$(grep -w heap "/proc/$daemon/numa_maps")" 'prefer \(many\):2 ' "it leaves fast memory to others"

# ---- an empty one goes on, and says how it is
ask GET /v1/status
is "$status" 200 "curl is answered"
is "$(answer '.managed.targets, .managed.processes, .paused, .rule.name' | paste -sd' ')" "0 0 false ranking" "it manages nobody, and stays"
is "$(answer '[.nodes[].tier] | unique | length')" 2 "nodes have their tiers"
like "$(answer '.tracker | .name + ": " + .reason')" '^(ptescan|soft-dirty): .+' "the tracker, and why it is the one"
ask GET /v1/
is "$status $(answer '[.requests[] | .method + " " + .path] | sort | .[0:3] | join(",")')" "200 DELETE /v1/targets/ID,GET /v1/,GET /v1/decisions" "the table tells of itself"

# ---- add: pages are promoted
start_toucher
before=$(on_fast $target)
"$mpol" tier add $target >"$work/said"
like "$(cat "$work/said")" "^target [0-9]+: process $target\$" "a process is added"
id=$(sed 's/target \([0-9]*\):.*/\1/' "$work/said")
comes_true 60 "its hot pages go to fast memory" gone_up $target "$before"
ask GET /v1/status
within "$(answer '.moves.moved_pages')" 512 8192 "moved pages are counted"
is "$(answer '[.moves.flows[] | select(.reason == "promote") | .moved_pages] | add')" "$(answer .moves.moved_pages)" "and by reason"
is "$(answer '[.moves.flows[] | .from] | unique')" "[2]" "and by node"
is "$(answer '.cpu.looking_ns > 0 and .cpu.deciding_ns > 0 and .cpu.moving_ns > 0 and .cpu.all_ns >= .cpu.moving_ns')" true "CPU time is told apart"
cost_ns=$(sed -n 's/.*a cleared accessed bit costs its process \([0-9]*\) ns.*/\1/p' "$work/log")
is "$(answer '.cpu.targets_ns > 0')" "$(answer ".tracker.name != \"ptescan\" or $cost_ns > 0")" "and targets' loss, which an emulated CPU may spare them"
within "$(answer .managed.pages)" 8192 20000 "pages that it keeps track of"
is "$(answer '.managed.state_bytes > 8192 * 4')" true "and what that takes"
ask GET /v1/decisions
is "$(answer '[.decisions[] | select(.promote_pages >= 512)] | length > 0')" true "the round that did it is remembered"
is "$(answer '[.decisions[].round] == ([.decisions[].round] | sort)')" true "rounds are in order"
like "$("$mpol" tier status)" '^promote +2 +[01] ' "status shows where pages went"
like "$("$mpol" tier list)" "^ *$id +process $target +- +1 +3[0-9.]+ MiB" "the list shows it"
like "$("$mpol" tier decisions | head -n 1)" '^ROUND' "decisions are listed"
is "$("$mpol" tier add $target --json 2>/dev/null | jq -r '.targets[0].error.code')" EEXIST "a process is added once"

# ---- pause: nothing moves, though other pages are hot
"$mpol" tier pause --reason 'a test' >/dev/null
is "$("$mpol" tier status --json | jq -c '[.paused, .pause_reason]')" '[true,"a test"]' "a pause, and why"
kill -USR1 $target
count=$(moved)
rounds=$("$mpol" tier status --json | jq .rounds)
before=$(on_fast $target)
sleep 6
is "$(moved) $("$mpol" tier status --json | jq .rounds)" "$count $rounds" "paused, it neither looks nor moves"
"$mpol" tier resume >/dev/null
comes_true 60 "resumed, it promotes what has become hot" gone_up $target "$before"

# ---- hints: what is idle goes up where root says that it is hot
idle_end=$((16#${memory#*-}))
idle_start=$((idle_end - (4 << 20)))
idle=$(printf '%x-%x' $idle_start $idle_end)
is "$(fast_pages "$target" "$idle_start" "$idle_end")" 0 "idle memory is slow"
ask POST /v1/hints -d "{\"pid\": $target, \"range\": \"$(printf '%x-%x' $((idle_start + 1)) $idle_end)\", \"hint\": \"hot\"}"
is "$status $(answer '.error.code + " " + .error.cause')" "400 EINVAL not a range of whole pages" "a hint about parts of pages is refused"
ask POST /v1/hints -d "{\"pid\": $target, \"range\": \"$(printf '%x-%x' $idle_end $idle_start)\", \"hint\": \"hot\"}"
is "$status $(answer .error.code)" "400 EINVAL" "one about a range that ends before it begins, too"
like "$("$mpol" tier hint $target "$idle" warm 2>&1)" 'not hot, cold, pinned or none' "one that is none, too"
like "$("$mpol" tier hint 1 "$idle" hot 2>&1)" "process 1, 0x${idle/-/-0x}: the process is not managed .ESRCH" "one about another process, too"
sleep 6
is "$(fast_pages "$target" "$idle_start" "$idle_end")" 0 "all that changes nothing"
"$mpol" tier hint $target "$idle" hot >/dev/null
# shellcheck disable=SC2317 # called by within_seconds
idle_is_fast() {
	[ "$(fast_pages "$target" "$idle_start" "$idle_end")" -ge 1000 ]
}
comes_true 60 "idle memory that is said to be hot goes to fast memory" idle_is_fast

# ---- what two hold stays until both have let go
tree=$("$mpol" tier add --tree $target --json | jq '.targets[0].id')
is "$("$mpol" tier status --json | jq -c '[.managed.targets, .managed.processes]')" '[2,1]' "two hold one process"
"$mpol" tier remove "$id" >/dev/null
is "$("$mpol" tier status --json | jq -c '[.managed.targets, .managed.processes]')" '[1,1]' "one has let go"
"$mpol" tier remove "$tree" >/dev/null
is "$("$mpol" tier status --json | jq -c '[.managed.targets, .managed.processes]')" '[0,0]' "both have"
like "$("$mpol" tier remove "$id" 2>&1)" "target $id: there is none of that id .ENOENT" "an id that is not there"
kill -0 $target && ok "the process goes on"

# ---- what is said of huge pages; that they are split is test-huge-pages' to show
tree=$("$mpol" tier add --tree $target --huge-pages split --json | jq '.targets[0].id')
like "$("$mpol" tier list)" "^ *$tree +tree $target .* split$" "huge pages of a target may be split"
id=$("$mpol" tier add $target --json | jq '.targets[0].id')
is "$("$mpol" tier list --json | jq -c '[.targets[] | .huge_pages]')" '["split",null]' "of another nothing is said"
like "$("$mpol" tier status)" '^huge +whole unless a target says otherwise: [0-9]+ are whole, 0 were split$' "the status has the default"
"$mpol" tier remove "$tree" "$id" >/dev/null
ask POST /v1/targets -d "{\"pid\": $target, \"huge_pages\": \"halved\"}"
is "$status $(answer '.error.code + " " + .error.object')" '400 EINVAL key "huge_pages"' "and nothing else may be said"

# ---- a process that ends takes its target along
"$mpol" tier add $target >/dev/null
kill -KILL $target
# shellcheck disable=SC2317 # called by within_seconds
gone() {
	[ "$("$mpol" tier status --json | jq .managed.targets)" = 0 ]
}
comes_true 10 "with its process, a target goes" gone

# ---- another user
start_toucher
theirs=$target
start_toucher "${nobody[@]}"
own=$target
roots=$("$mpol" tier add "$theirs" --json | jq '.targets[0].id')
as_nobody "$mpol" tier status >/dev/null && ok "another user may see the status"
for action in pause resume; do
	like "$(as_nobody "$mpol" tier $action 2>&1)" 'EPERM' "another user may not $action"
done
like "$(as_nobody "$mpol" tier add "$theirs" 2>&1)" "process $theirs: .*EPERM" "nor add root's process"
like "$(as_nobody "$mpol" tier add --match toucher 2>&1)" 'EPERM' "nor an expression"
like "$(as_nobody "$mpol" tier hint "$theirs" "$idle" hot 2>&1)" 'EPERM' "nor hint"
like "$(as_nobody "$mpol" tier remove "$roots" 2>&1)" 'ENOENT' "nor remove what root has added"
is "$(as_nobody "$mpol" tier list --json | jq -c .targets)" '[]' "nor see it"
mine=$(as_nobody "$mpol" tier add "$own" --json | jq '.targets[0].id')
is "$(as_nobody "$mpol" tier list --json | jq -c '[.targets[] | [.pid, .confined_to_uid]]')" "[[$own,65534]]" "he may add his own"
is "$("$mpol" tier list --json | jq '.targets | length')" 2 "root sees all"
as_nobody "$mpol" tier remove "$mine" >/dev/null && ok "and remove it"
ask POST /v1/pause -H 'Expect:' -d ''
is "$status" 200 "root may pause by curl"
ask POST /v1/resume
status=$(as_nobody curl -s --unix-socket $socket -o /dev/null -w '%{http_code}' -X POST http://mpold/v1/pause)
is "$status" 403 "another user may not, by curl either"

# ---- the group: mpol
groupadd -g 4242 mpol 2>/dev/null || echo 'mpol:x:4242:' >>/etc/group
kill -TERM $daemon
wait $daemon && ok "told to end, it ends"
[ ! -e $socket ] && ok "and takes its socket along"
start_mpold
is "$(stat -c %g $socket)" 4242 "the socket is the group's"
setpriv --reuid=65534 --regid=65534 --groups 4242 "$mpol" tier pause >/dev/null && ok "a member of the group manages"

# ---- nonsense
refused() {
	is "$status $(answer '.error.code + " " + (.error.cause | length > 0 | tostring)')" "$1 $2 true" "$3"
}
ask GET /v1/none && refused 404 ENOENT "an unknown path"
ask DELETE /v1/status && refused 405 ENOTTY "a known path, another method"
ask DELETE /v1/targets/99999999999 && refused 404 ENOENT "an id that is none"
ask POST /v1/targets -d '{' && refused 400 EINVAL "no JSON"
ask POST /v1/targets -d '{"pid":1,"pid":2}' && refused 400 EINVAL "a key twice"
ask POST /v1/targets -d '{"pid":"1"}' && refused 400 EINVAL "a pid that is no number"
ask POST /v1/targets -d '{"pid":2147483647}' && refused 404 ESRCH "no such process"
ask POST /v1/targets -d '{"match":"("}' && refused 400 EINVAL "no expression"
ask POST /v1/targets -d '{"pit":1}' && refused 400 EINVAL "an unknown key"
head -c 20000 /dev/zero | tr '\0' x >"$work/long"
ask POST /v1/targets -d "@$work/long" && refused 413 E2BIG "a body that is too long"
ask POST /v1/targets -H 'Transfer-Encoding: chunked' -d '{}' && refused 411 EINVAL "a body of unknown length"
ask GET /v1/status -H "X-Long: $(cat "$work/long")"
is "$status" 431 "a header that is too long"
# shellcheck disable=SC2016 # perl's
perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, sockaddr_un($ARGV[0])) or die; syswrite($s, pack("C*", map { ($_ * 167 + 13) & 255 } 1 .. 3000)); sleep 1' $socket
ask GET /v1/status
is "$status" 200 "garbage bytes are survived"

# ---- many connections of one user leave room for root
# shellcheck disable=SC2016 # perl's
"${nobody[@]}" perl -MSocket -e 'my @all; for (1 .. 200) { socket(my $s, AF_UNIX, SOCK_STREAM | 2048, 0); connect($s, sockaddr_un($ARGV[0])); push @all, $s } sleep 20' $socket &
holder=$!
sleep 2
"$mpol" tier status >/dev/null && ok "200 connections of another user leave room for root"
kill $holder

# ---- killed, and started again
like "$("$mpold" --config /dev/null --socket $socket 2>&1)" 'another mpold has that socket' "a second one is refused"
kill -KILL $daemon
wait $daemon 2>/dev/null || true
[ -S $socket ] && ok "killed, it leaves its socket"
like "$("$mpol" tier status 2>&1)" 'ECONNREFUSED' "where nobody listens"
echo 'budget: 2%' >"$work/mpold.yaml"
start_mpold --pid "$theirs" --tracker soft-dirty --config "$work/mpold.yaml"
is "$("$mpol" tier status --json | jq .managed.processes)" 1 "the next one takes the socket over"

# ---- a write after a soft-dirty bit was cleared is a fault of the target's
# shellcheck disable=SC2317 # called by within_seconds
is_lost() {
	"$mpol" tier status --json | jq -e '.cpu.targets_ns > 0'
}
comes_true 60 "what looking costs targets is told" is_lost

# ---- settings that are read again are in force
in_force() {
	"$mpol" tier status --json | jq -r '"\(.rule.name) \(.config.budget_ppm) \(.config.bytes_per_s)"'
}
is "$(in_force)" "ranking 20000 1073741824" "settings, and what holds where nothing is set"
printf '%s\n' 'rule: two-touch' 'budget: 3%' 'bandwidth: 200MB/s' >"$work/mpold.yaml"
kill -HUP $daemon
# shellcheck disable=SC2317 # called by within_seconds
read_again() {
	grep -q 'settings were read again' "$work/log"
}
within_seconds 30 read_again || not_ok "settings are read again"
is "$(in_force)" "two-touch 30000 200000000" "read again, they are in force"
like "$(tail -n 4 "$work/log")" 'rule two-touch: ' "the log has the rule"
rounds=$("$mpol" tier status --json | jq .rounds)
# shellcheck disable=SC2317 # called by within_seconds
goes_on() {
	[ "$("$mpol" tier status --json | jq .rounds)" -gt $((rounds + 1)) ]
}
comes_true 60 "and rounds go on" goes_on
kill $daemon
wait $daemon && ok "it ends when told to"

# ---- a cgroup and a unit whose processes come later
cgroups=/sys/fs/cgroup
mountpoint -q $cgroups || mount -t cgroup2 none $cgroups
mkdir -p $cgroups/joined.slice $cgroups/system.slice/later.service
start_mpold --cgroup joined.slice --unit later
managed() {
	"$mpol" tier list --json | jq -c '[.targets[].processes[].pid] | sort'
}
# manages PID...: these, and no other.
# shellcheck disable=SC2317 # called by within_seconds
manages() {
	[ "$(managed)" = "$(jq -nc '[$ARGS.positional[] | tonumber] | sort' --args "$@")" ]
}
# comes_to SENTENCE PID...: within a while it manages these.
comes_to() {
	if within_seconds 60 manages "${@:2}"; then ok "$1"; else not_ok "$1" "$(managed) instead of ${*:2}"; fi
}
is "$(managed)" '[]' "nobody is there yet"
echo "$theirs" >$cgroups/joined.slice/cgroup.procs
comes_to "who joins the cgroup is managed" "$theirs"
echo "$own" >$cgroups/system.slice/later.service/cgroup.procs
comes_to "who joins the unit, too" "$theirs" "$own"
kill $daemon "$theirs" "$own"
wait $daemon && ok "and ends when told to"
finish
