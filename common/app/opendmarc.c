#include "common/app/opendmarc.h"

#include <strings.h>

#define RESTARTED "systemd restarts the daemons (Restart= in their units)"
#define SEALERS                                                                                    \
        "use milter.Overrides: an entry with ARCSealer for the sealers that you trust, see "       \
        "truefrom.conf(5)"
#define NO_REPORTS "Truefrom sends no failure reports yet"
#define NO_FILE    "Truefrom writes no such file; see HistoryDirectory"

const opendmarc_option_t opendmarc_options[] = {
    {"AuthservID", OPENDMARC_STRING, NULL},
    {"AuthservIDWithJobID", OPENDMARC_BOOL,
     "Truefrom adds fields with AuthservID alone; the queue ID is in each log line"},
    {"AutoRestart", OPENDMARC_BOOL, RESTARTED},
    {"AutoRestartCount", OPENDMARC_NUMBER, RESTARTED},
    {"AutoRestartRate", OPENDMARC_STRING, RESTARTED},
    {"Background", OPENDMARC_BOOL, "the daemons stay in the foreground; systemd starts them"},
    {"BaseDirectory", OPENDMARC_STRING, "not needed: paths are absolute here"},
    {"ChangeRootDirectory", OPENDMARC_STRING,
     "not needed: the systemd units confine the daemons (ProtectSystem= and more)"},
    {"CopyFailuresTo", OPENDMARC_STRING, NULL},
    {"DNSTimeout", OPENDMARC_NUMBER, NULL},
    {"DomainWhitelist", OPENDMARC_STRING, SEALERS},
    {"DomainWhitelistFile", OPENDMARC_STRING, SEALERS},
    {"DomainWhitelistSize", OPENDMARC_NUMBER, SEALERS},
    {"EnableCoredumps", OPENDMARC_BOOL, "systemd decides on core dumps (LimitCORE= in the units)"},
    {"FailureReports", OPENDMARC_BOOL, NO_REPORTS},
    {"FailureReportsBcc", OPENDMARC_STRING, NO_REPORTS},
    {"FailureReportsOnNone", OPENDMARC_BOOL, NO_REPORTS},
    {"FailureReportsSentBy", OPENDMARC_STRING, NO_REPORTS},
    {"HistoryFile", OPENDMARC_STRING, NO_FILE},
    {"HoldQuarantinedMessages", OPENDMARC_BOOL,
     "use milter.QuarantineAction: hold for yes, accept for no"},
    {"IgnoreAuthenticatedClients", OPENDMARC_BOOL, NULL},
    {"IgnoreHosts", OPENDMARC_STRING, NULL},
    {"IgnoreMailFrom", OPENDMARC_STRING, NULL},
    {"IgnoreMailTo", OPENDMARC_STRING,
     "it keeps recipients out of OpenDMARC's history file, which Truefrom does not write"},
    {"MilterDebug", OPENDMARC_NUMBER, "libmilter's debug output cannot be asked for"},
    {"PidFile", OPENDMARC_STRING, "not needed: systemd knows the process"},
    {"PublicSuffixList", OPENDMARC_STRING,
     "not needed: RFC 9989 finds organizational domains in the DNS"},
    {"RecordAllMessages", OPENDMARC_BOOL, NO_FILE},
    {"RejectFailures", OPENDMARC_BOOL, NULL},
    {"RejectMultiValueFrom", OPENDMARC_BOOL,
     "every author domain is evaluated and the strictest outcome counts; milter.RequiredHeaders "
     "refuses messages with several"},
    {"RejectString", OPENDMARC_STRING, NULL},
    {"ReportCommand", OPENDMARC_STRING, NO_REPORTS ", and runs no shell command"},
    {"RequiredHeaders", OPENDMARC_BOOL, NULL},
    {"Socket", OPENDMARC_STRING, NULL},
    {"SoftwareHeader", OPENDMARC_BOOL,
     "the only field that truefrom-milter adds is Authentication-Results"},
    {"SPFIgnoreResults", OPENDMARC_BOOL, NULL},
    {"SPFSelfValidate", OPENDMARC_BOOL, NULL},
    {"Syslog", OPENDMARC_BOOL, "use LogTarget; Truefrom always logs"},
    {"SyslogFacility", OPENDMARC_STRING, "the facility is always mail; see LogTarget"},
    {"TestDNSData", OPENDMARC_STRING,
     "DNS answers cannot be read from a file; Nameservers may name a test server"},
    {"TrustedAuthservIDs", OPENDMARC_STRING, NULL},
    {"UMask", OPENDMARC_NUMBER, NULL},
    {"UserID", OPENDMARC_STRING, NULL},
};

const size_t opendmarc_option_count = sizeof(opendmarc_options) / sizeof(*opendmarc_options);

const opendmarc_option_t *opendmarc_option_find(const char *name)
{
        for (size_t i = 0; i < opendmarc_option_count; i++)
                if (strcasecmp(name, opendmarc_options[i].name) == 0)
                        return &opendmarc_options[i];
        return NULL;
}
