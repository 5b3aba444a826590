#include "encoder/folder.h"

#include <stdarg.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"

/* commit: the one the reference (imrnns 0.2) asks for; a cache that was filled for it holds no
 * other. */
static const struct {
    const char *name, *id, *commit;
} models[] = {{"minilm", "sentence-transformers/all-MiniLM-L6-v2",
               "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"},
              {"e5", "intfloat/e5-large-v2", "f169b11e22de13617baa190a028a32f3493550b6"},
              {"bge", "BAAI/bge-large-en-v1.5", NULL},
              {"mpnet", "sentence-transformers/all-mpnet-base-v2", NULL}};

const char *imr_known_model(const char *short_name)
{
    for (size_t i = 0; i < IMR_LEN(models); i++)
        if (strcmp(models[i].name, short_name) == 0)
            return models[i].id;
    return NULL;
}

const char *imr_known_prefix(const char *model_name, bool passage)
{
    const char *base = imr_path_base(model_name);
    const bool e5 =
        strncmp(base, "e5-", 3) == 0 || strcmp(base, "e5") == 0 || strstr(base, "-e5-") != NULL;
    return !e5 ? "" : passage ? "passage: " : "query: ";
}

void imr_folder_done(imr_folder *f)
{
    IMR_FREE(f->path, f->name, f->model_id);
    *f = (imr_folder){0};
}

/* ---- finding ---- */

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

/* "org/name": two plain parts, so that an id can never leave the cache. */
static bool is_model_id(const char *text)
{
    const char *slash = strchr(text, '/');
    if (!slash || slash == text || !slash[1] || text[0] == '.' || slash[1] == '.')
        return false;
    const char *name = slash + 1;
    return text + strspn(text, PLAIN) == slash && !name[strspn(name, PLAIN)] && strlen(text) < 200;
}

/* A name in refs/ or snapshots/, so that it cannot leave them. */
static bool is_revision(const char *text)
{
    const size_t n = strlen(text);
    return n > 0 && n < 200 && text[0] != '.' && text[0] != '/' && !strstr(text, "..") &&
           strspn(text, PLAIN "/") == n;
}

/* A local copy of a known model keeps its name: the command to complete it can then be told. */
static const char *guess_id(const char *name)
{
    for (size_t i = 0; i < IMR_LEN(models); i++) {
        const char *base = imr_path_base(models[i].id);
        if (strncmp(name, base, strlen(base)) == 0)
            return models[i].id;
    }
    return NULL;
}

static imr_status fill(imr_folder *out, const char *path, const char *name, const char *id,
                       bool in_hub, imr_error *err)
{
    IMR_CLEANUP(imr_folder_done)
    imr_folder f = {imr_strdup(path), imr_strdup(name), id ? imr_strdup(id) : NULL, in_hub};
    IMR_NEED(f.path && f.name && (!id || f.model_id), err);
    return IMR_GIVE(out, f);
}

/* ".../models--org--name/snapshots/<commit>": the id, so that a snapshot named by its path keeps
 * the model's name and prefixes. Stays empty for other paths. */
static void snapshot_id(imr_buf *id, const char *path)
{
    static const char prefix[] = "models--";
    const char *at = NULL, *gap;
    char name[201];
    int end = 0;
    for (const char *p = path; (p = strstr(p, prefix)) != NULL; p++)
        if (p == path || p[-1] == '/')
            at = p + sizeof prefix - 1;
    if (at && sscanf(at, "%200[^/]/snapshots/%*[^/]%n", name, &end) == 1 && end > 0 && !at[end] &&
        (gap = strstr(name, "--")) != NULL)
        imr_buf_printf(id, "%.*s/%s", (int)(gap - name), name, gap + 2);
}

static imr_status from_path(imr_folder *out, const char *path, imr_error *err)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    char *plain IMR_AUTOFREE = imr_strndup(path, len);
    IMR_NEED(plain, err);
    imr_buf id IMR_AUTOBUF = {0};
    snapshot_id(&id, plain);
    IMR_NEED(!id.failed, err);
    if (id.len && is_model_id(id.data))
        return fill(out, plain, id.data, id.data, true, err);
    const char *name = imr_path_base(plain);
    return fill(out, plain, *name ? name : plain, guess_id(name), false, err);
}

