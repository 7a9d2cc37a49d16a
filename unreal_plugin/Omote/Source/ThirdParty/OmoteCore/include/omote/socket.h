#pragma once

#include <memory>
#include <optional>
#include <string>

#include "omote/client_keys.h"

namespace zmq {
class context_t;
class socket_t;
}  // namespace zmq

namespace omote {

enum class Handshake { Accepted, Refused };

/// Whether the endpoint is on this machine, so that its monotonic clock is ours.
bool IsLocal(const std::string& endpoint);

/// A connected ZeroMQ socket of ours and what happens to its handshakes. Used by one thread at a time.
class Socket {
public:
    /// SettingsError where the endpoint or the keys cannot be used. `maxMessageBytes` bounds each part.
    Socket(zmq::context_t& context, int type, const std::string& endpoint, const std::optional<ClientKeys>& keys,
           std::int64_t maxMessageBytes);
    ~Socket();
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    zmq::socket_t& Get() { return *socket_; }

    /// How the last handshake ended, where one has ended since the last call.
    std::optional<Handshake> LastHandshake();

    /// Connects anew. libzmq gives up for good once a handshake was refused, and we may have been let in since.
    void ConnectAgain();

private:
    void Watch(zmq::context_t& context);

    const std::string endpoint_;
    std::unique_ptr<zmq::socket_t> socket_;
    std::unique_ptr<zmq::socket_t> handshakes_;
};

}  // namespace omote
