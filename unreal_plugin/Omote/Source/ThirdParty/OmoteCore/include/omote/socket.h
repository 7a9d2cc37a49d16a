#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "omote/client_keys.h"
#include "omote/message_buffer.h"
#include "omote/zmtp.h"

// Whether encrypted connections can be made. Always defined: Unreal takes an undefined one for an error.
#if !defined(OMOTE_WITH_LIBZMQ)
#define OMOTE_WITH_LIBZMQ 0
#endif

namespace omote {

/// Whether the endpoint is on this machine, so that its monotonic clock is ours.
bool IsLocal(const std::string& endpoint);

struct SocketSettings {
    Role role = Role::Subscriber;
    std::string endpoint;
    std::vector<std::string> topics;  // that a subscriber subscribes to
    std::optional<ClientKeys> keys;   // encrypted where there are some, which needs libzmq
    std::size_t maxPartBytes = 0;
};

/// What listens at an endpoint says first; LinkError, which says why, where it is no ZeroMQ socket or nothing listens. Waits
/// for at most three seconds.
PeerGreeting AskGreeting(const std::string& endpoint, const std::atomic<bool>& isStopped);

/// How a connection stands.
struct LinkStatus {
    bool isConnected = false;
    bool isRefused = false;  // Omote is there and does not let us in
    std::string reason;      // why there is no connection, with the cure; empty where there is one
};

/// A ZeroMQ socket of ours that connects anew for as long as it lives. Used by one thread at a time, but for `Stop`.
class Socket {
public:
    /// SettingsError where the endpoint or the keys cannot be used.
    static std::unique_ptr<Socket> Open(const SocketSettings& settings);
    virtual ~Socket() = default;

    /// The next whole message, in place of the one before; false where none has come in this time. What of a message has
    /// come is in `into`, which has to be given again.
    virtual bool Receive(MessageBuffer& into, std::chrono::milliseconds patience) = 0;

    /// Sends a message of one part; false where there is no connection.
    virtual bool Send(Bytes bytes) = 0;

    virtual LinkStatus Status() const = 0;

    /// From any thread: ends a call that waits, and all later ones at once.
    virtual void Stop() = 0;
};

}  // namespace omote
