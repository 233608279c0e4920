/* SPDX-License-Identifier: BSD-2-Clause */
/* A worker of totpd: answers messages, one after the other, from the socket it was started with. Of
 * the fast kind there is one, which judges root's logins, those that arrive together in one
 * transaction; the slow kind does everything else. */
#include "config.h"

#include "frame.h"
#include "guard.h"
#include "mail.h"
#include "perform.h"
#include "served.h"
#include "text.h"
#include "varlink.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define BATCH_MAX 16  /* logins in one transaction */
#define WRONG_MAX 257 /* of a name that is not ours, in an answer */

/* One message on its way to its answer. */
struct task {
    struct frame *frame;
    struct call call;
    struct call_flags flags;
    struct conf conf; /* for the service the call names */
    struct reply reply;
    struct outbox outbox; /* what is to be told when all has been committed */
    struct err err;
    int result; /* of the use case */
    bool judged;
};

struct worker {
    bool fast, journal;
    char host[256];
    struct served served;
    struct frame answer;
};

/* --- answers ---------------------------------------------------------------------------------- */

/* false: totpd is gone. */
static bool send_frame(struct worker *worker, const struct task *task, uint32_t flags,
                       size_t length)
{
    struct frame *answer = &worker->answer;
    ssize_t n;

    answer->id = task->frame->id;
    answer->uid = 0;
    answer->flags =
        flags | ((flags & FRAME_FINAL) != 0 && worker->served.exchanged ? FRAME_RENEW : 0);
    if ((flags & FRAME_FINAL) != 0)
        worker->served.exchanged = false;
    answer->length = task->flags.oneway ? 0 : (uint32_t)length;
    do
        n = send(FRAME_FD, answer, FRAME_HEADER_SIZE + answer->length, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    secret_wipe(answer->bytes, length);
    return n >= 0;
}

static void log_err(const struct worker *worker, const struct err *err)
{
    char text[ERR_WHERE_SIZE + ERR_WHAT_SIZE + 4], line[1024];

    err_format(err, text, sizeof(text));
    text_escape(line, sizeof(line), text);
    fprintf(stderr, "%s%s\n", worker->journal ? "<3>" : "totpd: ", line);
}

/* Where the store is and what is wrong with it is no business of those who are not root. */
static void hide(const struct worker *worker, struct err *err)
{
    switch (err->code) {
    case ERR_NOMEM:
    case ERR_SYSTEM:
    case ERR_RANDOM:
    case ERR_CLOCK:
    case ERR_CRYPTO:
    case ERR_FILE_MISSING:
    case ERR_FILE_OWNER:
    case ERR_FILE_MODE:
    case ERR_FILE_TYPE:
    case ERR_FILE_LINK:
    case ERR_CONFIG:
    case ERR_STORE:
    case ERR_STORE_BUSY:
    case ERR_STORE_FULL:
    case ERR_STORE_READONLY:
    case ERR_STORE_CORRUPT:
    case ERR_STORE_SCHEMA:
    case ERR_STORE_NEWER:
    case ERR_KEY_UNKNOWN:
    case ERR_SEAL:
        log_err(worker, err);
        (void)err_set(err, err->code, NULL,
                      "the service cannot do this now: ask an administrator to see its log");
        break;
    default:
        break;
    }
}

/* What SQLite has in memory of a file that was put in another's place does not heal by itself. */
static bool is_of_store(int error)
{
    return error == ERR_STORE || error == ERR_STORE_READONLY || error == ERR_STORE_CORRUPT ||
           error == ERR_STORE_SCHEMA || error == ERR_STORE_NEWER;
}

static bool answer_err(struct worker *worker, struct task *task)
{
    struct frame *answer = &worker->answer;
    size_t length = 0;

    if (is_of_store(task->result))
        served_drop(&worker->served);

    if (task->err.code != task->result)
        (void)err_set(&task->err, task->result, NULL, NULL);
    /* After an upgrade a program of the store's version does it itself. */
    if (task->result == ERR_STORE_NEWER && task->frame->uid == 0) {
        log_err(worker, &task->err);
        (void)err_set(&task->err, ERR_NOT_SERVED, NULL,
                      "the service cannot read its store: restart totpd");
    }
    if (task->frame->uid != 0)
        hide(worker, &task->err);
    int r = reply_write_err(&task->err, &task->reply.outcome, answer->bytes, sizeof(answer->bytes),
                            &length);
    return send_frame(worker, task, FRAME_FINAL, r == 0 ? length : 0);
}

static bool answer_wrong(struct worker *worker, const struct task *task, enum varlink_error error,
                         const char *wrong)
{
    struct frame *answer = &worker->answer;
    char shown[WRONG_MAX];
    size_t length = 0;

    text_cut(shown, sizeof(shown), wrong);
    int r = varlink_error(error, shown, answer->bytes, sizeof(answer->bytes), &length);
    return send_frame(worker, task, FRAME_FINAL, r == 0 ? length : 0);
}

static bool answer(struct worker *worker, struct task *task)
{
    struct frame *out = &worker->answer;
    size_t length = 0;

    if (task->result == 0)
        task->result =
            reply_write(task->call.method, &task->reply, out->bytes, sizeof(out->bytes), &length);
    return task->result == 0 ? send_frame(worker, task, FRAME_FINAL, length)
                             : answer_err(worker, task);
}

/* --- reading a message ------------------------------------------------------------------------ */

/* What can be said without the store. true: it has been said, and *alive tells how it went. */
static bool answer_at_once(struct worker *worker, struct task *task, int read, const char *wrong,
                           bool *alive)
{
    struct frame *out = &worker->answer;
    const bool streams = read == 0 && (reply_parts(task->call.method) & REPLY_STREAM) != 0;
    size_t length = 0;

    if (read == ERR_SYNTAX)
        *alive = send_frame(worker, task, FRAME_FINAL | FRAME_CLOSE, 0);
    else if (read == ERR_NOT_FOUND)
        *alive = answer_wrong(worker, task, VARLINK_METHOD_NOT_FOUND, wrong);
    else if (read != 0)
        *alive = answer_wrong(worker, task, VARLINK_INVALID_PARAMETER, wrong);
    else if (task->flags.upgrade)
        *alive = answer_wrong(worker, task, VARLINK_METHOD_NOT_IMPLEMENTED, "upgrade");
    else if (streams && !task->flags.more)
        *alive = answer_wrong(worker, task, VARLINK_EXPECTED_MORE, NULL);
    else if (task->frame->uid != 0 && task->call.options.count > 0)
        *alive = answer_wrong(worker, task, VARLINK_INVALID_PARAMETER, "options");
    else if (task->call.method != CALL_INFO && task->call.method != CALL_DESCRIBE)
        return false;
    else if (varlink_reply(&task->call, out->bytes, sizeof(out->bytes), &length) == 0)
        *alive = send_frame(worker, task, FRAME_FINAL, length);
    else
        *alive = answer_wrong(worker, task, VARLINK_INTERFACE_NOT_FOUND,
                              task->call.interface != NULL ? task->call.interface : "");
    return true;
}

/* The files the call means are those that are open; the rules are those of the service it names. */
static int prepare(struct worker *worker, struct task *task)
{
    const struct call *call = &task->call;
    const struct served *served = &worker->served;
    const char *service =
        task->frame->uid == 0 || guard_is_login(call->method) ? call->service : "totpctl";

    int r = served_matches(served, call->config, call->store, call->key_file, &task->err);
    return r == 0 ? served_conf(served, service, call->options.count, call->options.text,
                                &task->conf, &task->err)
                  : r;
}

/* The slow crypt(3), long answers and everybody else's questions would keep root's logins waiting.
 */
static bool is_fast(const struct task *task)
{
    return task->frame->uid == 0 && guard_is_login(task->call.method) && !task->call.check_password;
}

static int64_t read_clock(struct err *err)
{
    struct timespec now = {0};

    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || now.tv_sec < 0)
        return err_set(err, ERR_CLOCK, NULL, NULL);
    return now.tv_sec;
}

