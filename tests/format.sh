#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# clang-format leaves the tree as it is. Versions differ in what they write: it is version 14.
set -u
: "${srcdir:=.}"
cd "$srcdir" || exit 1

formatter=
for program in clang-format-14 clang-format; do
    case $("$program" --version 2>/dev/null) in
    *"version 14."*) formatter=$program; break ;;
    esac
done
if [ -z "$formatter" ]; then
    echo "1..0 # SKIP clang-format 14 is not installed"
    exit 0
fi

count=0 failed=0
for file in $(find lib pam cli totpd mail tests -name '*.[ch]' 2>/dev/null | LC_ALL=C sort); do
    count=$((count + 1))
    if difference=$("$formatter" --style=file "$file" | diff -u "$file" -); then
        echo "ok $count - $file"
    else
        failed=$((failed + 1))
        echo "not ok $count - $file"
        printf '%s\n' "$difference" | sed 's/^/#   /'
    fi
done
echo "1..$count"
[ "$failed" -eq 0 ]
