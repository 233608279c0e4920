/* SPDX-License-Identifier: BSD-2-Clause */
/* What every message looks like, whatever stands in a notice: nothing in it is a line of its own
 * choice. That a reader of e-mail finds in it what was meant is for tests/mail/letters.py. */
#include "config.h"

#include "err.h"
#include "letter.h"
#include "mime.h"
#include "secret.h"
#include "tap.h"
#include "text.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW 1795262400 /* 2026-11-21T12:00:00Z */
#define CODE "12345678"
#define TOKENS "abcd-efgh-ijkl\nmnop-qrst-uvwx"

static struct letter letter;
static struct err err;
static bool no_random;

int __real_secret_random(void *memory, size_t size);
int __wrap_secret_random(void *memory, size_t size);
int __wrap_secret_random(void *memory, size_t size)
{
    return no_random ? ERR_RANDOM : __real_secret_random(memory, size);
}

/* The catalogs are those of the build, as if they were installed. */
char *__real_bindtextdomain(const char *domain, const char *directory);
char *__wrap_bindtextdomain(const char *domain, const char *directory);
char *__wrap_bindtextdomain(const char *domain, const char *directory)
{
    (void)directory;
    return __real_bindtextdomain(domain, tap_dir());
}

static struct mail plain_mail(enum notice_kind kind)
{
    struct mail mail = {.host = "host.example.org",
                        .notice = {.kind = kind,
                                   .to = "alice@example.org",
                                   .full_name = "Alice",
                                   .user = "alice",
                                   .device = "phone",
                                   .service = "sshd",
                                   .rhost = "192.0.2.1",
                                   .actor = "root",
                                   .time = NOW,
                                   .until = NOW + 600,
                                   .left = 2}};
    const char *text = kind == NOTICE_CODE || kind == NOTICE_RECOVERY ? CODE
                       : kind == NOTICE_TOKENS                        ? TOKENS
                                                                      : "";

    memcpy(mail.notice.text, text, strlen(text) + 1);
    return mail;
}

static void fill(char *text, size_t size, const char *unit)
{
    const size_t length = strlen(unit);

    for (size_t used = 0; used + length < size; used += length)
        memcpy(text + used, unit, length + 1);
}

static const char hostile[] = "\nBcc: x@example.org\n\n.\nFrom \r\n\x1b[2J\x80=?UTF-8?Q?x?=\"<>,;";

static struct mail hostile_mail(enum notice_kind kind)
{
    struct mail mail = plain_mail(kind);
    struct notice *notice = &mail.notice;

    fill(mail.host, sizeof(mail.host), hostile);
    fill(notice->full_name, sizeof(notice->full_name), hostile);
    fill(notice->user, sizeof(notice->user), hostile);
    fill(notice->device, sizeof(notice->device), hostile);
    fill(notice->service, sizeof(notice->service), hostile);
    fill(notice->rhost, sizeof(notice->rhost), hostile);
    fill(notice->actor, sizeof(notice->actor), hostile);
    return mail;
}

static int write_letter(const struct mail *mail)
{
    err = (struct err){0};
    return letter_write(mail, NOW, &letter, &err);
}

/* --- the form --------------------------------------------------------------------------------- */

/* The names of the head, each once and in this order, and of no more. */
static bool has_head(bool from)
{
    static const char *const names[] = {"To:",
                                        "From: <totp@example.org>\n",
                                        "Subject: ",
                                        "Date: Sat, 21 Nov 2026 12:00:00 +0000\n",
                                        "Message-ID: <",
                                        "Auto-Submitted: auto-generated\n",
                                        "MIME-Version: 1.0\n",
                                        "Content-Type: text/plain; charset=UTF-8\n",
                                        "Content-Transfer-Encoding: quoted-printable\n",
                                        "\n"};
    const char *at = letter.text;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (i == 1 && !from)
            continue;
        if (strncmp(at, names[i], strlen(names[i])) != 0) {
            tap_note("in the place of %s stands %.60s", names[i], at);
            return false;
        }
        do
            at += strcspn(at, "\n") + 1;
        while (i < ARRAY_SIZE(names) - 1 && *at == ' ');
    }
    return true;
}

