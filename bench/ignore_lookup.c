/*
 * ignore_lookup: what one look-up in an ignore list costs, by the number of its lines.
 *
 * The list has addresses, blocks, names and domains in equal parts; of the clients that are looked
 * up, half are in it. Prints "LINES NANOSECONDS COMPILE-MILLISECONDS" a line.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/address.h"
#include "common/policy/ignore.h"

#define LOOKUPS 400000U
#define CLIENTS 4096U

static double now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void on_error(void *context, unsigned line, const char *message)
{
        (void)context;
        fprintf(stderr, "line %u: %s\n", line, message);
        exit(EXIT_FAILURE);
}

static uint32_t scattered(uint32_t i)
{
        return i * 2654435761U;
}

static void make_line(uint32_t i, char *line, size_t size)
{
        uint32_t address = scattered(i);
        unsigned a = address >> 24, b = address >> 16 & 255, c = address >> 8 & 255;

        switch (i % 4) {
        case 0:
                snprintf(line, size, "%u.%u.%u.%u", a, b, c, address & 255);
                break;
        case 1:
                snprintf(line, size, "2001:db8:%x:%x::/64", address >> 16, address & 0xffff);
                break;
        case 2:
                snprintf(line, size, "mail%u.example%u.test", i, i % 997);
                break;
        default:
                snprintf(line, size, ".example%u.test", i);
                break;
        }
}

typedef struct client {
        address_t address;
        char name[48];
} client_t;

/* Every second one is on the list (or would be, if the list were that long). */
static void make_clients(client_t *clients, uint32_t lines)
{
        char text[64];

        for (uint32_t i = 0; i < CLIENTS; i++) {
                uint32_t in = i % 2 == 0 ? scattered(i) % lines / 4 * 4 : 0xfffffff0U - i * 4;
                uint32_t address = scattered(in);

                snprintf(text, sizeof(text), "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
                         address >> 8 & 255, address & 255);
                address_parse(text, &clients[i].address);
                snprintf(clients[i].name, sizeof(clients[i].name), "host%u.sub.example%u.test", i,
                         i % 2 == 0 ? in + 3 : in);
        }
}

static void measure(uint32_t lines)
{
        size_t room = (size_t)lines * 64, len = 0, matches = 0;
        char *text = malloc(room);
        client_t *clients = calloc(CLIENTS, sizeof(*clients));
        ignore_list_t *list;
        double begin, compiled, end;

        if (text == NULL || clients == NULL)
                exit(EXIT_FAILURE);
        for (uint32_t i = 0; i < lines; i++) {
                make_line(i, text + len, room - len - 1);
                len += strlen(text + len);
                text[len++] = '\n';
        }
        make_clients(clients, lines);
        begin = now_ns();
        list = ignore_list_parse(text, len, on_error, NULL);
        compiled = now_ns();
        if (list == NULL)
                exit(EXIT_FAILURE);
        for (uint32_t i = 0; i < LOOKUPS; i++) {
                const client_t *client = &clients[i % CLIENTS];

                matches += ignore_list_match(list, &client->address, client->name);
        }
        end = now_ns();
        if (matches == 0 || matches == LOOKUPS) {
                fputs("ignore_lookup: not some clients matched, but none or all\n", stderr);
                exit(EXIT_FAILURE);
        }
        printf("%u %.1f %.2f\n", lines, (end - compiled) / LOOKUPS, (compiled - begin) / 1e6);
        ignore_list_free(list);
        free(clients);
        free(text);
}

int main(void)
{
        for (uint32_t lines = 10; lines <= 100000; lines *= 10)
                measure(lines);
        return EXIT_SUCCESS;
}
