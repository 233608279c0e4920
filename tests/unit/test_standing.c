/* SPDX-License-Identifier: BSD-2-Clause */
/* Every combination of what an account may be, what the rules say and what a person answers,
 * against the rules of judgement written down once more, as a list. */
#include "config.h"

#include "policy.h"
#include "sample.h"
#include "secret.h"
#include "tap.h"
#include "token.h"

#include <stdio.h>
#include <string.h>

#define NOW SAMPLE_NOW
#define NOW_STEP (SAMPLE_NOW / SAMPLE_STEP)
#define GRACE INT64_C(3600)

enum who {
    WHO_ACTIVE,   /* "phone" is active, "tablet" waits, "old" is disabled */
    WHO_WAITING,  /* "phone" waits, "tablet" was made at a login: neither was ever proved */
    WHO_RENEWED,  /* "phone" and "tablet" wait, "old" is disabled */
    WHO_AT_LOGIN, /* "phone" was made at a login */
    WHO_DISABLED, /* "phone" is disabled */
    WHO_BARE,     /* no device */
    WHO_UNKNOWN,
    WHO_COUNT
};
enum lock { LOCK_NONE, LOCK_RUNS, LOCK_ENDS_NOW, LOCK_ENDED, LOCK_LIMIT, LOCK_STAYS, LOCK_COUNT };
enum day { DAY_NONE, DAY_BEFORE, DAY_AT, DAY_AFTER, DAY_COUNT }; /* of enroll_by */
enum ticket {
    TICKET_OFF, /* a fresh one, and the option off */
    TICKET_NONE,
    TICKET_NOW,
    TICKET_LAST, /* the last second that it holds */
    TICKET_LIMIT,
    TICKET_OLD,
    TICKET_FUTURE,
    TICKET_FAR, /* of the end of time */
    TICKET_COUNT
};
enum typed {
    ANSWER_NONE, /* codeless */
    ANSWER_EMPTY,
    ANSWER_RIGHT,
    ANSWER_WRONG,
    ANSWER_REPLAYED,
    ANSWER_IDLE, /* the code of a device that is not in use */
    ANSWER_TOKEN,
    ANSWER_COUNT
};

struct scene {
    enum who who;
    enum lock lock;
    bool closed, enabled, exempt;
    enum rules_unenrolled unenrolled;
    enum day day;
    enum ticket ticket;
    enum policy_password password;
    enum typed answer;
};

struct expected {
    enum verdict verdict;
    enum admit admit;
    bool asked;   /* the code decides */
    bool counted; /* as a failure */
};

static char token_text[CODE_TOKEN_SIZE];
static struct token tokens[2];

/* --- the rules, as a list --------------------------------------------------------------------- */

static struct expected refused(enum verdict verdict, bool counted)
{
    return (struct expected){.verdict = verdict, .admit = ADMIT_NO, .counted = counted};
}

static struct expected passed(enum verdict verdict, enum admit admit)
{
    return (struct expected){.verdict = verdict, .admit = admit};
}

static bool is_locked(const struct scene *scene)
{
    return scene->lock == LOCK_RUNS || scene->lock == LOCK_LIMIT || scene->lock == LOCK_STAYS;
}

/* There is a device that is active, or without one a pending one that waits. */
static bool has_device(const struct scene *scene)
{
    return scene->who == WHO_ACTIVE || scene->who == WHO_WAITING || scene->who == WHO_RENEWED;
}

static bool is_graced(const struct scene *scene)
{
    return scene->ticket == TICKET_NOW || scene->ticket == TICKET_LAST;
}

static struct expected expect_unenrolled(const struct scene *scene)
{
    const bool known = scene->who != WHO_UNKNOWN;
    const enum verdict verdict = known && !scene->enabled ? VERDICT_DISABLED : VERDICT_UNENROLLED;
    const bool passes = scene->day == DAY_BEFORE || scene->unenrolled == UNENROLLED_PERMIT;
    const bool enrols =
        scene->unenrolled == UNENROLLED_ENROLL && verdict == VERDICT_UNENROLLED && !passes;

    /* Where nothing but the password stands before the pass or the new device, it counts. */
    if ((passes || enrols) && scene->password == PASSWORD_WRONG)
        return refused(VERDICT_WRONG, known);
    if (passes)
        return passed(verdict, ADMIT_YES);
    return passed(verdict, scene->unenrolled == UNENROLLED_IGNORE ? ADMIT_IGNORE : ADMIT_NO);
}

static struct expected expect_code(const struct scene *scene)
{
    const bool wrong_password = scene->password == PASSWORD_WRONG;

