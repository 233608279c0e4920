/* SPDX-License-Identifier: BSD-2-Clause */
/* The n-th allocation, write, sync ... of a login that has a code sent fails, for every n: the
 * person is asked all the same, other devices let them in, nothing is left behind in the process.
 */
#include "config.h"

#include "faults.h"
#include "login.h"
#include "post.h"
#include "process.h"
#include "redirect.h"
#include "service.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static enum fault fault;
static unsigned nth, seen;
static int64_t step = STEP_GA;

static void arm(void)
{
    fault_arm(fault, nth, false);
}

static void disarm(void)
{
    seen = fault_disarm();
}

/* What a run of faults came to. */
struct tally {
    unsigned runs, accepted, unasked, passed, leaked, odd, stuck;
};

static void log_in(struct login *login, const char *code, bool broken)
{
    *login = (struct login){.user = "alice",
                            .answers = {"email", code},
                            .before = broken ? arm : NULL,
                            .after = broken ? disarm : NULL};
    login_run(login);
    /* Those in the background. */
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

static void run_once(const struct account *alice, struct tally *tally)
{
    static const int known[] = {PAM_SUCCESS,  PAM_AUTH_ERR, PAM_AUTHINFO_UNAVAIL,
                                PAM_CONV_ERR, PAM_BUF_ERR,  PAM_SYSTEM_ERR};
    char code[9];
    struct login login;
    bool familiar = false;

    person_next_code(alice, &step, code);
    log_in(&login, code, true);
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        familiar = familiar || login.result == known[i];
    tally->runs++;
    tally->odd += !familiar;
    tally->passed += login.result == RESULT_IGNORED;
    tally->leaked += login.leaked;
    tally->accepted += login.result == PAM_SUCCESS;
    tally->unasked += login.prompts == 1 && login.result != PAM_CONV_ERR;
    person_next_code(alice, &step, code);
    log_in(&login, code, false);
    tally->stuck += login.result != PAM_SUCCESS || strcmp(login.text, POST_PROMPT) != 0;
}

static void run_all(const struct account *alice)
{
    static struct process before, after;
    struct tally tally = {0};
    const char *name = fault_name(fault);
    /* There are thousands of them, and neighbours tell the same. */
    const unsigned stride = fault == FAULT_ALLOCATION ? 5 : 1;

    process_look(&before);
    for (nth = 1;; nth += stride) {
        run_once(alice, &tally);
        if (seen < nth)
            break;
    }
    process_look(&after);
    ok(tally.passed == 0 && tally.leaked == 0 && tally.odd == 0,
       "%u failures of %s: a login or a denial", nth - 1, name);
    ok(tally.unasked == 0, "%s: who asks for a code is asked again (%u were not)", name,
       tally.unasked);
    ok(tally.stuck == 0, "%s: each next login was sent one (%u were not)", name, tally.stuck);
    ok(memcmp(&before, &after, sizeof(before)) == 0, "%s: the process is as it was", name);
    tap_note("%u of %u were accepted all the same", tally.accepted, tally.runs);
}

int main(void)
{
    struct account alice = {0};
    struct login login;
    char code[9];

    host_make(NULL);
    host_configure("email_devices = yes\nemail_interval = 1s\nnotify =\nmax_failures = 100\n"
                   "sendmail = /bin/true");
    person_init(&alice, "alice", SECRET_GA);
    post_add_device(&alice);
    person_save(&alice, 1);
    /* Warm: libcrypto never recovers from an allocation that failed while it set itself up. */
    person_next_code(&alice, &step, code);
    log_in(&login, code, false);
    ok(login.result == PAM_SUCCESS && login.prompts == 2, "a login without faults");
    for (int kind = 0; kind < FAULT_COUNT; kind++) {
        fault = (enum fault)kind;
        /* Where the service cannot be asked, it is done here. */
        redirect_forbid(service_is_way() && kind < FAULT_LOOK);
        run_all(&alice);
    }
    redirect_forbid(service_is_way());
    return host_done();
}
