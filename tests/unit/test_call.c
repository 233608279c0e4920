/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "call.h"
#include "err.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX CALL_INTERFACE "."

static char *message; /* what was read last */
static struct call got;
static struct call_flags flags;
static const char *wrong;

/* Reads length bytes in a piece of the heap that ends where they do. */
static int read_bytes(const char *bytes, size_t length)
{
    free(message);
    message = malloc(length + (length == 0));
    if (message == NULL)
        return ERR_NOMEM;
    memcpy(message, bytes, length);
    return call_read(message, length, &got, &flags, &wrong);
}

static int read_text(const char *text)
{
    return read_bytes(text, strlen(text) + 1);
}

static const struct field *field_at(size_t index)
{
    size_t count = 0;

    return &call_fields(&count)[index];
}

static size_t field_count(void)
{
    size_t count = 0;

    (void)call_fields(&count);
    return count;
}

/* A value of its own for each member, as JSON. */
static const char *value_of(size_t index)
{
    static char text[64];

    switch (field_at(index)->type) {
    case FIELD_TEXT:
        snprintf(text, sizeof(text), "\"text %zu\"", index);
        return text;
    case FIELD_TEXTS:
        return "[\"window=2\",\"debug\"]";
    case FIELD_FLAG:
        return "true";
    case FIELD_WORD:
        return "\"tail\"";
    default:
        snprintf(text, sizeof(text), "%zu", 1000 + index);
        return text;
    }
}

/* A call with every member its method takes; other: one it does not, or SIZE_MAX. */
static const char *full_text(enum call_method method, size_t other)
{
    static char text[4096];
    const bool standard = method == CALL_INFO || method == CALL_DESCRIBE;
    const char *comma = "";

    snprintf(text, sizeof(text), "{\"method\":\"%s.%s\",%s\"parameters\":{",
             standard ? "org.varlink.service" : CALL_INTERFACE, call_method_name(method),
             method == CALL_LIST || method == CALL_LOG ? "\"more\":true," : "");
    for (size_t i = 0; i < field_count(); i++)
        if (call_takes(method, i) || i == other) {
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\"%s\":%s", comma,
                     field_at(i)->name, value_of(i));
            comma = ",";
        }
    strcat(text, "}}");
    return text;
}

static void test_round_trip(void)
{
    for (unsigned m = 0; m < CALL_METHOD_COUNT; m++) {
        char text[4096], out[4096];
        size_t length = 0;
        const bool streams = m == CALL_LIST || m == CALL_LOG;

        snprintf(text, sizeof(text), "%s", full_text(m, SIZE_MAX));
        ok(read_text(text) == 0 && got.method == m && flags.more == streams && !flags.oneway &&
               !flags.upgrade,
           "%s is read", call_method_name(m));
        ok(call_write(&got, out, sizeof(out), &length) == 0 && length == strlen(text) + 1 &&
               strcmp(out, text) == 0,
           "and written as it was");
    }
    ok(read_text(full_text(CALL_CHECK, SIZE_MAX)) == 0 && strcmp(got.config, "text 0") == 0 &&
           got.options.count == 2 && strcmp(got.options.text[1], "debug") == 0 &&
           got.shape == AUTH_TAIL && got.check_password && got.own_lock > 1000 &&
           got.password != NULL && got.code != NULL && got.group != NULL && got.proof == NULL &&
           got.device == NULL && got.next_code == NULL,
       "each member is where it belongs");
    ok(read_text(full_text(CALL_RESYNC, SIZE_MAX)) == 0 && strcmp(got.code, got.next_code) != 0 &&
           !got.trial && !got.at_login,
       "two codes are two");
    ok(read_text(full_text(CALL_RECOVER, SIZE_MAX)) == 0 && got.code != NULL && got.proof != NULL &&
           got.new_password != NULL && strcmp(got.code, got.proof) != 0 &&
           strcmp(got.code, got.new_password) != 0 && !got.recovery,
       "the code that was sent and the other are two");
    ok(read_text(full_text(CALL_SEND, SIZE_MAX)) == 0 && got.recovery && got.unasked &&
           read_text("{\"method\":\"" PREFIX "SendCode\",\"parameters\":{\"unasked\":true}}") ==
               0 &&
           got.unasked && !got.recovery &&
           read_text("{\"method\":\"" PREFIX "SendCode\",\"parameters\":{\"recovery\":true}}") ==
               0 &&
           got.recovery && !got.unasked && !got.mail_tokens,
       "what a code is sent for is each its own");
    ok(read_text(full_text(CALL_CONFIRM, SIZE_MAX)) == 0 && got.trial && got.at_login &&
           got.mail_tokens && got.device_id > 1000 && got.own_lock == 0 &&
           strcmp(got.device, got.code) != 0 &&
           read_text("{\"method\":\"" PREFIX "Confirm\",\"parameters\":{\"at_login\":true}}") ==
               0 &&
           got.at_login && !got.trial && got.device_id == 0 &&
           read_text(full_text(CALL_ENROLL, SIZE_MAX)) == 0 && got.at_login && !got.trial &&
           read_text(full_text(CALL_PASSWD, SIZE_MAX)) == 0 && got.expire && !got.clear_grace &&
           read_text(full_text(CALL_SET, SIZE_MAX)) == 0 && got.clear_grace && !got.expire,
       "each flag is its own");
}

