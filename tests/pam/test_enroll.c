/* SPDX-License-Identifier: BSD-2-Clause */
/* The first login of somebody without a device: what is shown and asked, what has become of the
 * device at each moment, and who is refused. */
#include "config.h"

#include "app.h"
#include "redirect.h"
#include "service.h"

#include <stdio.h>
#include <string.h>

/* Somebody every host knows, and somebody none does. */
#define USER "daemon"
#define USER_UID 1
#define NOBODY "nobody-of-that-name"
#define HALF_BLOCK "\342\226\200"

/* crypt(3) of "password", cheap. */
#define PASSWORD_HASH                      \
    "$6$rounds=1000$totptest$ZP/5PpFJhbH/" \
    "GxLXjzCYcmqgv2dovdfkaBYpabV8Z1MgEisM.MGu7x5VrnZP5nZWP/F.XfBtFkQKglc4GZPQn1"

static struct login login; /* too large to have one in every test */
static struct account account;

static void start(const char *options)
{
    struct store *store CLEANUP(store_close) = host_open();

    host_need(store_begin(store, STORE_WRITE, NULL) == 0, "store_begin");
    int r = store_remove(store, USER, NULL);
    host_need((r == 0 || r == ERR_NOT_FOUND) && store_commit(store, NULL) == 0, "store_remove");
    host_service("test", options, NULL);
    login = (struct login){.user = USER, .answer = app_answer};
}

/* Whether the account has one device, in that state. */
static bool has_one(enum device_state state)
{
    return person_load(USER, &account) && account.device_count == 1 &&
           account.devices[0].state == state;
}

/* One that a login has made, and nothing that opens anything. */
static bool is_pending(void)
{
    return has_one(DEVICE_PENDING) && account.devices[0].at_login && account.token_count == 0;
}

static bool is_active(void)
{
    return has_one(DEVICE_ACTIVE) && !account.devices[0].at_login && account.token_count == 10;
}

/* --- the whole of it -------------------------------------------------------------------------- */

static void look_between(pam_handle_t *handle)
{
    (void)handle;
    ok(is_pending(), "after authentication the device is pending");
    ok(login.prompts == 1 && login.infos == 1, "one text and one question");
}

