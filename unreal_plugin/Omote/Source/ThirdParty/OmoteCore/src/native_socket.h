#pragma once

// The few calls in which the sockets of Windows differ from those of other systems.

#if defined(_WIN32)
#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN
#endif
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#endif

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace omote {

constexpr int NoSocket = -1;

#if defined(_WIN32)

using Native = SOCKET;
using PollItem = WSAPOLLFD;

inline void StartSockets() {
    static const int started = [] {
        WSADATA data;
        return WSAStartup(MAKEWORD(2, 2), &data);
    }();
    static_cast<void>(started);
}

inline int LastCode() { return WSAGetLastError(); }
inline bool IsLater(int code) { return code == WSAEWOULDBLOCK || code == WSAEINPROGRESS || code == WSAEINTR; }
inline int PollOne(PollItem& item, int patienceMs) { return WSAPoll(&item, 1, patienceMs); }
inline void CloseNative(Native socket) { closesocket(socket); }
inline bool SetNonBlocking(Native socket) {
    u_long isOn = 1;
    return ioctlsocket(socket, FIONBIO, &isOn) == 0;
}
constexpr int SendFlags = 0;

#else

using Native = int;
using PollItem = pollfd;

inline void StartSockets() {}
inline int LastCode() { return errno; }
inline bool IsLater(int code) { return code == EAGAIN || code == EWOULDBLOCK || code == EINPROGRESS || code == EINTR; }
inline int PollOne(PollItem& item, int patienceMs) { return poll(&item, 1, patienceMs); }
inline void CloseNative(Native socket) { close(socket); }
inline bool SetNonBlocking(Native socket) { return fcntl(socket, F_SETFL, fcntl(socket, F_GETFL, 0) | O_NONBLOCK) == 0; }
#if defined(MSG_NOSIGNAL)
constexpr int SendFlags = MSG_NOSIGNAL;
#else
constexpr int SendFlags = 0;  // macOS has SO_NOSIGPIPE
#endif

#endif

inline bool IsReady(std::intptr_t socket, short wanted, std::chrono::milliseconds patience) {
    PollItem item{};
    item.fd = static_cast<Native>(socket);
    item.events = wanted;
    return PollOne(item, static_cast<int>(std::max<std::int64_t>(0, patience.count()))) > 0;
}

}  // namespace omote
