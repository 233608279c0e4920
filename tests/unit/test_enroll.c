/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "admin.h"
#include "auth.h"
#include "confirm.h"
#include "device.h"
#include "enroll.h"
#include "fixture.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

static struct conf conf;
static struct seal_ring ring;
static struct store *store;
static struct reply_device reply;
static struct reply_tokens tokens;
static struct outcome result;
static struct account account;
static struct err err;

static const struct event_origin origin = {.service = "totpctl", .actor = "root"};

static struct enroll_request request_for(const char *user, const char *label)
{
    return (struct enroll_request){.user = user,
                                   .origin = origin,
                                   .label = label,
                                   .type = DEVICE_TOTP,
                                   .algorithm = OTP_SHA1,
                                   .digits = 6,
                                   .period = 30};
}

static int start(const struct enroll_request *request)
{
    return enroll_start(store, &conf, "host.example", request, FIXTURE_NOW, &reply, &err);
}

static int confirm(const char *user, const char *label, const char *code)
{
    const struct enroll_code first = {.user = user, .label = label, .code = code, .origin = origin};

    return enroll_confirm(store, &conf, &first, FIXTURE_NOW, &result, &tokens, &err);
}

static bool load(const char *user)
{
    if (store_begin(store, STORE_READ, &err) != 0)
        return false;
    int r = store_load(store, user, &account, &err);
    store_rollback(store);
    return r == 0;
}

static void test_first(void)
{
    struct enroll_request request = request_for("alice", NULL);

    ok(start(&request) == 0 && strcmp(reply.device.label, "phone") == 0 &&
           reply.device.secret.length == SECRET_BYTES_DEFAULT && reply.device.id > 0,
       "an account and a pending device come to be");
    ok(strncmp(reply.uri, "otpauth://totp/host.example:alice%40host.example?secret=", 54) == 0 ||
           strstr(reply.uri, "otpauth://totp/") == reply.uri,
       "with a key URI");
    ok(load("alice") && account.device_count == 1 && account.devices[0].state == DEVICE_PENDING &&
           account.token_count == 0,
       "which is not active yet");
    ok(confirm("alice", NULL, "000000") == 0 && result.verdict == VERDICT_WRONG &&
           tokens.count == 0 && load("alice") && account.devices[0].state == DEVICE_PENDING,
       "a wrong first code changes nothing");
    ok(confirm("alice", NULL, fixture_code(&reply.device, FIXTURE_NOW / 30)) == 0 &&
           result.verdict == VERDICT_ACCEPTED && tokens.count == 10 && load("alice") &&
           account.devices[0].state == DEVICE_ACTIVE && account.token_count == 10 &&
           account.tokens_issued == 10,
       "the right one activates it and issues ten backup tokens");
    ok(confirm("alice", NULL, "123456") == ERR_NOT_FOUND, "nothing is pending any more");
    struct event last = {0};
    (void)fixture_events(store, &last);
    ok(strcmp(last.action, "confirm") == 0 && strcmp(last.verdict, "accepted") == 0 &&
           strcmp(last.device, "phone") == 0 && strcmp(last.actor, "root") == 0,
       "and the act is on record");
}

