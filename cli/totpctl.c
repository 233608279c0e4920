/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "draw.h"
#include "file.h"
#include "language.h"
#include "verbs.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define GLOBAL_OPTIONS                                                                  \
    (OPTION(CONFIG) | OPTION(STORE) | OPTION(KEY_FILE) | OPTION(JSON) | OPTION(QUIET) | \
     OPTION(HELP))
#define PICTURE_OPTIONS (OPTION(QR) | OPTION(PNG) | OPTION(SVG))

struct verb {
    const char *name;
    const char *synopsis; /* its arguments */
    const char *help;
    uint64_t options;
    const char *missing; /* what to say without an argument; NULL: the verb sees to it */
    size_t most;         /* arguments */
    enum run_needs needs;
    verb_fn *function;
};

static verb_fn verb_help;

static const struct verb verbs[] = {
    {"init", "", N_("create directories, key and store; safe to repeat"), 0, NULL, 0, NEEDS_CONF,
     verb_init},
    {"add", "USER", N_("an account without a device"),
     OPTION(EMAIL) | OPTION(FULL_NAME) | OPTION(ROLE) | OPTION(PASSWORD_STDIN),
     N_("an argument is missing: name the user"), 1, NEEDS_STORE, verb_add},
    {"enroll", "USER", N_("a new device: its QR code and key URI"),
     OPTION(DEVICE) | OPTION(TYPE) | OPTION(ALGORITHM) | OPTION(DIGITS) | OPTION(PERIOD) |
         OPTION(COUNTER) | OPTION(SECRET_STDIN) | OPTION(REPLACE) | OPTION(NO_CONFIRM) |
         OPTION(MAIL_BACKUP_TOKENS) | PICTURE_OPTIONS,
     NULL, 1, NEEDS_STORE, verb_enroll},
    {"confirm", "USER [DEVICE]", N_("activate a device with its first code"),
     OPTION(DEVICE) | OPTION(MAIL_BACKUP_TOKENS), NULL, 2, NEEDS_STORE, verb_confirm},
    {"verify", "USER", N_("judge and consume one code as a login would"), 0, NULL, 1, NEEDS_STORE,
     verb_verify},
    {"qr", "USER [DEVICE]", N_("the QR code again"), OPTION(DEVICE) | PICTURE_OPTIONS, NULL, 2,
     NEEDS_STORE, verb_qr},
    {"list", "", N_("the accounts"), OPTION(PENDING) | OPTION(LOCKED) | OPTION(UNUSED_FOR), NULL, 0,
     NEEDS_STORE, verb_list},
    {"show", "USER", N_("one account and its devices"), 0, NULL, 1, NEEDS_STORE, verb_show},
    {"set", "USER KEY=VALUE...", N_("change email, full_name, role; grace=clear"), 0,
     N_("two arguments are missing: name the user, and give a field as KEY=VALUE"), 5, NEEDS_STORE,
     verb_set},
    {"enable", "USER [DEVICE]", N_("two-factor login on, for the account or one device"),
     OPTION(DEVICE), NULL, 2, NEEDS_STORE, verb_enable},
    {"disable", "USER [DEVICE]", N_("two-factor login off, for the account or one device"),
     OPTION(DEVICE), NULL, 2, NEEDS_STORE, verb_disable},
    {"lock", "USER", N_("close the account"), 0, NULL, 1, NEEDS_STORE, verb_lock},
    {"unlock", "USER", N_("open the account, clear its lock and failure count"), 0, NULL, 1,
     NEEDS_STORE, verb_unlock},
    {"resync", "USER [DEVICE]", N_("find a device's clock or counter by two codes in a row"),
     OPTION(DEVICE), NULL, 2, NEEDS_STORE, verb_resync},
    {"remove", "USER [DEVICE]", N_("remove the account or one device"), OPTION(DEVICE), NULL, 2,
     NEEDS_STORE, verb_remove},
    {"passwd", "USER", N_("set, clear or expire the store's password"),
     OPTION(DELETE) | OPTION(EXPIRE), NULL, 1, NEEDS_STORE, verb_passwd},
    {"recover", "USER", N_("a new password in the store, by e-mail and a second code"), 0, NULL, 1,
     NEEDS_STORE, verb_recover},
    {"backup", "new|status|revoke USER", N_("backup tokens"), OPTION(COUNT),
     N_("an argument is missing: say new, status or revoke"), 2, NEEDS_STORE, verb_backup},
    {"log", "[USER]", N_("what happened"),
     OPTION(SINCE) | OPTION(SERVICE) | OPTION(VERDICT) | OPTION(FOLLOW), NULL, 1, NEEDS_STORE,
     verb_log},
    {"stats", "", N_("logins, accounts and devices in numbers"), OPTION(SINCE) | OPTION(PROMETHEUS),
     NULL, 0, NEEDS_STORE, verb_stats},
    {"config", "[SERVICE]", N_("the configuration in force, for one PAM service if named"), 0, NULL,
     1, NEEDS_NOTHING, verb_config},
    {"help", "[VERB]", N_("this list, or what a verb takes"), 0, NULL, 1, NEEDS_NOTHING, verb_help},
};

