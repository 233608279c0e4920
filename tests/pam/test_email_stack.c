/* SPDX-License-Identifier: BSD-2-Clause */
/* Codes that are sent by e-mail, in stacks of all kinds: where they are off, what spares a code,
 * first codes, one answer for all, a changed password, and a sendmail that does not work. */
#include "config.h"

#include "passwd.h"
#include "post.h"
#include "service.h"
#include "spawn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN "One-time code: "
#define WRONG "00000000" /* 1 in 10^8 that it is not */
#define PASSWORD "correct horse"
#define ADDRESS_FROM "192.0.2.1"
#define TOLD                                                                                    \
    "If your account has an e-mail device, a code has been sent to it: log in again with your " \
    "password followed by the code."

static struct account account;
static char code[POST_CODE_SIZE];

/* name, with an e-mail device and, if so, an app and a password in the store. */
static void mailbox_of(const char *name, bool app)
{
    clock_set(TIME_GA);
    if (app)
        passwd_person(name, &account);
    else
        post_person(&account, name);
    post_add_device(&account);
    person_save(&account, 1);
}

static void configure(const char *lines)
{
    char text[512];

    snprintf(text, sizeof(text), "email_devices = yes\n%s", lines);
    post_configure(POST_DELIVERS, text);
}

static bool was_sent(const char *name)
{
    return person_load(name, &account) && account.codes[MAIL_LOGIN].sent != 0;
}

static unsigned failures(const char *name)
{
    return person_load(name, &account) ? account.failures : 999;
}

static const char *from_mailbox(struct login *login)
{
    (void)login;
    return post_take_code(code);
}

/* --- where they are off ----------------------------------------------------------------------- */

static void test_off(void)
{
    static const char *const options[] = {
        "unenrolled=deny",   "unenrolled=permit",           "unenrolled=ignore",
        "unenrolled=enroll", "unenrolled=permit grace=12h", "enroll_by=2030-01-01"};

    post_configure(POST_DELIVERS, "");
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        struct login login = {.user = "alice", .answers = {WRONG}};
        mailbox_of("alice", false);
        host_service("test", options[i], NULL);
        login_expect(&login, PAM_AUTH_ERR, 1, options[i]);
        ok(strcmp(login.text, PLAIN) == 0 && !was_sent("alice"), "%s: nothing is sent", options[i]);
        login.answers[0] = "email";
        login_expect(&login, PAM_AUTH_ERR, 1, options[i]);
        ok(*login_log("malformed") != '\0' && failures("alice") == 2,
           "%s: \"email\" is an answer like any other", options[i]);
    }
    /* Sent while they were on. */
    configure("");
    host_service("test", "", NULL);
    mailbox_of("alice", false);
    (void)login_as("alice", "");
    post_configure(POST_DELIVERS, "");
    ok(login_as("alice", post_take_code(code)) == PAM_AUTH_ERR, "nor is a code good any more");
    configure("");
    ok(login_as("alice", code) == PAM_SUCCESS && post_settle() == 0, "until they are on again");
}

/* --- what spares a code ----------------------------------------------------------------------- */

static void test_spared(void)
{
    struct login login = {
        .user = "alice", .rhost = ADDRESS_FROM, .tty = "ssh", .answer = from_mailbox};

    mailbox_of("alice", false);
    host_service("test", "exempt_users=alice", NULL);
    login_expect(&login, RESULT_IGNORED, 0, "exempt");
    ok(!was_sent("alice"), "exempt: nothing is sent");
    host_service("test", "grace=1h", NULL);
    login_expect(&login, PAM_SUCCESS, 1, "a code begins grace");
    login_expect(&login, PAM_SUCCESS, 0, "grace");
    ok(!was_sent("alice") && post_settle() == 0, "grace: nothing is sent");
    login.answer = NULL;
    login.answers[0] = WRONG;
    mailbox_of("alice", false);
    host_service("test", "audit_only", NULL);
    login_expect(&login, RESULT_IGNORED, 1, "audit_only");
    ok(strcmp(login.text, PLAIN) == 0 && !was_sent("alice"), "audit_only: nothing is sent");
    login.answers[0] = "email";
    login_expect(&login, RESULT_IGNORED, 1, "audit_only: \"email\"");
    ok(!was_sent("alice") && post_settle() == 0, "audit_only: nor when it is asked for");
    host_service("test", "", NULL);
}

/* --- first codes ------------------------------------------------------------------------------ */

static const char *first_code(struct login *login)
{
    return login->prompts == 1 ? from_mailbox(login) : "yes";
}

