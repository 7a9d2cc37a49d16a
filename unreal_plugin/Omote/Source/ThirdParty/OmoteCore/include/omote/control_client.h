#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "omote/client_keys.h"
#include "omote/clock.h"
#include "omote/control_message.h"
#include "omote/socket.h"

namespace omote {

/// The result of a request, with the message that it is a view of.
class Result {
public:
    const Value& Get() const { return *value_; }

private:
    friend class ControlClient;
    std::unique_ptr<MessageBuffer> message_;
    std::unique_ptr<Document> document_;
    std::optional<Value> value_;
};

/// Asks Omote for things, one request after the other; any thread may call, and waits for its answer.
class ControlClient {
public:
    /// Opens nothing; the first call connects.
    explicit ControlClient(std::string endpoint = "tcp://127.0.0.1:5558", std::optional<ClientKeys> keys = {});
    ~ControlClient() { Stop(); }
    ControlClient(const ControlClient&) = delete;
    ControlClient& operator=(const ControlClient&) = delete;

    /// How long a method may take: 10 s for set_character, 2 s for all others.
    static std::chrono::milliseconds PatienceFor(std::string_view method);

    /// The result; ControlError where Omote says no or does not answer in time, SettingsError where the endpoint or
    /// the keys cannot be used.
    Result Call(std::string_view method, const Arguments& arguments, std::chrono::milliseconds patience);
    Result Call(std::string_view method, const Arguments& arguments = {});

    /// How far Omote's monotonic clock is ahead of ours: the best of eight exchanges. Error as `Call`, or where
    /// the answer tells no time.
    ClockOffset MeasureClock();

    /// Ends the call that waits, which fails, and all later ones. For the end of a game.
    void Stop();

private:
    using Deadline = std::chrono::steady_clock::time_point;

    Socket& Opened();
    bool IsStopped();
    bool Send(Socket& socket, const std::string& request, Deadline deadline);
    std::optional<Result> TakeReply(std::uint64_t id, Deadline deadline);

    const std::string endpoint_;
    const std::optional<ClientKeys> keys_;
    std::mutex calls_;  // of the two below
    Result reply_;      // of which a part may have come
    std::uint64_t lastId_ = 0;
    std::mutex life_;   // of the socket's beginning and end, and of what follows
    std::unique_ptr<Socket> socket_;
    bool isStopped_ = false;
};

}  // namespace omote
