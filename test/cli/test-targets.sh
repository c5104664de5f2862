#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Verbs on several processes: a report for each, one verdict for all.
mpol=$1
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

policy_of() {
	"$mpol" show "$1" --json | jq -r '.policies[0].policy'
}

start_target
one=$target
start_target
two=$target

# ---- process ids
expect 0 "process $two (sleep): 1 of 1 thread changed from default to local" "$mpol" set "$one" "$two" local
same "the lines" 2 "$(grep -c '1 of 1 thread changed' "$scratch/stdout")"
same "the policies" "local local" "$(policy_of "$one") $(policy_of "$two")"
same "what --json says" "[[$one,1],[$two,1]]" \
	"$("$mpol" set "$one" "$two" default --json | jq -c '[.processes[] | [.pid, .changed]]')"
expect 0 "would change 1 thread from default to local" "$mpol" set "$one" "$two" local --dry-run
same "the policy after a dry run" default "$(policy_of "$two")"

# Some can be changed and some cannot: status 3, and a report of both.
expect 3 "process 2147483647: no such process" "$mpol" set "$one" 2147483647 "$two" local
same "the policies" "local local" "$(policy_of "$one") $(policy_of "$two")"
expect 3 '"processes"' "$mpol" set 2147483647 "$one" default --json
same "what --json says" "[[2147483647,\"ESRCH\",null],[$one,null,1]]" \
	"$(jq -c '[.processes[] | [.pid, .error.code, .changed]]' "$scratch/stdout")"
# None can: status 1.
expect 1 "process 2147483646: no such process" "$mpol" set 2147483647 2147483646 local
# Bad words: nothing is tried.
refused 2 'not a process id' 'a number from 1' "$mpol" set "$one" x local
refused 2 'a thread belongs to one process' 'that process alone' "$mpol" set "$one" "$two" local --thread "$one"
same "the policies after all refusals" "default local" "$(policy_of "$one") $(policy_of "$two")"

# ---- selectors, on processes of ours alone
# A parent, its child, and the child's child.
bash -c 'bash -c "sleep 1000 & echo \$! >$0; wait" & wait' "$scratch/leaf" &
tree=$!
children+=("$tree")
until [ -s "$scratch/leaf" ]; do sleep 0.01; done
leaf=$(cat "$scratch/leaf")
middle=$(awk '{ print $4 }' "/proc/$leaf/stat")
children+=("$middle" "$leaf")
until [ "$(cat "/proc/$leaf/comm")" = sleep ]; do sleep 0.01; done
expect 0 "process $leaf (sleep): 1 of 1 thread changed from default to local" "$mpol" set --tree "$tree" local
same "how many" 3 "$(grep -c 'changed from default to local' "$scratch/stdout")"
same "the policies" "local local local" "$(policy_of "$tree") $(policy_of "$middle") $(policy_of "$leaf")"
same "with one found" "[$leaf]" "$("$mpol" set --tree "$leaf" default --json | jq -c '[.processes[].pid]')"
expect 0 "process $leaf (sleep): would change 1 thread from default to local" "$mpol" set --dry-run --tree "$tree" local
same "the policy after a dry run" default "$(policy_of "$leaf")"

# The argument makes the command line ours.  The shell that quotes it is not meant, nor is mpol.
bash -c 'exec -a "$0" sleep 1000' "mpol-test-$$ x" &
named=$!
children+=("$named")
until [ "$(cat "/proc/$named/comm")" = sleep ]; do sleep 0.01; done
expect 0 "process $named (sleep): 1 of 1 thread" bash -c "'$mpol' set --match '^mpol-test-$$ x 1000\$' local; true"
same "the lines" 1 "$(wc -l <"$scratch/stdout")"
expect 0 "process $named (sleep)" bash -c "'$mpol' set --match 'mpol-test-$$ ' default; true"
same "the lines" 1 "$(wc -l <"$scratch/stdout")"

