/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "err.h"
#include "field.h"
#include "tap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sample {
    const char *text;
    struct field_texts texts;
    char chars[5];
    int64_t number;
    int64_t offset;
    unsigned count;
    size_t size;
    int64_t time;
    bool flag;
    unsigned word;
};

static const struct field fields[] = {
    FIELD(FIELD_TEXT, struct sample, text, "text"),
    FIELD(FIELD_TEXTS, struct sample, texts, "texts"),
    FIELD(FIELD_CHARS, struct sample, chars, "chars"),
    FIELD(FIELD_NUMBER, struct sample, number, "number"),
    FIELD(FIELD_SIGNED, struct sample, offset, "offset"),
    FIELD(FIELD_UINT, struct sample, count, "count"),
    FIELD(FIELD_SIZE, struct sample, size, "size"),
    FIELD(FIELD_TIME, struct sample, time, "time"),
    FIELD(FIELD_FLAG, struct sample, flag, "flag"),
    FIELD_OF_WORDS(struct sample, word, "word", "no|yes|perhaps"),
};

static const struct field *named(const char *name)
{
    return &fields[field_find(fields, ARRAY_SIZE(fields), name)];
}

static char *message; /* what was read last: texts are borrowed from it */

/* In a piece of the heap that ends where the text does. */
static bool read_one(const char *json, const char *name, struct sample *sample)
{
    struct json_reader reader;
    const size_t length = strlen(json);

    free(message);
    message = malloc(length);
    if (message == NULL)
        return false;
    memcpy(message, json, length);
    json_read(&reader, message, length);
    return field_read(&reader, named(name), sample) && json_done(&reader) == 0;
}

