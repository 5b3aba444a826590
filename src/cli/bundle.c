/* cli/bundle.c - --bundle DIR: a report with what is needed to check it, and the check of that. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "assets/cli.h"
#include "base/clock.h"
#include "base/sha256.h"
#include "cli/steps.h"
#include "format/json.h"
#include "report/report.h"
#include "retrieval/store.h"

#define REPORT   "report.json"
#define MANIFEST "MANIFEST.sha256"
#define CRATE    "ro-crate-metadata.json"
#define README   "README.md"

typedef struct bundle {
    imr_cli *cli;
    imr_path dir; /* until it is whole; "": it is */
    char started[IMR_CLOCK_UTC];
    imr_buf manifest, parts, inputs, machine, graph; /* graph: what the three before refer to */
} bundle;

static void bundle_done(bundle *b)
{
    if (b->dir.s[0])
        (void)imr_derived_bytes(b->dir.s, "", true);
    imr_buf *const all[] = {&b->manifest, &b->parts, &b->inputs, &b->machine, &b->graph};
    for (size_t i = 0; i < IMR_LEN(all); i++)
        imr_buf_done(all[i]);
}

/* ---- what it says ---- */

static void refer(imr_buf *list, const char *id)
{
    imr_json_printf(list, list->len ? ", {'@id': %s}" : "{'@id': %s}", id);
}

static imr_status add_file(bundle *b, const char *name, imr_error *err)
{
    const imr_path path = imr_path_in(b->dir.s, name);
    char hex[IMR_SHA256_HEX];
    struct stat st = {0};
    (void)stat(path.s, &st);
    IMR_TRY(imr_sha256_file(path.s, hex, err));
    imr_buf_printf(&b->manifest, "%s  %s\n", hex, name);
    refer(&b->parts, name);
    imr_json_printf(&b->graph,
                    ",\n {'@id': %s, '@type': 'File', 'name': %s, 'encodingFormat': %s, "
                    "'contentSize': %s, 'sha256': %s}",
                    name, name, strstr(name, ".json") ? "application/json" : "text/plain",
                    imr_textf("%lld", (long long)st.st_size).s, hex);
    return IMR_OK;
}

/* What a report read, by name, hash and size; once where several did. */
static void add_inputs(bundle *b, const imr_json *report)
{
    for (const imr_json *in = imr_json_child(imr_json_at(report, "inputs")); in;
         in = imr_json_next(in)) {
        const char *hash = imr_json_string_or(in, "sha256", "");
        const char *name = imr_json_string_or(in, "name", ""),
                   *path = imr_json_string_or(in, "path", name);
        char id[64], bytes[32] = "";
        struct stat st;
        snprintf(id, sizeof id, "#%.20s-%.12s", imr_json_key(in), hash);
        if (!*hash || strstr(imr_buf_text(&b->inputs), id))
            continue;
        if (stat(path, &st) == 0)
            snprintf(bytes, sizeof bytes, "%llu",
                     S_ISDIR(st.st_mode) ? (unsigned long long)imr_derived_bytes(path, ".", false)
                                         : (unsigned long long)st.st_size);
        refer(&b->inputs, id);
        imr_json_printf(&b->graph,
                        ",\n {'@id': %s, '@type': 'CreativeWork', 'name': %s, 'alternateName': %s, "
                        "'contentSize': %-s, 'sha256': %s}",
                        id, imr_json_key(in), path, bytes, hash);
    }
}

/* "model name : AMD ..." of Linux, else "". */
static const char *cpu_model(char line[256])
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    const char *found = NULL;
    while (f && !found && fgets(line, 256, f))
        found = strncmp(line, "model name", 10) == 0 ? strchr(line, ':') : NULL;
    if (f)
        fclose(f);
    line[strcspn(line, "\n")] = '\0';
    return found ? found + 1 + strspn(found + 1, " ") : "";
}