static void test_text(void)
{
    char secret[256] = "", plain[256] = "";
    unsigned tokens = 0;
    size_t length = 0;

    ok(strncmp(login.said, "This login takes a one-time code from now on.", 45) == 0,
       "the text begins with a line of words");
    const char *drawing = strchr(login.said, '\n');
    ok(drawing != NULL && strstr(drawing, HALF_BLOCK) != NULL &&
           strstr(login.said, HALF_BLOCK) > drawing,
       "the QR code comes after it, in half blocks");
    ok(app_read_secret(&login, secret, sizeof(secret)), "the secret is shown: %s", secret);
    for (size_t i = 0; secret[i] != '\0'; i++)
        if (i % 5 != 4)
            plain[length++] = secret[i];
    bool grouped = length > 0 && length % 4 == 0;
    for (size_t i = 4; secret[i] != '\0'; i += 5)
        grouped = grouped && secret[i] == ' ';
    ok(grouped && strspn(plain, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == length, "in groups of four");
    ok(strstr(login.said, "\n  " USER "@") != NULL, "the account is shown");
    for (const char *at = strstr(login.said, "These are backup tokens");
         at != NULL && (at = strstr(at, "\n  ")) != NULL; at++)
        tokens++;
    ok(tokens == 10, "and ten backup tokens (%u)", tokens);
    ok(*login_log(plain) == '\0' && *login_log(secret) == '\0' && !login.leaked,
       "no secret and no code stands in the log");
}

static void test_whole(void)
{
    char code[9];
    int64_t step = STEP_GA;

    start("unenrolled=enroll enroll_qr=utf8");
    login.between = look_between;
    /* What draws is in the engine, which is loaded for that where the service judges, too. */
    redirect_forbid(false);
    login_whole(&login);
    redirect_forbid(service_is_way());
    ok(login.result == PAM_SUCCESS && login.reached == 3, "a first login: %d at call %d",
       login.result, login.reached);
    ok(is_active(), "the device is active, with ten backup tokens");
    ok(login.prompts == 2 && strcmp(login.text, "Type yes when you have kept them: ") == 0,
       "it is asked whether they are kept");
    test_text();
    person_load(USER, &account);
    login = (struct login){.user = USER, .answers = {app_code(&login)}};
    login_expect(&login, PAM_AUTH_ERR, 1, "the first code is used up");
    ok(strcmp(login.text, "One-time code: ") == 0, "the next login asks for a code");
    person_next_code(&account, &step, code);
    login.answers[0] = code;
    login_expect(&login, PAM_SUCCESS, 1, "and takes it");
    clock_set(TIME_GA);
}

/* What is typed for "yes" is asked for three times, and is nobody's login. */
static const char *never_yes(struct login *of)
{
    return strstr(of->text, "kept") != NULL ? "no" : app_answer(of);
}

static void test_not_kept(void)
{
    start("unenrolled=enroll");
    login.answer = never_yes;
    login_whole(&login);
    ok(login.result == PAM_SUCCESS && login.prompts == 4 && is_active(),
       "who does not say yes is asked three times, and is in");
    start("unenrolled=enroll backup_tokens=0");
    login_whole(&login);
    ok(login.result == PAM_SUCCESS && login.prompts == 1 && login.infos == 1 &&
           has_one(DEVICE_ACTIVE) && account.token_count == 0,
       "without backup tokens there is nothing to keep");
}

/* --- what goes wrong -------------------------------------------------------------------------- */

static void test_wrong(void)
{
    struct device first;

    start("unenrolled=enroll");
    login.answer = app_answer_wrongly;
    login_whole(&login);
    ok(login.result == PAM_AUTH_ERR && login.reached == 1 && login.prompts == 3,
       "three wrong codes");
    ok(login.errors == 4 && !login.leaked, "each is told, and to begin anew");
    ok(is_pending() && account.failures == 0, "the device is still pending");
    first = account.devices[0];
    login_whole(&login);
    ok(is_pending() && account.devices[0].id != first.id &&
           memcmp(&account.devices[0].secret, &first.secret, sizeof(first.secret)) != 0,
       "the next login makes another");
    login.answer = app_answer;
    login_whole(&login);
    ok(login.result == PAM_SUCCESS && is_active(), "one device in the end");
}

static void test_broken_off(void)
{
    static const struct {
        const char *name;
        int result;
        bool active;
    } rows[] = {{"at the QR code", PAM_AUTH_ERR, false},
                {"at the first code", PAM_CONV_ERR, false},
                {"at the backup tokens", PAM_SUCCESS, true},
                {"at the question whether they are kept", PAM_SUCCESS, true}};

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        start("unenrolled=enroll");
        login.break_off = i + 1;
        login_whole(&login);
        ok(login.result == rows[i].result && (rows[i].active ? is_active() : is_pending()),
           "broken off %s: %d", rows[i].name, login.result);
        if (rows[i].active)
            continue;
        login.break_off = 0;
        login_whole(&login);
        ok(login.result == PAM_SUCCESS && is_active(), "broken off %s: the next login enrols",
           rows[i].name);
    }
}

/* --- who does not enrol ----------------------------------------------------------------------- */

static void test_silent(void)
{
    start("unenrolled=enroll");
    login.flags = (int)PAM_SILENT;
    login_whole(&login);
    ok(login.result == PAM_AUTH_ERR && login.messages == 0 && !person_load(USER, &account),
       "PAM_SILENT: refused, and no device is made");
    start("unenrolled=enroll quiet");
    login_whole(&login);
    ok(login.result == PAM_AUTH_ERR && login.messages == 0 && !person_load(USER, &account),
       "quiet: refused, and no device is made");
}

