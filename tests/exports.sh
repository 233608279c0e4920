#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The built module and its engine export what they must and nothing else, need the libraries they
# must and nothing else, and are linked as something in other people's processes should be.
set -u
: "${srcdir:=.}" "${builddir:=.}"
module=$builddir/.libs/pam_totp.so
needed='libc libpam'
engine=$builddir/.libs/engine.so
engine_needed='libc libcrypt libcrypto libqrencode libsqlite3'

. "$srcdir/tests/tap.sh"
same() { # NAME, EXPECTED, FOUND
    report "$1" "$([ "$2" = "$3" ] || printf 'expected: %s\nfound: %s' "$2" "$3")"
}
lines() {
    LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//'
}

check() { # FILE, MAP, LIBRARIES
    name=$(basename "$1")
    [ -f "$1" ] || { echo "Bail out! $1 is missing: run make"; exit 1; }
    map=$(sed -n 's/^[[:space:]]*\([A-Za-z_][A-Za-z0-9_]*\);$/\1/p' "$srcdir/pam/$2" | lines)
    exports=$(nm -D --defined-only "$1" | awk '{ print $3 }' | lines)
    same "$name: exports are those of $2" "$map" "$exports"
    # A sanitized build brings its run-time libraries along.
    libraries=$(readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\.so[.0-9]*\].*/\1/p' |
        grep -Ev '^lib[aultm]*san$' | lines)
    same "$name: needs no other libraries" "$3" "$libraries"
    report "$name: no search path is built in" "$(readelf -dW "$1" | grep -E 'RPATH|RUNPATH')"
    report "$name: no relocation in the code" "$(readelf -dW "$1" | grep TEXTREL)"
    report "$name: no executable stack" "$(readelf -lW "$1" | grep 'GNU_STACK.*E ')"
    report "$name: all symbols are bound at load, and then read-only" "$(
        readelf -dW "$1" | grep -Eq 'FLAGS.*NOW' || echo 'no BIND_NOW'
        readelf -lW "$1" | grep -q GNU_RELRO || echo 'no GNU_RELRO'
    )"
}

check "$module" pam_totp.map "$needed"
report "every export of the module is an entry point of PAM" \
    "$(nm -D --defined-only "$module" | awk '$2 != "T" || $3 !~ /^pam_sm_/')"
check "$engine" engine.map "$engine_needed"

tap_done
