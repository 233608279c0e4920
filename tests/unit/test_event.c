/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "event.h"
#include "tap.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static void test_init(void)
{
    const struct event_origin origin = {"sshd", "192.0.2.1", "ssh", "root"};
    struct event event;

    memset(&event, 0xff, sizeof(event));
    event_init(&event, 1700000000, "login", "alice", &origin);
    ok(event.time == 1700000000 && event.id == 0 && strcmp(event.action, "login") == 0 &&
           strcmp(event.user, "alice") == 0 && strcmp(event.service, "sshd") == 0 &&
           strcmp(event.rhost, "192.0.2.1") == 0 && strcmp(event.tty, "ssh") == 0 &&
           strcmp(event.actor, "root") == 0,
       "every field is taken");
    ok(event.verdict[0] == '\0' && event.method[0] == '\0' && event.device[0] == '\0',
       "the others are empty");
    event_init(&event, 0, "login", NULL, &(struct event_origin){0});
    ok(event.user[0] == '\0' && event.rhost[0] == '\0', "unknown fields are empty");
    event_init(&event, 0, "login", "alice", NULL);
    ok(event.service[0] == '\0' && event.actor[0] == '\0', "so are all without an origin");
}

static void test_hostile_text(void)
{
    static const struct {
        const char *from, *to;
    } rows[] = {
        {"J\xc3\xb6rg \xe2\x82\xac \xf0\x9f\x94\x91", "J\xc3\xb6rg \xe2\x82\xac \xf0\x9f\x94\x91"},
        {"a\xff"
         "b\xc3",
         "a?b?"},
        {"\xc0\xaf", "??"},
        {"\xed\xa0\x80", "???"},
        {"\xf4\x90\x80\x80", "????"},
        {"\xe2\x82", "??"},
        {"\xe2\x80\xae"
         "exe",
         "???exe"},
        {"\b\n\r\177INCORRECT", "\b\n\r\177INCORRECT"},
    };
    struct event event;
    char text[4 * EVENT_TEXT_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        event_init(&event, 0, "login", rows[i].from, &(struct event_origin){.rhost = rows[i].from});
        ok(strcmp(event.user, rows[i].to) == 0 && strcmp(event.rhost, rows[i].to) == 0,
           "hostile text %zu is made valid", i);
    }
    for (size_t pad = 0; pad < 4; pad++) {
        memset(text, 'a', pad);
        for (size_t at = pad; at + 4 < sizeof(text); at += 4)
            memcpy(text + at, "\xf0\x9f\x94\x91", 5);
        event_init(&event, 0, text, text, &(struct event_origin){text, text, text, text});
        ok(text_is_printable(event.user, strlen(event.user)) &&
               text_is_printable(event.tty, strlen(event.tty)) &&
               text_is_printable(event.action, strlen(event.action)) &&
               strlen(event.user) > sizeof(event.user) - 5 && strchr(event.user, '?') == NULL,
           "long text is cut between characters (%zu)", pad);
    }
}

static struct event full_event(void)
{
    const struct event_origin origin = {"sshd", "192.0.2.1", "ssh", "root"};
    struct event event;

    event_init(&event, 0, "login", "alice", &origin);
    strcpy(event.verdict, "accepted");
    strcpy(event.method, "totp");
    strcpy(event.device, "phone");
    return event;
}

static bool formats_as(const struct event *event, const char *expected)
{
    char out[1024] = "";

    event_format(event, out, sizeof(out));
    if (strcmp(out, expected) != 0)
        tap_note("%s", out);
    return strcmp(out, expected) == 0;
}

static void test_format(void)
{
    struct event event = full_event();

    ok(formats_as(&event, "login accepted user=alice service=sshd rhost=192.0.2.1 tty=ssh "
                          "method=totp device=phone actor=root"),
       "every field");
    event.method[0] = event.device[0] = event.actor[0] = event.rhost[0] = '\0';
    strcpy(event.verdict, "wrong");
    ok(formats_as(&event, "login wrong user=alice service=sshd tty=ssh"),
       "empty fields are left out");
    event = (struct event){.user = "alice"};
    ok(formats_as(&event, "user=alice"), "also the first");
    event = (struct event){0};
    ok(formats_as(&event, ""), "also all");
}

static void test_quoting(void)
{
    static const struct {
        const char *device, *printed;
    } rows[] = {
        {"my phone", "\"my phone\""},
        {"J\xc3\xb6rg", "J\xc3\xb6rg"},
        {"a\"b", "\"a\\\"b\""},
        {"a\\b", "\"a\\\\b\""},
        {"a\nlogin accepted user=root", "\"a\\x0alogin accepted user=root\""},
        {"\x1b[2J", "\"\\x1b[2J\""},
        {"a\xff", "\"a\\xff\""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct event event = {.action = "login"};
        char expected[256] = "";
        strcpy(event.device, rows[i].device);
        snprintf(expected, sizeof(expected), "login device=%s", rows[i].printed);
        ok(formats_as(&event, expected), "value %zu is quoted when it must be", i);
    }
}

/* However small the room: terminated, nothing written past it, and quotation marks in pairs. */
static void test_room(void)
{
    struct event event = full_event();
    char whole[1024] = "", out[1024 + 1];
    bool good = true;

    strcpy(event.user, "a \"b\n\xe2\x82\xac");
    strcpy(event.rhost, "c d");
    event_format(&event, whole, sizeof(whole));
    for (size_t size = 0; size <= strlen(whole) + 1; size++) {
        memset(out, '#', sizeof(out));
        event_format(&event, out, size);
        size_t marks = 0;
        good = good && out[size] == '#' && (size == 0 || strlen(out) < size);
        for (const char *p = out; size > 0 && *p != '\0'; p++) {
            if (*p == '\\' && p[1] != '\0')
                p++;
            else
                marks += *p == '"';
        }
        good = good && marks % 2 == 0;
    }
    ok(good, "any room will do");
    ok(strcmp(out, whole) == 0, "and enough is enough");
}

int main(void)
{
    test_init();
    test_hostile_text();
    test_format();
    test_quoting();
    test_room();
    return tap_done();
}
