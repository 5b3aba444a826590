/* base/url.c */
#include "base/url.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

bool imr_is_url(const char *text)
{
    size_t n = 0;
    while (isalnum((unsigned char)text[n]) || (text[n] && strchr("+.-", text[n])))
        n++;
    return n > 0 && strncmp(text + n, "://", 3) == 0;
}

const char *imr_url_secret(const char *url)
{
    const char *start = strstr(url, "://"), *colon, *query = strchr(url, '?');
    size_t at = start ? strcspn(start += 3, "/?") : 0;
    while (at && start[at - 1] != '@')
        at--;
    bool secret = at && (colon = memchr(start, ':', at - 1)) && colon + 2 < start + at;
    for (; query; query = strchr(query + 1, '&'))
        secret |= strncasecmp(query + 1, "password=", 9) == 0 ||
                  strncasecmp(query + 1, "sslpassword=", 12) == 0;
    return secret ? "a password in a URL is seen by everybody who lists processes: leave it out "
                    "and use PGPASSWORD, ~/.pgpass or, for HTTP, --netrc with ~/.netrc"
                  : NULL;
}
