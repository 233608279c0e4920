/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "err.h"
#include "reply.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_ROOM (16 * 1024) /* what client.c has for a message */

static char *message; /* what was read last */
static char out[64 * 1024];
static size_t length;

static struct account account;
static struct reply_device enrolled;
static struct reply_tokens tokens;
static struct event event;
static unsigned visits;
static int visit_result;
static struct err err;
static bool more;

static int take_account(void *context, const struct account *visited)
{
    (void)context;
    account = *visited;
    visits++;
    return visit_result;
}

static int take_event(void *context, const struct event *visited)
{
    (void)context;
    event = *visited;
    visits++;
    return visit_result;
}

/* In a piece of the heap that ends where the message does. */
static int read_bytes(const char *bytes, size_t count, struct reply *reply)
{
    free(message);
    message = malloc(count + (count == 0));
    if (message == NULL)
        return ERR_NOMEM;
    memcpy(message, bytes, count);
    err = (struct err){0};
    return reply_read(message, count, reply, &more, &err);
}

static int read_text(const char *text, struct reply *reply)
{
    return read_bytes(text, strlen(text) + 1, reply);
}

static bool is_denial(const struct reply *reply)
{
    return reply->outcome.verdict == VERDICT_WRONG && reply->outcome.admit == ADMIT_NO;
}

static void test_outcomes(void)
{
    unsigned missed = 0, words = 0;

    for (unsigned i = 0; i < VERDICTS * 3 * 5; i++) {
        const struct reply reply = {.outcome = {.verdict = i % VERDICTS,
                                                .admit = i / VERDICTS % 3,
                                                .method = i / VERDICTS / 3,
                                                .device = "ph\xc3\xb6ne \"2\"",
                                                .locked_until = ACCOUNT_LOCKED_FOR_EVER,
                                                .failures = i,
                                                .tokens_left = 9,
                                                .tokens_issued = 10 + i},
                                    .password_length = 511,
                                    .ask = (i & 1) != 0,
                                    .enroll = (i & 2) != 0,
                                    .tokens_due = (i & 4) != 0,
                                    .password = i % 3,
                                    .explanation = "outside the window by 3 st\xc3\xa4ps",
                                    .recorded = "permit"};
        struct reply got = {0};
        char verdict[64];
        missed += reply_write(CALL_CHECK, &reply, out, sizeof(out), &length) != 0 ||
                  read_bytes(out, length, &got) != 0 || more ||
                  memcmp(&got, &reply, sizeof(got)) != 0;
        snprintf(verdict, sizeof(verdict), "\"verdict\":\"%s\"", verdict_name(i % VERDICTS));
        words += strstr(out, verdict) != NULL;
    }
    ok(missed == 0, "every outcome comes back as it was");
    ok(words == VERDICTS * 3 * 5, "under the names of outcome.h");
}

/* Where a code was sent, and how long until one can be. */
static void test_mail(void)
{
    static const enum call_method methods[] = {CALL_SEND, CALL_ENROLL, CALL_CONFIRM};
    static struct reply_device device, device_got;
    static struct reply_tokens made, made_got;

    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        const struct reply reply = {.address = "a***@e***.org",
                                    .wait = ACCOUNT_LOCKED_FOR_EVER,
                                    .enrolled = &device,
                                    .tokens = &made};
        struct reply got = {.enrolled = &device_got, .tokens = &made_got};
        ok(reply_write(methods[i], &reply, out, sizeof(out), &length) == 0 &&
               strstr(out, "\"address\":\"a***@e***.org\"") != NULL &&
               read_bytes(out, length, &got) == 0 && strcmp(got.address, reply.address) == 0 &&
               got.wait == reply.wait,
           "%s tells where a code was sent", call_method_name(methods[i]));
    }
    const struct reply nothing = {0};
    struct reply got = {.address = "stale", .wait = 5};
    ok(reply_write(CALL_SEND, &nothing, out, sizeof(out), &length) == 0 &&
           strstr(out, "verdict") == NULL && read_bytes(out, length, &got) == 0 &&
           got.address[0] == '\0' && got.wait == 0,
       "or that there is none, and that is all");
}

