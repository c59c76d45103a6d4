/* Tells the thread sanitizer what Swift's Mutex does when it has to wait. Its quick path is compiled into our code and seen; the
 * slow one lies in libswiftSynchronization, which is not instrumented, so that what a contended mutex guards would be reported
 * as a race. Loaded with LD_PRELOAD by Resources/scripts/sanitize. Hides nothing: only who held this mutex before is told. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *

/* The sanitizer's own; absent in programs that are built without it. */
extern void __tsan_acquire(void *) __attribute__((weak));
extern void __tsan_release(void *) __attribute__((weak));

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void lock(uint32_t thread, SELF self) __asm__(LOCK);
SWIFT bool try_lock(SELF self) __asm__(TRY_LOCK);
SWIFT void unlock(SELF self) __asm__(UNLOCK);

SWIFT void lock(uint32_t thread, SELF self) {
    static SWIFT void (*next)(uint32_t, SELF);
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, LOCK);
    next(thread, self);
    if (__tsan_acquire) __tsan_acquire(self);
}

SWIFT bool try_lock(SELF self) {
    static SWIFT bool (*next)(SELF);
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, TRY_LOCK);
    bool taken = next(self);
    if (taken && __tsan_acquire) __tsan_acquire(self);
    return taken;
}

SWIFT void unlock(SELF self) {
    static SWIFT void (*next)(SELF);
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, UNLOCK);
    if (__tsan_release) __tsan_release(self);
    next(self);
}
