/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "ask.h"
#include "client.h"
#include "file.h"
#include "keys.h"
#include "perform.h"
#include "text.h"
#include "verbs.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define GLOBAL_OPTIONS                                                                  \
    (OPTION(CONFIG) | OPTION(STORE) | OPTION(KEY_FILE) | OPTION(JSON) | OPTION(QUIET) | \
     OPTION(HELP))
#define PICTURE_OPTIONS (OPTION(QR) | OPTION(PNG) | OPTION(SVG))

enum needs { NEEDS_NOTHING, NEEDS_CONF, NEEDS_STORE };

struct verb {
    const char *name;
    const char *synopsis; /* its arguments */
    const char *help;
    uint64_t options;
    size_t least, most; /* arguments; USER and DEVICE are seen to by run_user and run_device */
    enum needs needs;
    verb_fn *function;
};

static verb_fn verb_help;

static const struct verb verbs[] = {
    {"init", "", "create directories, key and store; safe to repeat", 0, 0, 0, NEEDS_CONF,
     verb_init},
    {"add", "USER", "an account without a device",
     OPTION(EMAIL) | OPTION(FULL_NAME) | OPTION(ROLE) | OPTION(PASSWORD_STDIN), 1, 1, NEEDS_STORE,
     verb_add},
    {"enroll", "USER", "a new device: its QR code and key URI",
     OPTION(DEVICE) | OPTION(TYPE) | OPTION(ALGORITHM) | OPTION(DIGITS) | OPTION(PERIOD) |
         OPTION(COUNTER) | OPTION(SECRET_STDIN) | OPTION(REPLACE) | OPTION(NO_CONFIRM) |
         PICTURE_OPTIONS,
     0, 1, NEEDS_STORE, verb_enroll},
    {"confirm", "USER [DEVICE]", "activate a device with its first code", OPTION(DEVICE), 0, 2,
     NEEDS_STORE, verb_confirm},
    {"verify", "USER", "judge and consume one code as a login would", 0, 0, 1, NEEDS_STORE,
     verb_verify},
    {"qr", "USER [DEVICE]", "the QR code again", OPTION(DEVICE) | PICTURE_OPTIONS, 0, 2,
     NEEDS_STORE, verb_qr},
    {"list", "", "the accounts", OPTION(PENDING) | OPTION(LOCKED) | OPTION(UNUSED_FOR), 0, 0,
     NEEDS_STORE, verb_list},
    {"show", "USER", "one account and its devices", 0, 0, 1, NEEDS_STORE, verb_show},
    {"set", "USER KEY=VALUE...", "change email, full_name, role", 0, 1, 4, NEEDS_STORE, verb_set},
    {"enable", "USER [DEVICE]", "two-factor login on, for the account or one device",
     OPTION(DEVICE), 0, 2, NEEDS_STORE, verb_enable},
    {"disable", "USER [DEVICE]", "two-factor login off, for the account or one device",
     OPTION(DEVICE), 0, 2, NEEDS_STORE, verb_disable},
    {"lock", "USER", "close the account", 0, 0, 1, NEEDS_STORE, verb_lock},
    {"unlock", "USER", "open the account, clear its lock and failure count", 0, 0, 1, NEEDS_STORE,
     verb_unlock},
    {"remove", "USER [DEVICE]", "remove the account or one device", OPTION(DEVICE), 0, 2,
     NEEDS_STORE, verb_remove},
    {"passwd", "USER", "set or clear the store's password", OPTION(DELETE), 0, 1, NEEDS_STORE,
     verb_passwd},
    {"backup", "new|status|revoke USER", "backup tokens", OPTION(COUNT), 1, 2, NEEDS_STORE,
     verb_backup},
    {"log", "[USER]", "what happened",
     OPTION(SINCE) | OPTION(SERVICE) | OPTION(VERDICT) | OPTION(FOLLOW), 0, 1, NEEDS_STORE,
     verb_log},
    {"config", "[SERVICE]", "the configuration in force, for one PAM service if named", 0, 0, 1,
     NEEDS_NOTHING, verb_config},
    {"help", "[VERB]", "this list, or what a verb takes", 0, 0, 1, NEEDS_NOTHING, verb_help},
};