static void add_machine(bundle *b)
{
    struct utsname u = {0};
    char model[256] = "", libc[64] = "";
    IMR_AUTOBUF imr_buf blas = {0};
    (void)uname(&u);
    imr_cli_blas_text(&blas);
    const long long memory = (long long)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    const imr_text cores = imr_textf("%ld", sysconf(_SC_NPROCESSORS_ONLN)),
                   room = imr_textf("%lld bytes", memory),
                   os = imr_textf("%s %s %s", u.sysname, u.release, u.machine);
#ifdef _CS_GNU_LIBC_VERSION
    (void)confstr(_CS_GNU_LIBC_VERSION, libc, sizeof libc);
#endif
    const char *const facts[][2] = {{"cpu", cpu_model(model)},
                                    {"cores", cores.s},
                                    {"memory", room.s},
                                    {"operating system", os.s},
                                    {"BLAS", imr_buf_text(&blas)},
                                    {"C library", libc},
                                    {"compiler", __VERSION__}};
    for (size_t i = 0; i < IMR_LEN(facts); i++) {
        const imr_text id = imr_textf("#machine-%zu", i + 1);
        refer(&b->machine, id.s);
        imr_json_printf(&b->graph,
                        ",\n {'@id': %s, '@type': 'PropertyValue', 'name': %s, 'value': %s}", id.s,
                        facts[i][0], facts[i][1]);
    }
}

static imr_status write_text(const bundle *b, const char *name, const imr_buf *text, imr_error *err)
{
    IMR_TRY(imr_buf_check(text, err));
    return imr_file_write(imr_path_in(b->dir.s, name).s, text->data, text->len, err);
}

static imr_status write_crate(bundle *b, imr_error *err)
{
    const imr_cli *cli = b->cli;
    IMR_AUTOBUF imr_buf out = {0}, line = {0}, typed = {0}, name = {0};
    char ended[IMR_CLOCK_UTC];
    imr_clock_utc(ended);
    add_machine(b);
    imr_json_put_string(&name, imr_textf("imrnn %s", cli->command->name).s);
    imr_report_command(&line, cli->argv, (size_t)cli->argc);
    imr_json_put_string(&typed, imr_buf_text(&line));
    imr_fill(&out, imr_cli_crate,
             (const imr_mark[]){{"VERSION", IMR_VERSION},
                                {"NAME", imr_buf_text(&name)},
                                {"LINE", imr_buf_text(&typed)},
                                {"STARTED", b->started},
                                {"ENDED", ended},
                                {"PARTS", imr_buf_text(&b->parts)},
                                {"INPUTS", imr_buf_text(&b->inputs)},
                                {"MACHINE", imr_buf_text(&b->machine)},
                                {"GRAPH", imr_buf_text(&b->graph)},
                                {0}});
    return write_text(b, CRATE, &out, err);
}

static imr_status write_readme(const bundle *b, imr_error *err)
{
    IMR_AUTOBUF imr_buf out = {0};
    imr_fill(&out, imr_cli_readme,
             (const imr_mark[]){{"COMMAND", b->cli->command->name}, {"STARTED", b->started}, {0}});
    return write_text(b, README, &out, err);
}

/* ---- making it ---- */

static bool is_bundle(const char *dir)
{
    return imr_file_exists(imr_path_in(dir, MANIFEST).s) &&
           imr_file_exists(imr_path_in(dir, CRATE).s);
}

/* The command, run for one form of its report. */
static imr_status make_report(bundle *b, const char *format, const char *name, imr_error *err)
{
    imr_cli cli = *b->cli;
    IMR_TRY(imr_config_set(cli.config, IMR_OPT_FORMAT, format, IMR_FROM_LINE, "--bundle", 0, err));
    IMR_TRY(imr_output_open(&cli.output, imr_path_in(b->dir.s, name).s, false, err));
    imr_meter_init(&cli.meter, b->cli->meter.mode, b->cli->meter.to);
    imr_status status = cli.command->run(&cli, err);
    imr_meter_clear(&cli.meter);
    if (status == IMR_OK)
        status = imr_output_close(&cli.output, err);
    imr_writer_done(&cli.output.writer);
    b->cli->quiet = true; /* what there was to say is said */
    return status;
}

