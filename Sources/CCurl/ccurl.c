#define _GNU_SOURCE
#include "ccurl.h"

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

CURLcode ccurl_set_long(CURL *easy, CURLoption option, long value) { return curl_easy_setopt(easy, option, value); }

CURLcode ccurl_set_size(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

CURLcode ccurl_set_text(CURL *easy, CURLoption option, const char *text) {
    return curl_easy_setopt(easy, option, text);
}

CURLcode ccurl_set_headers(CURL *easy, struct curl_slist *headers) {
    return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
}

CURLcode ccurl_set_list(CURL *easy, CURLoption option, struct curl_slist *list) {
    return curl_easy_setopt(easy, option, list);
}

CURLcode ccurl_set_error_text(CURL *easy, char *text) { return curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, text); }

CURLcode ccurl_set_callbacks(CURL *easy, void *context, ccurl_receive body, ccurl_receive header, ccurl_supply supply,
                             ccurl_rewind rewind, ccurl_departure departure) {
    CURLcode code = CURLE_OK;
    if (!code) code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, context);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_HEADERDATA, context);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_READFUNCTION, supply);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_READDATA, context);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_SEEKDATA, context);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, departure);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_PREREQDATA, context);
    return code;
}

static int is_loopback(const struct curl_sockaddr *address) {
    if (address->family == AF_UNIX) return 1;
    if (address->family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->addr;
        return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    }
    if (address->family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->addr;
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    }
    return 0;
}

static curl_socket_t open_any(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)context;
    if (purpose != CURLSOCKTYPE_IPCXN) return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static curl_socket_t open_loopback(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    return is_loopback(address) ? open_any(context, purpose, address) : CURL_SOCKET_BAD;
}

// This machine, link-local, multicast and unspecified addresses, and the metadata services of clouds.
static int is_near_v4(uint32_t address) {
    const uint32_t first = address >> 24;
    return first == 0 || first == 127 || address >> 16 == 0xA9FE || first >= 224 || address == 0x646464C8;
}

static int is_near_v6(const struct in6_addr *address) {
    // The addresses of AWS's metadata service and of the NAT64 and 6to4 prefixes that carry an IPv4 address.
    static const uint8_t metadata[16] = {0xFD, 0x00, 0x0E, 0xC2, [14] = 0x02, [15] = 0x54};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xFF, 0x9B};
    const uint8_t *bytes = address->s6_addr;
    uint32_t v4;
    memcpy(&v4, bytes + 12, sizeof v4);
    if (IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address) || memcmp(bytes, nat64, sizeof nat64) == 0) {
        return is_near_v4(ntohl(v4));
    }
    memcpy(&v4, bytes + 2, sizeof v4);
    if (bytes[0] == 0x20 && bytes[1] == 0x02) return is_near_v4(ntohl(v4));
    return IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_UNSPECIFIED(address) || IN6_IS_ADDR_LINKLOCAL(address) ||
           IN6_IS_ADDR_SITELOCAL(address) || IN6_IS_ADDR_MULTICAST(address) || memcmp(bytes, metadata, 16) == 0;
}

int ccurl_is_near(int family, const void *address) {
    if (family == AF_INET) return is_near_v4(ntohl(((const struct in_addr *)address)->s_addr));
    if (family == AF_INET6) return is_near_v6(address);
    return 1;
}

static curl_socket_t open_far(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    const void *host = &address->addr;
    if (address->family == AF_INET) host = &((const struct sockaddr_in *)host)->sin_addr;
    if (address->family == AF_INET6) host = &((const struct sockaddr_in6 *)host)->sin6_addr;
    if (!ccurl_is_near(address->family, host)) return open_any(context, purpose, address);
    *(int *)context = 1;
    return CURL_SOCKET_BAD;
}

CURLcode ccurl_guard_sockets(CURL *easy, enum ccurl_guard guard, int *refused) {
    const curl_opensocket_callback open[] = {open_any, open_loopback, open_far};
    const CURLcode code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, refused);
    return code ? code : curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open[guard]);
}

long ccurl_status(CURL *easy) {
    long status = 0;
    return curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK ? status : 0;
}

CURLMcode ccurl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

int ccurl_next_finished(CURLM *multi, CURL **easy, CURLcode *result) {
    int left = 0;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) continue;
        *easy = message->easy_handle;
        *result = message->data.result;
        return 1;
    }
    return 0;
}

void ccurl_wipe_headers(struct curl_slist *headers) {
    for (struct curl_slist *item = headers; item != NULL; item = item->next) {
        explicit_bzero(item->data, strlen(item->data));
    }
    curl_slist_free_all(headers);
}

void ccurl_enter_thread(const char *name) {
    sigset_t signals;
    sigfillset(&signals);
    const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&signals, faults[i]);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    pthread_setname_np(pthread_self(), name);
}
