/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about a device: what it is like, how it is shown. */
#include "config.h"

#include "ask.h"
#include "draw.h"
#include "encoding.h"
#include "image.h"
#include "language.h"
#include "text.h"
#include "verbs.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRIES 3

/* --- what a new device is like ---------------------------------------------------------------- */

/* Where the QR code goes. */
struct picture {
    enum draw_style style;
    const char *png, *svg;
};

static int read_picture(const struct run *run, struct picture *picture, struct err *err)
{
    const char *word = run_option(run, OPTION_QR);

    picture->png = run_option(run, OPTION_PNG);
    picture->svg = run_option(run, OPTION_SVG);
    picture->style = run->json ? DRAW_NONE : draw_style_default();
    if (word != NULL && draw_style_parse(word, &picture->style) != 0)
        return err_set(err, ERR_USAGE, "--qr", "it takes utf8, ascii or none");
    if (run->json && picture->style != DRAW_NONE)
        return err_set(err, ERR_USAGE, "--qr",
                       "with --json nothing is drawn: use --png or --svg, or draw the URI");
    return 0;
}

/* The codes are made elsewhere, and sent: there is nothing to choose, nor to draw. */
static int refuse_others(const struct run *run, struct err *err)
{
    static const enum args_option others[] = {OPTION_ALGORITHM, OPTION_DIGITS,       OPTION_PERIOD,
                                              OPTION_COUNTER,   OPTION_SECRET_STDIN, OPTION_QR,
                                              OPTION_PNG,       OPTION_SVG};

    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (run_option(run, others[i]) != NULL)
            return err_set(err, ERR_USAGE, args_name(others[i]),
                           "it does not go with --type email");
    return 0;
}

static int read_kind(const struct run *run, struct call *call, struct err *err)
{
    enum device_type type = DEVICE_TOTP;
    enum otp_algorithm algorithm = OTP_SHA1;

    call->type = run_option(run, OPTION_TYPE);
    call->algorithm = run_option(run, OPTION_ALGORITHM);
    if (call->type != NULL && device_type_parse(call->type, &type) != 0)
        return err_set(err, ERR_USAGE, "--type", "it takes totp, hotp or email");
    if (call->algorithm != NULL && otp_algorithm_parse(call->algorithm, &algorithm) != 0)
        return err_set(err, ERR_USAGE, "--algorithm", "it takes SHA1, SHA256 or SHA512");
    if (type == DEVICE_HOTP && run_option(run, OPTION_PERIOD) != NULL)
        return err_set(err, ERR_USAGE, "--period", "it goes with --type totp");
    if (type == DEVICE_TOTP && run_option(run, OPTION_COUNTER) != NULL)
        return err_set(err, ERR_USAGE, "--counter", "it goes with --type hotp");
    return type == DEVICE_EMAIL ? refuse_others(run, err) : 0;
}

/* What is not given is as configured. */
static int read_request(const struct run *run, struct call *call, struct err *err)
{
    uint64_t digits = 0, period = 0, counter = 0;

    call->device = run_option(run, OPTION_DEVICE);
    call->replace = run_option(run, OPTION_REPLACE) != NULL;
    int r = run_user(run, 1, &call->user, err);
    if (r == 0)
        r = read_kind(run, call, err);
    if (r == 0)
        r = run_number(run, OPTION_DIGITS, OTP_DIGITS_MIN, OTP_DIGITS_MAX, &digits, err);
    if (r == 0)
        r = run_number(run, OPTION_PERIOD, OTP_PERIOD_MIN, OTP_PERIOD_MAX, &period, err);
    if (r == 0)
        r = run_number(run, OPTION_COUNTER, 0, OTP_COUNTER_MAX, &counter, err);
    call->digits = (int64_t)digits;
    call->period = (int64_t)period;
    call->counter = (int64_t)counter;
    return r;
}

static int read_secret(const struct run *run, struct answer *text, struct err *err)
{
    struct secret secret CLEANUP(secret_clear) = {0};

    int r = ask_secret("Secret in base32: ", text, err);
    if (r == 0 &&
        encoding_base32_tolerant(text->text, secret.bytes, sizeof(secret.bytes), &secret.length) ==
            0 &&
        secret.length < SECRET_BYTES_MIN)
        run_remark(run, "the secret has fewer than %d bits: take a longer one if you can",
                   8 * SECRET_BYTES_MIN);
    return r;
}

