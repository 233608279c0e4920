/* SPDX-License-Identifier: BSD-2-Clause */
/* A person changes the password that the store has of them; and what must not change it. */
#include "config.h"

#include "passwd.h"

#include <stdio.h>
#include <string.h>

#define SEE "see"

static char long_text[600];
static const char *length_of(size_t length)
{
    static char text[600];

    memset(text, 'x', length);
    text[length] = '\0';
    return text;
}

static void plain(const char *options)
{
    passwd_reset(false);
    passwd_stack(&(struct stack){.options = options, .behind = SEE});
}

static void test_change(void)
{
    struct login login = {.user = "alice", .answers = {OLD, CODE_GA, NEW, NEW}, .lines = 2};

    plain(NULL);
    passwd_expect(&login, PAM_SUCCESS, 4, NEW, "<" NEW ">", "old password, code, new one twice");
    ok(login.style == PAM_PROMPT_ECHO_OFF && login.infos == 0 && login.errors == 0,
       "nothing more is said");
    ok(strcmp(login.text, "Retype new password: ") == 0, "the last question");
    ok(*login_log("login accepted user=alice service=test method=totp device=phone") != '\0' &&
           *login_log("passwd user=alice service=test") != '\0',
       "both are in the log");
    login.answers[0] = NEW;
    login.lines = 1;
    passwd_expect(&login, PAM_AUTH_ERR, 2, NEW, NULL, "the code is good once");
    ok(*login_log("replayed") != '\0' && login.delay > 0, "which is logged, and waited for");
}

/* The person's own mistakes; three of them end it. */
static void test_mistakes(void)
{
    static const struct {
        const char *name;
        const char *answers[ANSWERS_MAX];
        unsigned prompts;
        const char *told;
    } cases[] = {
        {"two that differ", {OLD, CODE_GA, NEW, "x", NEW, "y", "z", NEW}, 8, "differ"},
        {"empty", {OLD, CODE_GA}, 5, "No password was given."},
        {"the old one again", {OLD, CODE_GA, OLD, OLD, OLD}, 5, "is the old password"},
        {"too long", {OLD, CODE_GA, long_text, long_text, long_text}, 5, "too long"},
        {"too long to be hashed", {OLD, CODE_GA, long_text + 87, long_text + 88}, 6, "given"},
    };

    memset(long_text, 'x', sizeof(long_text) - 1);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct login login = {.user = "alice"};
        memcpy(login.answers, cases[i].answers, sizeof(login.answers));
        plain(NULL);
        passwd_expect(&login, PAM_AUTHTOK_ERR, cases[i].prompts, OLD, "<none>", cases[i].name);
        ok(login.errors == 3 && strstr(login.message, cases[i].told) != NULL, "%s: %s",
           cases[i].name, login.message);
        plain("quiet");
        passwd_change(&login);
        ok(login.errors == 0, "%s: nothing is told under quiet", cases[i].name);
    }
}

static void test_second_try(void)
{
    struct login login = {
        .user = "alice", .answers = {OLD, CODE_GA, NEW, "x", NEW, NEW}, .lines = 2};
    const char *longest = length_of(511);
    struct login limit = {.user = "alice", .answers = {OLD, CODE_GA, longest, longest}, .lines = 2};

    plain(NULL);
    passwd_expect(&login, PAM_SUCCESS, 6, NEW, "<" NEW ">", "mended at the second try");
    plain(NULL);
    passwd_change(&limit);
    ok(limit.result == PAM_SUCCESS && passwd_is("alice", longest), "the longest there can be");
}

/* The preliminary check refuses: nothing new is asked for. */
static void test_refused(void)
{
    static const struct {
        const char *name;
        const char *answers[ANSWERS_MAX];
        const char *logged;
    } cases[] = {
        {"wrong old password", {NEW, CODE_GA, NEW, NEW}, "login wrong"},
        {"wrong code", {OLD, CODE_WRONG, NEW, NEW}, "login wrong"},
        {"both wrong", {NEW, CODE_WRONG, NEW, NEW}, "login wrong"},
        {"no old password", {"", CODE_GA, NEW, NEW}, "login wrong"},
        {"no code", {OLD, "", NEW, NEW}, "login malformed"},
        {"an old password that is too long", {long_text, CODE_GA, NEW, NEW}, "login wrong"},
        {"a code that is too long", {OLD, long_text, NEW, NEW}, "login malformed"},
        {"in one answer", {OLD CODE_GA, "", NEW, NEW}, "login"},
    };
    struct login right = {.user = "alice", .answers = {OLD, CODE_GA, NEW, NEW}, .lines = 2};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct login login = {.user = "alice"};
        memcpy(login.answers, cases[i].answers, sizeof(login.answers));
        plain(NULL);
        passwd_expect(&login, PAM_AUTH_ERR, 2, OLD, NULL, cases[i].name);
        ok(*login_log(cases[i].logged) != '\0' && login.delay > 0, "%s: logged, and waited for",
           cases[i].name);
        passwd_expect(&right, PAM_SUCCESS, 4, NEW, NULL, "which has used up no code");
    }
}

