#include "omote/socket.h"

#if OMOTE_WITH_LIBZMQ

#include <atomic>
#include <cstring>
#include <utility>

#include <zmq.h>

namespace omote {

namespace {

using Clock = std::chrono::steady_clock;
using Ms = std::chrono::milliseconds;

constexpr int Failures =
    ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
constexpr int Watched = Failures | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED;
constexpr Ms RetryAfter(2000);

constexpr const char* UnknownKey =
    "does not know this key: it was removed there, or never added; omote keys new NAME there makes a key file";
constexpr const char* Unencrypted =
    "is not encrypted, and this receiver has a key file: start it with --curve, or name no key file here";
constexpr const char* WrongServer =
    "hung up during the handshake: the key file is of another Omote, as its server key does not fit; omote keys new NAME "
    "there makes one that does";

// A SUB or DEALER socket of libzmq, for encrypted connections.
class LibzmqSocket : public Socket {
public:
    explicit LibzmqSocket(const SocketSettings& settings) : settings_(settings), context_(zmq_ctx_new()) {
        try {
            Connect();
        } catch (...) {
            Close();
            throw;
        }
    }

    ~LibzmqSocket() override { Close(); }

    bool Receive(MessageBuffer& into, Ms patience) override {
        zmq_pollitem_t items[] = {{socket_, 0, ZMQ_POLLIN, 0}, {monitor_, 0, ZMQ_POLLIN, 0}};
        const auto deadline = Clock::now() + patience;
        while (!isStopped_) {
            if (ReadParts(into)) return true;
            const auto left = std::chrono::ceil<Ms>(deadline - Clock::now());
            if (left < Ms(0) || zmq_poll(items, 2, static_cast<long>(left.count())) <= 0) break;
            ReadEvents();
            if (left == Ms(0) && !(items[0].revents & ZMQ_POLLIN)) break;
        }
        if (!isStopped_) TryAgain();
        return false;
    }

    bool Send(Bytes bytes) override { return zmq_send(socket_, bytes.data, bytes.size, ZMQ_DONTWAIT) >= 0; }

    LinkStatus Status() const override { return status_; }

    void Stop() override {
        isStopped_ = true;
        zmq_ctx_shutdown(context_);  // wakes the thread where it waits
    }

private:
    void Connect() {
        if (!zmq_has("curve")) throw SettingsError("this libzmq was built without CURVE, which a key file needs");
        socket_ = zmq_socket(context_, settings_.role == Role::Subscriber ? ZMQ_SUB : ZMQ_DEALER);
        Set(ZMQ_RCVHWM, 8);
        Set(ZMQ_LINGER, 0);
        Set(ZMQ_IMMEDIATE, 1);
        Set(ZMQ_HANDSHAKE_IVL, 5000);
        Set(ZMQ_HEARTBEAT_IVL, 1000);
        Set(ZMQ_HEARTBEAT_TIMEOUT, 3000);
        Set(ZMQ_RECONNECT_IVL, 100);
        Set(ZMQ_RECONNECT_IVL_MAX, 2000);
        Set(ZMQ_TCP_KEEPALIVE, 1);
        const auto mostBytes = static_cast<std::int64_t>(settings_.maxPartBytes);
        zmq_setsockopt(socket_, ZMQ_MAXMSGSIZE, &mostBytes, sizeof(mostBytes));
        const ClientKeys& keys = *settings_.keys;
        Set(ZMQ_CURVE_SERVERKEY, keys.server);
        Set(ZMQ_CURVE_PUBLICKEY, keys.publicKey);
        Set(ZMQ_CURVE_SECRETKEY, keys.secretKey);
        for (const std::string& topic : settings_.topics) {
            zmq_setsockopt(socket_, ZMQ_SUBSCRIBE, topic.data(), topic.size());
        }
        Watch();
        if (zmq_connect(socket_, settings_.endpoint.c_str()) != 0) Refuse();
    }

    [[noreturn]] void Refuse() const {
        throw SettingsError("'" + settings_.endpoint + "' cannot be used (" + zmq_strerror(zmq_errno()) +
                            "); wanted tcp://HOST:PORT");
    }

    void Set(int option, int value) { zmq_setsockopt(socket_, option, &value, sizeof(value)); }
    void Set(int option, const std::string& key) {
        if (zmq_setsockopt(socket_, option, key.c_str(), key.size() + 1) != 0) Refuse();
    }

