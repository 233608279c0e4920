/* SPDX-License-Identifier: BSD-2-Clause */
/* A PAM application for tests and the demonstration: it answers prompts from standard input, one
 * line each, and prints what the modules say, ask and log.
 *
 *   prompt-echo-off: TEXT   prompt-echo-on: TEXT   info: TEXT   error: TEXT
 *   log: PRIORITY TEXT      what a module sent to syslog, control characters as #ooo
 *   result: PAM_NAME        of the last call
 *   locale: NAMES, text domain: NAME   of the process afterwards, with -l
 *
 * It speaks the environment's language, as sudo, su and login do, unless -C is given, as sshd. */
#include "config.h"

#include "base.h"

#include <errno.h>
#include <getopt.h>
#include <libintl.h>
#include <locale.h>
#include <security/pam_appl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *confdir, *rhost, *tty, *service, *user;
    unsigned long repeat;
    int flags;
    int account, setcred;
    int no_locale, show_locale;
};

/* syslog.h would declare these as fortified inlines; libpam and the modules find ours first. */
#define EXPORT __attribute__((visibility("default")))
EXPORT void syslog(int priority, const char *format, ...) PRINTF_LIKE(2, 3);
EXPORT void vsyslog(int priority, const char *format, va_list ap) PRINTF_LIKE(2, 0);
EXPORT void __syslog_chk(int priority, int flag, const char *format, ...) PRINTF_LIKE(3, 4);
EXPORT void __vsyslog_chk(int priority, int flag, const char *format, va_list ap) PRINTF_LIKE(3, 0);

void vsyslog(int priority, const char *format, va_list ap)
{
    static const char *const names[] = {"emerg",   "alert",  "crit", "err",
                                        "warning", "notice", "info", "debug"};
    const int saved = errno;
    char text[4096];

    vsnprintf(text, sizeof(text), format, ap);
    printf("log: %s ", names[priority & 7]);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        printf(*p < ' ' || *p == 0x7f ? "#%03o" : "%c", *p);
    printf("\n");
    errno = saved;
}

void syslog(int priority, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsyslog(priority, format, ap);
    va_end(ap);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list ap;

    (void)flag;
    va_start(ap, format);
    vsyslog(priority, format, ap);
    va_end(ap);
}

void __vsyslog_chk(int priority, int flag, const char *format, va_list ap)
{
    (void)flag;
    vsyslog(priority, format, ap);
}

static const char *result_name(int result)
{
    static const char *const names[] = {
#define NAME(code) [code] = #code
        NAME(PAM_SUCCESS),
        NAME(PAM_OPEN_ERR),
        NAME(PAM_SYMBOL_ERR),
        NAME(PAM_SERVICE_ERR),
        NAME(PAM_SYSTEM_ERR),
        NAME(PAM_BUF_ERR),
        NAME(PAM_PERM_DENIED),
        NAME(PAM_AUTH_ERR),
        NAME(PAM_CRED_INSUFFICIENT),
        NAME(PAM_AUTHINFO_UNAVAIL),
        NAME(PAM_USER_UNKNOWN),
        NAME(PAM_MAXTRIES),
        NAME(PAM_NEW_AUTHTOK_REQD),
        NAME(PAM_ACCT_EXPIRED),
        NAME(PAM_SESSION_ERR),
        NAME(PAM_CRED_UNAVAIL),
        NAME(PAM_CRED_EXPIRED),
        NAME(PAM_CRED_ERR),
        NAME(PAM_NO_MODULE_DATA),
        NAME(PAM_CONV_ERR),
        NAME(PAM_AUTHTOK_ERR),
        NAME(PAM_AUTHTOK_RECOVERY_ERR),
        NAME(PAM_AUTHTOK_LOCK_BUSY),
        NAME(PAM_AUTHTOK_DISABLE_AGING),
        NAME(PAM_TRY_AGAIN),
        NAME(PAM_IGNORE),
        NAME(PAM_ABORT),
        NAME(PAM_AUTHTOK_EXPIRED),
        NAME(PAM_MODULE_UNKNOWN),
        NAME(PAM_BAD_ITEM),
        NAME(PAM_CONV_AGAIN),
        NAME(PAM_INCOMPLETE),
#undef NAME
    };

    if (result < 0 || (size_t)result >= ARRAY_SIZE(names) || names[result] == NULL)
        return "a number that is no PAM result";
    return names[result];
}

/* One line of standard input without its newline, or NULL at its end. */
static char *read_answer(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length = getline(&line, &size, stdin);

    if (length < 0) {
        free(line);
        return NULL;
    }
    if (length > 0 && line[length - 1] == '\n')
        line[length - 1] = '\0';
    return line;
}