static void test_conversation(void)
{
    for (unsigned i = 1; i <= 4; i++) {
        struct login login = {.user = "alice", .answers = {OLD, CODE_GA, NEW, NEW}, .break_off = i};
        plain(NULL);
        passwd_change(&login);
        ok(login.result == PAM_CONV_ERR && login.messages == i && passwd_is("alice", OLD),
           "broken off at question %u", i);
    }
}

/* An earlier module has the old password, or the new. */
static void test_earlier(void)
{
    struct login login = {.user = "alice", .answers = {CODE_GA, NEW, NEW}, .lines = 2};
    static const struct {
        const char *set, *told;
    } bad[] = {{"set=", "No password was given."}, {"[set=" OLD "]", "is the old password"}};

    passwd_reset(false);
    passwd_stack(&(struct stack){.before = "[old=" OLD "]", .behind = SEE});
    passwd_expect(&login, PAM_SUCCESS, 3, NEW, "<" NEW ">", "an old password that is there");
    passwd_reset(false);
    passwd_stack(&(struct stack){.before = "[old=" NEW "]", .behind = SEE});
    login.lines = 1;
    passwd_expect(&login, PAM_AUTH_ERR, 1, OLD, NULL, "which is judged all the same");

    login = (struct login){.user = "alice", .answers = {OLD, CODE_GA}, .lines = 2};
    passwd_reset(false);
    passwd_stack(
        &(struct stack){.before = "[set=" NEW "]", .options = "use_authtok", .behind = SEE});
    passwd_expect(&login, PAM_SUCCESS, 2, NEW, "<" NEW ">", "use_authtok: a new one that is there");
    plain("use_authtok");
    passwd_expect(&login, PAM_AUTHTOK_ERR, 2, OLD, "<none>",
                  "use_authtok: nobody has obtained one");
    ok(*login_log("no module before this one") != '\0', "which the log explains");
    login.lines = 1;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        passwd_reset(false);
        passwd_stack(&(struct stack){.before = bad[i].set, .options = "use_authtok"});
        passwd_expect(&login, PAM_AUTHTOK_ERR, 2, OLD, NULL, "use_authtok: one that will not do");
        ok(strstr(login.message, bad[i].told) != NULL, "which is told: %s", login.message);
    }
}

static void test_long_token(void)
{
    static const size_t lengths[] = {512, 513, 590};
    struct login login = {.user = "alice", .answers = {OLD, CODE_GA}};
    char set[620];

    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        passwd_reset(false);
        snprintf(set, sizeof(set), "set=%s", length_of(lengths[i]));
        passwd_stack(&(struct stack){.before = set, .options = "use_authtok"});
        passwd_expect(&login, PAM_AUTHTOK_ERR, 2, OLD, NULL, "use_authtok: one that is too long");
        ok(strstr(login.message, "too long") != NULL, "which is told");
    }
}

/* Where the stack goes on although the preliminary check has refused, the update is called. */
static void test_goes_on(void)
{
    static const char *const controls[] = {"optional", "sufficient", "[default=ignore]"};

    for (size_t i = 0; i < ARRAY_SIZE(controls); i++) {
        struct login login = {
            .user = "alice", .answers = {NEW, CODE_GA, NEW, NEW, NEW, NEW}, .lines = 2};
        passwd_reset(false);
        passwd_stack(&(struct stack){.control = controls[i], .behind = SEE});
        passwd_expect(&login, login.result, 2, OLD, "<none>", controls[i]);
        ok(*login_log("old password and code were not shown") != '\0', "which is logged");
    }
}

static void test_somebody_else(void)
{
    struct login login = {.user = "alice", .answers = {OLD, CODE_GA, NEW, NEW}, .lines = 2};
    struct account bob = {0};

    passwd_person("bob", &bob);
    person_save(&bob, 1);
    passwd_reset(false);
    passwd_stack(&(struct stack){.before = "user=bob"});
    passwd_expect(&login, PAM_PERM_DENIED, 2, OLD, NULL, "another user between the two steps");
    ok(passwd_is("bob", OLD), "whose password stays too");
}

/* --- between the two steps -------------------------------------------------------------------- */

static void (*meanwhile)(void);

