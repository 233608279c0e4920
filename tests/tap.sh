# SPDX-License-Identifier: BSD-2-Clause
# Test output for shell scripts, as tap.h for C. To be sourced.
count=0 failed=0
# NAME, and what is wrong: nothing, when the test passes.
report() {
    count=$((count + 1))
    if [ -z "$2" ]; then
        echo "ok $count - $1"
    else
        failed=$((failed + 1))
        echo "not ok $count - $1"
        printf '%s\n' "$2" | sed 's/^/#   /'
    fi
}
skip() {
    count=$((count + 1))
    echo "ok $count # SKIP $1"
}
tap_done() {
    echo "1..$count"
    [ "$failed" -eq 0 ]
}