static void test_no_text(void)
{
    start("unenrolled=enroll");
    login.conversation = NO_TEXT;
    login_whole(&login);
    ok(login.result == PAM_AUTH_ERR && login.prompts == 0 && login.errors == 1 &&
           strstr(login.message, "Log in at a terminal") != NULL,
       "an application that shows no text");
    ok(is_pending(), "nothing becomes active");
}

static void test_not_root(void)
{
    start("unenrolled=enroll");
    if (!host_has_people()) {
        tap_skip("a process of another user needs root");
        return;
    }
    /* Of its line the service takes nothing. */
    host_configure("unenrolled = enroll");
    login_run_as(&login, USER_UID, USER_UID);
    host_configure("enroll_qr = none");
    ok(login.result == (service_is_way() ? PAM_AUTH_ERR : PAM_AUTHINFO_UNAVAIL) &&
           login.prompts == 0 && !person_load(USER, &account),
       "a process that is not root's: %d", login.result);
    ok(!service_is_way() || strstr(login.message, "Log in at a terminal") != NULL,
       "is told where to enrol");
}

/* Nobody's account is shown the prompt that everybody sees, and no row is made of every name that
 * a stranger types. */
static void test_unknown(void)
{
    static const struct {
        const char *options, *preset, *forwarded;
        unsigned prompts;
    } rows[] = {{"mode=prompt", NULL, "<none>", 1},
                {"mode=combined", NULL, "<" CODE_GA ">", 1},
                {"mode=combined", "password", "<password>", 0},
                {"mode=combined password=store", NULL, "<none>", 1},
                {"mode=auto", NULL, "<none>", 1},
                {"mode=auto", "password", "<password>", 1}};
    char options[128];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        snprintf(options, sizeof(options), "unenrolled=enroll %s", rows[i].options);
        start(options);
        host_service("test", options, rows[i].preset);
        login = (struct login){.user = NOBODY, .answers = {CODE_GA}};
        login_expect(&login, PAM_AUTH_ERR, rows[i].prompts, options);
        ok(strstr(login.forwarded, rows[i].forwarded) != NULL && !person_load(NOBODY, &account),
           "%s: nobody's name leaves nothing behind", options);
    }
}

/* Whom the store knows with a password, and the host does not. */
static void test_unknown_to_host(void)
{
    static const char *const modes[] = {"combined", "auto"};
    char options[128];

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        snprintf(options, sizeof(options), "unenrolled=enroll password=store mode=%s", modes[i]);
        start(options);
        account_init(&account, NOBODY);
        memcpy(account.password, PASSWORD_HASH, sizeof(PASSWORD_HASH));
        person_save(&account, 1);
        login = (struct login){.user = NOBODY, .answers = {"password", CODE_GA}};
        login_expect(&login, PAM_AUTH_ERR, i == 0 ? 1 : 2, options);
        ok(person_load(NOBODY, &account) && account.device_count == 0 && account.failures == 0,
           "%s: no device for whom the host does not know", options);
    }
}

static void test_qr(void)
{
    start("unenrolled=enroll enroll_qr=ascii");
    redirect_forbid(false);
    login_whole(&login);
    redirect_forbid(service_is_way());
    bool ascii = true;
    for (size_t i = 0; login.said[i] != '\0'; i++)
        ascii = ascii && (unsigned char)login.said[i] < 0x80;
    ok(login.result == PAM_SUCCESS && ascii && strstr(login.said, "\n####") != NULL,
       "enroll_qr=ascii");
    start("unenrolled=enroll");
    login_whole(&login);
    ok(login.result == PAM_SUCCESS && strstr(login.said, "Scan") == NULL &&
           strstr(login.said, "##") == NULL && strstr(login.said, HALF_BLOCK) == NULL,
       "enroll_qr=none: the secret alone");
}

int main(void)
{
    host_make(NULL);
    host_configure("enroll_qr = none");
    test_whole();
    test_not_kept();
    test_wrong();
    test_broken_off();
    test_silent();
    test_no_text();
    test_not_root();
    test_unknown();
    test_unknown_to_host();
    test_qr();
    return host_done();
}
