/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "resync.h"

#include "code.h"
#include "err.h"
#include "otp.h"
#include "search.h"

/* Around now, not around the clock as it was known: what was learned before may be the mistake. No
 * step is before 1970. */
static struct search search_for(const struct device *device, int64_t now)
{
    if (device->type == DEVICE_HOTP)
        return (struct search){
            .first = clamp(device->counter - RESYNC_COUNTERS_BEHIND, 0, OTP_COUNTER_MAX),
            .last = clamp(device->counter + RESYNC_COUNTERS, 0, OTP_COUNTER_MAX - 1),
            .near = device->counter + 1};
    const int64_t step = otp_step(now, device->period);
    const int64_t reach = RESYNC_TIME / (int64_t)device->period;
    return (struct search){
        .first = clamp(step - reach, 0, INT64_MAX), .last = step + reach, .near = step};
}

/* The first of the two has not been used, nor has any code after it. */
static bool is_fresh(const struct device *device, int64_t second)
{
    const int64_t first = second - 1;

    return device->type == DEVICE_HOTP ? first >= device->counter : first > device->last_step;
}

static void use_up(int64_t second, int64_t now, struct device *device)
{
    if (device->type == DEVICE_HOTP) {
        device->counter = second + 1;
    } else {
        device->last_step = second;
        device->offset =
            clamp(second - otp_step(now, device->period), -ACCOUNT_OFFSET_MAX, ACCOUNT_OFFSET_MAX);
        device->drift = 0;
    }
    device->last_used = now;
}

static bool is_code(const struct code *code, const struct device *device)
{
    return code->form == CODE_DIGITS && code->length == device->digits;
}

int resync_device(const char *first, const char *second, int64_t now, struct device *device,
                  enum resync_result *result)
{
    struct code one CLEANUP(code_clear) = {0}, two CLEANUP(code_clear) = {0};
    int64_t at = SEARCH_NOWHERE;

    if (now < 0 || now > ACCOUNT_LOCKED_FOR_EVER)
        return ERR_CLOCK;
    code_parse(first, &one);
    code_parse(second, &two);
    if (!is_code(&one, device) || !is_code(&two, device)) {
        *result = RESYNC_MALFORMED;
        return 0;
    }
    uint32_t codes[] = {one.value, two.value};
    const struct search search = search_for(device, now);
    int r = search_codes(device, codes, ARRAY_SIZE(codes), &search, &at);
    secret_wipe(codes, sizeof(codes));
    if (r != 0)
        return r;
    if (at == SEARCH_NOWHERE) {
        *result = RESYNC_NOT_FOUND;
    } else if (!is_fresh(device, at)) {
        *result = RESYNC_REPLAYED;
    } else {
        use_up(at, now, device);
        *result = RESYNC_FOUND;
    }
    return 0;
}
