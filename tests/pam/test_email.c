/* SPDX-License-Identifier: BSD-2-Clause */
/* Codes that are sent by e-mail, at the prompt: who is sent one, what the prompt shows, for how
 * long and how often it is good. What "sendmail" is given is read; times are the frozen clock's. */
#include "config.h"

#include "login.h"
#include "post.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLAIN "One-time code: "
#define WRONG "00000000" /* 1 in 10^8 that it is not */

static struct account account;
static char code[POST_CODE_SIZE];

/* alice, with an e-mail device and, if so, an app. */
static void alice(bool app)
{
    clock_set(TIME_GA);
    if (app)
        person_init(&account, "alice", SECRET_GA);
    else
        post_person(&account, "alice");
    post_add_device(&account);
    person_save(&account, 1);
}

static unsigned failures(void)
{
    return person_load("alice", &account) ? account.failures : 999;
}

static bool was_sent(const char *name)
{
    return person_load(name, &account) && account.codes[MAIL_LOGIN].sent != 0;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* The code that has come to the mailbox. */
static const char *from_mailbox(struct login *login)
{
    (void)login;
    return post_take_code(code);
}

/* What a login without a code's coming is begun for. */
static const char *after_word(struct login *login)
{
    return login->prompts == 1 ? "email" : from_mailbox(login);
}

static int64_t delay;

static const char *late(struct login *login)
{
    from_mailbox(login);
    clock_set(clock_now() + delay);
    return code;
}

static int log_in(const char *answer)
{
    return login_as("alice", answer);
}

/* --- one code --------------------------------------------------------------------------------- */

static bool shows(const struct login *login, const char *text)
{
    return strstr(login->text, text) != NULL || strstr(login->said, text) != NULL;
}

static void test_login(void)
{
    struct login login = {.user = "alice", .answer = from_mailbox, .lines = 1};
    struct login again = {.user = "alice", .answers = {code}};

    alice(false);
    login_expect(&login, PAM_SUCCESS, 1, "a code from the mailbox");
    ok(strcmp(login.text, POST_PROMPT) == 0 && login.style == PAM_PROMPT_ECHO_OFF, "the prompt: %s",
       login.text);
    ok(!shows(&login, "liddell") && !shows(&login, "example.org") && login.messages == 1,
       "nothing shows the whole address");
    ok(*login_log("login accepted user=alice service=test method=email device=mailbox") != '\0',
       "the log: %s", login_log("login"));
    ok(post_settle() == 0, "one message");
    login_expect(&again, PAM_AUTH_ERR, 1, "the same code again");
    ok(*login_log("login wrong") != '\0' && post_settle() == 1,
       "it is used up, and another is sent");
}

static void test_debug(void)
{
    struct login login = {.user = "alice", .answer = from_mailbox};

    host_service("test", "debug", NULL);
    alice(false);
    login_run(&login);
    ok(login.result == PAM_SUCCESS && !login.leaked && *login_log(code) == '\0' &&
           *login_log("example.org") == '\0',
       "debug: neither the code nor the address is in the log");
    ok(*login_log("sent to " POST_MASKED) != '\0', "debug: %s", login_log("sent to"));
    alice(false);
    login.answer = NULL;
    login.answers[0] = WRONG;
    login_run(&login);
    post_take_code(code);
    ok(login.result == PAM_AUTH_ERR && *login_log(code) == '\0',
       "nor is one that nobody has typed");
    host_service("test", "", NULL);
}

static void test_lifetime(void)
{
    static const struct {
        const char *name;
        int64_t seconds;
        int result;
    } rows[] = {{"in the last second", POST_LIFETIME - 1, PAM_SUCCESS},
                {"after it", POST_LIFETIME, PAM_AUTH_ERR},
                {"before it was sent", -1, PAM_AUTH_ERR}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct login login = {.user = "alice", .answer = late};
        delay = rows[i].seconds;
        alice(false);
        login_expect(&login, rows[i].result, 1, rows[i].name);
    }
    ok(post_settle() == 0, "one message each");
    post_configure(POST_DELIVERS, "email_devices = yes\nemail_code_lifetime = 2m");
    for (int64_t seconds = 119; seconds < 121; seconds++) {
        struct login login = {.user = "alice", .answer = late};
        delay = seconds;
        alice(false);
        login_run(&login);
        ok(login.result == (seconds < 120 ? PAM_SUCCESS : PAM_AUTH_ERR), "email_code_lifetime");
    }
    post_configure(POST_DELIVERS, "email_devices = yes");
}

static void test_tries(void)
{
    struct login login = {.user = "alice", .answers = {WRONG}};

    alice(false);
    for (unsigned i = 1; i <= ACCOUNT_MAIL_TRIES; i++) {
        login_expect(&login, PAM_AUTH_ERR, 1, "a wrong code");
        ok(strcmp(login.text, POST_PROMPT) == 0 && failures() == i, "counts as failure %u", i);
    }
    login.answers[0] = post_take_code(code);
    login_expect(&login, PAM_AUTH_ERR, 1, "after three of them the right one is refused");
    ok(strcmp(login.text, PLAIN) == 0 && failures() == 4,
       "there is no good code now, and the prompt names none");
    login.answers[0] = "email";
    login_run(&login);
    ok(login.infos == 1 && strcmp(login.message, "A code was sent by e-mail a short while ago. "
                                                 "Another can be sent in 60 seconds.") == 0,
       "who asks for one: %s", login.message);
    ok(post_settle() == 0, "one message for all of them");
    clock_set(TIME_GA + POST_INTERVAL);
    login = (struct login){.user = "alice", .answer = from_mailbox};
    login_expect(&login, PAM_SUCCESS, 1, "the next is good");
}

/* --- how often -------------------------------------------------------------------------------- */

static void test_interval(void)
{
    char first[POST_CODE_SIZE] = "";
    struct login login = {.user = "alice"};

    alice(false);
    login_run(&login);
    clock_set(TIME_GA + POST_INTERVAL - 1);
    login_run(&login);
    post_take_code(first);
    ok(post_settle() == 0 && strcmp(login.text, POST_PROMPT) == 0,
       "two prompts within the interval: one message, which both name");
    clock_set(TIME_GA + POST_LIFETIME / 2);
    login_run(&login);
    ok(post_settle() == 0 && strcmp(login.text, POST_PROMPT) == 0,
       "nor is another sent as long as it is good for half of its life");
    clock_set(TIME_GA + POST_LIFETIME / 2 + 1);
    login.answers[0] = first;
    login_run(&login);
    ok(login.result == PAM_AUTH_ERR, "a new code takes the place of the first");
    ok(log_in(post_take_code(code)) == PAM_SUCCESS && post_settle() == 0, "and is good");
}

static _Noreturn void log_in_together(const int *start)
{
    struct login login = {.user = "alice"};
    char byte;

    close(start[1]);
    if (read(start[0], &byte, 1) != 0)
        _exit(9);
    login_run(&login);
    _exit(login.result == PAM_AUTH_ERR && strcmp(login.text, POST_PROMPT) == 0 ? 0 : 1);
}

static void test_together(void)
{
    enum { COUNT = 10 };
    pid_t children[COUNT];
    int start[2], status, fine = 0;

    alice(false);
    host_need(pipe(start) == 0, "pipe");
    fflush(stdout);
    for (int i = 0; i < COUNT; i++) {
        children[i] = fork();
        host_need(children[i] >= 0, "fork");
        if (children[i] == 0)
            log_in_together(start);
    }
    close(start[0]);
    close(start[1]);
    for (int i = 0; i < COUNT; i++)
        fine += waitpid(children[i], &status, 0) == children[i] && status == 0;
    ok(fine == COUNT, "ten logins at once, all of them told where a code is (%d)", fine);
    const unsigned sent = post_settle();
    ok(sent == 1, "one message for all (%u)", sent);
}

/* --- who asks for one ------------------------------------------------------------------------- */

static void test_asked_for(void)
{
    static const char *const words[] = {"email", "EMAIL", " Email ", "e-mail", "E-Mail"};
    struct login login = {.user = "alice", .answers = {CODE_GA}};

    alice(true);
    login_expect(&login, PAM_SUCCESS, 1, "an app, and an e-mail device: the app's code");
    ok(strcmp(login.text, PLAIN) == 0 && !was_sent("alice") && post_settle() == 0,
       "the usual prompt, and nothing is sent");
    login.answer = after_word;
    alice(true);
    login_expect(&login, PAM_SUCCESS, 2, "who types \"email\" is sent a code");
    ok(strcmp(login.text, POST_PROMPT) == 0 && failures() == 0 &&
           *login_log("method=email") != '\0' && post_settle() == 0,
       "the second prompt names the address, and nothing counts as a failure");
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        login = (struct login){.user = "alice", .answers = {words[i], CODE_GA}};
        alice(true);
        login_expect(&login, PAM_SUCCESS, 2, words[i]);
        ok(strcmp(login.text, POST_PROMPT) == 0 && failures() == 0 && post_settle() == 1,
           "\"%s\": sent, and the app's code is good all the same", words[i]);
    }
    login = (struct login){.user = "alice", .answers = {"emails", "email"}};
    alice(true);
    login_expect(&login, PAM_AUTH_ERR, 1, "another word is an answer");
    ok(failures() == 1 && !was_sent("alice"), "which is wrong");
}

