/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "err.h"
#include "json.h"
#include "tap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One page between two that cannot be touched. */
static char *page;
static size_t page_size;

static void open_page(void)
{
    char *pages;

    page_size = (size_t)sysconf(_SC_PAGESIZE);
    pages = mmap(NULL, 3 * page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + page_size, page_size, PROT_READ | PROT_WRITE)) {
        printf("Bail out! mmap failed\n");
        exit(1);
    }
    page = pages + page_size;
}

/* Copies of a document, whose end (or, high being false, whose beginning) is the page's. */
static char *place(const char *document, size_t length, bool high)
{
    char *text = high ? page + page_size - length : page;

    memset(page, '#', page_size);
    memcpy(text, document, length);
    return text;
}

/* Whether the document passes, and is left as it was. */
static bool is_accepted(const char *document, size_t length, bool high)
{
    char *text = place(document, length, high);
    struct json_reader reader;

    json_read(&reader, text, length);
    json_skip(&reader);
    return memcmp(text, document, length) == 0 && json_done(&reader) == 0;
}

/* Reads every name and text, and the numbers that are int64_t; the others are passed. */
static bool is_read(const char *document, size_t length)
{
    char *text = place(document, length, true);
    struct json_reader reader, before;
    const char *value = NULL;
    int64_t number = 0;
    bool truth = false;

    json_read(&reader, text, length);
    do {
        enum json_kind kind = json_peek(&reader);

        before = reader;
        if (kind == JSON_TEXT)
            reader.failed |= !json_get_text(&reader, &value);
        else if (kind == JSON_BOOL)
            reader.failed |= !json_get_bool(&reader, &truth);
        else if (kind == JSON_OBJECT || kind == JSON_ARRAY)
            reader.failed |= !json_enter(&reader, kind);
        else if (kind != JSON_NUMBER || !json_get_number(&reader, &number))
            reader = before;
        if (reader.due)
            json_skip(&reader);
        while (reader.depth > 0 && !reader.failed && !json_next(&reader, &value))
            continue;
    } while (reader.depth > 0 && !reader.failed);
    return json_done(&reader) == 0;
}

static const char *const good[] = {
    "{}",
    "[]",
    "\"\"",
    "0",
    "true",
    "false",
    "null",
    " \t\r\n{ \"a\" : [ 1 , -2.5e+10 , \"b\" ] , \"c\" : null } \r\n\t ",
    "{\"method\":\"a.b.Check\",\"parameters\":{\"user\":\"alice\",\"codes\":[\"1\",\"2\"]}}",
    "{\"a\":1,\"a\":2}",
    "{\"\":\"\"}",
    "[[],{},[[]],{\"a\":{}},\"\",0]",
    "[[[[[[[[]]]]]]]]",
    "[[[[[[[{}]]]]]]]",
    "[-0,0.0,1e5,1E-5,0e+0,12.034e56,-9223372036854775808,99999999999999999999999]",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\u20AC\\uD83D\\uDe00\"",
    "\"\\udc80\\udcff\\udcc3\"",
    "\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\"",
    "\"\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
};

static void test_good(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        size_t length = strlen(good[i]);

        ok(is_accepted(good[i], length, true) && is_accepted(good[i], length, false) &&
               is_read(good[i], length),
           "good %zu", i);
    }
}

