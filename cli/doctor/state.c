/* StateDirectory: may truefrom-milter read what truefrom-policyd writes, and is there anything? */
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "common/state/store.h"

static const char *group_name(arena_t *arena, gid_t gid)
{
        const struct group *group = getgrgid(gid);

        return group != NULL ? arena_strdup(arena, group->gr_name)
                             : arena_printf(arena, "%lu", (unsigned long)gid);
}

static void report_refused(doctor_t *doctor, const char *daemon, const credentials_t *credentials,
                           const char *refused)
{
        const char *directory = doctor->config->state_directory;
        const char *group = group_name(doctor->arena, doctor->milter.gid);
        findings_t *findings = &doctor->findings;
        finding_t *finding = finding_add(findings, SEVERITY_ERROR, "state-permission", NULL,
                                         "%s, which runs as %s, has no access to %s", daemon,
                                         credentials->name, refused);

        finding_means(
            findings, finding,
            "truefrom-milter evaluates SPF itself: what truefrom-policyd did is lost. Both "
            "daemons need the group of StateDirectory.");
        if (strlen(refused) < strlen(directory))
                finding_command(findings, finding, "chmod a+x %s", refused);
        else if (doctor->policyd.name != NULL && doctor->milter.name != NULL && group != NULL)
                finding_command(findings, finding,
                                "chown -R %s:%s %s && chmod 2750 %s && "
                                "systemctl restart truefrom-policyd",
                                doctor->policyd.name, group, directory, directory);
}

/* @param name a file in the directory, NULL = itself */
static void check_access(doctor_t *doctor, const char *daemon, const credentials_t *credentials,
                         const char *name, int mode)
{
        const char *path = doctor->config->state_directory;
        const char *refused = NULL;

        if (name != NULL)
                path = arena_printf(doctor->arena, "%s/%s", path, name);
        if (path != NULL && credentials->name != NULL &&
            access_as(doctor->arena, credentials, path, mode, &refused) == -EACCES)
                report_refused(doctor, daemon, credentials, refused);
}

/* How many entries are there. A reader is what truefrom-milter is: it takes a slot in lock.mdb for
 * a moment, and writes no entry. */
static void count_entries(doctor_t *doctor)
{
        const store_config_t settings = {
            .directory = doctor->config->state_directory,
            .size_bytes = (size_t)doctor->config->state_size << 20,
            .lifetime = doctor->config->state_lifetime,
        };
        store_statistics_t statistics;
        store_t *store;
        entry_t entry;
        int error;

        if (store_open_reader(&settings, &store) != 0) {
                doctor->findings.failed = true;
                return;
        }
        error = store_get(store, STORE_INSTANCE, "doctor", time(NULL), doctor->arena, &entry);
        if (error == 0 || error == -ENOENT)
                error = store_statistics(store, &statistics);
        store_close(store);
        if (error != 0)
                finding_add(&doctor->findings, SEVERITY_WARNING, "state-unreadable", NULL,
                            "%s cannot be read: %s", doctor->config->state_directory,
                            strerror(-error));
        else if (statistics.entries == 0)
                finding_add(&doctor->findings, SEVERITY_NOTE, "state-empty", NULL,
                            "%s holds no SPF result: no mail came within StateLifetime, or Postfix "
                            "does not ask truefrom-policyd",
                            doctor->config->state_directory);
        else
                finding_add(&doctor->findings, SEVERITY_OK, "state", NULL,
                            "%s holds %llu SPF results", doctor->config->state_directory,
                            (unsigned long long)statistics.entries);
}

void doctor_check_state(doctor_t *doctor)
{
        const char *directory = doctor->config->state_directory;
        const char *data = arena_printf(doctor->arena, "%s/data.mdb", directory);
        const char *lock = arena_printf(doctor->arena, "%s/lock.mdb", directory);
        struct stat status;

        if (data == NULL || lock == NULL) {
                doctor->findings.failed = true;
                return;
        }
        /* both: LMDB would make a missing lock file anew */
        if (stat(data, &status) != 0 || stat(lock, &status) != 0) {
                if (errno == EACCES)
                        finding_add(&doctor->findings, SEVERITY_NOTE, "not-seen", NULL,
                                    "%s: no permission; run truefrom doctor as root", directory);
                else if (doctor->policyd.name != NULL)
                        finding_add(&doctor->findings, SEVERITY_ERROR, "state-missing", NULL,
                                    "%s has no store, though truefrom-policyd runs: it has another "
                                    "StateDirectory, or the files were removed",
                                    directory);
                return;
        }
        check_access(doctor, "truefrom-policyd", &doctor->policyd, NULL, R_OK | W_OK | X_OK);
        check_access(doctor, "truefrom-milter", &doctor->milter, "data.mdb", R_OK);
        check_access(doctor, "truefrom-milter", &doctor->milter, "lock.mdb", R_OK | W_OK);
        if (access(data, R_OK) == 0 && access(lock, R_OK | W_OK) == 0)
                count_entries(doctor);
        else
                finding_add(&doctor->findings, SEVERITY_NOTE, "not-seen", NULL,
                            "%s: no permission; run truefrom doctor as root", data);
}
