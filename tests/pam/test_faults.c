/* SPDX-License-Identifier: BSD-2-Clause */
/* The n-th allocation, write, sync ... of a login fails, for every n: it is denied, or accepted and
 * recorded; never let pass, never half kept, and the next login works. */
#include "config.h"

#include "faults.h"
#include "login.h"
#include "redirect.h"
#include "service.h"

#include <stdio.h>
#include <string.h>

static enum fault fault;
static unsigned nth, seen;
static bool rest;
static int64_t step = STEP_GA;

static void arm(void)
{
    fault_arm(fault, nth, rest);
}

static void disarm(void)
{
    seen = fault_disarm();
}

/* What a run of faults came to. */
struct tally {
    unsigned runs, accepted, passed, unrecorded, twice, stuck, leaked, odd;
};

static int log_in(const char *code, const char *prefix, bool broken, bool *leaked)
{
    char answer[64];

    snprintf(answer, sizeof(answer), "%s%s", prefix, code);
    struct login login = {.user = "alice",
                          .answers = {answer},
                          .before = broken ? arm : NULL,
                          .after = broken ? disarm : NULL};
    login_run(&login);
    *leaked = login.leaked;
    return login.result;
}

static int64_t last_step(void)
{
    struct account account CLEANUP(account_clear) = {0};

    return person_load("alice", &account) ? account.devices[0].last_step : -2;
}

/* One login under the fault, then: is what it said true, and does the next one work? */
static void run_once(const struct account *alice, const char *prefix, struct tally *tally)
{
    static const int known[] = {PAM_SUCCESS,  PAM_AUTH_ERR, PAM_AUTHINFO_UNAVAIL,
                                PAM_CONV_ERR, PAM_BUF_ERR,  PAM_SYSTEM_ERR};
    char code[9];
    bool leaked = false, familiar = false;

    clock_set(++step * 30);
    person_code(alice, step, code);
    int result = log_in(code, prefix, true, &leaked);
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        familiar = familiar || result == known[i];
    tally->runs++;
    tally->odd += !familiar;
    tally->leaked += leaked;
    tally->passed += result == RESULT_IGNORED;
    tally->accepted += result == PAM_SUCCESS;
    tally->unrecorded += result == PAM_SUCCESS && last_step() != step;
    /* A code that was denied may be unused. */
    bool again = log_in(code, prefix, false, &leaked) == PAM_SUCCESS;
    tally->twice +=
        again && (result == PAM_SUCCESS || log_in(code, prefix, false, &leaked) == PAM_SUCCESS);
    clock_set(++step * 30);
    person_code(alice, step, code);
    tally->stuck += log_in(code, prefix, false, &leaked) != PAM_SUCCESS;
}

static void run_all(const struct account *alice, enum fault kind, bool with_rest,
                    const char *options, const char *prefix)
{
    struct tally tally = {0};

    fault = kind;
    rest = with_rest;
    host_service("test", options, NULL);
    /* Where everything fails from some point on, neighbouring points tell the same. */
    unsigned stride = with_rest && kind == FAULT_ALLOCATION ? 7 : 1;
    for (nth = 1;; nth += stride) {
        run_once(alice, prefix, &tally);
        if (seen < nth)
            break;
    }
    const char *how = with_rest ? "and all later ones" : "alone";
    ok(tally.passed == 0 && tally.unrecorded == 0 && tally.twice == 0 && tally.leaked == 0,
       "%s: %u failures of %s %s: none passed unrecorded", options, nth - 1, fault_name(kind), how);
    if (!ok(tally.stuck == 0 && tally.odd == 0, "%s: and each next login worked", options))
        tap_note("stuck %u, odd results %u", tally.stuck, tally.odd);
    tap_note("%u of %u were accepted all the same", tally.accepted, tally.runs);
    if (tally.passed + tally.unrecorded + tally.twice + tally.leaked > 0)
        tap_note("passed %u, unrecorded %u, twice %u, leaked %u", tally.passed, tally.unrecorded,
                 tally.twice, tally.leaked);
}

static void test_clock(const struct account *alice)
{
    char code[9];
    bool leaked = false;

    host_service("test", "unenrolled=ignore", NULL);
    clock_set(++step * 30);
    person_code(alice, step, code);
    clock_break(true);
    ok(log_in(code, "", false, &leaked) == PAM_AUTHINFO_UNAVAIL && login_logs() == 1,
       "the clock fails");
    clock_break(false);
    clock_set(-86400);
    ok(log_in(code, "", false, &leaked) == PAM_AUTHINFO_UNAVAIL, "the clock is before 1970");
    clock_set(step * 30);
    ok(log_in(code, "", false, &leaked) == PAM_SUCCESS, "the clock is back");
}

int main(void)
{
    static const char *const options[] = {"mode=prompt unenrolled=ignore",
                                          "mode=combined unenrolled=ignore"};
    struct account alice = {0};
    char code[9];
    bool leaked = false;

    host_make(NULL);
    host_configure("max_failures = 100");
    person_init(&alice, "alice", SECRET_GA);
    person_save(&alice, 1);
    /* Warm: libcrypto never recovers from an allocation that failed while it set itself up. */
    person_code(&alice, step, code);
    ok(log_in(code, "", false, &leaked) == PAM_SUCCESS, "a login without faults");
    for (int kind = 0; kind < FAULT_COUNT; kind++) {
        /* Where the service cannot be asked, it is done here. */
        redirect_forbid(service_is_way() && kind < FAULT_LOOK);
        run_all(&alice, (enum fault)kind, false, options[0], "");
        if (kind != FAULT_SIGNAL) /* who is interrupted without end tries without end */
            run_all(&alice, (enum fault)kind, true, options[0], "");
        run_all(&alice, (enum fault)kind, false, options[1], "password");
    }
    redirect_forbid(service_is_way());
    test_clock(&alice);
    return host_done();
}
