#ifndef ROLLCALL_CFILES_H
#define ROLLCALL_CFILES_H

/// Exchanges two files in one step (renameat2(2) with RENAME_EXCHANGE), which glibc shows only to those who ask for
/// its extensions. 0, or -1 with errno.
int cfiles_exchange(const char *one, const char *other);

/// Asks for a read lease on an open file (fcntl(2), F_SETLEASE): it is granted only while nobody has the file open for
/// writing. 0, or -1 with errno; the lease ends with the descriptor.
int cfiles_lease(int descriptor);

#endif
