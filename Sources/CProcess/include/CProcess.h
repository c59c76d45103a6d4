#ifndef ROLLCALL_CPROCESS_H
#define ROLLCALL_CPROCESS_H

/// Closes this process's memory to every other process but root's: no core is written, nobody attaches, and what
/// /proc/PID tells of memory and environment is root's alone. Programs that it starts are as open as ever.
///
/// Where a crash reporter is installed it can still read a process that is crashing: the first thing that happens then is
/// that the memory is opened again, with no core to be written.
void cprocess_seal(void);

/// Whether the memory is closed (PR_GET_DUMPABLE) and no core would be written.
int cprocess_is_sealed(void);

#endif
