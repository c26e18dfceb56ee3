/* the state store: commits, readers, bounds, damage */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/state/store.h"

#define NOW 1795500000

static char directory[64];
static store_config_t config;
static arena_t *arena;

static void setup(void)
{
        snprintf(directory, sizeof(directory), "/tmp/tf-store-XXXXXX");
        cr_assert_not_null(mkdtemp(directory));
        config = (store_config_t){.directory = directory, .size_bytes = 4 << 20, .lifetime = 3600};
        arena = arena_create(0);
}

static void teardown(void)
{
        char path[128];

        snprintf(path, sizeof(path), "%s/data.mdb", directory);
        unlink(path);
        snprintf(path, sizeof(path), "%s/lock.mdb", directory);
        unlink(path);
        rmdir(directory);
        arena_free(arena);
}

TestSuite(store, .init = setup, .fini = teardown, .timeout = 120);

static entry_t entry_of(int64_t now, const char *sender)
{
        entry_t entry = {.time = now,
                         .instance = "1.2.3",
                         .helo = "mail.test",
                         .sender = sender,
                         .spf = AUTH_PASS,
                         .spf_domain = "test"};

        address_parse("192.0.2.1", &entry.client);
        return entry;
}

static store_t *writer(void)
{
        store_t *store = NULL;

        cr_assert_eq(store_open_writer(&config, &store), 0);
        return store;
}

static store_t *reader(void)
{
        store_t *store = NULL;

        cr_assert_eq(store_open_reader(&config, &store), 0);
        return store;
}

static void put(store_t *store, const char *queue_id, int64_t now)
{
        entry_t entry = entry_of(now, queue_id);

        cr_assert_eq(store_put(store, STORE_QUEUE_ID, queue_id, &entry), 0);
}

static int get(store_t *store, const char *queue_id, int64_t now)
{
        entry_t entry;
        int error = store_get(store, STORE_QUEUE_ID, queue_id, now, arena, &entry);

        if (error == 0)
                cr_expect_str_eq(entry.sender, queue_id);
        return error;
}

