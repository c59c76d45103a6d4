// libcurl's functions, each of which loads the library when the first of them is called.
#include "ccurl.h"

#include <stdarg.h>

#include "late_library.h"

struct late_library ccurl_library = {.name = "libcurl.so.4"};

int ccurl_start(void) {
    return late_library_load(&ccurl_library) == NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : 1;
}

#define CURL_FUNCTION(result, name, parameters, arguments) LATE_FUNCTION(ccurl_library, result, name, parameters, arguments)

CURL_FUNCTION(CURLcode, curl_global_init, (long flags), (flags))
CURL_FUNCTION(char *, curl_version, (void), ())

// Of one transfer.
CURL_FUNCTION(CURL *, curl_easy_init, (void), ())
CURL_FUNCTION(void, curl_easy_reset, (CURL * easy), (easy))
CURL_FUNCTION(void, curl_easy_cleanup, (CURL * easy), (easy))
CURL_FUNCTION(CURLcode, curl_easy_perform, (CURL * easy), (easy))
CURL_FUNCTION(const char *, curl_easy_strerror, (CURLcode code), (code))
CURL_FUNCTION(struct curl_slist *, curl_slist_append, (struct curl_slist * list, const char *text), (list, text))
CURL_FUNCTION(void, curl_slist_free_all, (struct curl_slist * list), (list))

// Of many at a time.
CURL_FUNCTION(CURLM *, curl_multi_init, (void), ())
CURL_FUNCTION(CURLMcode, curl_multi_cleanup, (CURLM * multi), (multi))
CURL_FUNCTION(CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL *easy), (multi, easy))
CURL_FUNCTION(CURLMcode, curl_multi_remove_handle, (CURLM * multi, CURL *easy), (multi, easy))
CURL_FUNCTION(CURLMcode, curl_multi_perform, (CURLM * multi, int *running), (multi, running))
CURL_FUNCTION(CURLMcode, curl_multi_poll,
              (CURLM * multi, struct curl_waitfd more[], unsigned int count, int milliseconds, int *ready),
              (multi, more, count, milliseconds, ready))
CURL_FUNCTION(CURLMcode, curl_multi_wakeup, (CURLM * multi), (multi))
CURL_FUNCTION(CURLMsg *, curl_multi_info_read, (CURLM * multi, int *left), (multi, left))
CURL_FUNCTION(const char *, curl_multi_strerror, (CURLMcode code), (code))

// Every option and every answer is one long, pointer, or curl_off_t, all of which travel as a pointer does where long has
// 64 bits.
_Static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *), "options are passed on as pointers");

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt
#define CURL_VARIABLE(result, name, handle, option)                                \
    result name(handle, option, ...) {                                             \
        va_list arguments;                                                         \
        va_start(arguments, which);                                                \
        void *argument = va_arg(arguments, void *);                                \
        va_end(arguments);                                                         \
        return ((__typeof__(&name))late_library_function(&ccurl_library, #name))(of, which, argument); \
    }

CURL_VARIABLE(CURLcode, curl_easy_setopt, CURL *of, CURLoption which)
CURL_VARIABLE(CURLcode, curl_easy_getinfo, CURL *of, CURLINFO which)
CURL_VARIABLE(CURLMcode, curl_multi_setopt, CURLM *of, CURLMoption which)