/* --- the command line ------------------------------------------------------------------------- */

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

const char *run_word(const struct run *run, size_t n)
{
    return n < run->args.word_count ? run->args.word[n] : NULL;
}

const char *run_option(const struct run *run, enum args_option option)
{
    return run->args.option[option];
}

int run_user(const struct run *run, size_t n, const char **user, struct err *err)
{
    const char *word = run_word(run, n);

    if (word == NULL && !run->remote)
        return err_set(err, ERR_USAGE, run_word(run, 0), "an argument is missing: name the user");
    *user = word != NULL ? word : run->actor;
    return 0;
}

int run_device(const struct run *run, size_t n, const char **label, struct err *err)
{
    const char *word = run_word(run, n), *option = run_option(run, OPTION_DEVICE);

    if (word != NULL && option != NULL)
        return err_set(err, ERR_USAGE, "--device", "the device is named twice");
    *label = word != NULL ? word : option;
    return 0;
}

int run_number(const struct run *run, enum args_option option, uint64_t min, uint64_t max,
               uint64_t *value, struct err *err)
{
    const char *text = run_option(run, option);

    if (text != NULL && text_parse_uint(text, min, max, value) != 0)
        return err_set(err, ERR_USAGE, args_name(option), "it takes a number from %llu to %llu",
                       (unsigned long long)min, (unsigned long long)max);
    return 0;
}

static void print_usage(FILE *to, const struct verb *verb)
{
    fprintf(to,
            "usage: totpctl [--config FILE] [--store URI] [--key-file FILE] [--json] [--quiet] ");
    if (verb == NULL)
        fprintf(to, "VERB [ARGUMENTS]\n");
    else
        fprintf(to, "%s%s%s%s\n", verb->name, verb->synopsis[0] != '\0' ? " " : "", verb->synopsis,
                verb->options != 0 ? " [OPTIONS]" : "");
}

static void print_verb(const struct verb *verb)
{
    print_usage(stdout, verb);
    printf("\n%s: %s\n", verb->name, verb->help);
    if (verb->options != 0)
        putchar('\n');
    args_help(verb->options);
    printf("\nWith every verb:\n");
    args_help(GLOBAL_OPTIONS);
}

static void print_verbs(void)
{
    print_usage(stdout, NULL);
    putchar('\n');
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
        printf("  %-7s %-22s %s\n", verbs[i].name, verbs[i].synopsis, verbs[i].help);
    putchar('\n');
    args_help(GLOBAL_OPTIONS | OPTION(VERSION));
    printf(
        "\nCodes, passwords and secrets are asked for on the terminal, or read as one line from\n"
        "standard input. totpctl help VERB tells more.\n"
        "Without root the service totpd is asked: USER is oneself, and may be left out; others "
        "are\n"
        "for those who have the role admin. It may ask for a code of one's own.\n"
        "Exit status: 0 done or accepted, 1 refused, 2 called wrongly, 3 no such user or device,\n"
        "4 store, key or configuration unusable, 5 locked.\n");
}

static int verb_help(struct run *run, struct err *err)
{
    const char *name = run_word(run, 1);
    const struct verb *verb = name != NULL ? find_verb(name) : NULL;

    if (name != NULL && verb == NULL)
        return err_set(err, ERR_USAGE, NULL, "there is no verb '%s'", name);
    if (verb != NULL)
        print_verb(verb);
    else
        print_verbs();
    return STATUS_DONE;
}

/* --- one run ---------------------------------------------------------------------------------- */