/* --- showing a device ------------------------------------------------------------------------- */

void device_put(struct out *out, const struct device *device)
{
    if (device->type == DEVICE_EMAIL)
        out_null(out, "algorithm");
    else
        out_text(out, "algorithm", otp_algorithm_name(device->algorithm));
    out_int(out, "digits", device->digits);
    if (device->type == DEVICE_TOTP)
        out_int(out, "period", device->period);
    else
        out_null(out, "period");
    if (device->type == DEVICE_HOTP)
        out_int(out, "counter", device->counter);
}

static void put_name(struct out *out, const char *user, const struct device *device)
{
    out_text(out, "user", user);
    out_text(out, "device", device->label);
    out_text(out, "type", device_type_name(device->type));
    out_text(out, "state", device_state_name(device->state));
}

static int print_document(const char *user, const struct reply_device *reply, const char *secret,
                          struct err *err)
{
    struct out out CLEANUP(out_clear) = {0};

    put_name(&out, user, &reply->device);
    device_put(&out, &reply->device);
    out_text(&out, "secret", secret);
    out_text(&out, "uri", reply->uri);
    return out_print(&out, err);
}

static void print_text(const struct qr *qr, enum draw_style style, const char *uri,
                       const char *secret)
{
    const int columns = out_width(_("Secret")) + 1;
    struct err err = {0};

    if (qr != NULL && draw_print(qr, style, &err) != 0)
        out_error(&err);
    out_column(_("URI"), columns);
    printf(" %s\n", uri);
    out_column(_("Secret"), columns);
    for (size_t i = 0; secret[i] != '\0'; i++)
        printf("%s%c", i % 4 == 0 ? " " : "", secret[i]);
    putchar('\n');
}

static int save_pictures(const struct qr *qr, const struct picture *picture, struct err *err)
{
    int r = picture->png != NULL ? image_save_png(qr, picture->png, err) : 0;

    if (r == 0 && picture->svg != NULL)
        r = image_save_svg(qr, picture->svg, err);
    return r;
}

/* The text comes first: whatever becomes of the pictures, the device can be set up from it. */
static int show_device(const struct run *run, const char *user, const struct reply_device *reply,
                       const struct picture *picture, struct err *err)
{
    char secret[ENCODING_BASE32_SIZE(SECRET_BYTES_MAX)] = "";
    struct qr *qr CLEANUP(qr_clear) = NULL;

    int r = encoding_base32(reply->device.secret.bytes, reply->device.secret.length, secret,
                            sizeof(secret));
    if (r != 0)
        return err_set(err, r, NULL, NULL);
    bool wanted = picture->style != DRAW_NONE || picture->png != NULL || picture->svg != NULL;
    int drawn = wanted ? qr_encode(reply->uri, &qr) : 0;
    if (run->json)
        r = print_document(user, reply, secret, err);
    else
        print_text(qr, picture->style, reply->uri, secret);
    secret_wipe(secret, sizeof(secret));
    if (r == 0)
        r = out_flush(err);
    if (r != 0)
        return r;
    if (drawn != 0)
        return err_set(err, drawn, _("the QR code"),
                       drawn == ERR_TOO_LONG ? N_("the key URI is too long for one") : NULL);
    return save_pictures(qr, picture, err);
}

/* An e-mail device has nothing to set up from. */
static int show_sent(const struct run *run, const char *user, const struct reply *reply,
                     struct err *err)
{
    struct out out CLEANUP(out_clear) = {0};

    run_explain_sent(run, reply);
    if (!run->json)
        return 0;
    put_name(&out, user, &reply->enrolled->device);
    out_int(&out, "digits", reply->enrolled->device.digits);
    out_text(&out, "address", reply->address);
    return out_print(&out, err);
}

/* --- a new device ----------------------------------------------------------------------------- */

/* Whether somebody is there to give the first code. */
static bool asks_code(const struct run *run)
{
    return !run->json && run_option(run, OPTION_NO_CONFIRM) == NULL && ask_is_terminal() &&
           isatty(STDOUT_FILENO) != 0;
}

