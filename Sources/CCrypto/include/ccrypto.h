#ifndef ROLLCALL_CCRYPTO_H
#define ROLLCALL_CCRYPTO_H

#include <stddef.h>
#include <stdint.h>

/// The state of a SHA-256 computation, a plain value: copying it forks the computation.
typedef struct {
    uint64_t opaque[16];
} ccrypto_sha256;

void ccrypto_sha256_init(ccrypto_sha256 *state);
void ccrypto_sha256_update(ccrypto_sha256 *state, const void *bytes, size_t count);
/// Writes 32 bytes and leaves `state` unusable.
void ccrypto_sha256_final(ccrypto_sha256 *state, uint8_t digest[32]);

/// HMAC-SHA256 of `bytes` under `key`, 32 bytes.
void ccrypto_hmac_sha256(const void *key, size_t key_count, const void *bytes, size_t count, uint8_t mac[32]);

/// Fills `bytes` from the system's random source. Returns 0 on success.
int ccrypto_random(void *bytes, size_t count);

#endif
