/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "guard.h"

#include "group.h"
#include "language.h"
#include "match.h"
#include "password.h"
#include "perform.h"
#include "secret.h"
#include "text.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

#define OVERFLOW_UID 65534 /* how the kernel shows somebody whom this name space does not know */

enum right {
    NEVER = 0,
    FREE,              /* asked for without a code */
    PROOF_IF_ENROLLED, /* with a code, of whoever has had a device */
    PROOF,             /* with a code */
};

/* On one's own record, and as an admin on another's. */
static const struct {
    enum right own, others;
} rules[CALL_METHOD_COUNT] = {
    [CALL_BEGIN] = {FREE, NEVER},
    [CALL_CHECK] = {FREE, NEVER},
    [CALL_ACCOUNT] = {FREE, NEVER},
    [CALL_SHOW] = {FREE, PROOF},
    [CALL_LIST] = {NEVER, PROOF},
    [CALL_LOG] = {NEVER, PROOF},
    [CALL_ADD] = {NEVER, NEVER},
    [CALL_SET] = {PROOF_IF_ENROLLED, NEVER},
    [CALL_PASSWD] = {PROOF, NEVER},
    [CALL_ENROLL] = {PROOF_IF_ENROLLED, PROOF},
    [CALL_QR] = {PROOF, NEVER},
    [CALL_CONFIRM] = {FREE, PROOF},
    [CALL_REMOVE] = {PROOF_IF_ENROLLED, NEVER},
    [CALL_BACKUP] = {PROOF, PROOF},
    [CALL_REVOKE] = {PROOF, PROOF},
    [CALL_ENABLE] = {NEVER, NEVER},
    [CALL_DISABLE] = {NEVER, PROOF},
    [CALL_LOCK] = {NEVER, PROOF},
    [CALL_UNLOCK] = {NEVER, PROOF},
    [CALL_RESYNC] = {NEVER, PROOF},
    [CALL_SEND] = {FREE, NEVER},
    /* It asks for two codes itself. */
    [CALL_RECOVER] = {FREE, NEVER},
};

/* One question of somebody who is not root. */
struct request {
    struct store *store;
    const struct conf *conf;
    const char *host;
    struct call *call;
    int64_t now;
    struct reply *reply;
    struct err *err;
    char name[ACCOUNT_NAME_SIZE]; /* of the caller */
    char hash[ACCOUNT_HASH_SIZE]; /* of a new password */
    char group[GROUP_NAME_SIZE];  /* of the caller's, one that is exempt */
    enum right right;
    bool as_admin;
};

static void request_clear(struct request *request)
{
    secret_wipe(request->hash, sizeof(request->hash));
}

bool guard_is_login(enum call_method method)
{
    return method == CALL_BEGIN || method == CALL_CHECK || method == CALL_ACCOUNT ||
           method == CALL_SEND;
}

static int refuse(struct err *err, const char *what)
{
    return err_set(err, ERR_PERMISSION, NULL, "%s", what);
}

/* --- before anything is opened ---------------------------------------------------------------- */

/* Whether the user database leads from the name to the number too: two of its sources may know
 * different people by one name. */
static bool is_name_of(const char *name, uid_t uid)
{
    const struct passwd *known = account_name_valid(name) ? getpwnam(name) : NULL;

    return known != NULL && known->pw_uid == uid && strcmp(known->pw_name, name) == 0;
}

/* Who asks. Where several names have one number, it is the one that is asked about. */
static int identify(uid_t uid, const char *user, char name[static ACCOUNT_NAME_SIZE],
                    struct err *err)
{
    if (uid == 0 || uid == (uid_t)-1 || uid == OVERFLOW_UID)
        return refuse(err, "not permitted: this host cannot tell who asks");
    const struct passwd *known = getpwuid(uid);
    if (known == NULL || known->pw_uid != uid ||
        text_copy(name, ACCOUNT_NAME_SIZE, known->pw_name) != 0)
        return refuse(err, "not permitted: this host's user database does not know who asks");
    if (user != NULL && strcmp(user, name) != 0 && is_name_of(user, uid))
        text_cut(name, ACCOUNT_NAME_SIZE, user);
    return is_name_of(name, uid) && strcmp(name, "root") != 0
               ? 0
               : refuse(
                     err,
                     "not permitted: this host's user database knows somebody else by your name");
}

/* Where that cannot be seen, they are. */
static bool is_root(const char *user)
{
    if (!account_name_valid(user))
        return false; /* nobody's account */
    errno = 0;
    const struct passwd *known = getpwnam(user);
    return strcmp(user, "root") == 0 || (known == NULL && errno != 0 && errno != ENOENT) ||
           (known != NULL && known->pw_uid == 0);
}

/* What only the module at a login asks, which is root's there. */
static int check_words(const struct call *call, struct err *err)
{
    if (call->at_login || call->trial)
        return refuse(err, "not permitted: only a login enrols this way");
    return 0;
}

