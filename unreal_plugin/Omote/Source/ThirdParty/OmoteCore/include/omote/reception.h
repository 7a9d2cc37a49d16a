#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "omote/clock.h"
#include "omote/envelope.h"
#include "omote/socket.h"

namespace omote {

enum class State {
    Stopped,
    Connecting,  // nothing has come yet
    Refused,     // Omote does not let us in: a wrong key, or none
    Live,
    Stale,       // half a second without a picture or params: what is on the screen is no longer live
};

/// The state in a word, for people.
const char* StateWord(State state);

/// What has arrived so far.
struct Statistics {
    State state = State::Stopped;
    double fps = 0;  // pictures or params a second, of the last two
    bool isAgeKnown = false;  // the sender's clock is ours, or has been measured
    double ageP50Ms = 0;      // from captured to arrived; of the last 256
    double ageP99Ms = 0;
    double transitP50Ms = 0;  // from sent to arrived
    double transitP99Ms = 0;
    std::uint64_t received = 0;  // pictures and params
    std::uint64_t missed = 0;    // sequence numbers that never came
    std::uint64_t skipped = 0;   // arrived, and were replaced by newer ones before anybody took them
    std::uint64_t rejected = 0;  // messages that are none of our wire
    std::uint64_t sessions = 0;  // runs of the sender that were seen
    std::string lastError;       // why there is no connection, or else of the last message that was rejected
};

/// The report in a line, for people: "live, 60 fps, 21 ms old, 0 lost".
std::string Describe(const Statistics& report);

/// Counts what a receiver hears. Any thread may ask.
class Reception {
public:
    /// `isLocal`: the sender runs on this machine, so its monotonic clock is ours.
    explicit Reception(bool isLocal) : isLocal_(isLocal) {}

    void Start();
    void Stop();
    void Accept(const Envelope& envelope, std::uint64_t nowNs);
    void Skip();
    void Reject(const std::string& reason);
    void SetLink(const LinkStatus& link);
    void SetClock(const ClockOffset& clock);
    Statistics Report(std::uint64_t nowNs) const;

    /// Nanoseconds between one of the sender's times and one of ours; nothing where the clocks have not met.
    std::optional<std::int64_t> Since(const Header& header, std::uint64_t thenNs, std::uint64_t nowNs) const;

private:
    struct Arrival {
        std::uint64_t atNs;
        std::optional<std::int64_t> ageNs;
        std::optional<std::int64_t> transitNs;
    };

    std::optional<std::int64_t> SinceLocked(const Header& header, std::uint64_t thenNs, std::uint64_t nowNs) const;
    void CountGap(const Envelope& envelope);
    State StateAt(std::uint64_t nowNs) const;
    double FpsAt(std::uint64_t nowNs) const;
    bool Percentiles(std::optional<std::int64_t> Arrival::*figure, double& p50Ms, double& p99Ms) const;

    const bool isLocal_;
    mutable std::mutex mutex_;
    Statistics counted_;
    bool isRunning_ = false;
    LinkStatus link_;
    std::optional<std::uint64_t> session_;
    std::map<char, std::uint64_t> next_;  // the sequence that is wanted, of each kind of topic
    std::optional<ClockOffset> clock_;
    std::array<Arrival, 256> arrivals_{};  // of pictures and params, a ring
    std::size_t arrivalCount_ = 0;
};

}  // namespace omote