/* '~' stands for a NUL byte. */
static const char *const bad_shapes[] = {
    "", " ", "{", "}", "[", "]", "[}", "{]", "[[]", "[]]", "{}}", "[]x", "[] []", "1 2", "1,", ",",
    ":", "[,]", "[1,]", "[,1]", "[1,,2]", "[1 2]", "[1:2]", "[\"a\"\"b\"]", "[[][]]", "[{}{}]",
    "{,}", "{\"a\"}", "{\"a\":}", "{\"a\" 1}", "{\"a\":1,}", "{,\"a\":1}", "{\"a\":1,,\"b\":2}",
    "{\"a\":1 \"b\":2}", "{\"a\"::1}", "{\"a\",1}", "{1:2}", "{a:1}", "{'a':1}", "{\"a\":1",
    "{\"a\":1]", "{\"a\":1:2}", "{null:1}", "[\"a\":1]", "[1}2]", "{\"a\":1]\"b\":2}", "{[]:1}",
    "\"\"\"\"",
    /* what is no white space, comments, the byte order mark, NUL bytes */
    "\v1", "\f1", "\u00a01", "1\u00a0", "\ufeff{}", "/**/1", "1//", "[1#\n]", "~", "1~", "~1",
    "[~]", "[1~]", "{\"a\"~:1}", "\"~\"", "\"a~", "{\"a~\":1}", "tru~", "-~", "[]~", " ~",
    /* depth */
    "[[[[[[[[[]]]]]]]]]", "[[[[[[[[{}]]]]]]]]", "[[[[[[[[[", "{\"a\":[[[[[[[[]]]]]]]]}"};

static const char *const bad_scalars[] = {
    "True", "TRUE", "tru", "truE", "truee", "true1", "t", "fals", "falsey", "nul", "nulll", "nan",
    "NaN", "Infinity", "-Infinity", "undefined", "[truefalse]", "yes", "[true1]", "[nul]",
    /* numbers */
    "-", "+1", "--1", "01", "-01", "00", "1.", ".5", "-.5", "1.e5", "1e", "1e+", "1e-", "1e5.5",
    "1.5.5", "1e5e5", "0x10", "1_000", "1a", "0e", "1+1", "1-", "[01]", "[1.]", "- 1", "1 e5",
    "\u0661", "1,5", "[1e]", "[-]", "1e+-5", "1.-5", "-a"};

static const char *const bad_texts[] = {
    "\"", "\"a", "\"a\\\"", "'a'", "\"a\nb\"", "\"\t\"", "\"\x1f\"", "\"\\", "\"\\\"", "\"\\a\"",
    "\"\\x41\"", "\"\\'\"", "\"\\0\"", "\"\\~\"", "\"\\U0041\"", "\"\\u\"", "\"\\u004\"",
    "\"\\u004", "\"\\u004g\"", "\"\\u 041\"", "\"\\u+041\"", "\"\\u0000\"", "{\"\\u0000\":1}",
    "\"\\u00`0\"", "\"\\u00@0\"", "\"\\u00/0\"", "\"\\u00:0\"", "\"\\u00G0\"", "\"\\u0x41\"",
    /* surrogates */
    "\"\\ud800\"", "\"\\udbff\"", "\"\\udc00\"", "\"\\udc7f\"", "\"\\udd00\"", "\"\\udfff\"",
    "\"\\ud800\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\n\"", "\"\\ud800\\u0041\"", "\"\\ud800\\",
    "\"\\ud800\\u", "\"\\ud800\\udc0", "\"\\ud800\\u\"", "\"\\ud800\\ue000\"", "\"\\udc80\\udc00\"",
    "\"\\ud83d\\ud83d\\ude00\"", "\"\\ud83dxude00\"", "\"\\ud83d\\xde00\"",
    /* UTF-8 */
    "\"\x80\"", "\"\xbf\"", "\"\xc0\x80\"", "\"\xc0\xaf\"", "\"\xc1\xbf\"", "\"\xc3\"", "\"\xc3(\"",
    "\"\xe0\x80\xaf\"", "\"\xe0\x9f\xbf\"", "\"\xe2\x82\"", "\"\xe2\x82", "\"\xe2(\xa1\"",
    "\"\xed\xa0\x80\"", "\"\xed\xb2\x80\"", "\"\xed\xbf\xbf\"", "\"\xed\xa0\xbd\xed\xb8\x80\"",
    "\"\xf0\x80\x80\xaf\"", "\"\xf0\x8f\xbf\xbf\"", "\"\xf0\x9f\x98\"", "\"\xf0\x9f\x98",
    "\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xf8\x88\x80\x80\x80\"", "\"\xfe\"",
    "\"\xff\"", "{\"\xff\":1}", "{\"\xed\xb2\x80\":1}"};

