/* SPDX-License-Identifier: BSD-2-Clause */
/* Hostile calls and replies: whatever the bytes, nothing outside of them is touched, what was read
 * can be written and read again, and what is no reply admits nobody.
 *
 *     fuzz_call [SEED [COUNT]]    mutates the messages below, the same way each time
 *
 * With clang's -fsanitize=fuzzer, which brings a main of its own, it is a target of libFuzzer. That
 * takes -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION, the name fuzzers have agreed upon. */
#include "config.h"

#include "call.h"
#include "err.h"
#include "reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 8192
#define OUT_SIZE (8 * INPUT_MAX)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t input_size;

static void need(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "%s: not with the %zu bytes\n", what, input_size);
    fwrite(input, 1, input_size, stderr);
    fprintf(stderr, "\n");
    abort();
}

/* A copy of the heap, both ends of which AddressSanitizer watches. */
static char *copy(const void *bytes, size_t size)
{
    char *text = malloc(size + (size == 0));

    need(text != NULL, "no memory");
    return size > 0 ? memcpy(text, bytes, size) : text;
}

/* --- calls ------------------------------------------------------------------------------------ */

/* Every text lies in the message, and ends there. */
static void check_borrowed(const struct call *call, const char *message, size_t size)
{
    size_t count = 0;
    const struct field *fields = call_fields(&count);

    for (size_t i = 0; i < count; i++) {
        const char *at = (const char *)call + fields[i].offset;
        const struct field_texts *texts = (const struct field_texts *)(const void *)at;
        const bool one = fields[i].type == FIELD_TEXT;
        for (size_t j = 0; j < (one ? 1 : fields[i].type == FIELD_TEXTS ? texts->count : 0); j++) {
            const char *text = one ? *(const char *const *)(const void *)at : texts->text[j];
            need(text == NULL || (text > message && text + strlen(text) < message + size),
                 "a text is borrowed from the message");
            need(text == NULL || call_takes(call->method, i), "a method has its own members only");
        }
    }
    need(call->actor == NULL && call->action == NULL && call->new_hash == NULL && !call->guarded,
         "nobody says from outside who asks");
}

/* What was read is written, is read, and is written the same again. */
static void check_again(const struct call *call)
{
    static char first[OUT_SIZE], second[OUT_SIZE];
    struct call again;
    struct call_flags flags;
    const char *wrong = NULL;
    size_t length = 0, length_again = 0;

    need(call_write(call, first, sizeof(first), &length) == 0, "what was read is written");
    need(length > 0 && strlen(first) == length - 1, "it ends where it says");
    char *message = copy(first, length);
    need(call_read(message, length, &again, &flags, &wrong) == 0, "and read again");
    need(call_write(&again, second, sizeof(second), &length_again) == 0 && length == length_again &&
             memcmp(first, second, length) == 0,
         "and says the same");
    need(again.method == call->method, "of the same method");
    free(message);
    char *small = malloc(length - 1);
    need(small != NULL && call_write(call, small, length - 1, &length_again) == ERR_TOO_LONG,
         "what does not fit is told");
    free(small);
}

static int check_call(const void *data, size_t size)
{
    struct call call;
    struct call_flags flags;
    const char *wrong = NULL;
    char *message = copy(data, size);

    int r = call_read(message, size, &call, &flags, &wrong);
    need(r == 0 || r == ERR_SYNTAX || r == ERR_NOT_FOUND || r == ERR_INVALID, "a known result");
    need(wrong != NULL && strlen(wrong) <= size + sizeof("parameters"), "what is wrong is told");
    if (r == 0) {
        check_borrowed(&call, message, size);
        check_again(&call);
    }
    free(message);
    return r;
}

/* --- replies ---------------------------------------------------------------------------------- */

static struct account account, visited;
static struct reply_device enrolled;
static struct reply_tokens tokens;
static unsigned visits;

static int visit_account(void *context, const struct account *each)
{
    (void)context;
    visited = *each;
    visits++;
    return 0;
}

static int visit_event(void *context, const struct event *each)
{
    (void)context;
    need(memchr(each->user, '\0', sizeof(each->user)) != NULL &&
             memchr(each->action, '\0', sizeof(each->action)) != NULL &&
             memchr(each->actor, '\0', sizeof(each->actor)) != NULL,
         "an event's texts end");
    visits++;
    return 0;
}