/* --- e-mail ----------------------------------------------------------------------------------- */

static void hand_over(const struct worker *worker, const struct task *task)
{
    struct err err = {0};

    if (mail_send(&task->conf, worker->host, &task->outbox, &err) != 0)
        log_err(worker, &err);
}

/* After the answer, and in a process of its own, which is reaped by nobody: others' questions do
 * not wait until the message has been taken. Where there is no room for one they do. */
static void send_mail(const struct worker *worker, struct task *task)
{
    pid_t child = task->outbox.count > 0 ? fork() : 1;

    if (child == 0) {
        close(FRAME_FD); /* by which totpd knows that the worker lives */
        (void)signal(SIGCHLD, SIG_DFL);
        hand_over(worker, task);
        _exit(0); /* the store is not this process's to close */
    }
    if (child < 0) {
        (void)signal(SIGCHLD, SIG_DFL); /* it is to be seen how totp-mail ends */
        hand_over(worker, task);
        (void)signal(SIGCHLD, SIG_IGN);
    }
    outbox_clear(&task->outbox);
}

/* --- the slow kind ---------------------------------------------------------------------------- */

/* What a visitor of a long answer needs. */
struct stream {
    struct worker *worker;
    const struct task *task;
};

static int send_part(const struct stream *stream, int written, size_t length)
{
    if (written != 0)
        return written;
    return send_frame(stream->worker, stream->task, 0, length) ? 0 : ERR_SERVICE;
}