static void check_bad(const char *what, const char *const *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char document[64];
        size_t length = strlen(rows[i]);

        for (size_t j = 0; j < length; j++)
            document[j] = (char)(rows[i][j] == '~' ? '\0' : rows[i][j]);
        ok(!is_accepted(document, length, true) && !is_accepted(document, length, false) &&
               !is_read(document, length),
           "bad %s %zu", what, i);
    }
}

static void test_bad(void)
{
    check_bad("shape", bad_shapes, ARRAY_SIZE(bad_shapes));
    check_bad("scalar", bad_scalars, ARRAY_SIZE(bad_scalars));
    check_bad("text", bad_texts, ARRAY_SIZE(bad_texts));
}

/* A number on its own may be cut and stay one; white space around may go. */
static void test_truncated(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        size_t length = strlen(good[i]), refused = 0;

        while (strchr(" \t\r\n", good[i][length - 1]) != NULL)
            length--;
        for (size_t cut = 0; cut < length; cut++)
            refused += !is_accepted(good[i], cut, true) && !is_read(good[i], cut);
        ok(refused == length, "good %zu, cut anywhere, is bad", i);
    }
}

/* Whatever becomes of them: the pages beside would tell, and reading has to agree with passing. */
static void test_mutated(void)
{
    char document[256];
    unsigned differences = 0, accepted = 0, count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        size_t length = strlen(good[i]);

        for (size_t at = 0; at < length; at++)
            for (unsigned byte = 0; byte < 256; byte++) {
                memcpy(document, good[i], length);
                document[at] = (char)byte;
                bool high = is_accepted(document, length, true);
                differences += high != is_accepted(document, length, false);
                differences += high != is_read(document, length);
                accepted += high;
                count++;
            }
    }
    ok(differences == 0 && accepted > 0 && accepted < count / 2,
       "%u documents with one byte changed: %u are good, read as passed", count, accepted);
}

static void test_numbers(void)
{
    static const struct {
        const char *text;
        bool good;
        int64_t number;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"7", true, 7},
        {"-12", true, -12},
        {" 10 ", true, 10},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775807", true, -INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0},
        {"99999999999999999999999999999999999999999", false, 0},
        {"1.0", false, 0},
        {"1e2", false, 0},
        {"0.0", false, 0},
        {"-0e0", false, 0},
        {"01", false, 0},
        {"1x", false, 0},
        {"1 2", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"\"1\"", false, 0},
        {"null", false, 0},
        {"true", false, 0},
        {"[1]", false, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t length = strlen(rows[i].text);
        struct json_reader reader;
        int64_t number = 4711;

        json_read(&reader, place(rows[i].text, length, true), length);
        ok(json_get_number(&reader, &number) == rows[i].good &&
               number == (rows[i].good ? rows[i].number : 4711) &&
               (json_done(&reader) == 0) == rows[i].good,
           "number '%s'", rows[i].text);
    }
}

