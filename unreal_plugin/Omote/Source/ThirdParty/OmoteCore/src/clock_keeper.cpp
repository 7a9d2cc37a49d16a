#include "omote/clock_keeper.h"

#include "omote/error.h"

namespace omote {

namespace {

constexpr std::chrono::seconds Turn(1);
constexpr std::uint64_t RenewalNs = 10'000'000'000;

}  // namespace

ClockKeeper::ClockKeeper(std::shared_ptr<ControlClient> control, std::shared_ptr<Receiver> receiver)
    : control_(std::move(control)), receiver_(std::move(receiver)) {
    if (!receiver_->HasOurClock()) thread_ = std::thread([this] { Run(); });
}

ClockKeeper::~ClockKeeper() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        isStopping_ = true;
    }
    stopped_.notify_one();
    control_->Stop();  // ends a call that waits
    if (thread_.joinable()) thread_.join();
}

void ClockKeeper::Run() {
    std::unique_lock<std::mutex> lock(mutex_);
    do {
        lock.unlock();
        if (IsDue()) Measure();
        lock.lock();
    } while (!stopped_.wait_for(lock, Turn, [this] { return isStopping_; }));
}

bool ClockKeeper::IsDue() const {
    const std::uint64_t sessions = receiver_->Report().sessions;
    return sessions > 0 && (sessions != sessions_ || MonotonicNs() - measuredNs_ > RenewalNs);
}

void ClockKeeper::Measure() {
    const std::uint64_t sessions = receiver_->Report().sessions;
    try {
        receiver_->SetClock(control_->MeasureClock());
    } catch (const Error&) {
        return;  // Omote does not answer: ages stay unknown, as the report says, and the next turn tries again
    }
    sessions_ = sessions;
    measuredNs_ = MonotonicNs();
}

}  // namespace omote
