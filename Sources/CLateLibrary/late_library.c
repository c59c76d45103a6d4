#include "late_library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

// EX_OSFILE of sysexits: the machine lacks a file that the program needs.
static const int missing = 72;

const char *late_library_load(struct late_library *library) {
    if (atomic_load_explicit(&library->handle, memory_order_acquire) != NULL) return NULL;
    // The same library twice is the same handle, so two threads at once do no harm.
    void *handle = dlopen(library->name, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        static _Thread_local char sentence[512];
        const char *why = dlerror();
        snprintf(sentence, sizeof sentence, "%s cannot be loaded: %s", library->name, why ? why : "nobody knows why");
        return sentence;
    }
    atomic_store_explicit(&library->handle, handle, memory_order_release);
    return NULL;
}

void *late_library_function(struct late_library *library, const char *name) {
    const char *why = late_library_load(library);
    void *function = why == NULL ? dlsym(atomic_load_explicit(&library->handle, memory_order_acquire), name) : NULL;
    if (function == NULL) {
        dprintf(STDERR_FILENO, "rollcall: %s\n", why ? why : name);
        _exit(missing);
    }
    return function;
}