/* Reads refs/main or that of a revision: one commit, a plain name. */
static imr_status read_commit(imr_buf *commit, const char *refs, imr_error *err)
{
    imr_file file IMR_CLEANUP(imr_file_unmap) = {0};
    IMR_TRY(imr_file_map(&file, refs, err));
    size_t n = 0;
    while (n < file.len && ((file.data[n] >= '0' && file.data[n] <= '9') ||
                            (file.data[n] >= 'a' && file.data[n] <= 'z')))
        n++;
    if (n == 0 || n > 64)
        return imr_fail(err, IMR_E_FORMAT, "%s: expected a commit hash, found something else",
                        refs);
    imr_buf_add(commit, file.data, n);
    return imr_buf_check(commit, err);
}

static bool is_pinned(const char *id, const char *commit)
{
    for (size_t i = 0; i < IMR_LEN(models); i++)
        if (models[i].commit && strcmp(models[i].id, id) == 0)
            return strcmp(models[i].commit, commit) == 0;
    return false;
}

/* The only snapshot in `dir`, or the one the reference asks for; all are named when there are
 * others. Adds nothing to path when there is none. */
static imr_status choose_snapshot(imr_buf *path, const char *dir, const char *id, imr_error *err)
{
    IMR_CLEANUP(imr_names_done) imr_names names = {0};
    size_t found = 0;
    imr_buf all IMR_AUTOBUF = {0}, chosen IMR_AUTOBUF = {0};
    if (!imr_dir_exists(dir))
        return IMR_OK;
    IMR_TRY(imr_dir_list(&names, dir, err));
    bool pinned = false;
    for (size_t i = 0; i < names.n && !pinned; i++) {
        const char *name = names.v[i];
        if (name[0] == '.')
            continue;
        pinned = is_pinned(id, name);
        chosen.len = 0;
        imr_buf_printf(&chosen, "%s/%s", dir, name);
        imr_buf_printf(&all, "%s%s", found++ ? ", " : "", name);
    }
    if (found > 1 && !pinned)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "%s: %s holds several snapshots and no refs/main that says which: give the "
                        "path of one of %s",
                        id, dir, imr_buf_text(&all));
    if (found)
        imr_buf_str(path, imr_buf_text(&chosen));
    return imr_buf_check(&chosen, err);
}

/* Looks for the model under one cache directory; *out stays as it is when it is not there. */
static imr_status look_in(imr_folder *out, const char *dir, const char *id, const char *revision,
                          imr_error *err)
{
    imr_buf flat IMR_AUTOBUF = {0}, refs IMR_AUTOBUF = {0}, path IMR_AUTOBUF = {0};
    const char *slash = strchr(id, '/');
    int org = (int)(slash - id);
    imr_buf_printf(&flat, "%s/models--%.*s--%s/snapshots", dir, org, id, slash + 1);
    imr_buf_printf(&refs, "%s/models--%.*s--%s/refs/%s", dir, org, id, slash + 1,
                   revision ? revision : "main");
    IMR_TRY(imr_buf_check(&flat, err));
    IMR_TRY(imr_buf_check(&refs, err));
    if (imr_file_exists(refs.data)) {
        imr_buf_printf(&path, "%s/", flat.data);
        IMR_TRY(read_commit(&path, refs.data, err));
    }
    if (revision && !path.len) {
        imr_buf_printf(&path, "%s/%s", flat.data, revision);
    } else if (!revision && (!path.len || !imr_dir_exists(imr_buf_text(&path)))) {
        path.len = 0;
        IMR_TRY(choose_snapshot(&path, flat.data, id, err));
    }
    if (!path.len)
        imr_buf_printf(&path, "%s/%.*s_%s", dir, org, id, slash + 1);
    IMR_TRY(imr_buf_check(&path, err));
    return imr_dir_exists(path.data) ? fill(out, path.data, id, id, true, err) : IMR_OK;
}

/* The second directory to search, "" when the environment names none. */
static void hub_dir(imr_buf *b, const imr_hub *hub)
{
    if (hub->hf_hub_cache && *hub->hf_hub_cache)
        imr_buf_str(b, hub->hf_hub_cache);
    else if (hub->huggingface_hub_cache && *hub->huggingface_hub_cache)
        imr_buf_str(b, hub->huggingface_hub_cache);
    else if (hub->hf_home && *hub->hf_home)
        imr_buf_printf(b, "%s/hub", hub->hf_home);
    else if (hub->home && *hub->home)
        imr_buf_printf(b, "%s/.cache/huggingface/hub", hub->home);
}

