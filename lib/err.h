/* SPDX-License-Identifier: BSD-2-Clause */
/* The one list of errors; floor 0.
 *
 * A function that can fail returns 0 or one negative code of this list. Where the reason needs a
 * place (a path, a line, an option), it also fills a struct err, from which an edge makes one
 * sentence. The library itself never logs. */
#ifndef TOTP_ERR_H
#define TOTP_ERR_H

#include "base.h"

/* name, number, sentence. Numbers are never reused: they travel between processes. */
#define ERR_LIST(X)                                                                  \
    X(ERR_NOMEM, 1, "out of memory")                                                 \
    X(ERR_SYSTEM, 2, "the system refused the operation")                             \
    X(ERR_RANDOM, 3, "the system's random source failed")                            \
    X(ERR_CLOCK, 4, "the system's clock could not be read")                          \
    X(ERR_CRYPTO, 5, "a cryptographic operation failed")                             \
    X(ERR_INVALID, 6, "the value is not valid")                                      \
    X(ERR_RANGE, 7, "the value is out of range")                                     \
    X(ERR_TOO_LONG, 8, "the value is too long")                                      \
    X(ERR_SYNTAX, 9, "the syntax is not valid")                                      \
    X(ERR_NOT_FOUND, 10, "no such user or device")                                   \
    X(ERR_EXISTS, 11, "it exists already")                                           \
    X(ERR_LIMIT, 12, "the limit is reached")                                         \
    X(ERR_CONFLICT, 13, "the present state does not allow this")                     \
    X(ERR_FILE_MISSING, 14, "the file does not exist")                               \
    X(ERR_FILE_OWNER, 15, "the file's owner is wrong")                               \
    X(ERR_FILE_MODE, 16, "the file's mode is too open")                              \
    X(ERR_FILE_TYPE, 17, "this is not a regular file")                               \
    X(ERR_FILE_LINK, 18, "this is a symbolic link")                                  \
    X(ERR_CONFIG, 19, "the configuration is not valid")                              \
    X(ERR_STORE, 20, "the store failed")                                             \
    X(ERR_STORE_BUSY, 21, "the store stayed busy")                                   \
    X(ERR_STORE_FULL, 22, "the store's disk is full")                                \
    X(ERR_STORE_READONLY, 23, "the store cannot be written")                         \
    X(ERR_STORE_CORRUPT, 24, "the store holds a record that cannot be right")        \
    X(ERR_STORE_SCHEMA, 25, "the store was made by another version")                 \
    X(ERR_KEY_UNKNOWN, 26, "the key file lacks the key this record was sealed with") \
    X(ERR_SEAL, 27, "a sealed record does not open with this key file")              \
    X(ERR_CONVERSATION, 28, "the application did not answer the prompt")             \
    X(ERR_USAGE, 29, "the command was called wrongly")                               \
    X(ERR_REFUSED, 30, "refused")                                                    \
    X(ERR_PERMISSION, 31, "not permitted")                                           \
    X(ERR_PROOF, 32, "a fresh code of your own is needed")                           \
    X(ERR_NO_SERVICE, 33, "there is no service to ask")                              \
    X(ERR_SERVICE, 34, "the service did not answer")                                 \
    X(ERR_NOT_SERVED, 35, "the service is for another store or configuration")       \
    X(ERR_UNTRUSTED, 36, "what answers there is not to be trusted")                  \
    X(ERR_BUSY, 37, "too much is asked of the service at once: try again")           \
    X(ERR_STORE_NEWER, 38, "the store was made by a newer version")

enum err_code {
    ERR_OK = 0,
#define ERR_ENUM(name, number, sentence) name = -(number),
    ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

#define ERR_WHERE_SIZE 320
#define ERR_WHAT_SIZE 256

/* What failed, and where: plain data, no ownership. where and what may be empty. */
struct err {
    int code;
    char where[ERR_WHERE_SIZE]; /* a path, path:line, or option */
    char what[ERR_WHAT_SIZE];   /* the reason and the remedy, in words */
};

/* The sentence of a code; never NULL, also for a number that is not in the list. */
const char *err_sentence(int code);

/* What err_set says for a format: itself, since errors go to logs. A program that has nobody but
 * people to tell, as totpctl has, links one of its own, which translates; this one is weak. */
const char *err_translate(const char *format) __attribute__((format_arg(1)));

/* Fills *err (which may be NULL) and returns code. where may be NULL; what is printf-like and may
 * be NULL. Too long texts are cut. Never pass a code, a password or a secret. */
int err_set(struct err *err, int code, const char *where, const char *what, ...) PRINTF_LIKE(4, 5);

/* As err_set, with the text of os_error (an errno value) after what. */
int err_set_errno(struct err *err, int code, int os_error, const char *where, const char *what);

/* Writes "where: what" or "where: sentence" or "sentence" to out (size bytes, always terminated).
 */
void err_format(const struct err *err, char *out, size_t size);

#endif