static void test_texts(void)
{
    static const struct {
        const char *bytes, *written;
        const char *also; /* another way to write it */
    } rows[] = {
        {"", "\"\"", NULL},
        {"plain ~!/", "\"plain ~!/\"", "\"\\u0070lain\\u0020~!\\/\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\"", "\"a\\u0022b\\u005cc\""},
        {"\b\f\n\r\t", "\"\\u0008\\u000c\\u000a\\u000d\\u0009\"", "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"", "\"\\u0001\\u001F\x7f\""},
        {"\u00e4\u20ac\U0001f600", "\"\u00e4\u20ac\U0001f600\"",
         "\"\\u00E4\\u20aC\\uD83d\\uDE00\""},
        {"\xc2\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff",
         "\"\xc2\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff\"",
         "\"\\u0080\\u07ff\\u0800\\ud7ff\\ue000\\uffff\\ud800\\udc00\\udbff\\udfff\""},
        {"\x80\xff", "\"\\udc80\\udcff\"", "\"\\uDC80\\uDCFF\""},
        {"\xc3", "\"\\udcc3\"", NULL},
        {"\xc3\xa4", "\"\u00e4\"", "\"\\udcc3\\udca4\""},
        {"\xe2\x82", "\"\\udce2\\udc82\"", NULL},
        {"\xe2\x82\xe2\x82\xac", "\"\\udce2\\udc82\u20ac\"", NULL},
        {"\xed\xb2\x80", "\"\\udced\\udcb2\\udc80\"", NULL}, /* what U+DC80 would be */
        {"\xed\xa0\xbd\xed\xb8\x80", "\"\\udced\\udca0\\udcbd\\udced\\udcb8\\udc80\"", NULL},
        {"\xc0\x80", "\"\\udcc0\\udc80\"", NULL},
        {"\xf4\x90\x80\x80", "\"\\udcf4\\udc90\\udc80\\udc80\"", NULL},
        {"\\udc80", "\"\\\\udc80\"", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char out[128] = "";
        size_t length = 0;
        struct json_writer writer;

        json_start(&writer, out, sizeof(out));
        json_text(&writer, NULL, rows[i].bytes);
        ok(json_finish(&writer, &length) == 0 && length == strlen(out) &&
               strcmp(out, rows[i].written) == 0,
           "text %zu is written", i);
        for (int way = 0; way < (rows[i].also != NULL ? 2 : 1); way++) {
            const char *document = way == 0 ? out : rows[i].also, *text = NULL;
            struct json_reader reader;

            length = strlen(document);
            json_read(&reader, place(document, length, true), length);
            ok(json_get_text(&reader, &text) && strcmp(text, rows[i].bytes) == 0 &&
                   json_done(&reader) == 0,
               "text %zu is read", i);
        }
    }
}

/* Any bytes come back; what is written is UTF-8 without control characters. */
static void test_random(void)
{
    unsigned wrong = 0, state = 1;

    for (int round = 0; round < 20000; round++) {
        static const char likely[] = "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xed\xb2\x80\\\"ud";
        char bytes[24], out[6 * sizeof(bytes) + 3];
        const char *text = NULL;
        size_t length = 0;
        struct json_writer writer;
        struct json_reader reader;

        for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
            state = state * 1103515245 + 12345;
            bytes[i] = (state >> 30) == 0 ? (char)(1 + (state >> 16) % 255)
                                          : likely[(state >> 16) % (sizeof(likely) - 1)];
        }
        bytes[sizeof(bytes) - 1] = '\0';
        json_start(&writer, out, sizeof(out));
        json_text(&writer, NULL, bytes);
        wrong += json_finish(&writer, &length) != 0 || !is_accepted(out, length, true);
        json_read(&reader, out, length);
        wrong += !json_get_text(&reader, &text) || strcmp(text, bytes) != 0;
    }
    ok(wrong == 0, "20000 texts of random bytes come back");
}

static const char whole[] = "{\"a\":\"\\u000a\",\"\\\"\":[-1,true,{},[]],\"\\udcff\":{\"b\":false},"
                            "\"c\":[{\"d\":\"\"},\"e\"],\"f\":-9223372036854775808}";

static void write_whole(struct json_writer *writer)
{
    json_open_object(writer, NULL);
    json_text(writer, "a", "\n");
    json_open_array(writer, "\"");
    json_number(writer, NULL, -1);
    json_bool(writer, NULL, true);
    json_open_object(writer, NULL);
    json_end(writer);
    json_open_array(writer, NULL);
    json_end(writer);
    json_end(writer);
    json_open_object(writer, "\xff");
    json_bool(writer, "b", false);
    json_end(writer);
    json_open_array(writer, "c");
    json_open_object(writer, NULL);
    json_text(writer, "d", "");
    json_end(writer);
    json_text(writer, NULL, "e");
    json_end(writer);
    json_number(writer, "f", INT64_MIN);
    json_end(writer);
}