/* Writes what was read as the reply to a method, reads it, and writes it again. */
static void check_reply_again(enum call_method method, const struct reply *read)
{
    static char first[OUT_SIZE], second[OUT_SIZE];
    static struct account account_again;
    static struct reply_device enrolled_again;
    static struct reply_tokens tokens_again;
    struct reply again = {
        .account = &account_again, .enrolled = &enrolled_again, .tokens = &tokens_again};
    size_t length = 0, length_again = 0;
    bool more = false;

    need(reply_write(method, read, first, sizeof(first), &length) == 0, "what was read is written");
    char *message = copy(first, length);
    need(reply_read(message, length, &again, &more, NULL) == 0 && !more, "and read again");
    need(reply_write(method, &again, second, sizeof(second), &length_again) == 0 &&
             length == length_again && memcmp(first, second, length) == 0,
         "and says the same");
    free(message);
}

static void check_account(const struct account *got)
{
    need(got->device_count <= ACCOUNT_DEVICES_MAX &&
             memchr(got->name, '\0', sizeof(got->name)) != NULL &&
             (got->password[0] == '\0' || strcmp(got->password, "*") == 0) &&
             (unsigned)got->role <= ROLE_ADMIN,
         "an account is within its bounds");
    for (size_t i = 0; i < got->device_count; i++)
        need(got->devices[i].secret.length == 0 && got->devices[i].sealed.length == 0 &&
                 (unsigned)got->devices[i].state <= DEVICE_DISABLED &&
                 memchr(got->devices[i].label, '\0', ACCOUNT_LABEL_SIZE) != NULL,
             "and so are its devices");
}

/* Whatever it is a reply to, what goes with it lets nobody in. */
static void check_fits(const struct reply *reply)
{
    struct call call = {.password = "secret123456"};

    for (unsigned m = 0; m < CALL_METHOD_COUNT; m++)
        for (unsigned shape = AUTH_CODE; shape <= AUTH_TAIL; shape++) {
            call.method = m;
            call.shape = shape;
            if (!reply_fits(reply, &call))
                continue;
            need(outcome_is_sound(&reply->outcome) &&
                     (reply->outcome.admit == ADMIT_NO || (!reply->ask && !reply->enroll)) &&
                     !(reply->ask && reply->enroll) &&
                     (!reply->enroll || m == CALL_BEGIN || (m == CALL_CHECK && shape != AUTH_CODE)),
                 "a reply fits its call");
        }
}

static int check_reply(const void *data, size_t size)
{
    static const struct err nothing = {0};
    const struct outcome yes = {.verdict = VERDICT_ACCEPTED, .admit = ADMIT_YES};
    struct reply reply = {.outcome = yes,
                          .account = &account,
                          .enrolled = &enrolled,
                          .tokens = &tokens,
                          .each_account = visit_account,
                          .each_event = visit_event};
    struct err err = nothing;
    bool more = false;
    char *message = copy(data, size);

    account = visited = (struct account){0};
    enrolled = (struct reply_device){0};
    tokens = (struct reply_tokens){0};
    visits = 0;
    int r = reply_read(message, size, &reply, &more, &err);
    const struct outcome *outcome = &reply.outcome;
    need(r <= 0 && (r == 0 || err.code == r), "a result, and its error");
    need(r == 0 || (outcome->admit == ADMIT_NO && outcome->verdict != VERDICT_ACCEPTED && !more),
         "an error admits nobody");
    need((unsigned)outcome->verdict < VERDICTS && (unsigned)outcome->admit <= ADMIT_YES &&
             (unsigned)outcome->method <= METHOD_BACKUP &&
             (unsigned)reply.password <= REPLY_PASSWORD_EXPIRED &&
             memchr(reply.explanation, '\0', sizeof(reply.explanation)) != NULL &&
             memchr(outcome->device, '\0', sizeof(outcome->device)) != NULL &&
             memchr(reply.recorded, '\0', sizeof(reply.recorded)) != NULL,
         "an outcome is within its bounds");
    need(outcome->admit == ADMIT_NO || memmem(data, size, "admit", 5) != NULL ||
             memmem(data, size, "\\u", 2) != NULL,
         "who says nothing says no");
    need(r == 0 || (!reply.ask && !reply.enroll && !reply.tokens_due &&
                    reply.password == REPLY_PASSWORD_NONE && reply.explanation[0] == '\0'),
         "an error says nothing of a reply");
    check_fits(&reply);
    check_account(&visited);
    need(tokens.count <= ACCOUNT_TOKENS_MAX && enrolled.device.secret.length <= SECRET_BYTES_MAX &&
             memchr(enrolled.uri, '\0', sizeof(enrolled.uri)) != NULL,
         "what is shown once is within its bounds");
    if (r == 0) {
        check_reply_again(CALL_CONFIRM, &reply);
        check_reply_again(CALL_QR, &reply);
        reply.account = visits > 0 ? &visited : &account;
        check_reply_again(CALL_SHOW, &reply);
    }
    /* Without visitors the account goes where the caller says. */
    free(message);
    message = copy(data, size);
    reply = (struct reply){.account = &account};
    if (reply_read(message, size, &reply, &more, NULL) == 0) {
        check_account(&account);
        check_reply_again(CALL_SHOW, &reply);
    }
    free(message);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX)
        return 0;
    input = data;
    input_size = size;
    (void)check_call(data, size);
    (void)check_reply(data, size);
    return 0;
}

