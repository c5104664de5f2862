#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ./do on bad input, and on machines where it cannot install what it needs: a
# clear error, a non-zero status, and nothing done.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
status=0

# expect STATUS TEXT COMMAND...: the command ends so and says TEXT on stderr (stdout if STATUS is 0).
expect() {
	local wanted=$1 text=$2 got=0
	shift 2
	"$@" >"$scratch/stdout" 2>"$scratch/stderr" </dev/null || got=$?
	local said=$scratch/stderr
	[ "$wanted" -ne 0 ] || said=$scratch/stdout
	if [ "$got" -ne "$wanted" ] || ! grep -qF -- "$text" "$said"; then
		echo "FAILED: $*: status $got (expected $wanted), stderr:"
		sed 's/^/  /' "$scratch/stderr"
		status=1
	fi
}

expect 0 'Usage: ./do VERB' ./do
expect 0 'Usage: ./do VERB' ./do --help
expect 2 'no such verb: bulid' ./do bulid
expect 2 "build does not take '--fast'" ./do build --fast
expect 2 "fmt does not take '--fxi'" ./do fmt --fxi
expect 2 "not '--perfix'" ./do install --perfix /opt
expect 2 '--prefix needs a directory' ./do install --prefix
expect 2 'no such stage of check: guset' ./do check format guset
expect 2 "not '--fast'" ./do check --fast
expect 0 'guest' ./do check --list
expect 2 "'10m' is not a number of seconds" ./do fuzz policy-text 10m
expect 2 '--json needs a file' ./do bench --json
expect 2 "not '--jsno'" ./do bench --jsno x
expect 2 "package takes no '--rpm'" ./do package --rpm
expect 2 "lab needs a machine" ./do lab

# A machine on which nothing is installed: dpkg-query knows no package.
fake() {
	printf '#!/bin/sh\n%s\n' "$2" >"$scratch/bin/$1"
	chmod +x "$scratch/bin/$1"
}
mkdir "$scratch/bin"
for program in bash env dirname mktemp tail rm cat grep nproc printf; do
	ln -s "$(type -P "$program")" "$scratch/bin/$program"
done
fake dpkg-query 'exit 1'
fake apt-get 'echo "E: the mirror is on fire" >&2; exit 100'
fake id 'echo 0'
expect 1 'the mirror is on fire' env -u MPOL_NO_INSTALL PATH="$scratch/bin" bash ./do build
expect 1 'apt could not install gcc' env -u MPOL_NO_INSTALL PATH="$scratch/bin" bash ./do build
fake id 'echo 1000'
expect 1 'there is no sudo' env -u MPOL_NO_INSTALL PATH="$scratch/bin" bash ./do build
fake sudo 'echo "sudo: a password is required" >&2; exit 1'
expect 1 'sudo wants a password' env -u MPOL_NO_INSTALL PATH="$scratch/bin" bash ./do build
rm "$scratch/bin/apt-get"
expect 1 'this is not Debian' env -u MPOL_NO_INSTALL PATH="$scratch/bin" bash ./do build

# What it says before it installs: each package with its reason.
fake apt-get 'exit 0'
fake id 'echo 0'
env -u MPOL_NO_INSTALL PATH="$scratch/bin" bash ./do build >"$scratch/said" 2>&1 || true
grep -qE '^  gcc +compiles mpol$' "$scratch/said" || {
	echo "FAILED: it does not say why gcc is installed:"
	cat "$scratch/said"
	status=1
}
exit "$status"