/* Shows what was made, and asks for its first code. */
static int show_enrolled(struct run *run, const char *user, const struct reply *reply,
                         const struct picture *picture, struct err *err)
{
    const struct reply_device *enrolled = reply->enrolled;
    const bool mailed = enrolled->device.type == DEVICE_EMAIL;
    char argument[RUN_ARGUMENT_SIZE];
    bool ask = asks_code(run);
    const struct first first = {.user = user,
                                .label = enrolled->device.label,
                                .mail_tokens = run_option(run, OPTION_MAIL_BACKUP_TOKENS) != NULL,
                                .source = mailed ? FIRST_MAILED : FIRST_SHOWN};

    int r =
        mailed ? show_sent(run, user, reply, err) : show_device(run, user, enrolled, picture, err);
    if (mailed && run->unsent)
        ask = false;
    if (r == 0 && ask && !mailed)
        run_remark(run, "scan the QR code, or type the secret into the app; then type the code it "
                        "shows here");
    if (r == 0 && ask)
        r = first_ask(run, &first, TRIES, err);
    if (r != 0 || !ask)
        run_remark(run,
                   "the device '%s' of %s is pending until 'totpctl confirm%s' has its first code",
                   enrolled->device.label, user, run_argument(run, user, argument));
    return r;
}

/* Before anything is made or drawn, where it can be seen already. */
static int check_mail_tokens(struct run *run, const char *user, struct err *err)
{
    struct account account CLEANUP(account_clear) = {0};
    char argument[RUN_ARGUMENT_SIZE];
    bool known = false;

    if (!asks_code(run))
        return err_set(err, ERR_USAGE, args_name(OPTION_MAIL_BACKUP_TOKENS),
                       "backup tokens come with the first code, which is not asked for here: give "
                       "it to 'totpctl confirm'");
    if (run->conf.sendmail[0] == '\0')
        return err_set(err, ERR_CONFLICT, "sendmail",
                       "no mail is sent: have the backup tokens shown, or an administrator may set "
                       "'sendmail' in totp.conf");
    int r = run_look(run, user, &account, &known, err);
    if (r == ERR_NOT_FOUND)
        return err_set(err, ERR_CONFLICT, user,
                       "there is no account with an address yet: 'totpctl add USER --email "
                       "ADDRESS' makes one, as root; or leave out --mail-backup-tokens");
    if (r == 0 && known && account.email[0] == '\0')
        return err_set(err, ERR_CONFLICT, user,
                       _("the account has no e-mail address to send backup tokens to: set one with "
                         "'totpctl set%s email=ADDRESS', or leave out --mail-backup-tokens"),
                       run_argument(run, user, argument));
    return r;
}

int verb_enroll(struct run *run, struct err *err)
{
    struct reply_device enrolled CLEANUP(reply_device_clear) = {0};
    struct answer secret CLEANUP(answer_clear) = {0};
    struct call call = {.method = CALL_ENROLL};
    struct reply reply = {.enrolled = &enrolled};
    struct picture picture;

    int r = read_picture(run, &picture, err);
    if (r == 0)
        r = read_request(run, &call, err);
    if (r == 0 && run_option(run, OPTION_MAIL_BACKUP_TOKENS) != NULL)
        r = check_mail_tokens(run, call.user, err);
    if (r == 0 && run_option(run, OPTION_SECRET_STDIN) != NULL) {
        r = read_secret(run, &secret, err);
        call.secret = secret.text;
    }
    if (r == 0)
        r = run_ask(run, &call, &reply, err);
    if (r != 0)
        return r;
    run_warn_stranger(run, call.user);
    return show_enrolled(run, call.user, &reply, &picture, err);
}

int verb_qr(struct run *run, struct err *err)
{
    struct reply_device enrolled CLEANUP(reply_device_clear) = {0};
    struct call call = {.method = CALL_QR};
    struct reply reply = {.enrolled = &enrolled};
    struct picture picture;

    int r = read_picture(run, &picture, err);
    if (r == 0)
        r = run_user(run, 1, &call.user, err);
    if (r == 0)
        r = run_device(run, 2, &call.device, err);
    if (r == 0)
        r = run_ask(run, &call, &reply, err);
    return r == 0 ? show_device(run, call.user, &enrolled, &picture, err)
                  : run_hint_device(run, r, err);
}