static void test_more(void)
{
    struct enroll_request request = request_for("alice", "phone");

    ok(start(&request) == ERR_EXISTS, "a label stands once");
    request.replace = true;
    ok(start(&request) == 0 && load("alice") && account.device_count == 2,
       "a replacement waits beside the old device");
    int64_t waiting = reply.device.id;
    ok(enroll_again(store, &conf, "h", "alice", NULL, &origin, FIXTURE_NOW, &reply, &err) == 0 &&
           reply.device.id == waiting,
       "and it is the one whose URI is shown again");
    int64_t id = reply.device.id;
    ok(start(&request) == 0 && reply.device.id != id && load("alice") && account.device_count == 2,
       "and a second one takes the first one's place");
    const struct device *old = account_device(&account, "phone", DEVICE_ACTIVE);
    const struct auth_request login = {.user = "alice",
                                       .code = fixture_code(old, FIXTURE_NOW / 30 + 1)};
    struct auth_reply auth = {0};
    ok(auth_check(store, &conf.rules, &login, FIXTURE_NOW, &auth, &err) == 0 &&
           auth.result.admit == ADMIT_YES,
       "the old device logs in until then");
    ok(confirm("alice", "phone", fixture_code(&reply.device, FIXTURE_NOW / 30)) == 0 &&
           result.verdict == VERDICT_ACCEPTED && tokens.count == 0 && load("alice") &&
           account.device_count == 1 && account.devices[0].id == reply.device.id &&
           account.token_count == 10,
       "confirmed, it is the only one; the tokens stay");
    request = request_for("alice", NULL);
    request.replace = true;
    ok(start(&request) == 0 && strcmp(reply.device.label, "phone") == 0 && load("alice") &&
           account.device_count == 2,
       "without a label it is the only device whose place is taken");
    ok(start(&request) == 0 && strcmp(reply.device.label, "phone") == 0 && load("alice") &&
           account.device_count == 2,
       "again, while that one waits");
    ok(confirm("alice", "phone", fixture_code(&reply.device, FIXTURE_NOW / 30)) == 0 &&
           result.verdict == VERDICT_ACCEPTED && load("alice") && account.device_count == 1,
       "and takes it with its first code");
    request = request_for("alice", NULL);
    for (int i = 2; i <= 5; i++) {
        char label[16];
        snprintf(label, sizeof(label), "phone-%d", i);
        if (start(&request) != 0 || strcmp(reply.device.label, label) != 0)
            ok(false, "device %d", i);
    }
    ok(start(&request) == ERR_LIMIT, "five devices are enough");
    ok(confirm("alice", NULL, "123456") == ERR_CONFLICT, "which of several is meant must be said");
    ok(enroll_again(store, &conf, "h", "alice", "phone-3", &origin, FIXTURE_NOW, &reply, &err) ==
               0 &&
           strcmp(reply.device.label, "phone-3") == 0 && strstr(reply.uri, "secret=") != NULL,
       "the URI of one is shown again");
    for (int i = 2; i <= 5; i++) {
        char label[16];
        snprintf(label, sizeof(label), "phone-%d", i);
        if (device_remove(store, "alice", label, &origin, FIXTURE_NOW, &err) != 0)
            ok(false, "removing %s", label);
    }
    ok(device_enable(store, "alice", NULL, false, &origin, FIXTURE_NOW, &err) == 0 &&
           load("alice") && account.devices[0].state == DEVICE_DISABLED,
       "the only device is disabled without naming it");
    ok(device_enable(store, "alice", "phone", true, &origin, FIXTURE_NOW, &err) == 0 &&
           load("alice") && account.devices[0].state == DEVICE_ACTIVE,
       "and enabled");
}

static void test_first_of_several(void)
{
    struct enroll_request request = request_for("hal", NULL);
    struct device mine;

    ok(start(&request) == 0 && start(&request) == 0 && start(&request) == 0 && load("hal") &&
           account.device_count == 3,
       "three devices wait");
    mine = reply.device;
    ok(confirm("hal", "phone-3", fixture_code(&mine, FIXTURE_NOW / 30)) == 0 &&
           result.verdict == VERDICT_ACCEPTED && tokens.count == 10 && load("hal") &&
           account.device_count == 1 && account.devices[0].id == mine.id,
       "the first that is confirmed stays alone, with tokens");
    ok(device_enable(store, "hal", NULL, false, &origin, FIXTURE_NOW, &err) == 0 &&
           start(&request) == 0 &&
           confirm("hal", "phone", fixture_code(&reply.device, FIXTURE_NOW / 30)) == 0 &&
           result.verdict == VERDICT_ACCEPTED && tokens.count == 0 && load("hal") &&
           account.device_count == 2 && account.token_count == 10,
       "one beside a device that is switched off brings no new ones");
}

static int confirm_guarded(const char *user, const char *code, int64_t now)
{
    const struct enroll_code first = {
        .user = user, .code = code, .origin = origin, .guarded = true};

    return enroll_confirm(store, &conf, &first, now, &result, &tokens, &err);
}