static void test_sizes(void)
{
    size_t refused = 0;
    struct json_writer writer;

    for (size_t size = 0; size <= sizeof(whole); size++) {
        char *out = place("", 0, true) - size;
        size_t length = 4711, dirt = 0;

        json_start(&writer, out, size);
        write_whole(&writer);
        if (json_finish(&writer, &length) == 0) {
            ok(size == sizeof(whole) && length == size - 1 && strcmp(out, whole) == 0,
               "a document that fits exactly");
            continue;
        }
        for (size_t i = 0; i < size; i++)
            dirt += out[i] != '\0';
        refused += length == 4711 && dirt == 0 && out[-1] == '#';
    }
    ok(refused == sizeof(whole), "too small at every size: refused and wiped");
    json_start(&writer, NULL, 0);
    json_text(&writer, NULL, "a");
    ok(json_finish(&writer, &refused) == ERR_TOO_LONG, "no buffer at all");
}

/* Steps of a writer: { [ open without, O A with a name, . ends, t T n N write a value. */
static void take_steps(struct json_writer *writer, const char *steps)
{
    for (; *steps != '\0'; steps++) {
        const char *name = strchr("OATN", *steps) != NULL ? "a" : NULL;

        if (*steps == '{' || *steps == 'O')
            json_open_object(writer, name);
        else if (*steps == '[' || *steps == 'A')
            json_open_array(writer, name);
        else if (*steps == '.')
            json_end(writer);
        else if (*steps == 't' || *steps == 'T')
            json_text(writer, name, "b");
        else if (*steps == 'n' || *steps == 'N')
            json_number(writer, name, 1);
        else
            json_text(writer, name, NULL);
    }
}