static void test_pending(void)
{
    struct login login = {.user = "alice", .answer = first_code};

    clock_set(TIME_GA);
    post_person(&account, "alice");
    post_add_device(&account);
    account.devices[0].state = DEVICE_PENDING;
    person_save(&account, 1);
    login_whole(&login);
    ok(login.result == PAM_SUCCESS && login.prompts == 2 && login.infos == 1 && !login.leaked &&
           strncmp(login.said, "These are backup tokens.", 24) == 0,
       "the first code of a device that waits; its backup tokens are shown");
    ok(person_load("alice", &account) && account.devices[0].state == DEVICE_ACTIVE &&
           account.token_count == 10 && post_settle() == 0,
       "it is active, and has ten of them");
    clock_set(TIME_GA + POST_INTERVAL);
    login = (struct login){.user = "alice", .answer = from_mailbox};
    login_expect(&login, PAM_SUCCESS, 1, "the next code");
}

/* --- one answer ------------------------------------------------------------------------------- */

static void combined(const char *options)
{
    char text[256];

    snprintf(text, sizeof(text), "mode=combined %s", options);
    host_service("test", text, NULL);
}

static void test_combined(void)
{
    char answer[64];
    struct login login = {.user = "alice", .answers = {PASSWORD}};

    combined("");
    mailbox_of("alice", false);
    login_expect(&login, PAM_AUTH_ERR, 1, "combined: a password without a code");
    ok(login.infos == 1 && login.messages == 2 && strcmp(login.message, TOLD) == 0, "is told: %s",
       login.message);
    snprintf(answer, sizeof(answer), PASSWORD "%s", post_take_code(code));
    login.answers[0] = answer;
    login_expect(&login, PAM_SUCCESS, 1, "combined: the password, and the code that came");
    ok(strcmp(login.forwarded, "<" PASSWORD ">") == 0 && login.infos == 0 && post_settle() == 0,
       "the password is handed on: %s", login.forwarded);
    login_expect(&login, PAM_AUTH_ERR, 1, "combined: the code is good once");
    ok(login.infos == 0 && !was_sent("alice"), "who has typed one is sent none");
}

static unsigned tries(const char *name)
{
    return person_load(name, &account) ? account.codes[MAIL_LOGIN].tries : 999;
}

/* The app's code is shorter than the one that was sent: what ends in that is a guess at it all the
 * same. */
static void test_guesses(void)
{
    static const struct {
        const char *name, *guess;
        bool automatic, counts;
    } rows[] = {{"combined, 8 digits", PASSWORD WRONG, false, true},
                {"combined, 6 digits", PASSWORD "000000", false, false},
                {"auto, 8 digits", PASSWORD WRONG, true, true},
                {"auto, 6 digits", PASSWORD "000000", true, false}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const bool automatic = rows[i].automatic, counts = rows[i].counts;
        char answer[64];
        mailbox_of("alice", true);
        combined("");
        (void)login_as("alice", PASSWORD);
        snprintf(answer, sizeof(answer), PASSWORD "%s", post_take_code(code));
        if (automatic)
            host_service("test", "mode=auto", rows[i].guess);
        for (unsigned j = 1; j <= ACCOUNT_MAIL_TRIES; j++) {
            struct login login = {.user = "alice", .answers = {rows[i].guess}};
            /* In mode auto there is a prompt as well, at which nothing is typed. */
            if (automatic)
                login.answers[0] = NULL;
            login_run(&login);
            const unsigned left = tries("alice");
            ok(login.result == PAM_AUTH_ERR && !login.leaked && failures("alice") == 1 + j &&
                   left == ACCOUNT_MAIL_TRIES - (counts ? j : 0),
               "%s: %u tries are left", rows[i].name, left);
        }
        if (automatic)
            host_service("test", "mode=auto", answer);
        ok(login_as("alice", answer) == (counts ? PAM_AUTH_ERR : PAM_SUCCESS),
           "%s: then the code that came is %s", rows[i].name, counts ? "void" : "good");
        ok(post_settle() == 0, "%s: and nothing else is sent", rows[i].name);
    }
    host_service("test", "", NULL);
}

