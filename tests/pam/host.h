/* SPDX-License-Identifier: BSD-2-Clause */
/* One throw-away host: a store, a key, a configuration, PAM services and people. Set-up that fails
 * ends the program. */
#ifndef TOTP_TESTS_HOST_H
#define TOTP_TESTS_HOST_H

#include "account.h"
#include "code.h"
#include "store.h"
#include "tap.h"

#include <sys/types.h>

/* The secret and moment of Google Authenticator's own module tests. */
#define SECRET_GA "2SH3V3GDW7ZNMGYE"
#define STEP_GA INT64_C(10000)
#define TIME_GA (STEP_GA * 30)
#define CODE_GA "050548"
#define CODE_WRONG "123456"

/* Makes the host in a fresh directory below parent (NULL: tap_dir()) and stops the clock at
 * TIME_GA. Where logins are to be the service's, starts it. Where nobody can be root, the program
 * ends, skipped. */
void host_make(const char *parent);

/* Whoever is not root becomes root of a user name space that knows nobody else. false: there is
 * none to be had. */
bool host_become_root(void);
bool host_has_people(void); /* more users than root */

const char *host_path(const char *name, char *out, size_t size);
struct store *host_open(void); /* caller: store_close */

/* Ends the service, sees that it did what it should, and then tap_done. */
int host_done(void);

/* Ends the program where set-up fails. */
void host_need(bool fine, const char *what);
/* The real path of what was built; host_need. */
const char *host_built(const char *name, char *out, size_t size);

/* Writes the configuration: where the store, the key and the service are, then lines. */
void host_configure(const char *lines);
void host_configure_paths(const char *store, const char *key, const char *lines);

/* Writes a service whose auth stack is our module with options; preset (NULL: none) is the
 * PAM_AUTHTOK of an earlier module. What is handed on is logged as "authtok=<...>". */
void host_service(const char *service, const char *options, const char *preset);

/* The same with whole lines before and behind our module; with account, it manages accounts too. */
void host_stack(const char *service, const char *before, const char *options, const char *behind,
                bool account);

/* A totpctl of this build on this host, output to /dev/null; NULL ends the arguments. Returns the
 * process, for waitpid. */
pid_t host_totpctl(const char *input, const char *const arguments[]);

/* A person with one active TOTP device (SHA1, 6 digits) or HOTP device. */
void person_init(struct account *account, const char *name, const char *base32);
void person_init_hotp(struct account *account, const char *name, const char *base32,
                      int64_t counter);
/* Adds a backup token; text is what the person was given. */
void person_add_token(struct account *account, char text[static CODE_TOKEN_SIZE]);
/* Saves, in the place of whoever has the name; count people in one transaction. */
void person_save(struct account *account, size_t count);
/* false: nobody of that name. */
bool person_load(const char *name, struct account *account);
void person_code(const struct account *account, int64_t factor, char out[static 9]);
/* Sets the clock to the step after *step, and gives its code. */
void person_next_code(const struct account *account, int64_t *step, char out[static 9]);

#endif