imr_status imr_folder_find(imr_folder *out, const char *folder_or_name, const imr_hub *hub,
                           imr_error *err)
{
    if (!*folder_or_name)
        return imr_fail(err, IMR_E_USAGE,
                        "the encoder's name is empty; give a folder, a model id or "
                        "one of minilm, e5, bge, mpnet");
    const char *revision = hub ? hub->revision : NULL;
    IMR_TRY(imr_dir_admits(folder_or_name, err));
    if (revision && !is_revision(revision))
        return imr_fail(err, IMR_E_USAGE, "--encoder-revision: '%.80s' is no commit, branch or tag",
                        revision);
    if (revision && imr_dir_exists(folder_or_name))
        return imr_fail(err, IMR_E_USAGE,
                        "--encoder-revision %s is of a model id; %s is a folder, which has one "
                        "revision",
                        revision, folder_or_name);
    if (imr_dir_exists(folder_or_name))
        return from_path(out, folder_or_name, err);
    imr_buf id IMR_AUTOBUF = {0}, dir IMR_AUTOBUF = {0};
    const char *full = imr_known_model(folder_or_name);
    if (!full && !strchr(folder_or_name, '/'))
        imr_buf_str(&id, "sentence-transformers/");
    imr_buf_str(&id, full ? full : folder_or_name);
    IMR_TRY(imr_buf_check(&id, err));
    if (!is_model_id(id.data))
        return imr_fail(err, IMR_E_NOT_FOUND, "%s: no such folder", folder_or_name);
    imr_folder f = {0};
    if (hub) {
        hub_dir(&dir, hub);
        const char *home = hub->sentence_transformers_home;
        if (home && *home)
            IMR_TRY(look_in(&f, home, id.data, revision, err));
        IMR_TRY(dir.len ? imr_buf_check(&dir, err) : IMR_OK);
        if (!f.path && dir.len)
            IMR_TRY(look_in(&f, dir.data, id.data, revision, err));
    }
    if (!f.path)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "%s: neither a folder nor in the local model cache (%s); fetch it with: "
                        "huggingface-cli download %s%s%s",
                        folder_or_name, dir.len ? dir.data : "no cache directory is known", id.data,
                        revision ? " --revision " : "", revision ? revision : "");
    *out = f;
    return IMR_OK;
}

/* ---- files ---- */

imr_status imr_folder_missing(const imr_folder *f, const char *module, const char *file,
                              const char *what, imr_error *err)
{
    const char *id = f->model_id ? f->model_id : "ORGANISATION/NAME";
    const imr_path name = imr_path_in(module, file);
    if (f->in_hub)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "%s: %s missing (no %s in %s); fetch with: huggingface-cli download %s",
                        f->name, what, name.s, f->path, id);
    return imr_fail(
        err, IMR_E_NOT_FOUND,
        "%s: %s missing (no %s); fetch with: huggingface-cli download %s --local-dir %s", f->path,
        what, name.s, id, f->path);
}

imr_status imr_folder_file(char **path, const imr_folder *f, const char *module, const char *file,
                           imr_error *err)
{
    const imr_path name = imr_path_in(module, file);
    char *p IMR_AUTOFREE = imr_path_join(f->path, name.s);
    struct stat st, target;
    *path = NULL;
    IMR_NEED(p, err);
    if (imr_file_exists(p)) {
        return IMR_GIVE(path, p);
    }
    if (lstat(p, &st) != 0)
        return IMR_OK;
    /* A name that stands for nothing readable: taking it for absent would read another kind of
     * folder. */
    const char *why = S_ISDIR(st.st_mode)     ? "is a folder"
                      : stat(p, &target) != 0 ? "is a link to nothing"
                                              : "is a link to a folder";
    imr_buf what IMR_AUTOBUF = {0};
    imr_buf_printf(&what, "%s %s; the file is", name.s, why);
    IMR_TRY(imr_buf_check(&what, err));
    return imr_folder_missing(f, module, file, imr_buf_text(&what), err);
}

imr_status imr_folder_need(char **path, const imr_folder *f, const char *module, const char *file,
                           const char *what, imr_error *err)
{
    IMR_TRY(imr_folder_file(path, f, module, file, err));
    return *path ? IMR_OK : imr_folder_missing(f, module, file, what, err);
}

/* ---- settings ---- */

void imr_settings_note(imr_buf *notice, const char *format, ...)
{
    char text[512];
    va_list args;
    if (!notice)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    imr_buf_printf(notice, "%s%s", notice->len ? "; " : "", text);
}