/* The report, with it the runs of an evaluation, and the notes on what was read. */
static imr_status make_files(bundle *b, imr_error *err)
{
    imr_config *c = b->cli->config;
    imr_json *root IMR_AUTOJSON = NULL;
    IMR_CLEANUP(imr_file_unmap) imr_file notes = {0};
    if (imr_option_is_in(b->cli->command->options, IMR_OPT_WRITE_RUNS))
        IMR_TRY(imr_config_set(c, IMR_OPT_WRITE_RUNS, b->dir.s, IMR_FROM_LINE, "--bundle", 0, err));
    IMR_TRY(make_report(b, "json", REPORT, err));
    imr_config_unset(c, IMR_OPT_WRITE_RUNS);
    IMR_TRY(make_report(b, "text", "report.txt", err));
    IMR_TRY(imr_json_open(&root, imr_path_in(b->dir.s, REPORT).s, err));
    if (strcmp(imr_json_string_or(root, "schema", ""), "imrnn.explanation/1") == 0)
        IMR_TRY(make_report(b, "html", "report.html", err));
    const imr_json *r = imr_json_is_array(root) ? imr_json_child(root) : root;
    const imr_path noted = imr_cli_notes(b->cli, imr_json_string_or(r, "inputs/cache/path", ""));
    if (imr_file_map(&notes, noted.s, NULL) == IMR_OK)
        IMR_TRY(imr_file_write(imr_path_in(b->dir.s, "notes.jsonl").s, notes.data, notes.len, err));
    for (; r; r = r == root ? NULL : imr_json_next(r))
        add_inputs(b, r);
    return IMR_OK;
}

static imr_status describe(bundle *b, imr_error *err)
{
    IMR_CLEANUP(imr_names_done) imr_names names = {0};
    IMR_TRY(imr_dir_list(&names, b->dir.s, err));
    for (size_t i = 0; i < names.n; i++)
        IMR_TRY(add_file(b, names.v[i], err));
    IMR_TRY(write_text(b, MANIFEST, &b->manifest, err));
    IMR_TRY(write_readme(b, err));
    return write_crate(b, err);
}

/* The folder takes its name, in place of a bundle that was there. */
static imr_status publish(bundle *b, const char *dir, imr_error *err)
{
    imr_path old = b->dir;
    snprintf(old.s + strlen(old.s), 5, ".old");
    const bool replaces = is_bundle(dir) && rename(dir, old.s) == 0;
    if (rename(b->dir.s, dir) != 0) {
        (void)imr_fail_errno(err, IMR_E_IO, errno,
                             "cannot write %s (nothing was left half written)", dir);
        if (replaces)
            (void)rename(old.s, dir);
        return IMR_E_IO;
    }
    b->dir.s[0] = '\0';
    if (replaces)
        (void)imr_derived_bytes(old.s, "", true);
    return IMR_OK;
}

imr_status imr_cli_bundle(imr_cli *cli, const char *dir, imr_error *err)
{
    IMR_CLEANUP(bundle_done) bundle b = {.cli = cli};
    IMR_AUTOBUF imr_buf said = {0};
    struct stat st;
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/')
        n--;
    IMR_AUTOFREE char *name = imr_strndup(dir, n);
    IMR_NEED(name, err);
    if (lstat(name, &st) == 0 && !imr_config_bool(cli->config, IMR_OPT_OVERWRITE))
        return imr_fail(err, IMR_E_IO, "%s exists; --overwrite replaces it", dir);
    if (lstat(name, &st) == 0 && !is_bundle(name))
        return imr_fail(err, IMR_E_IO, "%s exists and is no bundle: name another folder", dir);
    imr_clock_utc(b.started);
    snprintf(b.dir.s, sizeof b.dir.s, "%.4000s.tmp-%ld", name, (long)getpid());
    IMR_TRY(imr_dir_make(b.dir.s, err));
    IMR_TRY(make_files(&b, err));
    IMR_TRY(describe(&b, err));
    IMR_TRY(publish(&b, name, err));
    imr_buf_printf(&said, "wrote %s; imrnn verify %s checks it\n", name, name);
    return imr_cli_emit(cli, &said, err);
}

/* ---- checking it ---- */

typedef struct check {
    const char *dir;
    imr_buf *told;
    size_t others;
    imr_file manifest;
    imr_strmap listed; /* names: where their lines begin */
} check;