static int send_account(void *context, const struct account *account)
{
    const struct stream *stream = context;
    struct frame *out = &stream->worker->answer;
    size_t length = 0;

    int r = reply_write_account(account, out->bytes, sizeof(out->bytes), &length);
    return send_part(stream, r, length);
}

static int send_event(void *context, const struct event *event)
{
    const struct stream *stream = context;
    struct frame *out = &stream->worker->answer;
    size_t length = 0;

    int r = reply_write_event(event, out->bytes, sizeof(out->bytes), &length);
    return send_part(stream, r, length);
}

static int do_slowly(struct worker *worker, struct task *task)
{
    const uid_t uid = task->frame->uid;
    int64_t now = read_clock(&task->err);

    if (now < 0)
        return (int)now;
    if (uid == 0)
        return perform(worker->served.store, &task->conf, worker->host, &task->call, now,
                       &task->reply, &task->err);
    return guard_perform(&worker->served, &task->conf, worker->host, uid, &task->call, now,
                         &task->reply, &task->err);
}

static bool handle_slowly(struct worker *worker, struct task *task)
{
    struct account account CLEANUP(account_clear) = {0};
    struct reply_device enrolled CLEANUP(reply_device_clear) = {0};
    struct reply_tokens tokens CLEANUP(reply_tokens_clear) = {0};
    struct stream stream = {.worker = worker, .task = task};

    task->reply = (struct reply){.account = &account,
                                 .enrolled = &enrolled,
                                 .tokens = &tokens,
                                 .each_account = send_account,
                                 .each_event = send_event,
                                 .context = &stream};
    task->result = served_open(&worker->served, &task->err);
    if (task->result == 0)
        task->result = prepare(worker, task);
    if (task->result == 0) {
        store_set_outbox(worker->served.store, &task->outbox);
        task->result = do_slowly(worker, task);
        store_set_outbox(worker->served.store, NULL);
    }
    const bool alive = answer(worker, task);
    send_mail(worker, task);
    return alive;
}

/* --- the fast kind ---------------------------------------------------------------------------- */

static void judge(struct worker *worker, struct task *task, int64_t now)
{
    task->judged = true;
    store_set_outbox(worker->served.store, &task->outbox);
    task->result = perform(worker->served.store, &task->conf, worker->host, &task->call, now,
                           &task->reply, &task->err);
    store_set_outbox(worker->served.store, NULL);
}

/* All of them in one transaction, each judged as if it were alone; when that does not last, none
 * has happened. */
static void judge_together(struct worker *worker, struct task *tasks, size_t count, int64_t now)
{
    struct err err = {0};

    int r = store_group_begin(worker->served.store, &err);
    if (r == 0) {
        struct store *open CLEANUP(store_group_end) = worker->served.store;
        for (size_t i = 0; i < count; i++)
            if (tasks[i].result == 0)
                judge(worker, &tasks[i], now);
        r = store_group_commit(open, &err);
    }
    for (size_t i = 0; r != 0 && i < count; i++)
        if (tasks[i].result == 0 || tasks[i].judged) {
            tasks[i].result = r;
            tasks[i].err = err;
            tasks[i].reply = (struct reply){0};
            outbox_clear(&tasks[i].outbox);
        }
}

static bool handle_batch(struct worker *worker, struct task *tasks, size_t count)
{
    struct err err = {0};
    size_t sound = 0;
    bool alive = true;
    int64_t now = read_clock(&err);
    /* Once for all of them: what is exchanged meanwhile is found by the next. */
    int opened = now < 0 ? (int)now : served_open(&worker->served, &err);

    for (size_t i = 0; i < count; i++) {
        tasks[i].err = err;
        tasks[i].result = opened != 0 ? opened : prepare(worker, &tasks[i]);
        sound += tasks[i].result == 0;
    }
    if (sound > 1)
        judge_together(worker, tasks, count, now);
    else
        for (size_t i = 0; i < count; i++)
            if (tasks[i].result == 0)
                judge(worker, &tasks[i], now);
    for (size_t i = 0; i < count; i++)
        alive = answer(worker, &tasks[i]) && alive;
    for (size_t i = 0; i < count; i++)
        send_mail(worker, &tasks[i]);
    return alive;
}