static const char *answer(struct login *login)
{
    if (strcmp(login->text, "Shall we? ") != 0)
        return login->answers[login->prompts - 1];
    meanwhile();
    return "yes";
}

static void lock(void)
{
    struct account account = {0};

    host_need(person_load("alice", &account), "alice");
    account.locked_until = clock_now() + 60;
    account.failures = 5;
    person_save(&account, 1);
}

static void shut(void)
{
    struct account account = {0};

    host_need(person_load("alice", &account), "alice");
    account.closed = true;
    person_save(&account, 1);
}

static void wait_long(void)
{
    clock_skip(INT64_C(600) * 1000);
}

static void wait_less(void)
{
    clock_skip(INT64_C(590) * 1000);
}

static void break_store(void)
{
    host_configure("max_failures = no\n");
}

static void test_meanwhile(void)
{
    static const struct {
        const char *name;
        void (*meanwhile)(void);
        int result;
    } cases[] = {
        {"locked meanwhile", lock, PAM_PERM_DENIED},
        {"closed meanwhile", shut, PAM_PERM_DENIED},
        {"too late", wait_long, PAM_PERM_DENIED},
        {"not too late", wait_less, PAM_SUCCESS},
        {"a broken configuration meanwhile", break_store, PAM_AUTHINFO_UNAVAIL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const bool changes = cases[i].result == PAM_SUCCESS;
        struct login login = {
            .user = "alice", .answers = {OLD, CODE_GA, "", NEW, NEW}, .answer = answer, .lines = 2};
        meanwhile = cases[i].meanwhile;
        passwd_reset(false);
        passwd_stack(&(struct stack){.before = "ask", .behind = SEE});
        passwd_expect(&login, cases[i].result, changes ? 5 : 3, changes ? NEW : OLD,
                      changes ? "<" NEW ">" : "<none>", cases[i].name);
        host_configure("");
    }
}

/* The new password has been asked for, and then cannot be stored. */
static const char *remove_at_last(struct login *login)
{
    struct err err = {0};

    if (strcmp(login->text, "Retype new password: ") == 0) {
        struct store *store CLEANUP(store_close) = host_open();
        host_need(store_begin(store, STORE_WRITE, &err) == 0 &&
                      store_remove(store, "alice", &err) == 0 && store_commit(store, &err) == 0,
                  "store_remove");
    }
    return login->answers[login->prompts - 1];
}

static void test_not_stored(void)
{
    struct login login = {
        .user = "alice", .answers = {OLD, CODE_GA, NEW, NEW}, .answer = remove_at_last};
    struct account account = {0};

    plain(NULL);
    passwd_change(&login);
    ok(login.result == PAM_AUTHTOK_ERR && login.prompts == 4, "what cannot be stored");
    ok(strcmp(login.forwarded, "<none>") == 0, "does not become the password elsewhere");
    ok(*login_log("unavailable") != '\0' && !person_load("alice", &account), "which is logged");
}

/* --- what goes with the code ------------------------------------------------------------------ */

static void test_token(void)
{
    struct account account = {0};
    char token[CODE_TOKEN_SIZE] = "";
    struct login login = {.user = "alice", .answers = {OLD, token, NEW, NEW}, .lines = 2};

    passwd_person("alice", &account);
    person_add_token(&account, token);
    person_save(&account, 1);
    passwd_stack(&(struct stack){.options = "mode=combined password=forward"});
    passwd_expect(&login, PAM_SUCCESS, 4, NEW, NULL, "a backup token in the place of a code");
    ok(strstr(login.said, "0 are left") != NULL, "how many are left is told at once");
}

static void test_first_code(void)
{
    struct account account = {0};
    struct login login = {.user = "alice", .answers = {OLD, CODE_GA, "yes", NEW, NEW}, .lines = 2};

    passwd_person("alice", &account);
    account.devices[0].state = DEVICE_PENDING;
    person_save(&account, 1);
    passwd_stack(&(struct stack){.options = ""});
    passwd_expect(&login, PAM_SUCCESS, 5, NEW, NULL, "the first code of a device that waits");
    ok(strstr(login.said, "These are backup tokens") != NULL && person_load("alice", &account) &&
           account.token_count == 10 && account.devices[0].state == DEVICE_ACTIVE,
       "it is active, and its tokens are shown");
}

int main(void)
{
    host_make(NULL);
    test_change();
    test_mistakes();
    test_second_try();
    test_refused();
    test_conversation();
    test_earlier();
    test_long_token();
    test_goes_on();
    test_somebody_else();
    test_meanwhile();
    test_not_stored();
    test_token();
    test_first_code();
    return host_done();
}