int run_now(int64_t *now, struct err *err)
{
    struct timespec time = {0};

    if (clock_gettime(CLOCK_REALTIME, &time) != 0 || time.tv_sec < 0)
        return err_set(err, ERR_CLOCK, NULL, NULL);
    *now = time.tv_sec;
    return 0;
}

int run_load_conf(const struct run *run, const char *service, struct conf *conf, struct err *err)
{
    static const struct {
        enum args_option option;
        const char *name;
    } settings[] = {
        {OPTION_CONFIG, "config"}, {OPTION_STORE, "store"}, {OPTION_KEY_FILE, "key_file"}};
    char text[ARRAY_SIZE(settings)][PATH_MAX];
    const char *line[ARRAY_SIZE(settings)];
    int count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        const char *value = run_option(run, settings[i].option);
        if (value == NULL)
            continue;
        /* From the shell a path is relative to where one is; the library takes none of those. */
        bool relative = settings[i].option != OPTION_STORE && value[0] != '/';
        char here[PATH_MAX] = "";
        if (relative && getcwd(here, sizeof(here)) == NULL)
            return err_set_errno(err, ERR_SYSTEM, errno, args_name(settings[i].option), NULL);
        if (snprintf(text[i], PATH_MAX, "%s=%s%s%s", settings[i].name, here, relative ? "/" : "",
                     value) >= PATH_MAX)
            return err_set(err, ERR_TOO_LONG, args_name(settings[i].option), NULL);
        line[count++] = text[i];
    }
    return conf_load(conf, service, count, line, err);
}

void run_warn_stranger(const struct run *run, const char *user)
{
    errno = 0;
    const struct passwd *known = getpwnam(user);
    if (known == NULL && errno == 0)
        run_remark(run, "this host has no login user '%s': check the spelling", user);
    else if (known != NULL && strcmp(known->pw_name, user) != 0)
        run_remark(run,
                   "this host knows '%s' as '%s', which is the name it looks for at a login: enrol "
                   "that one instead",
                   user, known->pw_name);
}

enum status run_verdict(enum verdict verdict)
{
    if (verdict == VERDICT_ACCEPTED)
        return STATUS_DONE;
    return verdict == VERDICT_LOCKED ? STATUS_LOCKED : STATUS_REFUSED;
}

static void run_close(struct run *run)
{
    if (run->store != NULL)
        store_settle(run->store);
    store_close(&run->store);
}

/* Who acts, from where. */
static void run_identify(struct run *run)
{
    const struct passwd *self = getpwuid(getuid());

    if (self != NULL)
        text_cut(run->actor, sizeof(run->actor), self->pw_name);
    else
        snprintf(run->actor, sizeof(run->actor), "%lu", (unsigned long)getuid());
    if (ttyname_r(STDIN_FILENO, run->tty, sizeof(run->tty)) != 0)
        run->tty[0] = '\0';
    if (gethostname(run->host, sizeof(run->host)) != 0 || run->host[0] == '\0')
        text_cut(run->host, sizeof(run->host), "localhost");
    run->host[sizeof(run->host) - 1] = '\0';
}

/* Whose keys they are can open the store they seal. */
static bool owns_keys(const struct conf *conf)
{
    struct stat st = {0};

    return geteuid() == 0 || (stat(conf->key_file, &st) == 0 && st.st_uid == geteuid());
}

static int run_open(struct run *run, enum needs needs, struct err *err)
{
    struct seal_ring ring CLEANUP(seal_ring_clear) = {0};

    run_identify(run);
    int r = needs == NEEDS_NOTHING ? 0 : run_load_conf(run, NULL, &run->conf, err);
    if (r != 0 || needs != NEEDS_STORE)
        return r;
    run->remote = !owns_keys(&run->conf);
    if (run->remote)
        return 0;
    r = keys_load(run->conf.key_file, &ring, err);
    if (r == 0)
        r = store_open(run->conf.store, &ring, false, NULL, &run->store, err);
    if (r == 0)
        store_keep_events(run->store, run->conf.event_retention);
    return r;
}

