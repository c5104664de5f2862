#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpold's command line: what it refuses, before it looks at any process.
mpol=$1
mpold=$2
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

expect 0 'Usage: mpold' "$mpold" --help
expect 0 'mpold 0.' "$mpold" --version
expect 1 'whose memory?' "$mpold" --config /dev/null
expect 1 'whose memory?' "$mpold" --config /dev/null --dry-run
refused 2 '--bogus: no such option' 'mpold --help' "$mpold" --bogus
refused 2 '--budget: it wants a value' 'mpold --help' "$mpold" --budget
refused 2 '--dry-run=yes: it takes no value' 'mpold --help' "$mpold" --dry-run=yes
expect 2 'it takes options only' "$mpold" --pid 1 extra
for pid in '' x 0 -1 1x 99999999999; do
	expect 2 'is not a process id' "$mpold" --pid "$pid"
	expect 2 'is not a process id' "$mpold" --tree "$pid"
done
for budget in '' 1 x% 0% 101% nan% 1%%; do
	expect 2 'is not a share of a CPU' "$mpold" --pid 1 --budget "$budget"
done
expect 2 'is not one of ptescan, mglru, idlepage, damon, soft-dirty, hintfault' "$mpold" --pid 1 --tracker hope
expect 2 'is not one of ranking, hint-latency, two-touch' "$mpold" --pid 1 --rule guess
expect 2 '"halved" is not whole or split' "$mpold" --pid 1 --huge-pages halved
for bandwidth in '' fast 0 0GB/s 5 5GB; do
	expect 2 'is not a bandwidth' "$mpold" --pid 1 --bandwidth "$bandwidth"
done
for time in '' 5 0ms 999us 2s; do
	expect 2 'is not a duration from 1ms to 1s' "$mpold" --pid 1 --call-time "$time"
done
for option in --cgroup --unit --match; do
	expect 2 'is not' "$mpold" "$option" ''
done
expect 2 'is not an extended regular expression' "$mpold" --match '(('

# ---- Configuration ----
conf=$scratch/mpold.yaml
# valid TEXT: it says so, and how many targets there are.
valid() {
	printf '%b' "$1" >"$conf"
	expect 0 "the configuration is valid; targets: $2" "$mpold" --check-config --config "$conf"
}
# invalid TEXT PLACE CAUSE: one error with file and place, and where to read more.
invalid() {
	printf '%b' "$1" >"$conf"
	refused 1 "$conf, $2: $3" 'mpold.yaml(5)' "$mpold" --check-config --config "$conf"
}
valid '' 0
valid '# nothing\n' 0
valid 'budget: 2.5%\nbandwidth: 200MB/s\ncall_time: 20ms\ndry_run: true\ntracker: soft-dirty\n' 0
valid 'targets:\n- pid: 1\n- tree: 1\n- cgroup: a.slice/b.service\n- unit: b.service\n- match: "^redis-(server|cli)"\n' 5
valid 'targets: [ { pid: 1 }, { pid: 1 }, { unit: a } ]\n' 2
invalid 'budgett: 1%\n' 'line 1, budgett' 'Unexpected key'
invalid 'budget: 1%\ntargets:\n- pid: 1\n  unit: a\n' 'line 3, targets[0]' 'a target is named by one of'
invalid 'targets:\n- pid: 1\n- {}\n' 'line 3, targets[1]' 'a target is named by one of'
invalid 'targets:\n- pid: 1\n- name: x\n' 'line 3, targets[1].name' 'Unexpected key'
valid 'huge_pages: split\ntargets: [ { pid: 1, huge_pages: whole }, { unit: a, huge_pages: split } ]\n' 2
invalid 'huge_pages: halved\n' 'line 1, huge_pages' '"halved" is not whole or split'
invalid 'targets:\n- pid: 1\n  huge_pages: halved\n' 'line 3, targets[0].huge_pages' '"halved" is not whole or split'
invalid 'targets:\n- huge_pages: split\n' 'line 2, targets[0]' 'a target is named by one of'
invalid 'targets: redis\n' 'line 1, targets' 'should be a list'
invalid 'targets:\n- pid: one\n' 'line 2, targets[0].pid' '"one" is not a process id'
invalid 'targets:\n- match: "(("\n' 'line 2, targets[0].match' '"((" is not an extended regular expression'
invalid '\nbudget: 1\n' 'line 2, budget' '"1" is not a share of a CPU from 0.01% to 100%'
invalid 'bandwidth: 1GB\n' 'line 1, bandwidth' '"1GB" is not a bandwidth, such as 500MB/s'
invalid 'call_time: 10\n' 'line 1, call_time' '"10" is not a duration'
invalid 'dry_run: yes\n' 'line 1, dry_run' '"yes" is not true or false'
invalid 'tracker: hope\n' 'line 1, tracker' '"hope" is not one of ptescan'
invalid 'budget: 1%\n\nbudget: 2%\n' 'line 3, budget' 'Mapping field already seen: budget'
invalid 'budget: [ 1% ]\n' 'line 1, budget' 'should be a single value, not a list'
invalid 'budget: 1%\n---\nbudget: 2%\n' 'line 2' 'there is more than one document'
invalid 'budget: "1%\n' 'line 2' 'libyaml'
invalid '- budget\n' 'line 1' 'should be keys with values'
invalid 'targets: &a [ { pid: 1 } ]\nbudget: *a\n' 'line 2, budget' 'YAML alias unsupported'
invalid 'a: &a [x,x]\nb: &b [*a,*a,*a]\nc: [*b,*b,*b]\n' 'line 1, a' 'Unexpected key'
invalid "targets: $(printf '[%.0s' {1..5000})" 'line 1, targets' 'should be keys with values'
invalid "targets: [ $(printf '{ pid: %d }, ' {1..1025}) ]" 'line 1, targets' 'Excessive entries (1024 max)'
head -c 1048577 /dev/zero | tr '\0' '#' >"$conf"
refused 1 "$conf: it is longer than 1048576 bytes" 'mpold.yaml(5)' "$mpold" --check-config --config "$conf"
refused 1 "$scratch/none: No such file" 'name one' "$mpold" --check-config --config "$scratch/none"
refused 1 "$scratch/none: No such file" 'name one' "$mpold" --check-config --config-dir "$scratch/none"
expect 1 'Is a directory' "$mpold" --check-config --config "$scratch"
if [ "$(id -u)" = 0 ]; then
	chmod 600 "$conf"
	chmod 711 "$scratch"
	refused 1 "$conf: Permission denied" "let mpold's user read it" as_nobody "$mpold" --check-config --config "$conf"
