/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mail.h"

#include "client.h"
#include "err.h"
#include "field.h"
#include "file.h"
#include "proc.h"
#include "secret.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_MS 500
#define SOCKET_NAME "mail"

#define KIND_WORD(identifier, name, notify) name "|"
#define CHARS(member, name) FIELD(FIELD_CHARS, struct mail, member, name)
static const struct field fields[] = {
    CHARS(config, "config"),
    CHARS(sendmail, "sendmail"),
    CHARS(from, "from"),
    CHARS(languages, "languages"),
    CHARS(store, "store"),
    CHARS(host, "host"),
    FIELD_OF_WORDS(struct mail, notice.kind, "kind", NOTICE_KINDS(KIND_WORD)),
    CHARS(notice.to, "to"),
    CHARS(notice.full_name, "full_name"),
    CHARS(notice.user, "user"),
    CHARS(notice.device, "device"),
    CHARS(notice.service, "service"),
    CHARS(notice.rhost, "rhost"),
    CHARS(notice.actor, "actor"),
    FIELD(FIELD_SIGNED, struct mail, notice.time, "time"),
    FIELD(FIELD_SIGNED, struct mail, notice.until, "until"),
    FIELD(FIELD_SIGNED, struct mail, notice.left, "left"),
    CHARS(notice.text, "text"),
};

void mail_clear(struct mail *mail)
{
    secret_wipe(mail, sizeof(*mail));
}

/* --- what is asked ---------------------------------------------------------------------------- */

struct line {
    char text[MAIL_MESSAGE_MAX];
    size_t length;
};

static void line_clear(struct line *line)
{
    secret_wipe(line, sizeof(*line));
}

static int write_line(const struct mail *mail, struct line *line)
{
    struct json_writer writer;

    json_start(&writer, line->text, sizeof(line->text) - 1);
    json_open_object(&writer, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        field_write(&writer, &fields[i], mail, true);
    json_end(&writer);
    int r = json_finish(&writer, &line->length);
    if (r == 0)
        line->text[line->length++] = '\n'; /* without it not all of it has come */
    return r;
}

static bool read_members(struct json_reader *reader, struct mail *mail)
{
    uint32_t seen = 0;
    const char *name = NULL;

    if (!json_enter(reader, JSON_OBJECT))
        return false;
    while (json_next(reader, &name)) {
        size_t i = field_find(fields, ARRAY_SIZE(fields), name);
        if (i == ARRAY_SIZE(fields) || (seen & UINT32_C(1) << i) != 0)
            return false;
        seen |= UINT32_C(1) << i;
        if (!field_read(reader, &fields[i], mail))
            return false;
    }
    return !reader->failed;
}

int mail_read(char *line, size_t length, struct mail *mail)
{
    struct json_reader reader;

    *mail = (struct mail){.notice.kind = NOTICE_COUNT};
    if (length > 0 && line[length - 1] == '\n') {
        json_read(&reader, line, length - 1);
        if (read_members(&reader, mail) && json_done(&reader) == 0 &&
            mail->notice.kind < NOTICE_COUNT)
            return 0;
    }
    mail_clear(mail);
    return ERR_SYNTAX;
}

/* --- handing over ----------------------------------------------------------------------------- */

/* Whether conf wants notices of that kind sent. */
static bool is_wanted(const struct conf *conf, enum notice_kind kind)
{
    const char *wish = notice_wish(kind), *word = CONF_NOTICES;

    if (wish == NULL)
        return true;
    for (unsigned bit = 1;; bit <<= 1) {
        size_t length = strcspn(word, "|");
        if (strlen(wish) == length && strncmp(wish, word, length) == 0)
            return (conf->notify & bit) != 0;
        if (word[length] == '\0')
            return false;
        word += length + 1;
    }
}

struct way {
    const struct conf *conf;
    const char *host;
    bool hung; /* who listens has let us wait: once is enough */
};

/* A socket that is new holds a line whole, or something is wrong with it; what listens there does
 * nothing with a part of one. */
static bool send_line(int fd, const struct line *line)
{
    ssize_t sent;

    do
        sent = send(fd, line->text, line->length, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent >= 0 && (size_t)sent == line->length;
}

/* false: nobody has taken it, as far as we know. */
static bool ask_socket(struct way *way, const char *path, const struct line *line)
{
    int fd CLEANUP(file_close) = -1;
    char answer;
    ssize_t got;

    if (client_connect(path, 0, &fd, NULL) != 0 || !send_line(fd, line))
        return false;
    way->hung = !client_wait(fd, ANSWER_MS);
    do
        got = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got == sizeof(answer);
}

static bool ask_service(struct way *way, const struct line *line)
{
    const struct conf *conf = way->conf;
    char directory[CONF_TEXT_SIZE] = "", path[CONF_TEXT_SIZE + sizeof(SOCKET_NAME)] = "";
    struct file_stdio stdio = {0};

    if (way->hung || conf->socket[0] == '\0' ||
        file_dirname(conf->socket, directory, sizeof(directory)) != 0 ||
        file_stdio_hold(&stdio) != 0)
        return false;
    snprintf(path, sizeof(path), "%s/" SOCKET_NAME, directory);
    bool taken = ask_socket(way, path, line);
    file_stdio_release(&stdio);
    return taken;
}

static int fill(struct mail *mail, const struct way *way, const struct notice *notice)
{
    const struct conf *conf = way->conf;

    mail->notice = *notice;
    text_cut(mail->host, sizeof(mail->host), way->host);
    int r = text_copy(mail->config, sizeof(mail->config), conf->file);
    if (r == 0)
        r = text_copy(mail->sendmail, sizeof(mail->sendmail), conf->sendmail);
    if (r == 0)
        r = text_copy(mail->from, sizeof(mail->from), conf->mail_from);
    if (r == 0)
        r = text_copy(mail->languages, sizeof(mail->languages), conf->mail_languages);
    return r == 0 ? text_copy(mail->store, sizeof(mail->store), conf->store) : r;
}

static int hand_over(struct way *way, const struct notice *notice, struct err *err)
{
    struct mail mail CLEANUP(mail_clear) = {0};
    struct line line CLEANUP(line_clear) = {.length = 0};

    int r = fill(&mail, way, notice);
    if (r == 0)
        r = write_line(&mail, &line);
    if (r != 0)
        return err_set(err, r, MAIL_PATH, "the message \"%s\" cannot be written",
                       notice_name(notice->kind));
    return ask_service(way, &line) ? 0 : proc_start(MAIL_PATH, line.text, line.length, err);
}

int mail_send(const struct conf *conf, const char *host, const struct outbox *outbox,
              struct err *err)
{
    struct way way = {.conf = conf, .host = host};
    struct err first = {0};
    int result = 0;

    for (size_t i = 0; conf->sendmail[0] != '\0' && i < outbox->count; i++) {
        const struct notice *notice = &outbox->notices[i];
        int r = is_wanted(conf, notice->kind) ? hand_over(&way, notice, &first) : 0;
        if (r != 0 && result == 0) {
            result = r;
            if (err != NULL)
                *err = first;
        }
    }
    return result;
}
