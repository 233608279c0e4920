#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""People are spoken to in their language, through real su and sudo and at the command line; the log
and JSON are English."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from island import BUILD, ENVIRONMENT, dialogue, main, mount, ok, same, skip_all  # noqa: E402

LOCALES = "/usr/lib/locale"
ENGLISH = ("One-time code: ",
           r"This account is locked after too many wrong codes\. Try again in 3 minutes, "
           r"after [0-9-]{10} [0-9:]{8} UTC\.")
LANGUAGES = {
    "de_DE.UTF-8": (
        "Einmalcode: ",
        r"Dieses Konto ist nach zu vielen falschen Codes gesperrt\. Bitte in 3 Minuten erneut "
        r"versuchen, nach [0-9-]{10} [0-9:]{8} UTC\."),
    "fr_FR.UTF-8": (
        "Code à usage unique\N{NO-BREAK SPACE}: ",
        r"Ce compte est verrouillé après trop de codes erronés\. Réessayez dans 3 minutes, après "
        r"le [0-9-]{10} à [0-9:]{8} UTC\."),
    # One that this host does not have, and one that has no catalog.
    "nl_NL.UTF-8": ENGLISH,
    "C.UTF-8": ENGLISH,
}
MARK = "this-is-the-inside-of"


def make_locales(island):
    """Of this island alone. A variable that names another directory would not pass su and sudo."""
    kept = tempfile.mkdtemp(dir=island.root)
    shutil.copytree(LOCALES, kept, symlinks=True, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("locale-archive"))
    mount("-t", "tmpfs", "-o", "mode=0755", "none", LOCALES)
    shutil.copytree(kept, LOCALES, symlinks=True, dirs_exist_ok=True)
    for name, charset in (("de_DE.UTF-8", "UTF-8"), ("fr_FR.UTF-8", "UTF-8"),
                          ("de_DE.ISO-8859-1", "ISO-8859-1")):
        made = f"{LOCALES}/{name}"
        if not os.path.isdir(made):
            subprocess.run(["localedef", "--no-archive", "-f", charset, "-i", name.split(".")[0],
                            made], check=True, stderr=subprocess.DEVNULL)


def put_catalogs(island):
    found = glob.glob(f"{island.tree}/**/de/LC_MESSAGES/totp.mo", recursive=True)
    if not found:
        return False
    island.put(found[0].removesuffix("/de/LC_MESSAGES/totp.mo"))
    return True


def speaking(locale):
    return ["env", "-u", "LC_ALL", f"LANG={locale}"]


def one_factor(island, service):
    """Prompts of other modules have languages of their own."""
    with open(f"/etc/pam.d/{service}", "w", encoding="utf-8") as file:
        for kind in ("auth", "account"):
            file.write(f"{kind} required {island.module} config={island.conf}\n")
        file.write("session required pam_permit.so\n")


def check_log(island, what, verdict):
    lines = island.log.take("pam_totp(")
    ok(lines and verdict in lines[0] and all(line.isascii() for line in lines),
       f"{what}: the log is English", "\n".join(lines))


def test_prompts(island, alice, caller, argv):
    for locale, (prompt, _) in LANGUAGES.items():
        shown = dialogue([*speaking(locale), *argv], [(prompt, alice.code())], caller)
        ok(prompt in shown and MARK in shown, f"{argv[0]}, {locale}: the prompt", shown)
        check_log(island, f"{argv[0]}, {locale}", "login accepted")


def test_notices(island, alice, caller, argv):
    """Not through sudo, which asks modules to be silent."""
    for locale, (prompt, notice) in LANGUAGES.items():
        command, what = [*speaking(locale), *argv], f"{argv[0]}, {locale}"
        dialogue(command, [(prompt, alice.wrong_code())], caller)
        check_log(island, what, "login wrong")
        shown = dialogue(command, [(prompt, alice.code())], caller)
        ok(re.search(notice, shown) is not None and MARK not in shown, f"{what}: the lock notice",
           shown)
        check_log(island, what, "login locked")
        island.totpctl("unlock", alice.name)


def log_in(locale, code, *options, user="alice-e2e"):
    """A small application, and what it shows as bytes."""
    done = subprocess.run([*speaking(locale), f"{BUILD}/tests/pam/pam_login", *options, "app",
                           user], input=code.encode() + b"\n", capture_output=True, check=False,
                          env=ENVIRONMENT)
    return done.stdout


def test_applications(island, alice):
    one_factor(island, "app")
    shown = log_in("de_DE.UTF-8", alice.code(), "-l").decode()
    ok("prompt-echo-off: Einmalcode: \n" in shown and "result: PAM_SUCCESS" in shown,
       "an application with a locale", shown)
    same(re.findall("locale: .*", shown), ["locale: de_DE.UTF-8, text domain: messages"],
         "has the locale and text domain it had")
    ok(re.search("^log: .*login accepted user=", shown, re.M), "and an English log", shown)
    shown = log_in("de_DE.UTF-8", alice.code(), "-C", "-l").decode()
    ok("prompt-echo-off: One-time code: \n" in shown and "result: PAM_SUCCESS" in shown,
       "an application without one is spoken to in English", shown)
    same(re.findall("locale: .*", shown), ["locale: C, text domain: messages"], "and stays so")
    island.configure("prompt = Dongle:")
    shown = log_in("de_DE.UTF-8", alice.code()).decode()
    ok("prompt-echo-off: Dongle:\n" in shown, "the administrator's prompt is not translated", shown)


