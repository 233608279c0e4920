/* SPDX-License-Identifier: BSD-2-Clause */
/* One code, every way to be asked for it: result, number and style of prompts, and the password
 * that later modules are handed. Cases are those of Google Authenticator's module tests; where this
 * module differs on purpose, a comment says so. */
#include "config.h"

#include "login.h"

#include <stdio.h>
#include <string.h>

/* crypt(3) of "password", cheap. */
#define PASSWORD_HASH                      \
    "$6$rounds=1000$totptest$ZP/5PpFJhbH/" \
    "GxLXjzCYcmqgv2dovdfkaBYpabV8Z1MgEisM.MGu7x5VrnZP5nZWP/F.XfBtFkQKglc4GZPQn1"

/* How the code arrives. */
enum arrival {
    APART,  /* answered to a prompt of its own */
    ASKED,  /* at the end of the password, to the only prompt */
    PRESET, /* at the end of the password an earlier module asked for */
};

static const struct mode {
    const char *name, *options;
    enum arrival arrival;
    const char *preset; /* PAM_AUTHTOK before; with PRESET the code follows */
    const char *handed; /* PAM_AUTHTOK after the right code; NULL: does not matter */
    bool falls_back;    /* without the right code in the password, a prompt follows */
} modes[] = {
    {"prompt", "mode=prompt", APART, NULL, "<none>", false},
    {"prompt after a password", "mode=prompt", APART, "password", "<password>", false},
    {"combined, asked for", "mode=combined", ASKED, NULL, "<password>", false},
    {"combined, obtained", "mode=combined", PRESET, "password", "<password>", false},
    {"combined, asked for, store", "mode=combined password=store", ASKED, NULL, NULL, false},
    {"combined, obtained, store", "mode=combined password=store", PRESET, "password", NULL, false},
    {"auto, together", "mode=auto", PRESET, "password", "<password>", true},
    {"auto, together, store", "mode=auto password=store", PRESET, "password", NULL, true},
    {"auto, apart", "mode=auto", APART, "password", "<password>", false},
    {"auto, apart, store", "mode=auto password=store", APART, "password", NULL, false},
    {"auto, nothing obtained", "mode=auto", APART, NULL, "<none>", false},
};

/* What is typed for a code, and what comes of it where it stands alone, behind a password that is
 * handed on, and behind one that is checked. */
static const struct code_case {
    const char *name, *typed;
    int apart, forward, store;
    const char *handed;
} code_cases[] = {
    {"wrong code", CODE_WRONG, PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_AUTH_ERR, NULL},
    {"a digit dropped", "50548", PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_AUTH_ERR, NULL},
    /* Behind a password, the zeros belong to the password: whoever checks it refuses. */
    {"a zero before", "0050548", PAM_AUTH_ERR, PAM_SUCCESS, PAM_AUTH_ERR, "<password0>"},
    {"two zeros before", "00050548", PAM_AUTH_ERR, PAM_SUCCESS, PAM_AUTH_ERR, "<password00>"},
    {"empty", "", PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_AUTH_ERR, NULL},
    {"full-width digits",
     "\357\274\220\357\274\225\357\274\220\357\274\225\357\274\224\357\274\230", PAM_AUTH_ERR,
     PAM_AUTH_ERR, PAM_AUTH_ERR, NULL},
    {"right code", CODE_GA, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS, NULL},
    {"a blank inside", "050 548", PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS, NULL},
};

static void alice(void)
{
    struct account account = {0};

    person_init(&account, "alice", SECRET_GA);
    memcpy(account.password, PASSWORD_HASH, sizeof(PASSWORD_HASH));
    person_save(&account, 1);
}

static void service(const struct mode *mode, const char *options, const char *typed)
{
    char all[256], preset[256] = "";

    snprintf(all, sizeof(all), "%s %s", mode->options, options);
    snprintf(preset, sizeof(preset), "%s%s", mode->preset != NULL ? mode->preset : "",
             mode->arrival == PRESET ? typed : "");
    host_service("test", all, mode->preset != NULL ? preset : NULL);
}

static void type(const struct mode *mode, const char *typed, char answer[static 256],
                 struct login *login)
{
    snprintf(answer, 256, "%s%s", mode->arrival == ASKED ? "password" : "", typed);
    *login = (struct login){.user = "alice", .answers = {answer}};
}

static bool has_code(const char *typed)
{
    return strspn(typed, "0123456789 ") == strlen(typed) && strlen(typed) >= CODE_DIGITS_MIN;
}

/* A guess at the end of a password is one, and the answer to the prompt after it another. */
static unsigned lines(const struct mode *mode, int result, bool guess)
{
    return mode->falls_back && result == PAM_AUTH_ERR && guess ? 2 : 1;
}

static bool is_stored(const struct mode *mode)
{
    return strstr(mode->options, "store") != NULL;
}

static void test_code_case(const struct mode *mode, const struct code_case *code)
{
    char answer[256], name[256];
    struct login login = {0};
    bool stored = is_stored(mode);
    int result = mode->arrival == APART ? code->apart : stored ? code->store : code->forward;
    unsigned prompts = mode->arrival != PRESET || (mode->falls_back && result != PAM_SUCCESS);

    alice();
    service(mode, "", code->typed);
    type(mode, code->typed, answer, &login);
    login.lines = lines(mode, result, has_code(code->typed));
    snprintf(name, sizeof(name), "%s: %s", mode->name, code->name);
    login_expect(&login, result, prompts, name);
    ok(prompts == 0 || login.style == PAM_PROMPT_ECHO_OFF, "%s: no echo", name);
    const char *handed = mode->arrival == APART || code->handed == NULL || mode->handed == NULL
                             ? mode->handed
                             : code->handed;
    if (result == PAM_SUCCESS && handed != NULL)
        ok(strstr(login.forwarded, handed) != NULL, "%s: hands on %s", name, handed);
}