/* Whoever knows no password must not void what is about to be typed. */
static void test_kept(void)
{
    static const int64_t times[] = {POST_INTERVAL - 1, POST_INTERVAL, POST_LIFETIME / 2};
    static const bool with_app[] = {false, true};
    char answer[64];

    for (size_t i = 0; i < ARRAY_SIZE(with_app); i++) {
        const char *name = with_app[i] ? "beside an app" : "alone";
        mailbox_of("alice", with_app[i]);
        combined("");
        (void)login_as("alice", PASSWORD);
        snprintf(answer, sizeof(answer), PASSWORD "%s", post_take_code(code));
        for (size_t j = 0; j < ARRAY_SIZE(times); j++) {
            clock_set(TIME_GA + times[j]);
            ok(login_as("alice", "not it") == PAM_AUTH_ERR && post_settle() == 0,
               "combined, %s: %d s after a code was sent no other is", name, (int)times[j]);
        }
        ok(login_as("alice", answer) == PAM_SUCCESS, "combined, %s: it is good", name);
        mailbox_of("alice", with_app[i]);
        (void)login_as("alice", PASSWORD);
        (void)post_take_code(code);
        clock_set(TIME_GA + POST_LIFETIME / 2 + 1);
        (void)login_as("alice", PASSWORD);
        snprintf(answer, sizeof(answer), PASSWORD "%s", post_take_code(code));
        ok(login_as("alice", answer) == PAM_SUCCESS && post_settle() == 0,
           "combined, %s: one that would hardly last is replaced", name);
    }
    clock_set(TIME_GA);
    host_service("test", "", NULL);
}

/* Whoever it is and whatever they may have: what is told depends on the answer alone. */
static void test_told_alike(void)
{
    static const char *const users[] = {"nobody-here", "alice", "bob", "carol", "root"};
    static const struct {
        const char *name, *options, *answer;
        int flags;
        bool told, sent; /* of who has an e-mail device alone */
        bool both;       /* and who has an app beside it */
    } rows[] = {
        {"no code", "", PASSWORD, 0, true, true, true},
        {"under enroll", "unenrolled=enroll", PASSWORD, 0, true, true, true},
        {"ending in digits", "", PASSWORD "12345", 0, true, true, true},
        {"ending in what might be a code", "", PASSWORD "123456", 0, false, true, false},
        {"ending in a code", "", PASSWORD WRONG, 0, false, false, false},
        {"empty", "", "", 0, false, false, false},
        {"sshd's, of who is refused", "", "\b\n\r\177INCORRECT\b\n\r", 0, false, false, false},
        {"silent", "", PASSWORD, (int)PAM_SILENT, false, true, true},
        {"quiet", "quiet", PASSWORD, 0, false, true, true},
        {"off", "email_devices=no", PASSWORD, 0, false, false, false},
        {"audit_only", "audit_only", PASSWORD, 0, false, false, false}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        unsigned alike = 0;
        combined(rows[i].options);
        person_init(&account, "bob", SECRET_GA);
        person_save(&account, 1);
        mailbox_of("carol", true);
        mailbox_of("alice", false);
        for (size_t user = 0; user < ARRAY_SIZE(users); user++) {
            struct login login = {
                .user = users[user], .answers = {rows[i].answer}, .flags = rows[i].flags};
            /* Who has an account on the host and none here enrols. */
            if (strstr(rows[i].options, "enroll") != NULL && strcmp(users[user], "root") == 0)
                continue;
            login_run(&login);
            alike += login.prompts == 1 && login.infos == (rows[i].told ? 1 : 0) &&
                     login.messages == 1 + login.infos &&
                     strcmp(login.message, rows[i].told ? TOLD : "") == 0;
        }
        ok(alike == (strstr(rows[i].options, "enroll") != NULL ? 4 : ARRAY_SIZE(users)),
           "%s: all are told %s (%u)", rows[i].name, rows[i].told ? "the same" : "nothing", alike);
        ok(was_sent("alice") == rows[i].sent && was_sent("carol") == rows[i].both &&
               post_settle() == (unsigned)(rows[i].sent + rows[i].both),
           "%s: %s is sent", rows[i].name, rows[i].sent ? "one message" : "nothing");
    }
    host_service("test", "", NULL);
}

/* What is told where the answer is no refusal for want of a code. */
static void test_not_told(void)
{
    struct login login = {.user = "alice", .answers = {PASSWORD}};

    mailbox_of("alice", false);
    account.locked_until = TIME_GA + 60;
    person_save(&account, 1);
    combined("");
    login_expect(&login, PAM_MAXTRIES, 1, "combined: locked");
    ok(login.infos == 0 && login.errors == 1 && !was_sent("alice"), "is told that, and sent none");
    combined("exempt_users=alice");
    mailbox_of("alice", false);
    login_expect(&login, RESULT_IGNORED, 1, "combined: exempt");
    ok(login.infos == 0 && !was_sent("alice"), "is told nothing, and sent none");
    combined("unenrolled=permit");
    login.user = "nobody-here";
    login_expect(&login, PAM_SUCCESS, 0, "combined: permitted");
    ok(login.infos == 0 && post_settle() == 0, "is told nothing");
    host_service("test", "", NULL);
}

