#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The manuals name every option with its default, every verb with its options, every method of the
# service with who may call it and every error, and no others; mandoc finds nothing wrong with them;
# examples/totp.conf is what the program says.
set -u
: "${srcdir:=.}" "${builddir:=.}"
man=$builddir/man
totpctl=$builddir/totpctl
totpd=$builddir/totpd/totpd
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

. "$srcdir/tests/tap.sh"
same() { # NAME, PROGRAM'S LINES, MANUAL'S LINES
    printf '%s\n' "$2" | LC_ALL=C sort -u >"$work/program"
    printf '%s\n' "$3" | LC_ALL=C sort -u >"$work/manual"
    if [ -n "$2" ]; then
        report "$1" "$(diff "$work/program" "$work/manual" |
            sed -n 's/^</only in the program:/p; s/^>/only in the manual:/p')"
    else
        report "$1" "the program names none"
    fi
}

for page in pam_totp.8 totpctl.8 totpd.8 totp.conf.5; do
    [ -f "$man/$page" ] || { echo "Bail out! $man/$page is missing: run make"; exit 1; }
    if command -v mandoc >/dev/null; then
        report "mandoc has nothing to say about $page" "$(mandoc -Tlint -Wwarning "$man/$page" 2>&1)"
    else
        count=$((count + 1))
        echo "ok $count # SKIP mandoc is not installed"
    fi
    report "no name was left to be filled in, in $page" "$(grep -n '@[A-Za-z_]*@' "$man/$page")"
done

# The text of one .Sh section.
section() { # PAGE HEADING
    awk -v heading="$2" '/^\.Sh / { inside = substr($0, 5) == heading } inside' "$man/$1"
}

: >"$work/totp.conf"
"$totpctl" --config "$work/totp.conf" config >"$work/defaults" 2>&1
options=$(sed -n 's/^\([a-z_]*\) = .*/\1/p' "$work/defaults")

documented() {
    section "$1" OPTIONS | sed -n 's/^\.It Cm \([a-z_]*\) Ns = .*/\1/p'
}
same "every option is in totp.conf.5" "$options" "$(documented totp.conf.5)"
same "every option is in pam_totp.8" "$options
config" "$(documented pam_totp.8)"

# "NAME DEFAULT" of each entry, from the page as it is read. Words in the place of a value tell
# what an empty one means.
if command -v mandoc >/dev/null; then
    for page in totp.conf.5 pam_totp.8; do
        mandoc -Tascii -Owidth=1000 "$man/$page" | sed 's/.\x08//g' | awk '
            function finish() {
                if (name != "" && match(text, /Default: /)) {
                    text = substr(text, RSTART + RLENGTH)
                    sub(/\.(  .*| *)$/, "", text)
                    print name " = " text
                }
                name = text = ""
            }
            /^[A-Z]/ { finish() }
            /^ +[a-z_]+=[^ ]*$/ { finish(); name = $1; sub(/=.*/, "", name); next }
            { sub(/^ +/, ""); text = text $0 " " }
            END { finish() }' >"$work/written"
        report "$page tells the defaults" "$(awk '
            { name = $1; line = $0; sub(/^[^=]*= /, "") }
            FNR == NR { default_of[name] = $0; next }
            { seen[name] = 1 }
            name in default_of && $0 != default_of[name] && default_of[name] !~ /^("")?$/ {
                print "the program: " name " = " default_of[name] "; the manual: " $0
            }
            END { for (name in default_of) if (!(name in seen)) print name " has none" }
            ' "$work/defaults" "$work/written")"
    done
fi

paths='store|key_file|socket'
report "examples/totp.conf names every option with its default" "$(
    sed -n 's/ *$//; s/^#\([a-z_]* =\)/\1/p; /^#\[/q' "$srcdir/examples/totp.conf" >"$work/example"
    sed 's/ *$//' "$work/defaults" | grep -Ev "^($paths) = " >"$work/program"
    grep -Ev "^($paths) = " "$work/example" | diff "$work/program" -
    [ "$(grep -Ec "^($paths) = " "$work/example")" -eq 3 ] || echo "one of $paths is missing"
)"
report "examples/totp.conf is accepted as it is, and with every line in force" "$(
    sed -E '/^#([a-z_]+ =|\[)/s/^#//' "$srcdir/examples/totp.conf" >"$work/all.conf"
    for file in "$srcdir/examples/totp.conf" "$work/all.conf"; do
        cp "$file" "$work/totp.conf" && chmod 644 "$work/totp.conf"
        "$totpctl" --config "$work/totp.conf" config 2>&1 | grep -Ev "^($paths) = " |
            diff - "$work/defaults" | grep -Ev "^([0-9,acd]+|[<>] ($paths) = .*)$"
    done
)"

