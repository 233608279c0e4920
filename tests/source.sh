#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What no file of the project does, and what lib/ and pam/ never do in their host's process. The
# source is read, and so are the objects made from it: a macro hides from the one, an inlined call
# from the other.
set -u
: "${srcdir:=.}" "${builddir:=.}"
builddir=$(cd "$builddir" && pwd) || exit 1
cd "$srcdir" || exit 1

# The host's process is not ours: its exit, environment, identity, signals, directory, locale, log
# and standard output.
forbidden='exit _exit _Exit quick_exit abort assert atexit err errx
openlog closelog syslog vsyslog
umask chdir fchdir chroot
getenv secure_getenv setenv unsetenv putenv clearenv
setlocale uselocale
setuid setgid seteuid setegid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups
initgroups signal sigaction sigprocmask alarm setitimer setrlimit
system popen fork vfork posix_spawn execv execve execvp execl execlp
printf vprintf puts putchar perror psignal
strcpy strcat stpcpy sprintf vsprintf gets alloca
rand srand random srandom drand48
gmtime localtime ctime asctime strtok crypt getpwnam getpwuid getgrnam getgrgid getspnam
OPENSSL_cleanup OPENSSL_init_crypto OPENSSL_init_ssl sqlite3_config sqlite3_shutdown
sqlite3_initialize sqlite3_enable_shared_cache'
# Children come from one place alone.
forbidden_proc=$(printf '%s' "$forbidden" | sed 's/posix_spawn//')
# The library is told the time; client.c and proc.c keep deadlines, by the clock that nobody sets.
forbidden_lib='time clock_gettime gettimeofday timespec_get'
streams='stdout stderr stdin environ __environ program_invocation_name'

. "$srcdir/tests/tap.sh"

alternatives() {
    printf '%s' "$*" | tr -s ' \n' '||'
}

# Comments and strings emptied, lines kept.
bare() {
    awk '
        {
            line = $0
            out = ""
            while (line != "") {
                if (comment) {
                    at = index(line, "*/")
                    if (at == 0) break
                    line = substr(line, at + 2)
                    comment = 0
                } else if (match(line, /"([^"\\]|\\.)*"|\047([^\047\\]|\\.)*\047|\/\*|\/\//)) {
                    token = substr(line, RSTART, 2)
                    out = out substr(line, 1, RSTART - 1) " "
                    line = substr(line, RSTART + RLENGTH)
                    if (token == "//") break
                    if (token == "/*") comment = 1
                } else {
                    out = out line
                    line = ""
                }
            }
            print FILENAME ":" FNR ": " out
        }' "$1"
}

uses() { # FILE, CALLS
    bare "$1" | grep -E "(^|[^A-Za-z0-9_.>])($2)[[:space:]]*\\(|[^A-Za-z0-9_]($(alternatives "$streams"))[^A-Za-z0-9_]"
}

all=$(find lib pam cli totpd mail tests -name '*.[ch]' 2>/dev/null | LC_ALL=C sort)
guest=$(find lib pam -name '*.[ch]' | LC_ALL=C sort)

problems=$(for file in $all configure.ac Makefile.am $(find man -name '*.in'); do
    head -n 1 "$file" | grep -q 'SPDX-License-Identifier: BSD-2-Clause' || echo "$file, first line"
done
for file in quickstart .ci/run tests/run $(find tests \( -name '*.sh' -o -name '*.py' \)); do
    [ ! -e "$file" ] || sed -n '1{/^#!/n;p}' "$file" |
        grep -q 'SPDX-License-Identifier: BSD-2-Clause' ||
        echo "$file, first line or the one after #!"
done)
report "every file says its licence" "$problems"

problems=$(for file in $all; do
    first=$(grep -En '^#include' "$file" | head -n 1 | sed 's/.*#include //')
    case $file in
    *.c) [ "$first" = '"config.h"' ] || echo "$file does not include \"config.h\" first" ;;
    *.h) ! grep -q '^#include "config\.h"' "$file" || echo "$file includes config.h" ;;
    esac
done)
report "config.h comes first in every .c file and in no header" "$problems"