/* Whatever is missing, it is not an acceptance. */
static void test_denials(void)
{
    static const struct {
        const char *text;
        int result;
    } cases[] = {
        {"{\"parameters\":{}}", 0},
        {"{\"parameters\":{\"ask\":false,\"tokens_left\":3}}", 0},
        {"{\"parameters\":{\"verdict\":null,\"admit\":null}}", 0},
        {"{\"parameters\":{\"verdict\":\"Accepted\",\"admit\":\"yes\"}}", ERR_SERVICE},
        {"{\"parameters\":{\"verdict\":\"accepted\",\"admit\":true}}", ERR_SERVICE},
        {"{\"parameters\":{\"verdict\":6,\"admit\":\"yes\"}}", ERR_SERVICE},
        {"{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\",\"failures\":-1}}",
         ERR_SERVICE},
        {"{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\"},\"x\":}", ERR_SERVICE},
        {"{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\"}", ERR_SERVICE},
        {"{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\"}}{}", ERR_SERVICE},
        {"{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\"},\"parameters\":{}}",
         ERR_SERVICE},
        {"{\"verdict\":\"accepted\",\"admit\":\"yes\"}", ERR_SERVICE},
        {"{\"parameters\":[\"accepted\"]}", ERR_SERVICE},
        {"{\"parameters\":null}", ERR_SERVICE},
        {"{\"parameters\":{},\"continues\":\"no\"}", ERR_SERVICE},
        {"{\"parameters\":{},\"error\":5}", ERR_SERVICE},
        {"{\"error\":\"" CALL_INTERFACE ".Failed\"}", ERR_SERVICE},
        {"{\"error\":\"" CALL_INTERFACE ".CodeRefused\",\"parameters\":{\"verdict\":\"accepted\"}}",
         ERR_REFUSED},
        {"{\"error\":\"\",\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\"}}",
         ERR_SERVICE},
        {"[]", ERR_SERVICE},
        {"{}", ERR_SERVICE},
        {"garbage", ERR_SERVICE},
        {"", ERR_SERVICE},
    };
    static const char good[] = "{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\"}}";
    struct reply reply = {0};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        reply = (struct reply){0};
        int r = read_text(cases[i].text, &reply);
        ok(r == cases[i].result && is_denial(&reply) && !more && (r == 0 || err.code == r),
           "'%s': %s", cases[i].text, err_sentence(r));
    }
    ok(read_bytes(good, sizeof(good), &reply) == 0 && reply.outcome.verdict == VERDICT_ACCEPTED &&
           reply.outcome.admit == ADMIT_YES,
       "with all of them it is one");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        (void)read_bytes(good, sizeof(good), &reply);
        (void)read_text(cases[i].text, &reply);
        ok(is_denial(&reply), "one before it does not count: '%s'", cases[i].text);
    }
    for (size_t i = 0; i < sizeof(good); i++) {
        (void)read_bytes(good, sizeof(good), &reply);
        if (read_bytes(good, i, &reply) != ERR_SERVICE || !is_denial(&reply))
            ok(false, "the first %zu bytes are a reply", i);
    }
}

/* What stands twice could say two things, one to each reader. */
static void test_twice(void)
{
    static const char *const twice[] = {
        "{\"parameters\":{\"verdict\":\"wrong\",\"verdict\":\"accepted\"}}",
        "{\"parameters\":{\"admit\":\"no\",\"verdict\":\"wrong\",\"admit\":\"yes\"}}",
        "{\"parameters\":{\"failures\":null,\"failures\":1}}",
        "{\"parameters\":{\"address\":\"a\",\"address\":\"b\"}}",
        "{\"parameters\":{\"wait\":0,\"failures\":1,\"wait\":1}}",
        "{\"parameters\":{\"account\":{\"user\":\"a\",\"user\":\"b\"}}}",
        "{\"parameters\":{\"account\":{\"devices\":[{\"digits\":6,\"digits\":7}]}}}",
        "{\"error\":\"x\",\"error\":\"" CALL_INTERFACE ".NotPermitted\",\"parameters\":{}}",
        "{\"error\":\"" CALL_INTERFACE ".Failed\",\"parameters\":{\"what\":\"a\",\"what\":\"b\"}}",
    };
    struct reply reply = {.account = &account};

    for (size_t i = 0; i < ARRAY_SIZE(twice); i++)
        ok(read_text(twice[i], &reply) == ERR_SERVICE && is_denial(&reply), "refused: %s",
           twice[i]);
}

