/* SPDX-License-Identifier: BSD-2-Clause */
/* Hostile JSON: whatever the bytes, nothing outside of them is touched, and what was read can be
 * written and read again.
 *
 *     fuzz_json [SEED [COUNT]]    mutates the documents below, the same way each time
 *
 * With clang's -fsanitize=fuzzer, which brings a main of its own, it is a target of libFuzzer. That
 * takes -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION, the name fuzzers have agreed upon. */
#include "config.h"

#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define INPUT_MAX 4096
#define OUT_SIZE (6 * INPUT_MAX + 64)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t input_size;
static char *guard; /* the page from here on cannot be touched */

static void need(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "%s: not with the %zu bytes", what, input_size);
    for (size_t i = 0; i < input_size; i++)
        fprintf(stderr, " %02x", input[i]);
    fprintf(stderr, "\n");
    abort();
}

static void open_guard(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (OUT_SIZE + page - 1) / page * page;
    char *memory =
        mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    need(memory != MAP_FAILED && mprotect(memory + room, page, PROT_NONE) == 0, "no memory");
    guard = memory + room;
}

/* A copy whose end is watched, by the page after it; its beginning is by AddressSanitizer, where
 * it is of the heap. */
static char *place(const void *bytes, size_t size)
{
    return memcpy(guard - size, bytes, size);
}

static char *copy(const void *bytes, size_t size)
{
    char *text = malloc(size + (size == 0));

    need(text != NULL, "no memory");
    return memcpy(text, bytes, size);
}

static uint64_t fold(uint64_t sum, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ ((const uint8_t *)bytes)[i]) * UINT64_C(1099511628211);
    return sum;
}

static uint64_t fold_text(uint64_t sum, const char *text)
{
    return text == NULL ? fold(sum, "", 1) : fold(sum, text, strlen(text) + 1);
}

/* Writes the value that comes next again, null as false and a number that is no int64_t as 0. */
static void copy_value(struct json_reader *reader, struct json_writer *writer, const char *name,
                       uint64_t *sum)
{
    const enum json_kind kind = json_peek(reader);
    struct json_reader before = *reader;
    const char *text = NULL;
    int64_t number = 0;
    bool truth = false;

    *sum = fold_text(*sum, name);
    if (kind == JSON_OBJECT && json_enter(reader, kind)) {
        json_open_object(writer, name);
    } else if (kind == JSON_ARRAY && json_enter(reader, kind)) {
        json_open_array(writer, name);
    } else if (kind == JSON_TEXT && json_get_text(reader, &text)) {
        *sum = fold_text(*sum, text);
        json_text(writer, name, text);
    } else if (kind == JSON_NUMBER) {
        if (!json_get_number(reader, &number)) {
            *reader = before;
            json_skip(reader);
        }
        *sum = fold(*sum, &number, sizeof(number));
        json_number(writer, name, number);
    } else {
        if (kind != JSON_BOOL)
            json_skip(reader);
        else if (!json_get_bool(reader, &truth))
            reader->failed = true;
        *sum = fold(*sum, truth ? "t" : "f", 1);
        json_bool(writer, name, truth);
    }
}

/* Whether the size bytes at text are a document; *sum is of all that it says. */
static bool copy_document(char *text, size_t size, struct json_writer *writer, uint64_t *sum)
{
    struct json_reader reader;
    const char *name = NULL;

    *sum = UINT64_C(14695981039346656037);
    json_read(&reader, text, size);
    do {
        copy_value(&reader, writer, name, sum);
        while (reader.depth > 0 && !reader.failed && !json_next(&reader, &name)) {
            *sum = fold(*sum, "]", 1);
            json_end(writer);
        }
    } while (reader.depth > 0 && !reader.failed);
    return json_done(&reader) == 0;
}

static bool is_document(const void *bytes, size_t size)
{
    char *text = place(bytes, size);
    struct json_reader reader;

    json_read(&reader, text, size);
    json_skip(&reader);
    need(memcmp(text, bytes, size) == 0, "passing changes nothing");
    return json_done(&reader) == 0;
}

/* The document does not fit into size bytes. */
static void check_small(const char *document, size_t length, size_t size)
{
    char *text = copy(document, length), *out = malloc(size + 1);
    size_t ignored = 0;
    struct json_writer writer;
    uint64_t sum;

    need(out != NULL, "no memory");
    out[size] = '#';
    json_start(&writer, out, size);
    need(copy_document(text, length, &writer, &sum), "a document stays one");
    need(json_finish(&writer, &ignored) != 0, "what does not fit is told");
    need(out[size] == '#', "no byte is written behind the buffer");
    for (size_t i = 0; i < size; i++)
        need(out[i] == '\0', "what did not fit is wiped");
    free(out);
    free(text);
}

