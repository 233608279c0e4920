/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices whose codes are sent by e-mail: how one comes to be, and backup tokens that are sent. */
#include "config.h"

#include "admin.h"
#include "confirm.h"
#include "device.h"
#include "enroll.h"
#include "fixture.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS "alice@example.org"
#define MASKED "a***@e***.org"

static struct conf conf;
static struct seal_ring ring;
static struct store *store;
static struct reply_device reply;
static struct reply_tokens tokens;
static struct outcome result;
static struct account account;
static struct outbox outbox;
static struct err err;
static int64_t now = FIXTURE_NOW;

static const struct event_origin origin = {.service = "totpctl", .actor = "root"};

static void must(bool good, const char *what)
{
    if (good)
        return;
    printf("Bail out! %s: %s\n", what, err.what);
    exit(1);
}

static void load(const char *user)
{
    must(store_begin(store, STORE_READ, &err) == 0 && store_load(store, user, &account, &err) == 0,
         "store_load");
    store_rollback(store);
}

static void add(const char *user, const char *address)
{
    const struct admin_fields fields = {.email = address};

    must(admin_add(store, user, &fields, &origin, now, &err) == 0, "admin_add");
}

static struct enroll_request request_for(const char *user, const char *label)
{
    return (struct enroll_request){.user = user,
                                   .origin = origin,
                                   .label = label,
                                   .type = DEVICE_EMAIL,
                                   .digits = ACCOUNT_MAIL_DIGITS};
}

static int start(const struct enroll_request *request)
{
    outbox_cut(&outbox, 0);
    reply_device_clear(&reply);
    err = (struct err){0};
    return enroll_start(store, &conf, "host.example", request, now, &reply, &err);
}

static int confirm(const char *user, const char *label, const char *code, bool mail)
{
    const struct enroll_code first = {
        .user = user, .label = label, .code = code, .origin = origin, .mail_tokens = mail};

    err = (struct err){0};
    return enroll_confirm(store, &conf, &first, now, &result, &tokens, &err);
}

/* The code that was posted last. */
static const char *posted(void)
{
    static char text[ACCOUNT_MAIL_DIGITS + 1];

    must(outbox.count > 0 && outbox.notices[outbox.count - 1].kind == NOTICE_CODE, "a code");
    snprintf(text, sizeof(text), "%.8s", outbox.notices[outbox.count - 1].text);
    return text;
}

static bool is_accepted(void)
{
    return result.verdict == VERDICT_ACCEPTED && result.admit == ADMIT_YES &&
           result.method == METHOD_EMAIL;
}

static void test_start(void)
{
    struct enroll_request request = request_for("alice", NULL);
    struct event last = {0};

    add("alice", ADDRESS);
    ok(start(&request) == 0 && strcmp(reply.device.label, "email") == 0 &&
           reply.device.type == DEVICE_EMAIL && reply.device.digits == ACCOUNT_MAIL_DIGITS &&
           reply.device.period == 0 && reply.device.state == DEVICE_PENDING,
       "a pending device comes to be");
    ok(strcmp(reply.address, MASKED) == 0 && reply.uri[0] == '\0',
       "whose address is shown in part, and which has no key URI");
    const struct notice *notice = &outbox.notices[0];
    ok(outbox.count == 1 && notice->kind == NOTICE_CODE && strcmp(notice->to, ADDRESS) == 0 &&
           strcmp(notice->user, "alice") == 0 && strcmp(notice->device, "email") == 0 &&
           strcmp(notice->service, "totpctl") == 0 && strcmp(notice->actor, "root") == 0 &&
           notice->time == now && notice->until == now + conf.rules.email_code_lifetime &&
           strspn(notice->text, "0123456789") == ACCOUNT_MAIL_DIGITS &&
           notice->text[ACCOUNT_MAIL_DIGITS] == '\0',
       "its first code is posted with it");
    ok(fixture_events(store, &last) == 3 && strcmp(last.action, "enroll") == 0 &&
           strcmp(last.device, "email") == 0,
       "it is recorded, and so is the code");
    load("alice");
    struct secret fingerprint = {0};
    ok(account.device_count == 1 && seal_fingerprint(ADDRESS, &fingerprint) == 0 &&
           memcmp(&account.devices[0].secret, &fingerprint, sizeof(fingerprint)) == 0 &&
           account.codes[MAIL_LOGIN].device == account.devices[0].id,
       "it keeps which address it was made for");
    char code[ACCOUNT_MAIL_DIGITS + 1];
    snprintf(code, sizeof(code), "%s", posted());
    outbox_cut(&outbox, 0);
    char other[ACCOUNT_MAIL_DIGITS + 1];
    snprintf(other, sizeof(other), "%s", code);
    other[0] = other[0] == '9' ? '0' : (char)(other[0] + 1);
    ok(confirm("alice", NULL, other, false) == 0 && result.verdict == VERDICT_WRONG &&
           outbox.count == 0,
       "another code does not confirm it");
    ok(confirm("alice", NULL, code, false) == 0 && is_accepted() &&
           tokens.count == conf.backup_tokens && tokens.address[0] == '\0',
       "the code does, and tokens come with it");
    load("alice");
    ok(account.devices[0].state == DEVICE_ACTIVE && account.codes[MAIL_LOGIN].sent == 0,
       "it is active, and the code used up");
    ok(outbox.count == 1 && outbox.notices[0].kind == NOTICE_DEVICE_ADDED &&
           strcmp(outbox.notices[0].device, "email") == 0,
       "and the person is told of a new device, not of the tokens");
}