def test_charset(island):
    island.configure("enroll_by = 2099-01-01\nunenrolled = deny")
    shown = log_in("de_DE.ISO-8859-1", "", user="bob-e2e")
    ok("Gerät".encode("iso-8859-1") in shown and "Gerät".encode() not in shown,
       "a locale that is not UTF-8", shown)


def test_reasons(island):
    """What the system says of a failure is the log's, too."""
    with open(island.conf, encoding="utf-8") as file:
        settings = re.sub("key_file = .*", "key_file = /etc/passwd/key", file.read())
    with open(island.conf, "w", encoding="utf-8") as file:
        file.write(settings)
    shown = log_in("de_DE.UTF-8", "123456").decode()
    ok(re.search("^log: err .*unavailable: /etc/passwd/key: .*Not a directory", shown, re.M),
       "why the system refused stands in the log in English", shown)
    island.configure("")


def totpctl(island, locale, *arguments):
    done = subprocess.run([*speaking(locale), island.program, "--config", island.conf, *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, check=False,
                          env=ENVIRONMENT)
    return done.stdout.decode(), done.stderr.decode()


def test_command_line(island, alice):
    for locale, (said, title, heading, state, value) in {
            "de_DE.UTF-8": ("ein Argument fehlt: den Benutzer angeben", "Aufruf: totpctl",
                            "ZUSTAND", "aktiv", "Zweiter Faktor ein"),
            "fr_FR.UTF-8": ("il manque un argument\N{NO-BREAK SPACE}: indiquez l’utilisateur",
                            "usage\N{NO-BREAK SPACE}: totpctl", "ÉTAT", "actif",
                            "Second facteur activé"),
            "nl_NL.UTF-8": ("an argument is missing: name the user", "usage: totpctl", "STATE",
                            "active", "Two-factor     on"),
            # Its texts are UTF-8.
            "de_DE.ISO-8859-1": ("an argument is missing: name the user", "usage: totpctl",
                                 "STATE", "active", "Two-factor     on")}.items():
        shown = totpctl(island, locale, "show")[1]
        ok(said in shown and title in shown, f"totpctl, {locale}: an error and the usage", shown)
        shown = totpctl(island, locale, "show", alice.name)[0]
        ok(value in shown.splitlines(), f"totpctl, {locale}: a result", shown)
        lines = totpctl(island, locale, "list")[0].splitlines()
        ok(len(lines) == 2 and lines[0].find(heading) == lines[1].find(state) > 0,
           f"totpctl, {locale}: columns stand below their headings", "\n".join(lines))
    shown = totpctl(island, "de_DE.UTF-8", "show", "nobody-here")[1]
    same(shown, "totpctl: nobody-here: diesen Benutzer gibt es nicht: siehe „totpctl list“\n",
         "totpctl: who is not there")
    shown = totpctl(island, "de_DE.UTF-8", "add", alice.name)[1]
    same(shown, f"totpctl: {alice.name}: das gibt es schon\n",
         "totpctl: a sentence of the list of errors")
    shown = totpctl(island, "de_DE.UTF-8", "enroll", alice.name, "--device", "phone",
                    "--no-confirm")[1]
    same(shown, f"totpctl: {alice.name}: es gibt schon ein Gerät dieses Namens: einen anderen wählen "
         "oder es ersetzen\n", "totpctl: an error that the service may say too")
    shown = totpctl(island, "de_DE.UTF-8", "stats")[0].splitlines()
    rows = [line.split("  ")[0] for line in shown]
    ok({"aktiv", "kein Gerät", "gesperrt", "älter", "nie", "keine", "wenige", "accepted"}
       <= set(rows) and not {"active", "never", "few"} & set(rows),
       "totpctl: rows of stats are named as list and show name them", "\n".join(shown))
    heading = next(n for n, line in enumerate(shown) if line.startswith("GERÄTE"))
    same([len(line) for line in shown[heading:heading + 3]], 3 * [len(shown[heading])],
         "totpctl: numbers of stats stand below their headings")
    shown = dialogue([*speaking("de_DE.UTF-8"), island.program, "--config", island.conf, "passwd",
                      alice.name], [("Neues Passwort: ", "one"), ("Noch einmal dasselbe: ", "two")])
    ok("die beiden stimmen nicht überein: nichts wurde geändert" in shown,
       "totpctl: prompts and their error", shown)
    for arguments in (("--json", "list"), ("--json", "show", alice.name), ("config",), ("log",)):
        same(totpctl(island, "de_DE.UTF-8", *arguments), totpctl(island, "C.UTF-8", *arguments),
             f"totpctl {arguments}: the same in every language")


def test(island):
    if not put_catalogs(island):
        skip_all("this build has no translations")
    make_locales(island)
    alice, bob = island.person("alice-e2e"), island.person("bob-e2e")
    island.enroll(alice)
    island.configure("max_failures = 1\nlock_time = 3m")
    one_factor(island, "su")
    su = ["su", alice.name, "-c", f"echo {MARK}"]
    test_prompts(island, alice, bob, su)
    test_notices(island, alice, bob, su)
    one_factor(island, "sudo")
    with open("/etc/sudoers", "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o440)) as file:
        file.write(f"Defaults !fqdn, !lecture, passwd_tries=1\n{alice.name} ALL=(ALL) ALL\n")
    test_prompts(island, alice, alice, ["sudo", "-k", "echo", MARK])
    test_applications(island, alice)
    test_charset(island)
    test_reasons(island)
    test_command_line(island, alice)


if __name__ == "__main__":
    main(test, ["su", "sudo", "localedef"])