/* --- the command line ------------------------------------------------------------------------- */

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static void print_usage(FILE *to, const struct verb *verb)
{
    fprintf(to, "%s ", _("usage:"));
    fprintf(to, "totpctl [--config FILE] [--store URI] [--key-file FILE] [--json] [--quiet] ");
    if (verb == NULL)
        fprintf(to, "VERB [ARGUMENTS]\n");
    else
        fprintf(to, "%s%s%s%s\n", verb->name, verb->synopsis[0] != '\0' ? " " : "", verb->synopsis,
                verb->options != 0 ? " [OPTIONS]" : "");
}

static void print_verb(const struct verb *verb)
{
    print_usage(stdout, verb);
    printf("\n%s: %s\n", verb->name, _(verb->help));
    if (verb->options != 0)
        putchar('\n');
    args_help(verb->options);
    printf("\n%s\n", _("With every verb:"));
    args_help(GLOBAL_OPTIONS);
}

static void print_verbs(void)
{
    print_usage(stdout, NULL);
    putchar('\n');
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
        printf("  %-7s %-22s %s\n", verbs[i].name, verbs[i].synopsis, _(verbs[i].help));
    putchar('\n');
    args_help(GLOBAL_OPTIONS | OPTION(VERSION));
    printf(
        "\n%s\n",
        _("Codes, passwords and secrets are asked for on the terminal, or read as one line from\n"
          "standard input. totpctl help VERB tells more.\n"
          "Without root the service totpd is asked: USER is oneself, and may be left out; others "
          "are\n"
          "for those who have the role admin. It may ask for a code of one's own.\n"
          "Exit status: 0 done or accepted, 1 refused, 2 called wrongly, 3 no such user or "
          "device,\n"
          "4 store, key or configuration unusable, 5 locked."));
}

static int verb_help(struct run *run, struct err *err)
{
    const char *name = run_word(run, 1);
    const struct verb *verb = name != NULL ? find_verb(name) : NULL;

    if (name != NULL && verb == NULL)
        return err_set(err, ERR_USAGE, NULL, _("there is no verb '%s'"), name);
    if (verb != NULL)
        print_verb(verb);
    else
        print_verbs();
    return STATUS_DONE;
}

/* --- answers ---------------------------------------------------------------------------------- */

static enum status status_of(int error)
{
    switch (error) {
    case ERR_NOT_FOUND:
        return STATUS_NOBODY;
    case ERR_USAGE:
    case ERR_INVALID:
    case ERR_RANGE:
    case ERR_TOO_LONG:
    case ERR_SYNTAX:
        return STATUS_USAGE;
    case ERR_EXISTS:
    case ERR_LIMIT:
    case ERR_CONFLICT:
    case ERR_REFUSED:
    case ERR_PERMISSION:
    case ERR_PROOF:
        return STATUS_REFUSED;
    default:
        return STATUS_UNUSABLE;
    }
}

