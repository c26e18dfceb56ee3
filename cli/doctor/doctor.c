/*
 * truefrom doctor: looks at this host's Postfix and at ourselves, and says what to change
 */
#include "cli/doctor/doctor.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "common/app/daemon.h"

#define MEMORY_LIMIT ((size_t)64 << 20)

static void usage(FILE *out)
{
        fputs("usage: truefrom [-c FILE] doctor [--config-dir DIR] [--opendkim FILE] [--log FILE] "
              "[--json]\n"
              "  --config-dir DIR  Postfix's configuration (default: postconf's)\n"
              "  --opendkim FILE   OpenDKIM's configuration (default: /etc/opendkim.conf)\n"
              "  --log FILE        mail log (default: /var/log/mail.log, or else the journal)\n"
              "  --json            print JSON\n",
              out);
}

/* @return -1 to go on, else the exit status */
static int read_options(int argc, char **argv, doctor_options_t *options, bool *json)
{
        static const struct option known[] = {
            {"config-dir", required_argument, NULL, 'p'},
            {"opendkim", required_argument, NULL, 'd'},
            {"log", required_argument, NULL, 'l'},
            {"json", no_argument, NULL, 'j'},
            {"help", no_argument, NULL, 'h'},
            {NULL, 0, NULL, 0},
        };
        int option;

        while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
                switch (option) {
                case 'p':
                        options->config_dir = optarg;
                        break;
                case 'd':
                        options->opendkim = optarg;
                        break;
                case 'l':
                        options->log = optarg;
                        break;
                case 'j':
                        *json = true;
                        break;
                case 'h':
                        usage(stdout);
                        return EXIT_SUCCESS;
                default:
                        usage(stderr);
                        return EX_USAGE_ERROR;
                }
        }
        if (optind == argc)
                return -1;
        fprintf(stderr, "truefrom doctor: unexpected argument: %s\n", argv[optind]);
        usage(stderr);
        return EX_USAGE_ERROR;
}

static void check_services(doctor_t *doctor)
{
        const postfix_t *postfix = doctor->postfix;

        for (size_t i = 0; i < postfix->service_count; i++) {
                const postfix_service_t *service = &postfix->services[i];

                if (doctor_role(postfix, service) == ROLE_OTHER)
                        continue;
                if (doctor->config->milter.socket != NULL)
                        doctor_check_milters(doctor, service);
                if (doctor->config->policyd.socket != NULL)
                        doctor_check_policy(doctor, service);
        }
}

/* In this order: what explains most comes first. */
static void check_all(doctor_t *doctor)
{
        doctor_check_config(doctor);
        doctor_read_postfix(doctor);
        if (geteuid() != 0)
                finding_add(&doctor->findings, SEVERITY_NOTE, "not-root", NULL,
                            "not run as root: whether Postfix and the daemons may use sockets and "
                            "store was not looked at");
        if (doctor->config != NULL) {
                doctor_check_sockets(doctor);
                doctor_check_running(doctor);
                doctor_check_state(doctor);
                if (doctor->postfix != NULL)
                        doctor_check_forgery(doctor);
                doctor_check_opendkim(doctor);
        }
        if (doctor->postfix != NULL) {
                doctor_check_smuggling(doctor);
                doctor_check_postfix(doctor);
        }
        if (doctor->postfix != NULL && doctor->config != NULL) {
                check_services(doctor);
                doctor_check_networks(doctor);
        }
        doctor_check_resolver(doctor);
        doctor_check_joins(doctor);
}

#define FOLLOWUPS 4

/* How a change of each file comes to hold. */
static void set_followups(doctor_t *doctor, followup_t *followups)
{
        const char *dir = doctor->options.config_dir;
        const char *reload = dir != NULL ? arena_printf(doctor->arena, "postfix -c %s reload", dir)
                                         : "postfix reload";
        size_t count = 0;

        followups[count++] = (followup_t){doctor->options.opendkim, "systemctl restart opendkim"};
        followups[count++] = (followup_t){doctor->options.config_path,
                                          "systemctl restart truefrom-policyd truefrom-milter"};
        if (doctor->postfix != NULL && reload != NULL) {
                followups[count++] = (followup_t){doctor->main_cf, reload};
                followups[count++] = (followup_t){doctor->master_cf, reload};
        }
        doctor->findings.followups = followups;
        doctor->findings.followup_count = count;
}

static bool wants_colour(void)
{
        const char *no_colour = getenv("NO_COLOR"); /* https://no-color.org */

        return (no_colour == NULL || *no_colour == '\0') && isatty(STDOUT_FILENO);
}

/* @return the exit status */
static int report(findings_t *findings, bool json)
{
        bool ok = true;

        findings_merge(findings);
        if (json)
                ok = findings_print_json(findings, stdout);
        else
                findings_print(findings, stdout, wants_colour());
        if (findings->failed || !ok) {
                fputs("truefrom doctor: out of memory: not all was looked at\n", stderr);
                return EXIT_FAILURE;
        }
        return findings_count(findings, SEVERITY_ERROR) > 0 ||
                       findings_count(findings, SEVERITY_WARNING) > 0
                   ? EXIT_FAILURE
                   : EXIT_SUCCESS;
}

int doctor_command(const command_options_t *options, int argc, char **argv)
{
        doctor_t doctor = {
            .options = {.config_path = options->config_path, .opendkim = "/etc/opendkim.conf"}};
        followup_t followups[FOLLOWUPS];
        bool json = false;
        int status = read_options(argc, argv, &doctor.options, &json);

        if (status >= 0)
                return status;
        doctor.arena = arena_create(MEMORY_LIMIT);
        if (doctor.arena == NULL) {
                fputs("truefrom doctor: out of memory\n", stderr);
                return EXIT_FAILURE;
        }
        findings_init(&doctor.findings, doctor.arena);
        check_all(&doctor);
        set_followups(&doctor, followups);
        status = report(&doctor.findings, json);
        config_release(doctor.config);
        arena_free(doctor.arena);
        return status;
}