    void Watch() {
        constexpr const char* name = "inproc://handshakes";  // each socket has a context of its own
        if (zmq_socket_monitor(socket_, name, Watched) != 0) Refuse();
        monitor_ = zmq_socket(context_, ZMQ_PAIR);
        const int none = 0;  // with a limit libzmq's thread would wait for us to read
        zmq_setsockopt(monitor_, ZMQ_RCVHWM, &none, sizeof(none));
        zmq_setsockopt(monitor_, ZMQ_LINGER, &none, sizeof(none));
        if (zmq_connect(monitor_, name) != 0) Refuse();
    }

    void Close() {
        if (socket_) zmq_close(socket_);
        if (monitor_) zmq_close(monitor_);
        zmq_ctx_term(context_);  // no socket is left and none lingers, so it does not wait
    }

    // The parts of a message are there together.
    bool ReadParts(MessageBuffer& into) {
        zmq_msg_t part;
        zmq_msg_init(&part);
        bool isMore = zmq_msg_recv(&part, socket_, ZMQ_DONTWAIT) >= 0;
        const bool isAny = isMore;
        if (isAny) into.Clear();
        while (isMore) {
            const std::size_t size = zmq_msg_size(&part);
            into.BeginPart(size);
            std::uint8_t* room = size > 0 ? into.Room(size) : nullptr;
            if (room) {
                std::memcpy(room, zmq_msg_data(&part), size);
                into.Filled(size);
            }
            isMore = zmq_msg_more(&part) && zmq_msg_recv(&part, socket_, 0) >= 0;
        }
        zmq_msg_close(&part);
        return isAny && !isStopped_;
    }

    // An event is its number (16 bits) with a value (32 bits), then the address as a second part.
    void ReadEvents() {
        std::uint8_t said[6];
        while (zmq_recv(monitor_, said, sizeof(said), ZMQ_DONTWAIT) == sizeof(said)) {
            std::uint16_t event = 0;
            std::uint32_t value = 0;
            std::memcpy(&event, said, sizeof(event));
            std::memcpy(&value, said + sizeof(event), sizeof(value));
            std::uint8_t address[1];
            zmq_recv(monitor_, address, sizeof(address), ZMQ_DONTWAIT);
            Heed(event, value);
        }
    }

    void Heed(int event, std::uint32_t value) {
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            status_ = {true, false, ""};
            retryAt_ = {};
            return;
        }
        const bool wasConnected = std::exchange(status_.isConnected, false);
        if (event == ZMQ_EVENT_DISCONNECTED && wasConnected) return;  // Omote has ended; libzmq tries again
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
            Note(true, UnknownKey);
        } else if (value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH) {
            Note(true, Unencrypted);
        } else {
            isUnexplained_ = isUnexplained_ || event != ZMQ_EVENT_CONNECT_RETRIED || !status_.isRefused;
            const Ms pause = event == ZMQ_EVENT_CONNECT_RETRIED ? Ms(0) : RetryAfter;
            if (retryAt_ == Clock::time_point()) retryAt_ = Clock::now() + pause;
        }
    }

    void Note(bool isRefused, const std::string& what) {
        status_ = {false, isRefused, "Omote at " + settings_.endpoint + " " + what};
        isUnexplained_ = false;
        retryAt_ = Clock::now() + RetryAfter;
    }

    // libzmq gives up for good once a handshake was refused, and we may have been let in since.
    void TryAgain() {
        if (retryAt_ == Clock::time_point() || Clock::now() < retryAt_) return;
        retryAt_ = {};
        if (isUnexplained_) Explain();
        zmq_disconnect(socket_, settings_.endpoint.c_str());  // fails where libzmq has let go of it already
        zmq_connect(socket_, settings_.endpoint.c_str());
    }

    // What libzmq does not say: whether anything listens there, and whether it is an Omote.
    void Explain() {
        isUnexplained_ = false;
        try {
            const PeerGreeting greeting = AskGreeting(settings_.endpoint, isStopped_);
            if (greeting.mechanism == "CURVE") {
                Note(true, WrongServer);
            } else {
                Note(true, Unencrypted);
            }
        } catch (const LinkError& error) {
            status_ = {false, false, error.what()};
            retryAt_ = Clock::now() + RetryAfter;
            isUnexplained_ = true;
        }
    }

    const SocketSettings settings_;
    void* const context_;
    void* socket_ = nullptr;
    void* monitor_ = nullptr;
    std::atomic<bool> isStopped_{false};
    LinkStatus status_;
    bool isUnexplained_ = false;
    Clock::time_point retryAt_{};
};

}  // namespace

std::unique_ptr<Socket> OpenLibzmqSocket(const SocketSettings& settings) {
    return std::make_unique<LibzmqSocket>(settings);
}

}  // namespace omote

#endif