static void test_steps(void)
{
    static const struct {
        const char *steps, *written;
    } rows[] = {
        {"t", "\"b\""},
        {"{.", "{}"},
        {"{TO.A.N.", "{\"a\":\"b\",\"a\":{},\"a\":[],\"a\":1}"},
        {"[[[[[[[[........", "[[[[[[[[]]]]]]]]"},
        {"{OOOOOOO........", "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}"},
        {"[[[[[[[[[.........", NULL},
        {"{AAAAAAAA", NULL},
        {"[[[[[[[[[........", NULL},
        {"", NULL},
        {"{", NULL},
        {"[t", NULL},
        {".", NULL},
        {"{..", NULL},
        {"..[", NULL},
        {"tt", NULL},
        {"{.[.", NULL},
        {"T", NULL},
        {"O.", NULL},
        {"{t.", NULL},
        {"{{..", NULL},
        {"[T.", NULL},
        {"[A..", NULL},
        {"-", NULL},
        {"[-.", NULL},
        {"[-t.", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char out[64] = "";
        size_t length = 0;
        struct json_writer writer;

        json_start(&writer, out, sizeof(out));
        take_steps(&writer, rows[i].steps);
        ok(json_finish(&writer, &length) == (rows[i].written != NULL ? 0 : ERR_TOO_LONG) &&
               strcmp(out, rows[i].written != NULL ? rows[i].written : "") == 0,
           "steps '%s'", rows[i].steps);
    }
}

/* As a caller reads; what is passed over stays whole for a copy of the reader. */
static void test_document(void)
{
    char text[] = " {\"a\\u0062\" : \"x\\ty\",\"n\":{\"\\u0063\":[\"\\u0064\",null],\"e\":true} ,"
                  "\"f\":[ ],\"g\":-5} ";
    const char *name = NULL, *value = NULL, *inner = NULL;
    int64_t number = 0;
    bool truth = false;
    struct json_reader reader, later;

    json_read(&reader, text, strlen(text));
    ok(json_done(&reader) == ERR_SYNTAX, "what was not read is not done");
    ok(json_peek(&reader) == JSON_OBJECT && json_enter(&reader, JSON_OBJECT), "an object");
    ok(json_next(&reader, &name) && strcmp(name, "ab") == 0 && json_peek(&reader) == JSON_TEXT &&
           json_get_text(&reader, &value) && json_peek(&reader) == JSON_NOTHING,
       "its first member is a text");
    ok(json_done(&reader) == ERR_SYNTAX, "what was read in part is not done");
    ok(json_next(&reader, &inner) && strcmp(inner, "n") == 0, "the second is passed");
    later = reader;
    json_skip(&reader);
    ok(json_next(&reader, &inner) && strcmp(inner, "f") == 0 && json_enter(&reader, JSON_ARRAY) &&
           !json_next(&reader, NULL),
       "the third is an empty array");
    ok(json_next(&reader, &inner) && strcmp(inner, "g") == 0 && json_get_number(&reader, &number) &&
           number == -5,
       "the fourth is a number");
    ok(!json_next(&reader, &inner) && json_done(&reader) == 0, "there is no other");
    ok(strcmp(name, "ab") == 0 && strcmp(value, "x\ty") == 0, "what was read first is still there");

    ok(json_enter(&later, JSON_OBJECT) && json_next(&later, &name) && strcmp(name, "c") == 0 &&
           json_enter(&later, JSON_ARRAY) && json_next(&later, &name) && name == NULL &&
           json_get_text(&later, &value) && strcmp(value, "d") == 0 && json_next(&later, &name) &&
           json_peek(&later) == JSON_NULL,
       "a copy reads what was passed");
    json_skip(&later);
    ok(!json_next(&later, &name) && json_next(&later, &name) && strcmp(name, "e") == 0 &&
           json_get_bool(&later, &truth) && truth && !json_next(&later, &name) && !later.failed,
       "to its end");
}

/* Readers: { [ enter, > goes to the next, s n b take a value, x passes it. Each step but the last
 * has to succeed. */
static bool is_taken(struct json_reader *reader, char step)
{
    const char *text = NULL;
    int64_t number = 0;
    bool truth = false;

    switch (step) {
    case '{':
        return json_enter(reader, JSON_OBJECT);
    case '[':
        return json_enter(reader, JSON_ARRAY);
    case '>':
        return json_next(reader, &text);
    case 's':
        return json_get_text(reader, &text);
    case 'n':
        return json_get_number(reader, &number);
    case 'b':
        return json_get_bool(reader, &truth);
    case 'e':
        return json_enter(reader, JSON_TEXT);
    default:
        json_skip(reader);
        return !reader->failed;
    }
}

static void test_out_of_turn(void)
{
    static const struct {
        const char *document, *steps;
    } rows[] = {{"1", "s"},          {"1", "b"},           {"1", "{"},
                {"1", "["},          {"1", ">"},           {"1", "nn"},
                {"1", "nx"},         {"1", "xx"},          {"1", "n>"},
                {"\"\"", "n"},       {"\"\"", "e"},        {"true", "s"},
                {"null", "s"},       {"null", "n"},        {"null", "b"},
                {"null", "{"},       {"[]", "{"},          {"{}", "["},
                {"{}", "s"},         {"[1]", "[n"},        {"[1]", "[x"},
                {"[1]", "[>>"},      {"[1]", "[>n>>"},     {"[1]", "[>nn"},
                {"[1,2]", "[>nn"},   {"[[]]", "[>[x"},     {"[]", "[["},
                {"{\"a\":1}", "{s"}, {"{\"a\":1}", "{>s"}, {"[x]", "[>"},
                {"[1,]", "[>n>"},    {"{\"a\":x}", "{>"},  {"[[[[[[[[[", "[>[>[>[>[>[>[>[>["}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t length = strlen(rows[i].document), last = strlen(rows[i].steps) - 1, taken = 0;
        struct json_reader reader;
        const char *rest = "{[>snbex";

        json_read(&reader, place(rows[i].document, length, true), length);
        while (taken < last && (is_taken(&reader, rows[i].steps[taken]) || !reader.failed))
            taken++;
        ok(taken == last && !is_taken(&reader, rows[i].steps[last]) && reader.failed &&
               json_peek(&reader) == JSON_NOTHING && json_done(&reader) == ERR_SYNTAX,
           "'%s' is not read by '%s'", rows[i].document, rows[i].steps);
        while (*rest != '\0' && !is_taken(&reader, *rest))
            rest++;
        ok(*rest == '\0' && json_done(&reader) == ERR_SYNTAX, "and every later step fails");
    }
}

int main(void)
{
    open_page();
    test_good();
    test_bad();
    test_truncated();
    test_mutated();
    test_numbers();
    test_texts();
    test_random();
    test_sizes();
    test_steps();
    test_document();
    test_out_of_turn();
    return tap_done();
}
