#include "omote/reception.h"

#include <algorithm>
#include <cmath>

namespace omote {

namespace {

constexpr std::uint64_t StaleNs = 500'000'000;
constexpr std::uint64_t FpsWindowNs = 2'000'000'000;

bool IsLive(char kind) { return kind == 'v' || kind == 'p'; }

double Percentile(std::vector<std::int64_t>& values, double share) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return static_cast<double>(*at) / 1e6;
}

}  // namespace

const char* StateWord(State state) {
    constexpr const char* words[] = {"stopped", "connecting", "refused", "live", "stale"};
    return words[static_cast<int>(state)];
}

std::string Describe(const Statistics& report) {
    std::string age;
    if (report.isAgeKnown) age = ", " + std::to_string(std::lround(report.ageP50Ms)) + " ms old";
    return StateWord(report.state) + (", " + std::to_string(std::lround(report.fps))) + " fps" + age + ", " +
           std::to_string(report.missed) + " lost";
}

void Reception::Start() {
    const std::lock_guard<std::mutex> lock(mutex_);
    counted_ = {};
    session_.reset();
    next_.clear();
    arrivalCount_ = 0;
    link_ = {};
    isRunning_ = true;
}

void Reception::Stop() {
    const std::lock_guard<std::mutex> lock(mutex_);
    isRunning_ = false;
}

void Reception::Accept(const Envelope& envelope, std::uint64_t nowNs) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (session_ != envelope.header.session) {
        session_ = envelope.header.session;
        next_.clear();
        ++counted_.sessions;
    }
    if (!IsLive(envelope.topic.kind)) return;
    CountGap(envelope);
    ++counted_.received;
    const auto age = SinceLocked(envelope.header, envelope.header.capturedNs, nowNs);
    const auto transit = SinceLocked(envelope.header, envelope.header.sentNs, nowNs);
    arrivals_[arrivalCount_++ % arrivals_.size()] = {nowNs, age, transit};
}

void Reception::CountGap(const Envelope& envelope) {
    const std::uint64_t sequence = envelope.header.sequence;
    std::uint64_t& next = next_.try_emplace(envelope.topic.kind, sequence).first->second;
    if (sequence > next) counted_.missed += sequence - next;
    next = sequence + 1;
}

void Reception::Skip() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++counted_.skipped;
}

void Reception::Reject(const std::string& reason) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++counted_.rejected;
    counted_.lastError = reason;
}

void Reception::SetLink(const LinkStatus& link) {
    const std::lock_guard<std::mutex> lock(mutex_);
    link_ = link;
}

void Reception::SetClock(const ClockOffset& clock) {
    const std::lock_guard<std::mutex> lock(mutex_);
    clock_ = clock;
}

std::optional<std::int64_t> Reception::Since(const Header& header, std::uint64_t thenNs, std::uint64_t nowNs) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return SinceLocked(header, thenNs, nowNs);
}

std::optional<std::int64_t> Reception::SinceLocked(const Header& header, std::uint64_t thenNs,
                                                   std::uint64_t nowNs) const {
    // Unsigned, for hostile times may be anything; the difference wraps to what is meant.
    if (isLocal_) return static_cast<std::int64_t>(nowNs - thenNs);
    if (!clock_ || clock_->session != header.session) return std::nullopt;
    return static_cast<std::int64_t>(nowNs + static_cast<std::uint64_t>(clock_->aheadNs) - thenNs);
}

Statistics Reception::Report(std::uint64_t nowNs) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    Statistics report = counted_;
    report.state = StateAt(nowNs);
    report.fps = FpsAt(nowNs);
    report.isAgeKnown = Percentiles(&Arrival::ageNs, report.ageP50Ms, report.ageP99Ms);
    Percentiles(&Arrival::transitNs, report.transitP50Ms, report.transitP99Ms);
    if (!link_.isConnected && !link_.reason.empty()) report.lastError = link_.reason;
    return report;
}

State Reception::StateAt(std::uint64_t nowNs) const {
    if (!isRunning_) return State::Stopped;
    if (link_.isRefused) return State::Refused;
    if (arrivalCount_ == 0) return State::Connecting;
    const std::uint64_t last = arrivals_[(arrivalCount_ - 1) % arrivals_.size()].atNs;
    return nowNs > last && nowNs - last > StaleNs ? State::Stale : State::Live;
}

double Reception::FpsAt(std::uint64_t nowNs) const {
    const std::size_t count = std::min(arrivalCount_, arrivals_.size());
    std::uint64_t earliest = UINT64_MAX, latest = 0, within = 0;
    for (std::size_t index = 0; index < count; ++index) {
        const std::uint64_t at = arrivals_[index].atNs;
        if (at + FpsWindowNs < nowNs) continue;
        earliest = std::min(earliest, at);
        latest = std::max(latest, at);
        ++within;
    }
    if (within < 2 || latest == earliest) return 0;
    return static_cast<double>(within - 1) * 1e9 / static_cast<double>(latest - earliest);
}

bool Reception::Percentiles(std::optional<std::int64_t> Arrival::*figure, double& p50Ms, double& p99Ms) const {
    const std::size_t count = std::min(arrivalCount_, arrivals_.size());
    std::vector<std::int64_t> values;
    values.reserve(count);
    for (std::size_t index = 0; index < count; ++index) {
        if (arrivals_[index].*figure) values.push_back(*(arrivals_[index].*figure));
    }
    if (values.empty()) return false;
    p50Ms = Percentile(values, 0.50);
    p99Ms = Percentile(values, 0.99);
    return true;
}

}  // namespace omote