    switch (scene->answer) {
    case ANSWER_NONE:
    case ANSWER_EMPTY:
        return refused(VERDICT_MALFORMED, false);
    case ANSWER_TOKEN:
        /* It stands in for a device in use, not for one that waits. */
        if (scene->who != WHO_ACTIVE)
            break;
        return wrong_password ? refused(VERDICT_WRONG, true) : passed(VERDICT_ACCEPTED, ADMIT_YES);
    case ANSWER_RIGHT:
        return wrong_password ? refused(VERDICT_WRONG, true) : passed(VERDICT_ACCEPTED, ADMIT_YES);
    case ANSWER_REPLAYED:
        return wrong_password ? refused(VERDICT_WRONG, true) : refused(VERDICT_REPLAYED, false);
    case ANSWER_WRONG:
    case ANSWER_IDLE:
    case ANSWER_COUNT:
        break;
    }
    return refused(VERDICT_WRONG, true);
}

static struct expected expect(const struct scene *scene)
{
    const bool known = scene->who != WHO_UNKNOWN;
    const bool asks_password = scene->password != PASSWORD_NOT_ASKED;

    if (known && scene->closed)
        return refused(VERDICT_LOCKED, false);
    if (scene->exempt && !asks_password)
        return passed(VERDICT_EXEMPT, ADMIT_IGNORE);
    if (known && is_locked(scene))
        return refused(VERDICT_LOCKED, false);
    if (scene->exempt)
        return scene->password == PASSWORD_RIGHT ? passed(VERDICT_EXEMPT, ADMIT_YES)
                                                 : refused(VERDICT_WRONG, known);
    if (!has_device(scene) || !scene->enabled)
        return expect_unenrolled(scene);
    if (is_graced(scene))
        return scene->password == PASSWORD_WRONG ? refused(VERDICT_WRONG, true)
                                                 : passed(VERDICT_GRACE, ADMIT_YES);
    struct expected expected = expect_code(scene);
    expected.asked = true;
    return expected;
}

/* --- the scene -------------------------------------------------------------------------------- */

static void add(struct account *account, const char *label, enum device_state state, bool at_login)
{
    struct device *device = &account->devices[account->device_count];

    *device = sample_device((int64_t)account->device_count + 1, DEVICE_TOTP, 6);
    snprintf(device->label, sizeof(device->label), "%s", label);
    device->secret.bytes[0] ^= (uint8_t)account->device_count;
    device->state = state;
    device->at_login = at_login;
    account->device_count++;
}

static struct account make_devices(enum who who)
{
    struct account account;

    account_init(&account, "alice");
    account.id = 1;
    if (who == WHO_ACTIVE)
        add(&account, "phone", DEVICE_ACTIVE, false);
    else if (who == WHO_WAITING || who == WHO_RENEWED)
        add(&account, "phone", DEVICE_PENDING, false);
    else if (who == WHO_AT_LOGIN)
        add(&account, "phone", DEVICE_PENDING, true);
    else if (who == WHO_DISABLED)
        add(&account, "phone", DEVICE_DISABLED, false);
    if (who == WHO_ACTIVE || who == WHO_WAITING || who == WHO_RENEWED)
        add(&account, "tablet", DEVICE_PENDING, who == WHO_WAITING);
    if (who == WHO_ACTIVE || who == WHO_RENEWED)
        add(&account, "old", DEVICE_DISABLED, false);
    return account;
}

static struct account make_account(const struct scene *scene)
{
    static const struct {
        unsigned failures;
        int64_t until;
    } locks[LOCK_COUNT] = {
        [LOCK_NONE] = {4, 0},       [LOCK_RUNS] = {5, NOW + 1},
        [LOCK_ENDS_NOW] = {6, NOW}, [LOCK_ENDED] = {98, NOW - 1},
        [LOCK_LIMIT] = {100, 0},    [LOCK_STAYS] = {0, ACCOUNT_LOCKED_FOR_EVER},
    };
    struct account account = make_devices(scene->who);

    account.closed = scene->closed;
    account.enabled = scene->enabled;
    account.failures = locks[scene->lock].failures;
    account.locked_until = locks[scene->lock].until;
    account.token_count = 2;
    account.tokens_issued = 10;
    memcpy(account.tokens, tokens, sizeof(tokens));
    if (scene->answer == ANSWER_REPLAYED && account.device_count > 0)
        account.devices[0].last_step = NOW_STEP;
    return account;
}

static struct rules make_rules(const struct scene *scene)
{
    static const int64_t days[DAY_COUNT] = {0, NOW + 1, NOW, NOW - 1};
    struct rules rules = sample_rules;

    rules.unenrolled = scene->unenrolled;
    rules.enroll_by = days[scene->day];
    rules.grace = scene->ticket == TICKET_OFF ? 0 : GRACE;
    return rules;
}

