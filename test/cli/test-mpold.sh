#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpold's command line: what it refuses, before it looks at any process.
mpol=$1
mpold=$2
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

expect 0 'Usage: mpold' "$mpold" --help
expect 0 'mpold 0.' "$mpold" --version
expect 2 'whose memory?' "$mpold"
expect 2 'whose memory?' "$mpold" --dry-run
expect 2 "unrecognized option '--bogus'" "$mpold" --bogus
expect 2 'it takes options only' "$mpold" --pid 1 extra
for pid in '' x 0 -1 1x 99999999999; do
	expect 2 'not a process id' "$mpold" --pid "$pid"
	expect 2 'not a process id' "$mpold" --tree "$pid"
done
for budget in '' 1 x% 0% 101% nan% 1%%; do
	expect 2 'not a share of a CPU' "$mpold" --pid 1 --budget "$budget"
done
expect 2 'no such tracker; there are ptescan, soft-dirty' "$mpold" --pid 1 --tracker hope
expect 2 'no such rule; there are ranking, hint-latency, two-touch' "$mpold" --pid 1 --rule guess
expect 2 'not a bandwidth' "$mpold" --pid 1 --bandwidth fast

# What this machine says of itself decides about the rest.
tiers=$("$mpol" topo --json | jq '[.nodes[] | select(.capacity_bytes > 0) | .tier] | unique | length')
if [ "$tiers" -lt 2 ]; then
	refused 1 'all memory of this machine is of one tier' 'mpol topo' "$mpold" --pid $$
else
	expect 1 'process 2147483647' "$mpold" --pid 2147483647
fi
finish