/* Nothing of what it has said is left. */
static void test_denied(void)
{
    struct reply reply = {.enroll = true,
                          .ask = true,
                          .tokens_due = true,
                          .password = REPLY_PASSWORD_SET,
                          .password_length = 5,
                          .address = "a***@e***.org",
                          .wait = 59,
                          .explanation = "x",
                          .recorded = "totp"};

    reply_deny(&reply);
    ok(is_denial(&reply) && !reply.ask && !reply.enroll && !reply.tokens_due &&
           reply.password == REPLY_PASSWORD_NONE && reply.password_length == 0 &&
           reply.address[0] == '\0' && reply.wait == 0 && reply.explanation[0] == '\0' &&
           reply.recorded[0] == '\0',
       "a reply that is denied says no more");
    reply = (struct reply){.enroll = true, .tokens_due = true, .explanation = "x"};
    ok(read_text("garbage", &reply) == ERR_SERVICE && !reply.enroll && !reply.tokens_due &&
           reply.explanation[0] == '\0',
       "nor does one that cannot be read");
}

/* An account with everything as long as it can be. */
static struct account large_account(void)
{
    struct account large = {.enabled = true,
                            .closed = true,
                            .role = ROLE_ADMIN,
                            .failures = UINT32_MAX,
                            .locked_until = ACCOUNT_LOCKED_FOR_EVER,
                            .created = ACCOUNT_LOCKED_FOR_EVER,
                            .tokens_issued = 50,
                            .token_count = 50,
                            .password_expired = true,
                            .device_count = ACCOUNT_DEVICES_MAX,
                            .password = "$y$j9T$the-hash$of-the-password"};

    memset(large.name, '"', sizeof(large.name) - 1);
    memset(large.email, '\\', sizeof(large.email) - 1);
    memset(large.full_name, '"', sizeof(large.full_name) - 1);
    for (size_t i = 0; i < ACCOUNT_DEVICES_MAX; i++) {
        struct device *device = &large.devices[i];
        *device =
            (struct device){.id = INT64_MAX - (int64_t)i,
                            .type = DEVICE_HOTP,
                            .state = DEVICE_DISABLED,
                            .algorithm = OTP_SHA512,
                            .digits = 8,
                            .period = 300,
                            .counter = INT64_MAX,
                            .offset = i % 2 == 0 ? INT64_MIN : INT64_MAX,
                            .created = ACCOUNT_LOCKED_FOR_EVER,
                            .last_used = ACCOUNT_LOCKED_FOR_EVER,
                            .secret = {.bytes = "the secret of it", .length = 16},
                            .sealed = {.key_id = "k-sealing", .bytes = "sealed", .length = 6}};
        memset(device->label, '"', sizeof(device->label) - 1);
    }
    return large;
}

static void test_account(void)
{
    struct account large = large_account();
    struct reply reply = {.account = &large};
    unsigned missed = 0;

    ok(reply_write(CALL_SHOW, &reply, out, sizeof(out), &length) == 0 && length <= CLIENT_ROOM,
       "the largest account, %zu bytes, is not too large for who asks", length);
    ok(strstr(out, "$y$") == NULL && strstr(out, "sealing") == NULL &&
           strstr(out, "sealed") == NULL && strstr(out, "secret") == NULL &&
           strstr(out, "ORUGKIDT") == NULL,
       "no hash, no secret, sealed or open, is in it");
    reply = (struct reply){.account = &account};
    ok(read_bytes(out, length, &reply) == 0 && strcmp(account.name, large.name) == 0 &&
           strcmp(account.email, large.email) == 0 &&
           strcmp(account.full_name, large.full_name) == 0 && account.role == large.role &&
           account.enabled && account.closed && account.failures == large.failures &&
           account.locked_until == large.locked_until && account.created == large.created &&
           account.tokens_issued == 50 && account.token_count == 50 && account.password_expired,
       "it is read as it was");
    ok(strcmp(account.password, "*") == 0, "with a password that matches nothing");
    for (size_t i = 0; i < account.device_count; i++) {
        const struct device *a = &account.devices[i], *b = &large.devices[i];
        missed += strcmp(a->label, b->label) != 0 || a->id != b->id || a->type != b->type ||
                  a->state != b->state || a->algorithm != b->algorithm || a->digits != b->digits ||
                  a->period != b->period || a->counter != b->counter || a->offset != b->offset ||
                  a->created != b->created || a->last_used != b->last_used ||
                  a->secret.length != 0 || a->sealed.length != 0;
    }
    ok(account.device_count == ACCOUNT_DEVICES_MAX && missed == 0, "and with its devices");
    large =
        (struct account){.name = "bob", .devices[0].last_used = ACCOUNT_NEVER, .device_count = 1};
    reply.account = &large;
    ok(reply_write(CALL_SHOW, &reply, out, sizeof(out), &length) == 0, "a small one");
    reply.account = &account;
    ok(read_bytes(out, length, &reply) == 0 && strcmp(account.name, "bob") == 0 &&
           account.email[0] == '\0' && account.password[0] == '\0' && !account.enabled &&
           account.role == ROLE_USER && account.device_count == 1 && !account.password_expired &&
           account.devices[0].id == 0 && account.devices[0].offset == 0 &&
           account.devices[0].last_used == ACCOUNT_NEVER && account.devices[0].label[0] == '\0',
       "leaves nothing of the one before");
}