/* LMDB wants one process to open an environment once: the writer runs in another one then. */
static void in_child(void (*act)(void))
{
        int status;
        pid_t child = fork();

        cr_assert_geq(child, 0);
        if (child == 0) {
                act();
                _exit(0);
        }
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void write_4a(void)
{
        store_t *store = writer();

        put(store, "4A", NOW);
        if (store_commit(store) != 0)
                _exit(1);
        store_close(store);
}

static void write_4b(void)
{
        store_t *store = writer();

        put(store, "4B", NOW);
        if (store_commit(store) != 0)
                _exit(1);
        store_close(store);
}

static void put_4b_without_commit(void)
{
        store_t *store = writer();

        put(store, "4B", NOW);
        if (get(store, "4B", NOW) != 0)
                _exit(1);
        store_close(store);
}

Test(store, kinds_of_keys_do_not_mix)
{
        store_t *store = writer();
        entry_t a = entry_of(NOW, "a"), b = entry_of(NOW, "b"), c = entry_of(NOW, "c"), out;

        store_put(store, STORE_QUEUE_ID, "same", &a);
        store_put(store, STORE_INSTANCE, "same", &b);
        store_put(store, STORE_ENVELOPE, "same", &c);
        cr_assert_eq(store_commit(store), 0);
        cr_assert_eq(store_get(store, STORE_QUEUE_ID, "same", NOW, arena, &out), 0);
        cr_expect_str_eq(out.sender, "a");
        cr_assert_eq(store_get(store, STORE_INSTANCE, "same", NOW, arena, &out), 0);
        cr_expect_str_eq(out.sender, "b");
        cr_assert_eq(store_get(store, STORE_ENVELOPE, "same", NOW, arena, &out), 0);
        cr_expect_str_eq(out.sender, "c");
        store_close(store);
}

/* Their hashes are neighbours: they must differ all the same. */
Test(store, queue_ids_of_one_moment_do_not_mix)
{
        static const char *const ids[] = {"61DAA3EA44",   "61DAA3EA45",   "61DAA3EA4",
                                          "61DAA3EA445",  "61DAA",        "61DAA0",
                                          "4fS2kZ2hKDz1", "4fS2kZ2hKDz2", "4fS2kZ2hKDz"};
        const size_t count = sizeof(ids) / sizeof(*ids);
        store_t *store = writer();

        for (size_t i = 0; i < count; i++) {
                entry_t entry = entry_of(NOW, ids[i]);

                store_put(store, STORE_QUEUE_ID, ids[i], &entry);
        }
        cr_assert_eq(store_commit(store), 0);
        for (size_t i = 0; i < count; i++) {
                entry_t out;

                cr_assert_eq(store_get(store, STORE_QUEUE_ID, ids[i], NOW, arena, &out), 0);
                cr_expect_str_eq(out.sender, ids[i]);
        }
        store_close(store);
}

Test(store, readers_see_commits_only)
{
        store_t *reading = reader();

        in_child(write_4a);
        cr_expect_eq(get(reading, "4A", NOW), 0);
        in_child(put_4b_without_commit);
        cr_expect_eq(get(reading, "4B", NOW), -ENOENT);
        in_child(write_4b);
        cr_expect_eq(get(reading, "4B", NOW), 0);
        cr_expect_eq(get(reading, "4A", NOW), 0);
        store_close(reading);
}

Test(store, the_newest_entry_of_a_key_counts)
{
        store_t *store = writer();
        entry_t old = entry_of(NOW, "old@test"), new = entry_of(NOW + 5, "new@test"), out;

        for (int i = 0; i < 3; i++) {
                store_put(store, STORE_QUEUE_ID, "4A", &old);
                store_put(store, STORE_QUEUE_ID, "4A", &new);
                cr_assert_eq(store_commit(store), 0);
        }
        cr_assert_eq(store_get(store, STORE_QUEUE_ID, "4A", NOW, arena, &out), 0);
        cr_expect_str_eq(out.sender, "new@test");
        store_statistics_t statistics;
        cr_assert_eq(store_statistics(store, &statistics), 0);
        cr_expect_eq(statistics.entries, 1);
        store_close(store);
}

Test(store, lifetime)
{
        store_t *store = writer();

        put(store, "4A", NOW);
        store_commit(store);
        cr_expect_eq(get(store, "4A", NOW + 3600), 0);
        cr_expect_eq(get(store, "4A", NOW + 3601), -ENOENT);
        cr_expect_eq(get(store, "4A", NOW - 60), 0);
        cr_expect_eq(get(store, "4A", NOW - 61), -ENOENT);
        store_set_lifetime(store, 10);
        cr_expect_eq(get(store, "4A", NOW + 11), -ENOENT);
        store_close(store);
}

Test(store, expires_the_oldest_a_few_at_a_time)
{
        store_t *store = writer();
        store_statistics_t statistics;

        for (int i = 0; i < 100; i++) {
                char id[16];

                snprintf(id, sizeof(id), "4%03d", i);
                put(store, id, NOW + i);
        }
        cr_assert_eq(store_commit(store), 0);
        cr_expect_eq(store_expire(store, NOW + 3600, 0), 0);
        cr_expect_eq(store_expire(store, NOW + 3600 + 50, 20), 20);
        cr_expect_eq(store_expire(store, NOW + 3600 + 50, 100), 30);
        cr_assert_eq(store_statistics(store, &statistics), 0);
        cr_expect_eq(statistics.entries, 50);
        cr_expect_eq(get(store, "4050", NOW + 100), 0);
        cr_expect_eq(get(store, "4049", NOW + 100), -ENOENT);
        store_close(store);
}

Test(store, a_full_map_drops_the_oldest)
{
        store_t *store;
        store_statistics_t statistics;
        char id[128];

        config.size_bytes = 1 << 20; /* the least that StateSize allows */
        store = writer();
        for (int i = 0; i < 20000; i++) {
                snprintf(id, sizeof(id), "%0100d", i);
                put(store, id, NOW);
                if (i % 10 == 9)
                        cr_assert_eq(store_commit(store), 0, "at %d", i);
        }
        cr_expect_eq(get(store, id, NOW), 0);
        snprintf(id, sizeof(id), "%0100d", 0);
        cr_expect_eq(get(store, id, NOW), -ENOENT);
        cr_assert_eq(store_statistics(store, &statistics), 0);
        cr_expect_gt(statistics.dropped, 1000);
        cr_expect_eq(statistics.recreated, 0);
        cr_expect_leq(statistics.bytes_used, config.size_bytes);
        store_close(store);
}

Test(store, keys_and_entries_that_do_not_fit)
{
        store_t *store = writer();
        char key[STORE_KEY_SIZE + 1], sender[ENTRY_SIZE_MAX + 1];
        entry_t entry = entry_of(NOW, "a"), out;

        memset(key, 'k', sizeof(key) - 1);
        key[sizeof(key) - 1] = '\0';
        memset(sender, 's', sizeof(sender) - 1);
        sender[sizeof(sender) - 1] = '\0';
        cr_expect_eq(store_put(store, STORE_QUEUE_ID, key, &entry), -EINVAL);
        cr_expect_eq(store_put(store, STORE_QUEUE_ID, "", &entry), -EINVAL);
        cr_expect_eq(store_get(store, STORE_QUEUE_ID, key, NOW, arena, &out), -EINVAL);
        entry.sender = sender;
        cr_expect_eq(store_put(store, STORE_QUEUE_ID, "4A", &entry), -E2BIG);
        put(store, "4B", NOW);
        cr_expect_eq(store_commit(store), 0);
        cr_expect_eq(get(store, "4B", NOW), 0);
        store_close(store);
}

Test(store, files_are_for_owner_and_group)
{
        store_t *store;
        struct stat status;
        char path[128];

        umask(0);
        store = writer();
        snprintf(path, sizeof(path), "%s/data.mdb", directory);
        cr_assert_eq(stat(path, &status), 0);
        cr_expect_eq(status.st_mode & 07777, 0640);
        snprintf(path, sizeof(path), "%s/lock.mdb", directory);
        cr_assert_eq(stat(path, &status), 0);
        cr_expect_eq(status.st_mode & 07777, 0660);
        store_close(store);
}

Test(store, a_reader_may_come_first)
{
        store_t *reading = reader();

        cr_expect_eq(get(reading, "4A", NOW), -ENOENT);
        in_child(write_4a);
        sleep(2); /* it looks once a second */
        cr_expect_eq(get(reading, "4A", NOW), 0);
        store_close(reading);
}

static void spoil(off_t size, bool garbage)
{
        char path[128], noise[4096];
        struct stat status;
        int fd;

        snprintf(path, sizeof(path), "%s/data.mdb", directory);
        fd = open(path, O_RDWR);
        cr_assert_eq(fstat(fd, &status), 0);
        if (garbage) {
                memset(noise, 0xa5, sizeof(noise));
                for (off_t at = 0; at < status.st_size; at += (off_t)sizeof(noise))
                        cr_assert_eq(pwrite(fd, noise, sizeof(noise), at), (ssize_t)sizeof(noise));
        } else {
                cr_assert_eq(ftruncate(fd, size < 0 ? status.st_size / 2 : size), 0);
        }
        close(fd);
}

static void expect_recreation(off_t size, bool garbage)
{
        store_t *store = writer();

        for (int i = 0; i < 2000; i++) {
                char id[16];

                snprintf(id, sizeof(id), "4%d", i);
                put(store, id, NOW);
        }
        cr_assert_eq(store_commit(store), 0);
        store_close(store);
        spoil(size, garbage);
        store = writer();
        put(store, "5A", NOW);
        cr_assert_eq(store_commit(store), 0);
        cr_expect_eq(get(store, "5A", NOW), 0);
        store_close(store);
}

Test(store, file_cut_to_half)
{
        expect_recreation(-1, false);
}

Test(store, file_cut_to_a_few_octets)
{
        expect_recreation(100, false);
}

Test(store, empty_file)
{
        expect_recreation(0, false);
}

Test(store, garbage_in_the_file)
{
        expect_recreation(0, true);
}

static void remove_files(void)
{
        char path[128];

        snprintf(path, sizeof(path), "%s/data.mdb", directory);
        unlink(path);
        snprintf(path, sizeof(path), "%s/lock.mdb", directory);
        unlink(path);
}

Test(store, a_reader_follows_a_new_file)
{
        store_t *reading = reader();

        in_child(write_4a);
        cr_expect_eq(get(reading, "4A", NOW), 0);
        in_child(remove_files);
        in_child(write_4b);
        sleep(2);
        cr_expect_eq(get(reading, "4B", NOW), 0);
        cr_expect_eq(get(reading, "4A", NOW), -ENOENT);
        store_close(reading);
}

Test(store, a_killed_writer_leaves_what_it_had_committed)
{
        int status;
        store_t *store;
        pid_t child = fork();

        cr_assert_geq(child, 0);
        if (child == 0) {
                store = writer();
                put(store, "4A", NOW);
                store_commit(store);
                put(store, "4B", NOW);
                kill(getpid(), SIGKILL);
        }
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFSIGNALED(status));
        store = writer();
        cr_expect_eq(get(store, "4A", NOW), 0);
        cr_expect_eq(get(store, "4B", NOW), -ENOENT);
        put(store, "4C", NOW);
        cr_expect_eq(store_commit(store), 0);
        store_close(store);
}

