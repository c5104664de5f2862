#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol record on this machine: what it refuses, and that nothing is left behind
# then.  What it records is shown in a guest (test/guest/test-record.sh).
mpol=$1
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

trace=$scratch/writes.trace
start_target

expect 2 'give one process id, and --output FILE' "$mpol" record
expect 2 'give one process id, and --output FILE' "$mpol" record "$target"
expect 2 'give one process id, and --output FILE' "$mpol" record "$target" "$$" --output "$trace"
refused 2 '"x": not a process id' 'from 1' "$mpol" record x --output "$trace"
expect 2 '--time: 5: not a duration' "$mpol" record "$target" --output "$trace" --time 5
expect 2 '--interval: 1ms: less than 10' "$mpol" record "$target" --output "$trace" --interval 1ms
expect 1 'no such process' "$mpol" record 4194304 --output "$trace"
! sees_kernel_threads || expect 1 'kernel thread' "$mpol" record 2 --output "$trace"
refused 1 'No such file or directory' "$scratch/none" "$mpol" record "$target" --output "$scratch/none/a"
same 'what is left behind' "" "$(ls "$scratch"/writes* 2>/dev/null)"

# A kernel without the bits says so; any other records.
if "$mpol" record "$target" --output "$trace" --time 10ms --interval 10ms >"$scratch/said" 2>&1; then
	grep -q 'intervals' "$scratch/said" || same 'what is said' 'intervals' "$(<"$scratch/said")"
	[ -s "$trace" ] || same 'the trace' 'there' 'not there'
else
	refused 1 'follow writes' 'CONFIG_MEM_SOFT_DIRTY' "$mpol" record "$target" --output "$trace"
	same 'what is left behind' "" "$(ls "$scratch"/writes* 2>/dev/null)"
fi
exit $((failures > 0))