static void check_document(const uint8_t *data, size_t size)
{
    static char first[OUT_SIZE], second[OUT_SIZE];
    const bool accepted = is_document(data, size);
    char *text = copy(data, size);
    size_t length = 0, again = 0;
    struct json_writer writer;
    uint64_t said, repeated;

    json_start(&writer, first, sizeof(first));
    need(copy_document(text, size, &writer, &said) == accepted, "what passes can be read");
    free(text);
    if (!accepted)
        return;
    need(json_finish(&writer, &length) == 0 && length == strlen(first), "what is read is written");
    for (size_t i = 0; i < length; i++)
        need((unsigned char)first[i] >= 0x20 && first[i] != 0x7F, "no control characters");
    need(is_document(first, length), "what is written passes");

    json_start(&writer, second, sizeof(second));
    need(copy_document(place(first, length), length, &writer, &repeated), "and can be read");
    need(json_finish(&writer, &again) == 0 && again == length &&
             memcmp(first, second, length) == 0 && said == repeated,
         "and says the same");
    check_small(first, length, length);
    check_small(first, length, (size_t)(said % (length + 1)));
}

/* Any bytes, as a name and a text. */
static void check_text(const uint8_t *data, size_t size)
{
    static char out[2 * OUT_SIZE];
    char bytes[INPUT_MAX + 1];
    const char *name = NULL, *text = NULL;
    size_t length = 0;
    struct json_writer writer;
    struct json_reader reader;

    memcpy(bytes, data, size);
    bytes[size] = '\0';
    json_start(&writer, out, sizeof(out));
    json_open_object(&writer, NULL);
    json_text(&writer, bytes, bytes);
    json_end(&writer);
    need(json_finish(&writer, &length) == 0, "any text is written");
    json_read(&reader, out, length);
    need(json_enter(&reader, JSON_OBJECT) && json_next(&reader, &name) &&
             json_get_text(&reader, &text) && !json_next(&reader, NULL) && json_done(&reader) == 0,
         "and read");
    need(strcmp(name, bytes) == 0 && strcmp(text, bytes) == 0, "as it was");
}

static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (*state >> 11) % below;
}

static bool take_step(struct json_reader *reader, unsigned step, const char **text)
{
    int64_t number = 0;
    bool truth = false;

    switch (step) {
    case 0:
        return json_enter(reader, JSON_OBJECT);
    case 1:
        return json_enter(reader, JSON_ARRAY);
    case 2:
        return json_get_text(reader, text);
    case 3:
        return json_get_number(reader, &number);
    case 4:
        return json_get_bool(reader, &truth);
    case 5:
        return json_done(reader) == 0;
    case 6:
        json_skip(reader);
        return !reader->failed;
    default:
        return json_next(reader, text);
    }
}

/* A caller who does not know what it does, but looks first, mostly. */
static void check_caller(const uint8_t *data, size_t size)
{
    static const unsigned likely[] = {7, 0, 1, 2, 3, 4, 6}; /* by kind */
    char *start = place(data, size);
    uint64_t state = fold(UINT64_C(14695981039346656037), data, size) | 1;
    struct json_reader reader;

    json_read(&reader, start, size);
    for (unsigned i = 0; i < 64; i++) {
        const bool failed = reader.failed;
        const enum json_kind kind = json_peek(&reader);
        const unsigned step = draw(&state, 8) == 0 ? (unsigned)draw(&state, 8) : likely[kind];
        const char *text = NULL;
        const bool taken = take_step(&reader, step, &text);

        need(reader.at >= start && reader.at <= start + size, "the reader stays inside");
        need(reader.depth <= JSON_DEPTH_MAX, "no deeper than allowed");
        need(!failed || (reader.failed && !taken && kind == JSON_NOTHING), "a fault stays");
        need(text == NULL || (taken && text > start && text + strlen(text) < reader.at),
             "a text lies where it was");
    }
}

