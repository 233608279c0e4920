/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "body.h"

#include "language.h"
#include "secret.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 72             /* of a paragraph, in characters */
#define SHOWN_SIZE (4 * 257) /* "\x00" for each byte */
#define PARAGRAPH_SIZE 4096

/* What of the notice is shown, printable. */
struct shown {
    char host[SHOWN_SIZE], user[SHOWN_SIZE], device[SHOWN_SIZE];
    char service[SHOWN_SIZE], rhost[SHOWN_SIZE], actor[SHOWN_SIZE];
    char time[TEXT_TIME_SIZE], until[TEXT_TIME_SIZE];
};

/* --- values ----------------------------------------------------------------------------------- */

static void show(char out[static SHOWN_SIZE], const char *value)
{
    if (text_is_printable(value, strlen(value)))
        text_cut(out, SHOWN_SIZE, value);
    else
        text_escape(out, SHOWN_SIZE, value);
}

/* "2026-11-21 12:00:00"; the texts say that it is UTC. */
static void show_time(char out[static TEXT_TIME_SIZE], int64_t time)
{
    text_format_time(time, out);
    out[10] = ' ';
    out[TEXT_TIME_SIZE - 2] = '\0';
}

static void show_all(struct shown *shown, const struct mail *mail)
{
    const struct notice *notice = &mail->notice;

    show(shown->host, mail->host);
    show(shown->user, notice->user);
    show(shown->device, notice->device);
    show(shown->service, notice->service);
    show(shown->rhost, notice->rhost);
    show(shown->actor, notice->actor);
    show_time(shown->time, notice->time);
    show_time(shown->until, notice->until);
}

/* --- lines and paragraphs -------------------------------------------------------------------- */

static size_t width(const char *text, size_t length)
{
    size_t characters = 0;

    for (size_t i = 0; i < length; i++)
        characters += ((unsigned char)text[i] & 0xC0) != 0x80;
    return characters;
}

/* Breaks at blanks; a word that is longer than a line has one to itself. */
static void put_wrapped(struct mime *mime, const char *text)
{
    char wrapped[PARAGRAPH_SIZE];
    size_t column = 0;

    text_cut(wrapped, sizeof(wrapped), text);
    for (char *word = wrapped; *word != '\0';) {
        const size_t length = strcspn(word, " "), wide = width(word, length);
        if (column > 0 && column + 1 + wide > WIDTH) {
            word[-1] = '\n';
            column = 0;
        }
        column += (column > 0) + wide;
        word += length + (word[length] == ' ');
    }
    mime_put(mime, wrapped);
}

/* What is to be typed or copied. */
static void put_value(struct mime *mime, const char *value, size_t length)
{
    char line[NOTICE_TEXT_SIZE + 8];

    snprintf(line, sizeof(line), "    %.*s\n", (int)length, value);
    mime_put(mime, line);
    secret_wipe(line, sizeof(line));
}

/* A paragraph. */
static void say(struct mime *mime, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct mime *mime, const char *format, ...)
{
    char text[PARAGRAPH_SIZE];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    put_wrapped(mime, text);
    mime_put(mime, "\n\n");
}

static void say_code(struct mime *mime, const struct notice *notice, const struct shown *shown)
{
    if (notice->kind == NOTICE_RECOVERY)
        say(mime, _("This code lets you set a new password for the account %s on %s:"), shown->user,
            shown->host);
    else
        say(mime, _("This is a one-time code for the account %s on %s:"), shown->user, shown->host);
    put_value(mime, notice->text, strlen(notice->text));
    mime_put(mime, "\n");
    say(mime, _("It is good once, until %s UTC."), shown->until);
    say(mime,
        _("Type it where you have asked for it, on %s, and nowhere else. Nobody will ever ask you "
          "for it, by e-mail, on the telephone or in person."),
        shown->host);
    if (notice->kind == NOTICE_RECOVERY)
        say(mime,
            _("If you have not asked for it, somebody else has, and lacks a second code of yours: "
              "give them none, and tell an administrator of %s."),
            shown->host);
    else
        say(mime,
            _("If you are neither logging in nor setting up a device now, somebody else is in your "
              "name: tell an administrator of %s."),
            shown->host);
}

static void say_tokens(struct mime *mime, const struct notice *notice, const struct shown *shown)
{
    say(mime,
        _("These are the backup tokens of the account %s on %s. Each of them takes the place of a "
          "one-time code once:"),
        shown->user, shown->host);
    for (const char *text = notice->text; *text != '\0';) {
        const size_t length = strcspn(text, "\n");
        put_value(mime, text, length);
        text += length + (text[length] == '\n');
    }
    mime_put(mime, "\n");
    say(mime, _("Keep them in a safe place, and delete this message. Nobody will ever ask you for "
                "them, by e-mail, on the telephone or in person."));
}

static void say_left(struct mime *mime, const struct notice *notice, const struct shown *shown)
{
    const unsigned long left = notice->left > 0 ? (unsigned long)notice->left : 0;

    if (notice->kind == NOTICE_TOKEN_USED) {
        say(mime, _("A backup token of the account %s on %s was used."), shown->user, shown->host);
        if (left > 0)
            say(mime,
                language_plural("%lu backup token is left.", "%lu backup tokens are left.", left),
                left);
        else
            say(mime, _("None is left."));
    } else if (left > 0) {
        say(mime,
            language_plural(
                "The account %2$s on %3$s was given %1$lu new backup token. Those it had before "
                "are not accepted any more.",
                "The account %2$s on %3$s was given %1$lu new backup tokens. Those it had before "
                "are not accepted any more.",
                left),
            left, shown->user, shown->host);
    } else {
        say(mime,
            _("The backup tokens of the account %s on %s were revoked: none is accepted any "
              "more."),
            shown->user, shown->host);
    }
}

