/* Answers look-ups of moving.test with the address that the file MOVING_NAME holds at that moment. Loaded with LD_PRELOAD; the
 * tests compile it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    static int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    char address[64] = "";
    const char *path = getenv("MOVING_NAME");
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!node || !path || strcmp(node, "moving.test") != 0) return next(node, service, hints, result);
    FILE *file = fopen(path, "re");
    if (!file) return EAI_AGAIN;
    if (!fgets(address, sizeof address, file)) address[0] = 0;
    fclose(file);
    return next(address, service, hints, result);
}