static void test_rounds(void)
{
    struct login login = {.user = "alice", .answers = {"email", "email", "email", CODE_GA}};

    alice(true);
    login_expect(&login, PAM_SUCCESS, 4, "three times \"email\", and a code");
    ok(login.infos == 0 && failures() == 0 && post_settle() == 1, "one message");
    login.answers[3] = "email";
    alice(true);
    login_expect(&login, PAM_AUTH_ERR, 4, "four times: that is an answer");
    ok(*login_log("login malformed") != '\0' && failures() == 1 && post_settle() == 1,
       "and a failure");
    login = (struct login){.user = "alice", .answers = {"email"}, .break_off = 2};
    alice(true);
    login_run(&login);
    ok(login.result == PAM_CONV_ERR && failures() == 0 && post_settle() == 1,
       "who goes away meanwhile");
}

/* --- who is sent none ------------------------------------------------------------------------- */

enum who { NOBODY, APP, ADDRESS_ONLY, OFF, OTHER_ADDRESS, LOCKED, CLOSED, DISABLED, BEGUN };

static void person(enum who who)
{
    clock_set(TIME_GA);
    if (who == APP)
        person_init(&account, "bob", SECRET_GA);
    else
        post_person(&account, "bob");
    if (who >= OFF)
        post_add_device(&account);
    if (who == OFF)
        account.devices[0].state = DEVICE_DISABLED;
    if (who == OTHER_ADDRESS)
        memcpy(account.email, "mallory@example.org", sizeof("mallory@example.org"));
    if (who == LOCKED)
        account.locked_until = TIME_GA + 60;
    account.closed = who == CLOSED;
    account.enabled = who != DISABLED;
    if (who == BEGUN) {
        account.devices[0].state = DEVICE_PENDING;
        account.devices[0].at_login = true;
    }
    person_save(&account, 1);
}