/* Asked by somebody who is not root. */
static void test_guarded(void)
{
    struct enroll_request request = request_for("gwen", NULL);
    const char *code;
    size_t events;

    ok(start(&request) == 0, "a device that waits");
    code = fixture_code(&reply.device, FIXTURE_NOW / 30);
    ok(confirm_guarded("gwen", "", FIXTURE_NOW) == 0 && result.verdict == VERDICT_MALFORMED &&
           load("gwen") && account.failures == 0,
       "an empty code does not count");
    for (unsigned i = 1; i <= conf.rules.max_failures; i++)
        if (confirm_guarded("gwen", "000000", FIXTURE_NOW) != 0 || !load("gwen") ||
            account.failures != i)
            ok(false, "wrong code %u", i);
    ok(result.verdict == VERDICT_WRONG && account.locked_until > FIXTURE_NOW,
       "wrong ones count, and lock");
    events = fixture_events(store, NULL);
    ok(confirm_guarded("gwen", code, FIXTURE_NOW) == 0 && result.verdict == VERDICT_LOCKED &&
           result.locked_until == account.locked_until && tokens.count == 0 && load("gwen") &&
           account.devices[0].state == DEVICE_PENDING &&
           account.failures == conf.rules.max_failures,
       "the right one is refused then");
    struct event last = {0};
    ok(fixture_events(store, &last) == events + 1 && strcmp(last.action, "confirm") == 0 &&
           strcmp(last.verdict, "locked") == 0,
       "which is on record");
    ok(admin_lock(store, "gwen", true, &origin, FIXTURE_NOW, &err) == 0 &&
           confirm_guarded("gwen", code, account.locked_until) == 0 &&
           result.verdict == VERDICT_LOCKED && result.locked_until == ACCOUNT_LOCKED_FOR_EVER,
       "a closed account's device waits too");
    ok(admin_lock(store, "gwen", false, &origin, FIXTURE_NOW, &err) == 0 &&
           confirm_guarded("gwen", code, FIXTURE_NOW) == 0 && result.verdict == VERDICT_ACCEPTED &&
           tokens.count == conf.backup_tokens && load("gwen") &&
           account.devices[0].state == DEVICE_ACTIVE,
       "unlocked, it is confirmed, with its tokens");
}

static void test_tokens(void)
{
    ok(device_renew_tokens(store, "alice", 3, &origin, FIXTURE_NOW, &tokens, &err) == 0 &&
           tokens.count == 3 && load("alice") && account.token_count == 3 &&
           account.tokens_issued == 3,
       "three new backup tokens");
    const struct auth_request login = {.user = "alice", .code = tokens.text[1]};
    struct auth_reply auth = {0};
    ok(auth_check(store, &conf.rules, &login, FIXTURE_NOW, &auth, &err) == 0 &&
           auth.result.admit == ADMIT_YES && auth.result.method == METHOD_BACKUP &&
           auth.result.tokens_left == 2,
       "one logs in");
    ok(auth_check(store, &conf.rules, &login, FIXTURE_NOW, &auth, &err) == 0 &&
           auth.result.admit == ADMIT_NO,
       "once");
    ok(device_renew_tokens(store, "alice", 0, &origin, FIXTURE_NOW, &tokens, &err) == 0 &&
           load("alice") && account.token_count == 0,
       "none after revoking");
    ok(device_renew_tokens(store, "alice", 51, &origin, FIXTURE_NOW, &tokens, &err) == ERR_RANGE &&
           device_renew_tokens(store, "bob", 1, &origin, FIXTURE_NOW, &tokens, &err) ==
               ERR_NOT_FOUND,
       "nor for a count or a user that is not");
    ok(device_renew_tokens(store, "alice", 2, &origin, FIXTURE_NOW, &tokens, &err) == 0 &&
           device_remove(store, "alice", NULL, &origin, FIXTURE_NOW, &err) == 0 && load("alice") &&
           account.device_count == 0 && account.token_count == 0,
       "the last device takes the tokens with it");
}

