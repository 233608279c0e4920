/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "verify.h"

#include "client.h"
#include "engine.h"
#include "err.h"
#include "text.h"

#include <dlfcn.h>
#include <security/pam_ext.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

void verify_log_err(pam_handle_t *pamh, const char *what, const struct err *err)
{
    char text[ERR_WHERE_SIZE + ERR_WHAT_SIZE + 4] = "", line[1024] = "";

    err_format(err, text, sizeof(text));
    text_escape(line, sizeof(line), text);
    pam_syslog(pamh, LOG_ERR, "%s: %s", what, line);
}

void verify_clear(struct verify *verify)
{
    if (verify->engine != NULL)
        (void)dlclose(verify->engine);
    verify->engine = NULL;
}

/* Another build's structs are not ours. */
static bool fits(const struct engine *engine)
{
    const struct engine own = ENGINE_INIT(NULL, NULL);

    return strcmp(engine->version, own.version) == 0 && engine->conf_size == own.conf_size &&
           engine->call_size == own.call_size && engine->reply_size == own.reply_size;
}

static int load_engine(struct verify *verify, const struct engine **engine, struct err *err)
{
    if (verify->engine == NULL)
        verify->engine = dlopen(ENGINE_PATH, RTLD_NOW | RTLD_LOCAL);
    if (verify->engine == NULL) {
        const char *reason = dlerror();
        return err_set(err, ERR_SYSTEM, ENGINE_PATH, "it cannot be loaded: %s",
                       reason != NULL ? reason : "no reason is given");
    }
    *engine = dlsym(verify->engine, ENGINE_SYMBOL);
    if (*engine == NULL || !fits(*engine))
        return err_set(err, ERR_SYSTEM, ENGINE_PATH,
                       "it is of another version than pam_totp.so: install both anew");
    return 0;
}

static int ask_engine(struct verify *verify, const struct call *call, struct reply *reply,
                      struct err *err)
{
    const struct engine *engine = NULL;
    struct timespec now = {0};

    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return err_set(err, ERR_CLOCK, NULL, NULL);
    int r = load_engine(verify, &engine, err);
    return r == 0 ? engine->perform(verify->conf, call, now.tv_sec, reply, err) : r;
}

void verify_draw(struct verify *verify, const char *text, enum conf_qr style, char *out,
                 size_t size)
{
    const struct engine *engine = NULL;
    struct err err = {0};

    out[0] = '\0';
    if (geteuid() != 0)
        return;
    int r = load_engine(verify, &engine, &err);
    if (r == 0)
        r = engine->draw(text, style, out, size, &err);
    if (r == 0)
        return;
    out[0] = '\0';
    verify_log_err(verify->pamh, "the QR code is not drawn", &err);
}

/* Nothing was done: whoever may do it here. */
static bool is_undone(int error)
{
    return error == ERR_NO_SERVICE || error == ERR_NOT_SERVED || error == ERR_UNTRUSTED;
}

static void explain(const struct verify *verify, const struct err *reason)
{
    char text[ERR_WHERE_SIZE + ERR_WHAT_SIZE + 4] = "", line[1024] = "";

    if (!verify->conf->debug)
        return;
    err_format(reason, text, sizeof(text));
    text_escape(line, sizeof(line), text);
    if (!is_undone(reason->code))
        pam_syslog(verify->pamh, LOG_DEBUG, "debug: the service at %s %s", verify->conf->socket,
                   reason->code == ERR_SERVICE ? "did not answer" : "answered");
    else
        pam_syslog(verify->pamh, LOG_DEBUG, "debug: done here, without the service: %s", line);
}

static int ask_service(const struct verify *verify, const struct call *call, struct reply *reply,
                       struct err *err)
{
    if (verify->conf->socket[0] == '\0')
        return err_set(err, ERR_NO_SERVICE, NULL, "the configuration names no socket");
    return client_ask(verify->conf->socket, call, reply, err);
}

int verify_ask(struct verify *verify, const struct call *call, struct reply *reply)
{
    struct err err = {0};

    reply_deny(reply);
    int r = ask_service(verify, call, reply, &err);
    const bool here = is_undone(r);
    if (here && geteuid() != 0) {
        verify_log_err(verify->pamh, "denied, this process is not root's and has no service", &err);
        return r;
    }
    if (r == ERR_UNTRUSTED)
        verify_log_err(verify->pamh, "the service is not asked", &err);
    explain(verify, &err);
    if (here) {
        reply_deny(reply);
        err = (struct err){0};
        r = ask_engine(verify, call, reply, &err);
    }
    if (r != 0) {
        reply_deny(reply);
        verify_log_err(verify->pamh, "unavailable", &err);
    } else if (reply->unsent) {
        verify_log_err(verify->pamh, "no e-mail is sent", &err);
    }
    return r;
}