static void check_done(check *c)
{
    imr_file_unmap(&c->manifest);
    imr_strmap_done(&c->listed);
}

static void differs(check *c, const char *name, const char *what)
{
    imr_buf_printf(c->told, "  %s %s\n", name, what);
    c->others++;
}

/* "<sha256>  <name>" */
static imr_status check_line(check *c, const char *line, size_t n, imr_error *err)
{
    char name[512], hex[IMR_SHA256_HEX];
    struct stat st;
    if (n < 67 || n - 66 >= sizeof name || memcmp(line + 64, "  ", 2) != 0)
        return imr_fail(err, IMR_E_FORMAT, "%s/" MANIFEST ": a line is no hash, two blanks, a name",
                        c->dir);
    snprintf(name, sizeof name, "%.*s", (int)(n - 66), line + 66);
    const imr_path path = imr_path_in(c->dir, name);
    const bool there = lstat(path.s, &st) == 0;
    if (strchr(name, '/') || (there && !S_ISREG(st.st_mode)))
        return imr_fail(err, IMR_E_FORMAT,
                        "%s/" MANIFEST " names %s, which leads out of the bundle", c->dir, name);
    const size_t at = (size_t)(line - (const char *)c->manifest.data);
    IMR_NEED(imr_strmap_add(&c->listed, line + 66, n - 66, (uint32_t)at, NULL, NULL), err);
    if (there)
        IMR_TRY(imr_sha256_file(path.s, hex, err));
    if (!there)
        differs(c, name, "is missing");
    else if (memcmp(hex, line, 64) != 0)
        differs(c, name, "is another: its sha256 is not that of " MANIFEST);
    return IMR_OK;
}

static imr_status check_listed(check *c, imr_error *err)
{
    static const char own[] = " " MANIFEST " " CRATE " " README " ";
    IMR_CLEANUP(imr_names_done) imr_names names = {0};
    IMR_TRY(imr_dir_list(&names, c->dir, err));
    for (size_t i = 0; i < names.n; i++) {
        const char *file = names.v[i];
        char name[300];
        snprintf(name, sizeof name, " %s ", file);
        if (!strstr(own, name) && !imr_strmap_get(&c->listed, file, strlen(file), NULL))
            differs(c, file, "is not in " MANIFEST);
    }
    if (!imr_file_exists(imr_path_in(c->dir, README).s))
        differs(c, README, "is missing");
    return IMR_OK;
}

static imr_status check_crate(check *c, imr_error *err)
{
    imr_json *crate IMR_AUTOJSON = NULL;
    uint32_t at;
    IMR_TRY(imr_json_open(&crate, imr_path_in(c->dir, CRATE).s, err));
    for (const imr_json *e = imr_json_child(imr_json_at(crate, "@graph")); e;
         e = imr_json_next(e)) {
        const char *id = imr_json_string_or(e, "@id", "");
        const char *hash = imr_json_string_or(e, "sha256", "");
        if (imr_strmap_get(&c->listed, id, strlen(id), &at) &&
            (strlen(hash) != 64 || memcmp(hash, c->manifest.data + at, 64) != 0))
            differs(c, id, "has another sha256 in " CRATE);
    }
    return IMR_OK;
}

imr_status imr_cli_bundle_check(imr_buf *told, size_t *others, const char *dir, imr_error *err)
{
    IMR_CLEANUP(check_done) check c = {.dir = dir, .told = told};
    IMR_TRY(imr_file_map(&c.manifest, imr_path_in(dir, MANIFEST).s, err));
    const char *at = (const char *)c.manifest.data, *end = at + c.manifest.len;
    for (size_t n; at < end; at += n + 1) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        n = (size_t)((newline ? newline : end) - at);
        IMR_TRY(check_line(&c, at, n, err));
    }
    IMR_TRY(check_listed(&c, err));
    IMR_TRY(check_crate(&c, err));
    if (!c.others)
        imr_buf_printf(told, "%s: %zu files as they were written\n", dir, c.listed.count);
    *others += c.others;
    return IMR_OK;
}
