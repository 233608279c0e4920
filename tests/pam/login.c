/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* What a login in another process leaves behind. */
struct report {
    struct login login;
    unsigned lines;
    char line[LOG_LINES_MAX][LOG_LINE_SIZE];
};

static uid_t real_uid, effective_uid;
static __thread struct login *running;

static void note_message(struct login *login, const struct pam_message *message)
{
    bool question =
        message->msg_style == PAM_PROMPT_ECHO_OFF || message->msg_style == PAM_PROMPT_ECHO_ON;
    const size_t used = strlen(login->said);

    login->messages++;
    if (question) {
        login->prompts++;
        login->style = message->msg_style;
        snprintf(login->text, sizeof(login->text), "%s", message->msg);
        return;
    }
    if (message->msg_style == PAM_ERROR_MSG)
        login->errors++;
    else
        login->infos++;
    snprintf(login->message, sizeof(login->message), "%s", message->msg);
    snprintf(login->said + used, SAID_SIZE - used, "%s\n", message->msg);
}

static char *give(struct login *login, unsigned asked)
{
    const char *answer = asked < ANSWERS_MAX ? login->answers[asked] : NULL;

    if (login->answer != NULL)
        answer = login->answer(login);
    if (answer == NULL)
        answer = "";
    if (asked < ANSWERS_MAX)
        snprintf(login->given[asked], sizeof(login->given[asked]), "%s", answer);
    return strdup(answer);
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
                    void *context)
{
    struct login *login = context;
    struct pam_response *given = NULL;
    bool fails = login->conversation == ANSWER_ERROR;

    if (login->conversation == ANSWER || login->conversation == NO_TEXT)
        given = calloc((size_t)count, sizeof(*given));
    for (int i = 0; i < count; i++) {
        unsigned asked = login->prompts;
        note_message(login, messages[i]);
        fails = fails || login->messages == login->break_off ||
                (login->conversation == NO_TEXT && messages[i]->msg_style == PAM_TEXT_INFO);
        if (login->prompts == asked || given == NULL || fails)
            continue;
        given[i].resp = give(login, asked);
    }
    /* One message at a time is what the module sends. */
    if (fails) {
        free(given);
        return PAM_CONV_ERR;
    }
    *responses = given;
    return PAM_SUCCESS;
}

static void note_delay(int result, unsigned microseconds, void *context)
{
    struct login *login = context;

    (void)result;
    login->delay = microseconds;
}

