// Nobody calls these: Foundation's own HTTP client, which a package brings along where everything is linked into one file,
// names them. Declared without curl.h, whose later versions say const here and there.
#include <late_library.h>

extern struct late_library ccurl_library;

#define CURL_FUNCTION(result, name, parameters, arguments) \
    result name parameters;                                \
    LATE_FUNCTION(ccurl_library, result, name, parameters, arguments)

CURL_FUNCTION(int, curl_easy_pause, (void *easy, int mask), (easy, mask))
CURL_FUNCTION(void, curl_free, (void *text), (text))
CURL_FUNCTION(int, curl_multi_assign, (void *multi, int socket, void *context), (multi, socket, context))
CURL_FUNCTION(int, curl_multi_socket_action, (void *multi, int socket, int events, int *running),
              (multi, socket, events, running))
CURL_FUNCTION(void *, curl_url, (void), ())
CURL_FUNCTION(int, curl_url_get, (const void *url, int part, char **text, unsigned flags), (url, part, text, flags))
CURL_FUNCTION(int, curl_url_set, (void *url, int part, const char *text, unsigned flags), (url, part, text, flags))
CURL_FUNCTION(void *, curl_version_info, (int version), (version))
