#include "omote/clock.h"

#if defined(__APPLE__)
#include <mach/mach_time.h>
#elif defined(_WIN32)
#include <chrono>
#else
#include <time.h>
#endif

namespace omote {

#if defined(__APPLE__)

std::uint64_t MonotonicNs() {
    static const mach_timebase_info_data_t scale = [] {
        mach_timebase_info_data_t found;
        mach_timebase_info(&found);
        return found;
    }();
    const std::uint64_t ticks = mach_absolute_time();
    // In two steps: ticks * numer overflows after some days of running.
    return ticks / scale.denom * scale.numer + ticks % scale.denom * scale.numer / scale.denom;
}

#elif defined(_WIN32)

// MSVC's steady_clock is QueryPerformanceCounter in nanoseconds, and needs no windows.h, whose macros Unreal dislikes.
std::uint64_t MonotonicNs() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

#else

std::uint64_t MonotonicNs() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

#endif

}  // namespace omote
