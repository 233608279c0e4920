/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "secret.h"

#include "err.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

void secret_wipe(void *memory, size_t size)
{
    if (size > 0)
        explicit_bzero(memory, size);
}

void secret_clear(struct secret *secret)
{
    secret_wipe(secret, sizeof(*secret));
}

void answer_clear(struct answer *answer)
{
    secret_wipe(answer, sizeof(*answer));
}

int answer_set(struct answer *answer, const char *text)
{
    return answer_set_bytes(answer, text, strnlen(text, ANSWER_SIZE));
}

int answer_set_bytes(struct answer *answer, const char *text, size_t length)
{
    answer_clear(answer);
    if (length >= sizeof(answer->text))
        return ERR_TOO_LONG;
    if (length > 0)
        memcpy(answer->text, text, length);
    answer->length = length;
    return 0;
}

bool secret_equal(const void *a, const void *b, size_t size)
{
    const volatile uint8_t *left = a, *right = b; /* no early exit for the compiler to find */
    uint8_t difference = 0;

    for (size_t i = 0; i < size; i++)
        difference = (uint8_t)(difference | (left[i] ^ right[i]));
    return difference == 0;
}

int secret_random(void *memory, size_t size)
{
    uint8_t *bytes = memory;

    for (size_t done = 0; done < size;) {
        ssize_t got = getrandom(bytes + done, size - done, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            secret_wipe(memory, size);
            return ERR_RANDOM;
        }
        done += (size_t)got;
    }
    return 0;
}