#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION

#include "tap.h"

#define I CALL_INTERFACE "."

static const char *const seeds[] = {
    "{\"method\":\"" I "Check\",\"parameters\":{\"config\":\"/etc/totp/totp.conf\",\"options\":"
    "[\"window=2\",\"debug\"],\"service\":\"sshd\",\"user\":\"alice\",\"shape\":\"tail\","
    "\"password\":\"pw123456\",\"check_password\":true,\"own_lock\":5}}",
    "{\"method\":\"" I "Enroll\",\"parameters\":{\"user\":\"a\",\"proof\":\"123456\",\"device\":"
    "\"key\",\"type\":\"hotp\",\"algorithm\":\"SHA1\",\"digits\":6,\"period\":30,\"counter\":7,"
    "\"secret\":\"GEZDGNBVGY3TQOJQ\",\"replace\":true,\"at_login\":true}}",
    "{\"method\":\"" I "Begin\",\"parameters\":{\"user\":\"a\",\"group\":\"wheel\",\"shape\":"
    "\"combined\",\"rhost\":\"::1\"}}",
    "{\"method\":\"" I "Resync\",\"parameters\":{\"user\":\"a\",\"code\":\"123456\",\"next_code\":"
    "\"654321\"}}",
    "{\"method\":\"" I "Confirm\",\"parameters\":{\"code\":\"123456\",\"trial\":true,"
    "\"mail_tokens\":true}}",
    "{\"method\":\"" I "SendCode\",\"parameters\":{\"user\":\"a\",\"recovery\":true,\"keep\":"
    "true,\"unasked\":false}}",
    "{\"method\":\"" I "Recover\",\"parameters\":{\"user\":\"a\",\"code\":\"12345678\",\"proof\":"
    "\"123456\",\"new_password\":\"x\"}}",
    "{\"method\":\"" I "Passwd\",\"parameters\":{\"new_password\":\"x\",\"expire\":true}}",
    "{\"method\":\"" I "Log\",\"more\":true,\"parameters\":{\"since\":1,\"after_id\":2}}",
    "{\"method\":\"" I "Set\",\"parameters\":{\"email\":null,\"full_name\":\"\\u00c4\\udcff\","
    "\"role\":\"admin\",\"clear_grace\":true},\"oneway\":false}",
    "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":"
    "\"org.pamtotp.Service\"}}",
    "{\"parameters\":{\"verdict\":\"accepted\",\"admit\":\"yes\",\"method\":\"totp\",\"device\":"
    "\"phone\",\"locked_until\":253402300799,\"failures\":3,\"tokens_left\":9,\"password_length\":"
    "6,\"ask\":false,\"recorded\":\"totp\",\"backup_tokens\":[\"acde-fhjk-mnpq\",\"\"]}}",
    "{\"parameters\":{\"verdict\":\"grace\",\"admit\":\"yes\",\"tokens_issued\":10,\"tokens_due\":"
    "true,\"password\":\"expired\",\"explanation\":\"outside\",\"enroll\":false}}",
    "{\"parameters\":{\"address\":\"a***@e***.org\",\"wait\":59}}",
    "{\"parameters\":{\"verdict\":\"unenrolled\",\"admit\":\"no\",\"enroll\":true}}",
    "{\"parameters\":{\"account\":{\"user\":\"alice\",\"email\":\"a@b\",\"role\":\"admin\","
    "\"enabled\":true,\"closed\":false,\"failures\":1,\"created\":7,\"tokens_left\":1,"
    "\"has_password\":true,\"password_expired\":true,\"devices\":[{\"device\":\"phone\",\"type\":"
    "\"totp\",\"state\":"
    "\"active\",\"algorithm\":\"SHA256\",\"digits\":6,\"period\":30,\"drift\":-3,"
    "\"created\":1},{}]}},"
    "\"continues\":true}",
    "{\"parameters\":{\"enrolled\":{\"device\":\"phone\",\"type\":\"hotp\",\"counter\":9,"
    "\"secret\":\"GEZDGNBVGY3TQOJQ\",\"uri\":\"otpauth://hotp/x\"}}}",
    "{\"parameters\":{\"event\":{\"id\":1,\"time\":2,\"action\":\"login\",\"user\":\"alice\","
    "\"actor\":\"bob\",\"rhost\":\"\\n\\u001b\"}},\"continues\":true}",
    "{\"error\":\"" I "CodeRefused\",\"parameters\":{\"verdict\":\"locked\",\"locked_until\":9,"
    "\"where\":\"x\",\"what\":\"y\"}}",
    "{\"error\":\"" I "Failed\",\"parameters\":{\"code\":20,\"what\":\"the store failed\"}}",
};

