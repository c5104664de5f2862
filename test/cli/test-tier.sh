#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol tier's command line, and what it says where no mpold answers, or something else does.
# The whole way, with an mpold, is test/guest/test-tier.sh.
mpol=$1
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

expect 0 'Usage: mpol tier {add' "$mpol" tier --help
expect 2 'no action: say what to do' "$mpol" tier
expect 2 'hope: no such action' "$mpol" tier hope
expect 2 "unrecognized option '--bogus'" "$mpol" tier status --bogus
expect 2 'add: whose memory?' "$mpol" tier add
expect 2 'PID' "$mpol" tier add x
expect 2 'PID' "$mpol" tier add 0
expect 2 'given together with process ids' "$mpol" tier add 1 --tree 1
expect 2 'a selector was given before' "$mpol" tier add --unit a --tree 1
expect 2 'remove: which?' "$mpol" tier remove
for id in x 0 -- 1x 4294967296 99999999999999999999; do
	[ "$id" = -- ] || expect 2 'not the id of a target' "$mpol" tier remove 1 "$id"
done
expect 2 'takes no processes' "$mpol" tier remove 1 --tree 1
expect 2 'hint: of what' "$mpol" tier hint 1 1000-2000
expect 2 'not a process id' "$mpol" tier hint x 1000-2000 hot
for range in 1000 2000-1000 g-h 1000-; do
	expect 2 'not a range' "$mpol" tier hint 1 "$range" hot
done
for action in list status decisions pause resume; do
	expect 2 'takes options only' "$mpol" tier $action 1
	expect 2 'takes no processes' "$mpol" tier $action --tree 1
done
expect 2 'halved: neither whole nor split' "$mpol" tier add 1 --huge-pages halved
expect 2 'takes no --huge-pages' "$mpol" tier status --huge-pages split
expect 2 'takes no --reason' "$mpol" tier status --reason x

# ---- Nobody is there ----
none=$scratch/none
for action in list status decisions pause resume 'add 1' 'remove 1' 'hint 1 1000-2000 hot'; do
	# shellcheck disable=SC2086 # words
	refused 1 "reach mpold: $none: none listens there (ECONNREFUSED)" "start mpold --socket $none" \
		"$mpol" tier $action --socket "$none"
done
expect 1 'ECONNREFUSED' "$mpol" tier status --json --socket "$none"
same 'the error in JSON' ECONNREFUSED "$(jq -r .error.code "$scratch/stdout")"
expect 1 'ECONNREFUSED' "$mpol" tier add 1 2 --json --socket "$none"
same 'each in JSON' '[[1,"ECONNREFUSED"],[2,"ECONNREFUSED"]]' "$(jq -c '[.targets[] | [.pid, .error.code]]' "$scratch/stdout")"
expect 1 'ENAMETOOLONG' "$mpol" tier status --socket "/$(printf '%0200d' 0)"

# ---- Something else is ----
# fake ANSWER: who gives that to everybody, at $fake.
fake=$scratch/fake
fake() {
	[ -z "${faker-}" ] || kill "$faker"
	rm -f "$fake"
	# shellcheck disable=SC2016 # perl's
	perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, sockaddr_un($ARGV[0])) or die;
		listen($s, 5); while (accept(my $c, $s)) { sysread($c, my $in, 65536); syswrite($c, $ARGV[1]); close($c) }' \
		"$fake" "$1" &
	faker=$!
	children=("$faker")
	until [ -S "$fake" ]; do sleep 0.01; done
}
# says STATUS BODY: an answer of HTTP.
says() {
	printf 'HTTP/1.1 %s x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' "$1" ${#2} "$2"
}
fake "$(says 200 hello)"
expect 1 'the answer is not what mpold would say (EBADMSG)' "$mpol" tier status --socket "$fake"
fake "$(says 500 '{"error": {}}')"
expect 1 'EBADMSG' "$mpol" tier status --socket "$fake"
fake "$(says 500 '{"error": {"errno": 0, "step": "", "object": "", "cause": "", "advice": ""}}')"
expect 1 'EBADMSG' "$mpol" tier status --socket "$fake"
fake 'SSH-2.0-x'
expect 1 'ask mpold' "$mpol" tier status --socket "$fake"
fake "$(says 403 '{"error": {"errno": 1, "step": "check", "object": "it", "cause": "no", "advice": "do"}}')"
refused 1 'check: it: no (EPERM)' 'do' "$mpol" tier pause --socket "$fake"
# An answer of another version may lack anything, or have what is no name for a terminal.
fake "$(says 200 '{}')"
expect 0 'mpold ' "$mpol" tier status --socket "$fake"
expect 0 'PROCESSES' "$mpol" tier list --socket "$fake"
expect 0 'ROUND' "$mpol" tier decisions --socket "$fake"
fake "$(says 200 '{"targets": [{"id": 7, "match": "a\u001b[31m", "processes": [{"pid": 1, "pages": 256, "seen_pages": 1, "tracker": "ptescan"}, {"tracker": "damon"}, {"tracker": "damon"}, {"tracker": 5}]}, 5]}')"
expect 0 'match a?[31m' "$mpol" tier list --socket "$fake"
expect 0 '1.00 MiB  4.00 KiB  ptescan,damon  -' "$mpol" tier list --socket "$fake"
fake "$(says 200 '{"paused": true, "nodes": 5, "moves": {"flows": [{"from": 2, "to": null, "reason": "demote", "tried_pages": 256}], "failed_pages": {"EBUSY": 3}}, "scans_ns": [1000, 4000]}')"
expect 0 'nobody said why' "$mpol" tier status --socket "$fake"
expect 0 'EBUSY: 3' "$mpol" tier status --socket "$fake"
expect 0 'scans 1.00 us, 4.00 us after each clear' "$mpol" tier status --socket "$fake"

# ---- One that may not be reached ----
if [ "$(id -u)" = 0 ]; then
	chmod 600 "$fake"
	refused 1 'Permission denied (EACCES)' 'be root' as_nobody "$mpol" tier status --socket "$fake"
fi
finish
