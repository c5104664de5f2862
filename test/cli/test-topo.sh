#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# test-topo.sh MPOL: the options of mpol topo, and what it says to wrong ones.
# (What it shows of machines: test/fixture.)
set -euo pipefail

mpol=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# ends STATUS REGEXP ARGUMENT...: mpol topo ends so and says so on stderr, nothing on stdout.
ends() {
	local expected=$1 words=$2 status=0
	shift 2
	"$mpol" topo "$@" >"$work/out" 2>"$work/err" || status=$?
	if [ "$status" != "$expected" ] || ! grep -qE -- "$words" "$work/err" || [ -s "$work/out" ]; then
		echo "mpol topo $*: ended with $status, not $expected, or does not say '$words':"
		cat "$work/err" "$work/out"
		failed=1
	fi
}

ends 2 'unrecognized option' --nodes
ends 2 'takes no argument: 4243' 4243
ends 2 'two sources' --machine x.yaml --root /
ends 2 'requires an argument' --root
ends 1 "/nonexistent: No such file" --root /nonexistent
ends 1 '/sys/devices/system/node: no NUMA information' --root "$work"
ends 1 "$work/none.yaml: No such file" --machine "$work/none.yaml"

ends 1 'no-such-machine: No such file' --machine no-such-machine
ends 1 '^  nor is there a machine of that name: mpol topo --machines' --machine no-such-machine
ends 2 'lists machines, it does not show one' --machines --machine two-dram

printf 'nodes:\n  - { id: 0, kind: dram, memory: 1GiB, nr_cpus: 1, speed: 3 }\n' >"$work/bad.yaml"
ends 1 "$work/bad.yaml" --machine "$work/bad.yaml"

# Every machine that is listed can be shown, and --json lists the same ones.
names=$("$mpol" topo --machines | sed '1d; s/ .*//')
for name in $names; do
	"$mpol" topo --machine "$name" >"$work/out" || failed=1
done
if [ "$names" != "$("$mpol" topo --machines --json | jq -r '.machines[].name')" ] || ! grep -qx spr-cxl <<<"$names"; then
	echo "mpol topo --machines: $names"
	failed=1
fi

if "$mpol" topo >/dev/full 2>"$work/err" || ! grep -q 'standard output: No space' "$work/err"; then
	echo "mpol topo on a full disk: ended well, or says: $(cat "$work/err")"
	failed=1
fi
exit $failed
