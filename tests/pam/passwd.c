/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "passwd.h"

#include "password.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_SIZE 512
#define OLD_HASH                                                                                   \
    "$6$rounds=1000$totptest$nSJkNa//.W3jujRo.xmdBiwL2wozyk9j5afzbGHQjIZ7wAOW42al8ueaGVK42SC9i8lv" \
    "lhTNSVOsJG8GVpYzn."

/* libpam's and the module's. */
INTERPOSED uid_t getuid(void);
INTERPOSED uid_t geteuid(void);

static bool pretends;
static uid_t real_uid = 1, effective_uid;

uid_t getuid(void)
{
    return pretends ? real_uid : (uid_t)syscall(SYS_getuid);
}

uid_t geteuid(void)
{
    return pretends ? effective_uid : (uid_t)syscall(SYS_geteuid);
}

static void put_helper(FILE *file, const char *helper, const char *words)
{
    if (words != NULL)
        fprintf(file, "password required %s %s\n", helper, words);
}

void passwd_stack(const struct stack *stack)
{
    char module[PATH_SIZE], helper[PATH_SIZE], conf[PATH_SIZE], path[PATH_SIZE];
    FILE *file = fopen(host_path("pam.d/test", path, sizeof(path)), "we");

    host_need(file != NULL, path);
    host_built(".libs/pam_totp.so", module, sizeof(module));
    host_built(".libs/pam_authtok.so", helper, sizeof(helper));
    host_path("totp.conf", conf, sizeof(conf));
    fprintf(file, "auth required %s config=%s %s\naccount required %s config=%s %s\n", module, conf,
            stack->auth != NULL ? stack->auth : "", module, conf,
            stack->auth != NULL ? stack->auth : "");
    fprintf(file, "auth required pam_permit.so\naccount required pam_permit.so\n");
    put_helper(file, helper, stack->before);
    fprintf(file, "password %s %s config=%s %s\n",
            stack->control != NULL ? stack->control : "required", module, conf,
            stack->options != NULL ? stack->options : "");
    if (stack->control != NULL)
        fprintf(file, "password required pam_permit.so\n");
    put_helper(file, helper, stack->behind);
    host_need(fclose(file) == 0, path);
}

void passwd_person(const char *name, struct account *account)
{
    person_init(account, name, SECRET_GA);
    memcpy(account->password, OLD_HASH, sizeof(OLD_HASH));
}

void passwd_reset(bool expired)
{
    struct account account = {0};

    clock_set(TIME_GA);
    passwd_person("alice", &account);
    account.password_expired = expired;
    person_save(&account, 1);
}

bool passwd_is(const char *name, const char *password)
{
    struct account account = {0};
    bool match = false;

    return person_load(name, &account) && password_check(password, account.password, &match) == 0 &&
           match;
}

bool passwd_has_expired(const char *name)
{
    struct account account = {0};

    return person_load(name, &account) && account.password_expired;
}

int passwd_chauthtok(pam_handle_t *handle, int flags)
{
    pretends = true;
    int r = pam_chauthtok(handle, flags);
    pretends = false;
    return r;
}

void passwd_change_with(struct login *login, uid_t real, uid_t effective)
{
    real_uid = real;
    effective_uid = effective;
    login_manage(login, passwd_chauthtok);
}

void passwd_change(struct login *login)
{
    passwd_change_with(login, 1, 0);
}

void passwd_change_as_root(struct login *login)
{
    login_manage(login, pam_chauthtok);
}

void passwd_expect(struct login *login, int result, unsigned prompts, const char *password,
                   const char *handed, const char *name)
{
    unsigned lines = login->lines != 0 ? login->lines : 1;
    char handed_on[64] = "";

    passwd_change(login);
    snprintf(handed_on, sizeof(handed_on), "%.60s", login->forwarded);
    bool fine = login->result == result && login->prompts == prompts && login_logs() == lines &&
                !login->leaked && (handed == NULL || strcmp(handed_on, handed) == 0);
    bool kept = passwd_is(login->user, password);
    if (ok(fine && kept, "%s", name))
        return;
    tap_note("result %d (wanted %d), %u prompts (wanted %u), %u log lines (wanted %u), %s, handed "
             "on %s, password %s",
             login->result, result, login->prompts, prompts, login_logs(), lines,
             login->leaked ? "leaked" : "nothing leaked", handed_on, kept ? "right" : "wrong");
    for (unsigned i = 0; i < log_count(); i++)
        tap_note("log: %s", log_line(i));
}