/* Printable ASCII in short lines, of which none begins as a message does, or is its end. */
static bool is_sound(void)
{
    const char *body = strstr(letter.text, "\n\n");

    if (strlen(letter.text) != letter.length || letter.text[letter.length - 1] != '\n')
        return false;
    for (const char *line = letter.text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        const size_t length = strcspn(line, "\n");
        const bool single = strncmp(line, "Message-ID:", 11) == 0 || line[0] == ' ' || line < body;
        for (size_t i = 0; i < length; i++)
            if (line[i] < ' ' || line[i] > '~')
                return false;
        if ((length > 76 && !(single && strchr(line, '@') < line + length)) ||
            (length > 0 && line[length - 1] == ' ') || line[0] == '.' ||
            strncmp(line, "From ", 5) == 0) {
            tap_note("wrong: %.*s", (int)length, line);
            return false;
        }
    }
    return true;
}

/* What stands between the text's head and end is the body; nothing secret stands before it. */
static bool keeps_secret(const struct mail *mail)
{
    const char *code = strstr(letter.text, mail->notice.kind == NOTICE_TOKENS ? "abcd-" : CODE);

    return mail->notice.text[0] == '\0' ? code == NULL
                                        : code != NULL && code > strstr(letter.text, "\n\n");
}

static void test_kinds(void)
{
    for (enum notice_kind kind = 0; kind < NOTICE_COUNT; kind++)
        for (int from = 0; from < 2; from++) {
            struct mail mail = from == 0 ? plain_mail(kind) : hostile_mail(kind);
            if (from == 1)
                memcpy(mail.from, "totp@example.org", sizeof("totp@example.org"));
            ok(write_letter(&mail) == 0 && has_head(from == 1) && is_sound() && keeps_secret(&mail),
               "%s, %s", notice_name(kind), from == 0 ? "plain" : "hostile");
        }
}

static void test_lengths(void)
{
    static const struct {
        const char *name, *unit;
    } cases[] = {{"letters", "x"},
                 {"two bytes a letter", "\xC3\xA4"},
                 {"three", "\xE2\x82\xAC"},
                 {"four", "\xF0\x9F\x93\xB1"},
                 {"bytes that are no text", "\xFF"},
                 {"blanks", " "},
                 {"short words", "ab "},
                 {"quotation marks", "\""}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        bool fine = true;
        for (size_t length = 1; length < ACCOUNT_TEXT_SIZE; length++) {
            struct mail mail = plain_mail(NOTICE_DEVICE_ADDED);
            fill(mail.notice.full_name, length + 1, cases[i].unit);
            fill(mail.notice.service, length + 1, cases[i].unit);
            fill(mail.host, length < sizeof(mail.host) ? length + 1 : length, cases[i].unit);
            fine = fine && write_letter(&mail) == 0 && has_head(false) && is_sound();
        }
        ok(fine, "names of every length: %s", cases[i].name);
    }
    struct mail mail = plain_mail(NOTICE_CODE);
    fill(mail.notice.to, 245, "a");
    memcpy(mail.notice.to + 244, "@example.o", 11);
    ok(write_letter(&mail) == 0 && has_head(false) && is_sound() &&
           strstr(letter.text, mail.notice.to) != NULL,
       "the longest address");
}

/* --- what is refused -------------------------------------------------------------------------- */

static void test_addresses(void)
{
    static const char *const wrong[] = {"",
                                        "alice",
                                        "alice@example.org\nBcc: x@example.org",
                                        "\"a\nBcc: x@y\"@example.org",
                                        "alice@example.org\r",
                                        "alice@example.org, bob@example.org",
                                        "alice <alice@example.org>",
                                        "alice@example.org>",
                                        "\xC3\xA4@example.org"};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct mail mail = plain_mail(NOTICE_CODE);
        snprintf(mail.notice.to, sizeof(mail.notice.to), "%s", wrong[i]);
        ok(write_letter(&mail) == ERR_INVALID && strstr(err.what, "the address is none") != NULL,
           "to address %zu, which is none", i);
        mail = plain_mail(NOTICE_CODE);
        snprintf(mail.from, sizeof(mail.from), "%s", wrong[i]);
        ok(write_letter(&mail) == (i == 0 ? 0 : ERR_INVALID), "from it");
    }
}

