/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "sample.h"

#include "otp.h"

const struct rules sample_rules = {
    .unenrolled = UNENROLLED_DENY,
    .window = 1,
    .look_ahead = 3,
    .max_drift = 2,
    .max_failures = 5,
    .failure_limit = 100,
    .lock_time = 60,
    .lock_time_max = 3600,
};

const struct seal_ring sample_ring = {.count = 1, .keys = {{.id = "k1", .bytes = {1, 2, 3}}}};

static const struct secret secret = {
    .bytes = {0xd4, 0x8f, 0xba, 0xec, 0xc3, 0xb7, 0xf2, 0xd6, 0x1b, 0x04}, .length = 10};

struct device sample_device(int64_t id, enum device_type type, unsigned digits)
{
    struct device device = {.id = id,
                            .label = "phone",
                            .type = type,
                            .state = DEVICE_ACTIVE,
                            .algorithm = OTP_SHA1,
                            .digits = digits,
                            .period = type == DEVICE_TOTP ? SAMPLE_STEP : 0,
                            .last_step = ACCOUNT_NEVER,
                            .last_used = ACCOUNT_NEVER,
                            .secret = secret};
    return device;
}

struct account sample_account(enum device_type type, unsigned digits)
{
    struct account account;

    account_init(&account, "alice");
    account.id = 1;
    account.device_count = 1;
    account.devices[0] = sample_device(7, type, digits);
    return account;
}

const char *sample_code(const struct device *device, int64_t moving)
{
    static char text[4][OTP_DIGITS_MAX + 1];
    static unsigned turn;
    uint32_t code = 0;
    char *out = text[turn++ % 4];

    if (otp_codes(&device->secret, device->algorithm, device->digits, (uint64_t)moving, 1, &code) !=
        0)
        return "";
    otp_format(code, device->digits, out);
    return out;
}