/* What is not a method's is refused, as is what stands twice. */
static void test_members(void)
{
    for (unsigned m = 0; m < CALL_METHOD_COUNT; m++) {
        unsigned taken = 0, missed = 0;
        for (size_t i = 0; i < field_count(); i++) {
            char text[4096];
            snprintf(text, sizeof(text), "%s", full_text(m, i));
            if (call_takes(m, i)) {
                taken++;
                snprintf(text + strlen(text) - 2, 64, ",\"%s\":%s}}", field_at(i)->name,
                         value_of(i));
            }
            int r = read_text(text);
            missed += r != ERR_INVALID || strcmp(wrong, field_at(i)->name) != 0;
        }
        ok(missed == 0, "%s takes its %u members once, and no others", call_method_name(m), taken);
    }
}

#define WHERE "config store key_file options service rhost tty user "
#define ACT WHERE "proof "
#define LOGIN WHERE "ruser group "

/* Clients are written against these. */
static void test_interface(void)
{
    static const struct {
        const char *name, *members;
    } methods[] = {
        {"Begin", LOGIN "shape check_password "},
        {"Check", LOGIN "shape password code check_password own_lock "},
        {"Account", WHERE "group "},
        {"Show", ACT},
        {"List", ACT},
        {"Log", ACT "since after_id of_service of_verdict "},
        {"Add", WHERE "email full_name role new_password "},
        {"Set", ACT "email full_name role clear_grace "},
        {"Passwd", ACT "new_password expire "},
        {"Enroll", ACT "device type algorithm digits period counter secret replace at_login "},
        {"Qr", ACT "device "},
        {"Confirm", ACT "code device device_id at_login trial mail_tokens "},
        {"Remove", ACT "device "},
        {"Backup", ACT "count "},
        {"Revoke", ACT},
        {"Enable", ACT "device "},
        {"Disable", ACT "device "},
        {"Lock", ACT},
        {"Unlock", ACT},
        {"Resync", ACT "code next_code device "},
        {"SendCode", WHERE "recovery unasked keep "},
        {"Recover", ACT "code new_password "},
        {"GetInfo", ""},
        {"GetInterfaceDescription", "interface "},
    };

    for (unsigned m = 0; m < CALL_METHOD_COUNT && m < ARRAY_SIZE(methods); m++) {
        char members[512] = "";
        for (size_t i = 0; i < field_count(); i++)
            if (call_takes(m, i))
                snprintf(members + strlen(members), sizeof(members) - strlen(members), "%s ",
                         field_at(i)->name);
        ok(strcmp(call_method_name(m), methods[m].name) == 0 &&
               strcmp(members, methods[m].members) == 0,
           "%s takes %s", methods[m].name, members);
    }
    ok(ARRAY_SIZE(methods) == CALL_METHOD_COUNT, "no method is left out");
}

