#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The units of totpd are what systemd understands, name the paths the programs were built for, and
# stay as closed as they are.
set -u
: "${srcdir:=.}" "${builddir:=.}"
builddir=$(cd "$builddir" && pwd) || exit 1
units=$builddir/packaging/systemd
service=$units/totpd.service
socket=$units/totpd.socket
mail_service=$units/totp-mail@.service
mail_socket=$units/totp-mail.socket
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

. "$srcdir/tests/tap.sh"
same() { # NAME, EXPECTED, FOUND
    report "$1" "$([ "$2" = "$3" ] || printf 'expected: %s\nfound: %s' "$2" "$3")"
}
setting() { # KEY FILE: its values
    sed -n "s/^$1=//p" "$2"
}

for file in "$service" "$socket" "$mail_service" "$mail_socket"; do
    [ -f "$file" ] || { echo "Bail out! $file is missing: run make"; exit 1; }
    report "no name was left to be filled in, in $(basename "$file")" \
        "$(grep -n '@[A-Za-z_]*dir@' "$file")"
done

: >"$work/totp.conf"
default() { # OPTION
    "$builddir/totpctl" --config "$work/totp.conf" config | sed -n "s/^$1 = //p"
}
store=$(default store)
directory=$(dirname "${store#sqlite:}")
same "the socket is where it is looked for" "$(default socket)" "$(setting ListenStream "$socket")"
same "the service may write to the store" "-$directory" "$(setting ReadWritePaths "$service")"
same "the service sees to the store's directory" "-+mkdir -p -m 0700 $directory" \
    "$(setting ExecStartPre "$service")"
same "everybody may connect" 0666 "$(setting SocketMode "$socket")"
same "messages are handed over beside it" "$(dirname "$(default socket)")/mail" \
    "$(setting ListenStream "$mail_socket")"
same "by root alone" 0600 "$(setting SocketMode "$mail_socket")"
same "where root alone may write" 0755 "$(setting DirectoryMode "$mail_socket")"
same "a process takes each" "yes socket" \
    "$(setting Accept "$mail_socket") $(setting StandardInput "$mail_service")"
same "their socket comes with the service's" totp-mail.socket "$(setting Wants "$socket")"
same "which has the configuration of all the others" "" \
    "$(setting ExecStart "$mail_service" | sed 's/^[^ ]*//')"
# postdrop is set-group-id, exim set-user-id; what implies the first is left out with it.
report "nothing keeps sendmail from its queue" "$(grep -En \
    '^(User|DynamicUser|NoNewPrivileges|CapabilityBoundingSet|Restrict.*|SystemCall.*|Private(Users|Network|Devices)|Protect(Home|Kernel.*|Clock|Hostname)|LockPersonality|MemoryDenyWriteExecute)=' \
    "$mail_service")"
report "nothing keeps the service from the socket" \
    "$(setting InaccessiblePaths "$service" | tr ' ' '\n' | grep -xE -- "-?(/run|$(dirname "$(default socket)"))(/mail)?")"
same "root alone may write beside the socket" 0755 "$(setting DirectoryMode "$socket")"
# Callers would be nobody; the socket would go with the service; FIPS mode would not be seen.
report "nothing is set that would break it" \
    "$(grep -En '^(User|DynamicUser|PrivateUsers|RuntimeDirectory|ProcSubset)=' "$service")"

if ! command -v systemd-analyze >/dev/null; then
    skip "systemd-analyze is not installed"
    tap_done
    exit
fi
# The programs need not be installed where the units look for them.
cp "$socket" "$mail_socket" "$work/"
sed "s|^ExecStart=.*|ExecStart=\"$builddir/totpd/totpd\"|" "$service" >"$work/totpd.service"
sed "s|^ExecStart=.*|ExecStart=\"$builddir/mail/totp-mail\"|" "$mail_service" \
    >"$work/totp-mail@.service"
# What other units of the host are said is not about these.
report "systemd-analyze verify has nothing to say" "$(
    systemd-analyze verify --man=no "$work/totpd.socket" "$work/totpd.service" \
        "$work/totp-mail.socket" "$work/totp-mail@1.service" 2>&1 | grep -E 'totp|[Ff]ailed')"
if systemd-analyze --help | grep -q -- --offline; then
    report "systemd-analyze security: the exposure is 1.2 of 10 at most" "$(
        systemd-analyze security --no-pager --offline=true --threshold=12 "$work/totpd.service" \
            >"$work/security" 2>&1 || tail -n 3 "$work/security")"
fi

tap_done
