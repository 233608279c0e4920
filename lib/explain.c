/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "explain.h"

#include "code.h"
#include "mailcode.h"
#include "match.h"
#include "search.h"
#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* How far beyond what a login looks at. */
#define FAR_TIME (60 * 60) /* seconds on either side */
#define FAR_AHEAD 200      /* counters */
#define FAR_BEHIND 20

/* A valid label, of which each character may be escaped. */
#define QUOTED_SIZE (2 * ACCOUNT_LABEL_SIZE)

/* What was asked. */
struct question {
    const struct rules *rules;
    const struct account *account;
    const char *typed;
    struct code code;
    int64_t now;
    const struct outcome *result;
    char *text;
};

/* What the code is. */
struct finding {
    struct match match;
    const struct device *idle;   /* would show it now, and is not in use */
    const struct device *far;    /* shows it, further off than a login looks */
    const struct device *mailed; /* has codes of this length sent */
    int64_t at;                  /* the moving factor there */
};

static void question_clear(struct question *question)
{
    code_clear(&question->code);
}

static void say(const struct question *question, const char *format, ...) PRINTF_LIKE(2, 3);

static void say(const struct question *question, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(question->text, EXPLAIN_SIZE, format, arguments);
    va_end(arguments);
}

/* For "3 steps". */
static const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

static struct search far_range(const struct question *question, const struct device *device)
{
    int64_t first = 0, fresh = 0;
    size_t count = 0;

    match_range(question->rules, device, question->now, &first, &count, &fresh);
    const int64_t last = first + (int64_t)count - 1;
    if (device->type == DEVICE_HOTP)
        return (struct search){.first = clamp(device->counter - FAR_BEHIND, 0, OTP_COUNTER_MAX),
                               .last = clamp(last + FAR_AHEAD, 0, OTP_COUNTER_MAX - 1),
                               .near = device->counter};
    const int64_t reach = FAR_TIME / (int64_t)device->period;
    return (struct search){.first = clamp(first - reach, 0, INT64_MAX),
                           .last = last + reach,
                           .near = first + (int64_t)count / 2};
}

static int look_far(const struct question *question, const struct device *device,
                    struct finding *found)
{
    const struct search range = far_range(question, device);
    int64_t at = SEARCH_NOWHERE;

    int r = search_codes(device, &question->code.value, 1, &range, &at);
    if (r == 0 && at != SEARCH_NOWHERE && found->far == NULL) {
        found->far = device;
        found->at = at;
    }
    return r;
}

static int look_idle(const struct question *question, const struct device *device,
                     struct finding *found)
{
    struct hit hit = {0};

    int r = match_device(question->rules, device, &question->code, question->now, &hit);
    if (r == 0 && (hit.accepted || hit.replayed) && found->idle == NULL)
        found->idle = device;
    return r;
}

/* Where nothing is judged: the work of an account that has a device, and no answer. */
static int rehearse(const struct question *question)
{
    const struct device nobody = {.type = DEVICE_TOTP,
                                  .state = DEVICE_ACTIVE,
                                  .digits = CODE_DIGITS_MIN,
                                  .period = 30,
                                  .last_step = ACCOUNT_NEVER,
                                  .secret.length = SECRET_BYTES_DEFAULT};
    struct finding found = {0};

    return question->code.form == CODE_DIGITS ? look_far(question, &nobody, &found) : 0;
}

/* All of it, whatever is found first: who has a code but not the password shall not learn from the
 * time that the code was right. */
static int look(const struct question *question, const struct seal_ring *ring,
                struct finding *found)
{
    const struct account *account = question->account;

    int r =
        match_code(question->rules, account, &question->code, ring, question->now, &found->match);
    if (r != 0 || question->code.form != CODE_DIGITS)
        return r;
    bool any = false;
    for (size_t i = 0; r == 0 && i < account->device_count; i++) {
        const struct device *device = &account->devices[i];
        if (device->digits != question->code.length)
            continue;
        bool used = match_is_in_use(account, device);
        if (device->type == DEVICE_EMAIL) {
            found->mailed = used ? device : found->mailed;
            continue;
        }
        r = used ? look_far(question, device, found) : look_idle(question, device, found);
        any = any || used;
    }
    return r == 0 && !any ? rehearse(question) : r;
}