verbs=$("$totpctl" help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p')
same "every verb is in totpctl.8" "$verbs" \
    "$(section totpctl.8 VERBS | sed -n 's/^\.It Ic \([a-z]*\).*/\1/p')"

options_in_help() {
    sed -n 's/^  --\([a-z-]*\) .*/\1/p'
}
global=$("$totpctl" help | options_in_help)
same "every option for all verbs is in totpctl.8" "$global" \
    "$(section totpctl.8 DESCRIPTION | sed -n 's/^\.It Fl Fl \([a-z-]*\).*/\1/p')"
without_global() {
    grep -Fxv "$global" | LC_ALL=C sort -u
}

for verb in $verbs; do
    expected=$("$totpctl" help "$verb" | options_in_help | without_global)
    found=$(section totpctl.8 VERBS | awk -v verb="$verb" '
        /^\.It Ic / { inside = $3 == verb }
        /^\.Ss / { inside = 0 }
        inside && /^(\.It )?\.?Fl Fl / { sub(/^(\.It )?\.?Fl Fl /, ""); print $1 }' | without_global)
    report "$verb: the manual has its options" "$([ "$expected" = "$found" ] ||
        printf 'the program: %s\nthe manual: %s' "$expected" "$found" | tr '\n' ' ')"
done

same "every metric is in totpctl.8" \
    "$(grep -o '"totp_[a-z_]*["{]' "$srcdir/cli/verb_stats.c" | tr -d '"{')" \
    "$(section totpctl.8 METRICS | sed -n 's/^\.It Cm \(totp_[a-z_]*\).*/\1/p')"

same "every option of totpd is in totpd.8" "$("$totpd" --help | options_in_help)" \
    "$(section totpd.8 DESCRIPTION | sed -n 's/^\.It Fl Fl \([a-z-]*\).*/\1/p')"

# "IDENTIFIER NAME" of each method that is ours.
methods=$(sed -n 's/^ *X(\([A-Z]*\), "\([A-Za-z]*\)").*/\1 \2/p' "$srcdir/lib/call.h" |
    grep -Ev '^(INFO|DESCRIBE) ')
entries() { # HEADING OF THE SUBSECTION: what its list names
    section totpd.8 INTERFACE | awk -v heading="$1" '
        /^\.S[sh] / { inside = heading == "" ? /^\.Sh/ : substr($0, 5) == heading }
        inside && /^\.It Cm / { gsub(/^\.It Cm | ,/, ""); gsub(/ +/, "\n"); print }'
}
same "every method is in totpd.8" "$(printf '%s\n' "$methods" | cut -d' ' -f2)" "$(entries '')"
# The standard interface has errors of its own.
same "every error of the interface is in totpd.8" \
    "$(sed '/ standard\[\] =/,$d' "$srcdir/totpd/varlink.c" |
        grep -Eo 'error [A-Z][A-Za-z]* \(' | cut -d' ' -f2)" "$(entries Errors)"
# "NAME: OWN RECORD; ANOTHER'S" of each method, from the table of guard.c and from the page's.
same "totpd.8 tells who may call what" "$(
    { printf '%s\n' "$methods"
      sed -n 's/^ *\[CALL_\([A-Z]*\)\] = {\([A-Z_]*\), \([A-Z_]*\)},\( .*\)*$/\1 \2 \3/p' \
          "$srcdir/totpd/guard.c"; } | awk '
        BEGIN { word["FREE"] = "yes"; word["NEVER"] = "no"; word["PROOF"] = "with a code"
                word["PROOF_IF_ENROLLED"] = "with a code, once proved" }
        NF == 2 { name[$1] = $2; next }
        $2 == "NEVER" && $3 != "NEVER" { print name[$1] ": as admin; " word[$3]; next }
        { print name[$1] ": " word[$2] "; " word[$3] }')" "$(
    section totpd.8 'WHO MAY ASK WHAT' |
        sed -n '/^\.It Sy/d; s/^\.It \(.*\) Ta \(.*\) Ta \(.*\)/\1|\2|\3/p' | awk -F'|' '
        { n = split($1, name, ", "); for (i = 1; i <= n; i++) print name[i] ": " $2 "; " $3 }')"
same "totpd.8 has the numbers of all errors" \
    "$(sed -n 's/^ *X(ERR_[A-Z_]*, \([0-9]*\), "\(.*\)").*/\1 \2/p' "$srcdir/lib/err.h")" \
    "$(section totpd.8 INTERFACE | sed -n '/^\.It [0-9]/{s/^\.It //;N;s/\n/ /;p;}')"

for file in "$srcdir"/examples/*; do
    name=$(basename "$file")
    report "examples/$name is spoken of" "$(cat "$man"/*.[58] "$srcdir"/README.md |
        grep -Eq "examples/$name([^a-z.-]|\.?\$)" ||
        echo "neither a manual nor README.md names it")"
done

tap_done