static void test_auto(void)
{
    char answer[64];
    struct login login = {.user = "alice", .answer = from_mailbox};

    mailbox_of("alice", false);
    host_service("test", "mode=auto", PASSWORD);
    login_expect(&login, PAM_SUCCESS, 1, "auto: a password without a code");
    ok(strcmp(login.text, POST_PROMPT) == 0 && strcmp(login.forwarded, "<" PASSWORD ">") == 0,
       "auto: the code that came, at the prompt");
    (void)login_as("alice", "");
    snprintf(answer, sizeof(answer), PASSWORD "%s", post_take_code(code));
    host_service("test", "mode=auto", answer);
    login_expect(&login, PAM_SUCCESS, 0, "auto: behind the password");
    ok(strcmp(login.forwarded, "<" PASSWORD ">") == 0 && !was_sent("alice") && post_settle() == 0,
       "auto: no prompt, and no other code is sent");
    host_service("test", "", NULL);
}

/* --- another password ------------------------------------------------------------------------- */

static const char *for_change(struct login *login)
{
    static const char *const answers[] = {OLD, "", NEW, NEW};

    return login->prompts == 2 ? from_mailbox(login) : answers[(login->prompts - 1) % 4];
}

static void test_change(void)
{
    struct login login = {.user = "alice", .answer = for_change, .lines = 2};
    struct login word = {.user = "alice", .answers = {OLD, "email", CODE_GA, NEW, NEW}, .lines = 2};

    passwd_stack(&(struct stack){.options = NULL});
    clock_set(TIME_GA);
    passwd_person("alice", &account);
    account_remove_device(&account, 0);
    post_add_device(&account);
    person_save(&account, 1);
    passwd_expect(&login, PAM_SUCCESS, 4, NEW, NULL, "a changed password, with a code that came");
    ok(post_settle() == 0, "one message");
    mailbox_of("alice", true);
    passwd_expect(&word, PAM_SUCCESS, 5, NEW, NULL, "who has an app may ask for one");
    ok(post_settle() == 1, "and is sent it");
    host_service("test", "", NULL);
}

/* --- a sendmail that does not work ------------------------------------------------------------ */

static void test_sendmail(void)
{
    static const struct {
        const char *name;
        enum post_sendmail sendmail;
    } rows[] = {{"missing", POST_MISSING}, {"failing", POST_FAILS}, {"hanging", POST_HANGS}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct login login = {.user = "alice", .answers = {"email", CODE_GA}};
        mailbox_of("alice", true);
        post_configure(rows[i].sendmail, "email_devices = yes");
        login_expect(&login, PAM_SUCCESS, 2, rows[i].name);
        ok(login.seconds < 2 && was_sent("alice"),
           "sendmail %s: nobody waits for it (%.2f s), and the app's code is good", rows[i].name,
           login.seconds);
        if (rows[i].sendmail == POST_HANGS) {
            post_wait_hanging();
            post_release();
        }
        ok(post_settle() == 0, "sendmail %s: no message", rows[i].name);
    }
    configure("");
}

/* Where the service sends, it logs; here the module does. */
static void test_no_program(void)
{
    struct login login = {.user = "alice", .answers = {"email", CODE_GA}, .lines = 2};

    if (service_is_way())
        return;
    mailbox_of("alice", true);
    spawn_forbid(true);
    login_expect(&login, PAM_SUCCESS, 2, "no totp-mail: the app's code is good");
    ok(strcmp(login.text, PLAIN) == 0 && login.infos == 1 && *login_log(MAIL_PATH) != '\0',
       "the log says so: %s", login_log("no e-mail"));
    mailbox_of("alice", false);
    login = (struct login){.user = "alice", .answers = {WRONG}, .lines = 2};
    login_expect(&login, PAM_AUTH_ERR, 1, "no totp-mail, and no other device");
    ok(strcmp(login.text, PLAIN) == 0, "the prompt does not claim that a code was sent");
    spawn_forbid(false);
    ok(post_settle() == 0, "no totp-mail: no message");
}

int main(void)
{
    host_make(NULL);
    post_make();
    test_off();
    test_spared();
    test_pending();
    test_combined();
    test_guesses();
    test_kept();
    test_told_alike();
    test_not_told();
    test_auto();
    test_change();
    test_sendmail();
    test_no_program();
    return host_done();
}