# Bad arguments, and nothing tried: status 2.
refused 2 'at character 2' 'regular expression' "$mpol" set --match 'x(a' local
refused 2 'a selector was given before' 'one of --cgroup' "$mpol" set --tree "$one" --unit x local
refused 2 'a selector was given before' 'one of --cgroup' "$mpol" set --tree "$one" --tree "$two" local
refused 2 'together with process ids' 'one of --cgroup' "$mpol" set --tree "$one" "$two" local
refused 2 'not a process id' 'a number from 1' "$mpol" set --tree x local
refused 2 'takes processes and a policy' '--help' "$mpol" set --tree "$one"
refused 2 'a thread belongs to one process' 'that process alone' "$mpol" set --tree "$one" local --thread "$one"
refused 2 "requires an argument" '' "$mpol" set local --cgroup
refused 2 'no such mode: "bnd"' 'modes are' "$mpol" set --tree "$one" bnd:0
# Nobody is meant: status 1.
refused 1 "no process has such a command line" 'pgrep' "$mpol" set --match "^mpol-test-$$-nobody" local
refused 1 "process 2147483647: no such process" '' "$mpol" set --tree 2147483647 local
if grep -q cgroup2 /proc/mounts; then
	refused 2 'every process of the machine' 'below the root' "$mpol" set --cgroup / local --dry-run
	refused 2 'not a path of a cgroup' 'below the root' "$mpol" set --cgroup . local --dry-run
	refused 1 'no such cgroup' '--unit' "$mpol" set --cgroup no/such local
	refused 1 'no cgroup has that name' 'systemctl status' "$mpol" set --unit "no-such-$$" local
	refused 2 "not a unit's name" '--cgroup' "$mpol" set --unit no/such local
fi
expect 1 '"code": "ESRCH"' "$mpol" set --tree 2147483647 local --json
same "the document" ESRCH "$(jq -r .error.code "$scratch/stdout")"

# ---- other verbs
expect 0 "PID  NAME" "$mpol" show --tree "$tree"
same "the processes" "$tree $middle $leaf all" "$(awk 'NR > 1 { print $1 }' "$scratch/stdout" | paste -sd' ')"
same "the sum" "true" "$("$mpol" show --tree "$tree" --json | jq '[.processes[].nodes[].bytes] | add > 1000000')"
expect 0 "process $leaf (sleep), 1 thread" "$mpol" show --tree "$tree" --threads
expect 3 "process 2147483647: no such process" "$mpol" show "$one" 2147483647
# A look at a recorded /proc takes selectors too.
mkdir -p "$scratch/root/proc/7/task/7"
echo '7 (seven) S 1 7 7 0 -1 0 1 0 0 0 0 0 0 0 20 0 1 0 777 0 0' |
	tee "$scratch/root/proc/7/stat" >"$scratch/root/proc/7/task/7/stat"
printf 'Tgid:\t7\nMems_allowed_list:\t0\n' >"$scratch/root/proc/7/task/7/status"
echo '1000-2000 rw-p 00000000 00:00 0 [heap]' >"$scratch/root/proc/7/task/7/maps"
echo '1000 bind:0 heap anon=1 dirty=1 N0=1 kernelpagesize_kB=4' >"$scratch/root/proc/7/task/7/numa_maps"
printf 'seven\0of\0nine\0' >"$scratch/root/proc/7/cmdline"
expect 0 " 7  seven " "$mpol" show --root "$scratch/root" --match '^seven of nine$'
# A machine with one node has no other to move from.
other=$("$mpol" topo --json | jq '[.nodes[] | select(.capacity_bytes > 0)] | length > 1')
if [ "$other" = true ]; then
	node=$("$mpol" topo --json | jq -r '[.nodes[] | select(.capacity_bytes > 0) | .id] | last')
	expect 0 "process $leaf (sleep): would move" "$mpol" move --tree "$tree" --to "$node" --dry-run
else
	refused 2 'a selector was given before' 'one of --cgroup' "$mpol" move --tree "$one" --unit x --to all
fi

# Another user's: each process has its own answer.
if [ "$(id -u)" = 0 ] && as_nobody "$mpol" --version >/dev/null 2>&1; then
	bash -c 'exec -a "$0" sleep 1000' "mpol-test-$$ root's" &
	rooted=$!
	children+=("$rooted")
	# shellcheck disable=SC2016 # the inner shell expands it
	setpriv --reuid=65534 --regid=65534 --clear-groups bash -c 'exec -a "$0" sleep 1000' "mpol-test-$$ nobody's" &
	nobodys=$!
	children+=("$nobodys")
	until [ "$(cat "/proc/$rooted/comm" "/proc/$nobodys/comm")" = $'sleep\nsleep' ]; do sleep 0.01; done
	expect 3 "not allowed" as_nobody "$mpol" set --match "^mpol-test-$$ (root|nobody)'s" local
	same "the policies" "default local" "$(policy_of "$rooted") $(policy_of "$nobodys")"
	expect 3 '"EACCES"' as_nobody "$mpol" set --match "^mpol-test-$$ (root|nobody)'s" default --json
	same "the codes" "[$rooted,\"EACCES\"] [$nobodys,null]" \
		"$(jq -c --argjson first "$rooted" '.processes | sort_by(.pid != $first)[] | [.pid, .error.code]' "$scratch/stdout" | paste -sd' ')"
fi

finish