/* A device has gone, and none is in use. */
static void say_last(struct mime *mime, const struct notice *notice)
{
    if (notice->left == NOTICE_NO_TOKENS)
        say(mime, _("The account has no device in use any more, and its backup tokens were removed "
                    "with the last one. Whether it may log in without a code depends on this "
                    "host's configuration."));
    else
        say(mime, _("The account has no device in use any more, and without one no backup token is "
                    "accepted. Whether it may log in without a code depends on this host's "
                    "configuration."));
}

static void say_device(struct mime *mime, const struct notice *notice, const struct shown *shown)
{
    const char *device = shown->device, *user = shown->user, *host = shown->host;

    if (notice->kind == NOTICE_DEVICE_ADDED)
        say(mime,
            _("The device \"%s\" was added to the account %s on %s: its codes are accepted from "
              "now on."),
            device, user, host);
    else if (notice->kind == NOTICE_DEVICE_REMOVED)
        say(mime,
            _("The device \"%s\" was removed from the account %s on %s: its codes are not accepted "
              "any more."),
            device, user, host);
    else
        say(mime,
            _("The device \"%s\" of the account %s on %s was switched off: its codes are not "
              "accepted any more."),
            device, user, host);
    if (notice->kind != NOTICE_DEVICE_ADDED && notice->left <= 0)
        say_last(mime, notice);
}

static void say_lock(struct mime *mime, const struct notice *notice, const struct shown *shown)
{
    if (notice->until > 0 && notice->until < ACCOUNT_LOCKED_FOR_EVER)
        say(mime, _("After too many wrong codes the account %s on %s is locked until %s UTC."),
            shown->user, shown->host, shown->until);
    else
        say(mime, _("The account %s on %s is locked until an administrator unlocks it."),
            shown->user, shown->host);
}

static void say_password(struct mime *mime, const struct notice *notice, const struct shown *shown)
{
    if (notice->left > 0)
        say(mime, _("The password of the account %s on %s was changed."), shown->user, shown->host);
    else
        say(mime, _("The password of the account %s on %s was removed."), shown->user, shown->host);
}

static void say_what(struct mime *mime, const struct notice *notice, const struct shown *shown)
{
    switch (notice->kind) {
    case NOTICE_CODE:
    case NOTICE_RECOVERY:
        say_code(mime, notice, shown);
        break;
    case NOTICE_TOKENS:
        say_tokens(mime, notice, shown);
        break;
    case NOTICE_DEVICE_ADDED:
    case NOTICE_DEVICE_REMOVED:
    case NOTICE_DEVICE_DISABLED:
        say_device(mime, notice, shown);
        break;
    case NOTICE_ACCOUNT_DISABLED:
        say(mime,
            _("Two-factor login was switched off for the account %s on %s: its codes are not "
              "accepted any more. Whether it may log in without one depends on this host's "
              "configuration."),
            shown->user, shown->host);
        break;
    case NOTICE_ACCOUNT_REMOVED:
        say(mime,
            _("The account %s was removed from the two-factor login of %s, with its devices "
              "and backup tokens."),
            shown->user, shown->host);
        break;
    case NOTICE_TOKEN_USED:
    case NOTICE_TOKENS_RENEWED:
        say_left(mime, notice, shown);
        break;
    case NOTICE_LOCKED:
        say_lock(mime, notice, shown);
        break;
    case NOTICE_PASSWORD:
        say_password(mime, notice, shown);
        break;
    case NOTICE_ADDRESS:
        say(mime,
            _("The e-mail address of the account %s on %s was changed. Nothing will be sent "
              "to this one any more."),
            shown->user, shown->host);
        break;
    case NOTICE_COUNT:
        break;
    }
}

/* A line of its own, however long. */
static void say_fact(struct mime *mime, const char *value, const char *format, ...)
    PRINTF_LIKE(3, 4);
static void say_fact(struct mime *mime, const char *value, const char *format, ...)
{
    char line[PARAGRAPH_SIZE];
    va_list ap;

    if (value[0] == '\0')
        return;
    va_start(ap, format);
    vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    mime_put(mime, line);
    mime_put(mime, "\n");
}

/* When, where and who. */
static void say_facts(struct mime *mime, const struct notice *notice, const struct shown *shown)
{
    const bool other = strcmp(notice->actor, notice->user) != 0;

    say_fact(mime, shown->time, _("Time: %s UTC"), shown->time);
    say_fact(mime, shown->service, _("Service: %s"), shown->service);
    say_fact(mime, shown->rhost, _("Remote host: %s"), shown->rhost);
    say_fact(mime, other ? shown->actor : "", _("Done by: %s"), shown->actor);
    mime_put(mime, "\n");
}

void body_write(struct mime *mime, const struct mail *mail)
{
    const struct notice *notice = &mail->notice;
    struct shown all, *shown = &all;

    show_all(shown, mail);

    say_what(mime, notice, shown);
    say_facts(mime, notice, shown);
    if (notice_wish(notice->kind) != NULL)
        say(mime, _("If you did not do this and do not know who did, tell an administrator of %s."),
            shown->host);
    put_wrapped(mime, _("This message was written by a program: nobody reads an answer to it."));
    mime_put(mime, "\n");
}
