/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "deliver.h"

#include "letter.h"
#include "proc.h"
#include "secret.h"
#include "store.h"
#include "text.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 32
#define SENDER_WORDS 2 /* "-f", the address */
#define REASON_SIZE 1024
#define FRAGMENT 4 /* so many characters of a secret in a row are none that may be shown */

static int64_t read_clock(void)
{
    struct timespec now = {0};

    return clock_gettime(CLOCK_REALTIME, &now) == 0 ? now.tv_sec : 0;
}

/* --- sendmail --------------------------------------------------------------------------------- */

struct command {
    char text[CONF_TEXT_SIZE];
    char *words[WORDS_MAX + SENDER_WORDS + 1];
    char from[CONF_TEXT_SIZE];
    char home[CONF_TEXT_SIZE], logname[ACCOUNT_NAME_SIZE + 8], user[ACCOUNT_NAME_SIZE + 8];
    char *environment[6];
};

/* The sender on the envelope, where bounces go and which the recipient's server looks up, is the
 * one in the message, unless the command has one. */
static void add_sender(struct command *command, size_t count, const char *from)
{
    static char option[] = "-f";

    for (size_t i = 1; i < count; i++)
        if (strncmp(command->words[i], option, strlen(option)) == 0)
            return;
    text_cut(command->from, sizeof(command->from), from);
    command->words[count] = option;
    command->words[count + 1] = command->from;
}

/* At blanks, and no more: there is no shell. */
static int split(struct command *command, const struct mail *mail, struct err *err)
{
    static const char blanks[] = " \t";
    char *rest = NULL;
    size_t count = 0;

    text_cut(command->text, sizeof(command->text), mail->sendmail);
    for (char *word = strtok_r(command->text, blanks, &rest); word != NULL;
         word = strtok_r(NULL, blanks, &rest)) {
        if (count == WORDS_MAX)
            return err_set(err, ERR_LIMIT, "sendmail", "the command has more than %d words",
                           WORDS_MAX);
        command->words[count++] = word;
    }
    if (count == 0)
        return err_set(err, ERR_CONFIG, "sendmail", "it is empty here: no e-mail is sent");
    if (command->words[0][0] != '/')
        return err_set(err, ERR_CONFIG, "sendmail", "the command must begin with a slash");
    if (mail->from[0] != '\0')
        add_sender(command, count, mail->from);
    return 0;
}

/* Such as a program finds that is started at a login. */
static void set_environment(struct command *command)
{
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", language[] = "LANG=C.UTF-8";
    const struct passwd *self = getpwuid(geteuid());
    size_t count = 0;

    command->environment[count++] = path;
    command->environment[count++] = language;
    if (self == NULL)
        return;
    snprintf(command->home, sizeof(command->home), "HOME=%s", self->pw_dir);
    snprintf(command->logname, sizeof(command->logname), "LOGNAME=%s", self->pw_name);
    snprintf(command->user, sizeof(command->user), "USER=%s", self->pw_name);
    command->environment[count++] = command->home;
    command->environment[count++] = command->logname;
    command->environment[count++] = command->user;
}

/* --- what it printed -------------------------------------------------------------------------- */

/* Letters and digits alone, small: however it is wrapped, a secret is found. */
static void squeeze(char *out, size_t size, const char *text)
{
    size_t used = 0;

    for (; *text != '\0' && used < size - 1; text++)
        if (*text >= 'A' && *text <= 'Z')
            out[used++] = (char)(*text - 'A' + 'a');
        else if ((*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9'))
            out[used++] = *text;
    out[used] = '\0';
}

/* The bytes that the letters and digits of a text stand for from the skip-th on, at so many bits
 * each: 6 as in base64, 4 as in hexadecimal. No secret has '+' or '/' in base64. */
static void decode(char *out, size_t size, const char *text, unsigned bits, size_t skip)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                      hex[] = "00112233445566778899aAbBcCdDeEfF";
    uint32_t held = 0;
    unsigned count = 0;
    size_t used = 0;

    for (; *text != '\0' && used < size - 1; text++) {
        const char *digit = strchr(bits == 6 ? base64 : hex, *text);
        if (digit == NULL || (skip > 0 && skip-- > 0))
            continue;
        held = held << bits | (uint32_t)(bits == 6 ? digit - base64 : (digit - hex) / 2);
        count += bits;
        if (count < 8)
            continue;
        count -= 8;
        const char byte = (char)(held >> count & 0xFF);
        out[used++] = byte != '\0' ? byte : ' ';
    }
    out[used] = '\0';
}

static bool has_part(const char *output, const char *secret)
{
    char printed[PROC_OUTPUT_SIZE], part[FRAGMENT + 1] = "";
    bool found = false;

    squeeze(printed, sizeof(printed), output);
    for (size_t i = 0; !found && i + FRAGMENT <= strlen(secret); i++) {
        memcpy(part, secret + i, FRAGMENT);
        found = strstr(printed, part) != NULL;
    }
    secret_wipe(printed, sizeof(printed));
    secret_wipe(part, sizeof(part));
    return found;
}

/* As it is, or as some programs show what they were given; wherever in it that begins. */
static bool shows_secret(const char *output, const char *text)
{
    char decoded[PROC_OUTPUT_SIZE], secret[NOTICE_TEXT_SIZE];

    squeeze(secret, sizeof(secret), text);
    bool found = has_part(output, secret);
    for (unsigned bits = 6; bits >= 4; bits -= 2)
        for (size_t skip = 0; !found && skip < 4; skip++) {
            decode(decoded, sizeof(decoded), output, bits, skip);
            found = has_part(decoded, secret);
        }
    secret_wipe(decoded, sizeof(decoded));
    secret_wipe(secret, sizeof(secret));
    return found;
}

/* Every address that is this one, in either case, masked. */
static void mask(char *out, size_t size, const char *line, const char *address)
{
    char masked[ACCOUNT_TEXT_SIZE] = "";
    const char *at;
    size_t used = 0;

    account_email_mask(address, masked);
    for (; address[0] != '\0' && (at = strcasestr(line, address)) != NULL && used < size;
         line = at + strlen(address))
        used += (size_t)snprintf(out + used, size - used, "%.*s%s", (int)(at - line), line, masked);
    if (used < size)
        snprintf(out + used, size - used, "%s", line);
}

/* ": its first line", the address masked, or nothing. */
static void quote(const struct mail *mail, const char *output, char *out, size_t size)
{
    char line[PROC_OUTPUT_SIZE], shown[PROC_OUTPUT_SIZE + ACCOUNT_TEXT_SIZE];

    out[0] = '\0';
    output += strspn(output, " \t\r\n");
    text_cut(line, sizeof(line), output);
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '\0' || shows_secret(output, mail->notice.text))
        return;
    mask(shown, sizeof(shown), line, mail->notice.to);
    memcpy(out, ": ", 3);
    text_escape(out + 2, size - 2, shown);
}