static void test_none(void)
{
    static const struct {
        const char *name;
        enum who who;
        int result;
    } rows[] = {{"nobody", NOBODY, PAM_AUTH_ERR},
                {"an app alone", APP, PAM_AUTH_ERR},
                {"an address alone", ADDRESS_ONLY, PAM_AUTH_ERR},
                {"a device that is switched off", OFF, PAM_AUTH_ERR},
                {"a device made for another address", OTHER_ADDRESS, PAM_AUTH_ERR},
                {"locked", LOCKED, PAM_MAXTRIES},
                {"closed", CLOSED, PAM_MAXTRIES},
                {"two-factor login off", DISABLED, PAM_AUTH_ERR},
                {"a device of a login that has not ended", BEGUN, PAM_AUTH_ERR}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct login login = {.user = rows[i].who == NOBODY ? "nobody-here" : "bob",
                              .answers = {WRONG}};
        person(rows[i].who);
        login_expect(&login, rows[i].result, 1, rows[i].name);
        ok(strcmp(login.text, PLAIN) == 0 && !was_sent("bob"), "%s: the usual prompt",
           rows[i].name);
        login = (struct login){.user = login.user, .answers = {"email", WRONG}};
        person(rows[i].who);
        login_expect(&login, rows[i].result, 2, rows[i].name);
        ok(strcmp(login.text, PLAIN) == 0 && !was_sent("bob") && login.infos == 1 &&
               strstr(login.said, "No code can be sent by e-mail.") != NULL,
           "%s: \"email\" gets none", rows[i].name);
    }
    ok(post_settle() == 0, "and none of them has been sent a message");
}

/* --- the words -------------------------------------------------------------------------------- */

static void test_prompts(void)
{
    struct login login = {.user = "alice", .answer = from_mailbox};

    alice(false);
    host_service("test", "[prompt=Token please> ] echo=yes", NULL);
    login_expect(&login, PAM_SUCCESS, 1, "prompt=");
    ok(strcmp(login.text, "(sent to " POST_MASKED ") Token please> ") == 0 &&
           login.style == PAM_PROMPT_ECHO_ON,
       "it follows the address: %s", login.text);
    alice(false);
    host_service("test", "quiet", NULL);
    login.flags = (int)PAM_SILENT;
    login_expect(&login, PAM_SUCCESS, 1, "silent");
    ok(strcmp(login.text, POST_PROMPT) == 0, "the prompt names the address all the same");
    login = (struct login){.user = "alice", .answers = {"email", CODE_GA}};
    person_init(&account, "alice", SECRET_GA);
    person_save(&account, 1);
    login_expect(&login, PAM_SUCCESS, 2, "silent: \"email\" without such a device");
    ok(login.infos == 0, "nothing is told");
    host_service("test", "", NULL);
}

int main(void)
{
    host_make(NULL);
    post_make();
    post_configure(POST_DELIVERS, "email_devices = yes");
    test_login();
    test_debug();
    test_lifetime();
    test_tries();
    test_interval();
    test_together();
    test_asked_for();
    test_rounds();
    test_none();
    test_prompts();
    return host_done();
}
