#include "omote/control_client.h"

#include <algorithm>

namespace omote {

namespace {

constexpr int ClockExchanges = 8;
constexpr std::chrono::milliseconds Patience(2000);
constexpr std::chrono::milliseconds SlowPatience(10000);
constexpr std::chrono::milliseconds ConnectTurn(20);

ControlError Timeout(std::string_view method, const std::string& endpoint, const LinkStatus& link) {
    const std::string why = link.isConnected || link.reason.empty() ? "is this its control endpoint?" : link.reason;
    return {"timeout", "no answer to '" + std::string(method) + "' from " + endpoint + "; " + why};
}

}  // namespace

ControlClient::ControlClient(std::string endpoint, std::optional<ClientKeys> keys)
    : endpoint_(std::move(endpoint)), keys_(std::move(keys)) {}

void ControlClient::Stop() {
    const std::lock_guard<std::mutex> lock(life_);
    isStopped_ = true;
    if (socket_) socket_->Stop();
}

std::chrono::milliseconds ControlClient::PatienceFor(std::string_view method) {
    return method == "set_character" ? SlowPatience : Patience;
}

Result ControlClient::Call(std::string_view method, const Arguments& arguments) {
    return Call(method, arguments, PatienceFor(method));
}

Result ControlClient::Call(std::string_view method, const Arguments& arguments, std::chrono::milliseconds patience) {
    const std::lock_guard<std::mutex> lock(calls_);
    const Deadline deadline = std::chrono::steady_clock::now() + patience;
    Socket& socket = Opened();
    const std::uint64_t id = ++lastId_;
    bool isWaiting = Send(socket, EncodeRequest(id, method, arguments), deadline);
    while (isWaiting) {
        if (auto result = TakeReply(id, deadline)) return std::move(*result);
        isWaiting = socket.Status().isConnected && std::chrono::steady_clock::now() < deadline && !IsStopped();
    }
    if (IsStopped()) {
        throw ControlError("timeout", "'" + std::string(method) + "' was given up: the client was stopped");
    }
    throw Timeout(method, endpoint_, socket.Status());
}

bool ControlClient::IsStopped() {
    const std::lock_guard<std::mutex> lock(life_);
    return isStopped_;
}

Socket& ControlClient::Opened() {
    const std::lock_guard<std::mutex> lock(life_);
    if (!socket_) {
        SocketSettings settings;
        settings.role = Role::Dealer;
        settings.endpoint = endpoint_;
        settings.keys = keys_;
        settings.maxPartBytes = MaxControlBytes;
        socket_ = Socket::Open(settings);
        if (isStopped_) socket_->Stop();
    }
    return *socket_;
}

// False where there is no connection in time. What comes meanwhile answers requests that were given up.
bool ControlClient::Send(Socket& socket, const std::string& request, Deadline deadline) {
    while (!socket.Send(Bytes(request))) {
        if (std::chrono::steady_clock::now() >= deadline || IsStopped()) return false;
        TakeReply(0, std::min(deadline, std::chrono::steady_clock::now() + ConnectTurn));
    }
    return true;
}

// The result, where the next message that comes is the reply to this id. Late replies to requests that were given up,
// and messages that are no replies, are dropped.
std::optional<Result> ControlClient::TakeReply(std::uint64_t id, Deadline deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (!reply_.message_) {
        reply_.message_ = std::make_unique<MessageBuffer>(std::initializer_list<std::size_t>{MaxControlBytes});
    }
    if (!socket_->Receive(*reply_.message_, std::max(left, std::chrono::milliseconds(0)))) return std::nullopt;
    if (reply_.message_->Count() != 1) return std::nullopt;
    try {
        if (!reply_.document_) reply_.document_ = std::make_unique<Document>();
        const Reply reply = DecodeReply(reply_.message_->Part(0), *reply_.document_);
        if (reply.id != id) return std::nullopt;
        if (!reply.result) throw ControlError(std::string(reply.code), std::string(reply.message));
        reply_.value_ = reply.result;
        return std::move(reply_);
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