static void test_faults(void)
{
    struct mail mail = plain_mail(NOTICE_CODE);
    char first[128], small[32] = "";
    struct mime mime;
    size_t length = 0;

    no_random = true;
    ok(write_letter(&mail) == ERR_RANDOM, "the random source fails");
    no_random = false;
    ok(write_letter(&mail) == 0, "and works again");
    snprintf(first, sizeof(first), "%.100s", strstr(letter.text, "Message-ID"));
    ok(write_letter(&mail) == 0 && strncmp(first, strstr(letter.text, "Message-ID"), 45) != 0,
       "no two messages have one identifier");
    letter_clear(&letter);
    ok(letter.length == 0 && letter.text[0] == '\0', "a letter is wiped");
    for (size_t room = 1; room < sizeof(small); room++) {
        mime_start(&mime, small, room);
        mime_text(&mime, "Subject", "what is longer than any room");
        mime_body(&mime);
        mime_put(&mime, "\xC3\xA4 and so on and on");
        if (mime_finish(&mime, &length) != ERR_TOO_LONG)
            ok(false, "a message is in %zu bytes", room);
    }
    ok(small[0] == '\0', "a message that does not fit is wiped");
}

static void test_dates(void)
{
    static const struct {
        int64_t time;
        const char *text;
    } cases[] = {{0, "Thu, 01 Jan 1970 00:00:00 +0000"},
                 {951782399, "Mon, 28 Feb 2000 23:59:59 +0000"},
                 {951782400, "Tue, 29 Feb 2000 00:00:00 +0000"},
                 {ACCOUNT_LOCKED_FOR_EVER, "Fri, 31 Dec 9999 23:59:59 +0000"},
                 {INT64_MAX, "Thu, 01 Jan 1970 00:00:00 +0000"}};
    char text[MIME_DATE_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        mime_date(cases[i].time, text);
        ok(strcmp(text, cases[i].text) == 0, "%s", text);
    }
}

/* --- languages -------------------------------------------------------------------------------- */

static bool put_catalog(const char *language)
{
    const char *builddir = getenv("builddir");
    char path[512], target[512], built[512];

    snprintf(path, sizeof(path), "%s/%s", tap_dir(), language);
    bool fine = mkdir(path, 0700) == 0;
    snprintf(path, sizeof(path), "%s/%s/LC_MESSAGES", tap_dir(), language);
    fine = fine && mkdir(path, 0700) == 0;
    snprintf(built, sizeof(built), "%s/po/%s.mo", builddir != NULL ? builddir : ".", language);
    snprintf(target, sizeof(target), "%s/%s/LC_MESSAGES/" PACKAGE ".mo", tap_dir(), language);
    char *real = realpath(built, NULL);
    fine = fine && real != NULL && symlink(real, target) == 0;
    free(real);
    return fine;
}

/* The C library looks at the variable again when the locale has changed. */
static void speak(const char *languages)
{
    setenv("LANGUAGE", languages, 1);
    (void)setlocale(LC_ALL, "C");
    (void)setlocale(LC_ALL, "C.UTF-8");
}

/* Each in its own words: no kind is left in English, none is the other's. */
static bool differs(enum notice_kind kind, int64_t left, const char *languages, const char *other)
{
    static struct letter before;
    struct mail mail = plain_mail(kind);

    mail.notice.left = left;
    speak(other);
    if (write_letter(&mail) != 0)
        return false;
    before = letter;
    speak(languages);
    return write_letter(&mail) == 0 && is_sound() && has_head(false) && keeps_secret(&mail) &&
           strncmp(strstr(before.text, "Subject"), strstr(letter.text, "Subject"), 20) != 0 &&
           strcmp(strstr(before.text, "\n\n"), strstr(letter.text, "\n\n")) != 0;
}

static void test_languages(void)
{
#ifdef ENABLE_NLS
    ok(put_catalog("de") && put_catalog("fr"), "there are catalogs");
    if (setlocale(LC_ALL, "C.UTF-8") == NULL) {
        tap_skip("the C library has no C.UTF-8");
        return;
    }
    for (enum notice_kind kind = 0; kind < NOTICE_COUNT; kind++)
        for (int left = NOTICE_NO_TOKENS; left <= 1; left++) {
            const char *name = notice_name(kind);
            ok(differs(kind, left, "de", ""), "%s (%d), in German", name, left);
            ok(differs(kind, left, "fr:de", "de"), "%s (%d), in French", name, left);
            ok(differs(kind, left, "nl:de", ""), "%s (%d), in what there is", name, left);
        }
#else
    (void)put_catalog;
    (void)differs;
    tap_skip("built without translations");
#endif
}

int main(void)
{
    unsetenv("LANGUAGE");
    test_kinds();
    test_lengths();
    test_addresses();
    test_faults();
    test_dates();
    test_languages();
    return tap_done();
}
