#ifndef ROLLCALL_CCURL_H
#define ROLLCALL_CCURL_H

#include <curl/curl.h>
#include <stddef.h>

// libcurl's setters and getters take variable arguments, which Swift cannot call. Here each has a fixed type.

/// Loads and initialises libcurl for the process; safe to call more than once. Returns 0 on success. Whatever else calls
/// libcurl has asked this before, or ends the process where there is no libcurl.
int ccurl_start(void);

CURLcode ccurl_set_long(CURL *easy, CURLoption option, long value);
CURLcode ccurl_set_size(CURL *easy, CURLoption option, curl_off_t value);
/// Sets a text option; libcurl copies the text. NULL resets the option.
CURLcode ccurl_set_text(CURL *easy, CURLoption option, const char *text);
/// Sets the request headers; the list must outlive the transfer.
CURLcode ccurl_set_headers(CURL *easy, struct curl_slist *headers);
/// Sets an option that is a list, which must outlive the transfer.
CURLcode ccurl_set_list(CURL *easy, CURLoption option, struct curl_slist *list);
/// Where libcurl writes a message for people, at least CURL_ERROR_SIZE bytes that outlive the transfer.
CURLcode ccurl_set_error_text(CURL *easy, char *text);

typedef size_t (*ccurl_receive)(char *bytes, size_t size, size_t count, void *context);
typedef size_t (*ccurl_supply)(char *bytes, size_t size, size_t count, void *context);
typedef int (*ccurl_rewind)(void *context, curl_off_t offset, int origin);
typedef int (*ccurl_departure)(void *context, char *remote, char *local, int remote_port, int local_port);

/// The five callbacks of one transfer, all with the same context. `departure` is called when a connection stands and
/// the next thing that happens is that request bytes are written to it.
CURLcode ccurl_set_callbacks(CURL *easy, void *context, ccurl_receive body, ccurl_receive header, ccurl_supply supply,
                             ccurl_rewind rewind, ccurl_departure departure);

/// Which addresses a socket may be opened to, judged after names were resolved, which no answer of a name server can get
/// round.
enum ccurl_guard {
    CCURL_ANY,
    /// Only 127.0.0.0/8 and ::1.
    CCURL_LOOPBACK,
    /// None that ``ccurl_is_near`` says.
    CCURL_FAR,
};

/// Sockets are opened close-on-exec, and only where `guard` allows it. With CCURL_FAR `*refused` becomes 1 when one was
/// refused; it must outlive the transfer.
CURLcode ccurl_guard_sockets(CURL *easy, enum ccurl_guard guard, int *refused);

/// Whether an address (`struct in_addr` of AF_INET, `struct in6_addr` of AF_INET6) is this machine's, link-local,
/// multicast, unspecified, or that of a cloud's metadata service, IPv4 within IPv6 included. Other families are.
int ccurl_is_near(int family, const void *address);

/// The status of the last response, 0 when there is none.
long ccurl_status(CURL *easy);

CURLMcode ccurl_multi_set_long(CURLM *multi, CURLMoption option, long value);

/// Takes the next finished transfer out of `multi`'s list. Returns 1 and fills both, or 0 when there is none.
int ccurl_next_finished(CURLM *multi, CURL **easy, CURLcode *result);

/// Overwrites a header list's text with zeros, since it can hold credentials, and frees the list.
void ccurl_wipe_headers(struct curl_slist *headers);

/// Names the calling thread and blocks its signals: handlers run elsewhere, and a write to a closed connection is an
/// error and not the end of the process. Faults of the thread itself (SIGSEGV and the like) stay unblocked.
void ccurl_enter_thread(const char *name);

#endif
