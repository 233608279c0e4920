/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "args.h"

#include "language.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name; /* with its two hyphens */
    const char *argument;
    const char *help;
} table[ARGS_OPTION_END] = {
#define ARGS_ROW(identifier, option_name, option_argument, option_help) \
    [OPTION_##identifier] = {"--" option_name, option_argument, option_help},
    ARGS_OPTIONS(ARGS_ROW)
#undef ARGS_ROW
};

const char *args_name(enum args_option option)
{
    return table[option].name;
}

/* ARGS_OPTION_END: there is none of that name. */
static size_t find(const char *text, size_t length)
{
    size_t option = 0;

    while (option < ARGS_OPTION_END &&
           (strncmp(table[option].name, text, length) != 0 || table[option].name[length] != '\0'))
        option++;
    return option;
}

/* Reads the option at argv[*at] and moves past its argument. */
static int parse_option(int argc, char **argv, int *at, struct args *args, struct err *err)
{
    const char *text = argv[*at];
    size_t length = strcspn(text, "=");
    const char *value = text[length] == '=' ? text + length + 1 : NULL;
    size_t option = find(text, length);

    if (option == ARGS_OPTION_END)
        return err_set(err, ERR_USAGE, NULL, _("there is no option %.*s"), (int)length, text);
    if (args->option[option] != NULL)
        return err_set(err, ERR_USAGE, table[option].name, "it is given twice");
    if (table[option].argument == NULL && value != NULL)
        return err_set(err, ERR_USAGE, table[option].name, "it takes no argument");
    if (table[option].argument == NULL)
        value = "";
    else if (value == NULL && ++*at < argc)
        value = argv[*at];
    if (value == NULL)
        return err_set(err, ERR_USAGE, table[option].name, _("its argument %s is missing"),
                       table[option].argument);
    args->option[option] = value;
    return 0;
}

int args_parse(int argc, char **argv, struct args *args, struct err *err)
{
    bool words_only = false;

    *args = (struct args){0};
    for (int i = 1; i < argc; i++) {
        if (!words_only && argv[i][0] == '-' && argv[i][1] != '\0') {
            int r = 0;
            if (strcmp(argv[i], "--") == 0)
                words_only = true;
            else
                r = parse_option(argc, argv, &i, args, err);
            if (r != 0)
                return r;
            continue;
        }
        if (args->word_count == ARGS_WORDS_MAX)
            return err_set(err, ERR_USAGE, NULL, "there are too many arguments");
        args->word[args->word_count++] = argv[i];
    }
    return 0;
}

int args_check(const struct args *args, uint64_t allowed, const char *verb, struct err *err)
{
    for (unsigned i = 0; i < ARGS_OPTION_END; i++)
        if (args->option[i] != NULL && (allowed >> i & 1) == 0)
            return err_set(err, ERR_USAGE, verb, _("it does not take %s"), table[i].name);
    return 0;
}

void args_help(uint64_t options)
{
    for (unsigned i = 0; i < ARGS_OPTION_END; i++) {
        char left[32];

        if ((options >> i & 1) == 0)
            continue;
        snprintf(left, sizeof(left), "%s %s", table[i].name,
                 table[i].argument != NULL ? table[i].argument : "");
        printf("  %-22s %s\n", left, _(table[i].help));
    }
}
