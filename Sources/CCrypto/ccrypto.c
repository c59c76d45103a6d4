// The low-level SHA-256 interface is deprecated in OpenSSL 3 in favour of EVP, whose contexts live on the heap. A state
// that is a plain value lets a message id be derived from a shared prefix without hashing the prefix again.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "ccrypto.h"

#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/random.h>

#include "late_library.h"

static struct late_library libcrypto = {.name = "libcrypto.so.3"};

LATE_FUNCTION(libcrypto, int, SHA256_Init, (SHA256_CTX * state), (state))
LATE_FUNCTION(libcrypto, int, SHA256_Update, (SHA256_CTX * state, const void *bytes, size_t count), (state, bytes, count))
LATE_FUNCTION(libcrypto, int, SHA256_Final, (unsigned char *digest, SHA256_CTX *state), (digest, state))
LATE_FUNCTION(libcrypto, const EVP_MD *, EVP_sha256, (void), ())
LATE_FUNCTION(libcrypto, unsigned char *, HMAC,
              (const EVP_MD *method, const void *key, int key_count, const unsigned char *bytes, size_t count,
               unsigned char *mac, unsigned int *length),
              (method, key, key_count, bytes, count, mac, length))

_Static_assert(sizeof(SHA256_CTX) <= sizeof(ccrypto_sha256), "SHA256_CTX does not fit");

void ccrypto_sha256_init(ccrypto_sha256 *state) { SHA256_Init((SHA256_CTX *)state); }

void ccrypto_sha256_update(ccrypto_sha256 *state, const void *bytes, size_t count) {
    SHA256_Update((SHA256_CTX *)state, bytes, count);
}

void ccrypto_sha256_final(ccrypto_sha256 *state, uint8_t digest[32]) { SHA256_Final(digest, (SHA256_CTX *)state); }

void ccrypto_hmac_sha256(const void *key, size_t key_count, const void *bytes, size_t count, uint8_t mac[32]) {
    unsigned int length = 32;
    HMAC(EVP_sha256(), key, (int)key_count, bytes, count, mac, &length);
}

int ccrypto_random(void *bytes, size_t count) {
    uint8_t *next = bytes;
    while (count > 0) {
        ssize_t got = getrandom(next, count, 0);
        if (got < 0) return -1;
        next += got;
        count -= (size_t)got;
    }
    return 0;
}
