#include "omote/socket.h"

#include <atomic>
#include <cstring>

#include <zmq.hpp>

#include "omote/error.h"

namespace omote {

namespace {

constexpr int Failures =
    ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
constexpr int Handshakes = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | Failures;

void SetOptions(zmq::socket_t& socket, std::int64_t maxMessageBytes) {
    socket.set(zmq::sockopt::rcvhwm, 8);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::handshake_ivl, 5000);
    socket.set(zmq::sockopt::heartbeat_ivl, 1000);
    socket.set(zmq::sockopt::heartbeat_timeout, 3000);
    socket.set(zmq::sockopt::reconnect_ivl, 100);
    socket.set(zmq::sockopt::reconnect_ivl_max, 2000);
    socket.set(zmq::sockopt::tcp_keepalive, 1);
    socket.set(zmq::sockopt::maxmsgsize, maxMessageBytes);
}

void ApplyKeys(zmq::socket_t& socket, const ClientKeys& keys) {
    if (!zmq_has("curve")) throw SettingsError("this libzmq was built without CURVE, which a key file needs");
    socket.set(zmq::sockopt::curve_serverkey, keys.server);
    socket.set(zmq::sockopt::curve_publickey, keys.publicKey);
    socket.set(zmq::sockopt::curve_secretkey, keys.secretKey);
}

}  // namespace

bool IsLocal(const std::string& endpoint) {
    for (const char* start : {"tcp://127.", "tcp://localhost:", "tcp://[::1]:", "ipc://", "inproc://"}) {
        if (endpoint.rfind(start, 0) == 0) return true;
    }
    return false;
}

Socket::Socket(zmq::context_t& context, int type, const std::string& endpoint, const std::optional<ClientKeys>& keys,
               std::int64_t maxMessageBytes)
    : endpoint_(endpoint), socket_(std::make_unique<zmq::socket_t>(context, type)) {
    try {
        SetOptions(*socket_, maxMessageBytes);
        if (keys) ApplyKeys(*socket_, *keys);
        Watch(context);
        socket_->connect(endpoint);
    } catch (const zmq::error_t& error) {
        if (error.num() == ETERM) throw;  // we are being stopped: nothing is wrong with the endpoint
        throw SettingsError("'" + endpoint + "' cannot be used (" + error.what() + "); wanted tcp://HOST:PORT");
    }
}

Socket::~Socket() = default;

void Socket::Watch(zmq::context_t& context) {
    static std::atomic<unsigned> count{0};
    const std::string name = "inproc://omote-handshakes-" + std::to_string(count++);
    if (zmq_socket_monitor(socket_->handle(), name.c_str(), Handshakes) != 0) throw zmq::error_t();
    handshakes_ = std::make_unique<zmq::socket_t>(context, zmq::socket_type::pair);
    handshakes_->set(zmq::sockopt::linger, 0);
    handshakes_->set(zmq::sockopt::rcvhwm, 0);  // with a limit libzmq's thread would wait for us to read them
    handshakes_->connect(name);
}

std::optional<Handshake> Socket::LastHandshake() {
    std::optional<Handshake> last;
    // An event has two parts: its number with a value, and the address.
    for (zmq::message_t part; handshakes_->recv(part, zmq::recv_flags::dontwait);) {
        if (!part.more() || part.size() < sizeof(std::uint16_t)) continue;
        std::uint16_t event = 0;
        std::memcpy(&event, part.data(), sizeof(event));
        last = event & Failures ? Handshake::Refused : Handshake::Accepted;
    }
    return last;
}

void Socket::ConnectAgain() {
    zmq_disconnect(socket_->handle(), endpoint_.c_str());  // fails where libzmq has let go of it already
    socket_->connect(endpoint_);
}

}  // namespace omote
