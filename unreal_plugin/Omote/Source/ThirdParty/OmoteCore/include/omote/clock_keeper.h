#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "omote/control_client.h"
#include "omote/receiver.h"

namespace omote {

/// Measures another machine's clock while it lives, every ten seconds and whenever Omote has been started anew, so that
/// the receiver knows how old its pictures are. For a receiver on Omote's own machine it does nothing.
class ClockKeeper {
public:
    /// Uses both in a thread of its own until it is destroyed; then it stops the control client.
    ClockKeeper(std::shared_ptr<ControlClient> control, std::shared_ptr<Receiver> receiver);
    ~ClockKeeper();
    ClockKeeper(const ClockKeeper&) = delete;
    ClockKeeper& operator=(const ClockKeeper&) = delete;

private:
    void Run();
    void Measure();
    bool IsDue() const;

    const std::shared_ptr<ControlClient> control_;
    const std::shared_ptr<Receiver> receiver_;
    std::mutex mutex_;
    std::condition_variable stopped_;
    bool isStopping_ = false;
    std::uint64_t measuredNs_ = 0;
    std::uint64_t sessions_ = 0;  // that the receiver had met when it was measured last
    std::thread thread_;
};

}  // namespace omote