problems=$(for file in $all; do
    case $file in
    *.h) grep -q '^#ifndef TOTP_.*_H$' "$file" || echo "$file has no include guard" ;;
    esac
    grep -nH '[[:blank:]]$' "$file" | sed 's/:[^:]*$/: blanks at the end of the line/'
    [ -z "$(tail -c 1 "$file")" ] || echo "$file does not end with a newline"
done)
report "headers are guarded, lines end cleanly" "$problems"

# Seen to work before it is believed.
probe=$(mktemp -d) || exit 1
trap 'rm -rf "$probe"' EXIT
cat >"$probe/probe.c" <<'END'
/* abort() in a comment,
 * exit(1) too */
int a = "getenv(x)"; // system("x")
x->exit(1); my_exit(2); onexit(); strerror(e); fprintf(f, "stdout");
y = secure_getenv("HOME");
fputs("x", stderr);
    abort ();
END
problems=$(uses "$probe/probe.c" "$(alternatives "$forbidden")" | cut -d: -f2 | tr '\n' ' ')
[ "$problems" = "5 6 7 " ] || report "the scanner finds lines 5, 6 and 7" "found: $problems"

report "lib/ and pam/ leave their host's process alone (source)" \
    "$(for file in $guest; do
        [ "$file" != lib/proc.c ] || { uses "$file" "$(alternatives $forbidden_proc)"; continue; }
        uses "$file" "$(alternatives "$forbidden")"
    done)"
report "lib/ does not read the clock (source)" \
    "$(for file in lib/*.c; do
        [ "$file" = lib/client.c ] || [ "$file" = lib/proc.c ] || uses "$file" "$(alternatives "$forbidden_lib")"
    done)"

objects=$(find "$builddir/lib/.libs" "$builddir/pam/.libs" -name '*.o' 2>/dev/null | LC_ALL=C sort)
# "FILE SYMBOL" of what an object asks others for; printf asks for __printf_chk, strerror_r for
# __xpg_strerror_r.
wanted=$(for object in $objects; do
    nm -u "$object" | awk -v file="${object#"$builddir"/}" '{ print file, $NF }'
done | sed -E 's/ (__isoc99_|__xpg_|__)?([A-Za-z0-9_]+)_chk$/ \2/; s/@.*//')
expected=$(ls lib/*.c pam/*.c | wc -l)
found=$(printf '%s\n' "$objects" | grep -c .)

report "there is an object for each of $expected files" \
    "$([ "$found" -ge "$expected" ] || echo "found $found below $builddir; build first")"
report "lib/ and pam/ leave their host's process alone (objects)" \
    "$(printf '%s\n' "$wanted" | grep -E " ($(alternatives "$forbidden $streams __assert_fail"))\$" |
        grep -Ev '^lib/[^ ]*-proc\.o posix_spawn$')"
report "lib/ does not read the clock (objects)" \
    "$(printf '%s\n' "$wanted" | grep -E "^lib/.* ($(alternatives "$forbidden_lib"))\$" |
        grep -Ev '^lib/[^ ]*(client|-proc)\.o ')"
report "client.c and proc.c read no other clock than CLOCK_MONOTONIC" \
    "$(for file in lib/client.c lib/proc.c; do bare "$file"; done | grep clock_gettime | grep -v CLOCK_MONOTONIC)"

# The relocated read-only tables of .data.rel.ro are written by the loader alone.
if printf '%s\n' "$wanted" | grep -q __asan_; then
    skip "AddressSanitizer keeps its own variables in every object"
else
    problems=$(for object in $objects; do
        objdump -h "$object" | awk -v file="${object#"$builddir"/}" '
            $2 ~ /^\.(data|bss|tdata|tbss|tm_clone_table)(\.|$)/ && $2 !~ /^\.data\.rel\.ro/ &&
                $3 !~ /^0+$/ { print file " has 0x" $3 " bytes of " $2 }'
        objdump -t "$object" | awk -v file="${object#"$builddir"/}" '
            NF > 2 && $(NF - 1) !~ /^0+$/ && / (\.(data|bss|tdata|tbss)(\.[^ \t]*)?|\*COM\*)\t/ &&
                !/ \.data\.rel\.ro/ { print file ": " $NF }'
    done)
    report "lib/ and pam/ keep no state between calls" "$problems"
fi

tap_done
