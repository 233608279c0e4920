/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "run.h"

#include "ask.h"
#include "client.h"
#include "keys.h"
#include "language.h"
#include "mail.h"
#include "perform.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* --- what was given --------------------------------------------------------------------------- */

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

const char *run_argument(const struct run *run, const char *user,
                         char out[static RUN_ARGUMENT_SIZE])
{
    const bool own = run->remote && strcmp(user, run->actor) == 0;

    snprintf(out, RUN_ARGUMENT_SIZE, "%s%s", own ? "" : " ", own ? "" : user);
    return out;
}

int run_hint_device(const struct run *run, int r, struct err *err)
{
    const char *word = run_word(run, 1);

    if (r != ERR_PERMISSION || !run->remote || word == NULL || strcmp(word, run->actor) == 0 ||
        run_word(run, 2) != NULL || run_option(run, OPTION_DEVICE) != NULL)
        return r;
    return err_set(err, r, word,
                   _("not permitted: this is another's record; a device of your own is meant by "
                     "'totpctl %s --device %s'"),
                   run_word(run, 0), word);
}

int run_number(const struct run *run, enum args_option option, uint64_t min, uint64_t max,
               uint64_t *value, struct err *err)
{
    const char *text = run_option(run, option);

    if (text != NULL && text_parse_uint(text, min, max, value) != 0)
        return err_set(err, ERR_USAGE, args_name(option), _("it takes a number from %llu to %llu"),
                       (unsigned long long)min, (unsigned long long)max);
    return 0;
}

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

/* --- beginning and end ------------------------------------------------------------------------ */

void run_close(struct run *run)
{
    if (run->store != NULL)
        store_settle(run->store);
    store_close(&run->store);
}

/* Who acts, from where. */
static void identify(struct run *run)
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

int run_open(struct run *run, enum run_needs needs, struct err *err)
{
    struct seal_ring ring CLEANUP(seal_ring_clear) = {0};

    identify(run);
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

/* What has been committed stays so, whatever becomes of the e-mail about it. */
static void send_mail(struct run *run, const struct outbox *outbox)
{
    char text[ERR_WHERE_SIZE + ERR_WHAT_SIZE];
    struct err err = {0};

    if (outbox->count == 0 || mail_send(&run->conf, run->host, outbox, &err) == 0)
        return;
    run->unsent = true;
    err_format(&err, text, sizeof(text));
    out_message("no e-mail was sent: %s", text);
}

/* Whoever waits for a code on a host without an MTA waits in vain. The message is handed over all
 * the same: that it failed is recorded. */
static void warn_no_program(struct run *run)
{
    const char *command = run->conf.sendmail;
    const int length = (int)strcspn(command, " \t");
    char path[CONF_TEXT_SIZE];
    struct stat st = {0};

    snprintf(path, sizeof(path), "%.*s", length, command);
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0)
        return;
    run->unsent = true;
    out_message("%s: there is no such program: no e-mail leaves this host; see totp.conf(5)", path);
}

static int ask_here(struct run *run, struct call *call, struct reply *reply, struct err *err)
{
    struct outbox outbox CLEANUP(outbox_clear) = {0};
    int64_t now = 0;

    call->actor = run->actor;
    run->unsent = false;
    int r = run_now(&now, err);
    if (r != 0)
        return r;
    store_set_outbox(run->store, &outbox);
    r = perform(run->store, &run->conf, run->host, call, now, reply, err);
    store_set_outbox(run->store, NULL);
    send_mail(run, &outbox);
    if (r == 0 && reply->address[0] != '\0' && !run->unsent)
        warn_no_program(run);
    return r;
}

/* The use cases say what is wrong with a device; of a user who is not there they say nothing. */
static int name_nobody(const struct call *call, int r, struct err *err)
{
    if (r != ERR_NOT_FOUND || err->what[0] != '\0' || call->user == NULL)
        return r;
    return err_set(err, r, call->user, "there is no such user: see 'totpctl list'");
}

/* Of oneself, without a record. Only root makes one without a device. */
static const char *describe_missing(enum call_method method)
{
    return method == CALL_SET
               ? N_("you have no account yet: have an administrator run 'totpctl add' with your "
                    "name and --email ADDRESS")
               : N_("you have no device yet: 'totpctl enroll' makes one");
}

static int ask_service(struct run *run, struct call *call, struct reply *reply, struct err *err)
{
    int r = client_ask(run->conf.socket, call, reply, err);

    char reason[ERR_WHAT_SIZE];

    text_cut(reason, sizeof(reason), err->what);
    if (r == ERR_NO_SERVICE)
        return err_set(err, r, run->conf.socket,
                       _("%.110s; only root can do without it. Ask an administrator: 'systemctl "
                         "enable --now totpd.socket' starts it"),
                       _(reason));
    const bool named = run_option(run, OPTION_CONFIG) != NULL ||
                       run_option(run, OPTION_STORE) != NULL ||
                       run_option(run, OPTION_KEY_FILE) != NULL;
    if (r == ERR_NOT_SERVED && named)
        return err_set(err, r, run->conf.socket,
                       "the service has another configuration, store or keys: leave out --config, "
                       "--store and --key-file");
    if (r == ERR_NOT_FOUND && call->user != NULL && strcmp(call->user, run->actor) == 0)
        return err_set(err, r, call->user, "%s",
                       reason[0] != '\0' ? reason : describe_missing(call->method));
    return r;
}

/* --- asking, with a code of one's own --------------------------------------------------------- */

static int ask_with_proof(struct run *run, struct call *call, struct reply *reply, struct err *err)
{
    struct answer proof CLEANUP(answer_clear) = {0};

    int r = run_ask_code(run, run->actor, RUN_CODE_OWN, &proof, err);
    if (r == ERR_INVALID && !ask_is_terminal())
        return err_set(err, r, _("standard input"),
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
        return name_nobody(call, ask_here(run, call, reply, err), err);
    call->config = run->conf.file;
    call->store = run->conf.store;
    call->key_file = run->conf.key_file;
    int r = ask_service(run, call, reply, err);
    if (r == ERR_PROOF)
        r = ask_with_proof(run, call, reply, err);
    run->locked = r == ERR_REFUSED && reply->outcome.verdict == VERDICT_LOCKED;
    return name_nobody(call, r, err);
}

int run_look(struct run *run, const char *user, struct account *account, bool *known,
             struct err *err)
{
    struct call call = {.method = CALL_SHOW, .user = user};
    struct reply reply = {.account = account};

    *known = false;
    if (run->remote && strcmp(user, run->actor) != 0)
        return 0;
    int r = run_ask(run, &call, &reply, err);
    *known = r == 0;
    return r;
}