static void test_devices_refused(void)
{
    static const char *const devices[] = {
        "[{\"device\":5}]",
        "[{\"type\":\"sms\"}]",
        "[{\"type\":\"Email\"}]",
        "[{\"digits\":4294967296}]",
        "[{\"drift\":-9223372036854775809}]",
        "[{\"drift\":\"-1\"}]",
        "[[]]",
        "{}",
        "[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]",
        "[{\"device\":\"1234567890123456789012345678901234567890123456789012345678901234x\"}]",
    };
    struct reply reply = {.account = &account};
    char text[512];

    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        snprintf(text, sizeof(text), "{\"parameters\":{\"account\":{\"devices\":%s}}}", devices[i]);
        ok(read_text(text, &reply) == ERR_SERVICE, "no devices: %s", devices[i]);
    }
}

static void test_enrolled(void)
{
    static struct reply_device made = {.device = {.label = "phone",
                                                  .algorithm = OTP_SHA256,
                                                  .digits = 7,
                                                  .period = 60,
                                                  .created = 5,
                                                  .last_step = ACCOUNT_NEVER,
                                                  .last_used = ACCOUNT_NEVER}};
    struct reply reply = {.enrolled = &made};

    made.device.secret.length = SECRET_BYTES_MAX;
    memset(made.device.secret.bytes, 0xA5, SECRET_BYTES_MAX);
    memset(made.uri, '%', sizeof(made.uri) - 1);
    ok(reply_write(CALL_ENROLL, &reply, out, sizeof(out), &length) == 0 && length <= CLIENT_ROOM,
       "a new device with the longest secret and URI");
    reply.enrolled = &enrolled;
    ok(read_bytes(out, length, &reply) == 0 && memcmp(&enrolled, &made, sizeof(made)) == 0,
       "comes back as it was");
    reply = (struct reply){0};
    ok(read_bytes(out, length, &reply) == 0, "or is passed over where nobody wants it");
    static const char *const bad[] = {"\"secret\":\"a b\"", "\"secret\":\"0189\"", "\"secret\":5",
                                      "\"uri\":[]"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char text[128];
        reply.enrolled = &enrolled;
        snprintf(text, sizeof(text), "{\"parameters\":{\"enrolled\":{%s}}}", bad[i]);
        ok(read_text(text, &reply) == ERR_SERVICE, "no device: %s", bad[i]);
    }
}

static void test_tokens(void)
{
    static struct reply_tokens made = {.count = ACCOUNT_TOKENS_MAX};
    struct reply reply = {.tokens = &made, .outcome = {.verdict = VERDICT_ACCEPTED}};

    for (size_t i = 0; i < ACCOUNT_TOKENS_MAX; i++)
        snprintf(made.text[i], CODE_TOKEN_SIZE, "acde-fhjk-%04zu", i);
    ok(reply_write(CALL_CONFIRM, &reply, out, sizeof(out), &length) == 0, "fifty tokens");
    reply = (struct reply){.tokens = &tokens};
    ok(read_bytes(out, length, &reply) == 0 && memcmp(&tokens, &made, sizeof(made)) == 0 &&
           reply.outcome.verdict == VERDICT_ACCEPTED,
       "come back as they were, with the outcome");
    made.count = 0;
    reply.tokens = &made;
    ok(reply_write(CALL_REVOKE, &reply, out, sizeof(out), &length) == 0, "none");
    reply.tokens = &tokens;
    ok(read_bytes(out, length, &reply) == 0 && tokens.count == 0, "take the others' place");
    ok(read_text("{\"parameters\":{\"backup_tokens\":[\"acde-fhjk-mnpqr\"]}}", &reply) ==
               ERR_SERVICE &&
           read_text("{\"parameters\":{\"backup_tokens\":[7]}}", &reply) == ERR_SERVICE &&
           read_text("{\"parameters\":{\"backup_tokens\":\"x\"}}", &reply) == ERR_SERVICE,
       "what is none is refused");
    char text[1024] = "{\"parameters\":{\"backup_tokens\":[\"a\"";
    for (size_t i = 0; i < ACCOUNT_TOKENS_MAX; i++)
        strcat(text, ",\"a\"");
    strcat(text, "]}}");
    ok(read_text(text, &reply) == ERR_SERVICE, "so are fifty-one");
}