static const char *const pieces[] = {
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    " ",
    "-",
    "0",
    "1e5",
    "null",
    "true",
    "false",
    "\"\"",
    "[]",
    "{}",
    "\\u0000",
    "\\udc80",
    "\xc3",
    "\xff",
    "\n",
    "4294967296",
    "9223372036854775808",
    "accepted",
    "yes",
    "verdict",
    "admit",
    "enroll",
    "grace",
    "exempt",
    "drift",
    "-9223372036854775809",
    "user",
    "parameters",
    "continues",
    "error",
    "more",
    "account",
    "devices",
    "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},",
    I "Show",
};

static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (*state >> 11) % below;
}

static size_t insert(uint8_t *bytes, size_t size, size_t at, const void *piece, size_t count)
{
    memmove(bytes + at + count, bytes + at, size - at);
    memcpy(bytes + at, piece, count);
    return size + count;
}

static size_t mutate(uint8_t *bytes, size_t size, uint64_t *state)
{
    const char *piece = pieces[draw(state, ARRAY_SIZE(pieces))];
    const size_t at = draw(state, size + 1), rest = size - at;
    const size_t count = draw(state, (rest < 40 ? rest : 40) + 1);
    uint8_t part[40];

    switch (draw(state, 5)) {
    case 0: /* another byte */
        if (rest > 0)
            bytes[at] = (uint8_t)draw(state, 256);
        return size;
    case 1: /* some left out */
        memmove(bytes + at, bytes + at + count, rest - count);
        return size - count;
    case 2: /* cut off */
        return draw(state, 8) == 0 ? at : size;
    case 3: /* some elsewhere too */
        memcpy(part, bytes + at, count);
        return insert(bytes, size, draw(state, size + 1), part, count);
    default: /* a piece put in */
        return insert(bytes, size, at, piece, strlen(piece));
    }
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    const uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 50000;
    uint64_t state = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15) | 1, calls = 0, replies = 0;

    for (uint64_t i = 0; i < count; i++) {
        uint8_t bytes[2048];
        const char *document = seeds[draw(&state, ARRAY_SIZE(seeds))];
        size_t size = strlen(document) + 1;

        memcpy(bytes, document, size);
        for (uint64_t left = draw(&state, 6); left > 0; left--)
            size = mutate(bytes, size, &state);
        input = bytes;
        input_size = size;
        calls += check_call(bytes, size) == 0;
        replies += check_reply(bytes, size) == 0;
    }
    ok((calls > 0 && replies > 0) || count < 100,
       "%" PRIu64 " messages from seed %" PRIu64 ": %" PRIu64 " calls, %" PRIu64 " replies", count,
       seed, calls, replies);
    return tap_done();
}

#endif