static const char *find_code(const struct scene *scene, const struct account *account)
{
    /* Of the last device, which is never the one that is judged; where there is but one that is not
     * in use, of that. Both "tablet" of WHO_RENEWED and "phone" are. */
    static const char *codes[WHO_COUNT][2];

    if (codes[scene->who][0] == NULL) {
        static char kept[WHO_COUNT][2][OTP_DIGITS_MAX + 1];
        for (size_t i = 0; i < 2; i++) {
            const size_t last = account->device_count - 1;
            const char *code = account->device_count == 0
                                   ? "050548"
                                   : sample_code(&account->devices[i == 0 ? 0 : last], NOW_STEP);
            snprintf(kept[scene->who][i], sizeof(kept[scene->who][i]), "%s", code);
            codes[scene->who][i] = kept[scene->who][i];
        }
    }
    switch (scene->answer) {
    case ANSWER_NONE:
        return "a password";
    case ANSWER_EMPTY:
        return " ";
    case ANSWER_RIGHT:
    case ANSWER_REPLAYED:
        return codes[scene->who][0];
    case ANSWER_IDLE:
        return codes[scene->who][1];
    case ANSWER_TOKEN:
        return token_text;
    case ANSWER_WRONG:
    case ANSWER_COUNT:
        break;
    }
    return "123456";
}

static struct policy_attempt make_attempt(const struct scene *scene, const struct account *account)
{
    static const int64_t stamps[TICKET_COUNT] = {
        [TICKET_OFF] = NOW - 1,       [TICKET_NONE] = 0,
        [TICKET_NOW] = NOW,           [TICKET_LAST] = NOW - GRACE + 1,
        [TICKET_LIMIT] = NOW - GRACE, [TICKET_OLD] = NOW - GRACE - 1,
        [TICKET_FUTURE] = NOW + 1,    [TICKET_FAR] = INT64_MAX,
    };

    return (struct policy_attempt){.now = NOW,
                                   .code = find_code(scene, account),
                                   .password = scene->password,
                                   .exempt = scene->exempt,
                                   .ticket = stamps[scene->ticket],
                                   .codeless = scene->answer == ANSWER_NONE,
                                   .ring = &sample_ring};
}

/* --- what is left behind ---------------------------------------------------------------------- */

/* A minute from the fifth failure on, twice as long with each, an hour at most, for good at the
 * hundredth. */
static int64_t lock_after(unsigned failures, int64_t before)
{
    static const int64_t seconds[] = {60, 120, 240, 480, 960, 1920, 3600};

    if (failures < 5)
        return before;
    if (failures >= 100)
        return ACCOUNT_LOCKED_FOR_EVER;
    return NOW + (failures - 5 < ARRAY_SIZE(seconds) ? seconds[failures - 5] : 3600);
}

static void accept_code(enum who who, struct account *account)
{
    struct device *phone = &account->devices[0];

    phone->state = DEVICE_ACTIVE;
    phone->last_step = NOW_STEP;
    phone->last_used = NOW;
    if (who == WHO_WAITING)
        account->device_count = 1;
}

/* What the store should hold after. */
static void make_after(const struct scene *scene, const struct expected *expected,
                       struct account *account)
{
    if (expected->counted) {
        account->failures++;
        account->locked_until = lock_after(account->failures, account->locked_until);
    }
    if (expected->verdict != VERDICT_ACCEPTED)
        return;
    account->failures = 0;
    account->locked_until = 0;
    if (scene->answer == ANSWER_TOKEN)
        account->token_count = 1; /* the first stays */
    else
        accept_code(scene->who, account);
}

static bool same_device(const struct device *a, const struct device *b)
{
    return a->id == b->id && strcmp(a->label, b->label) == 0 && a->type == b->type &&
           a->state == b->state && a->algorithm == b->algorithm && a->digits == b->digits &&
           a->period == b->period && a->last_step == b->last_step && a->counter == b->counter &&
           a->offset == b->offset && a->drift == b->drift && a->at_login == b->at_login &&
           a->created == b->created && a->last_used == b->last_used &&
           a->secret.length == b->secret.length &&
           memcmp(a->secret.bytes, b->secret.bytes, sizeof(a->secret.bytes)) == 0;
}

static bool same_account(const struct account *a, const struct account *b)
{
    bool same = a->id == b->id && strcmp(a->name, b->name) == 0 && a->role == b->role &&
                strcmp(a->password, b->password) == 0 && a->enabled == b->enabled &&
                a->closed == b->closed && a->password_expired == b->password_expired &&
                a->failures == b->failures && a->locked_until == b->locked_until &&
                a->created == b->created && a->tokens_issued == b->tokens_issued &&
                a->device_count == b->device_count && a->token_count == b->token_count;

    for (size_t i = 0; same && i < a->device_count; i++)
        same = same_device(&a->devices[i], &b->devices[i]);
    for (size_t i = 0; same && i < a->token_count; i++)
        same = memcmp(&a->tokens[i], &b->tokens[i], sizeof(a->tokens[i])) == 0;
    return same;
}

