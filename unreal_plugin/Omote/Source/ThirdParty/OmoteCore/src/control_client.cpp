#include "omote/control_client.h"

#include <cmath>

#include <zmq.hpp>

#include "omote/socket.h"

namespace omote {

namespace {

constexpr int ClockExchanges = 8;
constexpr std::chrono::milliseconds Patience(2000);
constexpr std::chrono::milliseconds SlowPatience(10000);

ControlError Timeout(std::string_view method, const std::string& endpoint, bool isRefused) {
    const std::string why = isRefused ? "it refuses our handshake: give the key file that was made for this machine"
                                      : "is Omote running, and is this its control endpoint?";
    return {"timeout", "no answer to '" + std::string(method) + "' from " + endpoint + "; " + why};
}

}  // namespace

Result::Result() = default;
Result::~Result() = default;
Result::Result(Result&&) noexcept = default;
Result& Result::operator=(Result&&) noexcept = default;

ControlClient::ControlClient(std::string endpoint, std::optional<ClientKeys> keys)
    : endpoint_(std::move(endpoint)), keys_(std::move(keys)), context_(std::make_unique<zmq::context_t>()) {}

ControlClient::~ControlClient() {
    Stop();
    const std::lock_guard<std::mutex> lock(calls_);
    socket_.reset();
}

void ControlClient::Stop() { context_->shutdown(); }

std::chrono::milliseconds ControlClient::PatienceFor(std::string_view method) {
    return method == "set_character" ? SlowPatience : Patience;
}

Result ControlClient::Call(std::string_view method, const Arguments& arguments) {
    return Call(method, arguments, PatienceFor(method));
}

Result ControlClient::Call(std::string_view method, const Arguments& arguments, std::chrono::milliseconds patience) {
    const std::lock_guard<std::mutex> lock(calls_);
    const Deadline deadline = std::chrono::steady_clock::now() + patience;
    try {
        zmq::socket_t& socket = Connected().Get();
        const std::uint64_t id = ++lastId_;
        const std::string request = EncodeRequest(id, method, arguments);
        const bool isSent = socket.send(zmq::buffer(request), zmq::send_flags::dontwait).has_value();
        while (isSent && WaitUntil(deadline)) {
            if (auto result = TakeReply(id)) return std::move(*result);
        }
    } catch (const zmq::error_t& error) {
        throw ControlError("timeout", "'" + std::string(method) + "' was given up: " + error.what());
    }
    socket_.reset();  // or the request would still be sent when Omote comes, minutes later
    throw Timeout(method, endpoint_, isRefused_);
}

Socket& ControlClient::Connected() {
    if (!socket_) {
        const auto most = static_cast<std::int64_t>(MaxControlBytes);
        socket_ = std::make_unique<Socket>(*context_, ZMQ_DEALER, endpoint_, keys_, most);
    }
    return *socket_;
}

// True where something has come.
bool ControlClient::WaitUntil(Deadline deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    zmq::pollitem_t item{socket_->Get().handle(), 0, ZMQ_POLLIN, 0};
    const bool hasCome = left.count() > 0 && zmq::poll(&item, 1, left) > 0;
    if (const auto handshake = socket_->LastHandshake()) isRefused_ = *handshake == Handshake::Refused;
    return hasCome;
}

// The result, where the message that has come is the reply to this id. Late replies to requests that were given up,
// and messages that are no replies, are dropped.
std::optional<Result> ControlClient::TakeReply(std::uint64_t id) {
    Result result;
    result.message_ = std::make_unique<zmq::message_t>();
    result.document_ = std::make_unique<Document>();
    if (!socket_->Get().recv(*result.message_, zmq::recv_flags::dontwait)) return std::nullopt;
    try {
        const Reply reply = DecodeReply({result.message_->data(), result.message_->size()}, *result.document_);
        if (reply.id != id) return std::nullopt;
        if (!reply.result) throw ControlError(std::string(reply.code), std::string(reply.message));
        result.value_ = reply.result;
        return result;
    } catch (const WireError&) {
        return std::nullopt;
    }
}

ClockOffset ControlClient::MeasureClock() {
    ClockOffset best;
    std::uint64_t shortest = UINT64_MAX;
    for (int exchange = 0; exchange < ClockExchanges; ++exchange) {
        const std::uint64_t before = MonotonicNs();
        const Result result = Call("clock");
        const std::uint64_t took = MonotonicNs() - before;
        if (took >= shortest) continue;
        shortest = took;
        // Unsigned: the two clocks count from different beginnings, and the difference wraps to what is meant.
        const std::uint64_t ahead = result.Get().Uint("received") - (before + took / 2);
        best = {static_cast<std::int64_t>(ahead), took / 2 + took % 2, result.Get().Uint("session")};
    }
    return best;
}

}  // namespace omote
