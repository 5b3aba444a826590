#include "encoder/settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

bool imr_settings_empty(const imr_json *value)
{
    return !value || imr_json_is_null(value) ||
           (imr_json_is_bool(value) && !imr_json_bool_or(value, "", true)) ||
           (imr_json_is_string(value) && !*imr_json_string_or(value, "", "x")) ||
           ((imr_json_is_array(value) || imr_json_is_object(value)) && !imr_json_count(value));
}

void imr_settings_unknown(imr_buf *notice, const char *file, const imr_json *config,
                          const char *const *known)
{
    imr_buf names IMR_AUTOBUF = {0};
    for (const imr_json *item = imr_json_child(config); item; item = imr_json_next(item)) {
        const char *const *k = known;
        while (*k && strcmp(*k, imr_json_key(item)) != 0)
            k++;
        if (!*k && !imr_settings_empty(item))
            imr_buf_printf(&names, "%s%.60s", names.len ? ", " : "", imr_json_key(item));
    }
    if (names.len)
        imr_settings_note(notice,
                          "%s: %.300s: not known here and not obeyed, vectors may differ from "
                          "sentence-transformers'",
                          file, imr_buf_text(&names));
}