/* Steps of a writer at random: where they end well, there is a document. */
static void check_writer(const uint8_t *data, size_t size)
{
    uint64_t state = fold(1, data, size) | 1;
    char out[256];
    const size_t room = draw(&state, sizeof(out) + 1);
    size_t length = 0;
    struct json_writer writer;

    json_start(&writer, out, room);
    for (uint64_t left = draw(&state, 24) + 1; left > 0; left--) {
        bool in_object = writer.depth > 0 && writer.open[writer.depth - 1] == '}';
        const char *name = in_object != (draw(&state, 32) == 0) ? "n" : NULL;
        uint64_t step = draw(&state, 8);

        if (step == 0)
            json_open_object(&writer, name);
        else if (step == 1)
            json_open_array(&writer, name);
        else if (step == 2)
            json_text(&writer, name, "\xff\"");
        else if (step == 3)
            json_number(&writer, name, (int64_t)state);
        else if (step == 4)
            json_bool(&writer, name, true);
        else
            json_end(&writer);
    }
    if (json_finish(&writer, &length) == 0)
        need(length < room && length == strlen(out) && is_document(out, length),
             "what a writer ends is a document");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (guard == NULL)
        open_guard();
    if (size > INPUT_MAX)
        return 0;
    input = data;
    input_size = size;
    check_document(data, size);
    check_text(data, size);
    check_caller(data, size);
    check_writer(data, size);
    return 0;
}

#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION

#include "tap.h"

static const char *const seeds[] = {
    "{\"method\":\"a.Check\",\"parameters\":{\"user\":\"alice\",\"codes\":[\"123456\"]}}",
    "{\"method\":\"a.b.List\",\"parameters\":{},\"more\":true,\"oneway\":false}",
    "{\"error\":\"a.b.Failed\",\"parameters\":{\"code\":13,\"what\":null}}",
    "[0,-1,1.5,2e10,-3.25E-7,9223372036854775807,-9223372036854775808,true,false,null]",
    " [ { } , [ ] , \"\" , { \"\" : { \"a\" : [ [ [ [ 1 ] ] ] ] } } ] ",
    "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\u20ac\\ud83d\\ude00\\udc80\\udcff\"]",
    "{\"\xc3\xa4\":\"\xe2\x82\xac\xf0\x9f\x98\x80\xed\x9f\xbf\xee\x80\x80\x7f\"}",
    "[[[[[[[[]]]]]]]]",
};

static const char *const pieces[] = {
    "\"",      "\\",      "{",       "}",       "[",       "]",
    ",",       ":",       " ",       "-",       "0",       "1e5",
    "null",    "true",    "\"\"",    "[]",      "{}",      "\\u",
    "\\u0000", "\\ud83d", "\\ude00", "\\udc80", "\\udc7f", "\xed\xb2\x80",
    "\xc3",    "\xff",    "\\\"",    "\n",      "\x1f",    "9223372036854775808"};

static size_t mutate(uint8_t *bytes, size_t size, uint64_t *state)
{
    const char *piece = pieces[draw(state, ARRAY_SIZE(pieces))];
    size_t at = draw(state, size + 1), rest = size - at;
    size_t count = draw(state, (rest < 16 ? rest : 16) + 1);

    switch (draw(state, 5)) {
    case 0: /* another byte */
        if (rest > 0)
            bytes[at] = (uint8_t)draw(state, 256);
        return size;
    case 1: /* some left out */
        memmove(bytes + at, bytes + at + count, rest - count);
        return size - count;
    case 2: /* cut off */
        return draw(state, 4) == 0 ? at : size;
    case 3: /* some twice */
        memmove(bytes + at + count, bytes + at, rest);
        return size + count;
    default: /* a piece put in */
        count = strlen(piece);
        memmove(bytes + at + count, bytes + at, rest);
        memcpy(bytes + at, piece, count);
        return size + count;
    }
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    const uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 50000;
    uint64_t state = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15) | 1, good = 0;

    open_guard();
    for (uint64_t i = 0; i < count; i++) {
        uint8_t bytes[1024];
        const char *document = seeds[draw(&state, ARRAY_SIZE(seeds))];
        size_t size = strlen(document);

        memcpy(bytes, document, size);
        for (uint64_t left = draw(&state, 6); left > 0; left--)
            size = mutate(bytes, size, &state);
        LLVMFuzzerTestOneInput(bytes, size);
        good += is_document(bytes, size);
    }
    ok(good > 0 || count == 0, "%" PRIu64 " documents from seed %" PRIu64 ": %" PRIu64 " are good",
       count, seed, good);
    return tap_done();
}

#endif
