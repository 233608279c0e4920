/* SPDX-License-Identifier: BSD-2-Clause */
/* Key URIs, otpauth://; floor 3. Pure. */
#ifndef TOTP_URI_H
#define TOTP_URI_H

#include "account.h"

#define URI_TEXT_SIZE 257
/* A label and an issuer of 256 bytes each percent-encode to at most three times that, the issuer
 * twice. */
#define URI_SIZE 4096

/* What a key URI carries. Plain data; uri_clear wipes. */
struct uri_key {
    enum device_type type;
    char issuer[URI_TEXT_SIZE];  /* may be empty */
    char account[URI_TEXT_SIZE]; /* the part of the label after the issuer */
    struct secret secret;
    enum otp_algorithm algorithm;
    unsigned digits;
    unsigned period;  /* TOTP */
    uint64_t counter; /* HOTP: the next moving factor */
};

void uri_clear(struct uri_key *key);

/* Writes the URI with every parameter, spaces as %20. It contains the secret: out is for one
 * person's eyes. ERR_TOO_LONG, ERR_INVALID. */
int uri_format(const struct uri_key *key, char *out, size_t size) MUST_CHECK;

/* The same without what every reader takes for granted, for a QR code that is to be small. */
int uri_format_brief(const struct uri_key *key, char *out, size_t size) MUST_CHECK;

/* Reads one. The label splits at its first literal ':' before decoding; an issuer parameter wins
 * and must equal the prefix when both stand; unknown parameters are ignored, known ones may stand
 * once; defaults SHA1, 6, 30; counter is mandatory for hotp. The secret is read tolerantly and may
 * be as short as 80 bits; the caller warns below SECRET_BYTES_MIN. ERR_SYNTAX, ERR_INVALID,
 * ERR_RANGE; err names the parameter, never the secret. */
int uri_parse(const char *text, struct uri_key *key, struct err *err) MUST_CHECK;

/* Expands %u (user), %h (host), %s (service) and %% in template. service may be NULL. ERR_SYNTAX,
 * ERR_TOO_LONG. */
int uri_expand(const char *template, const char *user, const char *host, const char *service,
               char *out, size_t size) MUST_CHECK;

#endif