/* There is one address. */
static void test_one(void)
{
    struct enroll_request request = request_for("alice", NULL);

    now += 60;
    const size_t events = fixture_events(store, NULL);
    ok(start(&request) == ERR_EXISTS && outbox.count == 0, "another is refused: %s", err.what);
    request.label = "mail";
    ok(start(&request) == ERR_EXISTS && outbox.count == 0, "under another label too");
    request.replace = true;
    ok(start(&request) == ERR_EXISTS && outbox.count == 0, "also where it would replace that one");
    request.label = "email";
    request.replace = false;
    ok(start(&request) == ERR_EXISTS && outbox.count == 0, "and under its own");
    must(device_enable(store, "alice", "email", false, &origin, now, &err) == 0, "device_enable");
    request.label = "mail";
    ok(start(&request) == ERR_EXISTS && outbox.count == 0 &&
           fixture_events(store, NULL) == events + 1,
       "also while it is switched off");
    must(device_enable(store, "alice", "email", true, &origin, now, &err) == 0, "device_enable");
    request.label = "email";
    request.replace = true;
    load("alice");
    const int64_t old = account.devices[0].id;
    ok(start(&request) == 0 && outbox.count == 1, "one that replaces it waits beside it");
    load("alice");
    ok(account.device_count == 2 && account.codes[MAIL_LOGIN].device == reply.device.id,
       "with the code");
    ok(confirm("alice", NULL, posted(), false) == 0 && is_accepted() && tokens.count == 0,
       "which confirms it");
    load("alice");
    ok(account.device_count == 1 && account.devices[0].id == reply.device.id &&
           account.devices[0].id != old && account.devices[0].state == DEVICE_ACTIVE,
       "and takes its place");
}

/* Of those that wait the last is the one whose code is under way. */
static void test_again(void)
{
    struct enroll_request request = request_for("bob", NULL);

    add("bob", ADDRESS);
    ok(start(&request) == 0, "a device that waits");
    const int64_t first = reply.device.id;
    request.label = "post";
    const size_t events = fixture_events(store, NULL);
    ok(start(&request) == ERR_LIMIT && outbox.count == 0 && fixture_events(store, NULL) == events,
       "within the interval there is no other: %s", err.what);
    now += conf.rules.email_interval - 1;
    ok(start(&request) == ERR_LIMIT, "to the second");
    load("bob");
    ok(account.device_count == 1 && account.devices[0].id == first &&
           account.codes[MAIL_LOGIN].tries == ACCOUNT_MAIL_TRIES,
       "and the one that waits stays as it is");
    now++;
    ok(start(&request) == 0 && outbox.count == 1, "then there is");
    load("bob");
    ok(account.device_count == 1 && account.devices[0].id == reply.device.id &&
           strcmp(account.devices[0].label, "post") == 0,
       "which takes the place of the first, whatever that was called");
    ok(device_remove(store, "bob", "post", &origin, now, &err) == 0 && start(&request) == ERR_LIMIT,
       "to remove it does not make another come sooner");
    now += conf.rules.email_interval;
    (void)fixture_enroll(store, &conf, "bob", "phone");
    ok(start(&request) == 0 && confirm("bob", NULL, posted(), false) == 0 && is_accepted() &&
           tokens.count == 0,
       "it may stand beside an app, and brings no tokens then");
    load("bob");
    ok(account.device_count == 2 && account.token_count == conf.backup_tokens, "which stay");
}

