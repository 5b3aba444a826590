/* base/url.h - what is no path, and must not be said aloud. */
#pragma once

#include <stdbool.h>

/* "scheme://..." */
bool imr_is_url(const char *text);
/* NULL, or why this URL may not be given: it holds a password, before its host or as a parameter.
 * Asked before anything of it is shown, kept or sent. */
const char *imr_url_secret(const char *url);
