#pragma once

#include <cstdint>

namespace omote {

/// This machine's monotonic clock in nanoseconds: the clock of Python's perf_counter_ns, with which Omote stamps.
std::uint64_t MonotonicNs();

/// How far the clock of another machine is ahead of ours, as `ControlClient::MeasureClock` found it.
struct ClockOffset {
    std::int64_t aheadNs = 0;
    std::uint64_t uncertaintyNs = 0;  // it is wrong by at most this
    std::uint64_t session = 0;        // the run of Omote for which it holds
};

}  // namespace omote
