#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

namespace omote {

/// Hands the newest value from one thread to another without queueing.
///
/// A queue would turn a slow consumer into growing latency; a face that is
/// late is worth less than a face that is missing. Values are swapped, never
/// copied: the writer, the slot and the taker own one each, whose buffers go
/// round, so that nothing is allocated once they have grown to their size.
template <class T>
class Newest {
public:
    /// Makes `filled` the newest; it is left with what the slot held, to be filled again.
    void Put(T& filled) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            std::swap(newest_, filled);
            replaced_ += isFresh_;
            isFresh_ = true;
        }
        changed_.notify_one();
    }

    /// Swaps the newest into `into`, once; false where none came within `patience`.
    bool Take(T& into, std::chrono::milliseconds patience = {}) {
        std::unique_lock<std::mutex> lock(mutex_);
        const bool mayWait = patience.count() > 0;
        if (mayWait) changed_.wait_for(lock, patience, [this] { return isFresh_; });
        if (!isFresh_) return false;
        std::swap(newest_, into);
        isFresh_ = false;
        return true;
    }

    /// Values that a newer one replaced before anybody took them.
    std::uint64_t Replaced() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return replaced_;
    }

    /// Forgets the value and the count; the buffer stays.
    void Clear() {
        const std::lock_guard<std::mutex> lock(mutex_);
        isFresh_ = false;
        replaced_ = 0;
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    T newest_{};
    bool isFresh_ = false;
    std::uint64_t replaced_ = 0;
};

}  // namespace omote