static void *read_much(void *argument)
{
        store_t *store = argument;
        arena_t *own = arena_create(0);
        size_t found = 0;
        entry_t entry;

        for (int i = 0; i < 5000; i++) {
                if (store_get(store, STORE_QUEUE_ID, "4A", NOW, own, &entry) == 0)
                        found++;
                arena_reset(own);
        }
        arena_free(own);
        return (void *)found;
}

static void write_much(void)
{
        store_t *store = writer();

        for (int i = 0; i < 500; i++) {
                put(store, "4A", NOW);
                if (store_commit(store) != 0)
                        _exit(1);
        }
        store_close(store);
}

Test(store, many_threads_read_while_another_process_writes)
{
        store_t *reading = reader();
        pthread_t threads[8];
        int status;
        pid_t child;

        in_child(write_4a);
        child = fork();
        cr_assert_geq(child, 0);
        if (child == 0) {
                write_much();
                _exit(0);
        }
        for (size_t i = 0; i < 8; i++)
                pthread_create(&threads[i], NULL, read_much, reading);
        for (size_t i = 0; i < 8; i++) {
                void *found;

                pthread_join(threads[i], &found);
                cr_expect_eq((size_t)found, 5000);
        }
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        store_close(reading);
}

Test(store, envelope_keys)
{
        address_t a, b;
        char key[STORE_KEY_SIZE], other[STORE_KEY_SIZE];

        address_parse("192.0.2.1", &a);
        address_parse("192.0.2.2", &b);
        store_envelope_key(&a, 25, "mail.test", "user@test", key);
        store_envelope_key(&a, 25, "MAIL.test", "User@TEST", other);
        cr_expect_str_eq(key, other);
        store_envelope_key(&b, 25, "mail.test", "user@test", other);
        cr_expect_str_neq(key, other);
        store_envelope_key(&a, 26, "mail.test", "user@test", other);
        cr_expect_str_neq(key, other);
        store_envelope_key(&a, 25, "mail.testu", "ser@test", other);
        cr_expect_str_neq(key, other);
        store_envelope_key(&a, 25, "mail.test", "", other);
        cr_expect_str_neq(key, other);
}