/* --- messages --------------------------------------------------------------------------------- */

/* 1: a message, 0: none is waiting, -1: totpd is gone. */
static int receive(struct frame *frame, bool wait)
{
    ssize_t n;

    do
        n = recv(FRAME_FD, frame, sizeof(*frame), wait ? 0 : MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return 0;
    return n > (ssize_t)FRAME_HEADER_SIZE && frame->length == (size_t)n - FRAME_HEADER_SIZE ? 1
                                                                                            : -1;
}

/* true: the task waits to be judged. */
static bool take(struct worker *worker, struct task *task, struct frame *frame, bool *alive)
{
    const char *wrong = NULL;

    *task = (struct task){.frame = frame};
    int r = call_read(frame->bytes, frame->length, &task->call, &task->flags, &wrong);
    if (answer_at_once(worker, task, r, wrong, alive))
        return false;
    if (!worker->fast || is_fast(task))
        return true;
    *alive = send_frame(worker, task, FRAME_FINAL | FRAME_DEFER, 0);
    return false;
}

static void forget(struct task *task)
{
    secret_wipe(task->frame->bytes, task->frame->length);
    secret_wipe(&task->reply, sizeof(task->reply));
}

static void run(struct worker *worker, struct frame *frames, struct task *tasks)
{
    const size_t most = worker->fast ? BATCH_MAX : 1;
    bool alive = true;

    while (alive) {
        size_t count = 0;
        for (size_t i = 0; alive && i < most; i++) {
            int got = receive(&frames[i], i == 0);
            if (got <= 0) {
                alive = got == 0;
                break;
            }
            if (take(worker, &tasks[count], &frames[i], &alive))
                count++;
            else
                secret_wipe(frames[i].bytes, frames[i].length);
        }
        if (count > 0 && worker->fast)
            alive = handle_batch(worker, tasks, count) && alive;
        else if (count > 0)
            alive = handle_slowly(worker, &tasks[0]) && alive;
        for (size_t i = 0; i < count; i++)
            forget(&tasks[i]);
    }
}

/* --- starting --------------------------------------------------------------------------------- */

static bool read_arguments(int argc, char **argv, struct worker *worker)
{
    if (argc < 3 || (strcmp(argv[1], "--fast") != 0 && strcmp(argv[1], "--slow") != 0) ||
        strcmp(argv[2], FRAME_BUILD) != 0)
        return false;
    worker->fast = strcmp(argv[1], "--fast") == 0;
    worker->journal = getenv("JOURNAL_STREAM") != NULL;
    if (argc == 5 && strcmp(argv[3], "--config") == 0)
        worker->served.config = argv[4];
    return argc == 3 || worker->served.config != NULL;
}

static bool greet(struct worker *worker)
{
    worker->answer.id = FRAME_HELLO;
    return send(FRAME_FD, &worker->answer, FRAME_HEADER_SIZE, MSG_NOSIGNAL) >= 0;
}

static void worker_clear(struct worker *worker)
{
    served_close(&worker->served);
}

/* Who is stopped has its processes killed when it is gone: what was committed is told of before.
 * SIGCHLD being ignored, this waits for all of them. */
static void await_mail(void)
{
    while (waitpid(-1, NULL, 0) >= 0 || errno == EINTR)
        continue;
}

int main(int argc, char **argv)
{
    static struct frame frames[BATCH_MAX];
    static struct task tasks[BATCH_MAX];
    static struct worker worker;
    const struct rlimit no_core = {0};

    if (!read_arguments(argc, argv, &worker)) {
        fprintf(stderr,
                "totpd-worker: this program is started by a totpd of its own version (" FRAME_BUILD
                "): restart that after an upgrade\n");
        return 2;
    }
    (void)setrlimit(RLIMIT_CORE, &no_core); /* there are secrets in it */
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN); /* totpd says when it is over */
    if (gethostname(worker.host, sizeof(worker.host) - 1) != 0 || worker.host[0] == '\0')
        text_cut(worker.host, sizeof(worker.host), "localhost");
    if (greet(&worker))
        run(&worker, frames, tasks);
    worker_clear(&worker);
    await_mail();
    return 0;
}