static void test_streams(void)
{
    const struct account large = large_account();
    struct event hostile = {.id = INT64_MAX, .time = ACCOUNT_LOCKED_FOR_EVER};
    struct reply reply = {.each_account = take_account, .each_event = take_event};

    memset(hostile.user, '\x01', sizeof(hostile.user) - 1);
    memset(hostile.service, '\x7f', sizeof(hostile.service) - 1);
    memset(hostile.rhost, '"', sizeof(hostile.rhost) - 1);
    memset(hostile.tty, '\n', sizeof(hostile.tty) - 1);
    memset(hostile.actor, '\t', sizeof(hostile.actor) - 1);
    memset(hostile.device, '\x1b', sizeof(hostile.device) - 1);
    memcpy(hostile.action, "login", 6);
    memcpy(hostile.verdict, "wrong", 6);
    memcpy(hostile.method, "password", 9);
    ok(reply_write_event(&hostile, out, sizeof(out), &length) == 0 && length <= CLIENT_ROOM,
       "the largest event, %zu bytes, is not too large for who asks", length);
    ok(read_bytes(out, length, &reply) == 0 && more && visits == 1 &&
           memcmp(&event, &hostile, sizeof(event)) == 0,
       "it is visited as it was, and another follows");
    ok(reply_write_account(&large, out, sizeof(out), &length) == 0 && length <= CLIENT_ROOM &&
           read_bytes(out, length, &reply) == 0 && more && visits == 2 &&
           strcmp(account.name, large.name) == 0 && account.device_count == ACCOUNT_DEVICES_MAX,
       "so is an account");
    visit_result = 7;
    ok(read_bytes(out, length, &reply) == 7 && visits == 3, "what the visitor says is the result");
    visit_result = 0;
    ok(reply_write(CALL_LIST, &reply, out, sizeof(out), &length) == 0 &&
           read_bytes(out, length, &reply) == 0 && !more && visits == 3,
       "the last message carries none");
    reply = (struct reply){0};
    ok(reply_write_event(&hostile, out, sizeof(out), &length) == 0 &&
           read_bytes(out, length, &reply) == 0 && visits == 3,
       "without a visitor they are passed over");
    reply = (struct reply){.each_event = take_event};
    ok(read_text("{\"parameters\":{\"event\":{\"action\":\"12345678901234567\"}}}", &reply) ==
               ERR_SERVICE &&
           read_text("{\"parameters\":{\"event\":[]}}", &reply) == ERR_SERVICE && visits == 3,
       "what is no event is not visited");
}

#define ROW(name, number, sentence) {name, #name},
static const struct {
    int code;
    const char *name;
} codes[] = {ERR_LIST(ROW)};

static void test_errors(void)
{
    const struct outcome locked = {
        .verdict = VERDICT_LOCKED, .locked_until = 99, .device = "phone", .failures = 3};

    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        const struct err said = {.code = codes[i].code, .where = "/w\"here", .what = "wh\xc3\xa4t"};
        const bool refused = said.code == ERR_REFUSED;
        struct reply got = {0};
        /* Those that say "nothing was done" have names, or are the client's own. */
        if (said.code == ERR_NO_SERVICE || said.code == ERR_UNTRUSTED)
            continue;
        ok(reply_write_err(&said, &locked, out, sizeof(out), &length) == 0 &&
               read_bytes(out, length, &got) == said.code && !more &&
               memcmp(&err, &said, sizeof(err)) == 0 &&
               got.outcome.verdict == (refused ? VERDICT_LOCKED : VERDICT_WRONG) &&
               got.outcome.locked_until == (refused ? 99 : 0) && got.outcome.admit == ADMIT_NO &&
               (strstr(out, ".Failed") == NULL) ==
                   (refused || said.code == ERR_PERMISSION || said.code == ERR_PROOF ||
                    said.code == ERR_NOT_SERVED || said.code == ERR_BUSY),
           "%s is told", codes[i].name);
        ok(read_bytes(out, length, &got) == said.code, "and told again");
    }
}