/* Without an active device: the same prompts and the same refusal as a wrong code, unless the
 * rules let it pass without being asked. Where the store's password is checked, see below. */
static void test_unenrolled(const struct mode *mode)
{
    static const struct {
        const char *option;
        int result;
        bool asks;
    } rules[] = {{"unenrolled=deny", PAM_AUTH_ERR, true},
                 {"unenrolled=ignore", RESULT_IGNORED, false},
                 {"unenrolled=permit", PAM_SUCCESS, false}};
    char answer[256], name[256];

    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        struct login login = {0};
        int result = rules[i].result;
        if (result == PAM_SUCCESS && is_stored(mode))
            continue;
        service(mode, rules[i].option, CODE_GA);
        type(mode, CODE_GA, answer, &login);
        login.user = "nobody-of-that-name";
        login.lines = lines(mode, result, true);
        snprintf(name, sizeof(name), "%s: %s", mode->name, rules[i].option);
        login_expect(&login, result, rules[i].asks && (mode->arrival != PRESET || mode->falls_back),
                     name);
    }
}

/* Where a device is spared the password is checked all the same, and it alone. In mode=auto what
 * was not accepted is followed by a prompt, another attempt. */
static void test_password_alone(const struct mode *mode)
{
    static const struct {
        const char *name, *user, *password;
        int result;
        unsigned failures; /* of an answer */
    } rows[] = {{"of nobody", "nobody-of-that-name", "passwort", PAM_AUTH_ERR, 0},
                {"wrong", "bob", "passwort", PAM_AUTH_ERR, 1},
                {"right", "bob", "password", PAM_SUCCESS, 0}};
    const bool twice = strstr(mode->options, "auto") != NULL;
    struct account account CLEANUP(account_clear) = {0};
    char options[256];

    snprintf(options, sizeof(options), "%s unenrolled=permit", mode->options);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const bool refused = rows[i].result != PAM_SUCCESS;
        const unsigned answers = refused && twice ? 2 : 1;
        struct login login = {
            .user = rows[i].user, .answers = {rows[i].password}, .lines = answers};
        account_init(&account, "bob");
        memcpy(account.password, PASSWORD_HASH, sizeof(PASSWORD_HASH));
        person_save(&account, 1);
        host_service("test", options, mode->preset != NULL ? rows[i].password : NULL);
        login_expect(&login, rows[i].result, mode->preset != NULL ? answers - 1 : answers,
                     rows[i].name);
        ok(person_load("bob", &account) && account.failures == answers * rows[i].failures,
           "%s: %s: %u failures", mode->name, rows[i].name, account.failures);
    }
}

/* Google Authenticator accepts a code twice unless told otherwise; this module never does. */
static void test_replay(const struct mode *mode)
{
    char answer[256];
    struct login login = {0};

    alice();
    service(mode, "", CODE_GA);
    type(mode, CODE_GA, answer, &login);
    login_run(&login);
    int first = login.result;
    login_run(&login);
    ok(first == PAM_SUCCESS && login.result == PAM_AUTH_ERR && *login_log("replayed") != '\0',
       "%s: a code is good once", mode->name);
}

/* A wrong password never consumes the code. */
static void test_wrong_password(void)
{
    struct login login = {.user = "alice", .answers = {"passwort" CODE_GA}};

    alice();
    host_service("test", "mode=combined password=store", NULL);
    login_expect(&login, PAM_AUTH_ERR, 1, "store: wrong password, right code");
    login.answers[0] = "password" CODE_GA;
    login_expect(&login, PAM_SUCCESS, 1, "store: the code was not consumed by it");
}

/* What comes first is the password, whatever it looks like. */
static void test_password_of_digits(void)
{
    struct login login = {.user = "alice", .answers = {"20240101" CODE_GA}};

    alice();
    host_service("test", "mode=combined", NULL);
    login_expect(&login, PAM_SUCCESS, 1, "combined: a password of digits");
    ok(strstr(login.forwarded, "<20240101>") != NULL, "combined: is handed on whole");
}

static void test_prompt_text(void)
{
    struct login login = {.user = "alice", .answers = {CODE_GA}};

    alice();
    host_service("test", "", NULL);
    login_run(&login);
    ok(strcmp(login.text, "One-time code: ") == 0, "the prompt");
    alice();
    host_service("test", "echo=yes [prompt=Token please> ]", NULL);
    login_run(&login);
    ok(login.style == PAM_PROMPT_ECHO_ON, "echo=yes shows what is typed");
    ok(strncmp(login.text, "Token please>", 13) == 0, "prompt=");
}

int main(void)
{
    host_make(NULL);
    host_configure("max_failures = 50\n");
    for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
        for (size_t c = 0; c < ARRAY_SIZE(code_cases); c++)
            test_code_case(&modes[m], &code_cases[c]);
        test_replay(&modes[m]);
        test_unenrolled(&modes[m]);
        if (is_stored(&modes[m]))
            test_password_alone(&modes[m]);
    }
    test_wrong_password();
    test_password_of_digits();
    test_prompt_text();
    return host_done();
}
