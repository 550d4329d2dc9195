// Socket activation, as systemd and others do it (sd_listen_fds(3)): whoever starts the server
// opens the listening socket and keeps it, so that a restart refuses no connection: those that come
// meanwhile wait in the socket's queue.
#pragma once

namespace madang::app {

/// The descriptor named by LISTEN_PID and LISTEN_FDS, which are taken out of the environment; -1
/// when they are not meant for this process. Throws std::runtime_error when it is given several.
/// Call once, before threads are started.
int inherited_socket();

}  // namespace madang::app