/* By whom, and what was checked, is for him to say who performs the call. */
static void test_not_from_outside(void)
{
    static const char *const names[] = {"actor", "action", "new_hash", "guarded", "method"};
    struct call call = {.method = CALL_CONFIRM, .user = "alice"};
    char plain[512], more[512];
    size_t length = 0;

    ok(call_write(&call, plain, sizeof(plain), &length) == 0, "a call");
    call.actor = "root";
    call.action = "proof";
    call.new_hash = "$y$x";
    call.guarded = true;
    ok(call_write(&call, more, sizeof(more), &length) == 0 && strcmp(plain, more) == 0,
       "what is filled in here stays here");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char text[512];
        unsigned read = 0;
        for (unsigned m = 0; m < CALL_METHOD_COUNT; m++) {
            snprintf(text, sizeof(text), "{\"method\":\"" PREFIX "%s\",\"parameters\":{\"%s\":%s}}",
                     call_method_name(m), names[i],
                     strcmp(names[i], "guarded") == 0 ? "false" : "\"x\"");
            read += read_text(text) == 0;
        }
        ok(read == 0 && got.actor == NULL && got.action == NULL && got.new_hash == NULL &&
               !got.guarded,
           "no call from elsewhere says %s", names[i]);
    }
}

static void test_values(void)
{
    static const struct {
        const char *method, *parameters;
        int result;
        const char *wrong;
    } cases[] = {
        {"Check", "{\"user\":1}", ERR_INVALID, "user"},
        {"Check", "{\"user\":[\"a\"]}", ERR_INVALID, "user"},
        {"Check", "{\"shape\":\"codes\"}", ERR_INVALID, "shape"},
        {"Check", "{\"shape\":0}", ERR_INVALID, "shape"},
        {"Check", "{\"check_password\":1}", ERR_INVALID, "check_password"},
        {"Check", "{\"own_lock\":-1}", ERR_INVALID, "own_lock"},
        {"Check", "{\"own_lock\":1.5}", ERR_INVALID, "own_lock"},
        {"Check", "{\"options\":\"debug\"}", ERR_INVALID, "options"},
        {"Check", "{\"user\":\"a\",\"user\":\"a\"}", ERR_INVALID, "user"},
        {"Check", "{\"user\":null,\"user\":\"a\"}", ERR_INVALID, "user"},
        {"Check", "{\"User\":\"a\"}", ERR_INVALID, "User"},
        {"Check", "{\"\":\"a\"}", ERR_INVALID, ""},
        {"Check", "[]", ERR_INVALID, "parameters"},
        {"Check", "\"x\"", ERR_INVALID, "parameters"},
        {"Check", "5", ERR_INVALID, "parameters"},
        {"Enroll", "{\"digits\":99999999999999999999}", ERR_INVALID, "digits"},
        {"Enroll", "{\"replace\":\"yes\"}", ERR_INVALID, "replace"},
        {"Enroll", "{\"at_login\":1}", ERR_INVALID, "at_login"},
        {"Enroll", "{\"trial\":true}", ERR_INVALID, "trial"},
        {"Confirm", "{\"trial\":\"true\"}", ERR_INVALID, "trial"},
        {"Confirm", "{\"at_login\":\"true\"}", ERR_INVALID, "at_login"},
        {"Confirm", "{\"at_login\":true,\"at_login\":true}", ERR_INVALID, "at_login"},
        {"Confirm", "{\"device_id\":-1}", ERR_INVALID, "device_id"},
        {"Confirm", "{\"device_id\":\"1\"}", ERR_INVALID, "device_id"},
        {"Confirm", "{\"device_id\":9223372036854775808}", ERR_INVALID, "device_id"},
        {"Confirm", "{\"device_id\":9223372036854775807}", 0, NULL},
        {"Enroll", "{\"device_id\":1}", ERR_INVALID, "device_id"},
        {"Remove", "{\"device_id\":1}", ERR_INVALID, "device_id"},
        {"Confirm", "{\"trial\":false,\"trial\":true}", ERR_INVALID, "trial"},
        {"Passwd", "{\"expire\":0}", ERR_INVALID, "expire"},
        {"Set", "{\"expire\":true}", ERR_INVALID, "expire"},
        {"Set", "{\"clear_grace\":[]}", ERR_INVALID, "clear_grace"},
        {"Check", "{\"group\":[\"wheel\"]}", ERR_INVALID, "group"},
        {"Show", "{\"group\":\"wheel\"}", ERR_INVALID, "group"},
        {"Resync", "{\"next_code\":123456}", ERR_INVALID, "next_code"},
        {"Confirm", "{\"next_code\":\"123456\"}", ERR_INVALID, "next_code"},
        {"Check", "{\"user\":null,\"own_lock\":null,\"options\":null}", 0, NULL},
        {"Check", "{}", 0, NULL},
        {"Check", "null", 0, NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[512];
        snprintf(text, sizeof(text), "{\"method\":\"" PREFIX "%s\",\"parameters\":%s}",
                 cases[i].method, cases[i].parameters);
        int r = read_text(text);
        ok(r == cases[i].result && (r == 0 || strcmp(wrong, cases[i].wrong) == 0) &&
               (r != 0 || (got.user == NULL && got.own_lock == 0 && got.options.count == 0)),
           "%s %s: %s", cases[i].method, cases[i].parameters, err_sentence(r));
    }
}

static void test_envelopes(void)
{
    static const struct {
        const char *text;
        int result;
    } cases[] = {
        {"", ERR_SYNTAX},
        {" ", ERR_SYNTAX},
        {"{}", ERR_SYNTAX},
        {"[]", ERR_SYNTAX},
        {"null", ERR_SYNTAX},
        {"{\"method\":5}", ERR_SYNTAX},
        {"{\"method\":null}", ERR_SYNTAX},
        {"{\"method\":\"" PREFIX "Show\"", ERR_SYNTAX},
        {"{\"method\":\"" PREFIX "Show\"}}", ERR_SYNTAX},
        {"{\"method\":\"" PREFIX "Show\"}{}", ERR_SYNTAX},
        {"{\"method\":\"" PREFIX "Show\",}", ERR_SYNTAX},
        {"{\"method\":\"" PREFIX "Show\",\"method\":\"" PREFIX "Show\"}", ERR_SYNTAX},
        {"{\"method\":\"" PREFIX "Show\",\"parameters\":{},\"parameters\":{}}", ERR_SYNTAX},
        {"{\"method\":\"" PREFIX "Show\",\"parameters\":{\"user\":\"a\"}", ERR_SYNTAX},
        {"{\"method\":\"" PREFIX "Show\",\"parameters\":{\"user\":tru}}", ERR_SYNTAX},
        {"{\"method\":\"" PREFIX "Show\",\"more\":1}", ERR_SYNTAX},
        {"{\"method\":\"" PREFIX "Show\",\"oneway\":\"\"}", ERR_SYNTAX},
        {"{\"parameters\":{},\"more\":true}", ERR_SYNTAX},
        {"{\"method\":\"Show\"}", ERR_NOT_FOUND},
        {"{\"method\":\"\"}", ERR_NOT_FOUND},
        {"{\"method\":\".\"}", ERR_NOT_FOUND},
        {"{\"method\":\".Show\"}", ERR_NOT_FOUND},
        {"{\"method\":\"" PREFIX "\"}", ERR_NOT_FOUND},
        {"{\"method\":\"" PREFIX "show\"}", ERR_NOT_FOUND},
        {"{\"method\":\"" PREFIX "ShowX\"}", ERR_NOT_FOUND},
        {"{\"method\":\"" PREFIX "Show.Show\"}", ERR_NOT_FOUND},
        {"{\"method\":\"x" PREFIX "Show\"}", ERR_NOT_FOUND},
        {"{\"method\":\"org.pamtotp.service.Show\"}", ERR_NOT_FOUND},
        {"{\"method\":\"org.pamtotp.Show\"}", ERR_NOT_FOUND},
        {"{\"method\":\"" PREFIX "GetInfo\"}", ERR_NOT_FOUND},
        {"{\"method\":\"org.varlink.service.Show\"}", ERR_NOT_FOUND},
        {"{\"method\":\"org.varlink.service.GetInfo\"}", 0},
        {"{\"method\":\"" PREFIX "Show\"}", 0},
        {" { \"else\" : [ { } ] , \"method\" : \"" PREFIX "Show\" } ", 0},
        {"{\"parameters\":{\"user\":\"a\"},\"method\":\"" PREFIX "Show\"}", 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int r = read_text(cases[i].text);
        ok(r == cases[i].result && wrong != NULL, "'%s': %s", cases[i].text, err_sentence(r));
    }
    ok(read_text("{\"method\":\"a.b.C\"}") == ERR_NOT_FOUND && strcmp(wrong, "a.b.C") == 0,
       "what is not there is named");
}

static void test_bytes(void)
{
    static const char show[] = "{\"method\":\"" PREFIX "Show\"}";
    static const char blank[] = "{\"method\":\"" PREFIX "Show\"} ";
    static const char split[] = "{\"method\":\0\"" PREFIX "Show\"}";

    ok(read_bytes("", 0) == ERR_SYNTAX, "nothing is no call");
    ok(read_bytes(show, sizeof(show)) == 0 && read_bytes(show, sizeof(show) - 1) == ERR_SYNTAX &&
           read_bytes(blank, sizeof(blank) - 1) == ERR_SYNTAX,
       "a message ends with a NUL byte");
    ok(read_bytes(split, sizeof(split)) == ERR_SYNTAX, "and has none inside");
    for (size_t length = 0; length + 1 < sizeof(show); length++) {
        char part[sizeof(show)] = "";
        memcpy(part, show, length);
        if (read_bytes(part, length + 1) != ERR_SYNTAX)
            ok(false, "the first %zu bytes are a call", length);
    }
    ok(read_text("{\"method\":\"" PREFIX
                 "Show\",\"more\":true,\"oneway\":true,\"upgrade\":true}") == 0 &&
           flags.more && flags.oneway && flags.upgrade,
       "the flags are told");
    ok(read_text(show) == 0 && !flags.more && !flags.oneway && !flags.upgrade, "and forgotten");
}

static void test_sizes(void)
{
    char password[512] = "";
    const struct call call = {.method = CALL_CHECK, .user = "alice", .password = password};
    char large[4096];
    size_t length = 0, ignored = 0;
    unsigned missed = 0;

    for (size_t i = 0; i < 255; i++)
        password[i] = (char)(i + 1);
    ok(call_write(&call, large, sizeof(large), &length) == 0 && large[length - 1] == '\0' &&
           strlen(large) == length - 1,
       "a password of every byte is written");
    ok(read_bytes(large, length) == 0 && strcmp(got.password, password) == 0, "and read");
    for (size_t size = 0; size <= length; size++) {
        char *out = malloc(size + (size == 0));
        if (out == NULL)
            break;
        memset(out, 'x', size);
        int r = call_write(&call, out, size, &ignored);
        missed += r != (size == length ? 0 : ERR_TOO_LONG);
        for (size_t i = 0; r != 0 && i < size; i++)
            missed += out[i] != '\0';
        free(out);
    }
    ok(missed == 0, "where it does not fit, nothing of it is left");
}

int main(void)
{
    test_round_trip();
    test_members();
    test_interface();
    test_not_from_outside();
    test_values();
    test_envelopes();
    test_bytes();
    test_sizes();
    free(message);
    return tap_done();
}
