/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "outcome.h"
#include "tap.h"

#include <string.h>

static const char *const verdicts[VERDICTS] = {
    [VERDICT_WRONG] = "wrong",           [VERDICT_REPLAYED] = "replayed",
    [VERDICT_MALFORMED] = "malformed",   [VERDICT_LOCKED] = "locked",
    [VERDICT_UNENROLLED] = "unenrolled", [VERDICT_DISABLED] = "disabled",
    [VERDICT_ACCEPTED] = "accepted",     [VERDICT_EXEMPT] = "exempt",
    [VERDICT_GRACE] = "grace",
};

static void test_verdicts(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
        ok(strcmp(verdict_name((enum verdict)i), verdicts[i]) == 0, "verdict %zu is called %s", i,
           verdicts[i]);
    for (unsigned i = VERDICTS; i < 300; i += 97)
        ok(strcmp(verdict_name((enum verdict)i), "wrong") == 0, "what is none, %u, is wrong", i);
}

static void test_methods(void)
{
    static const char *const methods[] = {"", "totp", "hotp", "backup", "email", ""};

    for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
        ok(strcmp(method_name((enum method)i), methods[i]) == 0, "method %zu is called '%s'", i,
           methods[i]);
}

/* What each verdict may bring, D for a denial, I for no say, Y for yes. */
static void test_sound(void)
{
    static const char *const may[VERDICTS] = {
        [VERDICT_WRONG] = "D",     [VERDICT_REPLAYED] = "D",     [VERDICT_MALFORMED] = "D",
        [VERDICT_LOCKED] = "D",    [VERDICT_UNENROLLED] = "DIY", [VERDICT_DISABLED] = "DIY",
        [VERDICT_ACCEPTED] = "DY", [VERDICT_EXEMPT] = "DIY",     [VERDICT_GRACE] = "DY",
    };
    static const char letters[] = {[ADMIT_NO] = 'D', [ADMIT_IGNORE] = 'I', [ADMIT_YES] = 'Y', 'x'};

    for (unsigned v = 0; v < VERDICTS; v++)
        for (unsigned a = 0; a < sizeof(letters); a++) {
            const struct outcome outcome = {.verdict = v, .admit = a};
            ok(outcome_is_sound(&outcome) == (strchr(may[v], letters[a]) != NULL), "%s with %c",
               verdict_name(v), letters[a]);
        }
    const struct outcome strange = {.verdict = (enum verdict)VERDICTS, .admit = ADMIT_YES};
    ok(!outcome_is_sound(&strange), "no other verdict admits");
}

int main(void)
{
    const struct outcome nothing = {0};

    ok(nothing.verdict == VERDICT_WRONG && nothing.admit == ADMIT_NO &&
           nothing.method == METHOD_NONE,
       "nothing is a denial");
    test_verdicts();
    test_methods();
    test_sound();
    return tap_done();
}
