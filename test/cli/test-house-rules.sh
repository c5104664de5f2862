#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tools/house-rules on a small tree of its own: silent while the tree is in
# order, then one breach of each rule, each of which it must name.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tree=$(mktemp -d)
trap 'rm -r "$tree"' EXIT
mkdir -p "$tree"/{tools,src/base,test/unit,man}
cp tools/house-rules tools/common.sh "$tree/tools/"
cd "$tree"

opening='/* SPDX-License-Identifier: MIT */
/* What it is for. */'
good() {
	printf '%s\n' "$opening" 'int good(int a, int b, int c, int d, int e, void (*f)(int, int))' '{' '}' >src/base/good.c
	printf '%s\n' "$opening" >test/unit/test-good.c
	printf '#!/bin/sh\necho "  show   PID   shows"\n' >mpol
	chmod +x mpol
	sed -i '2i # SPDX-License-Identifier: MIT\n# A program with one verb.' mpol
	echo '# none' >tools/tested-by
	echo 'mpol show PID' >README.md
	: >man/mpol-show.1.scd
}

status=0
good
tools/house-rules ./mpol || {
	echo "FAILED: breaches in a tree that is in order"
	status=1
}

# names TEXT: house-rules fails and says TEXT; then the tree is put in order again.
names() {
	local got=0
	tools/house-rules ./mpol >said 2>&1 || got=$?
	if [ "$got" -eq 0 ] || ! grep -qF -- "$1" said; then
		echo "FAILED: not named: $1; it said (status $got):"
		cat said
		status=1
	fi
	find src test man -type f -delete
	good
}

printf '%.0s\n' {1..1000} >>src/base/good.c
names 'good.c:1001: file longer than 1000 lines'
printf '%s\n' 'void long_one(void)' '{' {1..89} '}' >>src/base/good.c
names 'good.c:7: function of 91 lines'
printf '%s\n' 'int seven(int a, int b, int c, int d,' '	  int e, int f, int g)' '{' '}' >>src/base/good.c
names 'good.c:8: function with more than 6 parameters'
printf '%s\n' "$opening" 'int seven(int a, int b, int c, int d,' '	  int e, int f, int g);' >src/base/good.h
names 'good.h:4: declaration with more than 6 parameters'
sed -i 1d src/base/good.c
names 'good.c:1: the first line is not'
sed -i 2d src/base/good.c
names 'good.c:2: no comment'
printf '#!/bin/sh\necho\n' >test/test.sh
names 'test/test.sh:1: no SPDX'
echo '/* TO''DO: later */' >>src/base/good.c
names 'good.c:6:'
cp src/base/good.c src/base/other.c
names 'src/base/other.c: no test/*/test-other.*'
echo src/base/good.c - >>tools/tested-by
names 'src/base/good.c has a test of its own'
echo src/base/gone.c - >>tools/tested-by
names 'src/base/gone.c does not exist'
cp src/base/good.c src/base/other.c
echo src/base/other.c test/unit/test-gone.c >>tools/tested-by
names 'test/unit/test-gone.c does not exist'
rm man/mpol-show.1.scd
names 'man/mpol-show.1.scd: missing'
: >README.md
names 'README.md: mpol show is not mentioned'
exit "$status"