static bool same_result(const struct scene *scene, const struct expected *expected,
                        const struct account *after, const struct outcome *result)
{
    const bool by_code = expected->verdict == VERDICT_REPLAYED ||
                         (expected->verdict == VERDICT_ACCEPTED && scene->answer != ANSWER_TOKEN);
    const enum method method = by_code                                 ? METHOD_TOTP
                               : expected->verdict == VERDICT_ACCEPTED ? METHOD_BACKUP
                                                                       : METHOD_NONE;

    return result->verdict == expected->verdict && result->admit == expected->admit &&
           outcome_is_sound(result) && result->method == method &&
           strcmp(result->device, by_code ? "phone" : "") == 0 &&
           result->failures == after->failures && result->tokens_left == after->token_count &&
           result->tokens_issued == after->tokens_issued;
}

/* --- all of them ------------------------------------------------------------------------------ */

static bool plays(const struct scene *scene)
{
    const struct expected expected = expect(scene);
    const struct rules rules = make_rules(scene);
    const struct account before = make_account(scene);
    const struct policy_attempt attempt = make_attempt(scene, &before);
    const bool known = scene->who != WHO_UNKNOWN;
    struct account after, left = before;
    struct outcome result = {0}, standing = {0};

    if (known)
        make_after(scene, &expected, &left);
    else
        account_init(&left, "");
    int r = policy_decide(&rules, known ? &before : NULL, &attempt, &after, &result);
    bool asked = policy_standing(&rules, known ? &before : NULL, &attempt, &standing);
    /* What stands is said as if the password were right. */
    bool good =
        r == 0 && asked == expected.asked && same_account(&after, &left) &&
        same_result(scene, &expected, &left, &result) &&
        (asked ? standing.admit == ADMIT_NO
               : (scene->password == PASSWORD_WRONG && expected.verdict == VERDICT_WRONG) ||
                     (standing.verdict == expected.verdict && standing.admit == expected.admit));
    if (!good)
        tap_note("unenrolled %d, day %d, ticket %d, password %d, answer %d: expected %s %d%s, "
                 "found %s %d (%u failures)",
                 scene->unenrolled, scene->day, scene->ticket, scene->password, scene->answer,
                 verdict_name(expected.verdict), expected.admit,
                 expected.counted ? ", counted" : "", verdict_name(result.verdict), result.admit,
                 after.failures);
    return good;
}

/* Every rule, clock and answer to one account; stops at the first that differs. */
static bool play_all(struct scene *scene, unsigned *count)
{
    for (int u = UNENROLLED_DENY; u <= UNENROLLED_ENROLL; u++)
        for (int d = 0; d < DAY_COUNT; d++)
            for (int t = 0; t < TICKET_COUNT; t++)
                for (int p = PASSWORD_WRONG; p <= PASSWORD_RIGHT; p++)
                    for (int a = 0; a < ANSWER_COUNT; a++) {
                        scene->unenrolled = (enum rules_unenrolled)u;
                        scene->day = (enum day)d;
                        scene->ticket = (enum ticket)t;
                        scene->password = (enum policy_password)p;
                        scene->answer = (enum typed)a;
                        ++*count;
                        if (!plays(scene))
                            return false;
                    }
    return true;
}

static const char *const names[WHO_COUNT] = {
    "active",    "waiting", "waiting beside a disabled one", "pending since a login", "disabled",
    "no device", "unknown"};
static const char *const lock_names[LOCK_COUNT] = {
    "not locked", "locked", "its lock ends now", "a lock ended", "at the limit", "locked for good"};

static void test_account(enum who who, enum lock lock)
{
    for (unsigned bits = 0; bits < 8; bits++) {
        struct scene scene = {.who = who,
                              .lock = lock,
                              .closed = (bits & 1) != 0,
                              .enabled = (bits & 2) == 0,
                              .exempt = (bits & 4) != 0};
        unsigned count = 0;
        /* Nobody's account is neither. */
        if (who == WHO_UNKNOWN && (bits & 3) != 0)
            continue;
        bool good = play_all(&scene, &count);
        ok(good, "%s, %s%s%s%s: %u", names[who], lock_names[lock], scene.closed ? ", closed" : "",
           scene.enabled ? "" : ", switched off", scene.exempt ? ", exempt" : "", count);
    }
}

int main(void)
{
    char other[CODE_TOKEN_SIZE];

    ok(token_new(&sample_ring, "alice", other, &tokens[0]) == 0 &&
           token_new(&sample_ring, "alice", token_text, &tokens[1]) == 0,
       "backup tokens");
    for (int who = 0; who < WHO_UNKNOWN; who++)
        for (int lock = 0; lock < LOCK_COUNT; lock++)
            test_account((enum who)who, (enum lock)lock);
    test_account(WHO_UNKNOWN, LOCK_NONE);
    return tap_done();
}
