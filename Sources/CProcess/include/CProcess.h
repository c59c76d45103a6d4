#ifndef ROLLCALL_CPROCESS_H
#define ROLLCALL_CPROCESS_H

/// Closes this process's memory to every other process but root's: no core is written, nobody attaches, and what
/// /proc/PID tells of memory and environment is root's alone. Programs that it starts are as open as ever.
///
/// Says too how a crash is reported. By itself the Swift runtime takes a terminal over and waits for a key, and prints memory,
/// which may hold keys; so a crash writes its signal and the places in the code that led there to standard error, and
/// nothing of the memory. Where SWIFT_BACKTRACE is set, as in the service unit, the runtime's reporter is asked for:
/// the first thing that a crash then does is to open the memory for it, with no core to be written.
void cprocess_seal(void);

/// Whether the memory is closed (PR_GET_DUMPABLE) and no core would be written.
int cprocess_is_sealed(void);

#endif