static void test_refused(void)
{
    const struct secret secret = {.length = SECRET_BYTES_DEFAULT};
    struct enroll_request request = request_for("carl", NULL);

    add("carl", ADDRESS);
    add("dora", "");
    const size_t events = fixture_events(store, NULL);
    conf.rules.email_devices = false;
    ok(start(&request) == ERR_CONFLICT && strcmp(err.where, "email_devices") == 0,
       "where they are switched off there is none: %s", err.what);
    conf.rules.email_devices = true;
    const char slash = conf.sendmail[0];
    conf.sendmail[0] = '\0';
    ok(start(&request) == ERR_CONFLICT && strcmp(err.where, "sendmail") == 0,
       "nor where no mail is sent: %s", err.what);
    conf.sendmail[0] = slash;
    request.at_login = true;
    ok(start(&request) == ERR_INVALID, "no login makes one: %s", err.what);
    request.at_login = false;
    request.secret = &secret;
    ok(start(&request) == ERR_INVALID, "it has no secret that somebody could bring");
    request.secret = NULL;
    request.user = "dora";
    ok(start(&request) == ERR_CONFLICT && strcmp(err.where, "dora") == 0,
       "without an address there is none: %s", err.what);
    request.user = "nobody";
    ok(start(&request) == ERR_CONFLICT, "nor for an account that is not yet");
    load("carl");
    ok(account.device_count == 0 && account.codes[MAIL_LOGIN].sent == 0 && outbox.count == 0 &&
           fixture_events(store, NULL) == events,
       "of all that nothing is left");
    ok(store_begin(store, STORE_READ, &err) == 0 &&
           store_find(store, "nobody", &account, &err) == ERR_NOT_FOUND,
       "and no account");
    store_rollback(store);
    conf.max_devices = 1;
    (void)fixture_enroll(store, &conf, "carl", "phone");
    request.user = "carl";
    ok(start(&request) == ERR_LIMIT && outbox.count == 0, "max_devices holds for it too");
    conf.max_devices = 5;
}

static void test_others(void)
{
    now += 60;
    struct enroll_request request = request_for("carl", NULL);
    must(start(&request) == 0, "enroll_start");
    ok(enroll_again(store, &conf, "host", "carl", "email", &origin, now, &reply, &err) ==
           ERR_CONFLICT,
       "one that waits has no QR code: %s", err.what);
    ok(device_resync(store, "alice", "email", "12345678", "87654321", &origin, now, &result,
                     &err) == ERR_CONFLICT,
       "nor a clock: %s", err.what);
}

/* --- backup tokens by e-mail ------------------------------------------------------------------ */

/* Each line of text is one. */
static size_t count_tokens(const char *text, char out[][CODE_TOKEN_SIZE])
{
    size_t count = 0;

    for (const char *line = text; *line != '\0'; count++) {
        const size_t length = strcspn(line, "\n");
        struct code code = {0};
        if (length != CODE_TOKEN_SIZE - 1 || count >= ACCOUNT_TOKENS_MAX)
            return 0;
        memcpy(out[count], line, length);
        out[count][length] = '\0';
        code_parse(out[count], &code);
        if (code.form != CODE_TOKEN)
            return 0;
        line += length + (line[length] == '\n');
    }
    return count;
}

static void begin_app(const char *user)
{
    struct enroll_request request = request_for(user, "phone");

    request.type = DEVICE_TOTP;
    request.digits = 6;
    request.period = 30;
    must(start(&request) == 0, "enroll_start");
}

static void test_mail_tokens(void)
{
    static const unsigned counts[] = {1, 10, ACCOUNT_TOKENS_MAX};

    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        char user[16], got[ACCOUNT_TOKENS_MAX][CODE_TOKEN_SIZE];
        snprintf(user, sizeof(user), "tina-%zu", i);
        add(user, ADDRESS);
        begin_app(user);
        conf.backup_tokens = counts[i];
        ok(confirm(user, NULL, fixture_code(&reply.device, now / 30), true) == 0 &&
               result.verdict == VERDICT_ACCEPTED && tokens.count == 0 &&
               strcmp(tokens.address, MASKED) == 0,
           "tokens that are sent are not shown, but where to is");
        bool shown = false;
        for (size_t j = 0; j < ACCOUNT_TOKENS_MAX; j++)
            shown = shown || tokens.text[j][0] != '\0';
        ok(!shown, "not one of them");
        ok(outbox.count == 2 && outbox.notices[0].kind == NOTICE_TOKENS &&
               outbox.notices[1].kind == NOTICE_DEVICE_ADDED &&
               outbox.notices[0].left == counts[i] && outbox.notices[0].time == now &&
               strcmp(outbox.notices[0].actor, "root") == 0 &&
               count_tokens(outbox.notices[0].text, got) == counts[i],
           "all %u stand in one message", counts[i]);
        load(user);
        ok(account.token_count == counts[i] && account.tokens_issued == counts[i] &&
               account.tokens_mailed,
           "as many are good, and known to have been sent");
    }
    conf.backup_tokens = 10;
}

