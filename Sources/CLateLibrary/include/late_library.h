#ifndef ROLLCALL_LATE_LIBRARY_H
#define ROLLCALL_LATE_LIBRARY_H

#include <stdatomic.h>
#include <stddef.h>

// libcurl and libpq bring thirty libraries of their own, which take longer to load than all else that a command does
// before it answers, and libcrypto alone as long as a terminal takes to open. They are loaded by whoever calls the first
// of their functions.

/// A shared library of the system that is not loaded before it is needed.
struct late_library {
    /// The name that the dynamic loader knows it by, with the version of its interface: `libpq.so.5`.
    const char *name;
    _Atomic(void *) handle;
};

/// Loads it, from any thread, once. Returns NULL, or one sentence saying why it cannot be had, valid until the thread asks again.
const char *late_library_load(struct late_library *library);

/// The address of one of its functions. Without the library or the function the process ends with a sentence: who calls
/// this has asked ``late_library_load`` before.
void *late_library_function(struct late_library *library, const char *name);

/// Defines a function as the library has it, declared by its own header.
#define LATE_FUNCTION(library, result, name, parameters, arguments)                              \
    result name parameters {                                                                     \
        static _Atomic(void *) address;                                                          \
        void *known = atomic_load_explicit(&address, memory_order_acquire);                      \
        if (known == NULL) {                                                                     \
            known = late_library_function(&library, #name);                                      \
            atomic_store_explicit(&address, known, memory_order_release);                        \
        }                                                                                        \
        return ((result(*) parameters)known)arguments;                                           \
    }

#endif