static void say_locked(const struct question *question)
{
    const struct outcome *result = question->result;
    char time[TEXT_TIME_SIZE] = "";

    text_format_time(result->locked_until, time);
    if (question->account != NULL && question->account->closed)
        say(question, "the account is closed");
    else if (result->locked_until >= ACCOUNT_LOCKED_FOR_EVER)
        say(question, "locked until it is unlocked, after %u failure%s", result->failures,
            plural(result->failures));
    else
        say(question, "locked until %s, after %u failure%s", time, result->failures,
            plural(result->failures));
}

static void say_unenrolled(const struct question *question)
{
    const struct account *account = question->account;

    if (account == NULL)
        say(question, "nobody of this name has an account");
    else if (account->device_count == 0)
        say(question, "the account has no device");
    else
        say(question, "the account has no device in use: %zu pending, %zu disabled",
            account_count(account, DEVICE_PENDING), account_count(account, DEVICE_DISABLED));
}

/* " where this account's devices show 6 or 8": lengths are no secret, the prompt of every device
 * tells its own. */
static void shown_lengths(const struct account *account, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (unsigned digits = OTP_DIGITS_MIN; digits <= OTP_DIGITS_MAX; digits++) {
        const struct code shape = {.form = CODE_DIGITS, .length = digits};
        if (account == NULL || !match_is_candidate(account, &shape))
            continue;
        int n = snprintf(out + used, size - used, "%s%u",
                         used == 0 ? " where this account's devices show " : " or ", digits);
        if (n > 0 && (size_t)n < size - used)
            used += (size_t)n;
    }
}

/* Counts digits where there is nothing but digits: the length of what may be a password stays
 * unsaid. */
static void say_malformed(const struct question *question)
{
    const char *typed = question->typed;
    char shown[64] = "";
    size_t digits = 0;
    bool others = false;

    for (const char *p = typed; *p != '\0'; p++) {
        digits += *p >= '0' && *p <= '9';
        others = others || ((*p < '0' || *p > '9') && *p != ' ' && *p != '-');
    }
    shown_lengths(question->account, shown, sizeof(shown));
    if (code_is_sshd_refusal(typed))
        say(question, "not typed by anybody: sshd sends this for a user it has already refused");
    else if (others)
        say(question, "cannot be a code: neither digits alone nor of a backup token's form");
    else if (digits == 0)
        say(question, "no code was given");
    else
        say(question, "cannot be a code: %zu digit%s%s", digits, plural((int64_t)digits), shown);
}

static void say_replayed(const struct question *question, const struct finding *found)
{
    const struct device *device = &question->account->devices[found->match.index];
    char label[QUOTED_SIZE] = "";

    text_escape(label, sizeof(label), device->label);
    if (found->far == device && device->type == DEVICE_TOTP && found->at < device->last_step)
        say(question, "replayed: this code of device \"%s\" is older than the last one used",
            label);
    else
        say(question, "replayed: this code of device \"%s\" was used before", label);
}

static void say_far(const struct question *question, const struct finding *found)
{
    const struct device *device = found->far;
    char label[QUOTED_SIZE] = "";
    int64_t first = 0, fresh = 0;
    size_t count = 0;

    text_escape(label, sizeof(label), device->label);
    match_range(question->rules, device, question->now, &first, &count, &fresh);
    const bool ahead = found->at > first;
    const int64_t steps = ahead ? found->at - (first + (int64_t)count - 1) : first - found->at;
    if (device->type == DEVICE_HOTP && ahead)
        say(question,
            "outside the look-ahead by %" PRId64 " counter%s: device \"%s\" is ahead of the store",
            steps, plural(steps), label);
    else if (device->type == DEVICE_HOTP)
        say(question, "an old code of device \"%s\", %" PRId64 " counter%s behind", label,
            device->counter - found->at, plural(device->counter - found->at));
    else if (found->at < fresh)
        say(question,
            "outside the window by %" PRId64 " step%s: an old code of device \"%s\", no newer than "
            "the last one used",
            steps, plural(steps), label);
    else
        say(question, "outside the window by %" PRId64 " step%s: the clock of device \"%s\" is %s",
            steps, plural(steps), label, ahead ? "ahead" : "behind");
}