/* Only those that were sent are known as such. */
static void test_tokens_mailed(void)
{
    struct reply_tokens fresh CLEANUP(reply_tokens_clear) = {0};

    load("tina-1");
    must(account.tokens_mailed, "tokens that were sent");
    ok(device_renew_tokens(store, "tina-1", 3, &origin, now, &fresh, &err) == 0,
       "tokens are made anew");
    load("tina-1");
    ok(account.token_count == 3 && !account.tokens_mailed, "and were not sent");
    ok(device_remove(store, "tina-2", NULL, &origin, now, &err) == 0, "the last device goes");
    load("tina-2");
    ok(account.token_count == 0 && !account.tokens_mailed, "and with it the tokens that were sent");
    begin_app("tina-2");
    ok(confirm("tina-2", NULL, fixture_code(&reply.device, now / 30), false) == 0 &&
           tokens.count == conf.backup_tokens,
       "those of the next are shown");
    load("tina-2");
    ok(account.token_count == conf.backup_tokens && !account.tokens_mailed, "and were not sent");
    must(confirm("tina-2", NULL, "000000", true) != 0, "there is nothing to confirm");
    load("tina-2");
    ok(!account.tokens_mailed, "nor does it change with what fails");
}

static void test_no_tokens(void)
{
    add("uma", "");
    begin_app("uma");
    const char *code = fixture_code(&reply.device, now / 30);
    const size_t events = fixture_events(store, NULL);
    ok(confirm("uma", NULL, code, true) == ERR_CONFLICT && result.verdict != VERDICT_ACCEPTED &&
           tokens.count == 0 && outbox.count == 0 && fixture_events(store, NULL) == events,
       "without an address they cannot be sent: %s", err.what);
    load("uma");
    ok(account.devices[0].state == DEVICE_PENDING && account.devices[0].last_step == ACCOUNT_NEVER,
       "and the code is not used up");
    ok(confirm("uma", NULL, "000000", true) == 0 && result.verdict == VERDICT_WRONG,
       "a wrong one is just wrong");
    ok(confirm("uma", NULL, code, false) == 0 && tokens.count == conf.backup_tokens,
       "shown they can be had");
    add("vera", ADDRESS);
    begin_app("vera");
    const struct enroll_code trial = {.user = "vera",
                                      .code = fixture_code(&reply.device, now / 30),
                                      .trial = true,
                                      .mail_tokens = true};
    ok(enroll_confirm(store, &conf, &trial, now, &result, &tokens, &err) == 0 &&
           tokens.count == 0 && tokens.address[0] == '\0' && outbox.count == 0,
       "a trial sends none");
    conf.backup_tokens = 0;
    begin_app("vera");
    ok(confirm("vera", NULL, fixture_code(&reply.device, now / 30), true) == 0 &&
           result.verdict == VERDICT_ACCEPTED && tokens.address[0] == '\0' && outbox.count == 1 &&
           outbox.notices[0].kind == NOTICE_DEVICE_ADDED,
       "where none are issued none are sent");
    conf.backup_tokens = 10;
}

static void test_tokens_without_mail(void)
{
    const char slash = conf.sendmail[0];

    add("wanda", ADDRESS);
    begin_app("wanda");
    conf.sendmail[0] = '\0';
    ok(confirm("wanda", NULL, fixture_code(&reply.device, now / 30), true) == ERR_CONFLICT &&
           result.verdict != VERDICT_ACCEPTED && outbox.count == 0,
       "where no mail is sent none are lost: %s", err.what);
    conf.sendmail[0] = slash;
    load("wanda");
    ok(account.devices[0].state == DEVICE_PENDING && account.token_count == 0,
       "the device still waits");
}

int main(void)
{
    store = fixture_open("enroll-email", &conf, &ring);
    conf.rules.email_devices = true;
    store_set_outbox(store, &outbox);
    test_start();
    test_one();
    test_again();
    test_refused();
    test_others();
    test_mail_tokens();
    test_tokens_mailed();
    test_no_tokens();
    test_tokens_without_mail();
    store_close(&store);
    outbox_clear(&outbox);
    account_clear(&account);
    reply_device_clear(&reply);
    reply_tokens_clear(&tokens);
    seal_ring_clear(&ring);
    return tap_done();
}