/* What a user may change of their own record is less than what the method can. */
static int check_own(const struct call *call, struct err *err)
{
    if (call->method == CALL_SET && (call->full_name != NULL || call->role != NULL))
        return refuse(err, "not permitted: of your own record you may set email");
    if (call->method == CALL_PASSWD && call->expire)
        return refuse(
            err,
            "not permitted: only root may have a password expire; 'totpctl passwd' sets a new one");
    if (call->method == CALL_REMOVE && call->device == NULL)
        return refuse(err, "not permitted: you may remove a device of yours: name it");
    return 0;
}

static int find_right(struct request *request)
{
    const struct call *call = request->call;
    const bool own = call->user != NULL && strcmp(call->user, request->name) == 0;

    request->right = own ? rules[call->method].own : NEVER;
    if (request->right != NEVER)
        return check_own(call, request->err);
    request->right = rules[call->method].others;
    request->as_admin = true;
    if (request->right == NEVER)
        return refuse(
            request->err,
            own || rules[call->method].own == NEVER
                ? "not permitted: only root may do this"
                : N_("not permitted: this is another's record, and only root may do it there"));
    return 0;
}

/* The caller's words are kept where they harm nobody. */
static void correct(struct request *request)
{
    struct call *call = request->call;

    if (!guard_is_login(call->method))
        call->service = "totpctl";
    call->rhost = NULL;
    call->own_lock = 0;
    if (guard_is_login(call->method)) {
        group_find(request->conf->exempt_groups, request->name, request->group);
        call->group = request->group;
    }
    call->actor = request->name;
    call->guarded = true;
    if (call->user == NULL && call->method != CALL_LIST && call->method != CALL_LOG)
        call->user = request->name;
}

/* --- with the store open ---------------------------------------------------------------------- */

static int act(struct request *request, const struct call *call, struct reply *reply)
{
    return perform(request->store, request->conf, request->host, call, request->now, reply,
                   request->err);
}

static int refuse_proof(const struct request *request)
{
    static const char *const words[VERDICTS] = {
        [VERDICT_WRONG] = N_("your own code is wrong"),
        [VERDICT_REPLAYED] = N_("your own code has been used already: wait for the next one"),
        [VERDICT_MALFORMED] =
            N_("your own code is not one: it has as many digits as your device shows"),
        [VERDICT_LOCKED] = N_("your own account is closed or locked"),
        [VERDICT_UNENROLLED] = N_("this takes a code of your own, and you have no active device: "
                                  "see 'totpctl show', or ask an administrator"),
        [VERDICT_DISABLED] =
            N_("this takes a code of your own, and two-factor login is off for your "
               "account: ask an administrator"),
    };
    const char *what = words[request->reply->outcome.verdict];

    request->reply->outcome.admit = ADMIT_NO;
    return err_set(request->err, ERR_REFUSED, NULL, "%s", what != NULL ? what : words[0]);
}

static int prove(struct request *request)
{
    struct outcome *outcome = &request->reply->outcome;
    const struct call check = {.method = CALL_CHECK,
                               .user = request->name,
                               .service = request->call->service,
                               .tty = request->call->tty,
                               .actor = request->name,
                               .action = "proof",
                               .code = request->call->proof};
    struct reply reply = {0};

    if (check.code == NULL)
        return err_set(request->err, ERR_PROOF, NULL,
                       "a fresh code of your own, or a backup token, is needed");
    int r = act(request, &check, &reply);
    if (r != 0)
        return r;
    *outcome = reply.outcome;
    /* Not what the rules let pass without a code: a code. */
    if (outcome->verdict != VERDICT_ACCEPTED || outcome->admit != ADMIT_YES)
        return refuse_proof(request);
    *outcome = (struct outcome){0};
    return 0;
}

/* Before the user database is asked about a name of their choice, and again where it counts. */
static int check_admin(struct request *request, const struct account *account)
{
    const struct call *call = request->call;

    if (account->role == ROLE_ADMIN)
        return 0;
    return refuse(request->err, call->user != NULL && strcmp(call->user, request->name) != 0
                                    ? "not permitted: this is another's record"
                                    : N_("not permitted: this takes the role admin"));
}

static bool has_proved(const struct account *account)
{
    return account_count(account, DEVICE_PENDING) < account->device_count;
}

/* What an admin asks, before a transaction keeps anybody waiting. */
static int look_at_admin(struct request *request)
{
    struct account account CLEANUP(account_clear) = {0};
    const struct call show = {.method = CALL_SHOW, .user = request->name};
    struct reply reply = {.account = &account};
    const char *user = request->call->user;

    if (!request->as_admin)
        return 0;
    int r = act(request, &show, &reply);
    if (r == 0 || r == ERR_NOT_FOUND)
        r = check_admin(request, &account);
    if (r == 0 && user != NULL && strcmp(user, request->name) != 0 && is_root(user))
        return refuse(request->err, "not permitted: root's record is root's alone");
    return r;
}

