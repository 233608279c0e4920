#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The built module exports its entry points and nothing else, needs the libraries it must and
# nothing else, and is linked as something in other people's processes should be.
set -u
: "${srcdir:=.}" "${builddir:=.}"
module=$builddir/.libs/pam_totp.so
needed='libc libcrypt libcrypto libpam libsqlite3'

. "$srcdir/tests/tap.sh"
same() { # NAME, EXPECTED, FOUND
    report "$1" "$([ "$2" = "$3" ] || printf 'expected: %s\nfound: %s' "$2" "$3")"
}
lines() {
    LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//'
}

[ -f "$module" ] || { echo "Bail out! $module is missing: run make"; exit 1; }

map=$(sed -n 's/^[[:space:]]*\([A-Za-z_][A-Za-z0-9_]*\);$/\1/p' "$srcdir/pam/pam_totp.map" | lines)
exports=$(nm -D --defined-only "$module" | awk '{ print $3 }' | lines)
same "exports are those of pam_totp.map" "$map" "$exports"
report "every export is an entry point of PAM" \
    "$(nm -D --defined-only "$module" | awk '$2 != "T" || $3 !~ /^pam_sm_/')"

# A sanitized build brings its run-time libraries along.
libraries=$(readelf -dW "$module" | sed -n 's/.*(NEEDED).*\[\(.*\)\.so[.0-9]*\].*/\1/p' |
    grep -Ev '^lib[aultm]*san$' | lines)
same "the module needs no other libraries" "$needed" "$libraries"
report "no search path is built in" "$(readelf -dW "$module" | grep -E 'RPATH|RUNPATH')"
report "no relocation in the code" "$(readelf -dW "$module" | grep TEXTREL)"
report "no executable stack" "$(readelf -lW "$module" | grep 'GNU_STACK.*E ')"
report "all symbols are bound at load, and then read-only" "$(
    readelf -dW "$module" | grep -Eq 'FLAGS.*NOW' || echo 'no BIND_NOW'
    readelf -lW "$module" | grep -q GNU_RELRO || echo 'no GNU_RELRO'
)"

tap_done