static bool says_nothing(const imr_json *value)
{
    return !value || imr_json_is_null(value) || !imr_json_bool_or(value, "", true) ||
           !*imr_json_string_or(value, "", "x") ||
           ((imr_json_is_array(value) || imr_json_is_object(value)) && !imr_json_count(value));
}

void imr_settings_unknown(imr_buf *notice, const char *file, const imr_json *config,
                          const char *known)
{
    imr_buf names IMR_AUTOBUF = {0};
    for (const imr_json *item = imr_json_child(config); item; item = imr_json_next(item)) {
        const char *key = imr_json_key(item);
        char padded[64]; /* longer than any that is known */
        snprintf(padded, sizeof padded, " %s ", key);
        if ((strchr(key, ' ') || !strstr(known, padded)) && !says_nothing(item))
            imr_buf_printf(&names, "%s%.60s", names.len ? ", " : "", key);
    }
    if (names.len)
        imr_settings_note(notice,
                          "%s: %.300s: not known here and not obeyed, vectors may differ from "
                          "sentence-transformers'",
                          file, imr_buf_text(&names));
}

imr_status imr_settings_only(const imr_json *config, const imr_setting *v, size_t n, imr_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const char *value = imr_json_string_or(config, v[i].key, v[i].only);
        if (strcmp(value, v[i].only) != 0)
            return imr_fail(err, IMR_E_UNSUPPORTED, "%s \"%.100s\" is not supported; supported: %s",
                            v[i].key, value, v[i].shown ? v[i].shown : v[i].only);
    }
    return IMR_OK;
}

/* ---- modules.json ---- */

static imr_status read_module(imr_modules *m, const imr_json *item, imr_error *err)
{
    static const char *const names[] = {"Transformer", "Pooling", "Normalize", "Dense",
                                        "StaticEmbedding"};
    const char *type;
    IMR_TRY(imr_json_need_string(&type, item, "type", err));
    const char *dot = strrchr(type, '.');
    size_t kind = 0;
    while (kind < IMR_LEN(names) && strcmp(dot ? dot + 1 : type, names[kind]) != 0)
        kind++;
    if (kind == IMR_LEN(names))
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "the module type %s is not supported; supported: Transformer, Pooling, "
                        "Normalize, Dense, StaticEmbedding",
                        type);
    const char *path = imr_json_string_or(item, "path", "");
    if (strcmp(path, ".") == 0)
        path = "";
    if (path[0] == '/' || strstr(path, "..") || strlen(path) >= IMR_MAX_MODULE_PATH)
        return imr_fail(err, IMR_E_FORMAT, "the module path \"%s\" leaves the folder", path);
    if (m->n >= IMR_MAX_MODULES)
        return imr_fail(err, IMR_E_LIMIT, "more than %u modules", IMR_MAX_MODULES);
    m->kind[m->n] = (imr_module_kind)kind;
    memcpy(m->path[m->n++], path, strlen(path) + 1);
    return IMR_OK;
}

imr_status imr_folder_modules(imr_modules *out, const imr_folder *f, imr_error *err)
{
    /* Files of sentence-transformers without their list: fetched by half, and what follows the
     * transformer is unknown. */
    static const char *const companions[] = {
        "1_Pooling/config.json", "config_sentence_transformers.json", "sentence_bert_config.json"};
    imr_modules m = {.n = 0};
    imr_json *root IMR_AUTOJSON = NULL;
    char *path IMR_AUTOFREE = NULL;
    IMR_TRY(imr_folder_file(&path, f, "", "modules.json", err));
    for (size_t i = 0; !path && i < IMR_LEN(companions); i++) {
        char *there IMR_AUTOFREE = NULL;
        IMR_TRY(imr_folder_file(&there, f, "", companions[i], err));
        if (there)
            return imr_folder_missing(f, "", "modules.json", "the list of its modules is", err);
    }
    if (path)
        IMR_TRY(imr_json_open(&root, path, err));
    if (root && !imr_json_is_array(root))
        return imr_fail(err, IMR_E_FORMAT, "%s: expected a list [...] of modules", path);
    for (const imr_json *item = imr_json_child(root); item; item = imr_json_next(item)) {
        IMR_TRY(imr_error_prefix(err, read_module(&m, item, err), path));
    }
    if (root && m.n == 0)
        return imr_fail(err, IMR_E_FORMAT, "%s: the list of modules is empty", path);
    *out = m;
    return IMR_OK;
}
