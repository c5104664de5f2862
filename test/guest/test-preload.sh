#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol run --preload on nodes 0-2: memory of programs is split by weights that the kernel does not
# have, whatever way they take it and however often; several programs with several weights at once.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
allocate=$MPOL_BUILD/test/allocate
[ "$(cat /sys/devices/system/node/has_memory)" = 0-2 ] || skip "needs nodes 0-2 with memory"
echo 0 >/proc/sys/kernel/numa_balancing

huge_pages() {
	echo "$1" >/sys/kernel/mm/transparent_hugepage/enabled
}

# share NODE LINE: that node's percent of what allocate says in a line.
share() {
	awk -v node="node$1" '{ for (i = 1; i < NF; i += 2) if ($i ~ /^node/) { all += $(i + 1); if ($i == node) own = $(i + 1) }
		printf "%.3f", 100 * own / all }' <<<"$2"
}

# split WHAT LINE TOLERANCE NODE=PERCENT...: memory is split so, up to so many percent of all.
split() {
	local what=$1 line=$2 tolerance=$3 wanted low high
	shift 3
	for wanted in "$@"; do
		read -r low high < <(awk -v wanted="${wanted#*=}" -v by="$tolerance" 'BEGIN { print wanted - by, wanted + by }')
		within "$(share "${wanted%=*}" "$line")" "$low" "$high" "$what: percent on node ${wanted%=*}"
	done
	within "${line##* }" 1 4200 "$what: ranges"
}

# with WEIGHTS COMMAND...
with() {
	"$mpol" run --preload "weighted:$1" -- "${@:2}"
}

# Small pages: by every call, from the kernel and from malloc.
huge_pages never
for kind in map populated chunks small threads realloc mremap; do
	split "$kind" "$(with 0=3,1=1 "$allocate" "$kind" 128)" 0.5 0=75 1=25
done
split "three nodes" "$(with 0=9,1=9,2=4 "$allocate" map 128)" 0.5 0=40.909 1=40.909 2=18.182
split "uneven weights" "$(with 0=2,2=31 "$allocate" map 128)" 0.5 0=6.061 2=93.939
split "one large range" "$(with 1=1,2=3 "$allocate" map 600)" 0.5 1=25 2=75
split "forks among threads" "$(with 0=3,1=1 "$allocate" forks 128 | tail -n 1)" 0.5 0=75 1=25

# A program that keeps taking and freeing, looked at again and again.
while read -r line; do
	split "taking and freeing" "$line" 0.5 0=75 1=25
done < <(with 0=3,1=1 "$allocate" churn 160)

# Two programs with different weights at the same time.
out=$(mktemp -d)
with 0=3,1=1 "$allocate" small 100 >"$out/a" &
with 0=1,1=4 "$allocate" map 100 >"$out/b"
wait
split "one of two programs" "$(<"$out/a")" 0.5 0=75 1=25
split "the other one" "$(<"$out/b")" 0.5 0=20 1=80

# Huge pages stay whole, and are what is split: of 800 MiB, two of 400 are 0.5 %.
huge_pages always
line=$(with 1=1,2=3 "$allocate" map 800)
split "huge pages" "$line" 0.5 1=25 2=75
within "${line##* }" 1 600 "huge pages: ranges"
while read -r line; do
	split "taking and freeing of 90 huge pages" "$line" 1 0=75 1=25
done < <(with 0=3,1=1 "$allocate" churn 160)
huge_pages never

# anonymous <NUMA_MAPS: what allocate says of itself, for any program.
anonymous() {
	awk '/ anon=/ && !/ file=/ && !/ stack/ { for (i = 2; i <= NF; i++) if ($i ~ /^N[0-9]+=/) {
		split(substr($i, 2), pair, "="); pages[pair[1]] += pair[2] } ranges++ }
		END { for (node in pages) printf "node%d %d ", node, pages[node]; print "ranges", ranges }'
}

# Programs that exist: their own allocators, their own checks.
if command -v python3 >/dev/null; then
	line=$(with 0=3,1=1 python3 -c '
table = {number: str(number) * 3 for number in range(200000)}
rows = bytearray(40 << 20)
for at in range(0, len(rows), 4096):
    rows[at] = 1
assert all(table[number] == str(number) * 3 for number in range(0, 200000, 997))
print(open("/proc/self/numa_maps").read())' | anonymous)
	split "python" "$line" 0.5 0=75 1=25
fi
if command -v redis-server >/dev/null && command -v redis-cli >/dev/null; then
	"$mpol" run --preload weighted:0=1,2=1 -- redis-server --enable-debug-command yes --port 0 --unixsocket "$out/redis" --save '' >"$out/redis.log" 2>&1 &
	redis=$!
	for _ in $(seq 300); do
		! redis-cli -s "$out/redis" ping >/dev/null 2>&1 || break
		sleep 0.1
	done
	redis-cli -s "$out/redis" debug populate 200000 key 200 >/dev/null
	split "redis" "$(anonymous <"/proc/$redis/numa_maps")" 0.5 0=50 2=50
	is "$(redis-cli -s "$out/redis" dbsize)" 200000 "redis has its keys"
	kill "$redis"
	wait "$redis" || true
fi
if command -v sqlite3 >/dev/null; then
	is "$(with 0=3,1=1 sqlite3 :memory: 'create table t as with recursive n(i) as (select 1 union all select i + 1 from n where i < 50000)
		select i, hex(randomblob(50)) as b from n; create index b on t(b); select count(*), sum(i) from t;')" \
		"50000|1250025000" "sqlite counts right"
fi
rm -r "$out"
finish
