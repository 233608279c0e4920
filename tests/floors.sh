#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A file includes project headers of lower floors only, and its own; an outside library's headers
# are included by the files named here only.
set -u
: "${srcdir:=.}"
cd "$srcdir" || exit 1

# Floor and noun. Within a floor nobody sees a neighbour, but for a few that stand above the others
# there: err sees base, the nouns of floor 2 see account, a reply is made of what a call names.
floors='
0.0 base
0.1 err
1.0 encoding file language network secret text
1.1 json proc
2.0 account
2.1 account_words code event field otp outcome password qr rules seal sql
2.2 mailcode
3.0 backend call match notice search uri
3.1 explain option policy reply resync
3.2 exempt option_value split token
4.0 audit client conf group keys row schema
4.1 mail row_account row_code row_event sqlite store
4.2 post
5.0 admin auth confirm device enroll send
5.1 perform
6.0 args ask buffer conv draw engine formats frame image job listener log loop mime out pace served stats varlink
6.1 body child connection guard run verify
6.2 crowd letter login pool run_code
6.3 deliver front tell
6.4 challenge enrollment
6.5 change
6.6 authenticate
7   pam_totp totp-mail totpctl totpd verbs worker'

# Header, and the files that may include it.
libraries='
openssl/    lib/otp.c lib/seal.c
sqlite3.h   lib/sql.c
crypt.h     lib/password.c
libintl.h   lib/language.c
qrencode.h  lib/qr.c
png.h       cli/image.c
jansson.h   cli/out.c
security/   pam/authenticate.c pam/challenge.c pam/change.c pam/conv.h pam/conv.c pam/enrollment.c pam/login.h pam/login.c pam/pam_totp.c pam/tell.c pam/verify.h pam/verify.c'

. "$srcdir/tests/tap.sh"

sources=$(find lib pam cli totpd mail -name '*.[ch]' 2>/dev/null | LC_ALL=C sort)
# "FILE NAME" for each #include "NAME" or <NAME>.
quoted=$(grep -En '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' $sources |
    sed -E 's/^([^:]*):[^"]*"([^"]*)".*/\1 \2/')
system=$(grep -En '^[[:space:]]*#[[:space:]]*include[[:space:]]*<' $sources |
    sed -E 's/^([^:]*):[^<]*<([^>]*)>.*/\1 \2/')
# A macro in the place of a name would pass unseen.
report "every include names its header" \
    "$(grep -En '^[[:space:]]*#[[:space:]]*include' $sources | grep -Ev 'include[[:space:]]*["<]')"

problems=$(printf '%s\n' "$quoted" | FLOORS=$floors awk '
    BEGIN {
        lines = split(ENVIRON["FLOORS"], line, "\n")
        for (i = 1; i <= lines; i++) {
            n = split(line[i], word)
            for (j = 2; j <= n; j++)
                floor[word[j]] = word[1]
        }
    }
    function noun(path) {
        sub(/.*\//, "", path)
        sub(/\.[ch]$/, "", path)
        return path ~ /^verb_/ || path == "totpctl" ? "verbs" : path
    }
    $2 == "config.h" { next }
    {
        from = noun($1)
        to = noun($2)
        if (!(from in floor)) print $1 " has no floor in tests/floors.sh"
        else if (!(to in floor)) print $1 ": \"" $2 "\" has no floor in tests/floors.sh"
        else if (from != to && floor[to] + 0 >= floor[from] + 0)
            print $1 " (floor " floor[from] ") includes \"" $2 "\" (floor " floor[to] ")"
    }')
report "includes go down only" "$problems"

problems=$(for file in $sources; do
    noun=$(basename "${file%.[ch]}")
    case $noun in verb_*) noun=verbs ;; esac
    printf '%s\n' "$floors" | grep -Eq "[[:space:]]$noun(\$|[[:space:]])" ||
        echo "$file has no floor in tests/floors.sh"
done)
report "every file has a floor" "$problems"

problems=$(for header in lib/*.h; do
    noun=$(basename "$header" .h)
    floor=$(printf '%s\n' "$floors" | grep -E "[[:space:]]$noun(\$|[[:space:]])" | cut -c1)
    grep -q "floor $floor[.;]" "$header" || echo "$header does not say \"floor $floor\""
done)
report "each header of lib/ says its floor" "$problems"

problems=$(printf '%s\n' "$system" | LIBRARIES=$libraries awk '
    BEGIN {
        lines = split(ENVIRON["LIBRARIES"], line, "\n")
        for (i = 1; i <= lines; i++) {
            n = split(line[i], word)
            if (n > 0) allowed[word[1]] = " " line[i] " "
        }
    }
    {
        for (header in allowed)
            if (index($2, header) == 1 && index(allowed[header], " " $1 " ") == 0)
                print $1 " includes <" $2 ">"
    }')
report "each outside library is included where it belongs" "$problems"

# What is neither the C library's nor in the list above is a new dependency.
known='arpa/|ctype|dirent|dlfcn|err|errno|fcntl|fnmatch|ftw|getopt|grp|inttypes|langinfo|limits|locale|netinet/|poll|pwd|shadow|signal|spawn|stdarg|stdbool|stddef|stdint|stdio|stdlib|string|strings|sys/|syslog|termios|time|unistd|wchar'
problems=$(printf '%s\n' "$system" | LIBRARIES=$libraries awk -v known="^($known)" '
    BEGIN { split(ENVIRON["LIBRARIES"], line, "\n") }
    $0 == "" || $2 ~ known { next }
    {
        for (i in line) {
            split(line[i], word)
            if (word[1] != "" && index($2, word[1]) == 1) next
        }
        print $1 " includes <" $2 ">"
    }')
report "no other library is used" "$problems"

tap_done