/* --- what went wrong -------------------------------------------------------------------------- */

static void log_failure(const struct mail *mail, const char *reason)
{
    char user[4 * ACCOUNT_NAME_SIZE];

    text_escape(user, sizeof(user), mail->notice.user);
    syslog(LOG_ERR, "the message \"%s\" for user=%s was not handed over: %s",
           notice_name(mail->notice.kind), user, reason);
}

static int save(struct store *store, const struct event *event, struct err *err)
{
    int r = store_begin(store, STORE_WRITE, err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = store;
    r = store_event(store, event, err);
    return r == 0 ? store_commit(open, err) : r;
}

/* Events are not sealed: that takes no key. */
static void record_failure(const struct mail *mail)
{
    const struct notice *notice = &mail->notice;
    const struct event_origin origin = {
        .service = notice->service, .rhost = notice->rhost, .actor = notice->actor};
    const struct seal_ring none = {0};
    struct store *store CLEANUP(store_close) = NULL;
    struct event event;
    struct err err = {0};

    event_init(&event, read_clock(), "mail", notice->user, &origin);
    text_cut(event.verdict, sizeof(event.verdict), "failed");
    text_cut(event.method, sizeof(event.method), notice_name(notice->kind));
    text_cut(event.device, sizeof(event.device), notice->device);
    int r = store_open(mail->store, &none, false, NULL, &store, &err);
    if (r == 0)
        r = save(store, &event, &err);
    if (r != 0) {
        char text[ERR_WHERE_SIZE + ERR_WHAT_SIZE + 4], line[REASON_SIZE];
        err_format(&err, text, sizeof(text));
        text_escape(line, sizeof(line), text);
        syslog(LOG_ERR, "that a message was not handed over is not recorded: %s", line);
    }
}

static int send_letter(const struct mail *mail, const struct letter *letter, char *reason,
                       size_t size, struct err *err)
{
    struct command command = {.text = ""};
    struct proc_end end = {0};
    char how[PROC_REASON_SIZE], said[REASON_SIZE / 2] = "";

    int r = split(&command, mail, err);
    if (r != 0)
        return r;
    set_environment(&command);
    r = proc_run(command.words, command.environment, letter->text, letter->length, DELIVER_SECONDS,
                 &end, err);
    if (r != 0)
        return r;
    if (end.late || end.status != 0) {
        proc_reason(&end, how);
        quote(mail, end.output, said, sizeof(said));
        snprintf(reason, size, "%s %s%s", command.words[0], how, said);
    }
    secret_wipe(&end, sizeof(end));
    return 0;
}

bool deliver(const struct mail *mail)
{
    static struct letter letter;
    char text[ERR_WHERE_SIZE + ERR_WHAT_SIZE + 4], reason[REASON_SIZE] = "";
    struct err err = {0};

    int r = letter_write(mail, read_clock(), &letter, &err);
    if (r == 0)
        r = send_letter(mail, &letter, reason, sizeof(reason), &err);
    letter_clear(&letter);
    if (r == 0 && reason[0] == '\0')
        return true;
    if (r != 0) {
        err_format(&err, text, sizeof(text));
        text_escape(reason, sizeof(reason), text);
    }
    log_failure(mail, reason);
    record_failure(mail);
    return false;
}