static int settle(struct request *request)
{
    struct account account CLEANUP(account_clear) = {0};
    const struct call show = {.method = CALL_SHOW, .user = request->name};
    struct reply reply = {.account = &account};

    int r = act(request, &show, &reply);
    if (r != 0 && r != ERR_NOT_FOUND)
        return r;
    const bool known = r == 0;
    if (request->as_admin && (r = check_admin(request, &account)) != 0)
        return r;
    /* An admin begins with a device from root: the role must not fall to whoever enrols first. */
    if (request->right != PROOF && !(known && (has_proved(&account) || account.role == ROLE_ADMIN)))
        return 0;
    /* The first code of a device is for logins and Confirm; it proves nothing else. */
    if (match_is_waiting(&account)) {
        request->reply->outcome.verdict = VERDICT_UNENROLLED;
        return request->call->proof != NULL ? refuse_proof(request) : prove(request);
    }
    return prove(request);
}

/* What an admin is shown leaves out root's records. */
struct view {
    struct reply *reply; /* the caller's */
    char name[ACCOUNT_NAME_SIZE];
    bool hidden; /* that name: most events follow one of the same user */
};

static bool is_hidden(struct view *view, const char *name)
{
    if (view->name[0] == '\0' || strcmp(view->name, name) != 0) {
        text_cut(view->name, sizeof(view->name), name);
        view->hidden = is_root(name);
    }
    return view->hidden;
}

static int view_account(void *context, const struct account *account)
{
    struct view *view = context;

    return is_hidden(view, account->name)
               ? 0
               : view->reply->each_account(view->reply->context, account);
}

static int view_event(void *context, const struct event *event)
{
    struct view *view = context;

    return is_hidden(view, event->user) ? 0 : view->reply->each_event(view->reply->context, event);
}

static int show(struct request *request)
{
    struct view view = {.reply = request->reply};
    struct reply reply = {.each_account = view_account, .each_event = view_event, .context = &view};

    return act(request, request->call, &reply);
}

/* What the event of an admin's look is called; NULL: it is none, and has its own. */
static const char *name_look(enum call_method method)
{
    switch (method) {
    case CALL_SHOW:
        return "show";
    case CALL_LIST:
        return "list";
    case CALL_LOG:
        return "log";
    default:
        return NULL;
    }
}

/* Looking changes nothing, and leaves who has looked at whom all the same. */
static int record_look(struct request *request)
{
    const struct call *call = request->call;
    const char *action = name_look(call->method);
    const struct event_origin origin = {
        .service = call->service, .tty = call->tty, .actor = request->name};
    struct event event;

    if (action == NULL)
        return 0;
    event_init(&event, request->now, action, call->user, &origin);
    int r = store_begin(request->store, STORE_WRITE, request->err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_end) = request->store;
    r = store_event(open, &event, request->err);
    return r == 0 ? store_commit(open, request->err) : r;
}

static bool streams(enum call_method method)
{
    return (reply_parts(method) & REPLY_STREAM) != 0;
}

/* In one transaction; what is long to read comes after it. */
static int settle_and_act(struct request *request)
{
    const bool later = streams(request->call->method);
    struct err ignored = {0};

    int r = store_group_begin(request->store, request->err);
    if (r != 0)
        return r;
    struct store *open CLEANUP(store_group_end) = request->store;
    int answer = settle(request);
    if (answer == 0)
        answer = record_look(request);
    if (answer == 0 && !later)
        answer = act(request, request->call, request->reply);
    /* Also what was refused: it was counted. */
    r = store_group_commit(open, answer == 0 ? request->err : &ignored);
    if (r != 0 && answer != 0)
        return err_set(request->err, r, ignored.where, "%s", ignored.what);
    if (r == 0 && answer == 0 && later)
        answer = show(request);
    if (r != 0)
        request->reply->outcome = (struct outcome){0};
    return r != 0 ? r : answer;
}

/* The slow crypt(3) comes before the transaction, and not for those who have shown no code. */
static int hash_password(struct request *request)
{
    struct call *call = request->call;

    if (call->method != CALL_PASSWD || call->proof == NULL || call->new_password == NULL ||
        call->new_password[0] == '\0')
        return 0;
    call->new_hash = request->hash;
    int r = password_hash(call->new_password, request->hash);
    return r == 0 ? 0 : err_set(request->err, r, "password", NULL);
}

/* What these rules spare at a login would spare whoever acts in a person's name their guesses: they
 * choose the terminal they claim, and may ask without end. */
static void restrict_conf(struct conf *conf)
{
    conf->rules.grace = 0;
    conf->audit_only = false;
    conf->debug = false;
}

int guard_perform(struct served *served, const struct conf *conf, const char *host, uid_t uid,
                  struct call *call, int64_t now, struct reply *reply, struct err *err)
{
    struct conf own = *conf;
    struct request request CLEANUP(request_clear) = {.store = served->store,
                                                     .conf = &own,
                                                     .host = host,
                                                     .call = call,
                                                     .now = now,
                                                     .reply = reply,
                                                     .err = err};

    restrict_conf(&own);
    int r = identify(uid, call->user, request.name, err);
    if (r != 0)
        return r;
    correct(&request);
    r = check_words(call, err);
    if (r == 0)
        r = find_right(&request);
    if (r == 0 && request.right == FREE)
        return act(&request, call, reply);
    if (r == 0)
        r = look_at_admin(&request);
    if (r == 0)
        r = hash_password(&request);
    return r == 0 ? settle_and_act(&request) : r;
}