static void test_strange_errors(void)
{
    static const struct {
        const char *name, *parameters;
        int result;
    } cases[] = {
        {".Failed", "{}", ERR_SERVICE},
        {".Failed", "{\"code\":0}", ERR_SERVICE},
        {".Failed", "{\"code\":-20}", ERR_SERVICE},
        {".Failed", "{\"code\":33}", ERR_SERVICE}, /* "there is no service" */
        {".Failed", "{\"code\":35}", ERR_SERVICE}, /* has a name of its own */
        {".Failed", "{\"code\":36}", ERR_SERVICE},
        {".Failed", "{\"code\":1000}", ERR_SERVICE},
        {".Failed", "{\"code\":2147483647}", ERR_SERVICE},
        {".Failed", "{\"code\":9223372036854775807}", ERR_SERVICE},
        {".Failed", "{\"code\":\"20\"}", ERR_SERVICE},
        {".Failed", "{\"code\":20,\"what\":5}", ERR_SERVICE},
        {".Failed", "{\"code\":20,\"else\":[{}]}", ERR_STORE},
        {".Failed", "{\"what\":\"x\",\"code\":20}", ERR_STORE},
        {".NotPermitted", "{\"code\":20}", ERR_PERMISSION},
        {".NotPermitted", "{\"verdict\":\"none\"}", ERR_SERVICE},
        {".Busy", "{}", ERR_BUSY},
        {".notPermitted", "{}", ERR_SERVICE},
        {"", "{}", ERR_SERVICE},
    };
    struct reply reply = {0};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[256];
        snprintf(text, sizeof(text), "{\"error\":\"" CALL_INTERFACE "%s\",\"parameters\":%s}",
                 cases[i].name, cases[i].parameters);
        int r = read_text(text, &reply);
        ok(r == cases[i].result && is_denial(&reply) && err.code == r, "%s %s: %s", cases[i].name,
           cases[i].parameters, err_sentence(r));
    }
    ok(read_text("{\"error\":\"org.varlink.service.PermissionDenied\",\"parameters\":{}}",
                 &reply) == ERR_SERVICE,
       "so is another interface's error");
    ok(read_text("{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":"
                 "\"x\"}}",
                 &reply) == ERR_NOT_SERVED &&
           read_text("{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{"
                     "\"parameter\":\"x\"}}",
                     &reply) == ERR_NOT_SERVED &&
           is_denial(&reply),
       "but for what a service of another version says, which has done nothing");
    ok(reply_read(message, 0, &reply, &more, NULL) == ERR_SERVICE, "err may be NULL");
}

/* Where it does not fit, nothing of it is left. */
static void test_sizes(void)
{
    static struct reply_device made = {.uri = "otpauth://", .device.secret.length = 20};
    const struct reply reply = {.enrolled = &made};
    size_t full = 0, ignored = 0;
    unsigned missed = 0;

    ok(reply_write(CALL_ENROLL, &reply, out, sizeof(out), &full) == 0, "a secret is written");
    for (size_t size = 0; size <= full; size++) {
        char *small = malloc(size + (size == 0));
        if (small == NULL)
            break;
        memset(small, 'x', size);
        int r = reply_write(CALL_ENROLL, &reply, small, size, &ignored);
        missed += r != (size == full ? 0 : ERR_TOO_LONG);
        for (size_t i = 0; r != 0 && i < size; i++)
            missed += small[i] != '\0';
        free(small);
    }
    ok(missed == 0, "where it does not fit, nothing of it is left");
}

static void test_parts(void)
{
    unsigned secrets = 0;

    for (unsigned m = 0; m < CALL_METHOD_COUNT; m++)
        secrets += (reply_parts(m) & REPLY_DEVICE) != 0;
    ok(secrets == 2 && (reply_parts(CALL_ENROLL) & REPLY_DEVICE) != 0 &&
           (reply_parts(CALL_QR) & REPLY_DEVICE) != 0,
       "Enroll and Qr alone show a secret");
    ok(reply_parts(CALL_SHOW) == REPLY_ACCOUNT && reply_parts(CALL_PASSWD) == 0 &&
           (reply_parts(CALL_LIST) & REPLY_STREAM) != 0 &&
           (reply_parts(CALL_LOG) & REPLY_STREAM) != 0,
       "each method has its parts");
}

int main(void)
{
    test_outcomes();
    test_mail();
    test_denials();
    test_twice();
    test_denied();
    test_account();
    test_devices_refused();
    test_enrolled();
    test_tokens();
    test_streams();
    test_errors();
    test_strange_errors();
    test_sizes();
    test_parts();
    free(message);
    return tap_done();
}