static enum status fail(int error, struct err *err, const struct verb *verb)
{
    if (err->code == 0)
        (void)err_set(err, error, NULL, NULL);
    out_error(err);
    if (error == ERR_USAGE) {
        print_usage(stderr, verb);
        fprintf(stderr, _("totpctl help%s%s tells more.\n"), verb != NULL ? " " : "",
                verb != NULL ? verb->name : "");
    }
    return status_of(error);
}

/* What the system refuses to others it may allow to root. */
static void hint_root(const struct run *run, int error)
{
    if (error == ERR_SYSTEM && geteuid() != 0)
        out_message("root rights are needed: this was run as '%s'", run->actor);
}

static enum status dispatch(const struct verb *verb, struct run *run, struct err *err)
{
    size_t count = run->args.word_count - 1;

    int r = args_check(&run->args, GLOBAL_OPTIONS | verb->options, verb->name, err);
    if (r == 0 && count == 0 && verb->missing != NULL)
        r = err_set(err, ERR_USAGE, verb->name, "%s", verb->missing);
    if (r == 0 && count > verb->most)
        r = err_set(err, ERR_USAGE, verb->name, "there are too many arguments");
    if (r != 0)
        return fail(r, err, verb);
    r = run_open(run, verb->needs, err);
    if (r != 0) {
        (void)fail(r, err, verb);
        hint_root(run, r);
        return STATUS_UNUSABLE;
    }
    r = verb->function(run, err);
    if (r < 0) {
        enum status status = fail(r, err, verb);
        hint_root(run, r);
        return run->locked ? STATUS_LOCKED : status;
    }
    int flushed = out_flush(err);
    return flushed < 0 ? fail(flushed, err, verb) : (enum status)r;
}

static enum status choose(struct run *run, struct err *err)
{
    const char *name = run_word(run, 0);
    const struct verb *verb = name != NULL ? find_verb(name) : NULL;
    bool help = run_option(run, OPTION_HELP) != NULL;

    if (name != NULL && verb == NULL)
        return fail(err_set(err, ERR_USAGE, NULL, _("there is no verb '%s'"), name), err, NULL);
    if (verb != NULL && !help)
        return dispatch(verb, run, err);
    if (verb != NULL)
        print_verb(verb);
    else if (help)
        print_verbs();
    else if (run_option(run, OPTION_VERSION) != NULL)
        printf("totpctl %s\n", PACKAGE_VERSION);
    else
        return fail(err_set(err, ERR_USAGE, NULL, "a verb is missing"), err, NULL);
    int r = out_flush(err);
    return r < 0 ? fail(r, err, NULL) : STATUS_DONE;
}

int main(int argc, char **argv)
{
    const struct rlimit no_core = {0};
    struct run run CLEANUP(run_close) = {0};
    struct file_stdio stdio = {0}; /* held until the end */
    struct err err = {0};

    (void)setrlimit(RLIMIT_CORE, &no_core); /* there are secrets in it */
    (void)setlocale(LC_CTYPE, "");          /* what the terminal can show */
    if (draw_is_utf8()) /* as all texts and names here are; what is not is shown escaped */
        (void)setlocale(LC_MESSAGES, "");
    int r = file_stdio_hold(&stdio);
    if (r == 0)
        r = args_parse(argc, argv, &run.args, &err);
    if (r != 0)
        return (int)fail(r, &err, run.args.word_count > 0 ? find_verb(run.args.word[0]) : NULL);
    run.json = run_option(&run, OPTION_JSON) != NULL;
    run.quiet = run_option(&run, OPTION_QUIET) != NULL;
    return (int)choose(&run, &err);
}