/* --- asking ----------------------------------------------------------------------------------- */

static int ask_here(struct run *run, struct call *call, struct reply *reply, struct err *err)
{
    int64_t now = 0;

    call->actor = run->actor;
    int r = run_now(&now, err);
    return r == 0 ? perform(run->store, &run->conf, run->host, call, now, reply, err) : r;
}

static int ask_service(struct run *run, struct call *call, struct reply *reply, struct err *err)
{
    int r = client_ask(run->conf.socket, call, reply, err);

    char reason[ERR_WHAT_SIZE];

    text_cut(reason, sizeof(reason), err->what);
    if (r == ERR_NO_SERVICE)
        return err_set(err, r, run->conf.socket,
                       "%.110s; only root can do without it. Ask an administrator: 'systemctl "
                       "enable --now totpd.socket' starts it",
                       reason);
    const bool named = run_option(run, OPTION_CONFIG) != NULL ||
                       run_option(run, OPTION_STORE) != NULL ||
                       run_option(run, OPTION_KEY_FILE) != NULL;
    if (r == ERR_NOT_SERVED && named)
        return err_set(err, r, run->conf.socket,
                       "the service has another configuration, store or keys: leave out --config, "
                       "--store and --key-file");
    if (r == ERR_NOT_FOUND && call->user != NULL && strcmp(call->user, run->actor) == 0)
        return err_set(err, r, call->user, "%s",
                       reason[0] != '\0' ? reason
                                         : "you have no device yet: 'totpctl enroll' makes one");
    return r;
}

static int ask_with_proof(struct run *run, struct call *call, struct reply *reply, struct err *err)
{
    struct answer proof CLEANUP(answer_clear) = {0};

    int r = ask_secret("A code of your own: ", &proof, err);
    if (r == ERR_INVALID && !ask_is_terminal())
        return err_set(err, r, "standard input",
                       "a code of your own is needed: give it as the next line");
    if (r != 0)
        return r;
    call->proof = proof.text;
    r = ask_service(run, call, reply, err);
    call->proof = NULL;
    return r;
}

int run_ask(struct run *run, struct call *call, struct reply *reply, struct err *err)
{
    call->service = "totpctl";
    call->tty = run->tty[0] != '\0' ? run->tty : NULL;
    if (!run->remote)
        return ask_here(run, call, reply, err);
    call->config = run->conf.file;
    call->store = run->conf.store;
    call->key_file = run->conf.key_file;
    int r = ask_service(run, call, reply, err);
    if (r == ERR_PROOF)
        r = ask_with_proof(run, call, reply, err);
    run->locked = r == ERR_REFUSED && reply->outcome.verdict == VERDICT_LOCKED;
    return r;
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
    char sentence[ERR_WHERE_SIZE + ERR_WHAT_SIZE + 8];

    if (err->code == 0)
        (void)err_set(err, error, NULL, NULL);
    err_format(err, sentence, sizeof(sentence));
    out_message("%s", sentence);
    if (error == ERR_USAGE) {
        print_usage(stderr, verb);
        fprintf(stderr, "totpctl help%s%s tells more.\n", verb != NULL ? " " : "",
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
    if (r == 0 && (count < verb->least || count > verb->most))
        r = err_set(err, ERR_USAGE, verb->name,
                    count < verb->least ? "an argument is missing"
                                        : "there are too many arguments");
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
        return fail(err_set(err, ERR_USAGE, NULL, "there is no verb '%s'", name), err, NULL);
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
    int r = file_stdio_hold(&stdio);
    if (r == 0)
        r = args_parse(argc, argv, &run.args, &err);
    if (r != 0)
        return (int)fail(r, &err, NULL);
    run.json = run_option(&run, OPTION_JSON) != NULL;
    run.quiet = run_option(&run, OPTION_QUIET) != NULL;
    return (int)choose(&run, &err);
}