static int answer(const struct pam_message *message, struct pam_response *response)
{
    switch (message->msg_style) {
    case PAM_PROMPT_ECHO_OFF:
    case PAM_PROMPT_ECHO_ON:
        printf("prompt-echo-%s: %s\n", message->msg_style == PAM_PROMPT_ECHO_ON ? "on" : "off",
               message->msg);
        response->resp = read_answer();
        return response->resp == NULL ? PAM_CONV_ERR : PAM_SUCCESS;
    case PAM_TEXT_INFO:
        printf("info: %s\n", message->msg);
        return PAM_SUCCESS;
    case PAM_ERROR_MSG:
        printf("error: %s\n", message->msg);
        return PAM_SUCCESS;
    default:
        return PAM_CONV_ERR;
    }
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
                    void *context)
{
    (void)context;
    if (count <= 0 || count > PAM_MAX_NUM_MSG)
        return PAM_CONV_ERR;
    struct pam_response *list = calloc((size_t)count, sizeof(*list));
    if (list == NULL)
        return PAM_BUF_ERR;
    for (int i = 0; i < count; i++) {
        int r = answer(messages[i], &list[i]);
        if (r != PAM_SUCCESS) {
            for (int j = 0; j < i; j++)
                free(list[j].resp);
            free(list);
            return r;
        }
    }
    *responses = list;
    return PAM_SUCCESS;
}

/* Tests do not wait for the delay that a refusal asks for. */
static void skip_delay(int result, unsigned microseconds, void *context)
{
    (void)result;
    (void)microseconds;
    (void)context;
}

static int set_items(pam_handle_t *pamh, const struct options *options)
{
    void (*delay)(int, unsigned, void *) = skip_delay;
    const void *delay_item = NULL;
    int r = PAM_SUCCESS;

    /* The item is the function itself; ISO C has no conversion for that. */
    memcpy(&delay_item, &delay, sizeof(delay_item));
    r = pam_set_item(pamh, PAM_FAIL_DELAY, delay_item);
    if (r == PAM_SUCCESS && options->rhost != NULL)
        r = pam_set_item(pamh, PAM_RHOST, options->rhost);
    if (r == PAM_SUCCESS && options->tty != NULL)
        r = pam_set_item(pamh, PAM_TTY, options->tty);
    return r;
}

static int login(const struct options *options)
{
    const struct pam_conv conversation = {.conv = converse};
    pam_handle_t *pamh = NULL;
#ifdef HAVE_PAM_START_CONFDIR
    int r =
        pam_start_confdir(options->service, options->user, &conversation, options->confdir, &pamh);
#else
    int r = options->confdir != NULL
                ? PAM_SYSTEM_ERR
                : pam_start(options->service, options->user, &conversation, &pamh);
#endif
    if (r != PAM_SUCCESS)
        return r;
    r = set_items(pamh, options);
    if (r == PAM_SUCCESS)
        r = pam_authenticate(pamh, options->flags);
    if (r == PAM_SUCCESS && options->account)
        r = pam_acct_mgmt(pamh, options->flags);
    if (r == PAM_SUCCESS && options->setcred)
        r = pam_setcred(pamh, options->flags | (int)PAM_ESTABLISH_CRED);
    pam_end(pamh, r);
    return r;
}

static void parse(struct options *options, int argc, char **argv)
{
    static const struct option longopts[] = {{"account", no_argument, NULL, 'A'},
                                             {"setcred", no_argument, NULL, 'S'},
                                             {NULL, 0, NULL, 0}};
    int c = 0;

    while ((c = getopt_long(argc, argv, "Cd:ln:r:st:", longopts, NULL)) != -1) {
        switch (c) {
        case 'C':
            options->no_locale = 1;
            break;
        case 'd':
            options->confdir = optarg;
            break;
        case 'l':
            options->show_locale = 1;
            break;
        case 'n':
            options->repeat = strtoul(optarg, NULL, 10);
            break;
        case 'r':
            options->rhost = optarg;
            break;
        case 's':
            options->flags = (int)PAM_SILENT;
            break;
        case 't':
            options->tty = optarg;
            break;
        case 'A':
            options->account = 1;
            break;
        case 'S':
            options->setcred = 1;
            break;
        default:
            exit(2);
        }
    }
    if (argc - optind != 2 || options->repeat == 0) {
        fprintf(stderr, "usage: pam_login [-Cls] [-d CONFDIR] [-n TIMES] [-r RHOST] [-t TTY] "
                        "[--account] [--setcred] SERVICE USER\n");
        exit(2);
    }
    options->service = argv[optind];
    options->user = argv[optind + 1];
}

int main(int argc, char **argv)
{
    struct options options = {.repeat = 1};
    int result = PAM_SUCCESS, refused = 0;

    parse(&options, argc, argv);
    if (!options.no_locale)
        setlocale(LC_ALL, "");
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (unsigned long i = 0; i < options.repeat; i++) {
        result = login(&options);
        refused |= result != PAM_SUCCESS;
        printf("result: %s\n", result_name(result));
    }
    if (options.show_locale)
        printf("locale: %s, text domain: %s\n", setlocale(LC_ALL, NULL), textdomain(NULL));
    return refused;
}
