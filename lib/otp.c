/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "otp.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static const char *const digest_names[] = {"SHA1", "SHA256", "SHA512"};
static const uint32_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

static void mac_free(EVP_MAC **mac)
{
    EVP_MAC_free(*mac);
}

static void mac_context_free(EVP_MAC_CTX **context)
{
    EVP_MAC_CTX_free(*context);
}

/* RFC 4226 section 5.3. OpenSSL 3.0.0 does not start an HMAC again without its key: hence the
 * copy. */
static int code_for(const EVP_MAC_CTX *keyed, unsigned digits, uint64_t factor, uint32_t *code)
{
    EVP_MAC_CTX *context CLEANUP(mac_context_free) = EVP_MAC_CTX_dup(keyed);
    uint8_t message[8] = {0}, hash[EVP_MAX_MD_SIZE] = {0};
    size_t length = 0;

    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (uint8_t)(factor >> (56 - 8 * i));
    if (context == NULL || EVP_MAC_update(context, message, sizeof(message)) != 1 ||
        EVP_MAC_final(context, hash, &length, sizeof(hash)) != 1 || length < 20)
        return ERR_CRYPTO;
    const uint8_t *at = hash + (hash[length - 1] & 0x0f);
    uint32_t truncated = ((uint32_t)at[0] & 0x7f) << 24 | (uint32_t)at[1] << 16 |
                         (uint32_t)at[2] << 8 | (uint32_t)at[3];
    *code = truncated % powers[digits];
    secret_wipe(hash, sizeof(hash));
    secret_wipe(&truncated, sizeof(truncated));
    return 0;
}

static int compute(const struct secret *secret, const char *digest, unsigned digits, uint64_t first,
                   size_t count, uint32_t *codes)
{
    EVP_MAC *mac CLEANUP(mac_free) = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *keyed CLEANUP(mac_context_free) = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
        OSSL_PARAM_construct_end(),
    };

    if (keyed == NULL || EVP_MAC_init(keyed, secret->bytes, secret->length, params) != 1)
        return ERR_CRYPTO;
    for (size_t i = 0; i < count; i++) {
        int r = code_for(keyed, digits, first + i, &codes[i]);
        if (r != 0)
            return r;
    }
    return 0;
}

int otp_codes(const struct secret *secret, enum otp_algorithm algorithm, unsigned digits,
              uint64_t first, size_t count, uint32_t *codes)
{
    secret_wipe(codes, count * sizeof(codes[0]));
    if ((size_t)algorithm >= ARRAY_SIZE(digest_names) || digits < OTP_DIGITS_MIN ||
        digits > OTP_DIGITS_MAX || secret->length == 0 || secret->length > SECRET_BYTES_MAX ||
        (count > 0 && first > UINT64_MAX - (count - 1)))
        return ERR_INVALID;

    /* The host's error queue is not ours to fill. */
    ERR_set_mark();
    int r = compute(secret, digest_names[algorithm], digits, first, count, codes);
    ERR_pop_to_mark();
    if (r != 0)
        secret_wipe(codes, count * sizeof(codes[0]));
    return r;
}

int64_t otp_step(int64_t time, unsigned period)
{
    return time / (int64_t)period;
}

void otp_format(uint32_t code, unsigned digits, char out[static OTP_DIGITS_MAX + 1])
{
    if (digits > OTP_DIGITS_MAX)
        digits = OTP_DIGITS_MAX;
    out[digits] = '\0';
    while (digits > 0) {
        out[--digits] = (char)('0' + code % 10);
        code /= 10;
    }
}