static void test_refused(void)
{
    static const struct {
        const char *user, *label;
        unsigned digits, period;
        int code;
    } cases[] = {
        {"", NULL, 6, 30, ERR_INVALID},          {"a b", NULL, 6, 30, ERR_INVALID},
        {"../x", NULL, 6, 30, ERR_INVALID},      {"a\n", NULL, 6, 30, ERR_INVALID},
        {"bob", "", 6, 30, ERR_INVALID},         {"bob", "-x", 6, 30, ERR_INVALID},
        {"bob", "x\x1b[1m", 6, 30, ERR_INVALID}, {"bob", NULL, 5, 30, ERR_RANGE},
        {"bob", NULL, 9, 30, ERR_RANGE},         {"bob", NULL, 6, 14, ERR_RANGE},
        {"bob", NULL, 6, 301, ERR_RANGE},
    };

    struct enroll_request twice = request_for("erin", "one");
    const struct secret mine = {.bytes = {1, 2, 3}, .length = 20};
    twice.secret = &mine;
    ok(start(&twice) == 0, "a secret brought along");
    twice.label = "two";
    ok(start(&twice) == ERR_EXISTS, "is not given to two devices");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct enroll_request request = request_for(cases[i].user, cases[i].label);
        request.digits = cases[i].digits;
        request.period = cases[i].period;
        ok(start(&request) == cases[i].code && err.what[0] != '\0', "request %zu is refused", i);
    }
    ok(!load("bob"), "and leaves no account");
    struct enroll_request request = request_for("bob", NULL);
    snprintf(conf.label, sizeof(conf.label), "%s", "%u%u%u%u%u%u%u%u%u%u%u%u%u%u%u%u%u");
    char name[200];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    request.user = name;
    ok(start(&request) == ERR_TOO_LONG && !load(name), "a label that grows too long");
}

static int resync(const char *user, const char *label, const char *code, const char *next)
{
    return device_resync(store, user, label, code, next, &origin, FIXTURE_NOW, &result, &err);
}

static bool is_resync(const char *verdict)
{
    struct event last = {0};

    (void)fixture_events(store, &last);
    return strcmp(last.action, "resync") == 0 && strcmp(last.verdict, verdict) == 0 &&
           strcmp(last.device, "phone") == 0 && strcmp(last.actor, "root") == 0;
}

static void test_resync(void)
{
    const int64_t step = FIXTURE_NOW / 30, behind = step - 100;
    const struct device phone = fixture_enroll(store, &conf, "kim", "phone");
    struct auth_request login = {.user = "kim"};
    struct auth_reply auth = {0};
    struct account before;

    ok(load("kim"), "a device");
    before = account;
    ok(resync("kim", NULL, fixture_code(&phone, behind), fixture_code(&phone, behind + 1)) == 0 &&
           result.verdict == VERDICT_REPLAYED && result.admit == ADMIT_NO &&
           is_resync("replayed") && load("kim") && memcmp(&before, &account, sizeof(before)) == 0,
       "codes from before the last accepted one change nothing");
    ok(resync("kim", NULL, fixture_code(&phone, step + 50), fixture_code(&phone, step + 52)) == 0 &&
           result.verdict == VERDICT_WRONG && is_resync("wrong") && load("kim") &&
           memcmp(&before, &account, sizeof(before)) == 0,
       "nor do two that do not follow one another");
    ok(resync("kim", "phone", "12345", "1234567") == 0 && result.verdict == VERDICT_MALFORMED &&
           is_resync("malformed") && resync("kim", NULL, NULL, NULL) == 0 &&
           result.verdict == VERDICT_MALFORMED,
       "nor what is no code");
    const char *code = fixture_code(&phone, step + 50), *next = fixture_code(&phone, step + 51);
    ok(resync("kim", NULL, code, next) == 0 && result.verdict == VERDICT_ACCEPTED &&
           result.admit == ADMIT_YES && strcmp(result.device, "phone") == 0 &&
           is_resync("accepted") && load("kim") && account.devices[0].offset == 51 &&
           account.devices[0].last_step == step + 51,
       "two of a clock that is ahead do");
    ok(resync("kim", NULL, code, next) == 0 && result.verdict == VERDICT_REPLAYED, "once");
    login.code = next;
    ok(auth_check(store, &conf.rules, &login, FIXTURE_NOW, &auth, &err) == 0 &&
           auth.result.verdict == VERDICT_REPLAYED,
       "they are no codes any more");
    login.code = fixture_code(&phone, step + 52);
    ok(auth_check(store, &conf.rules, &login, FIXTURE_NOW, &auth, &err) == 0 &&
           auth.result.admit == ADMIT_YES,
       "the next one logs in");
    ok(device_enable(store, "kim", "phone", false, &origin, FIXTURE_NOW, &err) == 0 &&
           resync("kim", NULL, fixture_code(&phone, step + 60), fixture_code(&phone, step + 61)) ==
               ERR_CONFLICT &&
           strstr(err.what, "disabled") != NULL && load("kim") && account.devices[0].offset == 51,
       "a device that is switched off stays as it is: %s", err.what);
}