/* As a stopwatch; the frozen clock is CLOCK_REALTIME. */
static double stopwatch(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

bool login_is_helper(const char *line)
{
    return strstr(line, "authtok=<") != NULL;
}

static bool in_log(const char *text)
{
    for (unsigned i = 0; i < log_count(); i++)
        if (!login_is_helper(log_line(i)) && strstr(log_line(i), text) != NULL)
            return true;
    return false;
}

static void look_for_leaks(struct login *login)
{
    login->leaked = in_log(SECRET_GA) || in_log(CODE_GA);
    for (size_t i = 0; i < 2 * ANSWERS_MAX; i++) {
        const char *answer = i < ANSWERS_MAX ? login->answers[i] : login->given[i - ANSWERS_MAX];
        if (answer == NULL || strlen(answer) < CODE_DIGITS_MIN)
            continue;
        if (in_log(answer) || in_log(answer + strlen(answer) - CODE_DIGITS_MIN))
            login->leaked = true;
    }
}

void login_manage(struct login *login, int (*management)(pam_handle_t *, int))
{
    const struct pam_conv conversation = {.conv = converse, .appdata_ptr = login};
    char confdir[512];
    pam_handle_t *handle = NULL;
    union {
        void (*function)(int, unsigned, void *);
        const void *item;
    } delay = {.function = note_delay};

    log_clear();
    login->prompts = login->infos = login->errors = login->delay = login->messages = 0;
    login->said[0] = login->message[0] = '\0';
    memset(login->given, 0, sizeof(login->given));
    host_path("pam.d", confdir, sizeof(confdir));
    int r = pam_start_confdir(login->service != NULL ? login->service : "test", login->user,
                              &conversation, confdir, &handle);
    if (r != PAM_SUCCESS) {
        printf("Bail out! pam_start_confdir: %d\n", r);
        exit(1);
    }
    pam_set_item(handle, PAM_FAIL_DELAY, delay.item);
    if (login->rhost != NULL)
        pam_set_item(handle, PAM_RHOST, login->rhost);
    if (login->tty != NULL)
        pam_set_item(handle, PAM_TTY, login->tty);
    /* Loads every module of the service now, so that what before() breaks is not libpam's own. */
    pam_setcred(handle, PAM_ESTABLISH_CRED);
    double started = stopwatch();
    if (login->before != NULL)
        login->before();
    running = login;
    login->result = management(handle, login->flags);
    if (login->after != NULL)
        login->after();
    login->seconds = stopwatch() - started;
    pam_end(handle, login->result);
    look_for_leaks(login);
    const char *handed_on = strstr(login_log("authtok=<"), "authtok=<");
    login->forwarded = handed_on != NULL ? handed_on + strlen("authtok=") : "";
}

void login_run(struct login *login)
{
    login_manage(login, pam_authenticate);
}

/* The groups go first: later they could not. */
static void take_ids(void)
{
    if (setregid(real_uid, real_uid) != 0 || setresuid(real_uid, effective_uid, effective_uid) != 0)
        _exit(1);
}

static _Noreturn void report_login(struct login *login, struct report *report)
{
    login->before = take_ids;
    login_run(login);
    report->login = *login;
    for (unsigned i = 0; i < log_count() && i < LOG_LINES_MAX; i++)
        memcpy(report->line[report->lines++], log_line(i), LOG_LINE_SIZE);
    _exit(0);
}

void login_run_as(struct login *login, uid_t real, uid_t effective)
{
    const int shared = MAP_SHARED | MAP_ANONYMOUS;
    struct report *report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, shared, -1, 0);
    int status = -1;

    host_need(report != MAP_FAILED, "memory");
    fflush(stdout);
    real_uid = real;
    effective_uid = effective;
    pid_t child = fork();
    host_need(child >= 0, "fork");
    if (child == 0)
        report_login(login, report);
    host_need(waitpid(child, &status, 0) == child && status == 0, "a login of another user");
    *login = report->login;
    login->before = NULL;
    log_clear();
    for (unsigned i = 0; i < report->lines; i++)
        syslog(LOG_INFO, "%s", report->line[i]);
    munmap(report, sizeof(*report));
    login->forwarded = "";
}

void login_account(struct login *login)
{
    login_manage(login, pam_acct_mgmt);
}

static int manage_whole(pam_handle_t *handle, int flags)
{
    int r = pam_authenticate(handle, flags);

    running->reached = 1;
    if (r != PAM_SUCCESS)
        return r;
    if (running->between != NULL)
        running->between(handle);
    r = pam_acct_mgmt(handle, flags);
    running->reached = 2;
    if (r != PAM_SUCCESS)
        return r;
    running->reached = 3;
    return pam_setcred(handle, (int)((unsigned)flags | PAM_ESTABLISH_CRED));
}

void login_whole(struct login *login)
{
    login_manage(login, manage_whole);
}

void login_expect(struct login *login, int result, unsigned prompts, const char *name)
{
    unsigned lines = login->lines != 0 ? login->lines : 1;

    login_run(login);
    bool fine = login->result == result && login->prompts == prompts && login_logs() == lines &&
                !login->leaked;
    if (ok(fine, "%s", name))
        return;
    tap_note("result %d (wanted %d), %u prompts (wanted %u), %u log lines (wanted %u), %s",
             login->result, result, login->prompts, prompts, login_logs(), lines,
             login->leaked ? "leaked" : "nothing leaked");
    for (unsigned i = 0; i < log_count(); i++)
        tap_note("log: %s", log_line(i));
}

unsigned login_logs(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < log_count(); i++)
        count += !login_is_helper(log_line(i));
    return count;
}

const char *login_log(const char *text)
{
    for (unsigned i = 0; i < log_count(); i++)
        if (strstr(log_line(i), text) != NULL)
            return log_line(i);
    return "";
}

int login_as(const char *user, const char *answer)
{
    struct login login = {.user = user, .answers = {answer}};

    login_run(&login);
    return login.result;
}
