/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tell.h"

#include "language.h"
#include "text.h"

#include <security/pam_modules.h>
#include <stdio.h>
#include <time.h>

#define MESSAGE_SIZE 512
#define TOKENS_DATUM "totp_tokens_left"
#define TOKENS_FEW 2
#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* For the words alone: what was judged was judged by another look at it. */
static int64_t read_clock(void)
{
    struct timespec now = {0};

    return clock_gettime(CLOCK_REALTIME, &now) == 0 ? now.tv_sec : 0;
}

int tell_text(const struct login *login, int style, const char *text)
{
    return login->silent ? PAM_CONV_ERR : conv_tell(login->pamh, style, text);
}

static unsigned long round_up(int64_t seconds, int64_t unit)
{
    return (unsigned long)((seconds + unit - 1) / unit);
}

void tell_duration(int64_t seconds, char *out, size_t size)
{
    unsigned long count = round_up(seconds, 1);

    if (seconds < 2 * MINUTE) {
        snprintf(out, size, language_plural("%lu second", "%lu seconds", count), count);
    } else if (seconds < 2 * HOUR) {
        count = round_up(seconds, MINUTE);
        snprintf(out, size, language_plural("%lu minute", "%lu minutes", count), count);
    } else if (seconds < 2 * DAY) {
        count = round_up(seconds, HOUR);
        snprintf(out, size, language_plural("%lu hour", "%lu hours", count), count);
    } else {
        count = round_up(seconds, DAY);
        snprintf(out, size, language_plural("%lu day", "%lu days", count), count);
    }
}

/* --- locks ------------------------------------------------------------------------------------ */

static void tell_lock(const struct login *login, int64_t until, int64_t now)
{
    char when[TEXT_TIME_SIZE] = "", wait[TELL_DURATION_SIZE] = "", text[MESSAGE_SIZE] = "";

    if (until >= ACCOUNT_LOCKED_FOR_EVER) {
        (void)tell_text(login, PAM_ERROR_MSG,
                        _("This account is locked. Ask an administrator to unlock it."));
        return;
    }
    text_format_time(until, when);
    tell_duration(clamp(until - now, 1, INT64_MAX - DAY), wait, sizeof(wait));
    snprintf(text, sizeof(text),
             _("This account is locked after too many wrong codes. Try again in %s, "
               "after %.10s %.8s UTC."),
             wait, when, when + 11);
    (void)tell_text(login, PAM_ERROR_MSG, text);
}

/* --- backup tokens ---------------------------------------------------------------------------- */

static void tell_tokens(const struct login *login, unsigned left, bool used)
{
    char text[MESSAGE_SIZE] = "";

    if (used)
        snprintf(text, sizeof(text),
                 language_plural("You have used a backup token. %u is left.",
                                 "You have used a backup token. %u are left.", left),
                 left);
    else
        snprintf(text, sizeof(text),
                 language_plural("%u backup token is left. 'totpctl backup new' makes new ones.",
                                 "%u backup tokens are left. 'totpctl backup new' makes new "
                                 "ones.",
                                 left),
                 left);
    (void)tell_text(login, PAM_TEXT_INFO, text);
}

/* Where the password is still to be checked by another module, that a code was right must not be
 * told before: it is kept for account management or setcred. The datum is a number that is never
 * 0. */
static void keep_tokens(const struct login *login, unsigned left, bool used)
{
    const uintptr_t datum = ((uintptr_t)left + 1) * 2 + (used ? 1 : 0);

    (void)pam_set_data(login->pamh, TOKENS_DATUM, (void *)datum, NULL);
}

void tell_forget(pam_handle_t *pamh)
{
    (void)pam_set_data(pamh, TOKENS_DATUM, NULL, NULL);
}

bool tell_is_due(pam_handle_t *pamh)
{
    const void *datum = NULL;

    return pam_get_data(pamh, TOKENS_DATUM, &datum) == PAM_SUCCESS && datum != NULL;
}

void tell_kept(const struct login *login)
{
    const void *datum = NULL;

    if (pam_get_data(login->pamh, TOKENS_DATUM, &datum) != PAM_SUCCESS || datum == NULL)
        return;
    tell_forget(login->pamh);
    tell_tokens(login, (unsigned)((uintptr_t)datum / 2 - 1), ((uintptr_t)datum & 1) != 0);
}

static void report_tokens(const struct login *login, const struct outcome *outcome)
{
    const bool used = outcome->method == METHOD_BACKUP;

    if (!used && (outcome->tokens_issued == 0 || outcome->tokens_left > TOKENS_FEW))
        return;
    if (login->conf.mode != MODE_PROMPT && login->conf.password == PASSWORD_FORWARD)
        keep_tokens(login, outcome->tokens_left, used);
    else
        tell_tokens(login, outcome->tokens_left, used);
}

/* --- the day by which everybody must have enrolled -------------------------------------------- */

static void remind(const struct login *login, int64_t now)
{
    const int64_t end = login->conf.rules.enroll_by;
    char when[TEXT_TIME_SIZE] = "", text[MESSAGE_SIZE] = "";
    const unsigned long days = round_up(end - now, DAY);

    text_format_time(end - 1, when);
    snprintf(text, sizeof(text),
             language_plural("After %.10s this login takes a one-time code: %lu day is left. "
                             "Set up a device with 'totpctl enroll'.",
                             "After %.10s this login takes a one-time code: %lu days are left. "
                             "Set up a device with 'totpctl enroll'.",
                             days),
             when, days);
    (void)tell_text(login, PAM_TEXT_INFO, text);
}

void tell_outcome(const struct login *login, const struct outcome *outcome)
{
    const int64_t now = read_clock();

    if (login->silent || login->conf.audit_only)
        return;
    if (outcome->verdict == VERDICT_LOCKED)
        tell_lock(login, outcome->locked_until, now);
    else if (outcome->verdict == VERDICT_ACCEPTED && outcome->admit == ADMIT_YES)
        report_tokens(login, outcome);
    else if (outcome->verdict == VERDICT_UNENROLLED && outcome->admit == ADMIT_YES &&
             now < login->conf.rules.enroll_by)
        remind(login, now);
}