static void test_resync_others(void)
{
    struct enroll_request request = request_for("leo", NULL);
    struct device token;

    ok(start(&request) == 0 &&
           resync("leo", NULL, fixture_code(&reply.device, 500),
                  fixture_code(&reply.device, 501)) == ERR_CONFLICT &&
           strstr(err.what, "pending") != NULL,
       "one that waits has its first code to show: %s", err.what);
    request.type = DEVICE_HOTP;
    request.label = "phone"; /* in the place of the other */
    ok(start(&request) == 0 && confirm("leo", NULL, fixture_code(&reply.device, 0)) == 0 &&
           result.verdict == VERDICT_ACCEPTED,
       "a counter");
    token = reply.device;
    ok(resync("leo", NULL, fixture_code(&token, 800), fixture_code(&token, 801)) == 0 &&
           result.verdict == VERDICT_ACCEPTED && is_resync("accepted") && load("leo") &&
           account.devices[0].counter == 802 && account.devices[0].offset == 0,
       "800 ahead is found");
    ok(resync("leo", NULL, fixture_code(&token, 800), fixture_code(&token, 801)) == 0 &&
           result.verdict == VERDICT_REPLAYED && load("leo") && account.devices[0].counter == 802,
       "once");
    ok(resync("leo", NULL, fixture_code(&token, 802 + 1200), fixture_code(&token, 802 + 1201)) ==
               0 &&
           result.verdict == VERDICT_WRONG && load("leo") && account.devices[0].counter == 802,
       "not at any distance");
    request = request_for("leo", "other");
    ok(start(&request) == 0 && resync("leo", NULL, "123456", "123456") == ERR_CONFLICT &&
           strstr(err.what, "name the one") != NULL,
       "of several one is named");
    ok(resync("leo", "none", "123456", "123456") == ERR_NOT_FOUND &&
           resync("nobody", NULL, "123456", "123456") == ERR_NOT_FOUND,
       "what is not there is not found");
}

/* Where no device has been confirmed, tokens would let in whoever has found an old sheet. */
static void test_token_rest(void)
{
    struct enroll_request request = request_for("mary", "second");

    (void)fixture_enroll(store, &conf, "mary", "phone");
    ok(start(&request) == 0 && load("mary") && account.token_count == 10, "a device beside one");
    ok(device_remove(store, "mary", "phone", &origin, FIXTURE_NOW, &err) == 0 && load("mary") &&
           account.device_count == 1 && account.token_count == 0 && account.tokens_issued == 0,
       "the last one in use takes the tokens along, though one waits");
    ok(confirm("mary", NULL, fixture_code(&reply.device, FIXTURE_NOW / 30)) == 0 &&
           result.verdict == VERDICT_ACCEPTED && tokens.count == 10,
       "which brings its own");
}

static void test_hotp(void)
{
    struct enroll_request request = request_for("dave", NULL);

    request.type = DEVICE_HOTP;
    request.counter = 5;
    ok(start(&request) == 0 && strcmp(reply.device.label, "token") == 0 &&
           reply.device.period == 0 && strstr(reply.uri, "otpauth://hotp/") == reply.uri &&
           strstr(reply.uri, "counter=5") != NULL,
       "a counter device");
    ok(confirm("dave", NULL, fixture_code(&reply.device, 6)) == 0 &&
           result.verdict == VERDICT_ACCEPTED && load("dave") && account.devices[0].counter == 7,
       "confirmed within the look-ahead");
}

int main(void)
{
    store = fixture_open("enroll", &conf, &ring);
    test_first();
    test_more();
    test_first_of_several();
    test_guarded();
    test_tokens();
    test_hotp();
    test_resync();
    test_resync_others();
    test_token_rest();
    test_refused();
    store_close(&store);
    account_clear(&account);
    return tap_done();
}