fi

# A folder: by name, the last one counts, targets add up; other files are left alone.
folder=$scratch/mpold.d
mkdir "$folder"
printf 'budget: 5\n' >"$folder/90-not.yaml~"
printf 'budget: 5\n' >"$folder/.hidden.yaml"
printf 'budget: 1%%\ntargets: [ { pid: 1 } ]\n' >"$folder/10-a.yaml"
printf 'targets: [ { pid: 2 } ]\n' >"$folder/20-b.yaml"
printf 'targets: [ { pid: 3 } ]\n' >"$conf"
expect 0 'targets: 3' "$mpold" --check-config --config "$conf" --config-dir "$folder"
expect 0 'targets: 2' "$mpold" --check-config --config-dir "$folder"
expect 0 'targets: 1' "$mpold" --check-config --config "$conf"
# What the command line names takes the place of what files name.
expect 0 'targets: 1' "$mpold" --check-config --config-dir "$folder" --pid 7
printf 'budget: 0%%\n' >"$folder/30-c.yaml"
refused 1 "$folder/30-c.yaml, line 1, budget" 'mpold.yaml(5)' "$mpold" --check-config --config-dir "$folder"

# The example has every key, and a value that is taken.
example=$(dirname "${BASH_SOURCE[0]}")/../../packaging/mpold.yaml
sed -n 's/^#\([^ ].*\)/\1/p' "$example" >"$conf"
expect 0 'targets: 5' "$mpold" --check-config --config "$conf"
expect 0 'targets: 0' "$mpold" --check-config --config "$example"
for option in $("$mpold" --help | sed -n 's/^  --\([a-z-]*\) .*/\1/p'); do
	case $option in
	config | config-dir | check-config) ;;
	*) grep -qE "^(- )?${option//-/_}:" "$conf" || expect 0 "$option, in $example" true ;;
	esac
done

# What this machine says of itself decides about the rest.
tiers=$("$mpol" topo --json | jq '[.nodes[] | select(.capacity_bytes > 0) | .tier] | unique | length')
if [ "$tiers" -lt 2 ]; then
	refused 1 'all memory of this machine is of one tier' 'mpol topo' "$mpold" --pid $$
else
	expect 1 'process 2147483647' "$mpold" --pid 2147483647
fi
finish