static void say_idle(const struct question *question, const struct device *device)
{
    char label[QUOTED_SIZE] = "";

    text_escape(label, sizeof(label), device->label);
    say(question, "code of device \"%s\", which is %s", label, device_state_name(device->state));
}

static void say_mailed(const struct question *question, const struct device *device)
{
    const struct mail_code *sent = &question->account->codes[MAIL_LOGIN];
    char label[QUOTED_SIZE] = "";

    text_escape(label, sizeof(label), device->label);
    if (!question->rules->email_devices)
        say(question, "device \"%s\" has its codes sent by e-mail, and email_devices is off",
            label);
    else if (!match_may_mail(question->rules, question->account, device))
        say(question, "e-mail device \"%s\" was made for another address than the account has",
            label);
    else if (sent->sent == 0 || sent->device != device->id)
        say(question, "no code of e-mail device \"%s\" is under way: none was sent, or it is used",
            label);
    else if (sent->tries == 0)
        say(question, "the code of e-mail device \"%s\" was void after %d wrong ones", label,
            ACCOUNT_MAIL_TRIES);
    else if (!mailcode_is_live(question->account, MAIL_LOGIN, device->id, question->now))
        say(question, "the code sent for e-mail device \"%s\" has expired", label);
    else
        say(question, "not the code that was sent last for e-mail device \"%s\"", label);
}

/* Whether it was the password alone that was wrong: nothing else refuses where no code is judged,
 * and no other verdict is for what cannot be a code. */
static bool is_password(const struct question *question)
{
    const struct account *account = question->account;

    return account == NULL || !account->enabled || !match_is_candidate(account, &question->code);
}

static void say_wrong(const struct question *question, const struct finding *found)
{
    if (is_password(question))
        say(question, "the password was wrong");
    else if (found->match.accepted)
        say(question, "the password was wrong, the code was not");
    else if (found->match.replayed)
        say(question, "the password was wrong, and the code was used before");
    else if (question->code.form == CODE_TOKEN && question->account->token_count == 0)
        say(question, "a backup token, and the account has none left");
    else if (question->code.form == CODE_TOKEN)
        say(question, "a backup token that is unknown or used");
    else if (found->idle != NULL)
        say_idle(question, found->idle);
    else if (found->far != NULL)
        say_far(question, found);
    else if (found->mailed != NULL)
        say_mailed(question, found->mailed);
    else
        say(question, "a code that no device of the account shows now or nearly");
}

static void say_verdict(const struct question *question, const struct finding *found)
{
    switch (question->result->verdict) {
    case VERDICT_WRONG:
        say_wrong(question, found);
        break;
    case VERDICT_REPLAYED:
        if (question->account != NULL)
            say_replayed(question, found);
        break;
    case VERDICT_MALFORMED:
        if (found->idle != NULL)
            say_idle(question, found->idle);
        else
            say_malformed(question);
        break;
    case VERDICT_LOCKED:
        say_locked(question);
        break;
    case VERDICT_UNENROLLED:
        if (found->idle != NULL)
            say_idle(question, found->idle);
        else
            say_unenrolled(question);
        break;
    case VERDICT_DISABLED:
        say(question, "two-factor login is off for the account");
        break;
    case VERDICT_ACCEPTED:
    case VERDICT_EXEMPT:
    case VERDICT_GRACE:
        break;
    }
}

/* A locked account's code is not judged, not even in the log. */
static bool is_looked_at(const struct question *question)
{
    const enum verdict verdict = question->result->verdict;

    return question->account != NULL &&
           (verdict == VERDICT_WRONG || verdict == VERDICT_REPLAYED ||
            verdict == VERDICT_MALFORMED || verdict == VERDICT_UNENROLLED);
}

void explain_refusal(const struct rules *rules, const struct account *account, const char *code,
                     const struct seal_ring *ring, int64_t now, const struct outcome *result,
                     char text[static EXPLAIN_SIZE])
{
    struct question question CLEANUP(question_clear) = {.rules = rules,
                                                        .account = account,
                                                        .typed = code == NULL ? "" : code,
                                                        .now = now,
                                                        .result = result,
                                                        .text = text};
    struct finding found = {0};

    text[0] = '\0';
    if (now < 0)
        return;
    code_parse(code, &question.code);
    int r = is_looked_at(&question) ? look(&question, ring, &found) : rehearse(&question);
    if (r == 0)
        say_verdict(&question, &found);
}
