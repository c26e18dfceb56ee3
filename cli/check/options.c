#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/check/check.h"
#include "common/mail/domain.h"
#include "common/mail/envelope.h"

enum {
        OPTION_CLIENT = 256,
        OPTION_CLIENT_NAME,
        OPTION_HELO,
        OPTION_SENDER,
        OPTION_RECIPIENT,
        OPTION_FROM,
        OPTION_DKIM,
        OPTION_MESSAGE,
        OPTION_RECEIVER,
        OPTION_NAMESERVER,
        OPTION_JSON
};

static const struct option long_options[] = {
    {"client", required_argument, NULL, OPTION_CLIENT},
    {"client-name", required_argument, NULL, OPTION_CLIENT_NAME},
    {"helo", required_argument, NULL, OPTION_HELO},
    {"sender", required_argument, NULL, OPTION_SENDER},
    {"recipient", required_argument, NULL, OPTION_RECIPIENT},
    {"from", required_argument, NULL, OPTION_FROM},
    {"dkim", required_argument, NULL, OPTION_DKIM},
    {"message", required_argument, NULL, OPTION_MESSAGE},
    {"receiver", required_argument, NULL, OPTION_RECEIVER},
    {"nameserver", required_argument, NULL, OPTION_NAMESERVER},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void usage(FILE *out)
{
        fputs(
            "usage: truefrom [-c FILE] check --client ADDRESS --helo NAME --sender ADDRESS\n"
            "           --from DOMAIN|HEADER [--dkim DOMAIN=RESULT]... [--json]\n"
            "       truefrom [-c FILE] check --message FILE [OPTION]...\n"
            "  --client ADDRESS      the SMTP client's IP address\n"
            "  --client-name NAME    its verified host name, for IgnoreHosts\n"
            "  --helo NAME           what it said in HELO or EHLO\n"
            "  --sender ADDRESS      the envelope sender; <> is the null sender\n"
            "  --recipient ADDRESS   an envelope recipient, for Overrides; may be repeated\n"
            "  --from DOMAIN|HEADER  the author domain, or the whole From field; may be repeated\n"
            "  --dkim DOMAIN=RESULT  a signature's result, such as example.org=pass; may be "
            "repeated\n"
            "  --message FILE        take all that from a stored message; - is standard input\n"
            "  --receiver HOST       the host whose Received field is ours; may be repeated\n"
            "  --nameserver ADDRESS[@PORT]  ask this one; may be repeated\n"
            "  --json                print one JSON object\n"
            "Exit status: 0 pass or none, 1 fail or permerror, 2 usage, 75 temperror.\n",
            out);
}

static __attribute__((format(printf, 1, 2))) int wrong(const char *format, ...)
{
        va_list args;

        fputs("truefrom check: ", stderr);
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fputs("; see truefrom check -h\n", stderr);
        return CHECK_USAGE_ERROR;
}

static int out_of_memory(void)
{
        fputs("truefrom check: out of memory\n", stderr);
        return EX_OS_ERROR;
}

static int read_sender(arena_t *arena, const char *text, check_options_t *options)
{
        options->sender = envelope_sender(arena, text);
        if (options->sender == NULL)
                return out_of_memory();
        if (*options->sender != '\0' && envelope_sender_domain(options->sender) == NULL)
                return wrong("--sender: not an address: %s (the null sender is <>)", text);
        return -1;
}

static int read_helo(arena_t *arena, const char *text, check_options_t *options)
{
        options->helo = envelope_helo(arena, text);
        return options->helo != NULL ? -1 : out_of_memory();
}

/* A bare domain stands for any address in it. */
static int read_from(arena_t *arena, const char *text, check_options_t *options)
{
        static const char name[] = "From:";
        char domain[DOMAIN_LONG_SIZE];

        if (strncasecmp(text, name, sizeof(name) - 1) == 0)
                text += sizeof(name) - 1;
        if (domain_normalize_long(text, strlen(text), domain) == 0) {
                text = arena_printf(arena, "postmaster@%s", domain);
                if (text == NULL)
                        return out_of_memory();
        }
        return text_list_add(arena, &options->from, text) == 0 ? -1 : out_of_memory();
}

static int read_dkim(arena_t *arena, const char *text, check_options_t *options)
{
        const char *equals = strrchr(text, '=');
        dmarc_identifier_t *grown;
        char domain[DOMAIN_SIZE];
        enum auth_result result;

        if (equals == NULL || domain_normalize(text, (size_t)(equals - text), domain) != 0)
                return wrong("--dkim: not DOMAIN=RESULT: %s", text);
        if (!auth_result_parse(equals + 1, strlen(equals + 1), &result))
                return wrong("--dkim: no such result: %s (say pass, fail, temperror, ...)",
                             equals + 1);
        grown = arena_grow(arena, options->dkim, options->dkim_count, &options->dkim_room,
                           sizeof(*grown));
        if (grown == NULL)
                return out_of_memory();
        options->dkim = grown;
        grown += options->dkim_count++;
        grown->result = result;
        grown->domain = arena_strdup(arena, domain);
        return grown->domain != NULL ? -1 : out_of_memory();
}

static int read_list(arena_t *arena, text_list_t *list, const char *text)
{
        return text_list_add(arena, list, text) == 0 ? -1 : out_of_memory();
}

static int read_option(arena_t *arena, int option, check_options_t *options)
{
        switch (option) {
        case OPTION_CLIENT:
                options->has_client = address_parse(optarg, &options->client);
                return options->has_client ? -1 : wrong("--client: not an address: %s", optarg);
        case OPTION_CLIENT_NAME:
                options->client_name = optarg;
                return -1;
        case OPTION_HELO:
                return read_helo(arena, optarg, options);
        case OPTION_SENDER:
                return read_sender(arena, optarg, options);
        case OPTION_RECIPIENT:
                return read_list(arena, &options->recipients, optarg);
        case OPTION_FROM:
                return read_from(arena, optarg, options);
        case OPTION_DKIM:
                return read_dkim(arena, optarg, options);
        case OPTION_MESSAGE:
                options->message = optarg;
                return -1;
        case OPTION_RECEIVER:
                return read_list(arena, &options->receivers, optarg);
        case OPTION_NAMESERVER:
                if (!dns_nameserver_valid(optarg))
                        return wrong("--nameserver: not ADDRESS or ADDRESS@PORT: %s", optarg);
                return read_list(arena, &options->nameservers, optarg);
        case OPTION_JSON:
                options->json = true;
                return -1;
        case 'h':
                usage(stdout);
                return EXIT_SUCCESS;
        default:
                usage(stderr);
                return CHECK_USAGE_ERROR;
        }
}

static int check_whole(const check_options_t *options)
{
        if (options->message != NULL)
                return -1;
        if (!options->has_client)
                return wrong("--client is missing");
        if (options->helo == NULL)
                return wrong("--helo is missing");
        if (options->sender == NULL)
                return wrong("--sender is missing");
        return options->from.count > 0 ? -1 : wrong("--from is missing");
}

int check_read_options(arena_t *arena, int argc, char **argv, check_options_t *options)
{
        int option;

        memset(options, 0, sizeof(*options));
        while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
                int status = read_option(arena, option, options);

                if (status >= 0)
                        return status;
        }
        if (optind < argc)
                return wrong("unexpected argument: %s", argv[optind]);
        return check_whole(options);
}
