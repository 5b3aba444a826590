/*
 * encoder/folder.h - where an encoder's files are: a path, a model id, or a short name.
 *
 * A model id ("org/name", or a name of sentence-transformers) is looked up in the local Hugging
 * Face cache and nowhere else; nothing is downloaded. Directories searched, in order:
 *   SENTENCE_TRANSFORMERS_HOME
 *   HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else HF_HOME/hub, else HOME/.cache/huggingface/hub
 * for models--org--name/refs/main, which names snapshots/<commit> (of a revision: the snapshot of
 * this commit, or the one refs/<revision> names, and nothing else); without it (a download of one
 * commit writes none) for the only snapshot there, or the one the reference asks for; and for the
 * older org_name.
 * A file that is missing is named together with the command that fetches it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "format/json.h"

/* Values of the environment, NULL where unset; the engine does not read it itself. Borrowed. */
typedef struct imr_hub {
    const char *sentence_transformers_home, *hf_hub_cache, *huggingface_hub_cache, *hf_home, *home;
    const char *revision; /* not of the environment: a commit, branch or tag of a model id */
} imr_hub;

typedef struct imr_folder {
    char *path;     /* the folder holding the files */
    char *name;     /* for people: the model id, or the last part of the path */
    char *model_id; /* "org/name", or NULL when the path does not tell */
    bool in_hub;    /* a snapshot of the cache, by its id or its path */
} imr_folder;

void imr_folder_done(imr_folder *f); /* {0} is fine */

/* hub may be NULL: only paths are found then. IMR_E_NOT_FOUND says where was looked and how to get
 * the model. */
imr_status imr_folder_find(imr_folder *out, const char *folder_or_name, const imr_hub *hub,
                           imr_error *err);

/* Files: module is "" or a folder in it ("1_Pooling"). */

/* *path: of the file, the caller's; NULL when there is none. IMR_E_NOT_FOUND for a folder in its
 * place, a link to nothing (a blob that was not fetched) and one that may not be read: that is not
 * the same as no file. */
imr_status imr_folder_file(char **path, const imr_folder *f, const char *module, const char *file,
                           imr_error *err);
/* Of one that must be there: IMR_E_NOT_FOUND with the command when it is missing. `what` is the
 * phrase for people: "the weights are". */
imr_status imr_folder_need(char **path, const imr_folder *f, const char *module, const char *file,
                           const char *what, imr_error *err);
/* Fails with IMR_E_NOT_FOUND: "<folder>: <what> missing (<file>); fetch with: ..." */
imr_status imr_folder_missing(const imr_folder *f, const char *module, const char *file,
                              const char *what, imr_error *err);

/* What a folder's configuration asks for and is not done here: a setting that may change a vector
 * is obeyed, refused, or named once, in sentences with "; " between them (imr_encoder.notice). */

/* One more sentence; notice NULL: nobody wants to know. */
void imr_settings_note(imr_buf *notice, const char *format, ...) IMR_PRINTF(2, 3);
/* Names the keys of config that are not among `known` (" one another ", a space around each) and
 * say something: null, false, empty texts, lists and objects say nothing. */
void imr_settings_unknown(imr_buf *notice, const char *file, const imr_json *config,
                          const char *known);

/* Settings that must have one value or not be there: IMR_E_UNSUPPORTED names the first other one.
 * shown: for people; NULL: `only`. */
typedef struct imr_setting {
    const char *key, *only, *shown;
} imr_setting;
imr_status imr_settings_only(const imr_json *config, const imr_setting *v, size_t n,
                             imr_error *err);

/* ---- modules.json of sentence-transformers ---- */

typedef enum imr_module_kind {
    IMR_MODULE_TRANSFORMER,
    IMR_MODULE_POOLING,
    IMR_MODULE_NORMALIZE,
    IMR_MODULE_DENSE,
    IMR_MODULE_STATIC
} imr_module_kind;

#define IMR_MAX_MODULES     8u
#define IMR_MAX_MODULE_PATH 128u

typedef struct imr_modules {
    imr_module_kind kind[IMR_MAX_MODULES];
    char path[IMR_MAX_MODULES][IMR_MAX_MODULE_PATH]; /* below the folder; "" is the folder itself */
    size_t n;
} imr_modules;

/* Reads modules.json: each type by its last dotted component; other types are refused by name.
 * n is 0 without such a file; IMR_E_NOT_FOUND when files that come with it are there. */
imr_status imr_folder_modules(imr_modules *out, const imr_folder *f, imr_error *err);

/* ---- what is known about published models ---- */

/* The model id a short name stands for (minilm, e5, bge, mpnet), or NULL. Static storage. */
const char *imr_known_model(const char *short_name);
/* The prefix the reference puts before queries and passages: E5's, otherwise "". Static. */
const char *imr_known_prefix(const char *model_name, bool passage);
