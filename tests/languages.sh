#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every catalog in po/ has a translation of every text that people read, and of nothing else; each
# takes the values the text takes, and fits where the text fits.
set -u
: "${srcdir:=.}"
srcdir=$(cd "$srcdir" && pwd) || exit 1
export srcdir
cd "$srcdir" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

. "$srcdir/tests/tap.sh"

for tool in xgettext msgcmp msgfmt msgattrib; do
    command -v $tool >/dev/null || { echo "1..0 # SKIP needs $tool, of gettext"; exit 0; }
done

# Seen to work before it is believed: one text of each kind.
po/extract >"$work/totp.pot" 2>"$work/said"
report "the texts are found" "$(cat "$work/said"
    for text in 'New password: ' '%lu second' 'One-time code: ' 'out of memory' \
        'this is not a path from the root' 'the accounts'; do
        grep -qxF "msgid \"$text\"" "$work/totp.pot" || echo "not: $text"
    done)"
# Such a text is looked for in the catalog as the program says it, with the values in it.
report "texts with values are known for formats, which a translation must keep" \
    "$(awk '/^#, .*c-format/ { known = 1 } /^msgid ".*%[a-z0-9]/ && !known && !/knows %u/
        /^msgstr/ { known = 0 }' "$work/totp.pot")"

# Texts handed to what speaks to a person, as they are, instead of marked. Seen to work first.
bare() { # FILES...
    xgettext --language=C --output=- --omit-header --no-location --keyword --keyword=conv_ask:3 \
        --keyword=conv_ask_new:2 --keyword=conv_tell:3 --keyword=tell_text:3 \
        --keyword=login_ask_code:2 "$@" | sed -n 's/^msgid //p'
}
echo 'f() { tell_text(a, b, "bare"); tell_text(a, b, _("marked")); }' >"$work/probe.c"
found=$(bare "$work/probe.c")
report "the module says nothing unmarked" "$(
    [ "$found" = '"bare"' ] || echo "of the probe, found: $found"
    bare pam/*.c)"

languages=$(sed -n 's/^LANGUAGES = //p' Makefile.am)
report "Makefile.am names the catalogs" "$(
    for language in $languages; do
        [ -f "po/$language.po" ] || echo "there is no po/$language.po"
        for name in "po/$language.po" "po/$language.mo"; do
            grep -Eq "^(PO_FILES|CATALOGS) = (.* )?$name( |\$)" Makefile.am ||
                echo "$name is not in its list"
        done
    done
    for file in po/*.po; do
        case " $languages " in *" $(basename "$file" .po) "*) ;; *) echo "$file is in no list" ;; esac
    done)"

# A prompt ends in a blank, and what the module says goes into buffers of a fixed size.
shape='
    function text(line) { sub(/^[a-z_]+(\[[0-9]\])? /, "", line); return substr(line, 2, length(line) - 2) }
    /^#: / { is_module = /pam\// }
    /^msgid / { id = text($0) }
    /^msgstr/ && id != "" {
        if ((id ~ / $/) != (text($0) ~ / $/)) print "a blank at the end: " id
        if (is_module && length(text($0)) > 250) print "longer than 250 bytes: " id
    }'
for file in po/*.po; do
    report "$file has every text and no other" \
        "$(msgcmp "$file" "$work/totp.pot" 2>&1; grep -n '^#~' "$file")"
    report "$file is well-formed" "$(msgfmt --check --output-file=/dev/null "$file" 2>&1)"
    report "$file keeps the form of the texts" \
        "$(msgattrib --no-wrap "$file" | LC_ALL=C awk "$shape")"
done

tap_done