static const char *write_all(const struct sample *sample, bool all)
{
    static char text[4096];
    struct json_writer writer;
    size_t length = 0;

    json_start(&writer, text, sizeof(text));
    json_open_object(&writer, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        field_write(&writer, &fields[i], sample, all);
    json_end(&writer);
    return json_finish(&writer, &length) == 0 ? text : "a fault";
}

static void test_write(void)
{
    const struct sample nothing = {.time = -1};
    const struct sample zero = {.text = ""};
    struct sample full = {.text = "a\"b",
                          .texts = {.count = 2, .text = {"x", ""}},
                          .chars = "1234",
                          .number = INT64_MAX,
                          .offset = INT64_MIN,
                          .count = UINT32_MAX,
                          .size = 7,
                          .time = 0,
                          .flag = true,
                          .word = 2};

    ok(strcmp(write_all(&nothing, false), "{}") == 0, "what is not given is left out");
    ok(strcmp(
           write_all(&nothing, true),
           "{\"number\":0,\"offset\":0,\"count\":0,\"size\":0,\"flag\":false,\"word\":\"no\"}") ==
           0,
       "zeros and no stand where all is asked for");
    ok(strcmp(write_all(&zero, false), "{\"text\":\"\",\"time\":0}") == 0,
       "a text may be empty, and a time 0");
    ok(strcmp(write_all(&full, false),
              "{\"text\":\"a\\\"b\",\"texts\":[\"x\",\"\"],\"chars\":\"1234\",\"number\":"
              "9223372036854775807,\"offset\":-9223372036854775808,\"count\":4294967295,\"size\":7,"
              "\"time\":0,\"flag\":true,"
              "\"word\":\"perhaps\"}") == 0,
       "all of them");
    full.word = 3;
    ok(strcmp(write_all(&full, false), "a fault") == 0, "a word that is none is a fault");
    full.word = 2;
    full.texts.text[1] = NULL;
    ok(strcmp(write_all(&full, false), "a fault") == 0, "so is a text that is none");
}

static void test_read(void)
{
    struct sample got = {0};

    ok(read_one("\"a\\u00e4\\udcff\"", "text", &got) && strcmp(got.text, "a\xc3\xa4\xff") == 0,
       "a text");
    ok(read_one("[]", "texts", &got) && got.texts.count == 0, "no texts");
    ok(read_one("[\"x\",\"\",\"z\"]", "texts", &got) && got.texts.count == 3 &&
           strcmp(got.texts.text[0], "x") == 0 && strcmp(got.texts.text[2], "z") == 0,
       "three texts");
    ok(read_one("\"1234\"", "chars", &got) && strcmp(got.chars, "1234") == 0,
       "characters that just fit");
    ok(read_one("\"\"", "chars", &got) && got.chars[0] == '\0', "none");
    ok(read_one("9223372036854775807", "number", &got) && got.number == INT64_MAX, "a number");
    ok(read_one("-9223372036854775808", "offset", &got) && got.offset == INT64_MIN &&
           read_one("-1", "offset", &got) && got.offset == -1 &&
           read_one("9223372036854775807", "offset", &got) && got.offset == INT64_MAX,
       "one below zero too");
    ok(read_one("4294967295", "count", &got) && got.count == UINT32_MAX, "a smaller one");
    ok(read_one("18", "size", &got) && got.size == 18, "a size");
    ok(read_one("0", "time", &got) && got.time == 0, "a time");
    ok(read_one("true", "flag", &got) && got.flag && read_one("false", "flag", &got) && !got.flag,
       "a flag, either way");
    for (unsigned i = 0; i < 3; i++) {
        static const char *const words[] = {"\"no\"", "\"yes\"", "\"perhaps\""};
        got.word = 9;
        ok(read_one(words[i], "word", &got) && got.word == i, "the word %s", words[i]);
    }
}

static void test_null(void)
{
    const struct sample before = {.text = "t",
                                  .texts = {.count = 1, .text = {"x"}},
                                  .chars = "c",
                                  .number = 1,
                                  .offset = -1,
                                  .count = 2,
                                  .size = 3,
                                  .time = 4,
                                  .flag = true,
                                  .word = 1};

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        struct sample got = before;
        ok(read_one("null", fields[i].name, &got) && memcmp(&got, &before, sizeof(got)) == 0,
           "null leaves %s as it is", fields[i].name);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *name, *json;
    } cases[] = {
        {"text", "1"},
        {"text", "[\"x\"]"},
        {"text", "true"},
        {"text", "\"\\u0000\""},
        {"text", "nul"},
        {"texts", "\"x\""},
        {"texts", "[1]"},
        {"texts", "[\"x\",null]"},
        {"texts", "[\"x\",[\"y\"]]"},
        {"texts", "[\"x\""},
        {"texts", "{}"},
        {"chars", "\"12345\""},
        {"chars", "5"},
        {"number", "-1"},
        {"number", "9223372036854775808"},
        {"number", "1.0"},
        {"number", "1e2"},
        {"number", "\"1\""},
        {"number", "01"},
        {"offset", "-9223372036854775809"},
        {"offset", "9223372036854775808"},
        {"offset", "-1.5"},
        {"offset", "-"},
        {"offset", "-01"},
        {"offset", "\"-1\""},
        {"count", "4294967296"},
        {"count", "-1"},
        {"size", "-1"},
        {"time", "-1"},
        {"flag", "0"},
        {"flag", "\"true\""},
        {"flag", "truex"},
        {"word", "\"\""},
        {"word", "\"n\""},
        {"word", "\"noo\""},
        {"word", "\"no|yes\""},
        {"word", "\"NO\""},
        {"word", "1"},
        {"word", "true"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sample got = {.chars = "ab", .word = 7};
        ok(!read_one(cases[i].json, cases[i].name, &got) && strcmp(got.chars, "ab") == 0 &&
               got.word == 7 && got.number == 0 && got.count == 0 && got.offset == 0,
           "%s is not %s", cases[i].name, cases[i].json);
    }
}

static void test_many(void)
{
    for (unsigned count = FIELD_TEXTS_MAX; count <= FIELD_TEXTS_MAX + 1; count++) {
        char json[8 * (FIELD_TEXTS_MAX + 2)] = "[";
        struct sample got = {0};

        for (unsigned i = 0; i < count; i++)
            snprintf(json + strlen(json), sizeof(json) - strlen(json), "%s\"%u\"", i > 0 ? "," : "",
                     i);
        strcat(json, "]");
        bool taken = read_one(json, "texts", &got);
        ok(taken == (count == FIELD_TEXTS_MAX) && got.texts.count == FIELD_TEXTS_MAX &&
               strcmp(got.texts.text[FIELD_TEXTS_MAX - 1], "31") == 0,
           "%u texts are %s", count, taken ? "taken" : "too many");
    }
}

static void test_find(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        ok(field_find(fields, ARRAY_SIZE(fields), fields[i].name) == i, "%s is found",
           fields[i].name);
    ok(field_find(fields, ARRAY_SIZE(fields), "tex") == ARRAY_SIZE(fields) &&
           field_find(fields, ARRAY_SIZE(fields), "textss") == ARRAY_SIZE(fields) &&
           field_find(fields, ARRAY_SIZE(fields), "") == ARRAY_SIZE(fields) &&
           field_find(NULL, 0, "text") == 0,
       "others are not");
}

static void test_describe(void)
{
    static const char *const texts[] = {
        "text: ?string",  "texts: ?[]string",
        "chars: ?string", "number: ?int",
        "offset: ?int",   "count: ?int",
        "size: ?int",     "time: ?int",
        "flag: ?bool",    "word: ?(no, yes, perhaps)",
    };

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const size_t length = strlen(texts[i]) + 2;
        unsigned wrong = 0;
        for (size_t size = 3; size <= length + 1; size++) {
            char *out = malloc(size); /* its end is watched */
            if (out == NULL)
                break;
            memcpy(out, "( ", 3);
            int r = field_describe(&fields[i], out, size);
            if (size <= length)
                wrong += r != ERR_TOO_LONG || strlen(out) >= size;
            else
                wrong += r != 0 || strcmp(out + 2, texts[i]) != 0;
            free(out);
        }
        ok(wrong == 0, "it is described as %s where that fits", texts[i]);
    }
}

int main(void)
{
    test_write();
    test_read();
    test_null();
    test_refused();
    test_many();
    test_find();
    test_describe();
    free(message);
    return tap_done();
}
